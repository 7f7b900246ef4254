"""Whether a text tells of an emergency that is going on: fire, accident, crime.

Flagged texts are answered with 112. A false flag costs an odd answer, a missed one may cost more
(though every receipt names 112), so an event that names itself counts unless a word near it says
that it is past, feared, frequent or practised. `dangers` has the words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from msgspec import Struct

from parsers import dangers
from parsers.lexicon import Word, settle_drawn_out
from parsers.plights import CANDIDATES, Scene, find_plight

_BEFORE_WORDS = 6
_AFTER_WORDS = 5
_NEGATION_REACH = 3
_PEOPLE_REACH = 4
_LEAK_REACH = 3
_PAIRS = (
    dangers.EVENT_PAIRS
    | dangers.THREAT_PAIRS
    | dangers.CONDITION_PAIRS
    | dangers.SPARKS
    | dangers.SELF_HARM
)
_CRIES = frozenset({"TOLONG", "HELP"})  # an emergency where somebody screams them
_CANDIDATES = (
    dangers.EVENTS
    | dangers.THREATS
    | dangers.MISHAPS
    | dangers.OVERTURNED
    | dangers.VIOLENCE
    | dangers.CONDITIONS
    | dangers.LEAPS
    | dangers.FALLS
    | dangers.WEAPONS
    | dangers.TRAPPED
    | dangers.LEAVE
    | dangers.LEAKS
    | CANDIDATES
    | _CRIES
    | {second for _, second in _PAIRS}
)
_WHOLE = _CANDIDATES | dangers.DOWN | dangers.SMELL  # may end in a doubled letter as they are
_CLAUSE_END = re.compile(r"[.!?;,\n]")
_SENTENCE_END = re.compile(r"[.!?;\n]")


def is_urgent(text: str, words: Sequence[Word]) -> bool:
    """Whether the folded `text`, whose words are `words`, tells of an emergency now."""
    if any(sign in text for sign in dangers.IDEOGRAMS):
        return True
    said = _forget_ages([_unstretch(word.text) for word in words])
    candidates = _CANDIDATES.intersection(said)
    if candidates <= _CRIES and dangers.SCREAMS.isdisjoint(said):
        return False  # `tolong` is in every other complaint
    report = _Report(said, text, words)
    for index, word in enumerate(said):
        if word not in _CANDIDATES:
            continue
        start = report.find_start(index)
        if start is not None and not report.is_softened(start, index):
            return True
    return False


def _unstretch(word: str) -> str:
    """A word without its last letter drawn out (`kebakarannn`), unless it is a word as it is."""
    return word if word in _WHOLE else settle_drawn_out(word)


def _forget_ages(said: list[str]) -> list[str]:
    """The words without the years of somebody's age, which would put an event into the past."""
    if dangers.YEARS.isdisjoint(said):
        return said
    for index in range(2, len(said)):
        is_counted = said[index] in dangers.YEARS and said[index - 1].isdecimal()
        is_ago = not dangers.OVER.isdisjoint(said[index + 1 : index + 3])
        if is_counted and not is_ago and said[index - 2] in dangers.AGES:
            said[index] = ""
    return said


