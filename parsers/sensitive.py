"""Masking of what must not leave the store: NIK and KK, phone numbers, e-mail and account numbers.

Everything that shows or sends a citizen's text, except the store and the backends that need it,
passes it through `mask`. It errs on the side of masking; left readable are what texts need: our own
references (eight digits), dates, amounts of money, house and RT/RW numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

HIDDEN = "****"

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+")
_INVISIBLE = "\u00ad\u200b-\u200f\u2060\ufeff"
_GROUP = re.compile(rf"\+?\d+(?:[{_INVISIBLE}]+\d+)*")
_NOT_NUMBER = re.compile(r"[^\d+]")
# Between groups of one number: spaces, and a sign or bracket among them.
_GAP = re.compile(rf"[^\S\n]{{0,2}}[.\-()/{_INVISIBLE}]{{0,2}}[^\S\n]{{0,2}}")

_IDENTITY_DIGITS = 16  # NIK and KK; also the usual card number
_GROUPS_MAX = 8  # a NIK typed in pairs
_GROUP_DIGITS_MAX = 6  # 217101 010190 0001; a group of eight is a reference or a date
_LONG_DIGITS_MIN = 9  # no date, reference or amount without dots is as long
_ACCOUNT_DIGITS = range(10, 21)
_ACCOUNT_GROUP_MIN = 3
_NAMED_DIGITS_MIN = 6

_PHONE = re.compile(r"(?:\+?62|0)8[1-9]\d{6,10}|0[2-9]\d{7,10}|\+\d{8,15}|(?:65[3689]|601)\d{7,9}")
_PHONE_SHOWN = 3  # digits of a phone number that may be shown, here as in the logs
# What stands before a number that is one of these, however short it is.
_NAMED = re.compile(
    r"\b(?:REK|REKENING|NOREK|ACCOUNT|ACC|A/C|VA|BCA|BRI|BNI|BSI|MANDIRI|DANA|OVO|GOPAY|NIK|KK"
    r"|PASPOR|PASSPORT)\b[\s.:#]{0,3}(?:NO(?:MOR|MER)?|NUMBER)?[\s.:#]{0,3}\Z",
    re.IGNORECASE,
)
_NAMED_REACH = 30


class _Group(NamedTuple):
    """A run of digits in a text, perhaps with a plus before it."""

    start: int
    end: int
    digits: str


def mask(text: str) -> str:
    """The text with every sensitive number and address hidden.

    Of phone numbers the last three digits stay.
    """
    text = _EMAIL.sub(HIDDEN, text)
    groups = [
        _Group(match.start(), match.end(), _NOT_NUMBER.sub("", match[0]))
        for match in _GROUP.finditer(text)
    ]
    is_joined = [_GAP.fullmatch(text, left.end, right.start) for left, right in pairwise(groups)]
    is_joined.append(None)
    pieces: list[str] = []
    done = index = 0
    while index < len(groups):
        reach = index + 1
        while reach < index + _GROUPS_MAX and is_joined[reach - 1]:
            reach += 1
        count, shown = _measure(text, groups[index:reach])
        if count:
            pieces += (text[done : groups[index].start], shown)
            done = groups[index + count - 1].end
        index += count or 1
    pieces.append(text[done:])
    return "".join(pieces)


def _measure(text: str, groups: Sequence[_Group]) -> tuple[int, str]:
    """How many groups from the first on are one sensitive number, and what to show for them."""
    digits_left = sum(len(group.digits) for group in groups)
    for count in range(len(groups), 1, -1):
        if digits_left < _LONG_DIGITS_MIN:
            break
        shown = _replace_joined(text, groups[:count])
        if shown is not None:
            return count, shown
        digits_left -= len(groups[count - 1].digits)
    shown = _replace_single(text, groups[0])
    return (0, "") if shown is None else (1, shown)


def _replace_single(text: str, group: _Group) -> str | None:
    """What to show for a number typed in one, or None when it may be read."""
    if _PHONE.fullmatch(group.digits):
        return _show_phone(group.digits)
    if len(group.digits) >= _LONG_DIGITS_MIN:
        return HIDDEN
    if len(group.digits) < _NAMED_DIGITS_MIN:
        return None
    before = text[max(group.start - _NAMED_REACH, 0) : group.start]
    return HIDDEN if _NAMED.search(before) else None


def _replace_joined(text: str, groups: Sequence[_Group]) -> str | None:
    """What to show for a number typed in several groups, or None when it may be read."""
    number = "".join(group.digits for group in groups)
    if _PHONE.fullmatch(number):
        return _show_phone(number)
    sizes = [len(group.digits) for group in groups]
    gaps = {text[left.end : right.start] for left, right in pairwise(groups)}
    if gaps == {"-"}:
        return HIDDEN if len(number) in _ACCOUNT_DIGITS else None  # 109-00-1234567-8
    if max(sizes) > _GROUP_DIGITS_MAX:
        return None
    if len(number) == _IDENTITY_DIGITS:
        return HIDDEN
    is_amount = gaps == {"."} and sizes[0] <= 3 and _are_thousands(sizes[1:])
    if is_amount or min(sizes) < _ACCOUNT_GROUP_MIN:
        return None
    return HIDDEN if len(number) in _ACCOUNT_DIGITS else None


def _are_thousands(sizes: Iterable[int]) -> bool:
    """Whether the groups behind the first dot are those of an amount: 1.500.000.000."""
    return all(size == 3 for size in sizes)


def _show_phone(number: str) -> str:
    return "***" + number[-_PHONE_SHOWN:]
