"""27.007: who the modem and its SIM are, the PIN, the radio, calls and USSD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..at import HANDLERS, Answer, AtError, Command, Form, answer_range, answers, cme
from ..card import SimState
from .charset import decode_string, encode_string

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_SIM_ERRORS = {SimState.ABSENT: 10, SimState.PIN: 11, SimState.PUK: 12, SimState.NOT_READY: 14}
_RING_EVERY_S = 5.0


def require_sim(modem: SimulatedModem) -> None:
    """Raise the +CME ERROR for a SIM that cannot be used now."""
    if modem.card.state is not SimState.READY:
        raise cme(_SIM_ERRORS[modem.card.state])


# -- identity


def _tell(name: str, read: str) -> None:
    def answer(modem: SimulatedModem, _command: Command) -> Answer:
        return [str(getattr(modem.profile, read))]

    HANDLERS[name, Form.EXECUTE] = answer
    answer_range(name, "")


for _names, _field in (
    (("+CGMI", "+GMI"), "manufacturer"),
    (("+CGMM", "+GMM"), "model"),
    (("+CGMR", "+GMR"), "revision"),
):
    for _name in _names:
        _tell(_name, _field)


@answers("+CGSN", Form.EXECUTE)
@answers("+GSN", Form.EXECUTE)
def tell_imei(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CGSN."""
    return [modem.imei]


answer_range("+CGSN", "")


