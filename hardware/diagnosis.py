"""The technician's checks, as data: what was seen becomes a finding, the findings end in one next action. Pure.

A finding names its verdict; `diagnosis_words` says it, with evidence and action, in the reader's language. What was
seen is collected by `probes`, in this order, from the cable to the network; a final finding ends it, for nothing
behind it can be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct, field

from . import inspection
from .answers import is_same_imei
from .discreet import Discreet
from .facts import Usage
from .inspection import Card, Device, Network
from .pin import CARD_LOCKS, OPERATOR_LOCKS, USABLE

WEAK_DBM = -105  # AT+CSQ 4: SMS get lost from here on
FULL_SHARE = 0.5  # above it a gateway does not submit
CLOCK_S_MAX = 300.0
CLOCK_YEAR_MIN = 2024  # earlier: it was never set
_COUNTRY_CODES = {
    "510": "62"
}  # MCC of the SIM → country code of its SMSC; what is not here is not judged
_CAUSES = {  # 3GPP TS 24.008 annex G
    2: "denied_sim", 3: "denied_sim", 8: "denied_sim", 5: "denied_device", 6: "denied_device",
    11: "denied_place", 12: "denied_place", 13: "denied_place", 14: "denied_place", 15: "denied_place",
}  # fmt: skip
_LOCKS = dict.fromkeys(CARD_LOCKS, "card_lock") | dict.fromkeys(OPERATOR_LOCKS, "operator_lock")
_CLOCK = re.compile(r"(\d+)/(\d+)/(\d+),(\d+):(\d+):(\d+)([+-]\d+)?")


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  # worth knowing, nothing to do
    WARNING = "warning"
    FAILURE = "failure"


class Finding(Struct, frozen=True):
    """What one check found. `facts` fill its sentence; none names a person."""

    check: str
    level: Level
    verdict: str
    facts: Mapping[str, object] = field(default_factory=dict)
    is_final: bool = False


def choose_next(findings: Sequence[Finding]) -> Finding | None:
    """Return the finding whose action comes first: the first failure, else the first warning; None: all is well."""
    for level in (Level.FAILURE, Level.WARNING):
        for finding in findings:
            if finding.level is level:
                return finding
    return None


class Balance(Struct, frozen=True):
    """How the prepaid balance is asked for, and how little is too little."""

    ussd: str
    pattern: str
    least: int


class Expected(Discreet, frozen=True):
    """What the configuration, and what was pinned, say that should be found. None: nothing."""

    hidden: ClassVar[frozenset[str]] = frozenset(
        {"imei", "iccid", "smsc", "loop_number", "neighbour_imeis"}
    )

    name: str = ""
    baud: int = 115200
    has_pin: bool = False
    imei: str | None = None
    iccid: str | None = None
    smsc: str | None = None
    balance: Balance | None = None
    loop_number: str | None = None
    is_host_clock_right: bool = True
    neighbours: tuple[
        str, ...
    ] = ()  # ports of other configured modems: never opened, never offered
    neighbour_imeis: tuple[str, ...] = ()


class PortSight(Struct, frozen=True):
    """What can be seen of a port without opening it."""

    path: str
    exists: bool = True
    is_device: bool = True
    others: tuple[str, ...] = ()  # ports that are there and nobody's: on USB
    built_in: tuple[str, ...] = ()  # the same, of this machine itself
    may_open: bool = True
    group: str = ""
    user: str = ""
    holders: tuple[tuple[int, str], ...] = ()
    is_modem_manager_running: bool = False
    is_ignored_by_modem_manager: bool = False
    interface: str | None = None  # of a USB device
    udev_rule: str = ""


class Voice(Struct, frozen=True):
    """Whether anything answers, and where: at another speed, on another interface of the device."""

    answers: bool
    other_speed: int | None = None
    other_port: str | None = None
    restarts: int = 0


def _ok(check: str, verdict: str, **facts: object) -> Finding:
    return Finding(check, Level.OK, verdict, facts)


def _note(check: str, verdict: str, **facts: object) -> Finding:
    return Finding(check, Level.NOTE, verdict, facts)


def _warn(check: str, verdict: str, **facts: object) -> Finding:
    return Finding(check, Level.WARNING, verdict, facts)


def _fail(check: str, verdict: str, **facts: object) -> Finding:
    return Finding(check, Level.FAILURE, verdict, facts)


def _end(check: str, verdict: str, **facts: object) -> Finding:
    return Finding(check, Level.FAILURE, verdict, facts, is_final=True)


# -- the port


def judge_port(seen: PortSight) -> Finding:
    """Is there such a port?"""
    if not seen.exists:
        offer, verdict = seen.others, "port_missing"
        if not offer:
            offer, verdict = (
                seen.built_in,
                "port_missing_built_in" if seen.built_in else "port_none",
            )
        return _end("port", verdict, port=seen.path, others=", ".join(offer))
    if not seen.is_device:
        return _end("port", "port_no_device", port=seen.path)
    return _ok("port", "port_there", port=seen.path)


def judge_permission(seen: PortSight) -> Finding:
    """May this user open it?"""
    facts = {"port": seen.path, "group": seen.group, "user": seen.user}
    if not seen.may_open:
        return _end("permission", "denied" if seen.group else "denied_to_all", **facts)
    return _ok("permission", "allowed", **facts)


def judge_holder(seen: PortSight, *, is_daemon: bool) -> Finding:
    """Does another program have it?"""
    names = ", ".join(f"{name} (pid {pid})" if pid else name for pid, name in seen.holders)
    if is_daemon:
        return _note("holder", "held_by_daemon", holders=names or "smsgate")
    is_modem_manager = any(name.startswith("ModemManager") for _, name in seen.holders)
    if is_modem_manager and seen.udev_rule:
        return _end("holder", "held_by_modem_manager", holders=names, rule=seen.udev_rule)
    if seen.holders:
        return _end("holder", "held", holders=names, port=seen.path)
    return _ok("holder", "free")


def judge_modem_manager(seen: PortSight) -> Finding:
    """Will ModemManager leave it alone?"""
    if not seen.is_modem_manager_running:
        return _ok("modem_manager", "modem_manager_absent")
    if seen.is_ignored_by_modem_manager or not seen.udev_rule:
        return _ok("modem_manager", "modem_manager_kept_away")
    return _warn("modem_manager", "modem_manager_near", rule=seen.udev_rule)


# -- the line


def judge_voice(voice: Voice, seen: PortSight, expected: Expected) -> list[Finding]:
    """Is it the right interface, at the right speed, and does it answer?"""
    facts = {"port": seen.path, "baud": expected.baud}
    interface = seen.interface
    if voice.other_port is not None:
        return [_end("interface", "wrong_interface", other=voice.other_port, **facts)]
    findings = [] if interface is None else [_ok("interface", "interface", interface=interface)]
    if voice.other_speed is not None:
        return [*findings, _end("speed", "wrong_speed", other=voice.other_speed, **facts)]
    if not voice.answers and voice.restarts:
        return [*findings, _end("steady", "restarts", count=voice.restarts)]
    if not voice.answers:
        return [*findings, _end("answer", "silent", **facts)]
    return [*findings, _ok("speed", "speed", **facts), _ok("answer", "answers", **facts)]


def judge_breakdown(*, restarts: int, is_port_there: bool) -> Finding:
    """What does it mean that it stopped answering in the middle?"""
    if not is_port_there:
        return _end("steady", "vanished")
    if restarts:
        return _end("steady", "restarts", count=restarts)
    return _end("steady", "fell_silent")


def judge_steady(restarts: int) -> Finding:
    """Did it stay up while it was listened to?"""
    return _end("steady", "restarts", count=restarts) if restarts else _ok("steady", "steady")


def judge_manners(*, has_echo: bool, was_text_mode: bool, is_text_mode: bool) -> Finding:
    """Does it do as it is told: no echo, PDU mode?"""
    if is_text_mode:
        return _fail("manners", "text_mode_stays")
    if has_echo:
        return _warn("manners", "echo_stays")
    return _ok("manners", "text_mode_left" if was_text_mode else "manners_good")


# -- who it is


def judge_identity(device: Device, expected: Expected) -> Finding:
    """Is it the modem that is configured?"""
    facts = {"model": f"{device.manufacturer} {device.model}".strip() or "?", "imei": device.imei}
    if expected.imei and device.imei and not is_same_imei(device.imei, expected.imei):
        return _fail("identity", "another_modem", expected=expected.imei, **facts)
    return _ok("identity", "identified", **facts)


def judge_sim(card: Card) -> Finding:
    """Is there a SIM that works?"""
    if card.state == inspection.SIM_ABSENT:
        return _end("sim", "sim_missing")
    if card.state == inspection.SIM_FAILED:
        return _end("sim", "sim_failed")
    if card.state in (inspection.SIM_SILENT, "SIM BUSY"):
        return _end("sim", "sim_not_ready")
    return _ok("sim", "sim_there", iccid=inspection.mask(card.iccid) or "?")


def judge_pin(card: Card, expected: Expected) -> Finding:
    """Does it want a code?"""
    facts = {"tries": "?" if card.tries_left is None else card.tries_left, "name": expected.name}
    if card.state == "READY":
        return _ok("pin", "pin_not_wanted")
    if card.state in USABLE:
        return _note("pin", "pin2_wanted", lock=card.state)
    if card.state == "SIM PUK":
        return _end("pin", "puk", **facts)
    if card.state != "SIM PIN":
        return _end("pin", _LOCKS.get(card.state, "other_lock"), lock=card.state)
    if expected.has_pin and card.tries_left is not None and card.tries_left < 2:
        return _end("pin", "pin_last_try", **facts)
    return _end("pin", "pin_configured" if expected.has_pin else "pin_wanted", **facts)


def judge_same_sim(card: Card, expected: Expected) -> Finding | None:
    """Is it the SIM that the line knows?"""
    if expected.iccid is None or card.iccid is None:
        return None
    facts = {"iccid": inspection.mask(card.iccid), "known": inspection.mask(expected.iccid)}
    if card.iccid != expected.iccid:
        return _fail("same_sim", "sim_swapped", name=expected.name, **facts)
    return _ok("same_sim", "sim_same", **facts)


# -- the network


def judge_registration(network: Network) -> Finding:
    """Has the network let it in? Without any signal the antenna is what to look at."""
    registration = network.registration
    facts = {"state": registration.word, "cause": network.cause or "?"}
    if registration.is_registered:
        return _ok("registration", "roaming" if registration.is_roaming else "registered", **facts)
    if registration.stat == 3:
        return _fail("registration", _CAUSES.get(network.cause or 0, "denied_network"), **facts)
    if network.mode == 2:
        return _fail("registration", "deregistered", **facts)
    if network.signal.dbm is None:
        return _fail("registration", "no_signal", **facts)
    if network.mode == 1:
        return _fail("registration", "operator_by_hand", **facts)
    return _fail("registration", "not_registered", **facts)


def judge_signal(network: Network) -> Finding:
    """Is there enough signal?"""
    dbm = network.signal.dbm
    if dbm is None:
        is_known = network.registration.is_registered
        return (
            _note("signal", "signal_unknown") if is_known else _fail("signal", "no_signal_at_all")
        )
    if dbm < WEAK_DBM:
        return _warn("signal", "signal_weak", dbm=dbm)
    return _ok("signal", "signal_good", dbm=dbm)


def judge_operator(network: Network) -> Finding | None:
    """Whose network is it?"""
    operator = network.registration.operator
    return None if operator is None else _ok("operator", "operator", operator=operator)


def judge_smsc(smsc: str | None, card: Card, expected: Expected) -> Finding:
    """Does it know where to hand in what it sends?"""
    if smsc is None:
        return _fail("smsc", "smsc_missing")
    if expected.smsc is not None and smsc.lstrip("+") != expected.smsc.lstrip("+"):
        return _fail("smsc", "smsc_changed", smsc=smsc, known=expected.smsc)
    code = _COUNTRY_CODES.get((card.imsi or "")[:3])
    digits = smsc.removeprefix("+")
    is_ours = code is None or digits.startswith(code) or digits.startswith("0")
    if not is_ours or not digits.isdigit() or len(digits) < 5:
        return _fail("smsc", "smsc_wrong", smsc=smsc)
    return _ok("smsc", "smsc", smsc=smsc)


# -- the memories


def judge_storage(storage: Sequence[Usage], *, is_daemon: bool) -> Finding:
    """Is there room for what comes?"""
    shown = ", ".join(f"{usage.memory} {usage.used}/{usage.total}" for usage in storage) or "?"
    used = [usage for usage in storage if usage.total]
    if any(usage.used >= usage.total for usage in used):
        return _fail("storage", "full_beside_daemon" if is_daemon else "full", storage=shown)
    if any(usage.used > usage.total * FULL_SHARE for usage in used):
        return _warn("storage", "filling", storage=shown)
    return _ok("storage", "room", storage=shown)


def judge_announcements(modes: Sequence[int] | None) -> Finding:
    """Will it say when an SMS has come? `modes` are those of AT+CNMI, as they stay once set."""
    if modes is None or list(modes[1:2]) == [1]:
        return _ok("announcements", "announces")
    return _note("announcements", "announces_nothing")


# -- what costs money, and the time


class Loop(Struct, frozen=True):
    """What became of an SMS to oneself: `outcome` is "arrived", "rejected", "unclear" or "lost"."""

    outcome: str
    seconds: float = 0.0
    sense: str = ""


def judge_loop(loop: Loop) -> Finding:
    """Does an SMS go out and come in?"""
    facts = {"seconds": f"{loop.seconds:.0f}", "sense": loop.sense}
    if loop.outcome == "arrived":
        return _ok("loop", "loop_arrived", **facts)
    return _fail("loop", f"loop_{loop.outcome}", **facts)


def judge_balance(answer: str | None, balance: Balance) -> Finding:
    """Is there money on the SIM? None: the network did not answer."""
    if answer is None:
        return _warn("balance", "balance_unanswered", ussd=balance.ussd)
    amount = read_amount(answer, balance.pattern)
    if amount is None:
        return _warn("balance", "balance_unreadable", ussd=balance.ussd)
    facts = {
        "amount": f"{amount:,}".replace(",", "."),
        "least": f"{balance.least:,}".replace(",", "."),
    }
    if amount < balance.least:
        return _warn("balance", "balance_low", **facts)
    return _ok("balance", "balance", **facts)


def read_amount(answer: str, pattern: str) -> int | None:
    """Return the whole units of the amount that the pattern's first group (or all of it) finds."""
    found = re.search(pattern, answer)
    if found is None:
        return None
    shown = found[1] if found.re.groups else found[0]
    digits = re.sub(r"\D", "", re.sub(r"[.,]\d{1,2}$", "", shown.strip(" .,")))
    return int(digits) if digits else None


