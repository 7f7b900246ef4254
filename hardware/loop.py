"""An SMS to oneself: does what is sent go out, and what comes in arrive? It costs one SMS."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import pairwise

from . import answers, pdu
from .diagnosis import Loop
from .errors import SubmitRejected, SubmitUnknown
from .sms import SmsDeliver
from .terminal import Channel, ask_lines

LOOK_EVERY_S = 2.0
LIST_S = 60.0
# MT shows the slots of two others under other numbers; no SMS comes into the rest
NO_INBOX = frozenset(("MT", "SR", "BM", "TA"))


def send_to_self(channel: Channel, number: str, *, limit_s: float) -> Loop:
    """Send an SMS with a random word to `number`, which is this SIM's own, and wait for it. It is deleted again.

    It is found in whichever memory it lands, or handed over directly; the memory in use stays what it was.
    """
    text = f"smsgate {random.randrange(10**8):08d}"
    in_use = answers.read_memories(ask_lines(channel, "AT+CPMS?"))[:1]
    memories = _inboxes(channel, in_use)
    seen, _ = channel.heard(0)
    started_at = time.monotonic()
    try:
        channel.send(number, text)
    except SubmitRejected as rejected:
        return Loop("rejected", sense=rejected.sense)
    except SubmitUnknown:
        return Loop("unclear")
    try:
        while (passed_s := time.monotonic() - started_at) < limit_s:
            if _take(channel, text, memories):
                return Loop("arrived", time.monotonic() - started_at)
            seen, lines = channel.heard(seen, wait_s=min(LOOK_EVERY_S, limit_s - passed_s))
            if _is_shown(text, lines):
                channel.ask(
                    "AT+CNMA"
                )  # else the network brings it again; a modem that waits for none refuses
                return Loop("arrived", time.monotonic() - started_at)
    finally:
        for memory in in_use:
            channel.ask(f'AT+CPMS="{memory}"')
    return Loop("lost", limit_s)


def _inboxes(channel: Channel, in_use: Sequence[str]) -> list[str]:
    """Return the memories that an SMS may land in, the one in use first."""
    offered = answers.read_memories(ask_lines(channel, "AT+CPMS=?"))
    return [name for name in dict.fromkeys((*in_use, *offered)) if name not in NO_INBOX]


def _take(channel: Channel, text: str, memories: Sequence[str]) -> bool:
    """Delete the SMS with this text from the memory that holds it; whether there was one."""
    for memory in memories or [""]:
        if memory and channel.ask(f'AT+CPMS="{memory}"')[-1] != "OK":
            continue  # one without a card behind it, or without slots
        for pair in answers.read_listing(ask_lines(channel, "AT+CMGL=4", timeout_s=LIST_S)).pairs:
            if pair.pdu is not None and _says(pair.pdu, text):
                channel.ask(f"AT+CMGD={pair.index}")
                return True
    return False


def _is_shown(text: str, lines: Sequence[str]) -> bool:
    """Say whether the SMS was handed over directly."""
    for header, body in pairwise(lines):
        shown = answers.whole_pdu(body, answers.read_direct_length(header))
        if shown is not None and _says(shown, text):
            return True
    return False


def _says(octets: bytes, text: str) -> bool:
    decoded = pdu.decode(octets)
    return isinstance(decoded, SmsDeliver) and decoded.text == text
