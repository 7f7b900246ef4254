"""Whether a text is plainly English, so that it may be answered in English.

Indonesian is the rule: people here mix English words into it (`tolong fix road ini`), and a keyword
(`BTM STATUS`, `BTM HELP`) is no language. So it takes several words that only English has, and hardly
one that only Indonesian or Malay has.
"""

from __future__ import annotations

import re

from parsers.lexicon import list_words
from parsers.lookalikes import fold

_LETTERS = re.compile(r"[^\W\d_]+")
# Small words that every English sentence has, and Indonesian and Malay do not.
_ENGLISH = list_words("""
    THE IS ARE WAS WERE HAS HAVE HAD BEEN NOT NO VERY THIS THAT THESE THERE THEY IT ITS MY OUR YOUR
    HIS HER US WE YOU WHO WHY WHEN WHERE HOW WHAT PLEASE PLS FROM FOR WITH WITHOUT AND OR BUT BECAUSE
    NEAR AT ON IN OF TO BY EVERY SINCE AGAIN STILL ALWAYS NEVER DOES DO DID CAN CANNOT WILL SOME ANY
    NOBODY SOMEONE ONE TWO DAY DAYS WEEK WEEKS MONTH MONTHS YEAR ALL ALONG EVERYWHERE BROKEN DIRTY
    ROAD STREET WATER LIGHT LIGHTS GARBAGE SCHOOL HOUSE
""")
_INDONESIAN = list_words("""
    YANG YG DI DAN DENGAN DGN INI ITU TIDAK TDK TAK GAK GA NGGAK BELUM BLM SUDAH SDH UDAH DAH ADA
    SAYA KAMI KITA NAK KENAPA KNP TOLONG TLG MOHON PAK BU DARI DEPAN UNTUK UTK SAMPAH JALAN JLN LAMPU
    AIR BANJIR RUSAK MATI KALAU SEJAK MINTA MAU JANGAN KAPAN BAGAIMANA
""")
_ENGLISH_MIN = 3
_SHARE_MIN = 0.3  # of all words; a name or two of places and people may stand in any language


def is_english(text: str) -> bool:
    """Whether a text is plainly English."""
    words = _LETTERS.findall(fold(text).text)
    english = sum(map(_ENGLISH.__contains__, words))
    if english < max(_ENGLISH_MIN, len(words) * _SHARE_MIN):
        return False
    # `jalan` and `air` stand in names and in English sentences of people who live here.
    return sum(map(_INDONESIAN.__contains__, words)) * 4 <= english
