"""The outbox of replies: a line claims one immediately before each `AT+CMGS`, and settles it after
(design.md section 3).

The rules:

- `next_at` is set exactly while a reply may be claimed. A due one without it waits for an earlier
  reply of its complaint.
- A claim that runs out becomes `unconfirmed` and is never sent again by itself. A late `+CMGS` of
  the same claim still settles it.
- A reply that may not go yet holds back all others to its recipient, not those to anybody else.
- Old receipts expire, but nothing does while the clock cannot be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.records import ReplyClaim, ReplyKind, ReplyState
from smsgate.store import events
from smsgate.store.columns import escape_optional, unindexed
from smsgate.store.gate import IS_CLOSED
from smsgate.store.leases import Leases
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.tables import PartDelivery, Reply, ReplyPart
from smsgate.store.upserts import insert_into

_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_reply_part: Any = ReplyPart.__table__  # type: ignore[attr-defined]

EXPIRED_MAX = 100  # in one transaction


@cache
def _part_taken(dialect: str) -> Prepared:
    statement = insert_into(dialect, _reply_part).inline()
    again = {name: statement.excluded[name] for name in ("tp_mr", "submitted_at")}
    return Prepared(
        statement.on_conflict_do_update(index_elements=["reply_id", "number"], set_=again)
    )


_CANDIDATE = (
    sa.select(_reply.c.id)
    .where(
        _reply.c.gateway == sa.bindparam("the_gateway"),
        _reply.c.line == sa.bindparam("the_line"),
        _reply.c.service == sa.bindparam("the_service"),
        _reply.c.next_at <= sa.bindparam("now"),
        ~IS_CLOSED,
    )
    .order_by(_reply.c.next_at, _reply.c.id)
    .limit(1)
)
_RETURNED = (
    _reply.c.fence,
    _reply.c.kind,
    _reply.c.recipient,
    _reply.c.text,
    _reply.c.attempts,
    _reply.c.created_at,
    _reply.c.expires_at,
    _reply.c.complaint_id,
)
_NEXT_AT = Prepared(
    sa.select(sa.func.min(_reply.c.next_at).label("next_at")).where(
        _reply.c.gateway == sa.bindparam("the_gateway"),
        _reply.c.line == sa.bindparam("the_line"),
        _reply.c.service == sa.bindparam("the_service"),
        ~IS_CLOSED,
    )
)
_IS_TOO_OLD = (
    unindexed(_reply.c.gateway) == sa.bindparam("the_gateway"),
    _reply.c.state == ReplyState.DUE,
    _reply.c.expires_at <= sa.bindparam("now"),
)
_ANY_TOO_OLD = Prepared(sa.select(_reply.c.id).where(*_IS_TOO_OLD).limit(1))
_TOO_OLD = Prepared(
    sa.select(_reply.c.id, _reply.c.fence)
    .where(*_IS_TOO_OLD)
    .order_by(_reply.c.id)
    .limit(EXPIRED_MAX)
    .with_for_update(skip_locked=True)
)
_END = Prepared(
    sa.update(_reply)
    .where(
        _reply.c.id == sa.bindparam("the_id"),
        _reply.c.fence == sa.bindparam("the_fence"),
        sa.or_(
            _reply.c.state == sa.bindparam("was", type_=_reply.c.state.type),
            _reply.c.state == sa.bindparam("or_was", type_=_reply.c.state.type),
        ),
    )
    .returning(_reply.c.complaint_id, _reply.c.kind, _reply.c.line, _reply.c.attempts)
)
_OURS = Prepared(
    sa.select(_reply.c.gateway, _reply.c.line)
    .where(
        _reply.c.id == sa.bindparam("the_id"),
        _reply.c.fence == sa.bindparam("the_fence"),
        sa.or_(_reply.c.state == ReplyState.CLAIMED, _reply.c.state == ReplyState.UNCONFIRMED),
    )
    .with_for_update()
)
_RELEASE_NEXT = Prepared(
    sa.update(_reply)
    .where(
        _reply.c.id
        == sa.select(sa.func.min(_reply.c.id))
        .where(
            _reply.c.complaint_id == sa.bindparam("complaint"),
            sa.or_(_reply.c.state == ReplyState.DUE, _reply.c.state == ReplyState.CLAIMED),
        )
        .scalar_subquery(),
        _reply.c.state == ReplyState.DUE,
        _reply.c.next_at.is_(None),
    )
    .values(next_at=sa.bindparam("now"))
)
_TAKEN_PARTS = Prepared(
    sa.select(_reply_part.c.number).where(_reply_part.c.reply_id == sa.bindparam("reply"))
)
_FREE = {"owner": None, "lease_until": None}
_EVENTS = {
    ReplyState.SUBMITTED: "replied",
    ReplyState.UNCONFIRMED: "reply_unconfirmed",
    ReplyState.EXPIRED: "reply_expired",
    ReplyState.SUPPRESSED: "reply_suppressed",
    ReplyState.UNDELIVERED: "reply_undelivered",
}


class ReplyOutbox:
    """Claims and settles replies of one gateway's lines."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._leases = Leases(room, _reply, *_RETURNED)

    def claim(self, service: str, line: str, *, lease_s: float) -> ReplyClaim | None:
        """Take the next due reply of a line; those too old by now expire on the way."""
        asked = self._asked(service, line) | {"now": self._room.now()}

        def take(connection: Connection) -> ReplyClaim | None:
            for _ in range(EXPIRED_MAX):
                row = self._leases.take(connection, _CANDIDATE, asked, lease_s=lease_s)
                if row is None:
                    return None
                if not self._is_too_old(row.expires_at, asked["now"]):
                    return _claim_of(connection, row)
                self._end_one(connection, row.id, row.fence, {"state": ReplyState.EXPIRED})
                self._leases.end(row.id)
            return None

        return self._room.database.run(take)

    def record_part(self, claim: ReplyClaim, number: int, tp_mr: int) -> bool:
        """Write that the SMSC took part `number` and gave it this TP-MR; False where the claim was
        no longer ours.
        """

        def record(connection: Connection) -> bool:
            return self._record(connection, claim, {number: tp_mr})

        return self._room.database.run(record)

    def settle(
        self,
        claim: ReplyClaim,
        state: ReplyState,
        *,
        reason: str | None,
        next_at: datetime | None,
        taken: Mapping[int, int] | None,
    ) -> bool:
        """Write how it went, and which parts the SMSC took; False where the claim was no longer ours,
        and nothing was written.
        """
        now = self._room.now()
        values: dict[str, Any] = {"state": state, "reason": escape_optional(reason)}
        if state is ReplyState.DUE:
            values["next_at"] = next_at or now
        if state is ReplyState.SUBMITTED:
            values["submitted_at"] = now

        def settle(connection: Connection) -> bool:
            if taken and not self._record(connection, claim, taken):
                return False
            is_settled = self._end_one(connection, claim.id, claim.fence, values)
            if is_settled and state is ReplyState.DUE:
                _hold_back(connection, claim, values["next_at"])
            return is_settled

        is_settled = self._room.database.run(settle)
        self._leases.end(claim.id)
        return is_settled

    def _record(self, connection: Connection, claim: ReplyClaim, taken: Mapping[int, int]) -> bool:
        asked = {"the_id": claim.id, "the_fence": claim.fence}
        row = next(iter(_OURS.rows(connection, asked)), None)
        if row is None:
            return False
        parts = [
            {
                "reply_id": claim.id,
                "gateway": row.gateway,
                "line": row.line,
                "number": number,
                "tp_mr": tp_mr,
                "state": PartDelivery.SUBMITTED,
                "submitted_at": self._room.now(),
            }
            for number, tp_mr in sorted(taken.items())
        ]
        _part_taken(connection.dialect.name).write(connection, parts)
        return True

    def next_at(self, service: str, line: str) -> datetime | None:
        """Return when the line has a reply to send; None when never, as things stand."""
        with self._room.database.read() as connection:
            [row] = _NEXT_AT.rows(connection, self._asked(service, line))
        moment: datetime | None = row.next_at
        return moment

    def take_over(self, service: str, *, away: str, line: str) -> int:
        """Give the due replies of a line that is away to another one; return how many.

        A claimed one stays with who holds it. So does one of which a part went out: the rest would come from another
        number, and no phone joins the two.
        """
        is_begun = sa.exists().where(_reply_part.c.reply_id == _reply.c.id)
        theirs = (
            unindexed(_reply.c.gateway) == self._room.gateway,
            unindexed(_reply.c.line) == away,
            unindexed(_reply.c.service) == service,
            _reply.c.state == ReplyState.DUE,
            ~is_begun,
        )
        with self._room.database.read() as connection:
            if connection.execute(sa.select(_reply.c.id).where(*theirs).limit(1)).first() is None:
                return 0

        def work(connection: Connection) -> int:
            return connection.execute(sa.update(_reply).where(*theirs).values(line=line)).rowcount

        return self._room.database.run(work)

    def recover(self) -> int:
        """Make every claim that ran out `unconfirmed`, since it may be submitted; return how many."""
        with self._room.database.read() as connection:
            if not self._leases.is_any_run_out(connection):
                return 0
        condition = self._leases.has_run_out()

        def work(connection: Connection) -> list[int]:
            # The fence stays: the very claim that ran out may still learn that the SMSC took it.
            lost = connection.execute(
                sa.select(_reply.c.id, _reply.c.fence).where(condition).with_for_update()
            ).all()
            values = {
                "state": ReplyState.UNCONFIRMED,
                "reason": "the gateway stopped while it was submitted",
            }
            for row in lost:
                self._end_one(connection, row.id, row.fence, values)
            return [row.id for row in lost]

        return self._leases.end_all(self._room.database.run(work))

    def expire(self) -> int:
        """End every due reply of this gateway that is too old, whatever became of its line. Return
        how many.
        """
        now = self._room.now()
        if not self._room.time.is_trusted(now):
            return 0
        asked = {"the_gateway": self._room.gateway, "now": now}
        with self._room.database.read() as connection:
            if not _ANY_TOO_OLD.rows(connection, asked):
                return 0

        def work(connection: Connection) -> int:
            rows = _TOO_OLD.rows(connection, asked)
            values = {"state": ReplyState.EXPIRED}
            for row in rows:
                self._end_one(connection, row.id, row.fence, values, was=(ReplyState.DUE,))
            return len(rows)

        return self._room.database.run(work)

    def _end_one(
        self,
        connection: Connection,
        reply_id: int,
        fence: int,
        values: dict[str, Any],
        was: tuple[ReplyState, ...] | None = None,
    ) -> bool:
        """Write the end of one reply's claim, its event, and let the next of its complaint go."""
        state, now = values["state"], self._room.now()
        if was is None:
            was = (ReplyState.CLAIMED,)
            if state is ReplyState.SUBMITTED:
                was = (ReplyState.CLAIMED, ReplyState.UNCONFIRMED)  # a late answer
        ended = {"next_at": None, "settled_at": None if state is ReplyState.DUE else now}
        asked = {"the_id": reply_id, "the_fence": fence, "was": was[0], "or_was": was[-1]}
        row = next(iter(_END.rows(connection, asked | _FREE | ended | values)), None)
        if row is None:
            return False
        if row.complaint_id is not None and state is not ReplyState.DUE:
            detail = {"kind": str(row.kind), "attempt": row.attempts}
            actor = f"line:{row.line}"
            line = events.event_row(row.complaint_id, now, actor, _EVENTS[state], detail)
            events.add(connection, line)
            release_next(connection, row.complaint_id, now)
        return True

    def _is_too_old(self, expires_at: datetime | None, now: datetime) -> bool:
        return expires_at is not None and expires_at <= now and self._room.time.is_trusted(now)

    def _asked(self, service: str, line: str) -> dict[str, Any]:
        return {"the_gateway": self._room.gateway, "the_line": line, "the_service": service}


def release_next(connection: Connection, complaint_id: int, now: datetime) -> None:
    """Make the reply claimable that only waited for those before it."""
    _RELEASE_NEXT.change(connection, {"complaint": complaint_id, "now": now})


def _hold_back(connection: Connection, claim: ReplyClaim, until: datetime) -> None:
    """Nothing else goes to this recipient before `until`: what kept one back keeps all back."""
    connection.execute(
        sa.update(_reply)
        .where(
            _reply.c.recipient == claim.recipient,
            _reply.c.next_at < until,
            _reply.c.state == ReplyState.DUE,
        )
        .values(next_at=until)
    )


def _claim_of(connection: Connection, row: Any) -> ReplyClaim:
    submitted: frozenset[int] = frozenset()
    if row.attempts > 1:
        parts = _TAKEN_PARTS.rows(connection, {"reply": row.id})
        submitted = frozenset(part.number for part in parts)
    return ReplyClaim(
        id=row.id,
        fence=row.fence,
        kind=ReplyKind(row.kind),
        recipient=row.recipient,
        text=row.text,
        attempt=row.attempts,
        created_at=row.created_at,
        expires_at=row.expires_at,
        parts_submitted=submitted,
    )
