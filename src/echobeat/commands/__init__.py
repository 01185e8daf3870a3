"""The command line: one thin file a command, and what they share.

::

    analyze.py  demo.py  models.py  phantom.py  train.py ...   the commands; __main__.py names them
    batch.py     many inputs, one after the other or side by side: each succeeds or fails for itself
    workers.py   processes, one of which may die without harm to the others
    screen.py    what is printed

A command imports what is slow to load only when it runs, so that ``echobeat --help`` answers at once.
"""

import logging


def quiet_libraries() -> None:
    """Keep to ourselves that matplotlib builds its list of fonts when it first runs on a machine."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
