"""Questions: texts that say nothing but that they ask, how a complaint is doing or how one is made.

Every word must be out of closed vocabularies (`asking`): politeness, words for the report and its
number, asking words, words of progress and of being done. One word that is in none of them, a
place, a thing, a fact, makes the text a complaint or an addition: `12345678 kapan diperbaiki` asks,
`12345678 kapan diperbaiki, tidak ada yang datang` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from msgspec import Struct

from parsers import asking
from parsers.lexicon import Lexicon, Word, unstretch
from parsers.meaning import Help, StatusQuery

# A mistyped reference is still a question about one, and is answered with "not found"; sixteen
# digits are a NIK (`BTM cek 2171…`), which is a question about something else.
CITED_DIGITS_MAX = 12
_THANKS_REACH = 3
# `minta info` asks how it is done; `minta bantuan` may be somebody in need, and goes to people.
_IN_NEED = frozenset({"BANTUAN", "HELP", "TOLONG"})
_ASKS_FOR_STATUS = frozenset({"INFO"})  # of the help words, with a reference


class Question(Struct, dict=True):
    """The words of a text, and whether its folded form has a question mark."""

    said: Sequence[str]  # words in their order, numbers left out
    numbers: Sequence[str]
    has_mark: bool
    lexicon: Lexicon

    @cached_property
    def cited(self) -> str:
        """The number that was given: groups joined, or the first of several whole references."""
        digits = self.lexicon.reference_digits
        if len(self.numbers) > 1 and all(len(number) == digits for number in self.numbers):
            return self.numbers[0]
        return "".join(self.numbers)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.said) - asking.COURTESY

    def read(self) -> StatusQuery | Help | None:
        """What is asked, if nothing else is said."""
        if len(self.cited) > CITED_DIGITS_MAX:
            return None
        if self._asks_manner_in_chinese():
            return Help()
        return self._read_help_keyword() or self._read_status() or self._read_manner()

    def _read_help_keyword(self) -> Help | StatusQuery | None:
        keywords = self.words & self.lexicon.help
        if not keywords:
            return None
        rest = self.words - keywords
        if self.cited and keywords <= _ASKS_FOR_STATUS and rest <= _ABOUT_REFERENCE:
            return StatusQuery(self.cited)
        rest -= asking.ABOUT_HELP
        if rest & asking.REQUESTS and keywords <= _IN_NEED:
            return None
        return Help() if rest <= asking.REQUESTS else None

    def _read_status(self) -> StatusQuery | None:
        """The question how a complaint is doing, by keyword or in whole words."""
        keywords = self.words & self.lexicon.status
        rest = self.words - keywords
        if keywords and rest <= _ABOUT_REFERENCE:
            return StatusQuery(self.cited or None)
        if not self._is_about_complaint() or not self._says_nothing_else(rest):
            return None
        return StatusQuery(self.cited or None) if keywords or self._asks() else None

    def _is_about_complaint(self) -> bool:
        """Whether one complaint is meant: by its number, its name, or a word for how it goes on.

        Counter-examples: `kapan diperbaiki` alone, `no 5 kapan selesai`, `laporan 17/08/2026 gimana`.
        """
        is_keyword = not self.lexicon.status.isdisjoint(self.words)
        is_named = any(word in asking.REPORTS or _names_report(word) for word in self.words)
        if not self.numbers:
            return is_named or not (asking.COURSE | asking.FURTHER).isdisjoint(self.words)
        if is_keyword:
            return True
        if len(self.numbers) == 1:
            return is_named or self._is_reference(self.cited)
        is_date = sorted(map(len, self.numbers)) == [2, 2, 4]
        return not is_date and self._is_reference("".join(self.numbers))

    def _is_reference(self, digits: str) -> bool:
        return len(digits) == self.lexicon.reference_digits

    def _says_nothing_else(self, rest: frozenset[str]) -> bool:
        free = rest - asking.ABOUT_STATUS
        if not all(word in asking.BEHIND or _is_ideographic(word) for word in free):
            return False
        around = zip(["", *self.said], self.said, [*self.said[1:], ""], strict=False)
        may_be = frozenset() if asking.BEING.isdisjoint(self.words) else asking.MAY_BE
        ends = asking.OPEN_ENDS | may_be
        return not any(_tells(*three, open_ends=ends) for three in around)

    def _asks(self) -> bool:
        if self.has_mark or not (asking.INTERROGATIVES | asking.COURSE).isdisjoint(self.words):
            return True
        pairs = frozenset(pairwise(self.said))
        if not asking.TURNED.isdisjoint(pairs) or not asking.DENIALS.isdisjoint(self.words):
            return True  # a denial that is not told asks: `sudah selesai belum`
        if any(first in asking.REQUESTS and second in asking.WANTED for first, second in pairs):
            return True
        if any(cue in word for word in self.words for cue in asking.IDEOGRAM_CUES):
            return True
        return any(
            word in asking.TIDINGS
            and asking.THANKS.isdisjoint(self.said[max(index - _THANKS_REACH, 0) : index])
            for index, word in enumerate(self.said)
        )

    def _asks_manner_in_chinese(self) -> bool:
        if self.numbers or not all(map(_is_ideographic, self.said)):
            return False
        return any(how in word for word in self.said for how in asking.IDEOGRAM_MANNERS)

    def _read_manner(self) -> Help | None:
        """The question how to complain: `cara lapornya gimana ya, sy blm ngerti`.

        Counter-examples: `cara urus akta kok muter2` names a matter, `minta bantuan` a need, and
        `saya mau lapor` announces what comes in the next SMS.
        """
        words = self.words
        if self.numbers:
            return None
        if not asking.MANNERS.isdisjoint(words):
            return Help() if words <= asking.ABOUT_MANNER | self.lexicon.status else None
        is_made = not (asking.MAKING.isdisjoint(words) or asking.REPORTS.isdisjoint(words))
        is_told = is_made or not asking.TELLING.isdisjoint(words)
        asks_how = is_told and not asking.HOW.isdisjoint(words)
        return Help() if asks_how and words <= asking.ABOUT_MANNER else None


_ABOUT_REFERENCE = asking.REPORTS | asking.OF_REPORTS


_KNOWN = asking.COURTESY | asking.ABOUT_STATUS | asking.ABOUT_MANNER
# Every word of any question, keywords and Chinese aside.
_ASKING = _KNOWN | _ABOUT_REFERENCE | asking.ABOUT_HELP | asking.REQUESTS | frozenset(asking.BEHIND)


def read_question(text: str, words: Sequence[Word], lexicon: Lexicon) -> StatusQuery | Help | None:
    """What `words` of the folded `text` ask, where they only ask."""
    said: list[str] = []
    numbers: list[str] = []
    for word in words:
        if word.is_number:
            numbers.append(word.text)
            continue
        settled = word.text if word.text in _KNOWN else unstretch(word.text, lexicon)
        if not (
            settled in _ASKING or settled in lexicon.keywords or settled[0] in asking.IDEOGRAMS
        ):
            return None  # the first word that says something ends it
        said.append(settled)
    has_mark = bool(words) and "?" in text[words[0].start :]
    return Question(said, numbers, has_mark, lexicon).read()


def names_complaint(words: Sequence[Word], lexicon: Lexicon) -> bool:
    """Whether the question itself says that it is about a complaint, or uses a keyword."""
    naming = asking.REPORTS | lexicon.status | _ASKS_FOR_STATUS
    return any(word.text in naming for word in words)


def _tells(before: str, word: str, behind: str, *, open_ends: frozenset[str]) -> bool:
    """Whether a word that says nothing by itself tells something where it stands.

    `belum selesai` is news, `selesai belum` a question; `mohon dikerjakan` and `kok sudah selesai` are for
    those who do the work.
    """
    if word in asking.DENIALS:
        is_open = before in open_ends or (before in asking.ALREADY and word in asking.NOT_YET)
        return not is_open or bool(behind and behind not in asking.BEHIND_OPEN_ENDS)
    if word in asking.BEHIND and before not in asking.BEHIND[word]:
        return True
    return before in asking.PLEADING and (word in asking.WORK or word in asking.ALREADY)


def _names_report(word: str) -> bool:
    return any(report in word for report in asking.IDEOGRAM_REPORTS)


def _is_ideographic(word: str) -> bool:
    """Whether a run of Chinese says nothing but the question. Counter-example: `没有处理` denies."""
    if not asking.IDEOGRAMS.issuperset(word):
        return False
    core = word.replace("沒", "没").replace("有没有", "").removesuffix("有")
    return "没" not in core[:-1]
