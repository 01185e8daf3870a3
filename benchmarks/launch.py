"""Run one command and write what it took: ``python -S launch.py REPORT.json COMMAND ...``

A small process of its own, because on Linux a process inherits the peak memory of the one that started it
(the kernel carries it over ``exec``): started from here, the figure is the command's.
"""

import json
import os
import sys
import time


def main() -> None:
    report, *command = sys.argv[1:]
    began = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    figures = {
        "seconds": time.monotonic() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,  # KiB on Linux; of the largest process where there are several
        "status": os.waitstatus_to_exitcode(status),
    }
    with open(report, "w") as file:
        json.dump(figures, file)


if __name__ == "__main__":
    main()
