"""Complaints filed in a real store, as a line would file them: for tests of what comes after."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import count

from hardware.sms import Address, Alphabet, Slot, SmsDeliver, Stat, TypeOfNumber
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    Decision,
    Disposition,
    NewComplaint,
    ReceivedPart,
    SenderKnowledge,
)
from smsgate.store import Store


def new_references(first: int = 10_000_001) -> Callable[[], str]:
    """Return a source of references, one after the other."""
    numbers = count(first)
    return lambda: str(next(numbers))


def decide_complaint(sms: CompleteSms, _known: SenderKnowledge, reference: str) -> Decision:
    """Everything is a complaint."""
    body = sms.text.removeprefix("BTM ")
    complaint = NewComplaint(
        reference=reference,
        body=body,
        raw_text=sms.text,
        prefix="BTM",
        confidentiality=Confidentiality.PLAIN,
        is_urgent=False,
        text_digest=hashlib.sha256(body.encode()).digest(),
    )
    return Decision(Disposition.COMPLAINT, complaint=complaint)


def make_part(number: int, text: str) -> ReceivedPart:
    """Return an SMS of its own sender, in a slot of its own."""
    octets = hashlib.sha256(f"{number} {text}".encode()).digest()
    deliver = SmsDeliver(
        smsc=None,
        sender=Address(f"+62812{number:07}", TypeOfNumber.INTERNATIONAL),
        sent_at=None,
        scts=bytes(7),
        protocol_id=0,
        data_coding=0,
        alphabet=Alphabet.GSM7,
        message_class=None,
        user_data=text.encode("ascii"),
        text=text,
    )
    slot = Slot("SM", number, int(Stat.REC_UNREAD), len(octets), b"\0" + octets, generation=1)
    return ReceivedPart(slot=slot, key=octets, decoded=deliver)


def file_complaints(
    store: Store, how_many: int, *, new_reference: Callable[[], str] | None = None
) -> None:
    """File so many complaints of different people, fifty in a transaction."""
    new_reference = new_reference or new_references()
    parts = [make_part(number, f"BTM jalan rusak nomor {number}") for number in range(how_many)]
    for place in range(0, how_many, 50):
        store.receive("m1", "btm", parts[place : place + 50], decide_complaint, new_reference)
