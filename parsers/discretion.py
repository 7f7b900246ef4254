"""RAHASIA and ANONIM: whether a citizen wants the own number kept back, and how it was said."""

from __future__ import annotations

import re

from parsers.instructions import skip_instructions
from parsers.lexicon import Lexicon
from parsers.meaning import Privacy
from parsers.openings import skip_separators

_KEYWORD = re.compile(r"[(<\[{*\"'“‘]?\s*([^\W\d_]+)\s*[)>\]}*\"'”’]?")
_AND = re.compile(r"(?:DAN|&|DN|AND)\s+")
# Behind the bare keyword these make an idiom: `rahasia umum` is what everybody knows.
_IDIOMS = re.compile(
    r"\s+(?:UMUM|NEGARA|DAPUR|PERUSAHAAN|BANK|DAGANG|DOKTER|JABATAN|ILAHI)(?![^\W_])"
)
_ROUNDS_MAX = 3

# The wish put in a sentence. It must be the sender's own identity: `dana dirahasiakan lurah` is
# what is complained about. Bounded gaps, so that the search stays linear.
_SELF = r"(?:SAYA|SY|AKU|KAMI|PELAPOR|PENGADU|ANONIM)"
_IDENTITY = r"(?:IDENTITAS(?:KU)?|NAMA(?:KU)?|NOMOR|NO(?:\s+HP)?|NMR|DATA(?:\s+DIRI)?)"
_WISHES = re.compile(
    rf"(?<![^\W_])(?:"
    rf"(?:RAHASIAKAN|SEMBUNYIKAN|LINDUNGI)\W{{1,3}}{_IDENTITY}(?:\W{{1,3}}\w{{1,10}}){{0,2}}?\W{{1,3}}{_SELF}"
    rf"|{_IDENTITY}(?:\W{{1,3}}\w{{1,10}}){{0,2}}?\W{{1,3}}{_SELF}\W{{1,3}}(?:\w{{1,8}}\W{{1,3}}){{0,2}}(?:DI\s?)?RAHASIAKAN"
    rf"|(?:JANGAN|JGN|TIDAK\s+MAU|TDK\s+MAU)\W{{1,3}}(?:DI\s?)?SEBUT(?:KAN)?\W{{1,3}}{_IDENTITY}"
    rf"|KEEP\W{{1,3}}MY\W{{1,3}}(?:NAME|NUMBER|IDENTITY)\W{{1,3}}(?:SECRET|CONFIDENTIAL|PRIVATE)"
    rf")(?![^\W_])"
)
# Without one of these the search below cannot succeed, and most texts have none.
_CUES = ("RAHASIAKAN", "SEMBUNYIKAN", "LINDUNGI", "SEBUT", "KEEP")


def read_privacy(text: str, index: int, lexicon: Lexicon) -> tuple[Privacy, int]:
    """The keywords at `index` and where the text behind them begins; of two, the stricter holds."""
    privacy = Privacy.PLAIN
    for _ in range(_ROUNDS_MAX):
        match = _KEYWORD.match(text, index)
        if match is None or match[1] not in lexicon.rahasia | lexicon.anonim:
            joint = _AND.match(text, index) if privacy is not Privacy.PLAIN else None
            if joint is None or not _is_keyword_at(text, joint.end(), lexicon):
                break
            index = joint.end()
            continue
        if _IDIOMS.match(text, match.end(1)):
            break
        if match[1] in lexicon.anonim:
            privacy = Privacy.ANONIM
        elif privacy is Privacy.PLAIN:
            privacy = Privacy.RAHASIA
        index = skip_instructions(text, skip_separators(text, match.end()))
    return privacy, index


def wishes_discretion(text: str) -> bool:
    """Whether a folded text asks, in a sentence, that the sender be kept secret.

    Leaning towards yes is right: it costs a number that the unit does not get, and the other
    mistake cannot be undone.
    """
    return any(cue in text for cue in _CUES) and _WISHES.search(text) is not None


def _is_keyword_at(text: str, index: int, lexicon: Lexicon) -> bool:
    match = _KEYWORD.match(text, index)
    return match is not None and match[1] in lexicon.rahasia | lexicon.anonim
