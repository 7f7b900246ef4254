"""Replies: their wording, who is answered and who never is, and how many. Pure.

The rules, each with its reason:

- Only subscribers are answered. A short code or a name is a machine; answering one starts a conversation that
  never ends.
- Our own words coming back, and the same text over and over, are a loop: kept, counted, not answered.
- A sender gets so many replies a day, and fewer where complaint follows complaint within minutes, as only a robot
  writes them; the last one says that it is the last, and is. The gateway has a budget an hour and a day, of which a
  fifth is kept for receipts.
- Text put into a template is plain text: braces in it are not filled in, long digit runs (NIK, KK) are masked, it
  is written in GSM-7, and it is cut at a word so that the whole stays one part of 160 septets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from hardware.gsm7 import septet_count
from parsers.senders import Sender, SenderKind
from parsers.sensitive import mask
from smsgate.records import ReplyKind, SenderKnowledge
from smsgate.wording import FIELD_WIDTHS, SEPTETS_PER_SMS

# What answers a complaint: these have the whole of the gateway's budget, all others four fifths of it.
RECEIPTS = frozenset(
    {
        ReplyKind.ACK,
        ReplyKind.ACK_RAHASIA,
        ReplyKind.ACK_ANONIM,
        ReplyKind.EMERGENCY,
        ReplyKind.DUPLICATE,
    }
)
SHARE_OF_OTHERS = 0.8
BATCH_MAX = 1000  # no batch decides on more SMS than this
GATEWAY_LIMITS = ("gateway's hourly limit", "gateway's daily limit")
BURST_WINDOW = timedelta(minutes=5)
_FIELD = re.compile(r"\{([a-z_]+)\}")
_CUT = ".."


class ReplyLimits(Struct, frozen=True):
    """How much is answered. Windows are a day (the store's reply window) unless the name says hour."""

    per_sender_day: int = 10
    per_text_day: int = 3
    per_sender_burst: int = (
        5  # complaints within BURST_WINDOW, the last of them answered with the limit
    )
    gateway_hour: int = 3000
    gateway_day: int = 20000
    reply_abroad: bool = False
    home_country: str = "ID"


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template once, in GSM-7, within one part.

    Where the whole would be longer, each value is cut to the width that the configuration check counted on.

    Raises KeyError for a field without a value: the configuration was checked, so that is our mistake.
    """
    plain = {name: transliterate(mask(value)) for name, value in values.items()}
    whole = _FIELD.sub(lambda found: plain[found[1]], template)
    if _septets(whole) <= SEPTETS_PER_SMS:
        return whole
    widths = dict(FIELD_WIDTHS)
    if "{answer}" in template:
        # What an official wrote takes whatever room the rest of the text leaves.
        rest = _fill(template, {**plain, "answer": ""}, widths)
        widths["answer"] = max(widths["answer"], SEPTETS_PER_SMS - _septets(rest))
    return _fill(template, plain, widths)


def _fill(template: str, values: Mapping[str, str], widths: Mapping[str, int]) -> str:
    return _FIELD.sub(lambda found: cut_at_word(values[found[1]], widths[found[1]]), template)


def cut_at_word(text: str, width: int) -> str:
    """Return `text` in at most `width` septets, cut at a word and with dots that say so."""
    if _septets(text) <= width:
        return text
    while _septets(text) > width - len(_CUT):
        text = text[:-1]
    at_word = text.rsplit(" ", 1)[0] if " " in text else text
    return at_word.rstrip(" .,;:-") + _CUT


def _septets(text: str) -> int:
    count = septet_count(text)
    assert count is not None, "transliterated text is GSM-7"
    return count


_PLAIN = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-", "…": "...",
        "•": "-", "\u00a0": " ", "\u2007": " ", "\u202f": " ", "`": "'", "´": "'", "×": "x", "°": "o",
        "™": "TM", "©": "(c)", "®": "(R)", "½": "1/2", "¼": "1/4", "²": "2", "³": "3",
        "\t": " ", "\f": " ",
    }
)  # fmt: skip


def transliterate(text: str) -> str:
    """Write `text` with the letters of GSM-7: marks are dropped, dashes and quotes made plain, the rest becomes `?`."""
    text = text.translate(_PLAIN)
    if septet_count(text) is not None:
        return text
    return "".join(_to_gsm7(letter) for letter in text)


def _to_gsm7(letter: str) -> str:
    if septet_count(letter) is not None:
        return letter
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if septet_count(c) is not None)
    if plain:
        return plain
    # Invisible characters and marks leave no trace; anything else shows that something stood there.
    return "" if unicodedata.category(letter) in ("Cf", "Mn", "Me", "Cs") else "?"


def reason_not_to_answer(
    kind: ReplyKind,
    sender: Sender,
    known: SenderKnowledge,
    limits: ReplyLimits,
    *,
    burst: int = 0,
) -> str | None:
    """Return why this reply is kept but never sent, or None when it goes out. The words are fixed: they are counted.

    `burst` is how many complaints the sender wrote within `BURST_WINDOW`.
    """
    if sender.kind is not SenderKind.SUBSCRIBER:
        return "not a subscriber"
    if sender.country != limits.home_country and not limits.reply_abroad:
        return "abroad"
    if known.is_own_reply:
        return "our own words"
    if known.same_text_in_window >= limits.per_text_day:
        return "same text again"
    is_over = known.replies_in_window >= limits.per_sender_day or burst >= limits.per_sender_burst
    if is_over or known.limit_said_in_window:
        return "sender's limit"
    return _gateway_limit(kind, known, limits)


def reason_not_to_tell(
    kind: ReplyKind, sender: Sender, known: SenderKnowledge, limits: ReplyLimits
) -> str | None:
    """Return why a notice, which answers no SMS, is kept but never sent; None when it goes out."""
    if sender.kind is not SenderKind.SUBSCRIBER:
        return "not a subscriber"
    if sender.country != limits.home_country and not limits.reply_abroad:
        return "abroad"
    if known.has_opted_out:
        return "opted out"
    return _gateway_limit(kind, known, limits)


def _gateway_limit(kind: ReplyKind, known: SenderKnowledge, limits: ReplyLimits) -> str | None:
    share = 1.0 if kind in RECEIPTS else SHARE_OF_OTHERS
    if known.gateway_replies_hour >= limits.gateway_hour * share:
        return GATEWAY_LIMITS[0]
    if known.gateway_replies_day >= limits.gateway_day * share:
        return GATEWAY_LIMITS[1]
    return None


def counted_from(limit: int) -> int:
    """Return from how many of the gateway's replies on their exact number may matter to this limit of theirs."""
    return max(int(limit * SHARE_OF_OTHERS) - BATCH_MAX, 0)


def is_last_of_the_day(known: SenderKnowledge, limits: ReplyLimits, *, burst: int = 0) -> bool:
    """Whether the next reply is the last one this sender gets today, and so must say that."""
    return (
        known.replies_in_window == limits.per_sender_day - 1 or burst == limits.per_sender_burst - 1
    )