class _Report(Struct, dict=True):
    """A folded text and its words, `said` as they are compared."""

    said: list[str]
    text: str
    words: Sequence[Word]

    @cached_property
    def clauses(self) -> list[int]:
        """The number of each word's clause."""
        return self._count(_CLAUSE_END)

    @cached_property
    def sentences(self) -> list[int]:
        """The number of each word's sentence."""
        return self._count(_SENTENCE_END)

    def _count(self, end: re.Pattern[str]) -> list[int]:
        numbers = [0]
        for earlier, later in pairwise(self.words):
            is_over = end.search(self.text, earlier.end, later.start) is not None
            numbers.append(numbers[-1] + is_over)
        return numbers

    @cached_property
    def all(self) -> frozenset[str]:
        return frozenset(self.said)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(pairwise(self.said))

    @cached_property
    def is_now(self) -> bool:
        if self._says(dangers.NOW) or not dangers.NOW_PAIRS.isdisjoint(self.pairs):
            return True
        return self._says(dangers.HASTE) and not self._says(dangers.CHRONIC)

    @cached_property
    def over(self) -> tuple[frozenset[int], frozenset[int]]:
        """The clauses and the sentences that speak of a time that is over."""
        found = [index for index in range(1, len(self.said)) if self._is_over(index)]
        return (
            frozenset(self.clauses[index] for index in found),
            frozenset(self.sentences[index] for index in found),
        )

    def _is_over(self, index: int) -> bool:
        pair = (self.said[index - 1], self.said[index])
        first = index - 1
        if pair[0] in dangers.RELATIVE and index > 1:
            first -= 1
            pair = (self.said[first], pair[1])
        is_span = pair[0] in dangers.SPANS and pair[1] in dangers.OVER
        if not (is_span or pair in dangers.OVER_PAIRS):
            return False
        return dangers.SINCE.isdisjoint(self.said[max(first - 2, 0) : first])

    @cached_property
    def scene(self) -> Scene:
        return Scene(self.said, self.all, self.is_now)

    def _says(self, words: frozenset[str]) -> bool:
        return not words.isdisjoint(self.all)

    def find_start(self, index: int) -> int | None:
        """Where what the word at `index` ends begins, if that is an emergency when it is happening now."""
        word = self.said[index]
        if word in dangers.LEAPS and self._is_leap(index):
            return index - 1
        if word in dangers.EVENTS or self._is_threat(index) or self._is_mishap(index):
            return index
        pair = (self.said[index - 1], word) if index else ("", word)
        if pair in dangers.EVENT_PAIRS:
            return index - 1
        if pair in dangers.SELF_HARM:  # who wants to is in need, too
            return index - 2 if index > 1 and self.said[index - 2] in dangers.INTENT else index - 1
        if word in dangers.WEAPONS and self._is_armed(index):
            return index - 1
        if self.is_now and pair in dangers.THREAT_PAIRS:
            return index - 1
        if pair in dangers.SPARKS and self._says(dangers.POWER_LINE):
            return None if self._says(dangers.CRAFTS) else index - 1
        if word in dangers.VIOLENCE and (
            self.is_now or pair[0] in dangers.IN_PROGRESS or self._says(dangers.WEAPONS)
        ):
            return index
        if word in dangers.CONDITIONS or pair in dangers.CONDITION_PAIRS:
            is_now = self.is_now or self._says(dangers.RESCUE)
            is_now |= word in dangers.PATIENTS and self._says(dangers.PLEAS)
            return index - (word not in dangers.CONDITIONS) if is_now else None
        found = self._find_phrase(index)
        return found if found is not None else find_plight(self.scene, index)

    def _is_threat(self, index: int) -> bool:
        word = self.said[index]
        if word not in dangers.THREATS or not self.is_now:
            return False
        if word == "API":
            is_other = index > 0 and self.said[index - 1] in dangers.NO_FIRE
            if is_other or not dangers.HEARTH.isdisjoint(self.said[index + 1 : index + 2]):
                return False
        return word not in dangers.SMOKE or not self._says(dangers.SMOKE_SOURCES)

    def _is_mishap(self, index: int) -> bool:
        word = self.said[index]
        if word in dangers.MISHAPS:
            who = dangers.PEOPLE_AND_BOATS
        elif word in dangers.OVERTURNED:
            who = dangers.VEHICLES
        else:
            return False
        if index > 1 and self.said[index - 2] == "ADA" and self.said[index - 1] in dangers.RELATIVE:
            return True  # `ada yg tertimpa`
        before = self.said[max(index - _PEOPLE_REACH, 0) : index]
        behind = range(index + 1, min(index + _PEOPLE_REACH, len(self.said)))
        # Behind it only within its clause: `sapi terjepit pagar, warga resah`.
        return not (who.isdisjoint(before) and who.isdisjoint(self._in_clause(behind, index)))

    def _is_armed(self, index: int) -> bool:
        """Whether people hold the weapon at `index`."""
        before = self.said[max(index - 1 - _PEOPLE_REACH, 0) : index]
        is_held = bool(before) and before[-1] in dangers.HOLDS
        return is_held and not dangers.PEOPLE.isdisjoint(before)

    def _is_fall(self, index: int) -> bool:
        """Whether people fell into water at `index`, or into a gorge, and are not out yet."""
        into = self.said[index + 1 : index + 1 + _PEOPLE_REACH]
        who = self.said[max(index - _PEOPLE_REACH, 0) : index]
        if dangers.WATERS.isdisjoint(into) or dangers.PEOPLE.isdisjoint(who):
            return False
        return self.is_now or self._says(dangers.NOT_OUT)

    def _is_leap(self, index: int) -> bool:
        has_intent = index > 0 and self.said[index - 1] in dangers.INTENT
        return has_intent and self._says(dangers.HEIGHTS)

    def _find_phrase(self, index: int) -> int | None:
        """The same for what is said in several words."""
        word = self.said[index]
        before = self.said[max(index - _LEAK_REACH, 0) : index]
        if word in dangers.FALLS:
            return index if self._is_fall(index) else None
        if word in dangers.TRAPPED and self._says(dangers.ELEMENTS):
            return index
        if word in dangers.LEAVE and len(before) > 1 and self._says(dangers.ELEMENTS):
            is_shut_in = before[-2] in dangers.CANNOT and before[-1] in dangers.ABLE
            return index - 2 if is_shut_in and self._says(dangers.PEOPLE) else None
        if word in dangers.LEAKS:
            return index if self._is_gas_leak(index) else None
        if word in _CRIES and not dangers.SCREAMS.isdisjoint(before):
            return index - len(before)
        return None

    def _is_gas_leak(self, index: int) -> bool:
        near = self.said[max(index - _LEAK_REACH, 0) : index + 1 + _LEAK_REACH]
        if not dangers.GAS.isdisjoint(near):
            return self.is_now or self._says(dangers.ILL)
        is_smelled = self._says(dangers.SMELL) and (self.is_now or self._says(dangers.ILL))
        return is_smelled and self._says(dangers.GAS)

    def is_softened(self, start: int, end: int) -> bool:
        """Whether the words around say that what stands from `start` to `end` is not happening now."""
        word = self.said[end]
        earlier = self._in_clause(range(start - 1, max(start - 1 - _BEFORE_WORDS, -1), -1), end)
        later = self._in_clause(range(end + 1, min(end + 1 + _AFTER_WORDS, len(self.said))), end)
        if not (dangers.BEFORE.isdisjoint(earlier) and dangers.AFTER.isdisjoint(later)):
            return True
        if not dangers.NEGATIONS.isdisjoint(earlier[:_NEGATION_REACH]):
            return True
        if self.clauses[end] in self.over[0] or (
            self.sentences[end] in self.over[1] and not self.is_now
        ):
            return True
        is_threat = word in dangers.THREATS or word in dangers.WEAPONS
        if is_threat and not dangers.CHRONIC.isdisjoint(earlier + later):
            return True
        # `tadi pagi` is over; `tadi` alone may be minutes ago, and `selamat pagi` says nothing
        if any(
            "TADI" in side and not dangers.PARTS_OF_DAY.isdisjoint(side)
            for side in (earlier, later)
        ):
            return True
        return _is_figure(word, earlier, later) or _is_counted(word, earlier, later)

    def _in_clause(self, indexes: range, of: int) -> list[str]:
        found = []
        for index in indexes:
            if self.clauses[index] != self.clauses[of]:
                break
            found.append(self.said[index])
        return found


