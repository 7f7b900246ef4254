"""One text seen two ways: as typed, and folded to plain capitals in which words can be recognised.

Only recognition uses the folded text. What is passed on is always cut out of the text as typed,
through `Folded.starts`, which says for each folded character where it came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

# Capitals of other scripts that a reader cannot tell from Latin ones. A phone set to another
# keyboard, or a text copied from a chat, has them; a person sees BTM and so do we. Folding comes
# after capitalising, so small letters need no entries of their own.
_CYRILLIC = {"АВЕЅІЈКМНОРСТУХ"[i]: "ABESIJKMHOPCTYX"[i] for i in range(15)}
_GREEK = {"ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"[i]: "ABEZHIKMNOPTYX"[i] for i in range(14)}
# Small capitals are letters of their own (phonetic alphabet): NFKD leaves them, chat fonts use them.
_SMALL_CAPITALS = {"ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ"[i]: "ABCDEGHIJKLMNOPRTUVWYZ"[i] for i in range(22)}
_LOOKALIKES = str.maketrans(_CYRILLIC | _GREEK | _SMALL_CAPITALS)

# Enclosed alphabets that have no compatibility decomposition: first letter of each, A to Z.
_ENCLOSED_ALPHABETS = (0x1F150, 0x1F170, 0x1F1E6)
_LETTERS = 26
_DECOMPOSITION_MAX = 4

_NEWLINES = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")  # Hangul fillers: letters by category
_BLANK_SYMBOL = "\u2800"  # the braille pattern without dots
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Mn", "Me"})
_UNSEEN_SPACES = frozenset("\u200b\ufeff")  # the zero-width ones that are called spaces
_ODD_ASCII = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

# Taken off both ends of a body: spaces of every kind, controls, and marks that show nothing.
# Emoji tags and variation selectors are not among them: they belong to the sign before them.
_TRIMMED = (
    "".join(map(chr, (*range(0x00, 0x21), *range(0x7F, 0xA1), *range(0x2000, 0x2010))))
    + "".join(map(chr, (*range(0x2028, 0x2030), *range(0x205F, 0x2070))))
    + "\u00ad\u061c\u1680\u180e\u2800\u3000\u3164\ufeff"
)


class Folded(Struct, frozen=True):
    """A text as typed (`raw`) and in recognisable capitals (`text`).

    `starts[i]` is where the character behind `text[i]` stands in `raw`; one more entry is the end.
    """

    raw: str
    text: str
    starts: Sequence[int]

    def typed_from(self, index: int) -> str:
        """The text as typed from folded `index` on, trimmed."""
        return trim(self.raw[self.starts[index] :])

    def has_unseen_space(self, index: int) -> bool:
        """Whether a space of no width was typed before folded `index`, which folding drops.

        Counter-example: joiners, which stand inside words and emoji.
        """
        if not 0 < index < len(self.text):
            return False
        dropped = self.raw[self.starts[index - 1] + 1 : self.starts[index]]
        return not _UNSEEN_SPACES.isdisjoint(dropped)


def fold(raw: str) -> Folded:
    """Fold a text. Total over all strings, linear in their length."""
    if raw.isascii() and _ODD_ASCII.search(raw) is None:
        return Folded(raw, raw.upper(), range(len(raw) + 1))
    pieces: list[str] = []
    starts: list[int] = []
    for index, character in enumerate(raw):
        piece = _fold_character(character)
        pieces.append(piece)
        starts.extend([index] * len(piece))
    starts.append(len(raw))
    return Folded(raw, "".join(pieces), starts)


def fold_word(word: str) -> str:
    """A configured word as it looks in a folded text."""
    return fold(word).text.strip()


def trim(text: str) -> str:
    """A text without the spaces and invisible marks at its ends; nothing else is changed."""
    return text.strip(_TRIMMED)


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    if character in _NEWLINES:
        return "\n"
    if character.isspace() or character == _BLANK_SYMBOL:
        return " "
    if character in _INVISIBLE_LETTERS or unicodedata.category(character) in _DROPPED_CATEGORIES:
        return ""
    for first in _ENCLOSED_ALPHABETS:
        if first <= ord(character) < first + _LETTERS:
            return chr(ord("A") + ord(character) - first)
    decomposed = unicodedata.normalize("NFKD", character)
    if len(decomposed) > _DECOMPOSITION_MAX:
        return character  # one sign that stands for a whole phrase, up to 18 letters of it
    return "".join(map(_fold_plain, decomposed))


def _fold_plain(character: str) -> str:
    """One character of a decomposition: a capital, an ASCII digit, or itself; marks vanish."""
    category = unicodedata.category(character)
    if category in _DROPPED_CATEGORIES:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return character.upper().translate(_LOOKALIKES)
