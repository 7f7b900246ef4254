"""Listed slots as a modem would show them, made octet by octet, and decisions simple enough to see through."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

from tpdu import deliver, octet_user_data

from hardware import pdu
from hardware.sms import Slot, Stat
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    Decision,
    Disposition,
    NewComplaint,
    NewReply,
    ReceivedPart,
    ReplyKind,
    SenderKnowledge,
)

WIB = timezone(timedelta(hours=7))
NOON = datetime(2026, 3, 2, 5, 0, 0, tzinfo=UTC)  # 12:00 in Batam
CITIZEN = "+6281234567890"
OTHER_CITIZEN = "+6281300000001"


class HandClock:
    """A clock whose hands a test holds."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at
        self.elapsed_s = 1000.0
        self.is_kept_right = True

    def now(self) -> datetime:
        """Return the moment."""
        return self.at

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.elapsed_s

    def is_synchronised(self) -> bool:
        """Return whether the host says so."""
        return self.is_kept_right

    def set_to(self, at: datetime) -> None:
        """Let the hands jump, as somebody who sets the clock does; no time passes."""
        self.at = at

    def advance(self, **span: float) -> None:
        """Move both hands on."""
        self.at += timedelta(**span)
        self.elapsed_s += timedelta(**span).total_seconds()


def make_pdu(
    text: str,
    *,
    sender: str = CITIZEN,
    sent_at: datetime = NOON,
    concat: tuple[int, int, int] | None = None,
    is_wide: bool = False,
) -> bytes:
    """Return an SMS-DELIVER in UCS-2.

    `concat` is reference, total and number; `is_wide` makes the reference 16 bits.
    """
    header = b""
    if concat is not None:
        reference, total, number = concat
        octets = reference.to_bytes(2 if is_wide else 1, "big") + bytes([total, number])
        header = bytes([8 if is_wide else 0, len(octets)]) + octets
    return deliver(
        octet_user_data(text.encode("utf-16-be", "surrogatepass"), header),
        first_octet=0x44 if header else 0x04,
        sender=_address(sender),
        data_coding=8,
        scts=_scts(sent_at.astimezone(WIB)),
    )


def received(
    octets: bytes,
    index: int = 1,
    *,
    memory: str = "SM",
    generation: int = 1,
    holder: str | None = None,
) -> ReceivedPart:
    """Return a PDU as a listing shows it in a slot."""
    length = len(octets) - 1 - octets[0]
    slot = Slot(
        memory,
        index,
        int(Stat.REC_UNREAD),
        length,
        octets,
        generation=generation,
        holder=holder,
    )
    return ReceivedPart(slot, pdu.tpdu_key(octets), pdu.decode(octets, length))


def inbound(text: str, index: int = 1, **how: object) -> ReceivedPart:
    """Return an SMS as a listing shows it."""
    return received(make_pdu(text, **how), index)  # type: ignore[arg-type]


def parts_of(
    texts: list[str], *, reference: int = 7, first_index: int = 1, **how: object
) -> list[ReceivedPart]:
    """Return the parts of a concatenated SMS, in order."""
    return [
        received(
            make_pdu(text, concat=(reference, len(texts), number), **how),  # type: ignore[arg-type]
            first_index + number - 1,
        )
        for number, text in enumerate(texts, start=1)
    ]


def references(first: int = 10_000_000) -> Callable[[], str]:
    """Return a source of references that never repeats."""
    numbers = count(first)
    return lambda: str(next(numbers))


def digest(text: str) -> bytes:
    """Return what two complaints with the same text share."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def decide(sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
    """`BTM …` is a complaint, or a repeat; `+` adds to the newest, `?` asks; all else is triage."""
    if sms.is_completion and sms.complaint_id is not None:
        return Decision(
            Disposition.COMPLAINT, complaint_id=sms.complaint_id, forward_addition=sms.text
        )
    newest = next(iter(known.complaints), None)
    if sms.text.startswith("+") and newest is not None:
        return Decision(
            Disposition.FOLLOW_UP,
            complaint_id=newest.id,
            forward_addition=sms.text,
            replies=(_reply(sms, ReplyKind.ADDED, f"added to {newest.reference}"),),
        )
    if sms.text.startswith("?"):
        complaint_id = newest.id if newest is not None else None
        replies = (_reply(sms, ReplyKind.STATUS, "how it stands"),)
        return Decision(Disposition.QUERY, complaint_id=complaint_id, replies=replies)
    if not sms.text.startswith("BTM"):
        return Decision(Disposition.TRIAGE, reason="no prefix")
    same = next((c for c in known.complaints if c.text_digest == digest(sms.text)), None)
    if same is not None:
        reply = _reply(sms, ReplyKind.DUPLICATE, f"you said so: {same.reference}")
        return Decision(Disposition.REPEAT, complaint_id=same.id, replies=(reply,))
    return Decision(
        Disposition.COMPLAINT,
        complaint=NewComplaint(
            reference=reference,
            body=sms.text.removeprefix("BTM").strip(),
            raw_text=sms.text,
            prefix="BTM",
            confidentiality=_confidentiality(sms.text),
            is_urgent=False,
            text_digest=digest(sms.text),
        ),
        replies=(_reply(sms, ReplyKind.ACK, f"received as {reference}"),),
    )


def _confidentiality(text: str) -> Confidentiality:
    for confidentiality in (Confidentiality.RAHASIA, Confidentiality.ANONIM):
        if confidentiality.value.upper() in text:
            return confidentiality
    return Confidentiality.PLAIN


def _reply(sms: CompleteSms, kind: ReplyKind, text: str) -> NewReply:
    return NewReply(kind, sms.sender, text, expires_after_s=24 * 3600.0)


def _address(number: str) -> bytes:
    digits = number.lstrip("+")
    padded = digits + "F" * (len(digits) % 2)
    swapped = "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2))
    return bytes([len(digits), 0x91 if number.startswith("+") else 0x81]) + bytes.fromhex(swapped)


def _scts(at: datetime) -> bytes:
    offset = at.utcoffset()
    assert offset is not None
    quarters = int(offset.total_seconds()) // 900
    fields = (at.year % 100, at.month, at.day, at.hour, at.minute, at.second, quarters)
    return bytes(value % 10 << 4 | value // 10 for value in fields)
