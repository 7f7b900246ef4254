"""What is put into columns: texts that every database takes, hashes to look texts up by, moments
with their offset.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from hardware.sms import Address, TypeOfNumber
from parsers.senders import classify

# PostgreSQL refuses U+0000 in text, and no database can encode half a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def escape(text: str) -> str:
    """Return `text` with what text columns cannot hold written out: `\\u0000`, `\\ud83d`."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escape_optional(text: str | None) -> str | None:
    """Return `text` escaped, None for None."""
    return None if text is None else escape(text)


def text_hash(text: str) -> int:
    """Return 64 bits to look a text up by, spaces at its ends apart. Signed, as databases count."""
    octets = text.strip().encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(octets).digest()[:8], "big", signed=True)


def unindexed(column: Any) -> Any:
    """Return a text column for a condition that no index is to answer.

    SQLite counts columns, not rows: by an index that begins with a gateway's name it goes through all
    that the gateway ever had, where the one by state leads to the few that are open.
    """
    return column.concat(sa.literal_column("''"))


def lock_key(service: str, identity: str) -> int:
    """Return the number of the advisory lock that guards what is decided about one sender."""
    octets = f"{service}\x00{identity}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(octets).digest()[:8], "big", signed=True)


def identity_of(sender: Address) -> str:
    """Return who a sender is however the network wrote the number: E.164 for a subscriber, else as
    written.
    """
    is_alphanumeric = sender.type_of_number is TypeOfNumber.ALPHANUMERIC
    return classify(sender.number, is_alphanumeric=is_alphanumeric).e164 or escape(sender.number)


def offset_minutes(moment: datetime | None) -> int | None:
    """Return the offset from UTC that `moment` was said with."""
    offset = moment.utcoffset() if moment is not None else None
    return None if offset is None else int(offset.total_seconds()) // 60


def with_offset(moment: datetime | None, minutes: int | None) -> datetime | None:
    """Return a moment from the store as it was said first, with its offset."""
    if moment is None:
        return None
    zone = UTC if not minutes else timezone(timedelta(minutes=minutes))
    return moment.astimezone(zone)
