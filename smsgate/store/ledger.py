"""The ledger: what was read and what became of it, and whether it adds up.

A day's ledger is about the SMS whose first part was read that day, with everything that has come of
them since. All of it is asked of one moment, in aggregates; nothing of a sender or a text is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from smsgate.records import Disposition, ForwardState, ReplyKind, ReplyState, SmsState
from smsgate.store.database import give_time
from smsgate.store.room import Room
from smsgate.store.rows import CREATE
from smsgate.store.tables import (
    Complaint,
    ComplaintEvent,
    Forward,
    InletMessage,
    Part,
    Reply,
    Sighting,
    Sms,
)

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_event: Any = ComplaintEvent.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_inlet: Any = InletMessage.__table__  # type: ignore[attr-defined]
_part: Any = Part.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_sighting: Any = Sighting.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

_UNREAD = (Disposition.UNDECODABLE, Disposition.QUARANTINED)
_RECEIPTS = (ReplyKind.ACK, ReplyKind.ACK_RAHASIA, ReplyKind.ACK_ANONIM, ReplyKind.EMERGENCY)
_OF_A_COMPLAINT = (*_RECEIPTS, ReplyKind.REGISTERED)
_NEVER_SENT = (ReplyState.SUPPRESSED, ReplyState.EXPIRED)

Span = tuple[datetime, datetime]  # from, and before


class Imbalance(Struct, frozen=True):
    """One thing that does not add up: what, how often, and the first of them by its row's number."""

    what: str
    count: int
    first: int | None = None


class Ledger(Struct, frozen=True):
    """The balance. `dispositions` and `waiting` add up to `sms`, unless `imbalances` says otherwise."""

    parts: int
    sightings: int
    sms: int
    dispositions: Mapping[str, int]
    waiting: int
    complaints: int
    forwards: Mapping[str, int]
    replies: Mapping[str, int]
    imbalances: tuple[Imbalance, ...] = ()


class Days(Struct, frozen=True):
    """Which SMS a ledger is about: of each service those of its own day, which depends on where it is."""

    spans: Mapping[str, Span] = field(default_factory=dict)
    otherwise: Span | None = None  # for services that nobody configured; None: everything

    @property
    def are_all(self) -> bool:
        """Whether nothing is left out."""
        return self.otherwise is None

    def are_of(self, table: Any) -> Any:
        """Return the condition on a table with a service and a moment of reading."""
        if self.otherwise is None:
            return sa.true()
        conditions = [
            sa.and_(table.c.service == service, _is_within(table, span))
            for service, span in self.spans.items()
        ]
        rest = sa.and_(table.c.service.not_in(list(self.spans)), _is_within(table, self.otherwise))
        return sa.or_(*conditions, rest)


def balance(room: Room, days: Days) -> Ledger:
    """Return the ledger of these days."""
    with room.database.read() as connection:
        if not room.database.is_sqlite:
            # All questions of one moment, while lines go on writing.
            connection.execution_options(isolation_level="REPEATABLE READ")
        give_time(connection)
        return _balance(connection, days)


def _balance(connection: Connection, days: Days) -> Ledger:
    chosen = days.are_of(_sms)
    by_disposition = _count_by(connection, _sms.c.disposition, chosen)
    parts, seen = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_part.c.seen_count), 0))
        .join_from(_part, _sms, _sms.c.id == _part.c.sms_id)
        .where(chosen)
    ).one()
    ledger = Ledger(
        parts=parts,
        sightings=int(seen) - parts,
        sms=_count(connection, _sms, chosen),
        dispositions={name: by_disposition[name] for name in sorted(by_disposition) if name},
        waiting=by_disposition.get("", 0),
        complaints=_count(connection, _complaint, days.are_of(_complaint)),
        forwards=_states(connection, _forward, chosen),
        replies=_states(connection, _reply, chosen),
    )
    return replace(ledger, imbalances=(*_unequal_sums(ledger), *_imbalances(connection, days)))


def _unequal_sums(ledger: Ledger) -> Iterator[Imbalance]:
    decided = sum(ledger.dispositions.values())
    if decided + ledger.waiting != ledger.sms:
        yield Imbalance(
            f"{decided} SMS with a disposition and {ledger.waiting} that wait are not {ledger.sms} SMS",
            abs(decided + ledger.waiting - ledger.sms),
        )
    filed = ledger.dispositions.get(Disposition.COMPLAINT, 0)
    if filed != ledger.complaints:
        yield Imbalance(
            f"{filed} SMS that became complaints are not {ledger.complaints} complaints",
            abs(filed - ledger.complaints),
        )


