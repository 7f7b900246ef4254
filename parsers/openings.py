"""How an SMS begins: whether with our prefix, in any of the ways in which people type it.

Each rule names its counter-example. Where a rule cannot be sure the answer is a doubt, and a
person sorts the message: the citizen gets a pointer, and nothing is filed by guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from parsers.cities import CONVENTIONS, NAMES
from parsers.lexicon import Lexicon, Word, iterate_words, list_words, strictest
from parsers.lookalikes import Folded
from parsers.meaning import Doubt, Privacy
from parsers.vocabulary import TOPICS, is_known

# Words that stand before the prefix and say nothing: the instruction copied (`Ketik BTM …`), marks
# of a forwarded message.
_COPIED = frozenset({"KETIK", "KTK", "FORMAT", "SMS", "FW", "FWD", "RE"})

# Politeness before the prefix (`Assalamualaikum pak. BTM jalan rusak`).
_GREETINGS = list_words("""
    ASSALAMUALAIKUM ASSALAMU ALAIKUM ALAYKUM ASS ASSLM ASLM ASLMKM ASWRWB WR WB SALAM SELAMAT SLMT
    MET PAGI PG PGI PAGII SIANG SIANK SG SORE SOREE SR MALAM MALEM MLM MLAM SUBUH HALO HALLO HAI HI HELLO
    HEI HOI WOI DEAR SIR MADAM PAK PK BPK BAPAK BU IBU MIN ADMIN MIMIN KAK KAKAK BANG BG ABANG MAS MBAK OM
    TANTE ENCIK CIK TUAN PUAN DATUK PERMISI NUMPANG IZIN IJIN LAPOR MAAF MOHON BANTUANNYA TOLONG TLG KEPADA KPD YTH
    PEMKO WALI KOTA WALIKOTA GOOD MORNING AFTERNOON EVENING
    WARAHMATULLAHI WARAHMATULLAH WABARAKATUH WABAROKATUH WRWB SEJAHTERA KITA SEMUA DAN BAPA SDR SAUDARA
    HORAS SHALOM SYALOM SAMPURASUN GANGGU MENGGANGGU BANTUAN WAKTUNYA MELAPOR MENGADU NGADU
    SAYA SY MAU INGIN BAH LAE UNTUK UTK
    PUNTEN KULONUWUN MEJUAH OM SWASTIASTU NAMASTE SALAMUALAIKUM MIKUM
    """)
_WORDS_BEFORE_MAX = 14
# The number of the service typed before its prefix (`1708 BTM …`). Counter-examples: a year
# (`2026 BTM bebas banjir`), and longer numbers, which are a person's.
_SHORT_CODE = re.compile(r"(?!(?:19|20)\d\d\Z)\d{3,6}\Z")

# What may touch the prefix on its right (`BTM:`, `BTM#`, `*BTM*`, `"BTM"`).
_TOUCHING = frozenset(".,:;#-/\\*_=+|>~!?\"'`&^)]}»”’“‘–—−·•")
# What may stand free between the prefix and the text (`BTM : …`). An opening quote or bracket, a
# plus (of a phone number) and an asterisk belong to the text.
_FREE = frozenset(".,:;#-/=|>~–—−·•")

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "`": "`", "„": "“", "*": "*"}

# `btm.co.id error` is a site, `btm@contoh.id` an address, `btm's` and `btm-an` are words, `btmcentre` is a place.
_ANOTHER_WORD = re.compile(
    r"@|CENT(?:RE|ER)(?![A-Z])|\.(?:COM|NET|ORG|(?:CO|GO|OR|SCH|AC|MY|WEB)\.[A-Z]{2})(?![A-Z])|['’]S(?![A-Z])|-(?:AN|NYA|KU|MU)(?![A-Z])"
)
# `(1/2)` or `1.` before the prefix, in a message that was split or listed by hand.
_PART_MARK = re.compile(r"\d{1,2}(?:\s*/\s*\d{1,2}\s*[)\]]?|[.)])")
_JUNK = re.compile(r"[\W_]*")  # quotes, brackets, bullets, blank lines, emoji
_LETTERS = re.compile(r"[^\W\d_]*")
_DIGITS = re.compile(r"\d*")
_VOWELS = frozenset("AIUEO")
_SPELLED_GAP = re.compile(r"[ .\-]")

_TOPICS_OF_A_COMPLAINT = 2  # one may be chance: `jalan sehat`
_GLUED_DIGITS_MIN = 3
_GLUED_LETTERS_MIN = 4  # `BTMart`, `BTMan`: what is shorter proves nothing


class Opening(Struct, frozen=True):
    """A prefix that was recognised. `end` is the folded index at which the text behind it begins.

    `privacy` is what a keyword before the prefix asked for (`RAHASIA BTM …`). `is_copied`: the
    poster's instruction stands before it (`Ketik BTM …`).
    """

    prefix: str
    end: int
    closing_quote: str = ""
    privacy: Privacy = Privacy.PLAIN
    is_copied: bool = False


class OtherService(Struct, frozen=True):
    """A text that begins with the prefix of another service of this gateway."""

    prefix: str


def read_opening(folded: Folded, lexicon: Lexicon) -> Opening | OtherService | Doubt:
    """The opening of a text, or why there is none."""
    start = _skip_junk(folded.text)
    found = _read_prefix(folded, start, lexicon.prefixes, lexicon)
    if found is None:
        found = _read_later_prefix(folded, lexicon)
    own = len(found.prefix) if isinstance(found, Opening) else 0
    other = _read_prefix(folded, start, lexicon.other_prefixes, lexicon)
    # The longer one is meant: with `BTMAIR` another service's, `BTMAIR mati` is not `BTM` run into a word.
    if isinstance(other, Opening) and len(other.prefix) > own:
        return OtherService(other.prefix)
    if isinstance(found, Opening):
        quote = _closing_quote(folded.text, start)
        return replace(found, closing_quote=quote) if quote else found
    if found is not None:
        return found
    return Doubt.OTHER_PREFIX if _is_other_city(folded) else Doubt.NO_PREFIX


def skip_separators(text: str, index: int) -> int:
    """The index at which the text begins, after a prefix or keyword that ended at `index`."""
    while index < len(text) and text[index] in _TOUCHING and not _is_plus_number(text, index):
        index += 1
    return skip_free(text, index)


def skip_free(text: str, index: int) -> int:
    """`index` moved over spaces and the signs that may stand free between prefix and text."""
    while index < len(text) and (text[index].isspace() or text[index] in _FREE):
        index += 1
    return index


def _is_plus_number(text: str, index: int) -> bool:
    """Whether `+62…` begins here: the plus is part of a phone number."""
    return text[index] == "+" and text[index + 1 : index + 2].isdecimal()


def _skip_junk(text: str) -> int:
    """The index of the first letter or digit, a part mark passed over."""
    first = _match_end(_JUNK, text, 0)
    mark = _PART_MARK.match(text, first)
    return first if mark is None else _match_end(_JUNK, text, mark.end())


def _match_end(pattern: re.Pattern[str], text: str, index: int) -> int:
    match = pattern.match(text, index)
    return index if match is None else match.end()


def _read_prefix(
    folded: Folded, start: int, prefixes: Sequence[tuple[str, str]], lexicon: Lexicon
) -> Opening | Doubt | None:
    """The one of `prefixes` that stands at `start`: whole, spelled out, or run into the next word."""
    text = folded.text
    for folded_prefix, prefix in prefixes:
        if text.startswith(folded_prefix, start):
            end = start + len(folded_prefix)
            if folded.has_unseen_space(end) or _ends_here(text, end, lexicon):
                return Opening(prefix, skip_separators(text, end))
            return Doubt.UNCLEAR_PREFIX
        end = _match_spelled(text, start, folded_prefix)
        if end:
            return Opening(prefix, skip_separators(text, end))
    return None


def _match_spelled(text: str, start: int, prefix: str) -> int:
    """The end of a prefix typed letter by letter (`B.T.M`, `b t m`), else 0.

    The same sign stands in every gap and no letter follows: `B. Tmn Mawar banjir` is not one.
    """
    gap = text[start + 1 : start + 2]
    spelled = gap.join(prefix)
    if len(prefix) < 2 or not _SPELLED_GAP.match(gap) or not text.startswith(spelled, start):
        return 0
    end = start + len(spelled)
    return 0 if text[end : end + 1].isalpha() else end


def _ends_here(text: str, end: int, lexicon: Lexicon) -> bool:
    """Whether the prefix that ends at `end` stands for itself, not at the head of another word."""
    if _ANOTHER_WORD.match(text, end):
        return False
    following = text[end : end + 1]
    if following.isdecimal():
        # `BTM12345678 masih` and `BTM2 lampu mati` are complaints; `BTM4X` is a name of something
        digits = _DIGITS.match(text, end)
        digits_end = digits.end() if digits else end
        is_short = digits_end - end < _GLUED_DIGITS_MIN
        return not (is_short and text[digits_end : digits_end + 1].isalpha())
    if not following.isalpha():
        return True
    if unicodedata.category(following) == "Lo":
        return True  # a script without capitals after Latin letters (`BTM路灯坏了`): a new word
    return _is_new_word(text, end, lexicon)


def _is_new_word(text: str, end: int, lexicon: Lexicon) -> bool:
    """Whether the letters that follow the prefix are a word of their own (`BTMjalan rusak`).

    They are when the vocabulary has them, or when the rest of the message speaks of what
    complaints are about (`BTMkemarin sampah menumpuk`). Counter-examples: `Btmawati titip salam`,
    `BTMart diskon 50%`.
    """
    letters = _LETTERS.match(text, end)
    word = letters[0] if letters else ""
    if is_known(word) or word in lexicon.keywords:
        return True
    if len(word) < _GLUED_LETTERS_MIN or _VOWELS.isdisjoint(word):
        return False
    return any(later.text in TOPICS for later in iterate_words(text, end + len(word)))


def _read_later_prefix(folded: Folded, lexicon: Lexicon) -> Opening | None:
    """A prefix behind a copied instruction, a greeting, or RAHASIA and ANONIM put first.

    Except behind an instruction it must look like a prefix: in capitals, or after a stop or comma,
    with a text behind it; or that text must plainly complain. Counter-examples: `Selamat pagi btm,
    semangat semua` greets the city, `pagi btm, jalan sehat yuk` invites to a walk.
    """
    before: list[Word] = []
    for word in islice(iterate_words(folded.text), _WORDS_BEFORE_MAX):
        found = _read_prefix(folded, word.start, lexicon.prefixes, lexicon)
        if isinstance(found, Opening):
            is_copied = all(earlier.text in _COPIED for earlier in before)
            if not is_copied and not _looks_typed_as_prefix(folded, word, found):
                return None
            said = [earlier.text for earlier in before]
            return replace(
                found, privacy=strictest(said, lexicon), is_copied=bool(said) and is_copied
            )
        is_polite = word.text in _COPIED or word.text in _GREETINGS
        if not (is_polite or lexicon.is_discreet(word.text) or _SHORT_CODE.match(word.text)):
            return None
        before.append(word)
    return None


def _looks_typed_as_prefix(folded: Folded, word: Word, opening: Opening) -> bool:
    if not any(character.isalnum() for character in folded.text[opening.end :]):
        return False
    before = folded.text[: word.start].rstrip(" ")
    if _typed(folded, word).isupper() or before.endswith((".", ",", "!", ":", "\n")):
        return True
    topics = {later.text for later in iterate_words(folded.text, opening.end)} & TOPICS
    return len(topics) >= _TOPICS_OF_A_COMPLAINT


def _is_other_city(folded: Folded) -> bool:
    """Whether the text begins with another city's word and has a text behind it."""
    words = list(islice(iterate_words(folded.text), 2))
    if len(words) < 2:
        return False
    first = words[0]
    if first.text in CONVENTIONS:
        return True
    if first.text not in NAMES:
        return False
    rest = folded.raw[folded.starts[first.end] :]
    return _typed(folded, first).isupper() and not rest.isupper()


def _typed(folded: Folded, word: Word) -> str:
    """A word as it was typed."""
    return folded.raw[folded.starts[word.start] : folded.starts[word.end]]


def _closing_quote(text: str, start: int) -> str:
    """The sign that closes a quotation opened before the prefix, or nothing."""
    opened = text[:start].strip()
    return _QUOTES.get(opened[-1:], "") if opened else ""
