"""Keywords: they act when they are the whole message, or stand with a reference number only.

`BTM BANTUAN` asks for help, `BTM bantuan sosial saya belum cair` complains. Courtesy around a
keyword (`BTM info dong pak`) says nothing, so the keyword is still the whole message; any word
that says something makes the text a complaint.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsers.citations import NAMING, NUMBERING
from parsers.lexicon import Lexicon, Word, list_words
from parsers.meaning import Help, Meaning, OptIn, OptOut, StatusQuery, Test

_WORDS_MAX = 10
# A mistyped reference is still a question about one, and is answered with "not found"; sixteen
# digits are a NIK (`BTM cek 2171…`), which is a question about something else.
_CITED_DIGITS_MAX = 12

_DRAWN_OUT = re.compile(r"(.)\1+\Z")

COURTESY = list_words("""
    PAK BPK BAPAK BU IBU MIN ADMIN KAK BANG BG MAS MBAK GAN YA YAA IYA DONG DONK DUNK DEH SIH NIH
    LAH PLEASE PLS PLIS TERIMA KASIH TERIMAKASIH TRIMAKASIH MAKASIH
    MKSH MAKASI MKASIH TRMKSH TRIMS TKS THX THANKS THANK YOU TQ YTH SELAMAT PAGI
    SIANG SORE MALAM HALO HALLO HAI HI HELLO HEI PERMISI MAAF SORRY SALAM WR WB
    ASSALAMUALAIKUM ASSALAMU ALAIKUM ASS ASLM SPASI
    NI NIE KOK SIST BOS HEHE HEHEHE HIHI HAHA HAHAHA WKWK WKWKWK XIXI
""")
# Alone, or beside courtesy, these make no complaint either (`BTM ok terima kasih`).
_IDLE = list_words("P PING OK OKE OKAY SIP BAIK SIAP WOI WOY HM")
_SAYS_NOTHING = COURTESY | _IDLE
_ABOUT_TEST = list_words("""
    INI CUMA CUMAN HANYA SAJA AJA AJAH DOANG DULU SMS KIRIM MASUK GAK GA NGGAK TIDAK APAKAH NOMOR
    NOMER NO NMR AKTIF UJI BISA KONEKSI JARINGAN JUST ONLY A
