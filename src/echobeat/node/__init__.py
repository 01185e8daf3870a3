"""A DICOM node: ultrasound comes in, results go back, and nothing is lost on the way.

::

    peer  --C-STORE-->  listener  ->  spool and queue
    spool and queue     ->  worker    ->  results and queue
    results and queue   ->  sender  --C-STORE or STOW-RS-->  peer

    settings.py   what a node is told, checked
    spool.py      files that are safely on disk before anybody is told so
    queue.py      what has come, what is to be sent: SQLite, whole after any crash
    connection.py connections that no peer can hold for ever
    listener.py   C-ECHO and C-STORE
    outcome.py    what an analysis is to the node
    analysis.py   a study's files to its results
    isolated.py   the same in a process of its own, which may die
    worker.py     studies that have been quiet for a while
    delivery.py   one result to one destination
    sender.py     what is due, again and again with growing pauses
    monitor.py    health and metrics over HTTP
    journal.py    JSON logs in which patients are pseudonyms
    service.py    all of these together
"""
