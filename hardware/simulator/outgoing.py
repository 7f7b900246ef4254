"""What the modem is about to say, in order, with pauses; and what it will do later. Time is passed in."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from msgspec import Struct

BACKLOG_OCTETS_MAX = 1 << 20  # a peer that never reads loses what comes after this


class Chunk(Struct, frozen=True):
    """Octets that leave in one write, `delay_s` after those before; `act` then happens."""

    octets: bytes
    delay_s: float = 0.0
    act: Callable[[], None] | None = None


class Outgoing:
    """A queue of octets, each with the moment it may leave. While one waits for its moment the modem is busy."""

    def __init__(self) -> None:
        self._queue: deque[tuple[float, Chunk]] = deque()
        self._backlog = 0

    def say(self, octets: bytes, now: float) -> None:
        """Append octets that leave as soon as those before have left."""
        if self._backlog + len(octets) <= BACKLOG_OCTETS_MAX:
            due = self._queue[-1][0] if self._queue else now
            self._queue.append((due, Chunk(octets)))
            self._backlog += len(octets)

    def say_chunks(self, chunks: Sequence[Chunk], now: float) -> None:
        """Append chunks, each after its pause."""
        due = max(self._queue[-1][0], now) if self._queue else now
        for chunk in chunks:
            due += chunk.delay_s
            self._queue.append((due, chunk))
            self._backlog += len(chunk.octets)

    def is_busy(self, now: float) -> bool:
        """Whether something waits for its moment: commands that arrive meanwhile wait too."""
        return bool(self._queue) and self._queue[-1][0] > now

    def next_due(self) -> float | None:
        """Return when the next octets may leave."""
        return self._queue[0][0] if self._queue else None

    def take(self, now: float) -> list[Chunk]:
        """Return the chunks whose moment has come; the caller writes each one by itself, then does its act."""
        queue = self._queue
        taken: list[Chunk] = []
        while queue and queue[0][0] <= now:
            chunk = queue.popleft()[1]
            self._backlog -= len(chunk.octets)
            taken.append(chunk)
        return taken

    def clear(self) -> None:
        """Forget everything, as a power cut does."""
        self._queue.clear()
        self._backlog = 0


@dataclass(order=True)
class Timer:
    """Something to do at a moment."""

    due: float
    turn: int
    act: Callable[[], None] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Do not do it after all."""
        self.is_cancelled = True


class Timers:
    """Things to do later, on the server's thread."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._turns = count()

    def schedule(self, due: float, act: Callable[[], None]) -> Timer:
        """Do `act` once the moment has come."""
        timer = Timer(due, next(self._turns), act)
        heapq.heappush(self._heap, timer)
        return timer

    def next_due(self) -> float | None:
        """Return the moment of the next one."""
        return self._heap[0].due if self._heap else None

    def run_due(self, now: float) -> None:
        """Do all whose moment has come."""
        while self._heap and self._heap[0].due <= now:
            timer = heapq.heappop(self._heap)
            if not timer.is_cancelled:
                timer.act()

    def clear(self) -> None:
        """Forget them all."""
        self._heap.clear()
