"""Ultrasound DICOM without the patient. In the making: no command offers it, and no output counts as verified.

::

    instance.py    one file  ->  one output for review, or a refusal
    header.py      a header without its patient      (allow_list.py, annex_e.py)
    pseudonyms.py  keyed pseudonyms, and the user's files of key and mapping
    sector.py      where the scanner's picture is
    pixels.py      decoded, blacked out, coded anew
    refusals.py    reasons that may stand in a log
"""
