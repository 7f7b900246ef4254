"""Status reports: what the network says became of what we submitted (23.040 section 9.2.3.15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hardware.pdu import encode_submit
from hardware.sms import SmsStatusReport
from smsgate.records import ReplyState
from smsgate.store import events
from smsgate.store.rows import Place
from smsgate.store.sameness import Arrival
from smsgate.store.tables import PartDelivery, Reply, ReplyPart

_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_reply_part: Any = ReplyPart.__table__  # type: ignore[attr-defined]

REPORT_WINDOW = timedelta(days=3)  # TP-MR comes round after 256 submissions
_SUBMITTED = (ReplyState.SUBMITTED, ReplyState.DELIVERED, ReplyState.UNCONFIRMED)
_EVENTS = {
    ReplyState.DELIVERED: "reply_delivered",
    ReplyState.UNDELIVERED: "reply_undelivered",
}
_SAME_DIGITS = 8  # of the recipient; what stands before them may be written in several ways


def note_reports(connection: Connection, place: Place, arrivals: Iterable[Arrival]) -> None:
    """Mark the replies that these status reports are about; one that is about none of ours changes
    nothing.
    """
    for arrival in arrivals:
        report = arrival.part.decoded
        if isinstance(report, SmsStatusReport):
            state = _state_of(report.status)
            if state is not None:
                _note(connection, place, report, state)


def _state_of(status: int) -> PartDelivery | None:
    """Return what TP-ST says for good; None while the SMSC is still trying."""
    if status < 0x20:
        return PartDelivery.DELIVERED
    if status < 0x40:
        return None
    return PartDelivery.UNDELIVERED


def _note(
    connection: Connection, place: Place, report: SmsStatusReport, state: PartDelivery
) -> None:
    candidates = connection.execute(
        sa.select(
            _reply_part.c.id,
            _reply_part.c.reply_id,
            _reply_part.c.submitted_at,
            _reply.c.recipient,
            _reply.c.text,
        )
        .join(_reply, _reply.c.id == _reply_part.c.reply_id)
        .where(
            _reply_part.c.gateway == place.gateway,
            _reply_part.c.line == place.line,
            _reply_part.c.tp_mr == report.reference,
            _reply_part.c.submitted_at > place.now - REPORT_WINDOW,
        )
        .order_by(_reply_part.c.submitted_at.desc())
    )
    digits = report.recipient.number[-_SAME_DIGITS:]
    # One that names nobody, or half a number, is about nobody: the TP-MR alone comes round every 256 SMS.
    is_whole = len(digits) == _SAME_DIGITS
    ours = [row for row in candidates if is_whole and row.recipient.endswith(digits)]
    if not ours:
        return
    # The same number may have come round for the same citizen: the report says when its SMS was taken.
    taken_at = report.sent_at or place.now
    found = min(ours, key=lambda row: abs(row.submitted_at - taken_at))
    connection.execute(
        sa.update(_reply_part)
        .where(_reply_part.c.id == found.id)
        .values(state=state, report_status=report.status, reported_at=place.now)
    )
    states = list(
        connection.execute(
            sa.select(_reply_part.c.state).where(_reply_part.c.reply_id == found.reply_id)
        ).scalars()
    )
    settled = _sum_of(set(states))
    if settled is ReplyState.DELIVERED and len(states) < _part_count(found):
        return  # the SMSC never took the rest of it, as far as we know
    if settled is not None:
        _settle(connection, place, found.reply_id, settled)


def _settle(connection: Connection, place: Place, reply_id: int, state: ReplyState) -> None:
    changed = connection.execute(
        sa.update(_reply)
        .where(
            _reply.c.id == reply_id,
            _reply.c.state.in_(_SUBMITTED),
            _reply.c.state != state,
        )
        .values(state=state)
        .returning(_reply.c.complaint_id, _reply.c.kind)
    ).one_or_none()
    if changed is not None and changed.complaint_id is not None:
        detail = {"kind": str(changed.kind)}
        line = events.event_row(
            changed.complaint_id, place.now, place.actor, _EVENTS[state], detail
        )
        events.add(connection, line)


def _part_count(reply: Any) -> int:
    return len(encode_submit(reply.recipient, reply.text, reference=0))


def _sum_of(states: set[PartDelivery]) -> ReplyState | None:
    if PartDelivery.UNDELIVERED in states:
        return ReplyState.UNDELIVERED
    if states == {PartDelivery.DELIVERED}:
        return ReplyState.DELIVERED
    return None
