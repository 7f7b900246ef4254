"""27.007: who the modem and its SIM are, the PIN, the radio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..at import HANDLERS, Answer, AtError, Command, Form, answer_range, answers, cme
from ..card import SimState
from .charset import encode_string

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_SIM_ERRORS = {SimState.ABSENT: 10, SimState.PIN: 11, SimState.PUK: 12, SimState.NOT_READY: 14}
_REGISTRATION_LEVEL_MAX = 3  # with 3 a denial is told with its cause (27.007 section 7.2)
_DENIED = 3


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
@answers("+QCCID", Form.EXECUTE, Form.READ)
@answers("^ICCID", Form.EXECUTE, Form.READ)
def tell_iccid(modem: SimulatedModem, command: Command) -> Answer:
    """The SIM's serial number, under the name this class of device has for it."""
    if command.name != modem.profile.ccid_command:
        raise AtError
    require_sim(modem)
    shown = modem.profile.ccid_answer.format(command=command.name, iccid=modem.card.iccid)
    return [shown]


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
        if level >= 2 and stat in (1, 5):
            line += f',"{radio.area}","{radio.cell}"'
            if modem.profile.has_access_technology:
                line += ",2"
        elif level == 3 and stat == _DENIED and radio.reject_cause:
            line += f",,,,0,{radio.reject_cause}"
        return [line]

    def write(modem: SimulatedModem, command: Command) -> Answer:
        level = command.number(0, default=0)
        if level > _REGISTRATION_LEVEL_MAX:
            raise cme(50)
        modem.settings.registration_reports[name] = level
        return None

    HANDLERS[name, Form.READ] = read
    HANDLERS[name, Form.WRITE] = write
    answer_range(name, f"(0-{_REGISTRATION_LEVEL_MAX})")


for _name in ("+CREG", "+CGREG", "+CEREG"):
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