""")
_ABOUT_HELP = list_words("""
    CARA CARANYA LAPOR MELAPOR LAPORAN ADUAN MENGADU PENGADUAN KIRIM MENGIRIM PAKAI MEMAKAI FORMAT
    FORMATNYA SMS NYA KETIK BAGAIMANA BGMN GIMANA GMN APA LAYANAN INI TO ME REPORT COMPLAIN COMPLAINT SEND USE THIS A
    """)
_REQUESTS = list_words("MINTA MOHON MHN TOLONG TLG BUTUH PERLU")
# `minta info` asks how it is done; `minta bantuan` may be somebody in need, and goes to people.
_IN_NEED = list_words("BANTUAN HELP TOLONG")
_ASKS_FOR_STATUS = frozenset({"INFO"})  # of the help words, with a reference
_ABOUT_OPTOUT = _REQUESTS | list_words(
    "SMS SMSNYA NYA LANGGANAN BERLANGGANAN NOTIFIKASI KIRIM SEMUA KE SAYA SY NOMOR NO INI LAGI"
)
# `jangan sms saya lagi`, with nothing more. Counter-example: `jangan sms terus, jalan diperbaiki dulu`.
_DO_NOT = list_words("JANGAN JGN USAH")
_WRITE = frozenset({"SMS"})
_ABOUT_OPTIN = list_words("LAGI SMS KIRIM LANGGANAN BERLANGGANAN")
_ABOUT_STATUS = NAMING | NUMBERING | list_words("OF FOR UNTUK DARI YG YANG ADUANKU LAPORANKU")
# Only where it is about a complaint; alone they would be anything (`BTM cek gimana sudah sampai`).
_HOW_IS_IT = list_words(
    "GIMANA GMN BAGAIMANA BGMN APA APAKAH SUDAH SDH UDAH SAMPAI SAMPE MANA DIMANA NYA SEKARANG"
    " DI MAU INGIN TANYA NANYA BERTANYA"
)


def read_keyword(words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    """What the words behind the prefix ask for, when they are a keyword and nothing else."""
    if not 0 < len(words) <= _WORDS_MAX:
        return None
    letters = frozenset(_unstretch(word.text, lexicon) for word in words if not word.is_number)
    numbers = [word.text for word in words if word.is_number]
    said = letters - COURTESY
    if said & lexicon.status:
        return _read_status(said - lexicon.status, numbers, lexicon)
    if said & lexicon.help:
        return _read_help(said, numbers, lexicon)
    if said & lexicon.test and said - lexicon.test <= _ABOUT_TEST:
        return Test()
    if len("".join(numbers)) > _CITED_DIGITS_MAX:
        return None
    if said & lexicon.optout and said - lexicon.optout <= _ABOUT_OPTOUT:
        return OptOut()
    if said & _DO_NOT and said & _WRITE and said - _DO_NOT <= _ABOUT_OPTOUT:
        return OptOut()
    if said & lexicon.optin and said - lexicon.optin <= _ABOUT_OPTIN:
        return OptIn()
    return None


def read_bare_keyword(words: Sequence[Word], lexicon: Lexicon) -> Meaning | None:
    """The same for a text without prefix: the keyword and a number, and nothing else.

    Only a question about a whole reference may have more words (`cek status aduan 12345678`).
    """
    if not 0 < len(words) <= _WORDS_MAX:
        return None
    asked = read_keyword(words, lexicon)
    numbers = [word for word in words if word.is_number]
    if isinstance(asked, StatusQuery) and len(asked.reference or "") == lexicon.reference_digits:
        return asked
    is_bare = len(words) - len(numbers) == 1 and not words[0].is_number
    return asked if is_bare else None


def says_nothing(words: Sequence[Word]) -> bool:
    """Whether there are only numbers, greetings and thanks: `BTM`, `BTM !!!`, `BTM halo pak`."""
    return all(
        word.is_number
        or not _SAYS_NOTHING.isdisjoint((word.text, _DRAWN_OUT.sub(r"\1", word.text)))
        for word in words
    )


def _unstretch(word: str, lexicon: Lexicon) -> str:
    """A word without its last letter drawn out (`tesss`, `haloo`), unless it is a keyword as it is."""
    return word if lexicon.has_keyword(word) else _DRAWN_OUT.sub(r"\1", word)


def _read_status(
    rest: frozenset[str], numbers: Sequence[str], lexicon: Lexicon
) -> StatusQuery | None:
    cited = _cite(numbers, lexicon.reference_digits)
    is_about_complaint = bool(cited) or bool(rest & NAMING)
    if not rest <= (
        _ABOUT_STATUS | _HOW_IS_IT | _REQUESTS if is_about_complaint else _ABOUT_STATUS
    ):
        return None
    if len(cited) > _CITED_DIGITS_MAX:
        return None
    return StatusQuery(cited or None)


def _read_help(
    said: frozenset[str], numbers: Sequence[str], lexicon: Lexicon
) -> Help | StatusQuery | None:
    words = said & lexicon.help
    cited = _cite(numbers, lexicon.reference_digits)
    if cited and words <= _ASKS_FOR_STATUS and said - words <= _ABOUT_STATUS:
        return StatusQuery(cited) if len(cited) <= _CITED_DIGITS_MAX else None
    rest = said - words - _ABOUT_HELP
    if rest & _REQUESTS and words <= _IN_NEED:
        return None
    return Help() if rest <= _REQUESTS and len(cited) <= _CITED_DIGITS_MAX else None


def _cite(numbers: Sequence[str], digits: int) -> str:
    """The number that was given: groups joined, or the first of several whole references."""
    if len(numbers) > 1 and all(len(number) == digits for number in numbers):
        return numbers[0]
    return "".join(numbers)
