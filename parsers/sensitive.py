"""Masking of what must not leave the store: NIK and KK, phone numbers, e-mail and account numbers.

Everything that shows or sends a citizen's text, except the store and the backends that need it,
passes it through `mask`. It errs on the side of masking; left readable are what texts need: our own
references (eight digits), dates, amounts of money, house and RT/RW numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

HIDDEN = "****"

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+")
_GROUP = re.compile(r"\+?\d+")
# Between groups of one number: spaces, dots, hyphens, brackets, marks that show nothing.
_GAP = re.compile(r"[^\S\n]{0,2}[.\-()/\u200b-\u200f\u2060\ufeff]{0,2}[^\S\n]{0,2}")

_IDENTITY_DIGITS = 16  # NIK and KK; also the longest card number
_GROUPS_MAX = 8  # a NIK typed in pairs
_GROUP_DIGITS_MAX = 6  # 217101 010190 0001; a group of eight is a reference or a date
_LONG_DIGITS_MIN = 9  # no date, reference or amount without dots is as long
_ACCOUNT_DIGITS = range(10, 21)
_ACCOUNT_GROUP_MIN = 3
_JOINED_MIN = 9
_NAMED_DIGITS_MIN = 6

_PHONE = re.compile(r"(?:\+?62|0)8[1-9]\d{6,10}|0[2-9]\d{7,10}|\+\d{8,15}|(?:65[3689]|601)\d{7,9}")
_PHONE_SHOWN = 3  # digits of a phone number that may be shown, here as in the logs
# What stands before a number that is one of these, however short it is.
_NAMED = re.compile(
    r"(?:\b(?:REK|REKENING|NOREK|ACCOUNT|ACC|A/C|VA|BCA|BRI|BNI|BSI|MANDIRI|DANA|OVO|GOPAY|NIK|KK|PASPOR|PASSPORT)"
    r"\b[\s.:#]{0,3}(?:NO(?:MOR|MER)?|NUMBER)?[\s.:#]{0,3})\Z",
    re.IGNORECASE,
)
_NAMED_REACH = 30


def mask(text: str) -> str:
    """The text with every sensitive number and address hidden; of phone numbers the last three digits stay."""
    text = _EMAIL.sub(HIDDEN, text)
    groups = list(_GROUP.finditer(text))
    is_joined = [_is_gap(text, left, right) for left, right in pairwise(groups)]
    pieces: list[str] = []
    done = 0
    index = 0
    while index < len(groups):
        reach = 1
        while reach < _GROUPS_MAX and all(is_joined[index + reach - 1 : index + reach] or [False]):
            reach += 1
        count, shown = _measure(text, groups[index : index + reach])
        if count:
            pieces += (text[done : groups[index].start()], shown)
            done = groups[index + count - 1].end()
        index += count or 1
    pieces.append(text[done:])
    return "".join(pieces)


def _is_gap(text: str, left: re.Match[str], right: re.Match[str]) -> bool:
    """Whether what stands between two groups of digits may stand within one number."""
    return _GAP.fullmatch(text, left.end(), right.start()) is not None


def _measure(text: str, groups: Sequence[re.Match[str]]) -> tuple[int, str]:
    """How many groups from the first on are one sensitive number, and what to show for them."""
    for count in range(len(groups), 0, -1):
        if count > 1 and sum(group.end() - group.start() for group in groups[:count]) < _JOINED_MIN:
            continue  # too short for any number of several groups
        shown = _replace(text, groups[:count])
        if shown is not None:
            return count, shown
    return 0, ""


def _replace(text: str, groups: Sequence[re.Match[str]]) -> str | None:
    """What to show for a number in these groups, or None when it may be read."""
    sizes = [len(group[0].lstrip("+")) for group in groups]
    number = "".join(group[0] for group in groups)
    if _PHONE.fullmatch(number):
        return "***" + number[-_PHONE_SHOWN:]
    if len(groups) == 1:
        is_long = sizes[0] >= _LONG_DIGITS_MIN
        return HIDDEN if is_long or _is_named(text, groups[0].start(), sizes[0]) else None
    if max(sizes) > _GROUP_DIGITS_MAX:
        return None
    if sum(sizes) == _IDENTITY_DIGITS:
        return HIDDEN
    if _is_amount(text, groups, sizes) or min(sizes) < _ACCOUNT_GROUP_MIN:
        return None
    return HIDDEN if sum(sizes) in _ACCOUNT_DIGITS else None


def _is_named(text: str, start: int, digits: int) -> bool:
    """Whether the words before `start` call a shorter number an account or an identity."""
    if digits < _NAMED_DIGITS_MIN:
        return False
    return _NAMED.search(text[max(start - _NAMED_REACH, 0) : start]) is not None


def _is_amount(text: str, groups: Sequence[re.Match[str]], sizes: Sequence[int]) -> bool:
    """Whether the groups are thousands: 1.500.000.000."""
    gaps = {text[left.end() : right.start()] for left, right in pairwise(groups)}
    return gaps == {"."} and sizes[0] <= 3 and all(size == 3 for size in sizes[1:])
