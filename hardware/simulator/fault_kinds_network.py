"""Faults of what is behind the modem: SIM, radio, network; and what stands in its memories."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .alphabet import encode_septets, pack_septets
from .card import PIN_TRIES, SimState, StoredMessage
from .codec import (
    Body,
    Shape,
    StoredPdu,
    encode_deliver,
    encode_report,
    encode_submit,
    encode_timestamp,
    split_text,
    store_pdu,
)
from .faults import Fault, Stage, enter_fault, enter_flag
from .network import USSD

if TYPE_CHECKING:
    from .modem import SimulatedModem

_DENIED = 3  # AT+CREG
_CITIZEN = "+6281234567890"
_DCS_BINARY = 0x04
# UDH with destination port 2948 (WAP-259 appendix B), then the first octets of a WSP push
_WAP_PUSH = bytes.fromhex("0605040B8423F0") + b"\x01\x06\x22application/vnd.wap.mms-message\0"
_PAGE_SEPTETS, _CR = 93, 13  # 23.041 section 9.4.1: 82 octets, padded with CR
_REC_UNREAD, _STO_UNSENT = 0, 2


# -- SIM and radio


# -- SIM


def _sim_ready(modem: SimulatedModem, _fault: Fault) -> None:
    modem.card.state = SimState.READY
    modem.network.flush(modem.number)


@enter_fault(Stage.NOW, lift=_sim_ready, texts=SimState, text="SIM PIN", code=1234, count=PIN_TRIES)
def sim_state(modem: SimulatedModem, fault: Fault) -> None:
    """The SIM is in state text: SIM PIN, SIM PUK, NOT READY, ABSENT; code is the PIN, count the tries left."""
    card = modem.card
    card.state = SimState(fault.text)
    if card.state is SimState.PIN:
        card.pin = f"{fault.code:04d}"
        card.pin_tries_left = fault.count
    elif card.state is SimState.PUK:
        card.pin_tries_left = 0


@enter_fault(Stage.NOW)
def sim_swapped(modem: SimulatedModem, fault: Fault) -> None:
    """Another SIM is in it after a restart: other ICCID and IMSI, empty; text: with this number."""
    modem.swap_sim(fault.text or None)


def _right_smsc(modem: SimulatedModem, _fault: Fault) -> None:
    modem.card.smsc = modem.network.smsc


@enter_fault(Stage.NOW, lift=_right_smsc)
def service_centre(modem: SimulatedModem, fault: Fault) -> None:
    """The SIM's SMSC number is text (empty: none): submitting fails with 330 or 38."""
    modem.card.smsc = fault.text


# -- radio


def _register_home(modem: SimulatedModem, _fault: Fault) -> None:
    modem.radio.reject_cause = 0
    modem.set_registration(1)


@enter_fault(Stage.NOW, lift=_register_home, code=2)
def registration(modem: SimulatedModem, fault: Fault) -> None:
    """Registration state code: 0 idle, 2 searching, 3 denied for cause count, 5 roaming."""
    modem.radio.reject_cause = fault.count
    if fault.code == _DENIED:
        modem.radio.last_failure = f"Registration rejected, cause {fault.count}"
    modem.set_registration(fault.code)


def _signal_back(modem: SimulatedModem, _fault: Fault) -> None:
    modem.radio.rssi = 21


@enter_fault(Stage.NOW, lift=_signal_back, code=99)
def signal(modem: SimulatedModem, fault: Fault) -> None:
    """AT+CSQ tells code (99: not known)."""
    modem.radio.rssi = fault.code


def _clock_right(modem: SimulatedModem, _fault: Fault) -> None:
    modem.clock_shift = timedelta()


@enter_fault(Stage.NOW, lift=_clock_right, delay_s=-20 * 365 * 86400.0)
def clock_off(modem: SimulatedModem, fault: Fault) -> None:
    """The modem's clock (AT+CCLK) is delay_s ahead of the network's; negative: behind."""
    modem.clock_shift = timedelta(seconds=fault.delay_s)


# -- what the network says


def _usual_balance(modem: SimulatedModem, _fault: Fault) -> None:
    modem.network.ussd = dict(USSD)


@enter_fault(Stage.NOW, lift=_usual_balance, text="Sisa pulsa Rp0. Segera isi ulang")
def balance(modem: SimulatedModem, fault: Fault) -> None:
    """Every USSD code is answered with text."""
    modem.network.ussd = dict.fromkeys(modem.network.ussd, fault.text)


enter_flag(
    "ussd_error",
    "USSD is answered +CUSD: code after delay_s (4 not supported, 5 time out).",
    code=5,
)
enter_flag(
    "report",
    "Delivery reports have TP-ST code and come delay_s late; text='none': they never come.",
)


