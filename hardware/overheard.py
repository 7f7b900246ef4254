"""What a modem said unasked, kept for a while so that a technician's command can be shown it."""

from __future__ import annotations

import threading
from collections import deque

LINES_MAX = 200


class Overheard:
    """The last unsolicited lines, numbered from 1. One thread adds, any other reads."""

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=LINES_MAX)
        self._count = 0
        self._changed = threading.Condition()

    def note(self, line: str) -> None:
        """Add a line."""
        with self._changed:
            self._count += 1
            self._lines.append((self._count, line))
            self._changed.notify_all()

    def since(self, number: int, *, wait_s: float = 0.0) -> tuple[int, list[str]]:
        """Return the newest number, and the lines after `number`; wait for one where there is none.

        A number from before a restart is beyond the newest: then everything there is comes.
        """
        with self._changed:
            if number > self._count:
                number = 0
            if wait_s > 0:
                self._changed.wait_for(lambda: self._count > number, wait_s)
            return self._count, [line for at, line in self._lines if at > number]

    @property
    def newest(self) -> int:
        """The number of the newest line."""
        with self._changed:
            return self._count
