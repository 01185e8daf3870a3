"""Every code that a result's warnings may carry: what it means, and what to do. The docs are made from this table."""

from __future__ import annotations

from dataclasses import dataclass

from echobeat.records import ClipWarning


@dataclass(frozen=True)
class CodeInfo:
    """One code.

    Attributes
    ----------
    refusal : True where the product will not give an EF for such a clip.
    message : one sentence; names in braces are filled in by `warn`. Codes of the readers of files bring
        sentences of their own.
    remedy : what to do about it, or how to read the result.
    """

    refusal: bool
    message: str
    remedy: str


CODES: dict[str, CodeInfo] = {
    # --- refusals: the images ---
    "still_image": CodeInfo(
        True, "This is a still image: nothing moves.", "Send the loop, at least one heartbeat long, not a snapshot."
    ),
    "frozen": CodeInfo(
        True,
        "The picture stands still for {share:.0%} of the clip.",
        "Export the running loop; a frozen screen shows no heartbeat.",
    ),
    "frames_out_of_order": CodeInfo(
        True,
        "The frames come in no order: neighbours differ nearly as much ({share:.0%}) as any two frames do.",
        "Export the loop again; what was analysed is no running heart.",
    ),
    "blank": CodeInfo(True, "The frames are of one grey.", "Check the export; nothing can be seen."),
    "colour_doppler": CodeInfo(
        True,
        "{share:.0%} of the moving picture is coloured: colour Doppler covers the ventricle.",
        "Send the grey-scale loop of the same view.",
    ),
    "not_ultrasound": CodeInfo(
        True, "The images do not look like ultrasound: {reason}.", "Check that the right file was chosen."
    ),
    "too_short": CodeInfo(
        True,
        "The clip lasts {duration:.2f} s, which is shorter than any contraction of a heart.",
        "Send a loop of at least one whole heartbeat.",
    ),
    "frame_rate_too_low": CodeInfo(
        True,
        "At {fps:.1f} frames a second a heartbeat cannot be followed.",
        "Export the loop at its full frame rate; give it with --fps if the file has it wrong.",
    ),
    # --- refusals: the view ---
    "other_view": CodeInfo(
        True,
        "This is not an apical four-chamber view (belief in one: {belief:.2f}).",
        "Send an apical four-chamber loop; parasternal, two-chamber, long-axis and subcostal views are not read.",
    ),
    "contrast": CodeInfo(
        True,
        "The ventricle is filled with contrast agent: it is brighter than its wall (belief otherwise: {belief:.2f}).",
        "Send a loop without contrast agent.",
    ),
    "split_screen": CodeInfo(
        True,
        "The screen shows two pictures side by side (belief otherwise: {belief:.2f}).",
        "Export the loop alone, or crop the video to one picture.",
    ),
    # --- refusals: the ventricle ---
    "no_left_ventricle": CodeInfo(
        True,
        "A left ventricle is seen in only {share:.0%} of the frames.",
        "Send an apical four-chamber loop with the apex on top; other views are not read.",
    ),
    "low_confidence": CodeInfo(
        True,
        "The contour is too uncertain (confidence {confidence:.2f}).",
        "Send a clearer apical four-chamber loop; other views and very poor images are not read.",
    ),
    "less_than_half_cycle": CodeInfo(
        True,
        "No end-diastole with its end-systole was found: the clip shows less than half a heartbeat, or none.",
        "Send a loop of at least one whole heartbeat.",
    ),
    "no_usable_beat": CodeInfo(
        True, "Every beat that was seen whole is premature or follows a premature one.", "Send a longer loop."
    ),
    "low_quality": CodeInfo(
        True,
        "Too much speaks against this clip (quality {score:.2f}); the other warnings say what.",
        "Send a better loop of the same view.",
    ),
    # --- warnings: beats ---
    "half_cycle": CodeInfo(
        False,
        "Only half a cycle was seen: the EF is of one ejection or one filling, and there is no rhythm.",
        "Prefer a loop of several whole beats.",
    ),
    "single_beat": CodeInfo(
        False, "The EF rests on one beat.", "Beats differ by a few points of EF: prefer three beats or more."
    ),
    "irregular_few_beats": CodeInfo(
        False,
        "The rhythm is irregular and only {beats} beats count: the mean of so few is uncertain.",
        "Guidelines average at least five beats in atrial fibrillation (doi:10.1016/j.echo.2014.10.003).",
    ),
    "ectopy": CodeInfo(
        False,
        "{beats} premature or following beats were left out of the mean.",
        "Look at the table of beats; prefer a loop without ectopic beats.",
    ),
    "incomplete_beats": CodeInfo(
        False,
        "Beats that were not seen whole ({beats}) were left out of the mean.",
        "The table of beats lists them; nothing need be done.",
    ),
    "beats_disagree": CodeInfo(
        False,
        "The EFs that contours give of the beats differ by {spread:.0f} points, more than the rhythm explains.",
        "Look at the contours: some beats were probably measured badly.",
    ),
    "estimates_disagree": CodeInfo(
        False,
        "Contours give an EF of {contours:.0f} %, the video {video:.0f} %: further apart than their intervals allow.",
        "Look at the contours of end-diastole and end-systole before you believe either.",
    ),
    "implausible_ef": CodeInfo(
        False,
        "Contours give an EF of {ef:.0f} %, which is hardly possible.",
        "Look at the contours; the view or the segmentation is probably wrong.",
    ),
    "implausible_rate": CodeInfo(
        False,
        "A heart rate of {rate:.0f} a minute is hardly possible.",
        "Check the frame rate; give it with --fps if the file has it wrong. Until then beats and EF may be wrong, too.",
    ),
    "lost_frames": CodeInfo(
        False,
        "Between two frames lie {gap:.1f} s, as if some were lost, or one was held: no beat is measured across.",
        "Export the loop whole, then the beats that are cut there count, too.",
    ),
    "low_frame_rate": CodeInfo(
        False,
        "At {fps:.0f} frames a second the extremes of the volume may fall between frames.",
        "Export the loop at its full frame rate, 30 a second or more.",
    ),
    # --- warnings: the ventricle ---
    "missing_frames": CodeInfo(
        False,
        "No left ventricle is seen in {share:.0%} of the frames.",
        "Look at the contours; beats that fall into a gap are missing.",
    ),
    "uncertain_contour": CodeInfo(
        False,
        "The contour is uncertain (confidence {confidence:.2f}).",
        "Look at the contours before using the EF.",
    ),
    "unsteady_contour": CodeInfo(
        False,
        "The volume jumps from frame to frame (by {share:.0%}), more than a heart does.",
        "Look at the contours before using the EF.",
    ),
    "ventricle_jumps": CodeInfo(
        False,
        "The contour changes its place abruptly in {share:.0%} of the frames.",
        "The probe moved, or the contour hops between chambers: look at it.",
    ),
    "at_border": CodeInfo(
        False,
        "The ventricle touches the edge of the image in {share:.0%} of the frames.",
        "Part of it is probably cut off: volumes are too small.",
    ),
    "implausible_size": CodeInfo(
        False,
        "The contour covers {share:.1%} of the picture, which a left ventricle hardly does.",
        "Look at the contours; the view or the segmentation is probably wrong.",
    ),
    "implausible_volume": CodeInfo(
        False,
        "An end-diastolic volume of {volume:.0f} ml is hardly possible.",
        "Check the pixel spacing; EF does not depend on it.",
    ),
    "poor_wall": CodeInfo(
        False,
        "The wall hardly stands out from the cavity at end-diastole or end-systole (contrast {contrast:.2f}).",
        "Look at the contours; guidelines repeat such a study with a contrast agent (doi:10.1016/j.echo.2014.10.003).",
    ),
    "foreshortened": CodeInfo(
        False,
        "The apex moves and the ventricle looks round (index {index:.2f}): the slice may miss the true apex.",
        "Prefer a loop with the apex in sight; volumes are too small, and EF is uncertain.",
    ),
    # --- warnings: the view ---
    "mirrored": CodeInfo(
        False,
        "The left ventricle is on the left, as in the Mayo display: the clip was mirrored before it was measured.",
        "Look at the contours; nothing, if they lie on the left ventricle.",
    ),
    "apex_down": CodeInfo(
        False,
        "The apex is at the bottom, as is usual in children: the clip was turned over before it was measured.",
        "Look at the contours; nothing, if they lie on the left ventricle. Children were not in the training data.",
    ),
    "apex_down_mirrored": CodeInfo(
        False,
        "The apex is at the bottom and the left ventricle on the left: the clip was turned before it was measured.",
        "Look at the contours; nothing, if they lie on the left ventricle. Children were not in the training data.",
    ),
    "doubtful_view": CodeInfo(
        False,
        "It is not certain that this is an apical four-chamber view (belief {belief:.2f}).",
        "Look at the clip before using the EF.",
    ),
    # --- warnings: the images ---
    "uncalibrated": CodeInfo(
        False,
        "The size of a pixel is not known: volumes are in cubic pixels; EF is not affected.",
        "Give it with --spacing-mm if it is known.",
    ),
    "colour_present": CodeInfo(
        False,
        "{share:.0%} of the moving picture is coloured.",
        "If it is colour Doppler, send the grey-scale loop instead.",
    ),
    "partly_frozen": CodeInfo(
        False,
        "The picture stands still for {share:.0%} of the clip.",
        "Beats there are missing; export the loop again if it should run through.",
    ),
    "unusual_image": CodeInfo(
        False,
        "The images show no dark surroundings of a scanning sector: {reason}.",
        "Fine for a picture zoomed into the heart; otherwise check the file.",
    ),
    # --- warnings of the readers of files: their sentences say the particulars ---
    "frame_times_repaired": CodeInfo(
        False, "Some frame times were missing or out of order and were filled in.", "Give the frame rate with --fps."
    ),
    "frame_rate_implausible": CodeInfo(
        False,
        "The file's frame rate is under 4 a second, at which no echocardiogram is recorded.",
        "Give the frame rate of the recording (--fps, or fps=).",
    ),
    "truncated": CodeInfo(
        False, "The file ends before all of its frames could be decoded.", "Export or copy the file again."
    ),
    "grey_rescaled": CodeInfo(
        False,
        "Grey values beyond 0-255 were mapped to 0-255.",
        "Look at the picture; nothing need be done if it looks right.",
    ),
    "calibration_refused": CodeInfo(
        False,
        "The file states a pixel spacing that does not fit its picture; it is not used.",
        "Give it with --spacing-mm if it is known.",
    ),
}

WIDENING = frozenset(
    {
        "at_border",
        "beats_disagree",
        "doubtful_view",
        "foreshortened",
        "frame_rate_implausible",
        "frame_times_repaired",
        "half_cycle",
        "implausible_ef",
        "implausible_rate",
        "implausible_size",
        "implausible_volume",
        "irregular_few_beats",
        "low_frame_rate",
        "missing_frames",
        "partly_frozen",
        "poor_wall",
        "single_beat",
        "uncertain_contour",
        "unsteady_contour",
        "unusual_image",
        "ventricle_jumps",
    }
)
"""Warnings that widen the interval, by as much as calibration measured."""


def warn(code: str, **particulars: float | str) -> ClipWarning:
    """Make a warning of a code from the table, its message filled in."""
    return ClipWarning(code, CODES[code].message.format(**particulars))


def refused(warnings: tuple[ClipWarning, ...]) -> bool:
    """True where one of the warnings is a refusal; codes that are not in the table are not."""
    return any(CODES[warning.code].refusal for warning in warnings if warning.code in CODES)
