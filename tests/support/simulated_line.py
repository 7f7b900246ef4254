"""Ways to speak to a simulated modem without the driver: directly, and over its pseudo-terminal."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from hardware.simulator import Network, SimulatedModem

NUMBER = "+6281170001708"
CITIZEN = "+6281234567890"
_LIMIT_S = 10.0


def make_modem(**options: Any) -> SimulatedModem:
    """Return a modem on a network of its own, echo off and PDU mode on, announcing SMS."""
    options = {"number": NUMBER, "memories": {"SM": 5}} | options
    modem = SimulatedModem(Network(seed=7), **options)
    ask(modem, "ATE0", "AT+CMGF=0", "AT+CNMI=2,1,0,0,0", "AT+CMEE=1")
    return modem


def hear(modem: SimulatedModem) -> bytes:
    """Return what the modem says by now."""
    said = b""
    for _ in range(2):  # once for its timers, once for what they made it say
        said += b"".join(chunk.octets for chunk in run_acts(modem))
    return said


def run_acts(modem: SimulatedModem) -> list[Any]:
    """Return the chunks that are due, their acts done."""
    chunks = modem.run_due(time.monotonic())
    for chunk in chunks:
        if chunk.act is not None:
            chunk.act()
    return chunks


def ask(modem: SimulatedModem, *lines: str) -> bytes:
    """Give command lines, and return what is said to the last one."""
    said = b""
    for line in lines:
        modem.receive(line.encode("latin-1") + b"\r")
        said = hear(modem)
    return said


def tell(modem: SimulatedModem, octets: bytes) -> bytes:
    """Give octets as they are, and return what is said."""
    modem.receive(octets)
    return hear(modem)


def hear_until(modem: SimulatedModem, end: bytes) -> bytes:
    """Return what the modem says up to `end`, waiting for it."""
    said = b""
    deadline = time.monotonic() + _LIMIT_S
    while end not in said:
        assert time.monotonic() < deadline, said
        said += hear(modem)
        time.sleep(0.001)
    return said


def wait_until(is_so: Callable[[], bool], limit_s: float = _LIMIT_S) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


class RawPeer:
    """A program at the other end of the line, which knows nothing but octets."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.descriptor, termios.TCSANOW)
        self._read = b""

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    def write(self, octets: bytes) -> None:
        """Write octets."""
        os.write(self.descriptor, octets)

    def read_until(self, end: bytes, limit_s: float = _LIMIT_S) -> bytes:
        """Return what comes, up to the first `end`; what came after it is for the next call."""
        deadline = time.monotonic() + limit_s
        while end not in self._read:
            readable, _, _ = select.select(
                [self.descriptor], [], [], max(0, deadline - time.monotonic())
            )
            assert readable, f"{end!r} did not come; {self._read!r} did"
            self._read += os.read(self.descriptor, 4096)
        said, end, self._read = self._read.partition(end)
        return said + end

    def ask(self, line: str) -> bytes:
        """Give a command line and return its answer up to OK."""
        self.write(line.encode("latin-1") + b"\r")
        return self.read_until(b"OK\r\n")
