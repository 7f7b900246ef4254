"""What backends say of complaints they have: into the history, the status, and an SMS to the citizen.

An answer is known again by its digest in the history, so that the same one seen twice, by another
round, after a restart or after a power cut, changes nothing and is not told twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.backends.progress import ENDS, AskedComplaint, Heard, NotHereYet, Progress
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
REOPENED = "reopened"
# Of several backends the one that is furthest is believed.
FURTHER = (
    ComplaintStatus.RECEIVED,
    ComplaintStatus.IN_PROGRESS,
    ComplaintStatus.NEEDS_MORE,
    ComplaintStatus.ANSWERED,
    ComplaintStatus.NOT_OURS,
    ComplaintStatus.CANCELLED,
    ComplaintStatus.CLOSED,
)
RAW_LENGTH_MAX = 40
UNIT_LENGTH_MAX = 100
NOTICES_A_DAY = 3  # of one complaint: a backend whose answers keep changing is a flood
NOTICES_WAITING = 20  # at a line: no receipt waits behind a year's answers that come all at once
LINES_A_DAY = 20  # in one history: a status with a clock in it would be news in every round
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

    def next_to_ask(
        self, backend: str, *, after: int, since: datetime, closed_since: datetime | None = None
    ) -> AskedComplaint | None:
        """Return the next complaint, in the order of their forwards, that this backend has and that is
        not over, or only since `closed_since`; only those of this gateway, whose lines answer them.
        """
        is_asked = _complaint.c.closed_at.is_(None)
        if closed_since is not None:
            is_asked |= _complaint.c.closed_at > closed_since
        query = (
            self._sent_to(backend, since)
            .where(
                _forward.c.state == ForwardState.FORWARDED,
                _forward.c.id > after,
                is_asked,
            )
            .order_by(_forward.c.id)
            .limit(1)
        )
        with self._room.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else AskedComplaint(**row._mapping)

    def told_of(
        self, backend: str, reference: str, *, since: datetime, closed_since: datetime
    ) -> AskedComplaint | None:
        """Return the complaint that a backend speaks of by itself, of those that it could be asked for; None
        where it has no such one. Raises NotHereYet while its forward there is not settled.
        """
        query = (
            self._sent_to(backend, since)
            .add_columns(_forward.c.state)
            .where(
                _complaint.c.reference == reference,
                sa.or_(_complaint.c.closed_at.is_(None), _complaint.c.closed_at > closed_since),
            )
        )
        with self._room.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.state != ForwardState.FORWARDED:
            raise NotHereYet
        return AskedComplaint(row.place, row.complaint_id, row.reference, row.tracking_id)

    def _sent_to(self, backend: str, since: datetime) -> Any:
        """Select this gateway's complaints since then that this backend has or is to have."""
        return (
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
                _complaint.c.gateway == self._room.gateway,
                _complaint.c.received_at > since,
            )
        )

    def note(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        """Write what is news, with what the citizen is told of it, in one transaction.

        A complaint that had its notices for today, or comes when the gateway's replies are used up, is left
        as it is: it is asked for again.
        """
        try:
            return self._room.database.run(lambda c: self._note(c, backend, asked, progress))
        except _TooManyNow:
            return Heard(is_news=False, is_postponed=True)

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
        past = _past(connection, asked.complaint_id, f"backend:{backend}")
        digest = _digest(progress.status, progress.raw, progress.answer)
        is_first_word = not past.own and progress.status == complaint.status and not progress.answer
        is_over = complaint.closed_at is not None and not past.is_opened_by(progress)
        if is_over or is_first_word or past.heard_last == digest:
            return Heard(is_news=False)
        notices = list(_notices(progress, past, asked.complaint_id))
        now = self._room.now()
        yesterday = now - timedelta(days=1)
        if past.lines_since(yesterday) >= LINES_A_DAY:
            raise _TooManyNow
        if notices and (
            _told(connection, asked, yesterday) >= NOTICES_A_DAY
            or _waiting(connection, complaint, now) >= NOTICES_WAITING
        ):
            raise _TooManyNow
        change = _change(progress, past, now)
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


class _Past(Struct, frozen=True):
    """What was said of a complaint before, oldest first, as rows of the history."""

    own: Sequence[Any]  # by this backend
    others: Mapping[str, str]  # each other backend's last status since it was opened again last
    statuses: Set[str]  # by anybody since then: a complaint that was opened again is closed again
    answers: Set[str]  # digests, by anybody, ever: no answer is told twice

    @property
    def heard_last(self) -> str | None:
        return self.own[-1].detail["digest"] if self.own else None

    def is_opened_by(self, progress: Progress) -> bool:
        """Whether the backend that ended a complaint is at work on it again."""
        if not self.own or progress.status is None or progress.status in ENDS:
            return False
        return self.own[-1].detail["status"] in ENDS

    def lines_since(self, moment: datetime) -> int:
        return sum(1 for line in self.own if line.at > moment)

    def is_behind(self, progress: Progress) -> bool:
        """Whether another backend is further: what a slow one says last is not how far it is."""
        if progress.status is None or self.is_opened_by(progress):
            return False
        own = FURTHER.index(progress.status)
        return any(FURTHER.index(ComplaintStatus(other)) > own for other in self.others.values())


def _past(connection: Connection, complaint_id: int, actor: str) -> _Past:
    query = (
        sa.select(_event.c.at, _event.c.actor, _event.c.event, _event.c.detail)
        .where(_event.c.complaint_id == complaint_id, _event.c.event.in_((PROGRESSED, REOPENED)))
        .order_by(_event.c.id)
    )
    lines = connection.execute(query).all()
    reopened = [place for place, line in enumerate(lines) if line.event == REOPENED]
    since = [line for line in lines[reopened[-1] + 1 if reopened else 0 :] if line.detail["status"]]
    said = [line for line in lines if line.event == PROGRESSED]
    return _Past(
        own=[line for line in said if line.actor == actor],
        others={line.actor: line.detail["status"] for line in since if line.actor != actor},
        statuses={line.detail["status"] for line in since},
        answers={line.detail["answer"] for line in said if line.detail["answer"]},
    )


def _told(connection: Connection, asked: AskedComplaint, since: datetime, *conditions: Any) -> int:
    query = sa.select(sa.func.count()).where(
        _reply.c.complaint_id == asked.complaint_id,
        _reply.c.kind.in_(NOTICES),
        _reply.c.created_at >= since,
        *conditions,
    )
    return int(connection.execute(query).scalar_one())


def _waiting(connection: Connection, complaint: Any, now: datetime) -> int:
    query = sa.select(sa.func.count()).where(
        _reply.c.gateway == complaint.gateway,
        _reply.c.line == complaint.line,
        _reply.c.service == complaint.service,
        _reply.c.next_at <= now,
        _reply.c.kind.in_(NOTICES),
    )
    return int(connection.execute(query).scalar_one())


def _change(progress: Progress, past: _Past, now: datetime) -> dict[str, Any]:
    change: dict[str, Any] = {}
    is_behind = past.is_behind(progress)
    if progress.status is not None and not is_behind:
        change["status"] = progress.status.value
        change["closed_at"] = now if progress.status in ENDS else None
    if progress.unit and not is_behind:
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


def _notices(progress: Progress, past: _Past, complaint_id: int) -> Iterator[Notice]:
    """Yield what the citizen is told: an answer that was not told before, and a status that is new."""
    status, unit = progress.status, {"unit": progress.unit} if progress.unit else {}
    is_new_status = status is not None and status.value not in past.statuses
    answer = progress.answer
    if answer and _digest(answer) in past.answers:
        answer = None
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
