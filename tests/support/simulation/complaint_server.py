"""The complaint system of a history: a scripted backend in process, which outlives our crashes.

It is of one of three kinds: it honours idempotency keys; it can be asked for our reference; or neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, Protocol

from simulation.clock import VirtualClock
from simulation.faults import Faults
from simulation.trace import Trace

from smsgate.backends import (
    Accepted,
    Found,
    Held,
    LookupOutcome,
    NotFound,
    Outcome,
    Refused,
    TryLater,
    Unknown,
)
from smsgate.forwarder import REQUESTS_PER_CLAIM, SETTLING_S_MAX
from smsgate.records import ForwardedComplaint

REQUEST_DEADLINE_S = 20.0
LEASE_S = REQUESTS_PER_CLAIM * REQUEST_DEADLINE_S + SETTLING_S_MAX
SETTLE_S = 2.5 * LEASE_S  # what it was given it shows within this time, however slow it is


class BackendKind(StrEnum):
    """What can be done about a lost answer."""

    HONOURS_KEYS = "honours keys"
    CAN_BE_ASKED = "can be asked"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that the complaint system has."""

    kind: str  # create or add
    reference: str
    key: str
    text: str
    tracking_id: str


class Surroundings(Protocol):
    """Whoever else there is while a request is under way."""

    def run_until(self, moment: float) -> None:
        """Let everybody else go on up to this moment; the clock then stands there."""
        ...

    def kill(self) -> NoReturn:
        """The process dies here."""
        ...

    def check_alive(self) -> None:
        """Raise Killed once the process is dead."""
        ...

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Do something then."""
        ...


class ScriptedBackend:
    """One complaint system, and our way to it (`smsgate.backends.Backend`)."""

    settle_s = SETTLE_S
    request_deadline_s = REQUEST_DEADLINE_S

    def __init__(
        self,
        name: str,
        kind: BackendKind,
        *,
        clock: VirtualClock,
        faults: Faults,
        trace: Trace,
        others: Surroundings,
    ) -> None:
        self.name = name
        self.kind = kind
        self.honours_idempotency_keys = kind is BackendKind.HONOURS_KEYS
        self.can_be_asked = kind is BackendKind.CAN_BE_ASKED
        self.taken: list[Taken] = []
        self.lost_answers: set[str] = set()  # keys of requests whose answer we never saw
        self.refused: set[str] = set()  # keys
        self.requests: Counter[str] = Counter()  # by key
        self._clock = clock
        self._faults = faults
        self._trace = trace
        self._others = others

    def forward(self, complaint: ForwardedComplaint, *, idempotency_key: str) -> Outcome:
        """Take a complaint, or not."""
        return self._answer("create", complaint.reference, idempotency_key, complaint.text)

    def add(
        self,
        complaint: ForwardedComplaint,
        text: str,
        *,
        tracking_id: str | None,
        idempotency_key: str,
    ) -> Outcome:
        """Take an addition, or not."""
        return self._answer("add", complaint.reference, idempotency_key, text)

    def find(self, reference: str) -> LookupOutcome:
        """Say whether it has our reference."""
        self._begin()
        if self._faults.strikes("backend: cannot be asked just now"):
            outcome: LookupOutcome = TryLater("HTTP 503")
        else:
            found = (t for t in self.taken if t.reference == reference and t.kind == "create")
            known = next(found, None)
            outcome = NotFound() if known is None else Found(known.tracking_id)
        self._trace.say(self.name, f"asked for {reference}: {outcome}")
        self._end()
        return outcome

    def close(self) -> None:
        """Nothing to close."""

    def _answer(self, kind: str, reference: str, key: str, text: str) -> Outcome:
        self._begin()
        self.requests[key] += 1
        self.lost_answers.add(key)  # until it is seen
        outcome = self._decide(kind, reference, key, text)
        self._trace.say(self.name, f"{kind} {reference}: {outcome}")
        self._end()
        if not isinstance(outcome, Unknown):
            self.lost_answers.discard(key)
        return outcome

    def _begin(self) -> None:
        self._others.check_alive()
        if self._faults.strikes("process: dies before a request"):
            self._others.kill()
        self._pass_time(self._faults.spread(0.05, 1.0))

    def _end(self) -> None:
        if self._faults.strikes("process: dies after a request"):
            self._others.kill()

    def _decide(self, kind: str, reference: str, key: str, text: str) -> Outcome:
        strikes = self._faults.strikes
        if strikes("backend: busy (503)"):
            return TryLater("HTTP 503", self._faults.choose(0.0, 5.0, 120.0) or None)
        if strikes("backend: our credentials are wrong (401)"):
            return Held("HTTP 401")
        if self.requests[key] == 1 and strikes("backend: refuses it (422)"):
            self.refused.add(key)
            return Refused("HTTP 422")
        if strikes("backend: takes nothing and no answer comes"):
            self._pass_time(REQUEST_DEADLINE_S)
            return Unknown("no answer")
        if strikes("backend: takes it twice as slow as the lease"):
            return self._take_slowly(kind, reference, key, text)
        tracking_id = self._take(kind, reference, key, text)
        if strikes("backend: takes it and the answer is lost"):
            self._pass_time(REQUEST_DEADLINE_S)
            return Unknown("no answer")
        if strikes("backend: answers garbage, and has taken it"):
            reason = "its answer does not fit the contract"
            return Held(reason) if self.honours_idempotency_keys else Unknown(reason)
        return Accepted(tracking_id)

    def _take_slowly(self, kind: str, reference: str, key: str, text: str) -> Outcome:
        """It is taken long after we gave up; or we hang in it ourselves, longer than our lease."""
        late_at = self._clock.monotonic() + 2 * LEASE_S
        self._others.at(late_at, lambda: self._take_late(kind, reference, key, text))
        if self._faults.choose(0, 1):
            self._pass_time(REQUEST_DEADLINE_S)
            return Unknown("no answer")
        self._pass_time(2 * LEASE_S + 1.0)
        return Accepted(self._take(kind, reference, key, text, is_same=True))

    def _take_late(self, kind: str, reference: str, key: str, text: str) -> None:
        self._take(kind, reference, key, text)

    def _take(
        self, kind: str, reference: str, key: str, text: str, *, is_same: bool = False
    ) -> str:
        if self.honours_idempotency_keys or is_same:
            for taken in self.taken:
                if taken.key == key:
                    return taken.tracking_id
        taken = Taken(kind, reference, key, text, f"T-{len(self.taken) + 1}")
        self.taken.append(taken)
        self._trace.say(self.name, f"takes {kind} {reference} as {taken.tracking_id}")
        return taken.tracking_id

    def _pass_time(self, seconds: float) -> None:
        self._others.run_until(self._clock.monotonic() + seconds)
        self._others.check_alive()
