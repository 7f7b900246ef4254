"""Canaries: SMS that lines send to themselves or to each other, so that deafness is noticed. Decides only.

A modem that answers and is on the network may still receive nothing. A canary takes the whole way, is known again by
its text and its sender, and is never a complaint; one that is late means that the line it went to is deaf. Nothing is
kept over a restart: a canary that arrives after one is still known again, and a new one is sent.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Collection

from msgspec import Struct

from smsgate.records import CompleteSms, Decide, Decision, Disposition, SenderKnowledge

LATE_S = 1800.0  # a network that is busy may keep an SMS for minutes
FIRST_AFTER_S = 900.0  # a gateway that is started again and again must not pay for each start
AFTER_REJECTION_S = 600.0
REMEMBERED_MAX = 1000  # canaries known by their text: a network may keep an SMS for days

_TEXT = re.compile(r"smsgate canary ([0-9A-F]{8})")


class CanaryRoute(Struct, frozen=True):
    """Who sends canaries to whom, and how often."""

    line: str
    to_line: str
    number: str  # of the SIM in that line
    every_s: float
    from_number: str | None = None  # of the SIM that sends them, where it is configured


class _Flight(Struct):
    """The canaries of one route."""

    route: CanaryRoute
    next_at: float
    token: str | None = None  # of the one that is on its way
    sent_at: float = 0.0


class CanaryBoard:
    """The canaries of one gateway; any thread may call."""

    def __init__(
        self, routes: Collection[CanaryRoute], *, now: float, new_token: Callable[[], str]
    ) -> None:
        self._lock = threading.Lock()
        self._flights = [_Flight(route, now + FIRST_AFTER_S) for route in routes]
        self._numbers = {n for route in routes for n in (route.number, route.from_number) if n}
        self._sent: deque[str] = deque(maxlen=REMEMBERED_MAX)
        self._new_token = new_token

    def take_due(self, line: str, now: float) -> tuple[str, str] | None:
        """Return number and text of the canary that this line is to send now; it is taken for sent."""
        with self._lock:
            for flight in self._flights:
                if flight.route.line == line and now >= flight.next_at:
                    flight.next_at = now + flight.route.every_s
                    if flight.token is None:  # else the first one's lateness stays the measure
                        flight.sent_at = now
                    flight.token = self._new_token()
                    self._sent.append(flight.token)
                    return flight.route.number, f"smsgate canary {flight.token}"
        return None

    def note_rejected(self, line: str, now: float) -> None:
        """It was not sent after all: try again soon, and hold it against nobody."""
        with self._lock:
            for flight in self._flights:
                if flight.route.line == line:
                    flight.token = None
                    flight.next_at = min(flight.next_at, now + AFTER_REJECTION_S)

    def recognise(self, text: str, sender: str) -> bool:
        """Say whether this SMS is a canary of ours, and take note that it arrived."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return False
        with self._lock:
            for flight in self._flights:
                if flight.token == found[1]:
                    flight.token = None
            # Also one that nobody awaits any more: it came after the next, or its commit had to be repeated.
            return found[1] in self._sent or sender in self._numbers

    def is_deaf(self, line: str, now: float) -> bool:
        """Say whether a canary to this line is late."""
        with self._lock:
            return any(
                flight.route.to_line == line
                and flight.token is not None
                and now - flight.sent_at >= LATE_S
                for flight in self._flights
            )

    def watch(self, decide: Decide) -> Decide:
        """Return decisions that know canaries again, and leave all else to `decide`."""

        def decided(sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
            if self.recognise(sms.text, sms.sender):
                return Decision(Disposition.TEST, reason="canary")
            return decide(sms, known, reference)

        return decided


def no_canaries() -> CanaryBoard:
    """Return a board without any."""
    return CanaryBoard((), now=0.0, new_token=str)
