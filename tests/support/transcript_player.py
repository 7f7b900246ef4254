"""Plays the modem's side of a transcript on a pseudo-terminal, and notes where the driver says something else."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Sequence

from hardware.transcript import Turn


class TranscriptPlayer:
    """Says what the transcript says, as long as it hears what the transcript says that it heard."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = list(turns)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.deviation: tuple[str, str] | None = None  # what was expected, and what came
        self.played = 0
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> TranscriptPlayer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._waker, b"!")
        self._thread.join(10)
        for end in (self._master, self._slave, self._wake, self._waker):
            os.close(end)

    @property
    def is_over(self) -> bool:
        """Whether all of it was played."""
        return self.played == len(self._turns)

    def _play(self) -> None:
        pending = b""
        for turn in self._turns:
            wanted = turn.said.encode("latin-1")
            if turn.is_ours:
                while len(pending) < len(wanted) and wanted.startswith(pending):
                    heard = self._read()
                    if not heard:
                        return
                    pending += heard
                if not pending.startswith(wanted):
                    self.deviation = (turn.said, pending.decode("latin-1"))
                    return
                pending = pending[len(wanted) :]
            else:
                os.write(self._master, wanted)
            self.played += 1

    def _read(self) -> bytes:
        readable, _, _ = select.select([self._master, self._wake], [], [], 30)
        return os.read(self._master, 4096) if self._master in readable else b""
