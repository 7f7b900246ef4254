"""27.005 section 3: how messages are shown and announced, and how they are submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..at import HANDLERS, Answer, Command, Form, Prompt, answer_range, answers, cme, cms
from ..card import StoredMessage
from ..codec import (
    StoredPdu,
    SubmitError,
    decode_service_centre,
    decode_submit,
    encode_submit,
    store_pdu,
)
from ..network import canonical_number
from .charset import decode_string
from .storage import memory_at, require_sim_for_messages

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_TPDU_OCTETS_MAX = 164  # 23.040: the longest SMS-SUBMIT
_STO_UNSENT, _STO_SENT = 2, 3
_SRR = 0x20  # TP-SRR: the sender wants a report
_CHARSETS = ("GSM", "IRA", "UCS2")


@answers("+CMGF", Form.WRITE)
def set_mode(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CMGF=: PDU mode or text mode."""
    value = command.number(0, default=0)
    if value > 1:
        raise cme(50)
    modem.settings.is_text_mode = value == 1
    return None


@answers("+CMGF", Form.READ)
def read_mode(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CMGF?"""
    return [f"+CMGF: {int(modem.settings.is_text_mode)}"]


answer_range("+CMGF", "(0,1)")


@answers("+CNMI", Form.WRITE, Form.EXECUTE)
def set_notification(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CNMI=: where new messages go and how they are announced; what is left out stays."""
    current = modem.settings.notification
    values = [command.number(place, default=now) for place, now in enumerate(current)]
    allowed = modem.profile.notification_values
    if len(command.params) > len(current) or any(
        str(value) not in choice for value, choice in zip(values, allowed, strict=True)
    ):
        raise cms(302)
    modem.settings.notification = (values[0], values[1], values[2], values[3], values[4])
    modem.reception.settings_changed()
    return None


@answers("+CNMI", Form.READ)
def read_notification(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CNMI?"""
    return ["+CNMI: " + ",".join(map(str, modem.settings.notification))]


@answers("+CNMI", Form.TEST)
def tell_notification_values(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CNMI=?"""
    shown = map(_shorten, modem.profile.notification_values)
    return ["+CNMI: " + ",".join(f"({values})" for values in shown)]


def _shorten(values: str) -> str:
    """Return values as a test form shows them: three and more in a row as a range."""
    is_range = len(values) > 2 and int(values[-1]) - int(values[0]) == len(values) - 1
    return f"{values[0]}-{values[-1]}" if is_range else ",".join(values)


@answers("+CSMS", Form.WRITE)
def choose_service(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CSMS=: with 1, messages shown directly are acknowledged by AT+CNMA."""
    service = command.number(0)
    if service > 1:
        raise cms(302)
    modem.settings.service = service
    return ["+CSMS: 1,1,1"]


@answers("+CSMS", Form.READ)
def read_service(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CSMS?"""
    return [f"+CSMS: {modem.settings.service},1,1,1"]


answer_range("+CSMS", "(0,1)")


@answers("+CNMA", Form.EXECUTE, Form.WRITE)
def acknowledge(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CNMA: the message shown last is in safe hands, or (2) it is not."""
    verdict = command.number(0, default=0)
    if verdict > 2:
        raise cms(304)
    if verdict == 2:
        modem.reception.refuse()
        return None
    if not modem.reception.acknowledge():
        raise cms(340)
    return None


answer_range("+CNMA", "(0-2)")


@answers("+CSCA", Form.WRITE)
def set_service_centre(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CSCA=: the SMSC's number, kept on the SIM."""
    require_sim_for_messages(modem)
    modem.card.smsc = command.string(0)
    return None


@answers("+CSCA", Form.READ)
def read_service_centre(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CSCA?"""
    require_sim_for_messages(modem)
    kind = 145 if modem.card.smsc.startswith("+") else 129
    return [f'+CSCA: "{modem.card.smsc}",{kind}']


answer_range("+CSCA", "")


@answers("+CSMP", Form.WRITE)
def set_text_parameters(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CSMP=: what text mode puts into the fields it does not show."""
    current = modem.settings.text_parameters
    values = [command.number(place, default=now) for place, now in enumerate(current)]
    if any(value > 255 for value in values) or len(command.params) > len(current):
        raise cms(305)
    modem.settings.text_parameters = (values[0], values[1], values[2], values[3])
    return None


@answers("+CSMP", Form.READ)
def read_text_parameters(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CSMP?"""
    return ["+CSMP: " + ",".join(map(str, modem.settings.text_parameters))]


answer_range("+CSMP", "")


@answers("+CSDH", Form.WRITE)
def set_text_header(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CSDH=: kept, without effect."""
    modem.settings.shows_text_header = command.number(0, default=0) == 1
    return None


@answers("+CSDH", Form.READ)
def read_text_header(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CSDH?"""
    return [f"+CSDH: {int(modem.settings.shows_text_header)}"]


answer_range("+CSDH", "(0,1)")


@answers("+CSCS", Form.WRITE)
def set_charset(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CSCS=: the character set of strings."""
    if command.string(0) not in _CHARSETS:
        raise cme(50)
    modem.settings.charset = command.string(0)
    return None


@answers("+CSCS", Form.READ)
def read_charset(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CSCS?"""
    return [f'+CSCS: "{modem.settings.charset}"']


answer_range("+CSCS", "(" + ",".join(f'"{name}"' for name in _CHARSETS) + ")")


# -- submitting


@answers("+CMGS", Form.WRITE)
def submit(modem: SimulatedModem, command: Command) -> Answer:
    """Ask for the body; PDU mode is told the TPDU's length, text mode the recipient."""
    require_sim_for_messages(modem)
    if modem.settings.is_text_mode:
        recipient = decode_string(modem, command.string(0))
        if not recipient:
            raise cms(305)
        return Prompt(
            lambda body: _submit_pdu(modem, b"\0" + _text_tpdu(modem, recipient, body)),
            is_text=True,
        )
    length = _read_length(command)
    return Prompt(lambda body: _submit_pdu(modem, _read_pdu(body, length)))


def _submit_pdu(modem: SimulatedModem, pdu: bytes) -> list[str]:
    try:
        smsc = decode_service_centre(pdu) or modem.card.smsc
        decoded = decode_submit(pdu[1 + pdu[0] :])
    except SubmitError:
        raise cms(304) from None
    if not modem.radio.is_registered:
        raise cms(331)
    if not smsc:
        raise cms(330)
    if canonical_number(smsc) != canonical_number(modem.network.smsc):
        modem.radio.last_failure = "SMSC not reached"
        raise cms(38)
    return [f"+CMGS: {modem.submit(decoded)}"]


def _read_length(command: Command) -> int:
    length = command.number(0)
    if not 0 < length <= _TPDU_OCTETS_MAX:
        raise cms(304)
    return length


def _read_pdu(body: str, length: int) -> bytes:
    """Return SMSC field and TPDU; the latter must be as long as the command said."""
    try:
        octets = bytes.fromhex(body.strip())
    except ValueError:
        raise cms(304) from None
    if not octets or len(octets) - 1 - octets[0] != length:
        raise cms(304)
    return octets


def _text_tpdu(modem: SimulatedModem, recipient: str, body: str) -> bytes:
    text = body.replace("\r", "\n")
    try:
        tpdu = encode_submit(recipient, decode_string(modem, text.strip("\n")))
    except ValueError:
        raise cms(305) from None
    return bytes([tpdu[0] | modem.settings.text_parameters[0] & _SRR]) + tpdu[1:]


# -- drafts


@answers("+CMGW", Form.WRITE, Form.EXECUTE)
def write_draft(modem: SimulatedModem, command: Command) -> Answer:
    """Store what is typed: an SMS-SUBMIT as a draft, in PDU mode anything with the status given."""
    require_sim_for_messages(modem)
    if modem.settings.is_text_mode:
        recipient = decode_string(modem, command.string(0)) or "+0"
        return Prompt(
            lambda body: _keep(
                modem, store_pdu("", _text_tpdu(modem, recipient, body)), _STO_UNSENT
            ),
            is_text=True,
        )
    length = _read_length(command)
    stat = command.number(1, default=_STO_UNSENT)
    if stat > _STO_SENT:
        raise cms(304)

    def keep(body: str) -> list[str]:
        _read_pdu(body, length)
        return _keep(modem, StoredPdu(body.strip().upper(), length), stat)

    return Prompt(keep)


def _keep(modem: SimulatedModem, pdu: StoredPdu, stat: int) -> list[str]:
    index = memory_at(modem, 1).store(StoredMessage(stat, pdu))
    if index is None:
        raise cms(322)
    return [f"+CMGW: {index}"]


@answers("+CMSS", Form.WRITE)
def submit_draft(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CMSS: submit what stands in a slot."""
    require_sim_for_messages(modem)
    message = memory_at(modem, 0).slots.get(command.number(0))
    if message is None:
        raise cms(321)
    answer = _submit_pdu(modem, bytes.fromhex(message.pdu.hex))
    message.stat = _STO_SENT
    return [answer[0].replace("+CMGS", "+CMSS")]


def _tell_mode(_modem: SimulatedModem, _command: Command) -> Answer:
    return None


for _name in ("+CMGS", "+CMGW", "+CMSS", "+CMGR"):
    HANDLERS[_name, Form.TEST] = _tell_mode
