"""An archive of echo files -> a data set in EchoNet-Dynamic's layout, without its patients.

::

    finding.py    folders, DICOMDIR, ZIP  ->  inputs       (archives.py: what may come out of a ZIP)
    one_clip.py   an input                ->  a clip, or the reason why not
    examined.py   what the header says: patient, view, 2D region, heart rate
    geometry.py   the sector into a square; frame times to a constant rate
    labels.py     EF, volumes and splits from the user's table, joined by pseudonyms
    dataset.py    the data set's folder: what is whole, what is done already, its tables
    reasons.py    every code of the log

What leaves this room names nobody: errors call every input "the file", clips and rows have keyed pseudonyms.
"""
