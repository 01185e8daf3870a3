"""Results as DICOM, in the study that the clip came from.

::

    origin.py             the source's header: patient, study, references to the clip
    identity.py           UIDs that follow from the source's: the same result is the same object
    concepts.py           which code stands for which number, by how it was obtained
    structured_report.py  TID 1500 measurement report
    echo_report.py        TID 5300 simplified adult echo report
    reports.py            the document around either
    segmentation.py       the ventricle's cavity in every frame of the cine
    objects.py            what the objects built by hand have in common
    capture.py            the overlay as a secondary-capture cine
    document.py           the page as an encapsulated PDF
    writing.py            all of them, into a folder
"""
