"""Reference numbers in a text: cited at its beginning, or named as such further on.

A citation is only what was typed. Whether the number is a complaint of this sender is for the
caller, who can look: dates, meter and customer numbers are as long and pass check digits too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from parsers.lexicon import Word, list_words

# Words that call a number a reference of ours.
NAMING = list_words("""
    ADUAN PENGADUAN LAPORAN KELUHAN REF REFERENSI REFERENCE TIKET TICKET TRACKING TAMBAHAN
    COMPLAINT REPORT
    """)
# Words that may stand between: `aduan saya no. 12345678`.
NUMBERING = list_words(
    "NO NOMOR NOMER NMR NUMBER ID KODE SAYA SAYE SY AKU KAMI MY DGN DENGAN TTG UTK YG YANG"
)

# Between the groups of one number. A slash is not among them: 17/08/2026 is a date.
_GROUP_GAP = re.compile(r"[ .\-]{1,2}")
_DATE_GROUPS = ((2, 2, 4), (4, 2, 2))
_LEADING_WORDS_MAX = 5


class Citation(Struct, frozen=True):
    """A number of a reference's length. `end` is the folded index behind it.

    `is_named`: the text itself calls it a complaint's number.
    """

    reference: str
    end: int
    is_named: bool


def read_leading(text: str, words: Sequence[Word], digits: int) -> Citation | None:
    """The reference with which a text begins: `12345678 …`, `aduan no. 12345678 …`."""
    for count, word in enumerate(words[:_LEADING_WORDS_MAX]):
        if word.is_number:
            is_named = any(earlier.text in NAMING for earlier in words[:count])
            return _join_groups(text, words[count:], digits, is_named=is_named)
        if word.text not in NAMING and word.text not in NUMBERING:
            return None
    return None


def find_named(
    text: str, words: Sequence[Word], digits: int, *, asking: frozenset[str]
) -> Citation | None:
    """The first number, anywhere, that the text calls a complaint's: `… laporan saya no 12345678`.

    The words that ask for a status (`asking`) call it so too: `cek 12345678 kok lama`.
    Counter-examples: `ID pelanggan 12345678`, `rekening 12345678` name something else.
    """
    if not any(word.is_number for word in words):
        return None
    is_named = False
    for index, word in enumerate(words):
        if word.is_number and is_named:
            found = _join_groups(text, words[index:], digits, is_named=True)
            if found is not None:
                return found
        is_naming = word.text in NAMING or word.text in asking
        is_named = is_naming or (is_named and word.text in NUMBERING)
    return None


def _join_groups(
    text: str, words: Sequence[Word], digits: int, *, is_named: bool
) -> Citation | None:
    """The number that the first word begins, when it has `digits` digits in one or more groups.

    A first group of the full length stands for itself (`12345678 3 hari mati`). Groups that go on
    beyond the length are something else: a NIK typed `2171 0101 …` is no reference.
    """
    if len(words[0].text) == digits:
        return Citation(words[0].text, words[0].end, is_named)
    groups = [words[0]]
    for word in words[1 : digits + 1]:
        gap = text[groups[-1].end : word.start]
        if not word.is_number or _GROUP_GAP.fullmatch(gap) is None:
            break
        groups.append(word)
    joined = "".join(group.text for group in groups)
    lengths = tuple(len(group.text) for group in groups)
    if len(joined) != digits or (lengths in _DATE_GROUPS and not is_named):
        return None
    return Citation(joined, groups[-1].end, is_named)
