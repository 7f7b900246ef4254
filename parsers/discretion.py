"""RAHASIA and ANONIM: whether a citizen wants the own number kept back, and how it was said."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice

from parsers.asking import COURTESY
from parsers.instructions import skip_instructions
from parsers.lexicon import Lexicon, Word, iterate_words, list_words, split_words, strictest
from parsers.lookalikes import Folded
from parsers.meaning import STRICTNESS, Privacy
from parsers.openings import skip_separators

_KEYWORD = re.compile(r"[(<\[{*\"'“‘]?\s*([^\W\d_]+)\s*[)>\]}*\"'”’]?")
_AND = re.compile(r"(?:DAN|&|DN|AND)\s+")
# Behind RAHASIA, on its line, these make an idiom: `rahasia umum` is what everybody knows. Not among
# them is what may itself be complained about (`RAHASIA dokter puskesmas jarang masuk`): a number
# kept back for nothing costs little, one passed on against the wish cannot be called back.
_IDIOMS = re.compile(r"RAHASIA (?:KAN|UMUM|NEGARA|DAPUR|DAGANG|ILAHI|SUKSES)(?![^\W_])")
_FIRST_WORDS = 4

# The wish put in a sentence. It must be the sender's own identity: `dana dirahasiakan lurah` is
# what is complained about. Bounded gaps, so that the search stays linear.
_SELF = r"(?:SAYA|SAYE|SY|AKU|KAMI|GUE|GUA|GW|PELAPOR|PENGADU|ANONIM)"
_IDENTITY = r"(?:IDENTITAS(?:KU)?|NAMA(?:KU)?|(?:NOMOR|NOMER|NMR|NO)(?:\s+(?:HP|HAPE|TELP|TLP|WA))?|DATA(?:\s+DIRI)?)"
_GAP = r"\W{1,3}"
_FEW_WORDS = rf"(?:\w{{1,10}}{_GAP}){{0,2}}?"
_SOME_WORDS = rf"(?:\w{{1,10}}{_GAP}){{0,4}}?"
# Counter-example: `jangan bocor lagi pipanya` names no identity.
_GIVE_AWAY = r"(?:DI\s?)?(?:BOCOR|BUKA|SEBAR|BONGKAR|KETAHUI|KETAHUAN)(?:KAN|IN)?"
_GIVE = r"(?:DI)?(?:KASIH|KASI|BERI|BAGI|TERUS|CANTUM|TULIS|TAMPIL)(?:KAN|IN)?|MUNCUL|TERSEBAR"
# Counter-example: `jangan kasih kami janji` gives nothing away.
_TELL = r"(?:BILANG|BLG|(?:KASIH|KASI|BAGI|BERI)\s?(?:TAHU|TAU)|CERITA(?:KAN)?)"
_DO_NOT = r"(?:JANGAN|JGN|JGAN|TIDAK\s+MAU|TDK\s+MAU)"
_UNTIL = rf"(?:SAMPAI|SAMPE|SMPE|SMP|SMPAI){_GAP}"
_KNOWN = r"(?:KETAHUAN|KETAUAN|KTAUAN|TAHU|TAU)"
_ASK = r"(?:TOLONG|TLG|MOHON|MHN|HARAP|MINTA)"
# Counter-example: `jangan bilang kami tidak lapor` asks for nothing.
_NOT_DENIED = rf"(?!{_GAP}(?:TIDAK|TDK|TAK|GAK|GA|BELUM|BLM)(?![^\W_]))"
_HIDE = r"(?:RAHASIA\s?KAN|SAMARKAN|SEMBUNYIKAN|LINDUNGI)"


@cache  # when the first text needs it: most need none, and a start would wait for it
def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"(?<![^\W_])(?:" + "|".join(patterns) + r")(?![^\W_])")


_WISHES = (
    # rahasiakan nama saya
    rf"{_HIDE}{_GAP}{_IDENTITY}{_GAP}{_FEW_WORDS}{_SELF}",
    # identitas saya mohon dirahasiakan; nama saya jangan disebut, jangan sampai dikasih ke lurah.
    # Counter-example: `nomor antrian jangan dikasih ke calo` is not the sender's own.
    rf"{_IDENTITY}{_GAP}{_FEW_WORDS}{_SELF}{_GAP}{_FEW_WORDS}(?:DI\s?)?(?:RAHASIAKAN|SAMARKAN)",
    rf"{_IDENTITY}{_GAP}{_SELF}{_GAP}{_FEW_WORDS}{_DO_NOT}{_GAP}(?:DI\s?)?SEBUT(?:KAN)?",
    rf"{_IDENTITY}{_GAP}{_SELF}{_GAP}{_FEW_WORDS}{_DO_NOT}{_GAP}(?:{_UNTIL})?(?:{_GIVE_AWAY}|{_GIVE})",
    # jangan sebut nama saya; jangan bocorkan identitas saya; jangan bilang saya yang lapor
    rf"{_DO_NOT}{_GAP}(?:DI\s?)?SEBUT(?:KAN|\s?2)?{_GAP}{_IDENTITY}",
    rf"{_DO_NOT}{_GAP}(?:{_UNTIL})?{_GIVE_AWAY}{_GAP}{_IDENTITY}",
    rf"{_DO_NOT}{_GAP}(?:{_GIVE}){_GAP}{_IDENTITY}{_GAP}{_SELF}",
    rf"{_DO_NOT}{_GAP}{_TELL}{_GAP}{_FEW_WORDS}{_SELF}{_NOT_DENIED}",
    rf"{_DO_NOT}{_GAP}{_TELL}{_GAP}{_SOME_WORDS}{_SELF}{_GAP}(?:(?:YG|YANG){_GAP})?(?:ME)?LAPOR",
    rf"{_DO_NOT}{_GAP}{_TELL}{_GAP}{_FEW_WORDS}SIAPA{_GAP}(?:YG|YANG){_GAP}(?:ME)?LAPOR",
    # jangan sampai ketahuan saya yang lapor; jangan sampai pak RT tau saya
    rf"{_DO_NOT}{_GAP}{_UNTIL}{_FEW_WORDS}{_KNOWN}{_GAP}{_FEW_WORDS}{_SELF}",
    # tolong rahasiakan; mohon dirahasiakan ya
    rf"{_ASK}{_GAP}(?:DI\s?)?RAHASIAKAN",
    # mohon jaga kerahasiaan saya; tanpa menyebut nama. Counter-example: `kerahasiaan pasien tidak dijaga`.
    rf"{_ASK}{_GAP}(?:DI\s?)?(?:JAGA{_GAP})?KERAHASIAAN",
    rf"{_ASK}{_GAP}(?:DI\s?)?JAGA{_GAP}RAHASIA",
    rf"JAGA{_GAP}(?:RAHASIA|KERAHASIAAN){_GAP}{_FEW_WORDS}{_SELF}",
    rf"TANPA{_GAP}(?:MENYEBUT|SEBUT)(?:KAN)?{_GAP}{_IDENTITY}",
    # sifat rahasia; ini rahasia ya pak
    r"(?:INI|SIFAT|SIFATNYA)\W{1,3}RAHASIA(?!\W{1,3}(?:UMUM|NEGARA))",
    rf"(?:KEEP|HIDE){_GAP}MY{_GAP}(?:NAME|NUMBER|IDENTITY)",
    rf"(?:DO{_GAP}NOT|DON\W?T|DONT){_GAP}(?:TELL|MENTION|SHARE|SHOW|GIVE){_GAP}{_FEW_WORDS}(?:MY|IT{_GAP}WAS{_GAP}ME)",
)
# The wish for ANONIM. Counter-examples: `akun anonim di fb`, `tidak bisa lapor anonim di aplikasi`.
_NAMELESS = (
    rf"(?:SAYA|SAYE|SY|AKU|KAMI|MAU|INGIN|IZIN|IJIN|MOHON){_GAP}(?:ME)?LAPOR(?:KAN)?{_GAP}{_FEW_WORDS}ANONIM",
    rf"(?<!TIDAK )(?<!TDK )(?<!TAK )(?<!GAK )(?<!GA )(?:SAYA|SAYE|SY|AKU|KAMI|MAU|INGIN|MINTA|MOHON){_GAP}"
    rf"(?:TETAP{_GAP})?ANONIM",
    rf"(?:SEBAGAI|SBG){_GAP}(?:WARGA|PELAPOR|PENGIRIM){_GAP}ANONIM",
    rf"(?:LAPORAN|ADUAN){_GAP}(?:INI{_GAP})?(?:BERSIFAT|SECARA){_GAP}ANONIM",
    rf"(?:STAY|REMAIN|KEEP{_GAP}ME){_GAP}ANONYMOUS",
    rf"REPORT(?:ING)?{_GAP}(?:THIS{_GAP})?ANONYMOUSLY",
)
# Without one of these the searches cannot succeed, and most texts have none.
_CUES = (
    *(
        "RAHASIA",
        "SAMARKAN",
        "SEMBUNYIKAN",
        "LINDUNGI",
        "SEBUT",
        "NYEBUT",
        "BILANG",
        "BLG",
        "KASI",
        "BERI",
        "BAGI",
        "CERITA",
    ),
    *(
        "BOCOR",
        "BUKA",
        "SEBAR",
        "BONGKAR",
        "KETAHU",
        "KETAU",
        "KTAU",
        "TAU",
        "TAHU",
        "TERUS",
        "CANTUM",
        "TULIS",
    ),
    *("TAMPIL", "MUNCUL", "KEEP", "HIDE", "TELL", "MENTION", "SHARE", "SHOW", "GIVE"),
)
_NAMELESS_CUES = ("ANONIM", "ANONYMOUS")
# What may stand around a keyword in a clause of its own (`lapor tapi rahasia ya, …`, `…. Rahasia ya pak, no sy`).
_AROUND_KEYWORD = COURTESY | list_words("""
    INI SIFATNYA SIFAT BERSIFAT MOHON MHN TOLONG TLG MINTA HARAP SAYA SAYE SY AKU KAMI NAMA NOMOR NOMER NO NMR HP
    IDENTITAS AJA SAJA BANGET DULU LAPOR MELAPOR LAPORAN ADUAN PENGADUAN TAPI TP SECARA TANPA
    """)
_KEEP_SECRET = list_words("RAHASIAKAN DIRAHASIAKAN")
_BREAK = re.compile(r"[.,!?;:()\n\-–—/\[\"*]")
_SENTENCE_END = re.compile(r"[.!?;\n]")


def read_privacy(text: str, index: int, lexicon: Lexicon) -> tuple[Privacy, int]:
    """The keywords at `index` and where the text behind them begins; of two, the stricter holds."""
    said: list[str] = []
    while True:  # each round moves on
        joint = _AND.match(text, index) if said else None
        match = _KEYWORD.match(text, joint.end() if joint else index)
        if (
            match is None
            or not lexicon.is_discreet(match[1])
            or _IDIOMS.match(text, match.start(1))
        ):
            break
        said.append(match[1])
        index = skip_instructions(text, skip_separators(text, match.end()))
    return strictest(said, lexicon), index


def lean_privacy(folded: Folded, lexicon: Lexicon) -> Privacy:
    """What a text that was not understood seems to ask for: a keyword among its first words, or a wish.

    For texts without our prefix in front (`TANGKAB RAHASIA …`), which a person sorts.
    """
    first = list(islice(iterate_words(folded.text), _FIRST_WORDS))
    said = [word.text for word in first if not _IDIOMS.match(folded.text, word.start)]
    return max(strictest(said, lexicon), read_wish(folded, lexicon), key=STRICTNESS.index)


def read_wish(folded: Folded, lexicon: Lexicon) -> Privacy:
    """What a text asks for in a sentence, or by a keyword that ends it.

    Leaning towards yes is right: it costs a number that the unit does not get, and the other
    mistake cannot be undone.
    """
    text = folded.text
    if any(cue in text for cue in _NAMELESS_CUES) and _any_of(*_NAMELESS).search(text):
        return Privacy.ANONIM
    said = _read_clauses(folded, lexicon)
    if (
        said is Privacy.PLAIN
        and any(cue in text for cue in _CUES)
        and _any_of(*_WISHES).search(text)
    ):
        return Privacy.RAHASIA
    return said


def _read_clauses(folded: Folded, lexicon: Lexicon) -> Privacy:
    """The keywords that have a clause of their own, with no more than courtesy around them: `…. ANONIM ya`.

    Or that end the text, in capitals as a keyword is typed. Counter-examples: `itu sudah bukan rahasia` goes on
    with its sentence, `surat kaleng, anonim, isinya fitnah` tells of something within one.
    """
    if not _may_wish(folded.text, lexicon):
        return Privacy.PLAIN
    words = split_words(folded.text)
    allowed = _AROUND_KEYWORD | {prefix for prefix, _ in lexicon.prefixes}
    found: list[str] = []
    said: list[str] = []  # the keywords of this clause, as long as nothing else is in it
    is_alone = begins_sentence = True
    for index, word in enumerate(words):
        gap = folded.text[words[index - 1].end : word.start] if index else ""
        if _BREAK.search(gap):
            ends_sentence = _SENTENCE_END.search(gap) is not None
            found += said if is_alone and (begins_sentence or ends_sentence) else []
            said, is_alone, begins_sentence = [], True, ends_sentence
        if _is_wish(word, lexicon):
            said.append(word.text)
        elif word.text not in allowed:
            is_alone = False
    found += said if is_alone or _is_shouted(folded, words[-1], lexicon) else []
    if not found:
        return Privacy.PLAIN
    return max(strictest(found, lexicon), Privacy.RAHASIA, key=STRICTNESS.index)


def _may_wish(text: str, lexicon: Lexicon) -> bool:
    """Whether a keyword stands anywhere, be it within a word: most texts have none, and need no splitting."""
    for wishes in (lexicon.rahasia, lexicon.anonim, _KEEP_SECRET):
        for wish in wishes:
            if wish in text:
                return True
    return False


def _is_wish(word: Word, lexicon: Lexicon) -> bool:
    return word.text in _KEEP_SECRET or lexicon.is_discreet(word.text)


def _is_shouted(folded: Folded, word: Word, lexicon: Lexicon) -> bool:
    """Whether a keyword stands in capitals in a text that does not."""
    typed = folded.raw[folded.starts[word.start] : folded.starts[word.end]]
    return lexicon.is_discreet(word.text) and typed.isupper() and not folded.raw.isupper()
