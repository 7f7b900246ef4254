"""Which text the parts of a concatenated SMS make, with the gaps marked. Pure.

Parts are decoded again from their octets here, never joined as texts: a character may be cut between two parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import Struct

from hardware import pdu
from hardware.sms import SmsDeliver

GAP = "[…]"


class StoredPart(Struct, frozen=True):
    """One part as the store keeps it: its number, and the octets with the SMSC field."""

    number: int
    pdu: bytes


class Assembly(Struct, frozen=True):
    """The text of an SMS; `has_gap` when a part is missing, and `GAP` stands where."""

    text: str
    has_gap: bool


def assemble(parts: Sequence[StoredPart], total: int) -> Assembly:
    """Join what there is of `total` parts, in their order; the first of several with one number counts."""
    by_number: dict[int, SmsDeliver] = {}
    for part in parts:
        decoded = pdu.decode(part.pdu)
        if isinstance(decoded, SmsDeliver):
            by_number.setdefault(part.number, decoded)
    pieces = [
        GAP if is_missing else pdu.join_text([by_number[number] for number in numbers])
        for is_missing, numbers in _runs(by_number, total)
    ]
    return Assembly(" ".join(pieces), has_gap=GAP in pieces)


def _runs(present: Iterable[int], total: int) -> list[tuple[bool, list[int]]]:
    """Split 1 to `total` into runs of part numbers that are there and runs that are missing."""
    known = set(present)
    return [
        (is_missing, list(numbers))
        for is_missing, numbers in groupby(range(1, total + 1), key=lambda n: n not in known)
    ]
