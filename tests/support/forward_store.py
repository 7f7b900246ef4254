"""A store of forwards in memory, honest about claims, fences and leases: what the forwarder is
tested against first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

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
from smsgate.clock import Clock
from smsgate.errors import StoreUnavailable
from smsgate.records import ForwardClaim, ForwardedComplaint, ForwardState


@dataclass
class Row:
    """One forward."""

    id: int
    complaint: ForwardedComplaint
    kind: str
    next_at: datetime | None
    state: ForwardState = ForwardState.DUE
    fence: int = 0
    attempts: int = 0
    lookup_count: int = 0
    was_unknown: bool = False
    tracking_id: str | None = None
    reason: str | None = None
    lease_until: datetime | None = None


class ForwardMemory:
    """The forwards of one backend."""

    def __init__(self, clock: Clock) -> None:
        self.rows: list[Row] = []
        self.failures = 0  # this many next calls fail
        self._clock = clock

    def add(self, complaint: ForwardedComplaint, *, kind: str = "create") -> Row:
        """Make a forward that is due now."""
        row = Row(len(self.rows) + 1, complaint, kind, self._clock.now())
        self.rows.append(row)
        return row

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        self._fail()
        now = self._clock.now()
        self._expire(now)
        due = [row for row in self.rows if row.next_at is not None and row.next_at <= now]
        if not due:
            return None
        row = min(due, key=lambda row: (row.next_at, row.id))
        row.fence += 1
        row.attempts += 1
        row.state, row.next_at = ForwardState.CLAIMED, None
        row.lease_until = now + timedelta(seconds=lease_s)
        return ForwardClaim(
            id=row.id,
            fence=row.fence,
            backend=backend,
            kind=row.kind,
            idempotency_key=f"key-{row.id}",
            attempt=row.attempts,
            was_unknown=row.was_unknown,
            lookup_count=row.lookup_count,
            complaint=replace(row.complaint),
            tracking_id=row.tracking_id,
        )

    def settle_forward(
        self, claim: ForwardClaim, outcome: Outcome, *, next_at: datetime | None
    ) -> bool:
        row = self._owned(claim)
        if row is None:
            return False
        row.reason = getattr(outcome, "reason", None)
        row.next_at = next_at
        if isinstance(outcome, Accepted):
            assert next_at is None
            row.state, row.tracking_id = ForwardState.FORWARDED, outcome.tracking_id
        elif isinstance(outcome, Refused):
            assert next_at is None
            row.state = ForwardState.REFUSED
        elif isinstance(outcome, Unknown):
            assert next_at is not None
            row.state, row.was_unknown, row.lookup_count = ForwardState.UNKNOWN, True, 0
        else:
            assert isinstance(outcome, TryLater | Held)
            assert next_at is not None
            row.state = ForwardState.UNKNOWN if row.was_unknown else ForwardState.DUE
        return True

    def note_lookup(
        self, claim: ForwardClaim, found: LookupOutcome, *, next_at: datetime | None
    ) -> bool:
        row = self._owned(claim)
        if row is None:
            return False
        row.next_at = next_at
        row.state = ForwardState.UNKNOWN
        if isinstance(found, Found):
            assert next_at is None
            row.state, row.tracking_id = ForwardState.FORWARDED, found.tracking_id
        elif isinstance(found, NotFound):
            row.lookup_count += 1
        return True

    def park_forward(self, claim: ForwardClaim, reason: str) -> bool:
        row = self._owned(claim)
        if row is None:
            return False
        row.state, row.reason, row.next_at = ForwardState.UNCONFIRMED, reason, None
        return True

    def next_forward_at(self, backend: str) -> datetime | None:
        return min((row.next_at for row in self.rows if row.next_at is not None), default=None)

    def _owned(self, claim: ForwardClaim) -> Row | None:
        self._fail()
        row = self.rows[claim.id - 1]
        is_owned = row.state is ForwardState.CLAIMED and row.fence == claim.fence
        return row if is_owned else None

    def _expire(self, now: datetime) -> None:
        for row in self.rows:
            if row.state is ForwardState.CLAIMED and row.lease_until and row.lease_until < now:
                row.state, row.was_unknown, row.next_at = ForwardState.UNKNOWN, True, now

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("The database is locked.")
