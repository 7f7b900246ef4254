"""RAHASIA and ANONIM: whether a citizen wants the own number kept back, and how it was said."""

from __future__ import annotations

import re
from itertools import islice

from parsers.instructions import skip_instructions
from parsers.lexicon import Lexicon, iterate_words, strictest
from parsers.meaning import Privacy
from parsers.openings import skip_separators

_KEYWORD = re.compile(r"[(<\[{*\"'“‘]?\s*([^\W\d_]+)\s*[)>\]}*\"'”’]?")
_AND = re.compile(r"(?:DAN|&|DN|AND)\s+")
# Behind RAHASIA, on its line, these make an idiom: `rahasia umum` is what everybody knows. Not among
# them is what may itself be complained about (`RAHASIA dokter puskesmas jarang masuk`): a number
# kept back for nothing costs little, one passed on against the wish cannot be called back.
_IDIOMS = re.compile(r"RAHASIA (?:KAN|UMUM|NEGARA|DAPUR|DAGANG|ILAHI)(?![^\W_])")
_FIRST_WORDS = 4

# The wish put in a sentence. It must be the sender's own identity: `dana dirahasiakan lurah` is
# what is complained about. Bounded gaps, so that the search stays linear.
_SELF = r"(?:SAYA|SY|AKU|KAMI|PELAPOR|PENGADU|ANONIM)"
_IDENTITY = r"(?:IDENTITAS(?:KU)?|NAMA(?:KU)?|NOMOR|NO(?:\s+HP)?|NMR|DATA(?:\s+DIRI)?)"
_GAP = r"\W{1,3}"
_FEW_WORDS = rf"(?:\w{{1,10}}{_GAP}){{0,2}}?"
# Counter-example: `jangan bocor lagi pipanya` names no identity.
_GIVE_AWAY = r"(?:DI\s?)?(?:BOCOR|BUKA|SEBAR|BONGKAR|KETAHUI|KETAHUAN)(?:KAN|IN)?"
_DO_NOT = r"(?:JANGAN|JGN|TIDAK\s+MAU|TDK\s+MAU)"
_WISHES = re.compile(
    r"(?<![^\W_])(?:"
    + "|".join(
        (
            # rahasiakan nama saya
            rf"(?:RAHASIA\s?KAN|SEMBUNYIKAN|LINDUNGI){_GAP}{_IDENTITY}{_GAP}{_FEW_WORDS}{_SELF}",
            # identitas saya mohon dirahasiakan; nama saya jangan disebut
            rf"{_IDENTITY}{_GAP}{_FEW_WORDS}{_SELF}{_GAP}{_FEW_WORDS}(?:DI\s?)?RAHASIAKAN",
            rf"{_IDENTITY}{_GAP}{_SELF}{_GAP}{_FEW_WORDS}{_DO_NOT}{_GAP}(?:DI\s?)?SEBUT(?:KAN)?",
            rf"{_IDENTITY}{_GAP}{_SELF}{_GAP}{_FEW_WORDS}{_DO_NOT}{_GAP}(?:SAMPAI{_GAP})?{_GIVE_AWAY}",
            # jangan sebut nama saya; jangan bocorkan identitas saya; jangan bilang saya yang lapor
            rf"{_DO_NOT}{_GAP}(?:DI\s?)?SEBUT(?:KAN)?{_GAP}{_IDENTITY}",
            rf"{_DO_NOT}{_GAP}(?:SAMPAI{_GAP})?{_GIVE_AWAY}{_GAP}{_IDENTITY}",
            # tolong rahasiakan; mohon dirahasiakan ya
            rf"(?:TOLONG|TLG|MOHON|MHN|HARAP|MINTA){_GAP}(?:DI\s?)?RAHASIAKAN",
            rf"{_DO_NOT}{_GAP}(?:BILANG|KASIH\s+TAHU|KASIH\s+TAU){_GAP}{_FEW_WORDS}{_SELF}",
            # sifat rahasia; ini rahasia ya pak
            r"(?:INI|SIFAT|SIFATNYA)\W{1,3}RAHASIA(?!\W{1,3}(?:UMUM|NEGARA))",
            rf"KEEP{_GAP}MY{_GAP}(?:NAME|NUMBER|IDENTITY){_GAP}(?:SECRET|CONFIDENTIAL|PRIVATE)",
        )
    )
    + r")(?![^\W_])"
)
# Without one of these the search below cannot succeed, and most texts have none.
_CUES = (
    "RAHASIA",
    "SEMBUNYIKAN",
    "LINDUNGI",
    "SEBUT",
    "BILANG",
    "KASIH TA",
    "KEEP",
    "BOCOR",
    "BUKA",
    "SEBAR",
    "BONGKAR",
    "KETAHU",
)


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


def lean_privacy(text: str, lexicon: Lexicon) -> Privacy:
    """What a folded text that was not understood seems to ask for: a keyword among its first words, or a wish.

    For texts without our prefix in front (`TANGKAB RAHASIA …`), which a person sorts.
    """
    first = list(islice(iterate_words(text), _FIRST_WORDS))
    said = [word.text for word in first if not _IDIOMS.match(text, word.start)]
    privacy = strictest(said, lexicon)
    if privacy is Privacy.PLAIN and wishes_discretion(text):
        return Privacy.RAHASIA
    return privacy


def wishes_discretion(text: str) -> bool:
    """Whether a folded text asks, in a sentence, that the sender be kept secret.

    Leaning towards yes is right: it costs a number that the unit does not get, and the other
    mistake cannot be undone.
    """
    return any(cue in text for cue in _CUES) and _WISHES.search(text) is not None
