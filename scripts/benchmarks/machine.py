"""What the machine itself can do at this moment: without it the other figures cannot be read.

Figures of one machine on two days differ by more than most changes to the program are worth.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.figures import Figure

# what any start of the gateway pays, whatever is written in it
FIXED_PACKAGES = ("sqlmodel", "structlog", "gsmmodem.modem", "serial", "phonenumbers")
IMPORTS = 3
SYNCS = 100
PAGE = b"\0" * 4096


def measure_machine() -> Iterator[Figure]:
    """Yield the machine's own figures."""
    context = {"load_1min": round(os.getloadavg()[0], 2)}
    yield Figure("machine.cores", os.cpu_count() or 1, "", context)
    packages = {"packages": list(FIXED_PACKAGES)}
    yield Figure("machine.import_of_fixed_packages", _import_s(), "s", packages)
    yield Figure("machine.sync.p50", 1000 * _sync_s(), "ms", {"octets": len(PAGE)})


def _import_s() -> float:
    """Return how long a fresh interpreter takes to import what the gateway is built on (median of a few)."""
    code = f"import {', '.join(FIXED_PACKAGES)}"
    taken = []
    for _ in range(IMPORTS):
        started_at = time.perf_counter()
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
        taken.append(time.perf_counter() - started_at)
    return median(taken)


def _sync_s() -> float:
    """Return how long one page takes to be on the disk that temporary folders are on (median)."""
    taken = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(SYNCS):
            file.write(PAGE)
            started_at = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started_at)
    return median(taken)
