"""Looking: what `status`, the metrics and the `list` and `show` commands ask. Reads only, in short
transactions.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.records import (
    BackendRecord,
    ComplaintRecord,
    Confidentiality,
    EventRecord,
    ForwardRecord,
    ForwardState,
    LineRecord,
    ReplyKind,
    ReplyRecord,
    ReplyState,
    StatusCounts,
)
from smsgate.store import backend_state
from smsgate.store.columns import with_offset
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.tables import (
    BackendState,
    Complaint,
    ComplaintEvent,
    Forward,
    Line,
    Part,
    Reply,
    ReplyPart,
    Sighting,
    Sms,
)

_backend: Any = BackendState.__table__  # type: ignore[attr-defined]
_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_event: Any = ComplaintEvent.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_line: Any = Line.__table__  # type: ignore[attr-defined]
_part: Any = Part.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_reply_part: Any = ReplyPart.__table__  # type: ignore[attr-defined]
_sighting: Any = Sighting.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

WAITING = "waiting"
_OPEN_FORWARDS = (ForwardState.DUE, ForwardState.CLAIMED, ForwardState.UNKNOWN)
_LINE_COLUMNS = (
    "gateway",
    "name",
    "service",
    "state",
    "reason",
    "port",
    "operator",
    "signal_dbm",
    "registration",
    "held",
    "capacity",
    "imei",
    "model",
    "last_received_at",
    "updated_at",
)
# asked every round
_STATES = Prepared(sa.select(_backend))
_OPEN = Prepared(
    lambda lists: (
        sa.select(_forward.c.backend, sa.func.count(), sa.func.min(_forward.c.created_at))
        .where(
            _forward.c.backend.in_(lists("backends")),
            sa.or_(*(_forward.c.state == state for state in _OPEN_FORWARDS)),
        )
        .group_by(_forward.c.backend)
    )
)


class Looking:
    """The questions."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def counts(self) -> StatusCounts:
        """Return how many of everything there are, by state."""
        with self._room.database.read() as connection:
            sms = _count_by(connection, _sms.c.disposition)
            parts = connection.execute(sa.select(sa.func.count()).select_from(_part)).scalar_one()
            times = sa.func.coalesce(sa.func.sum(_sighting.c.times), 0)
            return StatusCounts(
                sms={str(disposition or WAITING): count for disposition, count in sms.items()},
                complaints=_plain(_count_by(connection, _complaint.c.status)),
                forwards=_plain(_count_by(connection, _forward.c.state)),
                replies=_plain(_count_by(connection, _reply.c.state)),
                parts=parts,
                sightings=int(connection.execute(sa.select(times)).scalar_one()),
            )

    def backends(self) -> list[BackendRecord]:
        """Return how each backend is doing that has forwards or a state, or that a service names."""
        names = {name for facts in self._room.services.values() for name in facts.backends}
        with self._room.database.read() as connection:
            states = {row.name: row for row in _STATES.rows(connection, {})}
            with_forwards = backend_state.names_with_forwards(connection)
            open_ = _OPEN.rows(connection, {"backends": with_forwards}) if with_forwards else ()
            due = {backend: (count, oldest) for backend, count, oldest in open_}
        records = []
        for name in sorted(names | set(states) | set(due)):
            row, (count, oldest) = states.get(name), due.get(name, (0, None))
            records.append(
                BackendRecord(
                    name=name,
                    state=row.state if row is not None else backend_state.OK,
                    reason=row.reason if row is not None else None,
                    due=count,
                    oldest_due_at=oldest,
                    retry_at=row.retry_at if row is not None else None,
                    last_forwarded_at=row.last_forwarded_at if row is not None else None,
                )
            )
        return records

    def lines(self) -> list[LineRecord]:
        """Return how each line was doing when it last said so."""
        query = sa.select(*(_line.c[name] for name in _LINE_COLUMNS)).order_by(
            _line.c.gateway, _line.c.name
        )
        with self._room.database.read() as connection:
            return [LineRecord(*row) for row in connection.execute(query)]

    def complaints(self, *, limit: int = 50, status: str | None = None) -> list[ComplaintRecord]:
        """Return the newest complaints, without texts of forwards, replies and events."""
        query = sa.select(_complaint).order_by(_complaint.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(_complaint.c.status == status)
        with self._room.database.read() as connection:
            return [_complaint_record(row) for row in connection.execute(query)]

    def complaint(self, reference: str) -> ComplaintRecord | None:
        """Return one complaint with everything about it; None where nobody has this reference."""
        with self._room.database.read() as connection:
            row = connection.execute(
                sa.select(_complaint).where(_complaint.c.reference == reference)
            ).one_or_none()
            if row is None:
                return None
            return _complaint_record(
                row,
                forwards=_forwards_of(connection, row.id),
                replies=_replies_of(connection, row.id),
                events=_events_of(connection, row.id),
            )


def _count_by(connection: Connection, column: Any) -> dict[Any, int]:
    query = sa.select(column, sa.func.count()).group_by(column)
    rows = connection.execute(query).all()
    return {row[0]: row[1] for row in rows}


def _plain(counts: dict[Any, int]) -> dict[str, int]:
    return {str(state): count for state, count in counts.items()}


def _complaint_record(row: Any, **details: Any) -> ComplaintRecord:
    confidentiality = Confidentiality(row.confidentiality)
    is_anonymous = confidentiality is Confidentiality.ANONIM
    return ComplaintRecord(
        id=row.id,
        reference=row.reference,
        service=row.service,
        line=row.line,
        sender=None if is_anonymous else row.identity,
        body=row.body,
        confidentiality=confidentiality,
        is_urgent=row.is_urgent,
        status=row.status,
        received_at=row.received_at,
        sent_at=with_offset(row.sent_at, row.sent_offset_min),
        repeats=row.repeats,
        **details,
    )


def _forwards_of(connection: Connection, complaint_id: int) -> tuple[ForwardRecord, ...]:
    rows = connection.execute(
        sa.select(
            _forward.c.backend,
            _forward.c.kind,
            _forward.c.state,
            _forward.c.tracking_id,
            _forward.c.attempts,
            _forward.c.reason,
            _forward.c.next_at,
            _forward.c.settled_at,
        )
        .where(_forward.c.complaint_id == complaint_id)
        .order_by(_forward.c.id)
    )
    return tuple(ForwardRecord(row[0], row[1], ForwardState(row[2]), *row[3:]) for row in rows)


def _replies_of(connection: Connection, complaint_id: int) -> tuple[ReplyRecord, ...]:
    references: dict[int, list[int]] = defaultdict(list)
    parts = connection.execute(
        sa.select(_reply_part.c.reply_id, _reply_part.c.tp_mr)
        .join(_reply, _reply.c.id == _reply_part.c.reply_id)
        .where(_reply.c.complaint_id == complaint_id)
        .order_by(_reply_part.c.reply_id, _reply_part.c.number)
    )
    for reply_id, tp_mr in parts:
        references[reply_id].append(tp_mr)
    rows = connection.execute(
        sa.select(_reply).where(_reply.c.complaint_id == complaint_id).order_by(_reply.c.id)
    )
    return tuple(
        ReplyRecord(
            id=row.id,
            kind=ReplyKind(row.kind),
            state=ReplyState(row.state),
            text=row.text,
            reason=row.reason,
            created_at=row.created_at,
            submitted_at=row.submitted_at,
            references=tuple(references[row.id]),
        )
        for row in rows
    )


def _events_of(connection: Connection, complaint_id: int) -> tuple[EventRecord, ...]:
    rows = connection.execute(
        sa.select(_event.c.at, _event.c.actor, _event.c.event, _event.c.detail)
        .where(_event.c.complaint_id == complaint_id)
        .order_by(_event.c.id)
    )
    return tuple(EventRecord(*row) for row in rows)
