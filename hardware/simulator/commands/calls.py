"""27.007: calls (section 6) and USSD (section 7.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..alphabet import encode_septets
from ..at import Answer, Command, Form, answer_range, answers, cme
from .charset import decode_string, encode_string
from .subscriber import require_sim

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_RING_EVERY_S = 5.0
_GSM7, _UCS2 = 15, 72  # 23.038 section 5
_ENDED, _ANSWER_AWAITED = 0, 1


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


# -- USSD


@answers("+CUSD", Form.WRITE)
def ask_network(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CUSD=: dial a USSD code or answer its menu; what the network says comes as +CUSD. 2 ends a session."""
    level = command.number(0)
    if level > 2:
        raise cme(50)
    if level == 2:
        modem.ussd.end()
        return None
    modem.settings.plain["+CUSD"] = str(level)
    code = decode_string(modem, command.string(1))
    if code and level == 1:
        require_sim(modem)
        if not modem.radio.is_registered:
            raise cme(30)
        fault = modem.faults.find("ussd_error")
        shown = f"+CUSD: {fault.code}" if fault else _tell(modem, code)
        modem.ussd.timer = modem.after(
            fault.delay_s if fault else 0.0, lambda: modem.say_urc([shown])
        )
    return None


def _tell(modem: SimulatedModem, code: str) -> str:
    """Return the URC that answers a code; "<code> <reply>" in the table makes a menu of <code>."""
    answers_by_code = modem.network.ussd
    dialled = f"{modem.ussd.session} {code}" if modem.ussd.session else code
    is_menu = any(known.startswith(f"{dialled} ") for known in answers_by_code)
    modem.ussd.session = dialled if is_menu else ""
    text = answers_by_code.get(dialled, "Kode tidak dikenal")
    state = _ANSWER_AWAITED if is_menu else _ENDED
    if encode_septets(text) is None:
        return f'+CUSD: {state},"{text.encode("utf-16-be").hex().upper()}",{_UCS2}'
    return f'+CUSD: {state},"{encode_string(modem, text)}",{_GSM7}'


@answers("+CUSD", Form.READ)
def read_ussd(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CUSD?"""
    return [f"+CUSD: {modem.settings.plain.get('+CUSD', '0')}"]


answer_range("+CUSD", "(0-2)")
