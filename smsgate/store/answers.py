"""What backends say of complaints they have: into the history, the status, and an SMS to the citizen.

An answer is known again by its digest in the history, so that the same one seen twice, by another
round, after a restart or after a power cut, changes nothing and is not told twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.backends.progress import ENDS, AskedComplaint, Heard, Progress
from smsgate.records import ComplaintStatus, ForwardState, ReplyKind
from smsgate.store import events
from smsgate.store.columns import escape
from smsgate.store.notices import Notice, add_notice
from smsgate.store.room import Room
from smsgate.store.rows import CREATE
from smsgate.store.tables import Complaint, ComplaintEvent, Forward, Reply

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_event: Any = ComplaintEvent.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]

PROGRESSED = "progressed"
RAW_LENGTH_MAX = 40
UNIT_LENGTH_MAX = 100
NOTICES_A_DAY = 3  # of one complaint: a backend whose answers keep changing is a flood
NOTICES = (
    ReplyKind.ANSWER,
    ReplyKind.CLOSED,
    ReplyKind.PASSED_ON,
    ReplyKind.REJECTED,
    ReplyKind.NEED_MORE,
)
LIMITS = ("gateway's hourly limit", "gateway's daily limit")  # `replies.reason_not_to_tell`
SOMEBODY = "instansi yang berwenang"  # where the backend does not say who deals with it


class _TooManyNow(Exception):
    """The citizen, or all of them together, get no more notices for now: the transaction is rolled back."""


class Answers:
    """The transactions of what backends say."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def next_to_ask(self, backend: str, *, after: int, since: datetime) -> AskedComplaint | None:
        """Return the next complaint, in the order of their forwards, that this backend has and that is
        not over; only those of this gateway, whose lines answer them.
        """
        query = (
            sa.select(
                _forward.c.id.label("place"),
                _forward.c.complaint_id,
                _complaint.c.reference,
                _forward.c.tracking_id,
            )
            .join_from(_forward, _complaint, _complaint.c.id == _forward.c.complaint_id)
            .where(
                _forward.c.backend == backend,
                _forward.c.kind == CREATE,
                _forward.c.state == ForwardState.FORWARDED,
                _forward.c.id > after,
                _complaint.c.gateway == self._room.gateway,
                _complaint.c.closed_at.is_(None),
                _complaint.c.received_at > since,
            )
            .order_by(_forward.c.id)
            .limit(1)
        )
        with self._room.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else AskedComplaint(**row._mapping)

    def note(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        """Write what is news, with what the citizen is told of it, in one transaction.

        A complaint that had its notices for today, or comes when the gateway's replies are used up, is left
        as it is: it is asked for again.
        """
        try:
            return self._room.database.run(lambda c: self._note(c, backend, asked, progress))
        except _TooManyNow:
            return Heard(is_news=False)

    def _note(
        self, connection: Connection, backend: str, asked: AskedComplaint, progress: Progress
    ) -> Heard:
        own = _complaint.c.id == asked.complaint_id
        # In the order in which receiving locks them (see `notices`).
        connection.execute(
            sa.select(_reply.c.id)
            .where(_reply.c.complaint_id == asked.complaint_id)
            .order_by(_reply.c.id)
            .with_for_update()
        ).all()
        complaint = connection.execute(sa.select(_complaint).where(own).with_for_update()).one()
        history = _history(connection, asked.complaint_id, f"backend:{backend}")
        heard_last = history[-1].get("digest") if history else None
        digest = _digest(progress.status, progress.raw, progress.answer)
        is_first_word = not history and progress.status == complaint.status and not progress.answer
        is_over = complaint.closed_at is not None
        if is_over or is_first_word or heard_last == digest:
            return Heard(is_news=False)
        # A complaint that the citizen opened again is closed, and told so, again.
        since = _history(connection, asked.complaint_id, f"backend:{backend}", since="reopened")
        notices = list(_notices(progress, since, asked.complaint_id))
        now = self._room.now()
        if notices and _told(connection, asked, now - timedelta(days=1)) >= NOTICES_A_DAY:
            raise _TooManyNow
        change = _change(progress, now)
        if change:
            connection.execute(sa.update(_complaint).where(own).values(change))
        events.add(
            connection,
            events.event_row(
                asked.complaint_id, now, f"backend:{backend}", PROGRESSED, _detail(progress, digest)
            ),
        )
        due = [add_notice(connection, self._room, notice) for notice in notices]
        if _told(connection, asked, now, _reply.c.reason.in_(LIMITS)):
            raise _TooManyNow  # nothing of this is written: it is told when there is room
        return Heard(is_news=True, has_due_replies=any(due))


def _history(
    connection: Connection, complaint_id: int, actor: str, *, since: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Return what this backend said, all of it or since an event of this name was there last."""
    last = sa.select(sa.func.coalesce(sa.func.max(_event.c.id), 0)).where(
        _event.c.complaint_id == complaint_id, _event.c.event == since
    )
    query = (
        sa.select(_event.c.detail)
        .where(
            _event.c.complaint_id == complaint_id,
            _event.c.event == PROGRESSED,
            _event.c.actor == actor,
            _event.c.id > last.scalar_subquery(),
        )
        .order_by(_event.c.id)
    )
    return connection.execute(query).scalars().all()


def _told(connection: Connection, asked: AskedComplaint, since: datetime, *conditions: Any) -> int:
    query = sa.select(sa.func.count()).where(
        _reply.c.complaint_id == asked.complaint_id,
        _reply.c.kind.in_(NOTICES),
        _reply.c.created_at >= since,
        *conditions,
    )
    return int(connection.execute(query).scalar_one())


def _change(progress: Progress, now: datetime) -> dict[str, Any]:
    change: dict[str, Any] = {}
    if progress.status is not None:
        change["status"] = progress.status.value
    if progress.status in ENDS:
        change["closed_at"] = now
    if progress.unit:
        change["unit"] = escape(progress.unit[:UNIT_LENGTH_MAX])
    return change


def _detail(progress: Progress, digest: str) -> dict[str, Any]:
    """The history has no personal data, and what an official wrote may have some: its digest only."""
    return {
        "status": None if progress.status is None else progress.status.value,
        "raw": escape(progress.raw[:RAW_LENGTH_MAX]),
        "digest": digest,
        "answer": _digest(progress.answer) if progress.answer else None,
    }


def _digest(*values: object) -> str:
    plain = json.dumps([None if value is None else str(value) for value in values])
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def _notices(
    progress: Progress, history: Sequence[Mapping[str, Any]], complaint_id: int
) -> Iterator[Notice]:
    """Yield what the citizen is told: an answer that was not told before, and a status that is new."""
    status, unit = progress.status, {"unit": progress.unit} if progress.unit else {}
    is_new_status = status is not None and status.value not in [h.get("status") for h in history]
    told = [heard.get("answer") for heard in history]
    answer = progress.answer if progress.answer and _digest(progress.answer) not in told else None
    if answer and status not in (ComplaintStatus.CANCELLED, ComplaintStatus.NOT_OURS):
        yield Notice(complaint_id, ReplyKind.ANSWER, {"answer": answer, **unit})
    if not is_new_status:
        return
    match status:
        case ComplaintStatus.NEEDS_MORE if answer is None:
            yield Notice(complaint_id, ReplyKind.NEED_MORE, {})
        case ComplaintStatus.CLOSED:
            yield Notice(complaint_id, ReplyKind.CLOSED, unit)
        case ComplaintStatus.NOT_OURS:
            yield Notice(
                complaint_id, ReplyKind.PASSED_ON, {"institution": progress.unit or SOMEBODY}
            )
        case ComplaintStatus.CANCELLED:
            reason = progress.answer or progress.raw
            yield Notice(complaint_id, ReplyKind.REJECTED, {"reason": reason})