def judge_clock(said: str | None, now: datetime, expected: Expected) -> Finding:
    """Is this machine's clock right? The modem's, which the network sets, is the second witness."""
    told = _read_clock(said)
    if told is None:
        verdict = "clock" if expected.is_host_clock_right else "clock_unwatched"
        is_good = expected.is_host_clock_right
        return _ok("clock", verdict) if is_good else _warn("clock", verdict)
    off_s = abs((told - now).total_seconds())
    facts = {"minutes": round(off_s / 60), "modem": told.isoformat(timespec="minutes")}
    if expected.is_host_clock_right:
        return (
            _note("clock", "modem_clock_off", **facts)
            if off_s > CLOCK_S_MAX
            else _ok("clock", "clock")
        )
    if off_s > CLOCK_S_MAX:
        return _warn("clock", "clock_off", **facts)
    return _warn("clock", "clock_unwatched")


def _read_clock(said: str | None) -> datetime | None:
    """Read AT+CCLK (27.007 section 8.15); None where it was never set, or has no zone to compare it by."""
    found = _CLOCK.fullmatch(said or "")
    if found is None or found[7] is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    zone = timezone(timedelta(minutes=15 * int(found[7])))
    try:
        moment = datetime(year % 100 + 2000, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    return moment if moment.year >= CLOCK_YEAR_MIN else None