def _imbalances(connection: Connection, days: Days) -> Iterator[Imbalance]:
    for what, question in _questions_of_all() if days.are_all else _questions(days):
        count, first = connection.execute(question).one()
        if count:
            yield Imbalance(what, count, first)


# Each check is a sentence, and a query of the ids of the rows that it is true of.
Checks = Iterable[tuple[str, Any]]


def _questions(days: Days) -> Checks:
    """Return what to ask: of how many rows each sentence is true, and the first of them."""
    chosen = days.are_of(_sms)
    for what, wrong in (
        *_checks_of_parts(chosen),
        *_checks_of_sms(chosen),
        *_checks_of_complaints(days.are_of(_complaint)),
        *_checks_of_replies(chosen),
    ):
        ids = wrong.subquery()
        yield what, sa.select(sa.func.count(), sa.func.min(ids.c.id)).select_from(ids)


@cache
def _questions_of_all() -> Checks:
    """Writing them takes longer than asking a small store, and a simulation asks ten thousand of those."""
    return tuple(_questions(Days()))


def _checks_of_parts(chosen: Any) -> Checks:
    has_sms = sa.exists().where(_sms.c.id == _part.c.sms_id)
    has_part = sa.exists().where(_part.c.sms_id == _sms.c.id)
    has_push = sa.exists().where(_inlet.c.sms_id == _sms.c.id)
    numbers = sa.func.count(sa.distinct(sa.func.coalesce(_part.c.concat_number, 1)))
    times = sa.func.coalesce(sa.func.sum(_sighting.c.times), 0)
    return (
        ("parts that belong to no SMS", sa.select(_part.c.id).where(~has_sms)),
        ("SMS without any part", sa.select(_sms.c.id).where(chosen, ~has_part, ~has_push)),
        (
            "SMS whose parts are not as many as they say",
            sa.select(_sms.c.id)
            .join_from(_sms, _part, _part.c.sms_id == _sms.c.id)
            .where(chosen)
            .group_by(_sms.c.id)
            .having(
                sa.or_(
                    _sms.c.missing != _sms.c.concat_total - numbers,
                    sa.and_(_sms.c.concat_total == 1, sa.func.count() > 1),
                )
            ),
        ),
        (
            "parts seen more or less often than was recorded",
            sa.select(_part.c.id)
            .join_from(_part, _sms, _sms.c.id == _part.c.sms_id)
            .outerjoin(_sighting, _sighting.c.part_id == _part.c.id)
            .where(chosen)
            .group_by(_part.c.id)
            .having(_part.c.seen_count - 1 != times),
        ),
    )


def _checks_of_sms(chosen: Any) -> Checks:
    state, disposition = _sms.c.state, _sms.c.disposition
    twin = _sms.alias()
    has_complaint = sa.exists().where(_complaint.c.id == _sms.c.complaint_id)
    about_one = (Disposition.COMPLAINT, Disposition.FOLLOW_UP, Disposition.REPEAT)
    return (
        (
            "SMS whose state and disposition do not agree",
            sa.select(_sms.c.id).where(
                chosen,
                sa.or_(
                    sa.and_(state == SmsState.WAITING, disposition.is_not(None)),
                    sa.and_(state != SmsState.WAITING, disposition.is_(None)),
                    sa.and_(state == SmsState.UNDECODABLE, disposition != Disposition.UNDECODABLE),
                    sa.and_(state == SmsState.QUARANTINED, disposition != Disposition.QUARANTINED),
                    sa.and_(state == SmsState.FILED, disposition.in_(_UNREAD)),
                ),
            ),
        ),
        (
            "SMS filed with a gap that is not marked, or marked without one",
            sa.select(_sms.c.id).where(
                chosen, state == SmsState.FILED, _sms.c.has_gap != (_sms.c.missing > 0)
            ),
        ),
        (
            "SMS that became complaint, follow-up or repeat of no complaint",
            sa.select(_sms.c.id).where(chosen, disposition.in_(about_one), ~has_complaint),
        ),
        (
            "SMS that opened a complaint which another opened, too",
            sa.select(_sms.c.id).where(
                chosen,
                disposition == Disposition.COMPLAINT,
                sa.exists().where(
                    twin.c.complaint_id == _sms.c.complaint_id,
                    twin.c.disposition == Disposition.COMPLAINT,
                    twin.c.id != _sms.c.id,
                ),
            ),
        ),
    )


