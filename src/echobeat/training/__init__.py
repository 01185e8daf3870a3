"""Training: a recipe and a data set become a run, and a run a model.

::

    run.py             the spine           recipe_files.py, config.py    what it is told
    material.py        the studies         sampling.py                   which comes when
    clips.py, traced.py    the samples     ef_task.py, segmentation_task.py    loss and figures of a task
    engine.py          one step            loaders.py                    how data are loaded
    finish.py          model and card      journal.py, curves.py         what it tells

The bundled segmentation models come from segmentation.py, samples.py, augment.py and release.py.
"""

import echobeat.networks.operators  # noqa: F401  lightning imports torchvision, which cannot be without it
