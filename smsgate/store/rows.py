"""The units that a batch becomes, and the rows that are written for them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from hardware.sms import SmsDeliver, SmsStatusReport, Undecodable
from smsgate.records import (
    CompleteSms,
    Decision,
    Disposition,
    NewReply,
    PartState,
    ReplyState,
    SmsState,
)
from smsgate.store.columns import escape, escape_optional, offset_minutes, text_hash
from smsgate.store.events import event_row
from smsgate.store.grouping import Group
from smsgate.store.knowledge import INITIAL_STATUS
from smsgate.store.sameness import Arrival

CREATE, ADD = "create", "add"  # kinds of forwards


class Culprit(Undecodable, frozen=True):
    """Octets that made the gateway stumble: kept as they are, for a person."""


class Unit(Struct):
    """One SMS that a batch makes, adds parts to, or completes.

    `complaint` is the row of the complaint it is or is about; below zero it is one that this batch
    files, counted from -1. With `is_redecoded` its SMS is in the store already, as octets that nobody
    could read then, and so are its parts.
    """

    arrivals: Sequence[Arrival]
    group: Group | None = None
    sms: CompleteSms | None = None  # None while parts are missing, and for what has no text
    decision: Decision | None = None
    identity: str | None = None
    complaint: int | None = None
    sms_id: int = 0
    is_redecoded: bool = False

    @property
    def files_complaint(self) -> bool:
        """Whether a complaint is filed for it."""
        return self.complaint is not None and self.complaint < 0 and self._is_first_of_it

    @property
    def _is_first_of_it(self) -> bool:
        return self.decision is not None and self.decision.complaint is not None

    @property
    def was_filed(self) -> bool:
        """Whether it had its disposition before this batch."""
        return self.group is not None and self.group.state is not SmsState.WAITING


class Place(Struct, frozen=True):
    """Where and when a batch is filed, and by whom."""

    gateway: str
    line: str
    service: str
    backends: tuple[str, ...]
    actor: str
    now: datetime


def event_name(unit: Unit) -> str | None:
    if unit.files_complaint:
        return "filed"
    was_about_one = unit.group is not None and unit.group.complaint_id is not None
    if unit.was_filed and was_about_one:
        return "completed"
    assert unit.decision is not None
    return {
        Disposition.FOLLOW_UP: "followed_up",
        Disposition.REPEAT: "repeat",
        Disposition.QUERY: "asked",
    }.get(unit.decision.disposition)


def event_detail(unit: Unit, place: Place) -> dict[str, Any]:
    assert unit.sms is not None
    detail: dict[str, Any] = {"sms": unit.sms_id}
    if unit.files_complaint:
        detail["backends"] = len(
            place.backends
        )  # as they were then; the ledger counts forwards by it
    if unit.sms.part_count > 1:
        detail["parts"] = unit.sms.part_count
    if unit.sms.has_gap:
        detail["missing"] = unit.group.missing if unit.group is not None else 0
    return detail


def complaint_row(unit: Unit, place: Place) -> dict[str, Any]:
    assert unit.decision is not None
    assert unit.sms is not None
    new, sms = unit.decision.complaint, unit.sms
    assert new is not None
    return {
        "reference": new.reference,
        "gateway": place.gateway,
        "line": place.line,
        "service": place.service,
        "sender": escape(sms.sender),
        "identity": unit.identity,
        "body": escape(new.body),
        "raw_text": escape(new.raw_text),
        "prefix": escape(new.prefix),
        "confidentiality": new.confidentiality,
        "is_urgent": new.is_urgent,
        "text_digest": new.text_digest,
        "status": INITIAL_STATUS,
        "received_at": sms.received_at,
        "sent_at": sms.sent_at,
        "sent_offset_min": offset_minutes(sms.sent_at),
        "had_concat": sms.part_count > 1,
        "asked_at": place.now if unit.decision.is_asking else None,
        "is_english": new.is_english,
    }


def sms_row(unit: Unit, place: Place, complaint_id: int | None) -> dict[str, Any]:
    """The row of an SMS as it stands now; what is decided of it only where it is."""
    arrival = unit.arrivals[0] if unit.arrivals else None
    group, sms, decision = unit.group, unit.sms, unit.decision
    row: dict[str, Any] = {
        "gateway": place.gateway,
        "line": place.line,
        "service": place.service,
        "identity": unit.identity,
        "received_at": sms.received_at if sms is not None else place.now,
        "concat_reference": group.key[1] if group is not None else None,
        "concat_width": group.key[2] if group is not None else None,
        "concat_total": group.total if group is not None else 1,
        "missing": group.missing if group is not None else 0,
        "has_gap": sms is not None and sms.has_gap,
        "complaint_id": complaint_id,
        "filed_at": None,
        "text": None,
        "text_hash": None,
        "optout": None,
    }
    row |= _sender_columns(arrival, group, sms)
    if decision is not None:
        is_culprit = decision.disposition is Disposition.QUARANTINED
        row |= {
            "state": SmsState.QUARANTINED if is_culprit else SmsState.FILED,
            "disposition": decision.disposition,
            "reason": escape_optional(decision.reason),
            "filed_at": place.now,
            "optout": decision.optout,
        }
        if sms is not None:
            row |= {"text": escape(sms.text), "text_hash": text_hash(sms.text)}
    elif group is not None:
        row |= {"state": SmsState.WAITING, "disposition": None, "reason": None}
    else:
        assert arrival is not None
        row |= _textless(arrival) | {"filed_at": place.now}
    return row


def _sender_columns(
    arrival: Arrival | None, group: Group | None, sms: CompleteSms | None
) -> dict[str, Any]:
    sender: str | None = None
    is_alphanumeric, sent_at = False, arrival.sent_at if arrival is not None else None
    if sms is not None:
        sender, is_alphanumeric, sent_at = sms.sender, sms.is_alphanumeric, sms.sent_at
    elif group is not None:
        sender, is_alphanumeric = group.sender.number, group.is_alphanumeric
    elif arrival is not None and isinstance(arrival.part.decoded, SmsStatusReport):
        sender = arrival.part.decoded.recipient.number
    return {
        "sender": escape_optional(sender),
        "is_alphanumeric": is_alphanumeric,
        "sent_at": sent_at,
        "sent_offset_min": offset_minutes(sent_at),
    }


def _textless(arrival: Arrival) -> dict[str, Any]:
    """What becomes of a status report, and of octets that are no SMS."""
    decoded = arrival.part.decoded
    if isinstance(decoded, SmsStatusReport):
        return {"state": SmsState.FILED, "disposition": Disposition.REPORT, "reason": None}
    reason = decoded.reason if isinstance(decoded, Undecodable) else "not an SMS to us"
    if isinstance(decoded, Culprit):
        return {
            "state": SmsState.QUARANTINED,
            "disposition": Disposition.QUARANTINED,
            "reason": reason,
        }
    if arrival.part.slot.is_damaged:
        reason = "the line could not be read whole"
    return {
        "state": SmsState.UNDECODABLE,
        "disposition": Disposition.UNDECODABLE,
        "reason": escape(reason),
    }


def part_row(arrival: Arrival, sms_id: int, place: Place) -> dict[str, Any]:
    slot, decoded, concat = arrival.part.slot, arrival.part.decoded, arrival.concat
    sender = decoded.sender.number if isinstance(decoded, SmsDeliver) else None
    return {
        "gateway": place.gateway,
        "line": place.line,
        "key": arrival.part.key,
        "instance": arrival.instance,
        "pdu": slot.pdu,
        "length": slot.length,
        "is_damaged": slot.is_damaged,
        "memory": slot.memory,
        "slot_index": slot.index,
        "holder": slot.holder,
        "stat": int(slot.stat),
        "generation": slot.generation,
        "state": PartState.KEPT,
        "seen_count": len(arrival.slots),
        "received_at": place.now,
        "sent_at": arrival.sent_at,
        "sent_offset_min": offset_minutes(arrival.sent_at),
        "sender": escape_optional(sender),
        "concat_reference": concat.reference if concat is not None else None,
        "concat_width": concat.width if concat is not None else None,
        "concat_total": concat.total if concat is not None else None,
        "concat_number": concat.number if concat is not None else None,
        "sms_id": sms_id,
    }


def suppression_row(complaint_id: int, reply: NewReply, place: Place) -> dict[str, Any]:
    """The line in a complaint's history that a reply is kept and never sent."""
    detail = {"kind": reply.kind.value, "reason": reply.suppressed_reason}
    return event_row(complaint_id, place.now, place.actor, "reply_suppressed", detail)


def reply_row(
    reply: NewReply, unit: Unit, complaint_id: int | None, place: Place
) -> dict[str, Any]:
    is_suppressed = reply.suppressed_reason is not None
    expires_at = None
    if reply.expires_after_s is not None:
        expires_at = place.now + timedelta(seconds=reply.expires_after_s)
    return {
        "sms_id": unit.sms_id,
        "complaint_id": complaint_id,
        "gateway": place.gateway,
        "line": place.line,
        "service": place.service,
        "identity": unit.identity,
        "recipient": escape(reply.recipient),
        "kind": reply.kind,
        "text": escape(reply.text),
        "text_hash": text_hash(reply.text),
        "state": ReplyState.SUPPRESSED if is_suppressed else ReplyState.DUE,
        "is_counted": not is_suppressed,
        "reason": escape_optional(reply.suppressed_reason),
        "next_at": None,
        "expires_at": expires_at,
        "created_at": place.now,
        "settled_at": place.now if is_suppressed else None,
    }
