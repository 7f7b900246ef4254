"""The outbox of forwards: claim one, ask the backend with no transaction open, settle (design.md
section 3, Leases).

The rules:

- `next_at` is set exactly while a forward may be claimed: `due`, or `unknown` and to be looked up
  or tried again. A due one without it waits for an earlier forward of its complaint and backend.
- Every claim has a higher `fence` than all before it. Settling carries the fence; where that is
  gone, nothing is settled, and the answer is for whoever holds the claim now to find out.
- A held backend is left alone until `retry_at`; without `retry_at`, until a person releases it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

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
from smsgate.records import (
    Confidentiality,
    ForwardClaim,
    ForwardedComplaint,
    ForwardState,
    ReplyKind,
)
from smsgate.store import backend_state, events
from smsgate.store.columns import escape, with_offset
from smsgate.store.gate import IS_CLOSED
from smsgate.store.leases import Leases
from smsgate.store.notices import Notice, add_notice
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.rows import CREATE
from smsgate.store.settlements import Settlement
from smsgate.store.tables import BackendState, Complaint, Forward
from smsgate.store.turns import first_in_the_way

_backend: Any = BackendState.__table__  # type: ignore[attr-defined]
_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]

_IS_HELD = sa.exists().where(
    _backend.c.name == sa.bindparam("the_backend"),
    _backend.c.state == backend_state.HELD,
    sa.or_(_backend.c.retry_at.is_(None), _backend.c.retry_at > sa.bindparam("now")),
)
_CANDIDATE = (
    sa.select(_forward.c.id)
    .where(
        _forward.c.backend == sa.bindparam("the_backend"),
        _forward.c.next_at <= sa.bindparam("now"),
        ~_IS_HELD,
        ~IS_CLOSED,
    )
    .order_by(_forward.c.next_at, _forward.c.id)
    .limit(1)
)
_RETURNED = (
    _forward.c.fence,
    _forward.c.kind,
    _forward.c.idempotency_key,
    _forward.c.attempts,
    _forward.c.was_unknown,
    _forward.c.lookup_count,
    _forward.c.addition,
    _forward.c.complaint_id,
    _forward.c.created_at,
)
_COMPLAINT = Prepared(sa.select(_complaint).where(_complaint.c.id == sa.bindparam("the_id")))
_END = Prepared(
    sa.update(_forward)
    .where(
        _forward.c.id == sa.bindparam("the_id"),
        _forward.c.fence == sa.bindparam("the_fence"),
        _forward.c.state == sa.bindparam("was", type_=_forward.c.state.type),
    )
    .returning(_forward.c.complaint_id)
)
_COUNTERS = Prepared(
    sa.update(_forward)
    .where(_forward.c.id == sa.bindparam("the_id"))
    .values(
        attempts=_forward.c.attempts - 1,
        lookup_count=_forward.c.lookup_count + sa.bindparam("asked_more"),
    )
)
_FREE = {"owner": None, "lease_until": None}
_NEXT_AT = Prepared(
    sa.select(sa.func.min(_forward.c.next_at).label("next_at")).where(
        _forward.c.backend == sa.bindparam("the_backend"), ~IS_CLOSED
    )
)
_STATE = Prepared(
    sa.select(_backend.c.state, _backend.c.retry_at).where(
        _backend.c.name == sa.bindparam("the_backend")
    )
)


class ForwardOutbox:
    """Claims and settles forwards."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._leases = Leases(room, _forward, *_RETURNED)

    def claim(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        """Take the next forward of a backend, for one request within `lease_s`."""
        asked = {"the_backend": backend, "now": self._room.now()}

        def take(connection: Connection) -> ForwardClaim | None:
            row = self._leases.take(connection, _CANDIDATE, asked, lease_s=lease_s)
            return None if row is None else self._claim_of(connection, backend, row)

        return self._room.database.run(take)

    def settle(self, claim: ForwardClaim, outcome: Outcome, *, next_at: datetime | None) -> bool:
        """Write what the backend said; return False where the claim was no longer ours, and nothing
        was written.
        """
        now = self._room.now()
        return self._settle(claim, Settlement(now, next_at or now), outcome)

    def note_lookup(
        self, claim: ForwardClaim, found: LookupOutcome, *, next_at: datetime | None
    ) -> bool:
        """Write what the backend said when it was asked for our reference."""
        now = self._room.now()
        return self._settle(claim, Settlement(now, next_at or now, is_lookup=True), found)

    def park(self, claim: ForwardClaim, reason: str) -> bool:
        """Leave it to a person: the answer was lost, and the backend can neither be asked nor told
        again.
        """

        def settle(connection: Connection) -> bool:
            now = self._room.now()
            values = {
                "state": ForwardState.UNCONFIRMED,
                "reason": escape(reason),
                "settled_at": now,
            }
            complaint_id = _end(connection, claim, values)
            if complaint_id is None:
                return False
            self._note(connection, claim, complaint_id, "unconfirmed")
            return True

        return self._ended(claim, self._room.database.run(settle))

    def next_at(self, backend: str) -> datetime | None:
        """Return when the backend has something to do; None when never, as things stand."""
        with self._room.database.read() as connection:
            asked = {"the_backend": backend}
            due_at = _NEXT_AT.rows(connection, asked)[0].next_at
            if due_at is None:
                return None
            row = next(iter(_STATE.rows(connection, asked)), None)
        if row is None or row.state != backend_state.HELD:
            return _moment(due_at)
        return None if row.retry_at is None else max(_moment(due_at), _moment(row.retry_at))

    def recover(self) -> int:
        """Make every claim that ran out `unknown`: its request may have been taken. Return how
        many.
        """
        with self._room.database.read() as connection:
            if not self._leases.is_any_run_out(connection):
                return 0
        condition = self._leases.has_run_out()

        def work(connection: Connection) -> list[int]:
            now = self._room.now()
            lost = connection.execute(
                sa.update(_forward)
                .where(condition)
                .values(
                    state=ForwardState.UNKNOWN,
                    reason="the gateway stopped in the middle of the request",
                    was_unknown=True,
                    lookup_count=0,
                    fence=_forward.c.fence + 1,
                    next_at=now,
                    **_FREE,
                )
                .returning(_forward.c.id, _forward.c.complaint_id, _forward.c.backend)
            ).all()
            for row in lost:
                detail = {"backend": row.backend}
                line = events.event_row(row.complaint_id, now, "housekeeper", "unknown", detail)
                events.add(connection, line)
            return [row.id for row in lost]

        return self._leases.end_all(self._room.database.run(work))

    def _settle(
        self, claim: ForwardClaim, settlement: Settlement, outcome: Outcome | LookupOutcome
    ) -> bool:
        has_due_reply = False

        def settle(connection: Connection) -> bool:
            nonlocal has_due_reply
            complaint_id = _end(connection, claim, settlement.values_of(outcome))
            if complaint_id is None:
                return False
            if settlement.is_lookup:  # it was no attempt
                more = 1 if isinstance(outcome, NotFound) else 0
                _COUNTERS.change(connection, {"the_id": claim.id, "asked_more": more})
            has_due_reply = self._follow(connection, claim, complaint_id, settlement, outcome)
            return True

        is_settled = self._ended(claim, self._room.database.run(settle))
        if has_due_reply:
            self._room.on_due_reply()
        return is_settled

    def _follow(
        self,
        connection: Connection,
        claim: ForwardClaim,
        complaint_id: int,
        settlement: Settlement,
        outcome: Outcome | LookupOutcome,
    ) -> bool:
        """What an outcome means for the backend, for the complaint's history, for what waits
        behind, and for the citizen; return whether an SMS is due now.
        """
        now, next_at = settlement.now, settlement.next_at
        match outcome:
            case Accepted(tracking_id) | Found(tracking_id):
                backend_state.note_success(connection, claim.backend, now)
                self._note(connection, claim, complaint_id, "forwarded", tracking_id=tracking_id)
                release_next(connection, complaint_id, claim.backend, now)
                if tracking_id is not None and claim.kind == CREATE:
                    service = claim.complaint.service
                    return tell_registered(
                        connection, self._room, complaint_id, service, tracking_id
                    )
            case Refused():
                self._note(connection, claim, complaint_id, "refused")
                release_next(connection, complaint_id, claim.backend, now)
            case TryLater(reason):
                backend_state.note_failure(
                    connection, claim.backend, now, reason=escape(reason), retry_at=next_at
                )
            case Held(reason):
                if backend_state.hold(
                    connection, claim.backend, now, reason=escape(reason), retry_at=next_at
                ):
                    self._note(connection, claim, complaint_id, "held")
            case Unknown():
                self._note(connection, claim, complaint_id, "unknown")
            case NotFound():
                pass
        return False

    def _note(
        self,
        connection: Connection,
        claim: ForwardClaim,
        complaint_id: int,
        event: str,
        *,
        tracking_id: str | None = None,
    ) -> None:
        detail: dict[str, Any] = {"kind": claim.kind, "attempt": claim.attempt}
        if tracking_id is not None:
            detail["tracking_id"] = escape(tracking_id)
        actor = f"backend:{claim.backend}"
        line = events.event_row(complaint_id, self._room.now(), actor, event, detail)
        events.add(connection, line)

    def _ended(self, claim: ForwardClaim, is_settled: bool) -> bool:
        self._leases.end(claim.id)
        return is_settled

    def _claim_of(self, connection: Connection, backend: str, row: Any) -> ForwardClaim:
        [complaint] = _COMPLAINT.rows(connection, {"the_id": row.complaint_id})
        tracking_id = None
        if row.kind == "add":
            tracking_id = connection.execute(
                sa.select(_forward.c.tracking_id).where(
                    _forward.c.complaint_id == row.complaint_id,
                    _forward.c.backend == backend,
                    _forward.c.kind == "create",
                )
            ).scalar()
        return ForwardClaim(
            id=row.id,
            fence=row.fence,
            backend=backend,
            kind=row.kind,
            idempotency_key=row.idempotency_key,
            attempt=row.attempts,
            was_unknown=row.was_unknown,
            lookup_count=row.lookup_count,
            complaint=self._forwarded(complaint, row.addition),
            tracking_id=tracking_id,
            created_at=row.created_at,
        )

    def _forwarded(self, row: Any, addition: str | None) -> ForwardedComplaint:
        confidentiality = Confidentiality(row.confidentiality)
        is_plain = confidentiality is Confidentiality.PLAIN
        return ForwardedComplaint(
            reference=row.reference,
            text=row.body if addition is None else addition,
            raw_text=row.raw_text if addition is None else addition,
            received_at=row.received_at,
            sent_at=with_offset(row.sent_at, row.sent_offset_min),
            sender=row.identity if is_plain else None,
            is_confidential=not is_plain,
            is_anonymous=confidentiality is Confidentiality.ANONIM,
            is_urgent=row.is_urgent,
            prefix=row.prefix,
            service=row.service,
            service_number=self._room.facts_of(row.service).number,
        )


def release_next(connection: Connection, complaint_id: int, backend: str, now: datetime) -> None:
    """Make the forward claimable that only waited for those before it."""
    first = first_in_the_way(connection, complaint_id, backend)
    if first is not None and first.state == ForwardState.DUE and first.next_at is None:
        connection.execute(sa.update(_forward).where(_forward.c.id == first.id).values(next_at=now))


def tell_registered(
    connection: Connection, room: Room, complaint_id: int, service: str, tracking_id: str
) -> bool:
    """Quote the first backend's id to the citizen (those that answer later are not quoted); return whether
    an SMS is due now.
    """
    compose = room.facts_of(service).compose
    if compose is None or not compose.is_sent(ReplyKind.REGISTERED):
        return False
    values = {"tracking": tracking_id}
    return add_notice(
        connection, room, Notice(complaint_id, ReplyKind.REGISTERED, values, is_once=True)
    )


def _end(connection: Connection, claim: ForwardClaim, values: dict[str, Any]) -> int | None:
    """Write the end of a claim; return its complaint, or None where the fence is gone."""
    asked = {"the_id": claim.id, "the_fence": claim.fence, "was": ForwardState.CLAIMED}
    row = next(iter(_END.rows(connection, asked | _FREE | {"next_at": None} | values)), None)
    return None if row is None else int(row.complaint_id)


def _moment(value: Any) -> datetime:
    assert isinstance(value, datetime)
    return value
