"""The words of a folded text, and a grammar's words made ready to be compared with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

from msgspec import Struct

from parsers.lookalikes import fold_word
from parsers.meaning import Grammar, Privacy

# Letters and digits are words apart: `BTM12345678` and `RT03` are two each.
_WORD = re.compile(r"[^\W\d_]+|\d+")
_ASCII_WORD = re.compile(r"[A-Za-z]+|[0-9]+")  # the same for most texts, in less time
_DRAWN_OUT = re.compile(r"(.)\1+\Z")
# Thumbed without vowels (`STTS`, `BNTN`). Shorter skeletons are words of their own: `CK`, `TS`.
_VOWELS = str.maketrans("", "", "AIUEO")
_SKELETON_MIN = 4


class Word(NamedTuple):
    """A run of letters or of digits in a folded text."""

    text: str
    start: int
    end: int

    @property
    def is_number(self) -> bool:
        """Whether it is digits."""
        return self.text[0].isdecimal()


# A fourth of the constructor's time: there are twenty to a text.
_new_word = partial(tuple.__new__, Word)


def list_words(listing: str) -> frozenset[str]:
    """The words of a listing in the source, one set."""
    return frozenset(listing.split())


def settle_drawn_out(word: str) -> str:
    """A word without its last letter drawn out (`haloo`)."""
    return _DRAWN_OUT.sub(r"\1", word) if word[-1:] == word[-2:-1] else word


def iterate_words(folded: str, start: int = 0) -> Iterator[Word]:
    """The words of a folded text from `start` on, read as they are asked for."""
    for match in _WORD.finditer(folded, start):
        yield _new_word((match[0], *match.span()))


def split_words(folded: str, start: int = 0) -> list[Word]:
    """All words of a folded text from `start` on."""
    words = []
    end = start
    for word in (_ASCII_WORD if folded.isascii() else _WORD).findall(folded, start):
        begin = folded.index(word, end)  # no letter or digit stands between two words
        end = begin + len(word)
        words.append(_new_word((word, begin, end)))
    return words


class Lexicon(Struct, frozen=True, dict=True):
    """A grammar, folded. Prefixes are pairs of the folded and the configured form, longest first."""

    prefixes: tuple[tuple[str, str], ...]
    other_prefixes: tuple[tuple[str, str], ...]
    help: frozenset[str]
    status: frozenset[str]
    optout: frozenset[str]
    optin: frozenset[str]
    test: frozenset[str]
    rahasia: frozenset[str]
    anonim: frozenset[str]
    reference_digits: int

    @cached_property
    def keywords(self) -> frozenset[str]:
        """The folded words that may act."""
        asking = self.help | self.status | self.optout | self.optin | self.test
        return asking | self.rahasia | self.anonim

    @cached_property
    def own_words(self) -> frozenset[str]:
        """The folded prefixes as words, in no order."""
        return frozenset(folded for folded, _ in self.prefixes)

    def is_discreet(self, word: str) -> bool:
        """Whether a folded word asks that the number be kept back."""
        return word in self.rahasia or word in self.anonim


def unstretch(word: str, lexicon: Lexicon) -> str:
    """A word without its last letter drawn out (`tesss`), unless it is a keyword as it is."""
    return word if word in lexicon.keywords else settle_drawn_out(word)


def strictest(words: Iterable[str], lexicon: Lexicon) -> Privacy:
    """What folded words ask for together: ANONIM includes RAHASIA."""
    said = set(words)
    if said & lexicon.anonim:
        return Privacy.ANONIM
    return Privacy.RAHASIA if said & lexicon.rahasia else Privacy.PLAIN


@lru_cache(maxsize=64)
def compile_grammar(grammar: Grammar) -> Lexicon:
    """Fold every word of a grammar, once for each grammar."""
    return Lexicon(
        prefixes=_fold_prefixes(grammar.prefixes),
        other_prefixes=_fold_prefixes(grammar.other_prefixes),
        help=_fold_keywords(grammar.help_words),
        status=_fold_keywords(grammar.status_words),
        optout=_fold_keywords(grammar.optout_words),
        optin=_fold_keywords(grammar.optin_words),
        test=_fold_keywords(grammar.test_words),
        rahasia=_fold_all(grammar.rahasia_words),
        anonim=_fold_all(grammar.anonim_words),
        reference_digits=grammar.reference_digits,
    )


def _fold_prefixes(configured: Sequence[str]) -> tuple[tuple[str, str], ...]:
    prefixes = {fold_word(prefix): prefix for prefix in reversed(configured)}
    prefixes.pop("", None)  # an empty prefix would match everything
    return tuple(sorted(prefixes.items(), key=lambda pair: -len(pair[0])))


def _fold_all(configured: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, map(fold_word, configured)))


def _fold_keywords(configured: Iterable[str]) -> frozenset[str]:
    """Keywords, and how they look without their vowels."""
    whole = _fold_all(configured)
    skeletons = (word.translate(_VOWELS) for word in whole)
    return whole | {skeleton for skeleton in skeletons if len(skeleton) >= _SKELETON_MIN}
