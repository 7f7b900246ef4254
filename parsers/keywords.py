"""Keywords: they act when they are the whole message, or stand with a reference number only.

Questions, in whole words too, are read by `questions`; the orders are here. `BTM BANTUAN` asks for
help, `BTM bantuan sosial saya belum cair` complains. Courtesy around a keyword (`BTM info dong pak`)
says nothing, so the keyword is still the whole message; any word that says something makes the text
a complaint.
"""

from __future__ import annotations

from collections.abc import Sequence

from parsers.asking import COURTESY, REQUESTS
from parsers.lexicon import Lexicon, Word, list_words, settle_drawn_out, unstretch
from parsers.meaning import Meaning, OptIn, OptOut, StatusQuery, Test
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
_ABOUT_OPTOUT = REQUESTS | list_words(
    "SMS SMSNYA NYA LANGGANAN BERLANGGANAN NOTIFIKASI KIRIM SEMUA KE SAYA SY NOMOR NO INI LAGI"
)
# `jangan sms saya lagi`, with nothing more. Counter-example: `jangan sms terus, jalan diperbaiki dulu`.
_DO_NOT = list_words("JANGAN JGN USAH")
_WRITE = frozenset({"SMS"})
_ABOUT_OPTIN = list_words("LAGI SMS KIRIM LANGGANAN BERLANGGANAN")


def read_keyword(text: str, words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    """What the words behind the prefix ask for, when they ask and say nothing else."""
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
    if said & lexicon.optout and said - lexicon.optout <= _ABOUT_OPTOUT:
        return OptOut()
    if said & _DO_NOT and said & _WRITE and said - _DO_NOT <= _ABOUT_OPTOUT:
        return OptOut()
    if said & lexicon.optin and said - lexicon.optin <= _ABOUT_OPTIN:
        return OptIn()
    return None


def read_bare_keyword(text: str, words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    """The same for a text without prefix: the keyword and a number, and nothing else.

    Only a question about a whole reference that it names may have more words (`cek status aduan 12345678`).
    """
    asked = read_keyword(text, words, lexicon)
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
