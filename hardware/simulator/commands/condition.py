"""27.007: what state things are in: tries left, battery, clock, the cause of the last failure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ..at import Answer, AtError, Command, Form, answer_range, answers, cme
from ..card import PIN_TRIES, PUK_TRIES, SimState

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_CLOCK = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?")


# -- tries left, under the name this class of device has for them


def _require_own(modem: SimulatedModem, name: str) -> None:
    if modem.profile.pin_counter != name:
        raise AtError
    if modem.card.state is SimState.ABSENT:
        raise cme(10)


@answers("+CPINR", Form.EXECUTE)
def tell_tries(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CPINR (27.007 section 8.66): code, tries left, tries there were."""
    _require_own(modem, command.name)
    card = modem.card
    return [
        f"+CPINR: SIM PIN,{card.pin_tries_left},{PIN_TRIES}",
        f"+CPINR: SIM PUK,{card.puk_tries_left},{PUK_TRIES}",
    ]


@answers("+SPIC", Form.EXECUTE)
def tell_tries_simcom(modem: SimulatedModem, command: Command) -> Answer:
    """AT+SPIC, SIM800 Series AT Command Manual V1.09 section 6.2.3: PIN, PIN2, PUK, PUK2."""
    _require_own(modem, command.name)
    card = modem.card
    return [f"+SPIC: {card.pin_tries_left},{PIN_TRIES},{card.puk_tries_left},{PUK_TRIES}"]


@answers("+QPINC", Form.WRITE, Form.READ)
def tell_tries_quectel(modem: SimulatedModem, command: Command) -> Answer:
    """AT+QPINC, Quectel EC2x AT Commands Manual: PIN and PUK of a facility."""
    _require_own(modem, command.name)
    card = modem.card
    lines = {
        "SC": f'+QPINC: "SC",{card.pin_tries_left},{card.puk_tries_left}',
        "P2": f'+QPINC: "P2",{PIN_TRIES},{PUK_TRIES}',
    }
    if command.form is Form.READ:
        return list(lines.values())
    if command.string(0) not in lines:
        raise cme(50)
    return [lines[command.string(0)]]


@answers("^CPIN", Form.READ)
def tell_tries_huawei(modem: SimulatedModem, command: Command) -> Answer:
    """AT^CPIN?, Huawei ME909 AT Command Interface Specification: state, tries for it, PUK, PIN, PUK2, PIN2."""
    _require_own(modem, command.name)
    card = modem.card
    asked = {SimState.PIN: card.pin_tries_left, SimState.PUK: card.puk_tries_left}
    counters = f"{card.puk_tries_left},{card.pin_tries_left},{PUK_TRIES},{PIN_TRIES}"
    return [f"^CPIN: {card.state.value},{asked.get(card.state, '')},{counters}"]


@answers("+UPINCNT", Form.EXECUTE)
def tell_tries_ublox(modem: SimulatedModem, command: Command) -> Answer:
    """AT+UPINCNT, u-blox AT Commands Manual (UBX-13002752): PIN, PIN2, PUK, PUK2."""
    _require_own(modem, command.name)
    card = modem.card
    return [f"+UPINCNT: {card.pin_tries_left},{PIN_TRIES},{card.puk_tries_left},{PUK_TRIES}"]


# -- clock


@answers("+CCLK", Form.READ)
def tell_time(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CCLK?: the modem's clock, in the network's zone."""
    now = modem.network.moment() + modem.clock_shift
    return [f'+CCLK: "{now:%y/%m/%d,%H:%M:%S}+28"']


@answers("+CCLK", Form.WRITE)
def set_time(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CCLK=: set it; without a zone it is the network's."""
    found = _CLOCK.fullmatch(command.string(0))
    if not found:
        raise cme(50)
    now = modem.network.moment()
    zone = timezone(timedelta(minutes=15 * int(found[7]))) if found[7] else now.tzinfo
    year, *rest = map(int, found.groups()[:6])
    try:
        told = datetime(2000 + year, *rest, tzinfo=zone)  # type: ignore[arg-type, misc]
    except ValueError:
        raise cme(50) from None
    modem.clock_shift = told - now
    return None


answer_range("+CCLK", "")


# -- the rest


@answers("+CEER", Form.EXECUTE)
def tell_last_failure(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CEER (27.007 section 6.10): free text about the last failure."""
    return [f"+CEER: {modem.radio.last_failure}"]


answer_range("+CEER", "")


@answers("+CBC", Form.EXECUTE)
def tell_battery(_modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CBC: a full one."""
    return ["+CBC: 0,100,4100"]


@answers("+CPAS", Form.EXECUTE)
def tell_activity(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CPAS."""
    return [f"+CPAS: {3 if modem.caller else 0}"]
