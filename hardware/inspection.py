"""What a technician wants to know of a modem, asked over any channel. What the modem does not tell is None."""

from __future__ import annotations

import re
from typing import ClassVar

from msgspec import Struct

from . import answers
from .discreet import Discreet
from .facts import Registration, Signal, Usage
from .pin import STATE_OF_ERROR, USABLE
from .profiles import profile_for
from .terminal import Channel, ask_lines

_TRIES = (  # 3GPP TS 27.007 section 8.65; SIMCom, Quectel, u-blox and Huawei manuals
    ("AT+CPINR", re.compile(r"\+CPINR:\s*\"?SIM PIN\"?\s*,\s*(\d+)")),
    ("AT+SPIC", re.compile(r"\+SPIC:\s*(\d+)")),
    ('AT+QPINC="SC"', re.compile(r'\+QPINC:\s*"SC"\s*,\s*(\d+)')),
    ("AT+UPINCNT", re.compile(r"\+UPINCNT:\s*(\d+)")),
    ("AT^CPIN?", re.compile(r"\^CPIN:\s*[^,]*,[^,]*,\d*,(\d+)")),  # PUK's tries come before PIN's
)
_SMSC = re.compile(r'\+CSCA:\s*"([^"]*)"')
_USAGES = re.compile(r'"(\w+)"\s*,\s*(\d+)\s*,\s*(\d+)')
_CAUSE = re.compile(r"\+CREG:\s*3\s*,\s*\d+(?:,[^,]*){3},\s*\d+\s*,\s*(\d+)")
_MODE = re.compile(r"\+CREG:\s*(\d)")
_CLOCK = re.compile(r'\+CCLK:\s*"([^"]+)"')
SIM_ABSENT = "ABSENT"
SIM_FAILED = "FAILED"
SIM_SILENT = "NOT READY"


class Device(Discreet, frozen=True):
    """Which modem."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imei"})

    manufacturer: str
    model: str
    revision: str
    imei: str


class Card(Discreet, frozen=True):
    """Which SIM, and whether it may be used: `state` as AT+CPIN? says, or one of ours."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imsi", "iccid"})

    state: str
    tries_left: int | None = None
    imsi: str | None = None
    iccid: str | None = None


class Network(Struct, frozen=True):
    """How the network is there. `mode` is how the operator is chosen: 0 by itself, 1 by hand, 2 not at all."""

    registration: Registration
    signal: Signal
    mode: int | None = None
    cause: int | None = None  # of a rejection (3GPP TS 24.008 section 10.5.3.6)


def read_device(channel: Channel) -> Device:
    """Ask which modem it is."""
    return Device(
        manufacturer=answers.read_text(ask_lines(channel, "AT+CGMI")),
        model=answers.read_text(ask_lines(channel, "AT+CGMM")),
        revision=answers.read_text(ask_lines(channel, "AT+CGMR")),
        imei=answers.read_digits(ask_lines(channel, "AT+CGSN")) or "",
    )


def read_sim_state(channel: Channel) -> str:
    """Ask whether there is a SIM, and what it wants."""
    *lines, final = channel.ask("AT+CPIN?")
    for line in reversed(lines):
        if line.startswith("+CPIN:"):
            return line[6:].strip().upper()
    if final == "OK":
        return SIM_SILENT
    refused = answers.read_error(final)
    if refused.code in (13, 15):
        return SIM_FAILED
    if refused.code == 10:
        return SIM_ABSENT
    return STATE_OF_ERROR.get(refused.code or 0, SIM_FAILED)


def read_tries_left(channel: Channel) -> int | None:
    """Ask how often a wrong PIN may still be entered."""
    for command, wanted in _TRIES:
        for line in ask_lines(channel, command):
            if found := wanted.match(line):
                return int(found[1])
    return None


def read_card(channel: Channel, device: Device) -> Card:
    """Ask which SIM it is; its numbers are told only by one that is ready."""
    state = read_sim_state(channel)
    if state in (SIM_ABSENT, SIM_FAILED):
        return Card(state)
    iccid = None
    for command in profile_for(device.manufacturer, device.model).iccid_commands:
        iccid = iccid or answers.read_digits(ask_lines(channel, command))
    if state not in USABLE:
        return Card(state, read_tries_left(channel), None, iccid)
    return Card(state, None, answers.read_digits(ask_lines(channel, "AT+CIMI")), iccid)


def read_network(channel: Channel) -> Network:
    """Ask about registration, operator and signal."""
    said = ask_lines(channel, "AT+CREG?")
    registration = answers.read_registration(said)
    operator = ask_lines(channel, "AT+COPS?")
    modes = answers.read_numbers([line.partition(",")[0] for line in operator], "+COPS")
    return Network(
        registration=Registration(
            registration.stat,
            registration.word,
            registration.is_registered,
            registration.is_roaming,
            answers.read_operator(operator),
        ),
        signal=answers.read_signal(ask_lines(channel, "AT+CSQ")),
        mode=modes[0] if modes else None,
        cause=None if registration.is_registered else _ask_cause(channel, said),
    )


def _ask_cause(channel: Channel, said: list[str]) -> int | None:
    """Ask why the network said no, where the modem can tell; leaves its reports as they were."""
    found = _MODE.match(next((line for line in said if line.startswith("+CREG:")), ""))
    if not found or channel.ask("AT+CREG=3")[-1] != "OK":
        return None
    try:
        causes = map(_CAUSE.match, ask_lines(channel, "AT+CREG?"))
        return next((int(cause[1]) for cause in causes if cause), None)
    finally:
        channel.ask(f"AT+CREG={found[1]}")


def read_smsc(channel: Channel) -> str | None:
    """Ask for the number of the SMSC; None where there is none."""
    for line in ask_lines(channel, "AT+CSCA?"):
        if found := _SMSC.match(line):
            return found[1] or None
    return None


def read_storage(channel: Channel) -> tuple[Usage, ...]:
    """Ask how full the memories are that the modem works with now."""
    for line in ask_lines(channel, "AT+CPMS?"):
        if line.startswith("+CPMS:"):
            found = {name: Usage(name, int(used), int(total)) for name, used, total in
                     _USAGES.findall(line)}  # fmt: skip
            return tuple(found.values())
    return ()


def read_clock(channel: Channel) -> str | None:
    """Ask what time the modem thinks it is, as it says it."""
    for line in ask_lines(channel, "AT+CCLK?"):
        if found := _CLOCK.match(line):
            return found[1]
    return None


def mask(number: str | None) -> str | None:
    """Return a number that names a person, a card or a device by its last four digits."""
    return None if number is None else f"…{number[-4:]}"
