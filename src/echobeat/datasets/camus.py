"""CAMUS: apical four-chamber images at end-diastole and end-systole with experts' masks.

S. Leclerc et al., "Deep Learning for Segmentation using an Open Large-Scale Dataset in 2D Echocardiography",
IEEE TMI 38(9), 2019, doi:10.1109/TMI.2019.2900516. The data are under CC BY-NC-SA 4.0, and so are weights
trained on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
from numpy.typing import NDArray

from echobeat.errors import UnreadableFile
from echobeat.records import Spacing

LV_CAVITY = 1
"""Among the labels: 0 background, 1 LV cavity, 2 myocardium, 3 left atrium."""


@dataclass(frozen=True)
class CamusImage:
    """One labelled image.

    Attributes
    ----------
    patient : str
        ``patient0001``.
    instant : "ED" or "ES"
    image : ndarray
        (height, width), uint8, 0-255, the sector's apex on top.
    labels : ndarray
        (height, width), uint8: 0 background, 1 LV cavity, 2 myocardium, 3 left atrium.
    spacing_mm : (row, column)
    """

    patient: str
    instant: Literal["ED", "ES"]
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    spacing_mm: Spacing


def read_camus(root: Path, split: str) -> Iterator[CamusImage]:
    """Yield the A4C images of one split, patient by patient, ED before ES.

    Parameters
    ----------
    root : Path
        Folder with ``<split>/patientXXXX/patientXXXX_4CH_ED.nii.gz`` and so on.
    split : str
        ``train``, ``valid``, ``calibration``...

    Raises
    ------
    UnreadableFile
        The split is missing or holds no patient, or an image or its mask cannot be read.
    """
    folders = sorted((root / split).glob("patient*"))
    if not folders:
        raise UnreadableFile(str(root / split), "there are no patients in it", "Give the folder that holds the splits")
    for folder in folders:
        for instant in ("ED", "ES"):
            path = folder / f"{folder.name}_4CH_{instant}.nii.gz"
            image, spacing = read_image(path)
            labels, _ = read_image(path.with_name(path.name.replace(".nii.gz", "_gt.nii.gz")))
            if image.shape != labels.shape:
                raise UnreadableFile(str(path), "its mask has another size", "Restore both from the data set")
            yield CamusImage(folder.name, instant, image, labels, spacing)


def read_image(path: Path) -> tuple[NDArray[np.uint8], Spacing]:
    """Read an image, or an image of labels, in NIfTI, which stores (x, y).

    Returns
    -------
    pixels : ndarray
        (rows, columns), uint8.
    spacing_mm : (row, column)

    Raises
    ------
    UnreadableFile
    """
    try:
        volume = nibabel.nifti1.Nifti1Image.from_filename(path)
        pixels = np.ascontiguousarray(np.asarray(volume.dataobj).T.squeeze())
        columns_mm, rows_mm = volume.header["pixdim"][1:3]
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise UnreadableFile(str(path), f"it cannot be read ({error})", "Restore it from the data set") from error
    return pixels.astype(np.uint8), (float(rows_mm), float(columns_mm))
