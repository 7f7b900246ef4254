"""From a citizen's text to what it asks for: the order in which the rules are tried.

1. Nothing visible is blank.
2. The opening: our prefix, another city's word, or none (`openings`).
3. Behind the prefix: the poster's instruction (`instructions`), RAHASIA and ANONIM (`discretion`),
   then a keyword that is the whole message (`keywords`), a reference (`citations`), nothing at all;
   and everything else is a complaint.

The text is folded once and every rule is one pass over it: the time is linear in its length.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from parsers.citations import Citation, find_named, read_leading
from parsers.discretion import lean_privacy, read_privacy, read_wish
from parsers.instructions import skip_address, skip_instructions
from parsers.keywords import read_bare_keyword, read_keyword, says_nothing
from parsers.lexicon import Lexicon, Word, compile_grammar, split_words
from parsers.lookalikes import Folded, fold, trim
from parsers.meaning import (
    STRICTNESS,
    Complaint,
    Doubt,
    FollowUp,
    Grammar,
    Help,
    Meaning,
    Privacy,
    StatusQuery,
    Test,
    Unrecognised,
)
from parsers.openings import Opening, OtherService, read_opening, skip_separators
from parsers.urgency import is_urgent


def parse(text: str, grammar: Grammar) -> Meaning:
    """What an SMS asks for. Total over all strings; never raises for what a person typed."""
    folded = fold(text)
    if not folded.text.strip():
        return Unrecognised(Doubt.BLANK, "")
    lexicon = compile_grammar(grammar)
    opening = read_opening(folded, lexicon)
    if isinstance(opening, Opening):
        return _read_prefixed(folded, opening, lexicon)
    if isinstance(opening, OtherService):
        # Neither filed here by guess nor taken for a text without prefix: its own service has other
        # backends, and another number.
        unclear = _leave_to_person(folded, Doubt.OTHER_SERVICE, lexicon)
        return replace(unclear, prefix=opening.prefix)
    if opening is Doubt.NO_PREFIX:
        words = split_words(folded.text)
        asked = read_bare_keyword(folded.text, _skip_prefix_behind(words, lexicon), lexicon)
        if asked is not None:
            return asked
    if grammar.is_unprefixed_complaint and opening is not Doubt.OTHER_PREFIX:
        return _read_prefixed(folded, Opening("", 0), lexicon)
    return _leave_to_person(folded, opening, lexicon)


def _leave_to_person(folded: Folded, doubt: Doubt, lexicon: Lexicon) -> Unrecognised:
    return Unrecognised(
        doubt,
        trim(folded.raw),
        is_urgent=is_urgent(folded.text, split_words(folded.text)),
        privacy=lean_privacy(folded, lexicon),
    )


def _read_prefixed(folded: Folded, opening: Opening, lexicon: Lexicon) -> Meaning:
    """What stands behind a prefix, or is the whole text where none is needed."""
    instructed = skip_instructions(folded.text, opening.end)
    start = skip_address(folded.text, instructed)
    if opening.is_copied and start > instructed and any(map(str.isalpha, folded.text[start:])):
        # The poster from its first word to its last, and then more: passed on with a call to spread
        # it as often as with a complaint.
        return _leave_to_person(folded, Doubt.UNCLEAR_PREFIX, lexicon)
    asked_privacy, start = read_privacy(folded.text, start, lexicon)
    words = split_words(folded.text, start)
    citation = read_leading(folded.text, words, lexicon.reference_digits)
    asked = _read_request(folded.text, words, citation, lexicon)
    if asked is not None:
        return asked
    complaint = Complaint(
        body=_cut_body(folded, start, opening),
        prefix=opening.prefix,
        privacy=_settle_privacy(folded, lexicon, opening.privacy, asked_privacy),
        is_urgent=is_urgent(folded.text, words),
    )
    if citation is not None:
        behind = skip_separators(folded.text, citation.end)
        body = _cut_body(folded, behind, opening)
        return FollowUp(citation.reference, body, complaint, is_named=citation.is_named)
    named = find_named(folded.text, words, lexicon.reference_digits, asking=lexicon.status)
    if named is not None:
        return FollowUp(named.reference, complaint.body, complaint, is_named=True)
    return complaint


def _read_request(
    text: str, words: Sequence[Word], citation: Citation | None, lexicon: Lexicon
) -> Meaning | None:
    """What is asked of us, where the text is no complaint and adds to none."""
    said = _skip_prefix_behind(_skip_repeated_prefix(words, lexicon), lexicon)
    asked = read_keyword(text, said, lexicon)
    if asked is not None:
        return asked
    if citation is not None:
        # `BTM 12345678` alone, or with the keyword behind it, asks how that complaint is doing
        behind = [word for word in words if word.start >= citation.end]
        asked = read_keyword(text, behind, lexicon)
        if not behind or isinstance(asked, StatusQuery | Help):
            return StatusQuery(citation.reference)
        return asked
    return Test(is_empty=True) if says_nothing(said) else None


def _skip_repeated_prefix(words: Sequence[Word], lexicon: Lexicon) -> Sequence[Word]:
    """The words without prefixes typed twice (`BTM BTM STATUS 12345678`).

    Only to find keywords: in a body the word stays, since it may be the city's own abbreviation
    (`BTM btm center banjir`).
    """
    count = 0
    while count < len(words) and words[count].text in lexicon.own_words:
        count += 1
    return words[count:]


def _skip_prefix_behind(words: Sequence[Word], lexicon: Lexicon) -> Sequence[Word]:
    """The words without a prefix behind the first, as paid services have it (`STOP BTM`).

    Counter-example: `stop btm jadi tempat sampah` says more, and stays for a person.
    """
    is_turned = len(words) > 1 and words[1].text in lexicon.own_words
    return [words[0], *words[2:]] if is_turned else words


def _cut_body(folded: Folded, start: int, opening: Opening) -> str:
    """The text as typed from `start` on, without the end of a quotation begun before the prefix."""
    body = folded.typed_from(start)
    quote = opening.closing_quote
    if quote and body.endswith(quote) and body.count(quote) == 1:
        return trim(body[: -len(quote)])
    return body


def _settle_privacy(folded: Folded, lexicon: Lexicon, *asked: Privacy) -> Privacy:
    """The strictest of what was asked by keyword, before or behind the prefix, or in a sentence."""
    return max(*asked, read_wish(folded, lexicon), key=STRICTNESS.index)
