"""27.007: calls (section 6) and USSD (section 7.15)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..alphabet import decode_septets, encode_septets, pack_septets, unpack_septets
from ..at import Answer, AtError, Command, Form, answer_range, answers, cme
from .charset import decode_string, encode_string
from .subscriber import require_sim

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_RING_EVERY_S = 5.0
_GSM7, _UCS2 = 15, 72  # 23.038 section 5
_ENDED, _ANSWER_AWAITED = 0, 1
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


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
    code = _read_code(modem, command.string(1))
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


def _is_packed(modem: SimulatedModem) -> bool:
    return modem.profile.has_packed_ussd and modem.settings.plain.get("^USSDMODE") != "0"


def _read_code(modem: SimulatedModem, shown: str) -> str:
    """Return the code dialled; a modem that packs takes it plain too."""
    if _is_packed(modem) and _HEX.fullmatch(shown):
        octets = bytes.fromhex(shown)
        return decode_septets(unpack_septets(octets, len(octets) * 8 // 7)).rstrip("@\r")
    return decode_string(modem, shown)


def _tell(modem: SimulatedModem, code: str) -> str:
    """Return the URC that answers a code; "<code> <reply>" in the table makes a menu of <code>."""
    answers_by_code = modem.network.ussd
    dialled = f"{modem.ussd.session} {code}" if modem.ussd.session else code
    is_menu = any(known.startswith(f"{dialled} ") for known in answers_by_code)
    modem.ussd.session = dialled if is_menu else ""
    text = answers_by_code.get(dialled, "Kode tidak dikenal")
    state = _ANSWER_AWAITED if is_menu else _ENDED
    septets = encode_septets(text)
    if septets is not None and _is_packed(modem):
        return f'+CUSD: {state},"{pack_septets(septets).hex().upper()}",{_GSM7}'
    if septets is None:
        return f'+CUSD: {state},"{text.encode("utf-16-be").hex().upper()}",{_UCS2}'
    return f'+CUSD: {state},"{encode_string(modem, text)}",{_GSM7}'


@answers("+CUSD", Form.READ)
def read_ussd(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CUSD?"""
    return [f"+CUSD: {modem.settings.plain.get('+CUSD', '0')}"]


answer_range("+CUSD", "(0-2)")


@answers("^USSDMODE", Form.WRITE, Form.READ, Form.TEST)
def choose_ussd_form(modem: SimulatedModem, command: Command) -> Answer:
    """AT^USSDMODE (Huawei): +CUSD as text (0) or packed (1)."""
    if not modem.profile.has_packed_ussd:
        raise AtError
    if command.form is Form.TEST:
        return ["^USSDMODE: (0-1)"]
    if command.form is Form.READ:
        return [f"^USSDMODE: {int(_is_packed(modem))}"]
    if command.number(0) > 1:
        raise cme(50)
    modem.settings.plain["^USSDMODE"] = command.string(0)
    return None
