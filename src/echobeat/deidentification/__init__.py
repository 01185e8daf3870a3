"""Ultrasound DICOM without the patient.

::

    instance.py    one file  ->  one output that is clean or for review, or a refusal
    header.py      a header without its patient      (allow_list.py)
    pseudonyms.py  keyed pseudonyms, and the user's files of key and mapping
    sector.py      where the scanner's picture is    (split.py: two of them side by side)
    text.py        writing inside it                 (text.onnx)
    pixels.py      decoded, blacked out, coded anew
    log.py         what became of each source        (refusals.py: reasons that may stand there)
    review.py      the page for what is doubtful     (thumbnails.py)
"""
