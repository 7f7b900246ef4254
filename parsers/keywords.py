"""Keywords: they act when they are the whole message, or stand with a reference number only.

Questions, in whole words too, are read by `questions`, orders by `orders`. `BTM BANTUAN` asks for
help, `BTM bantuan sosial saya belum cair` complains. Courtesy around a keyword (`BTM info dong pak`)
says nothing, so the keyword is still the whole message; any word that says something makes the text
a complaint.
"""

from __future__ import annotations

from collections.abc import Sequence

from parsers.asking import COURTESY
from parsers.lexicon import Lexicon, Word, list_words, settle_drawn_out, unstretch
from parsers.meaning import Meaning, StatusQuery, Test
from parsers.orders import read_keyword_order, read_worded_order
from parsers.questions import CITED_DIGITS_MAX, names_complaint, read_question

_WORDS_MAX = 10
_WORDS_OF_A_QUESTION_MAX = 30

# Alone, or beside courtesy, these make no complaint either (`BTM ok terima kasih`).
_IDLE = list_words("P PING OK OKE OKAY SIP BAIK SIAP WOI WOY HM")
_SAYS_NOTHING = COURTESY | _IDLE
_ABOUT_TEST = list_words("""
    INI CUMA CUMAN HANYA SAJA AJA AJAH DOANG DULU SMS KIRIM MASUK GAK GA NGGAK TIDAK APAKAH NOMOR
    NOMER NO NMR AKTIF UJI BISA KONEKSI JARINGAN JUST ONLY A
""")


def read_keyword(text: str, words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    """What the words behind the prefix ask for, when they ask and say nothing else."""
    asked = _read_keyword(text, words, lexicon)
    return asked or read_worded_order(text, words, lexicon)


def _read_keyword(text: str, words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    if not 0 < len(words) <= _WORDS_OF_A_QUESTION_MAX:
        return None
    return read_question(text, words, lexicon) or _read_order(words, lexicon)


def _read_order(words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    if len(words) > _WORDS_MAX:
        return None
    letters = frozenset(unstretch(word.text, lexicon) for word in words if not word.is_number)
    said = letters - COURTESY
    if said & lexicon.test and said - lexicon.test <= _ABOUT_TEST:
        return Test()
    if sum(len(word.text) for word in words if word.is_number) > CITED_DIGITS_MAX:
        return None
    return read_keyword_order(letters, lexicon)


def read_bare_keyword(text: str, words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    """The same for a text without prefix: the keyword and a number, and nothing else.

    Only a question about a whole reference that it names may have more words (`cek status aduan 12345678`).
    An order in own words needs the prefix: `stop sms` may be meant for anybody.
    """
    asked = _read_keyword(text, words, lexicon)
    if isinstance(asked, StatusQuery) and len(asked.reference or "") == lexicon.reference_digits:
        return asked if names_complaint(words, lexicon) else None
    numbers = [word for word in words if word.is_number]
    is_bare = len(words) - len(numbers) == 1 and not words[0].is_number
    return asked if is_bare else None


def says_nothing(words: Sequence[Word]) -> bool:
    """Whether there are only numbers, greetings and thanks: `BTM`, `BTM !!!`, `BTM halo pak`."""
    return all(
        word.is_number or not _SAYS_NOTHING.isdisjoint((word.text, settle_drawn_out(word.text)))
        for word in words
    )
