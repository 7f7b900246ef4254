"""USSD: a code to the network, its answer as text. How the answer is written differs from modem to modem."""

from __future__ import annotations

import re
import time

from . import gsm7
from .errors import CommandError, CommandTimeout
from .terminal import Channel, refusal_of

ANSWER_S = 30.0  # the network's; operators let people wait for ten
_ANSWER = re.compile(r'\+CUSD:\s*(\d+)(?:\s*,\s*"([^"]*)"?(?:\s*,\s*(\d+))?)?')
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_REFUSED = {
    2: "the network ended it",
    3: "another device answered",
    4: "it is not supported",
    5: "the network did not answer in time",
}
CODE = re.compile(r"[0-9*#+]{1,160}")


def ask_ussd(channel: Channel, code: str, *, timeout_s: float = ANSWER_S) -> str:
    """Return what the network says to a code such as `*888#`. Raises ModemError."""
    seen, _ = channel.heard(0)
    lines = channel.ask(f'AT+CUSD=1,"{code}",15')
    if (refused := refusal_of(lines)) is not None:
        raise CommandError("+CUSD", refused.code, refused.sense)
    give_up_at = time.monotonic() + timeout_s
    while True:
        for line in lines:
            if (found := _ANSWER.match(line)) is not None:
                return _read(found)
        left_s = give_up_at - time.monotonic()
        if left_s <= 0:
            raise CommandTimeout("+CUSD", timeout_s)
        seen, lines = channel.heard(seen, wait_s=min(left_s, 5.0))


def _read(found: re.Match[str]) -> str:
    if found[2] is None:
        sense = _REFUSED.get(int(found[1]), "the network said nothing")
        raise CommandError("+CUSD", None, sense)
    return read_text(found[2], None if found[3] is None else int(found[3]))


def read_text(said: str, data_coding: int | None) -> str:
    """Return the text of a `+CUSD` string: as it stands, or from hex in UCS2 or packed septets (23.038 section 5)."""
    if len(said) < 4 or _HEX.fullmatch(said) is None:
        return said
    octets = bytes.fromhex(said)
    if data_coding in (17, 72) or _is_like_ucs2(octets):
        return octets.decode("utf-16-be", "replace")
    if said.isdigit():
        return said  # a number is more often a number
    count = min(len(octets) * 8 // 7, gsm7.SEPTETS_MAX)
    return gsm7.read_text(gsm7.unpack(octets, count)).rstrip("\r@")


def _is_like_ucs2(octets: bytes) -> bool:
    return len(octets) % 2 == 0 and not any(octets[::2])
