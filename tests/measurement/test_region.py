"""One connected region without holes, wherever it lies."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from echobeat.measurement import clean_mask
from echobeat.measurement.region import find_region


@settings(max_examples=60)
@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_a_cleaned_mask_is_one_region_without_holes_and_contains_the_largest(mask):
    """What is left of any mask is the largest region of the mask and its holes, nothing else."""
    cleaned = clean_mask(mask)
    assert cleaned.shape == mask.shape
    labels, count = ndimage.label(mask)
    if count == 0:
        assert not cleaned.any()
        return
    assert ndimage.label(cleaned)[1] == 1
    assert np.array_equal(ndimage.binary_fill_holes(cleaned), cleaned)
    largest = np.bincount(labels.ravel())[1:].max()
    kept = labels[cleaned & mask]
    assert np.count_nonzero(kept == np.bincount(kept).argmax()) == largest


def test_cleaning_twice_changes_nothing_and_leaves_the_input_alone():
    """Cleaning is idempotent and does not write into its argument."""
    mask = np.zeros((60, 50), bool)
    mask[10:40, 10:30] = True
    mask[20:24, 15:20] = False
    mask[50:55, 40:45] = True
    before = mask.copy()
    cleaned = clean_mask(mask)
    assert np.array_equal(mask, before)
    assert cleaned.sum() == 30 * 20
    assert np.array_equal(clean_mask(cleaned), cleaned)


def test_a_region_of_a_huge_frame_is_averaged_down_with_its_area_kept():
    """A ventricle of a thousand pixels is measured on at most 192 samples a side; its area in pixels is exact."""
    mask = np.zeros((2000, 1500), bool)
    mask[300:1400, 400:900] = True
    region = find_region(mask)
    assert max(region.coverage.shape) <= 192
    assert region.area_px == 1100 * 500
    covered = region.coverage.sum() * region.step_px[0] * region.step_px[1]
    assert abs(covered - region.area_px) < 1e-3 * region.area_px


def test_a_few_stray_pixels_are_no_ventricle():
    """Fewer than a dozen connected pixels are not measured."""
    mask = np.zeros((112, 112), bool)
    mask[5:8, 5:8] = True
    mask[40:43, 40:43] = True
    assert find_region(mask) is None


def test_regions_that_touch_at_a_corner_are_two():
    """A leak that hangs on by a pixel's corner is not part of the ventricle."""
    mask = np.zeros((40, 40), bool)
    mask[5:20, 5:20] = True
    mask[20:28, 20:28] = True
    assert clean_mask(mask).sum() == 15 * 15
