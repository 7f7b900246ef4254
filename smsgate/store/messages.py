"""The SMS themselves, as `messages list` and `messages show` print them. Reads only."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from smsgate.records import Confidentiality, Disposition, SmsState
from smsgate.store.columns import with_offset
from smsgate.store.room import Room
from smsgate.store.tables import Complaint, Part, Sms

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_part: Any = Part.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

_ASKS_FOR_ANONIM = re.compile(r"\banonim\b", re.IGNORECASE)


class PartRecord(Struct, frozen=True):
    """One part, as the modem gave it. `pdu` is its octets in hex; None where the sender is withheld."""

    memory: str
    slot_index: int
    number: int | None
    received_at: datetime
    state: str
    seen_count: int
    pdu: str | None


class MessageRecord(Struct, frozen=True):
    """One SMS. `sender` is None where it could not be read, and where it is withheld: of whoever asked for
    ANONIM, in this SMS or in a complaint before, or may have, as long as parts are missing.
    """

    id: int
    gateway: str
    line: str
    service: str
    sender: str | None
    is_withheld: bool
    state: str
    disposition: str | None  # None while it waits for parts
    reason: str | None
    text: str | None
    received_at: datetime
    sent_at: datetime | None
    part_count: int
    missing: int
    reference: str | None  # of the complaint that it is, or is about
    parts: tuple[PartRecord, ...] = ()


class Messages:
    """The questions."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def newest(
        self, *, limit: int, disposition: Disposition | None, state: SmsState | None
    ) -> list[MessageRecord]:
        """Return the newest SMS, without their parts."""
        query = message_query().order_by(_sms.c.id.desc()).limit(limit)
        if disposition is not None:
            query = query.where(_sms.c.disposition == disposition)
        if state is not None:
            query = query.where(_sms.c.state == state)
        with self._room.database.read() as connection:
            return [message_record(row) for row in connection.execute(query)]

    def one(self, sms_id: int) -> MessageRecord | None:
        """Return one SMS with its parts; None where there is none."""
        parts = sa.select(_part).where(_part.c.sms_id == sms_id)
        with self._room.database.read() as connection:
            row = connection.execute(message_query().where(_sms.c.id == sms_id)).one_or_none()
            if row is None:
                return None
            found = connection.execute(parts.order_by(_part.c.concat_number, _part.c.id)).all()
        return message_record(row, found)


_other: Any = _complaint.alias()


def has_been_anonymous(table: Any) -> Any:
    """Whether the citizen of a row ever filed one as ANONIM: anything else from that number would tell who it is."""
    return (
        sa.exists()
        .where(
            _other.c.service == table.c.service,
            _other.c.identity == table.c.identity,
            _other.c.confidentiality == Confidentiality.ANONIM,
        )
        .label("has_been_anonymous")
    )


def asks_for_anonim(text: str | None) -> bool:
    """Whether an SMS has the word, whatever became of it."""
    return _ASKS_FOR_ANONIM.search(text or "") is not None


def message_query() -> Any:
    """Return the question for SMS, to be narrowed; `message_record` makes records of its rows."""
    return sa.select(
        _sms, _complaint.c.reference, _complaint.c.confidentiality, has_been_anonymous(_sms)
    ).outerjoin(_complaint, _complaint.c.id == _sms.c.complaint_id)


def message_record(row: Any, parts: Any = ()) -> MessageRecord:
    is_withheld = _is_withheld(row)
    return MessageRecord(
        id=row.id,
        gateway=row.gateway,
        line=row.line,
        service=row.service,
        sender=None if is_withheld else row.sender,
        is_withheld=is_withheld,
        state=str(row.state),
        disposition=None if row.disposition is None else str(row.disposition),
        reason=row.reason,
        text=row.text,
        received_at=row.received_at,
        sent_at=with_offset(row.sent_at, row.sent_offset_min),
        part_count=row.concat_total,
        missing=row.missing,
        reference=row.reference,
        parts=tuple(_part_record(part, is_withheld=is_withheld) for part in parts),
    )


def _is_withheld(row: Any) -> bool:
    if row.confidentiality is not None:
        return Confidentiality(row.confidentiality) is Confidentiality.ANONIM
    if SmsState(row.state) is SmsState.WAITING:
        return True  # nobody knows yet what it asks for
    return row.has_been_anonymous or asks_for_anonim(row.text)


def _part_record(row: Any, *, is_withheld: bool) -> PartRecord:
    return PartRecord(
        memory=row.memory,
        slot_index=row.slot_index,
        number=row.concat_number,
        received_at=row.received_at,
        state=str(row.state),
        seen_count=row.seen_count,
        pdu=None if is_withheld else bytes(row.pdu).hex().upper(),
    )
