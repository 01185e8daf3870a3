"""Data sets: readers, the check before a night is spent, and the frame cache. No torch here.

::

    open_dataset      a folder      ->  LabelledDataset     opening.py (echonet.py, camus.py, plain_folder.py)
    check_dataset     a data set    ->  its problems        check.py; all codes in problems.py
    FrameCache        studies       ->  frames and masks    frame_cache.py; without a cache: direct_frames.py
    study.py          the one shape that all data sets have
"""

from echobeat.datasets.opening import open_dataset
from echobeat.datasets.study import Frames, LabelledDataset, LabelledStudy, Problem, Tracing

__all__ = ["Frames", "LabelledDataset", "LabelledStudy", "Problem", "Tracing", "open_dataset"]
