"""The loop that all workers share: step, wait, stop, and back off after a crash.

A worker is an object with `step()`: it does what is due, waits for nothing but the one answer it needs, and says in
how many seconds it wants to be stepped again. That is all a test needs to run the real workers one at a time on a
virtual clock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

import structlog

from smsgate.clock import Clock

log = structlog.get_logger(__name__)

CRASH_DELAYS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
IDLE_WAIT_S_MAX = 3600.0
GIVE_WAY_S = 0.05
POSTPONED_S_MAX = 1.0  # a memory that stays full for ever must not stop forwarding


class Worker(Protocol):
    """Something that is stepped for ever by a thread of its own."""

    name: str

    def step(self) -> float | None:
        """Do what is due; return seconds until the next step, or None for `only when woken`."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Sleep until woken, at most `timeout_s`."""
        ...

    def wake(self) -> None:
        """End the wait, from any thread."""
        ...

    def close(self) -> None:
        """Free what the worker holds. Called in its own thread, after its last step."""
        ...


class Wakeable:
    """The waiting part of a worker that waits for nothing but to be woken."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wait(self, timeout_s: float) -> None:
        """Sleep until woken, at most `timeout_s`."""
        self._woken.wait(timeout_s)
        self._woken.clear()

    def wake(self) -> None:
        """End the wait, from any thread."""
        self._woken.set()

    def close(self) -> None:
        """Nothing to free."""


class GivesWay:
    """A worker that lets others go first while they are busy, though never for longer than `POSTPONED_S_MAX` a step.

    One interpreter runs one thread at a time: what a forwarder computes while a modem is full, SMS wait for.
    """

    def __init__(self, worker: Worker, *, is_busy: Callable[[], bool], clock: Clock) -> None:
        self.name = worker.name
        self._worker = worker
        self._is_busy = is_busy
        self._clock = clock
        self._postponed_until = clock.monotonic() + POSTPONED_S_MAX

    def step(self) -> float | None:
        """Do the worker's step, unless the others are busy."""
        if self._is_busy() and self._clock.monotonic() < self._postponed_until:
            return GIVE_WAY_S
        delay_s = self._worker.step()
        self._postponed_until = self._clock.monotonic() + POSTPONED_S_MAX
        return delay_s

    def wait(self, timeout_s: float) -> None:
        """Sleep as the worker does."""
        self._worker.wait(timeout_s)

    def wake(self) -> None:
        """End the wait, from any thread."""
        self._worker.wake()

    def close(self) -> None:
        """Free what the worker holds."""
        self._worker.close()


class Runner:
    """One worker in a thread of its own, until it is told to stop.

    A crash of `step` is logged with its traceback and tried again with growing pauses; it never ends the thread,
    and never reaches another worker. `progressed_at` is monotonic: the watchdog is fed while every runner is
    younger than its limit.
    """

    def __init__(
        self, worker: Worker, *, clock: Clock, on_crash: Callable[[str, BaseException], None]
    ) -> None:
        self.worker = worker
        self.progressed_at = clock.monotonic()
        self.is_waiting = False
        self.crashes = 0
        self._clock = clock
        self._on_crash = on_crash
        self._stopping = threading.Event()
        self._has_stepped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=worker.name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the step in hand finish, and then no other begin."""
        self._stopping.set()
        self.worker.wake()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def await_first_step(self, timeout_s: float) -> bool:
        """Wait until the first step is done, however it went; return whether it was in time."""
        return self._has_stepped.wait(timeout_s)

    def is_progressing(self, *, now: float, step_s_max: float) -> bool:
        """Whether it waits for work, or its present step is younger than `step_s_max`."""
        return self.is_waiting or now - self.progressed_at < step_s_max

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.progressed_at = self._clock.monotonic()
                delay_s = self._step()
                self._has_stepped.set()
                self._wait(delay_s)
        finally:
            self.worker.close()

    def _step(self) -> float:
        try:
            delay_s = self.worker.step()
        except Exception as error:
            delay_s = CRASH_DELAYS_S[min(self.crashes, len(CRASH_DELAYS_S) - 1)]
            self.crashes += 1
            self._tell(error, delay_s)
            return delay_s
        self.crashes = 0
        return IDLE_WAIT_S_MAX if delay_s is None else min(delay_s, IDLE_WAIT_S_MAX)

    def _tell(self, error: Exception, delay_s: float) -> None:
        """Say that the worker crashed. That saying so fails too must not end the thread."""
        with contextlib.suppress(Exception):
            log.exception("worker_crashed", worker=self.worker.name, retry_in_s=delay_s)
            self._on_crash(self.worker.name, error)

    def _wait(self, delay_s: float) -> None:
        if delay_s <= 0 or self._stopping.is_set():
            return
        self.is_waiting = True
        try:
            self.worker.wait(delay_s)
        finally:
            self.is_waiting = False
