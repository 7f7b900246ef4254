"""Worker: takes complaints to one backend, one request at a time.

A step is: claim one forward (committed), ask the backend with nothing held open, settle
(committed). What comes of it:

    Accepted   forwarded Refused    a person must look TryLater   due again, later each time, for
    ever Held       our side or the contract is wrong: due again, and an ERROR each time until it is
    put right Unknown    the answer was lost. Who honours idempotency keys gets it again with the
    same key. Who can be asked is asked
               for our reference twice, a settle time apart; then it gets it again, and is asked
               once more. For any other the forward is parked as unconfirmed, for a person.

Whatever fails here fails for all complaints alike, so after a failure the whole backend is left
alone for a pause that doubles up to a ceiling: a backend that is away for a month costs one request
a quarter of an hour. Each forward has its own growing pause besides, so that one which always fails
does not stand before all others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import structlog
from msgspec import Struct

from smsgate.backends import (
    Accepted,
    Backend,
    Found,
    Held,
    LookupOutcome,
    NotFound,
    Outcome,
    Refused,
    TryLater,
    Unknown,
)
from smsgate.clock import Clock
from smsgate.errors import StoreError
from smsgate.records import ForwardClaim
from smsgate.retry import RetryPolicy, next_attempt_at, pause_s
from smsgate.workers import Wakeable

log = structlog.get_logger(__name__)

LOOKUPS = 2  # before a complaint in doubt is sent again
REQUESTS_PER_CLAIM = 2  # sending again, and asking once more
SETTLING_S_MAX = 15.0  # what a commit may take when the store is slow
IDLE_S_MAX = 30.0  # a person's `forwards release`, or another host's row, comes without a wake-up
STORE_RETRY_S = 2.0
CLAIM_RETRY_S = 1.0  # due, but the store gives none: held, or too little disk
DOUBLED = "sent again after a lost answer, and the backend knows it by another id: perhaps twice"
CANNOT_BE_ASKED = "the answer was lost, and the backend can neither be asked nor honours keys"


class ForwardStore(Protocol):
    """What the forwarder needs of the store. False: the claim was ours no more, and nothing was
    written."""

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        """Take the forward that is due the longest, or None."""
        ...

    def settle_forward(
        self, claim: ForwardClaim, outcome: Outcome, *, next_at: datetime | None
    ) -> bool:
        """Write down what the backend said."""
        ...

    def note_lookup(
        self, claim: ForwardClaim, found: LookupOutcome, *, next_at: datetime | None
    ) -> bool:
        """Write down what the backend said when asked for our reference; Found settles it as
        forwarded."""
        ...

    def park_forward(self, claim: ForwardClaim, reason: str) -> bool:
        """Leave it to a person, as unconfirmed."""
        ...

    def next_forward_at(self, backend: str) -> datetime | None:
        """Return when the next forward is due, or None where none waits."""
        ...


@runtime_checkable
class Abortable(Protocol):
    """A backend whose request in hand can be ended from another thread."""

    def abort(self) -> None:
        """End it."""
        ...


class Parked(Struct, frozen=True):
    """Left to a person: whether the backend has it cannot be found out."""

    reason: str


class Looked(Struct, frozen=True):
    """The backend was asked for our reference."""

    found: LookupOutcome


Finding = Outcome | Looked | Parked


class Forwarder(Wakeable):
    """Takes complaints to one backend. `chance` gives numbers in [0, 1)."""

    def __init__(
        self,
        store: ForwardStore,
        backend: Backend,
        *,
        clock: Clock,
        chance: Callable[[], float],
        policy: RetryPolicy | None = None,
    ) -> None:
        super().__init__()
        self.name = f"forwarder-{backend.name}"
        self._store = store
        self._backend = backend
        self._clock = clock
        self._chance = chance
        self._policy = policy or RetryPolicy()
        self._lease_s = REQUESTS_PER_CLAIM * backend.request_deadline_s + SETTLING_S_MAX
        self._failures = 0  # in a row, of different forwards
        self._last_failed: int | None = None
        self._resume_at = clock.monotonic()
        self._unsettled: tuple[ForwardClaim, Finding] | None = None

    def step(self) -> float | None:
        """Take one complaint to the backend; return when to be stepped again."""
        try:
            return self._step()
        except StoreError as error:
            log.warning("forwarding_postponed", backend=self._backend.name, reason=str(error))
            return STORE_RETRY_S
        except Exception:
            self._unsettled = None  # a mistake of ours there must not come back with every step
            raise

    def abort(self) -> None:
        """End the request in hand, from any thread; it settles as what it then is."""
        if isinstance(self._backend, Abortable):
            self._backend.abort()

    def hurry(self) -> None:
        """End the backend's pause and look at once, from any thread: a person put something right."""
        self._resume_at = self._clock.monotonic()
        self.wake()

    def close(self) -> None:
        """Write down what is known of the last request, and free the backend's connections."""
        try:
            if self._unsettled is not None:
                self._settle(*self._unsettled)
        except StoreError as error:
            log.warning("forward_outcome_lost", backend=self._backend.name, reason=str(error))
        self._backend.close()

    def _step(self) -> float | None:
        if self._unsettled is not None:
            self._settle(*self._unsettled)
        pause_left_s = self._resume_at - self._clock.monotonic()
        if pause_left_s > 0:
            return pause_left_s
        claim = self._store.claim_forward(self._backend.name, lease_s=self._lease_s)
        if claim is None:
            return self._idle_s()
        finding = self._ask(claim)
        self._count(claim, finding)
        # Kept until it is written: when the store fails just now, what we learnt is not lost with
        # it.
        self._unsettled = (claim, finding)
        self._settle(claim, finding)
        return max(0.0, self._resume_at - self._clock.monotonic())

    def _idle_s(self) -> float:
        next_at = self._store.next_forward_at(self._backend.name)
        if next_at is None:
            return IDLE_S_MAX
        due_in_s = (next_at - self._clock.now()).total_seconds()
        return min(max(due_in_s, CLAIM_RETRY_S), IDLE_S_MAX)

    # --- asking ----------------------------------------------------------------------------------

    def _ask(self, claim: ForwardClaim) -> Finding:
        """Ask the backend what this claim needs. No exception of a backend's code gets out.

        One complaint that trips a mistake of ours must not stop those behind it.
        """
        try:
            if claim.was_unknown and not self._backend.honours_idempotency_keys:
                return self._clear_up(claim)
            outcome = self._send(claim)
        except Exception as error:
            log.exception("backend_crashed", backend=self._backend.name, forward=claim.id)
            outcome = Unknown(f"our own mistake: {type(error).__name__}")
        if isinstance(outcome, Unknown) and not self._can_be_cleared_up(claim):
            return Parked(f"{outcome.reason}: {CANNOT_BE_ASKED}")
        return outcome

    def _send(self, claim: ForwardClaim) -> Outcome:
        if claim.kind == "add":
            return self._backend.add(
                claim.complaint,
                claim.complaint.text,
                tracking_id=claim.tracking_id,
                idempotency_key=claim.idempotency_key,
            )
        return self._backend.forward(claim.complaint, idempotency_key=claim.idempotency_key)

    def _can_be_cleared_up(self, claim: ForwardClaim) -> bool:
        """Whether a doubt about it can be resolved without a person. An addition cannot be asked
        for."""
        is_findable = self._backend.can_be_asked and claim.kind == "create"
        return self._backend.honours_idempotency_keys or is_findable

    def _clear_up(self, claim: ForwardClaim) -> Finding:
        """Find out whether a backend without keys has what was sent before the answer was lost."""
        if not self._can_be_cleared_up(claim):
            return Parked(CANNOT_BE_ASKED)
        if claim.lookup_count < LOOKUPS:
            return Looked(self._backend.find(claim.complaint.reference))
        outcome = self._send(claim)
        if isinstance(outcome, Accepted) and self._is_doubled(claim, outcome):
            return Parked(DOUBLED)
        return outcome

    def _is_doubled(self, claim: ForwardClaim, accepted: Accepted) -> bool:
        """Ask once more: the first request may have come through after we were told it had not."""
        found = self._backend.find(claim.complaint.reference)
        return (
            isinstance(found, Found)
            and None not in (found.tracking_id, accepted.tracking_id)
            and found.tracking_id != accepted.tracking_id
        )

    # --- settling --------------------------------------------------------------------------------

    def _settle(self, claim: ForwardClaim, finding: Finding) -> None:
        next_at = self._next_at(claim, finding)
        if isinstance(finding, Looked):
            is_ours = self._store.note_lookup(claim, finding.found, next_at=next_at)
        elif isinstance(finding, Parked):
            is_ours = self._store.park_forward(claim, finding.reason)
        else:
            is_ours = self._store.settle_forward(claim, finding, next_at=next_at)
        self._unsettled = None
        self._say(claim, finding, is_ours=is_ours)

    def _next_at(self, claim: ForwardClaim, finding: Finding) -> datetime | None:
        """Return when this forward is due again, or None where it is settled for good."""
        answer = finding.found if isinstance(finding, Looked) else finding
        now = self._clock.now()
        if isinstance(answer, Accepted | Refused | Parked | Found):
            return None
        if isinstance(answer, NotFound):
            is_last = claim.lookup_count + 1 >= LOOKUPS
            return now if is_last else now + self._settle_time()
        if isinstance(answer, Unknown) and not self._backend.honours_idempotency_keys:
            return now + self._settle_time()
        wish_s = answer.wait_s if isinstance(answer, TryLater) else None
        return next_attempt_at(
            claim.attempt,
            now=now,
            policy=self._policy,
            jitter=self._chance(),
            wish_s=max(wish_s or 0.0, self._resume_at - self._clock.monotonic()),
        )

    def _settle_time(self) -> timedelta:
        return timedelta(seconds=self._backend.settle_s)

    def _count(self, claim: ForwardClaim, finding: Finding) -> None:
        """Leave the backend alone for a while after a failure; stop doing so after an answer."""
        answer = finding.found if isinstance(finding, Looked) else finding
        if isinstance(answer, Accepted | Refused | Found | NotFound):
            self._failures, self._last_failed = 0, None
            return
        if claim.id != self._last_failed:
            # The same one failing again says nothing about others; its own pause grows.
            self._failures, self._last_failed = self._failures + 1, claim.id
        is_held = isinstance(answer, Held)
        wish_s = answer.wait_s if isinstance(answer, TryLater) else None
        self._resume_at = self._clock.monotonic() + pause_s(
            self._failures,
            policy=self._policy,
            jitter=self._chance(),
            wish_s=self._policy.held_delay_s if is_held else wish_s,
        )

    def _say(self, claim: ForwardClaim, finding: Finding, *, is_ours: bool) -> None:
        fields = {
            "backend": self._backend.name,
            "reference": claim.complaint.reference,
            "kind": claim.kind,
            "attempt": claim.attempt,
        }
        if not is_ours:
            log.warning("forward_claim_lost", **fields)
        elif isinstance(finding, Accepted):
            log.info("complaint_forwarded", **fields)
        elif isinstance(finding, Looked):
            log.warning("forward_looked_up", found=type(finding.found).__name__, **fields)
        elif isinstance(finding, TryLater):
            log.warning("forward_postponed", reason=finding.reason, **fields)
        elif isinstance(finding, Unknown):
            log.warning("forward_answer_lost", reason=finding.reason, **fields)
        elif isinstance(finding, Held):
            log.error("backend_held", reason=finding.reason, **fields)
        elif isinstance(finding, Refused):
            log.error("forward_refused", reason=finding.reason, **fields)
        else:
            log.error("forward_unconfirmed", reason=finding.reason, **fields)
