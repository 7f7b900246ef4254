"""Waiting for signals, without a moment in which one is missed.

Python's own way, a handler that sets an Event, has two: a signal between the last look and the sleep is heard when
the sleep is over, and one while the Event's lock is held waits for that lock for ever. So the handlers do nothing, and
what wakes us is the octet that the interpreter writes into a pipe the instant the signal comes.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Collection
from types import FrameType

SIGNALS_READ = 256


class Signals:
    """The signals that this process waits for. Made, waited for and closed by the main thread."""

    def __init__(self, numbers: Collection[signal.Signals]) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self._earlier_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._earlier = {number: signal.signal(number, _hear) for number in numbers}

    def wait(self, timeout_s: float) -> frozenset[signal.Signals]:
        """Return the signals that came since the last call, as soon as there is one; none after the time."""
        if not select.select([self._reader], [], [], timeout_s)[0]:
            return frozenset()
        came = map(signal.Signals, os.read(self._reader, SIGNALS_READ))
        return frozenset(number for number in came if number in self._earlier)

    def close(self) -> None:
        """Leave signals to whom they belonged before."""
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._earlier_fd)
        os.close(self._reader)
        os.close(self._writer)


def _hear(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: that there is a handler keeps the signal from ending us."""
