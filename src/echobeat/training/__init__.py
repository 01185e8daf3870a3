"""Training: a recipe and a data set become a run, and a run a model.

::

    run.py             the spine           recipe_files.py, config.py    what it is told
    material.py        the studies         sampling.py                   which comes when
    lesson.py          what is trained     run_folder.py, checkpoints.py    what is kept, and found again
    clips.py, traced.py    the samples     ef_task.py, segmentation_task.py    loss and figures of a task
    losses.py, ef_losses.py, mask_losses.py    what a network is punished for
    engine.py          one step            loaders.py                    how data are loaded
    finish.py          model and card      journal.py, curves.py         what it tells
    stopping.py        Ctrl-C              trained.py                    a run's network, to go on with
    ablation.py        a run for each change of a recipe, and their table

The bundled models learn by the same steps, from `bundled.py`:

    contours.py, contours_task.py, pools.py       `lv`, `lv-phantom`: labelled images    -> release.py
    beat_run.py, beats.py, beat_material.py       `ef`, `ef-phantom`: beats              -> beat_release.py
    view.py, view_pools.py, real_negatives.py     `view`, `view-phantom`: pictures       -> view_release.py
    augment.py, animation.py, shifts.py           images changed, moved, changed in ways held out
"""

import echobeat.networks.operators  # noqa: F401  lightning imports torchvision, which cannot be without it