def _checks_of_complaints(chosen: Any) -> Checks:
    own = _complaint.c.id
    filed = sa.and_(_event.c.complaint_id == own, _event.c.event == "filed")
    creates = _number(_forward, _forward.c.kind == CREATE)
    forwarded = _number(_forward, _forward.c.state == ForwardState.FORWARDED)
    submitted = _number(_reply, _reply.c.state == ReplyState.SUBMITTED)
    return (
        (
            "complaints that no SMS opened",
            sa.select(own).where(
                chosen, _number(_sms, _sms.c.disposition == Disposition.COMPLAINT) == 0
            ),
        ),
        (
            "complaints whose filing is not in the history once",
            sa.select(own).where(chosen, _number(_event, _event.c.event == "filed") != 1),
        ),
        (
            "complaints that lack the forward to a backend",
            sa.select(own)
            .join_from(_complaint, _event, filed)
            .where(chosen, _event.c.detail["backends"].as_integer() > creates),
        ),
        (
            "complaints with more or fewer repeats than they count",
            sa.select(own).where(
                chosen,
                _complaint.c.repeats != _number(_sms, _sms.c.disposition == Disposition.REPEAT),
            ),
        ),
        (
            "complaints that were forwarded without a line in the history",
            sa.select(own).where(
                chosen, forwarded > _number(_event, _event.c.event == "forwarded")
            ),
        ),
        (
            "complaints that were answered without a line in the history",
            sa.select(own).where(chosen, submitted > _number(_event, _event.c.event == "replied")),
        ),
        (
            "complaints with more than one receipt",
            sa.select(own).where(
                chosen,
                _number(_reply, _reply.c.kind.in_(_RECEIPTS), _reply.c.state.not_in(_NEVER_SENT))
                > 1,
            ),
        ),
    )


def _checks_of_replies(chosen: Any) -> Checks:
    has_complaint = sa.exists().where(_complaint.c.id == _reply.c.complaint_id)
    forwarded_one = sa.exists().where(_complaint.c.id == _forward.c.complaint_id)
    return (
        (
            "replies to no SMS",
            sa.select(_reply.c.id).where(~sa.exists().where(_sms.c.id == _reply.c.sms_id)),
        ),
        (
            "receipts without a complaint",
            sa.select(_reply.c.id)
            .join_from(_reply, _sms, _sms.c.id == _reply.c.sms_id)
            .where(chosen, _reply.c.kind.in_(_OF_A_COMPLAINT), ~has_complaint),
        ),
        (
            "forwards of no complaint, or because of no SMS",
            sa.select(_forward.c.id).where(
                sa.or_(~forwarded_one, ~sa.exists().where(_sms.c.id == _forward.c.sms_id))
            ),
        ),
    )


def _number(table: Any, *conditions: Any) -> Any:
    """Return how many rows of a table there are to a complaint."""
    return (
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.complaint_id == _complaint.c.id, *conditions)
        .correlate(_complaint)
        .scalar_subquery()
    )


def _is_within(table: Any, span: Span) -> Any:
    return sa.and_(table.c.received_at >= span[0], table.c.received_at < span[1])


def _count(connection: Connection, table: Any, condition: Any) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(condition)
    return int(connection.execute(query).scalar_one())


def _count_by(connection: Connection, column: Any, condition: Any) -> dict[str, int]:
    rows = connection.execute(sa.select(column, sa.func.count()).where(condition).group_by(column))
    return {"" if name is None else str(name): count for name, count in rows}


def _states(connection: Connection, table: Any, chosen: Any) -> dict[str, int]:
    rows = connection.execute(
        sa.select(table.c.state, sa.func.count())
        .join_from(table, _sms, _sms.c.id == table.c.sms_id)
        .where(chosen)
        .group_by(table.c.state)
    )
    return {str(state): count for state, count in sorted(map(tuple, rows))}