def _is_figure(word: str, earlier: Sequence[str], later: Sequence[str]) -> bool:
    """Whether the word means something else here: what bursts, burns or robs only in a manner of speaking."""
    if word == "MELEDAK":
        return not dangers.BURSTING.isdisjoint(earlier)
    if word in dangers.OVERTURNED:
        return not dangers.WRECKS.isdisjoint(later[:1])
    if word in dangers.BURNING:
        return not dangers.PAPERS.isdisjoint(earlier)
    if word in dangers.HIT:
        return not dangers.THINGS.isdisjoint(earlier[:3]) and dangers.PEOPLE.isdisjoint(earlier)
    if word in dangers.FIGURES:
        is_likened = not dangers.LIKENESS.isdisjoint(earlier[:2])
        return is_likened or not dangers.BILLS.isdisjoint(later)
    return False


def _is_counted(word: str, earlier: Sequence[str], later: Sequence[str]) -> bool:
    """Whether accidents are counted, or called frequent: the road is what the text is about."""
    if word not in dangers.ACCIDENTS:
        return False
    has_number = any(other.isdecimal() for other in (*earlier, *later))
    is_count = has_number and not dangers.ALREADY.isdisjoint((*earlier, *later))
    return is_count or not dangers.REPEATED.isdisjoint(later)
