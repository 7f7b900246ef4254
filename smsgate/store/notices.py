"""Writes an SMS about a complaint that nobody asked for: that it is registered, answered, closed.

A notice is due in the same transaction as what it tells, behind every earlier reply of its complaint,
and leaves by the line that the complaint came in by. Its wording, and whether it may be sent at all,
are decided by the service's `Compose`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.composing import NoticeSubject
from smsgate.records import ReplyKind, ReplyState
from smsgate.store import events
from smsgate.store.columns import text_hash
from smsgate.store.knowledge import Knowledge, Window
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.rows import Place, Unit, reply_row, suppression_row
from smsgate.store.tables import Complaint, Forward, Reply

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]

_ABOUT = Prepared(
    sa.select(_complaint).where(_complaint.c.id == sa.bindparam("the_id")).with_for_update()
)
# Locked before the complaint, as receiving does it, so that the two never wait for each other.
_OPEN_REPLIES = Prepared(
    sa.select(_reply.c.id)
    .where(
        _reply.c.complaint_id == sa.bindparam("the_id"),
        sa.or_(_reply.c.state == ReplyState.DUE, _reply.c.state == ReplyState.CLAIMED),
    )
    .order_by(_reply.c.id)
    .with_for_update()
)
_SAID = Prepared(
    sa.select(_reply.c.id)
    .where(_reply.c.complaint_id == sa.bindparam("the_id"), _reply.c.kind == sa.bindparam("kind"))
    .limit(1)
)
_FIRST_SMS = Prepared(
    sa.select(sa.func.min(_forward.c.sms_id).label("id")).where(
        _forward.c.complaint_id == sa.bindparam("the_id")
    )
)
# The answer may come without a reference.
_ASKED = Prepared(
    sa.update(_complaint)
    .where(_complaint.c.id == sa.bindparam("the_id"))
    .values(asked_at=sa.bindparam("now"))
)
_INSERT = Prepared(sa.insert(_reply).inline())


class Notice(Struct, frozen=True):
    """What is to be told about a complaint. With `is_once` it gets one of this kind in its life."""

    complaint_id: int
    kind: ReplyKind
    values: Mapping[str, str]
    is_once: bool = False


def add_notice(connection: Connection, room: Room, notice: Notice) -> bool:
    """Make a notice about a complaint due; return whether a line has something to send now."""
    asked, kind = {"the_id": notice.complaint_id}, notice.kind
    has_open = bool(_OPEN_REPLIES.rows(connection, asked))
    [complaint] = _ABOUT.rows(connection, asked)
    compose = room.facts_of(complaint.service).compose
    if compose is None or not compose.is_sent(kind):
        return False
    if notice.is_once and _SAID.rows(connection, {**asked, "kind": kind}):
        return False
    place = _place(room, complaint)
    reply = compose.compose(kind, _subject(connection, room, complaint), notice.values)
    [first] = _FIRST_SMS.rows(connection, asked)
    unit = Unit(arrivals=(), identity=complaint.identity, sms_id=first.id)
    row = reply_row(reply, unit, complaint.id, place)
    is_due = row["state"] is ReplyState.DUE
    if is_due:
        row["next_at"] = None if has_open else place.now
        if kind is ReplyKind.NEED_MORE:
            _ASKED.change(connection, {**asked, "now": place.now})
    else:
        events.add(connection, suppression_row(complaint.id, reply, place))
    _INSERT.write(connection, [row])
    return is_due and not has_open


def _subject(connection: Connection, room: Room, complaint: Any) -> NoticeSubject:
    limits = room.limits_of(complaint.service)
    window = Window(complaint.service, complaint.gateway, room.now(), limits)
    nothing = text_hash("")  # a notice answers no text
    known = Knowledge.gather(connection, window, {complaint.identity}, {nothing})
    return NoticeSubject(
        reference=complaint.reference,
        recipient=complaint.identity,
        is_english=complaint.is_english,
        known=known.of(complaint.identity, nothing),
    )


def _place(room: Room, complaint: Any) -> Place:
    return Place(
        gateway=complaint.gateway,
        line=complaint.line,
        service=complaint.service,
        backends=(),
        actor="gateway",
        now=room.now(),
    )
