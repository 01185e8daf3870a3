"""Any file, array or folder -> `Clip`.

::

    open_clip        any file    ->  Clip          opening.py
    clip_from_array  an array    ->  Clip          arrays.py
    find_inputs      folders     ->  files         discover.py

    kinds.py         what a file is, by its first bytes
    video.py         AVI, MP4, MOV, WebM, GIF  ->  Recording
    dicom/           ultrasound DICOM          ->  Recording
    nifti.py         NIfTI cine                ->  Recording
    recording.py     what the readers share: limits, size checks, the border to the decoders
    times.py, colour.py   frame times put in order; grey values and the fraction of colour

Every reader streams: it holds one frame at a time and appends it to a `FrameStack`.

Warnings that a clip can carry from here (`Clip.warnings`):

=======================  ============================================================================
code                     meaning
=======================  ============================================================================
truncated                the file announces more frames than could be decoded; the clip holds the rest
frame_times_repaired     frame times were missing, repeated or out of order and were filled in
frame_rate_implausible   the frame rate is under 4 a second (under 1, or over 1000, is an error)
calibration_refused      the file's pixel spacing contradicts its picture; lengths stay in pixels
grey_rescaled            values beyond 0-255 without a stated window were mapped from their range
=======================  ============================================================================
"""

from echobeat.sources.arrays import clip_from_array
from echobeat.sources.discover import find_inputs
from echobeat.sources.opening import open_clip

__all__ = ["clip_from_array", "find_inputs", "open_clip"]
