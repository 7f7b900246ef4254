"""Who an SMS is from: a subscriber, who can be answered, or a short code or name, which never is."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from msgspec import Struct

# +62 8[1-9] and 7 to 10 more digits: every Indonesian mobile, written in one of three ways.
# Our own pattern and not the library's: number ranges are opened faster than metadata is updated.
_INDONESIAN_MOBILE = re.compile(r"(?:\+62|62|0)(8[1-9][0-9]{7,10})")
_WRITTEN_AS_NUMBER = re.compile(r"\+?[0-9]+")
_PUNCTUATION = str.maketrans("", "", " -.()")
_SHORT_CODE_DIGITS_MAX = 6  # 888, 1708, 4444, 95959; the shortest subscriber number has nine


class SenderKind(StrEnum):
    """What sort of address an SMS came from."""

    SUBSCRIBER = "subscriber"
    SHORT_CODE = "short code"
    ALPHANUMERIC = "alphanumeric"
    UNKNOWN = "unknown"


class Sender(Struct, frozen=True):
    """A classified sender. `e164` and `country` (ISO 3166) are known of subscribers only."""

    kind: SenderKind
    e164: str | None = None
    country: str | None = None

    def __repr__(self) -> str:
        """Without the number: a repr ends up in logs and tracebacks."""
        return f"Sender(kind={self.kind.value!r}, country={self.country!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, which would show all fields."""
        return [("kind", self.kind.value), ("country", self.country)]


def classify(number: str, is_alphanumeric: bool = False) -> Sender:
    """Say who `number` is, as the network wrote it; `is_alphanumeric` is its type of address.

    Short codes and names are never made into numbers: a library would turn 1708 into a Malaysian
    subscriber, who would then get our reply. What fits nothing is unknown, and has no number either.
    """
    if is_alphanumeric:
        return Sender(SenderKind.ALPHANUMERIC)
    mobile = _INDONESIAN_MOBILE.fullmatch(number)
    if mobile is not None:  # nearly everybody
        return _indonesian(mobile)
    if any(character.isalpha() for character in number):
        return Sender(SenderKind.ALPHANUMERIC)
    written = number.translate(_PUNCTUATION)
    if _WRITTEN_AS_NUMBER.fullmatch(written) is None:
        return Sender(SenderKind.UNKNOWN)
    if len(written.lstrip("+")) <= _SHORT_CODE_DIGITS_MAX:
        return Sender(SenderKind.SHORT_CODE)
    mobile = _INDONESIAN_MOBILE.fullmatch(written)
    if mobile is not None:
        return _indonesian(mobile)
    if written.startswith("+") and not written.startswith("+62"):
        return _classify_foreign(written)
    return Sender(SenderKind.UNKNOWN)


def _indonesian(mobile: re.Match[str]) -> Sender:
    return Sender(SenderKind.SUBSCRIBER, f"+62{mobile[1]}", "ID")


def _classify_foreign(written: str) -> Sender:
    """A number with another country's code: a subscriber where such a number can exist there."""
    import phonenumbers  # not before the first of them: a thirtieth of the start, and 1.2 MiB

    try:
        parsed = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException:
        return Sender(SenderKind.UNKNOWN)
    if not phonenumbers.is_possible_number(parsed):
        return Sender(SenderKind.UNKNOWN)
    country = phonenumbers.region_code_for_number(parsed)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return Sender(SenderKind.SUBSCRIBER, e164, country)