@answers("+CIMI", Form.EXECUTE)
def tell_imsi(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CIMI."""
    require_sim(modem)
    return [modem.card.imsi]


answer_range("+CIMI", "")


@answers("+CCID", Form.EXECUTE, Form.READ)
@answers("^ICCID", Form.EXECUTE, Form.READ)
def tell_iccid(modem: SimulatedModem, command: Command) -> Answer:
    """The SIM's serial number, under the name this class of device has for it."""
    if command.name != modem.profile.ccid_command:
        raise AtError
    require_sim(modem)
    return [f"{command.name}: {modem.card.iccid}"]


@answers("+CNUM", Form.EXECUTE)
def tell_number(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CNUM."""
    require_sim(modem)
    return [f'+CNUM: "","{modem.number}",145']


answer_range("+CNUM", "")


# -- PIN


@answers("+CPIN", Form.READ)
def read_pin_state(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CPIN?"""
    if modem.card.state is SimState.ABSENT:
        raise cme(10)
    return [f"+CPIN: {modem.card.state.value}"]


@answers("+CPIN", Form.WRITE)
def enter_pin(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CPIN=: the PIN where one is asked for, PUK and new PIN where the card is locked."""
    card = modem.card
    if card.state is SimState.PIN:
        if len(command.params) != 1 or not card.try_pin(command.string(0)):
            raise cme(16 if card.state is SimState.PIN else 12)
    elif card.state is SimState.PUK:
        if len(command.params) != 2:
            raise cme(12)
        if not card.try_puk(command.string(0), command.string(1)):
            raise cme(16)
    else:
        raise cme(_SIM_ERRORS.get(card.state, 3))
    modem.network.flush(modem.number)
    return None


answer_range("+CPIN", "")


# -- power and network


@answers("+CFUN", Form.READ)
def read_functionality(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CFUN?"""
    return [f"+CFUN: {modem.radio.functionality}"]


@answers("+CFUN", Form.WRITE)
def set_functionality(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CFUN=: radio off, on, or a restart."""
    level, restart = command.number(0), command.number(1, default=0)
    if level not in (0, 1, 4) or restart not in (0, 1):
        raise cme(50)
    if restart:
        modem.after(0.0, modem.reboot)  # once the OK is said
        return None
    was_on = modem.radio.functionality == 1
    modem.radio.functionality = level
    if level == 1 and not was_on:
        modem.card.power_on()
        modem.network.flush(modem.number)
    return None


answer_range("+CFUN", "(0,1,4),(0,1)")


def _enter_registration(name: str) -> None:
    def read(modem: SimulatedModem, _command: Command) -> Answer:
        level = modem.settings.registration_reports.get(name, 0)
        radio = modem.radio
        is_searching_for_none = radio.functionality != 1 or modem.card.state is not SimState.READY
        stat = 0 if is_searching_for_none else radio.stat
        line = f"{name}: {level},{stat}"
        if level == 2 and stat in (1, 5):
            line += f',"{radio.area}","{radio.cell}"'
            if modem.profile.has_access_technology:
                line += ",2"
        return [line]

    def write(modem: SimulatedModem, command: Command) -> Answer:
        level = command.number(0, default=0)
        if level > 2:
            raise cme(50)
        modem.settings.registration_reports[name] = level
        return None

    HANDLERS[name, Form.READ] = read
    HANDLERS[name, Form.WRITE] = write
    answer_range(name, "(0-2)")


for _name in ("+CREG", "+CGREG"):
    _enter_registration(_name)


@answers("+COPS", Form.READ)
def read_operator(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+COPS?: the operator in the form that AT+COPS=3,n chose."""
    radio = modem.radio
    if not radio.is_registered or modem.card.state is not SimState.READY:
        return ["+COPS: 0"]
    shown = modem.settings.operator_format
    name = (radio.operator_name, radio.operator_short, radio.operator_code)[shown]
    name = encode_string(modem, name)
    return [f'+COPS: 0,{shown},"{name}"']


@answers("+COPS", Form.WRITE)
def set_operator(modem: SimulatedModem, command: Command) -> Answer:
    """AT+COPS=: only the form of the name has an effect."""
    mode, shown = command.number(0), command.number(1, default=0)
    if mode not in (0, 1, 2, 3, 4) or shown > 2:
        raise cme(50)
    if mode == 3:
        modem.settings.operator_format = shown
    return None


@answers("+COPS", Form.TEST)
def list_operators(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+COPS=?: there is one operator."""
    require_sim(modem)
    radio = modem.radio
    found = f'(2,"{radio.operator_name}","{radio.operator_short}","{radio.operator_code}")'
    return [f"+COPS: {found},,(0,1,2,3,4),(0,1,2)"]


@answers("+CGATT", Form.READ)
def read_packet_attachment(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CGATT?"""
    return [f"+CGATT: {int(modem.radio.is_registered)}"]


@answers("+CSQ", Form.EXECUTE)
def tell_signal(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CSQ."""
    return [f"+CSQ: {modem.radio.rssi if modem.radio.functionality == 1 else 99},99"]


answer_range("+CSQ", "(0-31,99),(0-7,99)")


@answers("+CBC", Form.EXECUTE)
def tell_battery(_modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CBC: a full one."""
    return ["+CBC: 0,100,4100"]


@answers("+CCLK", Form.READ)
def tell_time(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CCLK?: the network's time."""
    now = modem.network.moment()
    return [f'+CCLK: "{now:%y/%m/%d,%H:%M:%S}+28"']


@answers("+CPAS", Form.EXECUTE)
def tell_activity(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CPAS."""
    return [f"+CPAS: {3 if modem.caller else 0}"]


# -- calls and USSD


def ring(modem: SimulatedModem) -> None:
    """Say RING, again every few seconds, until somebody hangs up."""
    if modem.caller is None or modem.is_off:
        return
    modem.say_urc(["+CRING: VOICE" if modem.settings.plain.get("+CRC") == "1" else "RING"])
    if modem.settings.plain.get("+CLIP") == "1":
        modem.say_urc([f'+CLIP: "{modem.caller}",145,"",0,"",0'])
    modem.after(_RING_EVERY_S, lambda: ring(modem))


@answers("+CLCC", Form.EXECUTE)
def list_calls(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CLCC."""
    return [f'+CLCC: 1,1,4,0,0,"{modem.caller}",145'] if modem.caller else None


@answers("H", Form.EXECUTE)
@answers("+CHUP", Form.EXECUTE)
@answers("A", Form.EXECUTE)
def end_call(modem: SimulatedModem, _command: Command) -> Answer:
    """Hang up; a data card that takes a voice call drops it as well."""
    modem.caller = None
    return None


@answers("D", Form.EXECUTE)
def dial(_modem: SimulatedModem, _command: Command) -> Answer:
    """No calls are made: the network gives no line."""
    raise cme(30)


@answers("+CUSD", Form.WRITE)
def ask_network(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CUSD=: dial a USSD code; the answer comes as +CUSD."""
    level = command.number(0)
    if level > 2:
        raise cme(50)
    modem.settings.plain["+CUSD"] = str(level)
    code = decode_string(modem, command.string(1))
    if code and level == 1:
        require_sim(modem)
        text = modem.network.ussd.get(code, "Kode tidak dikenal")
        shown = encode_string(modem, text)
        modem.after(0.0, lambda: modem.say_urc([f'+CUSD: 0,"{shown}",15']))
    return None


@answers("+CUSD", Form.READ)
def read_ussd(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CUSD?"""
    return [f"+CUSD: {modem.settings.plain.get('+CUSD', '0')}"]


answer_range("+CUSD", "(0-2)")
