"""What a person sees of the replies, and the one thing that they do to them: send one again.

The rules:

- Nothing here happens by itself: a reply that is sent again may reach the citizen twice.
- What was kept back on purpose (`suppressed`) stays so, and nobody who opted out gets a notice.
- Parts that the SMSC took are not sent again, unless the network gave them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.errors import SmsgateError
from smsgate.records import Confidentiality, ReplyKind, ReplyState
from smsgate.store import audit, events
from smsgate.store.answers import NOTICES
from smsgate.store.messages import asks_for_anonim, has_been_anonymous
from smsgate.store.replies import release_next
from smsgate.store.room import Room
from smsgate.store.tables import Complaint, PartDelivery, Reply, ReplyPart, Sms

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_reply_part: Any = ReplyPart.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

FOR_A_PERSON = (ReplyState.UNCONFIRMED, ReplyState.UNDELIVERED, ReplyState.EXPIRED)
OPEN = (*FOR_A_PERSON, ReplyState.DUE, ReplyState.CLAIMED)
_NOTICES = (*NOTICES, ReplyKind.REGISTERED)  # all others answer an SMS of the citizen's own
_WHY_NOT = {
    ReplyState.DUE: "it goes out by itself",
    ReplyState.CLAIMED: "it is on its way at this moment; look again in a few minutes",
    ReplyState.SUBMITTED: "the network took it",
    ReplyState.DELIVERED: "the phone has it",
    ReplyState.SUPPRESSED: "it was kept back on purpose",
}


class WrongReply(SmsgateError):
    """There is no such reply, or it is not one to send again: see `smsgate replies list`."""


class ListedReply(Struct, frozen=True):
    """One reply, as `replies list` prints it. `recipient` is None where the sender asked for ANONIM."""

    id: int
    sms_id: int
    reference: str | None
    gateway: str
    line: str
    service: str
    recipient: str | None
    kind: ReplyKind
    state: ReplyState
    attempts: int
    reason: str | None
    text: str
    created_at: datetime
    next_at: datetime | None
    expires_at: datetime | None
    submitted_at: datetime | None


class Choice(Struct, frozen=True):
    """Which replies are meant: in these states, and of this complaint or kind where it is named."""

    states: Sequence[ReplyState] = OPEN
    reference: str | None = None
    kind: ReplyKind | None = None


def list_replies(room: Room, choice: Choice, *, limit: int) -> list[ListedReply]:
    """Return these replies: first those that wait for a person, then the newest."""
    waits_for_machine = sa.case((_reply.c.state.in_(FOR_A_PERSON), 0), else_=1)
    query = (
        sa.select(
            _reply,
            _complaint.c.reference,
            _complaint.c.confidentiality,
            _sms.c.text.label("answered_text"),
            has_been_anonymous(_reply),
        )
        .join_from(_reply, _sms, _sms.c.id == _reply.c.sms_id)
        .outerjoin(_complaint, _complaint.c.id == _reply.c.complaint_id)
        .where(_reply.c.state.in_(choice.states))
        .order_by(waits_for_machine, _reply.c.id.desc())
        .limit(limit)
    )
    if choice.reference is not None:
        query = query.where(_complaint.c.reference == choice.reference)
    if choice.kind is not None:
        query = query.where(_reply.c.kind == choice.kind)
    with room.database.read() as connection:
        return [_listed(row) for row in connection.execute(query)]


class ReplyCare:
    """One person at the outbox of replies."""

    def __init__(self, room: Room, *, actor: str) -> None:
        self._room = room
        self._actor = actor

    def resend(self, ids: Sequence[int]) -> None:
        """Send these again, all or none of them; each has as long to live as it had when it was made."""

        def work(connection: Connection) -> None:
            rows = connection.execute(
                sa.select(_reply)
                .where(_reply.c.id.in_(ids))
                .order_by(_reply.c.id)
                .with_for_update()
            ).all()
            missing = sorted(set(ids) - {row.id for row in rows})
            if missing:
                raise WrongReply(
                    f"no reply has the number {missing[0]}: see `smsgate replies list`"
                )
            for row in rows:
                self._resend(connection, row)

        self._room.database.run(work)

    def _resend(self, connection: Connection, row: Any) -> None:
        state, now = ReplyState(row.state), self._room.now()
        if state not in FOR_A_PERSON:
            why = f" ({row.reason})" if state is ReplyState.SUPPRESSED and row.reason else ""
            raise WrongReply(
                f"reply {row.id} is not sent again: it is {state}{why}, {_WHY_NOT[state]}"
            )
        if ReplyKind(row.kind) in _NOTICES and _has_opted_out(connection, row):
            raise WrongReply(
                f"reply {row.id} is not sent again: the citizen wants no notices any more"
            )
        connection.execute(
            sa.delete(_reply_part).where(
                _reply_part.c.reply_id == row.id, _reply_part.c.state == PartDelivery.UNDELIVERED
            )
        )
        lifetime = None if row.expires_at is None else row.expires_at - row.created_at
        connection.execute(
            sa.update(_reply)
            .where(_reply.c.id == row.id)
            .values(
                state=ReplyState.DUE,
                reason=None,
                next_at=now if row.complaint_id is None else None,
                expires_at=None if lifetime is None else now + lifetime,
                settled_at=None,
                submitted_at=None,
            )
        )
        self._note(connection, row, was=state)

    def _note(self, connection: Connection, row: Any, *, was: ReplyState) -> None:
        now = self._room.now()
        if row.complaint_id is not None:
            # those after it wait again: what a citizen is told of a complaint comes in order
            connection.execute(
                sa.update(_reply)
                .where(
                    _reply.c.complaint_id == row.complaint_id,
                    _reply.c.id > row.id,
                    _reply.c.state == ReplyState.DUE,
                )
                .values(next_at=None)
            )
            release_next(connection, row.complaint_id, now)
            detail = {"kind": str(row.kind), "was": str(was)}
            line = events.event_row(row.complaint_id, now, self._actor, "reply_resent", detail)
            events.add(connection, line)
        told = {"was": str(was)}
        audit.add(
            connection, audit.audit_row(now, self._actor, "reply_resent", f"reply:{row.id}", told)
        )


def _has_opted_out(connection: Connection, row: Any) -> bool:
    query = (
        sa.select(_sms.c.optout)
        .where(
            _sms.c.service == row.service,
            _sms.c.identity == row.identity,
            _sms.c.optout.is_not(None),
        )
        .order_by(_sms.c.id.desc())
        .limit(1)
    )
    return bool(connection.execute(query).scalar())


def _listed(row: Any) -> ListedReply:
    is_anonymous = (
        row.confidentiality == Confidentiality.ANONIM
        or row.has_been_anonymous
        or asks_for_anonim(row.answered_text)
    )
    return ListedReply(
        id=row.id,
        sms_id=row.sms_id,
        reference=row.reference,
        gateway=row.gateway,
        line=row.line,
        service=row.service,
        recipient=None if is_anonymous else row.recipient,
        kind=ReplyKind(row.kind),
        state=ReplyState(row.state),
        attempts=row.attempts,
        reason=row.reason,
        text=row.text,
        created_at=row.created_at,
        next_at=row.next_at,
        expires_at=row.expires_at,
        submitted_at=row.submitted_at,
    )