@enter_fault(Stage.NOW, text="Pulsa Anda kurang dari Rp1.000. Isi ulang sekarang")
def operator_sms(modem: SimulatedModem, fault: Fault) -> None:
    """The operator sends an SMS saying text."""
    modem.network.send(modem.radio.operator_name, modem.number, fault.text)


@enter_fault(Stage.NOW, text="BTM segera")
def flash_sms(modem: SimulatedModem, fault: Fault) -> None:
    """A class 0 SMS saying text comes."""
    modem.network.send(_CITIZEN, modem.number, fault.text, shape=Shape(message_class=0))


@enter_fault(Stage.NOW, text="BTM tanpa waktu")
def invalid_timestamp(modem: SimulatedModem, fault: Fault) -> None:
    """An SMS saying text comes with a TP-SCTS of zeros: month 0 of a day 0."""
    (body,) = split_text(fault.text, 0, Shape())
    now = modem.network.moment()
    tpdu = encode_deliver(_CITIZEN, body, now).replace(encode_timestamp(now), bytes(7))
    pdu = store_pdu(modem.network.smsc, tpdu)
    modem.network.submit_deliver(modem.number, bytes.fromhex(pdu.hex))


@enter_fault(Stage.NOW)
def mms_notification(modem: SimulatedModem, _fault: Fault) -> None:
    """A WAP push to port 2948 comes, as for an MMS: an SMS of binary data."""
    body = Body(_DCS_BINARY, len(_WAP_PUSH), _WAP_PUSH, has_header=True)
    tpdu = encode_deliver(_CITIZEN, body, modem.network.moment())
    pdu = store_pdu(modem.network.smsc, tpdu)
    modem.network.submit_deliver(modem.number, bytes.fromhex(pdu.hex))


@enter_fault(Stage.NOW, code=50, text="Info cuaca Batam: hujan")
def cell_broadcast(modem: SimulatedModem, fault: Fault) -> None:
    """A cell broadcast saying text, message identifier code, is shown as +CBM."""
    septets = encode_septets(fault.text) or []
    page = pack_septets((septets + [_CR] * _PAGE_SEPTETS)[:_PAGE_SEPTETS])
    octets = bytes([0, 0, fault.code >> 8, fault.code & 0xFF, 0, 0x11]) + page  # 23.041 9.4.1.2
    if modem.settings.is_text_mode:
        modem.say_urc([f"+CBM: 0,{fault.code},0,1,1", fault.text])
    else:
        modem.say_urc([f"+CBM: {len(octets)}", octets.hex().upper()])


def _hang_up(modem: SimulatedModem, _fault: Fault) -> None:
    modem.caller = None


@enter_fault(Stage.NOW, lift=_hang_up, text="+6281234567890")
def incoming_call(modem: SimulatedModem, fault: Fault) -> None:
    """Number text calls and lets it ring until somebody hangs up."""
    modem.call(fault.text)


# -- what stands in the memories


def _put(modem: SimulatedModem, pdu: StoredPdu, stat: int, times: int) -> None:
    memory = modem.memories[modem.settings.memories[2]]
    for _ in range(times):
        if memory.store(StoredMessage(stat, pdu)) is None:
            return


@enter_fault(Stage.NOW, text="07FF00")
def undecodable_pdu(modem: SimulatedModem, fault: Fault) -> None:
    """An undecodable PDU (hex in text) stands in the first free slot."""
    octets = bytes.fromhex(fault.text)
    length = max(len(octets) - 1 - octets[0], 0) if octets else 0
    _put(modem, StoredPdu(octets.hex().upper(), length), _REC_UNREAD, fault.times)


@enter_fault(Stage.NOW, code=7)
def status_report_stored(modem: SimulatedModem, fault: Fault) -> None:
    """An SMS-STATUS-REPORT for reference code stands in a slot."""
    at = modem.network.moment()
    tpdu = encode_report(fault.code, "+6281234567890", at=at, discharged_at=at, status=0)
    _put(modem, store_pdu(modem.network.smsc, tpdu), _REC_UNREAD, fault.times)


@enter_fault(Stage.NOW, text="konsep")
def draft_stored(modem: SimulatedModem, fault: Fault) -> None:
    """A draft (SMS-SUBMIT, STO UNSENT) saying text stands in a slot."""
    tpdu = encode_submit("+6281234567890", fault.text)
    _put(modem, store_pdu("", tpdu), _STO_UNSENT, fault.times)


@enter_fault(Stage.NOW, text="BTM penuh")
def memory_full(modem: SimulatedModem, fault: Fault) -> None:
    """Every free slot is filled with SMS saying text, without +CMTI."""
    memory = modem.memories[modem.settings.memories[2]]
    for number in range(memory.used + 1, memory.size + 1):
        (body,) = split_text(f"{fault.text} {number}", 0, Shape())
        tpdu = encode_deliver(f"+62812777{number:05d}", body, modem.network.moment())
        memory.store(StoredMessage(_REC_UNREAD, store_pdu(modem.network.smsc, tpdu)))
