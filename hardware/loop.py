"""An SMS to oneself: does what is sent go out, and what comes in arrive? It costs one SMS."""

from __future__ import annotations

import random
import time

from . import answers, pdu
from .diagnosis import Loop
from .errors import SubmitRejected, SubmitUnknown
from .sms import SmsDeliver
from .terminal import Channel, ask_lines

LOOK_EVERY_S = 2.0
LIST_S = 60.0


def send_to_self(channel: Channel, number: str, *, limit_s: float) -> Loop:
    """Send an SMS with a random word to `number`, which is this SIM's own, and wait for it. It is deleted again."""
    text = f"smsgate {random.randrange(10**8):08d}"
    seen, _ = channel.heard(0)
    started_at = time.monotonic()
    try:
        channel.send(number, text)
    except SubmitRejected as rejected:
        return Loop("rejected", sense=rejected.sense)
    except SubmitUnknown:
        return Loop("unclear")
    while (passed_s := time.monotonic() - started_at) < limit_s:
        index = _find(channel, text)
        if index is not None:
            channel.ask(f"AT+CMGD={index}")
            return Loop("arrived", time.monotonic() - started_at)
        seen, _ = channel.heard(seen, wait_s=min(LOOK_EVERY_S, limit_s - passed_s))
    return Loop("lost", limit_s)


def _find(channel: Channel, text: str) -> int | None:
    """Return the slot of the memory in use that holds an SMS with this text."""
    for pair in answers.read_listing(ask_lines(channel, "AT+CMGL=4", timeout_s=LIST_S)).pairs:
        decoded = None if pair.pdu is None else pdu.decode(pair.pdu, pair.length)
        if isinstance(decoded, SmsDeliver) and decoded.text == text:
            return pair.index
    return None
