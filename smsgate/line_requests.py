"""Questions that commands put to a modem which a line holds: the line's own thread asks them between two passes.

The modem has one owner. So a question waits here until the line comes by, which it does at once, being woken;
receiving waits for one question at most.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from hardware.modem import Modem
from smsgate.clock import Clock
from smsgate.errors import SmsgateError

WAITING_MAX = 8
Answer = TypeVar("Answer")


class LineAway(SmsgateError):
    """The line cannot ask its modem now: it is closed, busy for too long, or asked too much at once."""

    exit_code = 75


class _Request:
    """One question, and its answer once there is one."""

    def __init__(self, work: Callable[[Modem], Any]) -> None:
        self.work = work
        self.is_done = threading.Event()
        self.answer: Any = None
        self.failure: Exception | None = None


class LineRequests:
    """The questions that wait for one line."""

    def __init__(self, wake: Callable[[], None], clock: Clock) -> None:
        self._wake = wake
        self._clock = clock
        self._waiting: deque[_Request] = deque()
        self._lock = threading.Lock()
        self._lent_until = 0.0

    def ask(self, work: Callable[[Modem], Answer], *, start_s: float, answer_s: float) -> Answer:
        """Have the line do it with its modem and return what comes of it; from any thread but the line's.

        It is begun within `start_s` or never, and may take `answer_s`. Raises LineAway, or the modem's own ModemError.
        """
        request = _Request(work)
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                raise LineAway("the line is asked too much at once: try again")
            self._waiting.append(request)
        self._wake()
        if not request.is_done.wait(start_s) and self._take_back(request):
            raise LineAway("the line has no time for it now: try again, and see `smsgate status`")
        if not request.is_done.wait(answer_s):
            raise LineAway("the modem takes too long over it: see `smsgate status`")
        if request.failure is not None:
            raise request.failure
        answer: Answer = request.answer
        return answer

    def lend(self, for_s: float) -> None:
        """Have a line whose port is not open leave it alone for so long; 0 ends it."""
        self._lent_until = self._clock.monotonic() + for_s
        self._wake()

    @property
    def lent_s(self) -> float:
        """How long the line still leaves its port alone; for a port that is open it means nothing."""
        return max(0.0, self._lent_until - self._clock.monotonic())

    def _take_back(self, request: _Request) -> bool:
        """Return whether the line had not begun with it; then it never will."""
        with self._lock:
            if request not in self._waiting:
                return False
            self._waiting.remove(request)
            return True

    def answer_one(self, modem: Modem) -> None:
        """Answer the question that waits longest, if any; called by the line, once a pass.

        Whatever goes wrong is the asker's to hear, and stops no receiving. A link that is down shows itself to the
        line at its next command.
        """
        if not self._waiting:
            return
        with self._lock:
            request = self._waiting.popleft() if self._waiting else None
        if request is None:
            return
        try:
            request.answer = request.work(modem)
        except Exception as error:
            request.failure = error
        finally:
            request.is_done.set()
        if self._waiting:
            self._wake()
