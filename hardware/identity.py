"""Which device and which SIM a modem is: each number read until two answers agree.

One digit that is garbled on the line would be another SIM: replies would wait until a person accepts it, and its slots
would be another card's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from . import answers
from .facts import Identity
from .profiles import Profile, profile_for

READINGS_MAX = 5

Ask = Callable[[str], list[str]]  # what a modem may not know: no lines then
_SMSC = re.compile(r'\+CSCA:\s*"([^"]+)"')


def identify(ask: Ask) -> Identity:
    """Ask a modem that is up who it is."""
    maker, model = answers.read_text(ask("AT+CGMI")), answers.read_text(ask("AT+CGMM"))
    iccid = read_iccid(ask, profile_for(maker, model))
    return Identity(
        manufacturer=maker,
        model=model,
        revision=answers.read_text(ask("AT+CGMR")),
        imei=_read_surely(ask, "AT+CGSN", answers.read_digits) or "",
        imsi=_read_surely(ask, "AT+CIMI", answers.read_digits),
        iccid=iccid,
        smsc=_read_surely(ask, "AT+CSCA?", read_smsc),
    )


def read_iccid(ask: Ask, profile: Profile) -> str | None:
    """Ask which SIM is in it; None where there is none, or the modem cannot say."""
    for command in profile.iccid_commands:
        if iccid := _read_surely(ask, command, answers.read_digits):
            return iccid
    return None


def read_smsc(lines: Iterable[str]) -> str | None:
    """Read the SMSC's number; None where there is none."""
    return next((found[1] for line in lines if (found := _SMSC.match(line))), None)


def _read_surely(ask: Ask, command: str, read: Callable[[Iterable[str]], str | None]) -> str | None:
    heard = read(ask(command))
    for _ in range(READINGS_MAX - 1):
        before, heard = heard, read(ask(command))
        if heard == before:
            break
    return heard
