"""From an Assessment to files that people and programs read.

::

    schema.py    result.json and its JSON Schema
    files.py     one input's folder: JSON, tables, masks, and whatever else is asked for
    wording.py   how numbers and verdicts are put into words, the same everywhere
    panels.py    one frame with the ventricle drawn in    (lettering.py: words on a picture)
    plots.py     the volume curve
    overlay.py   overlay.mp4
    page.py      report.html
    folders.py   folders that appear whole or not at all; names, locks
    batch.py     summary.csv and manifest.json

Nothing here measures or decides: it shows what the records say.
"""
