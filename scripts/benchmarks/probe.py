"""Looking at a running program from outside: what it stored, its memory, its processor time."""

from __future__ import annotations

import math
import os
import select
import sqlite3
import termios
import time
import tty
from collections.abc import Sequence
from pathlib import Path

LISTING_LIMIT_S = 20.0
_FINAL = (b"\r\nOK\r\n", b"ERROR")


class PartCounter:
    """Counts the parts that the gateway has committed.

    A reader of a WAL sees a transaction only after its frames were synced (synchronous=FULL), so
    what is counted is durable. It reads the table by name, as an outsider would.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __call__(self) -> int:
        """Return how many parts are committed; 0 before there is a store."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    f"file:{self._path}?mode=ro", uri=True, isolation_level=None, timeout=1
                )
            row = self._connection.execute("SELECT count(*) FROM part").fetchone()
        except sqlite3.OperationalError:
            self.close()
            return 0
        return int(row[0])

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def count_files(folder: Path, prefix: str) -> int:
    """Return how many SMS files a folder holds: those with this prefix that are no lock."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(prefix)]
    return sum(1 for name in names if not name.endswith(".LOCK"))


def read_resident_mib(pid: int) -> float:
    """Return the resident memory of a process (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has no resident memory")


def read_cpu_s(pid: int) -> float:
    """Return the processor time of a process's threads, to the nanosecond (proc(5), schedstat)."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def measure_listing_octets(port: Path) -> int:
    """Return how many octets the modem answers to one listing of its SIM in PDU mode."""
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        for command in (b"ATE0\r", b"AT+CMGF=0\r", b'AT+CPMS="SM","SM","SM"\r'):
            _ask(descriptor, command)
        return len(_ask(descriptor, b"AT+CMGL=4\r")) - len(b"\r\nOK\r\n")
    finally:
        os.close(descriptor)


def _ask(descriptor: int, command: bytes) -> bytes:
    os.write(descriptor, command)
    answer = bytearray()
    deadline = time.monotonic() + LISTING_LIMIT_S
    while not answer.endswith(_FINAL[0]):
        if _FINAL[1] in answer or time.monotonic() > deadline:
            raise OSError(f"the modem did not answer {command!r} with OK")
        if select.select([descriptor], [], [], 1)[0]:
            answer += os.read(descriptor, 65536)
    return bytes(answer)
