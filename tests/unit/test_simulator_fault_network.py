"""Faults of SIM, radio and network, and the answers by which a technician tells them."""

from __future__ import annotations

import re

import pytest
from faulty_modem import OK
from simulated_line import CITIZEN, NUMBER, ask, hear, hear_until, make_modem, tell

from hardware.simulator import Network, SimulatedModem
from hardware.simulator.alphabet import encode_septets, pack_septets
from hardware.simulator.codec import encode_submit

_SRR = 0x20


def _submit(modem, text="Halo", *, smsc="00", first=0x01):
    tpdu = bytearray(encode_submit(CITIZEN, text))
    tpdu[0] = first
    assert ask(modem, f"AT+CMGS={len(tpdu)}").endswith(b"> ")
    return tell(modem, smsc.encode() + tpdu.hex().encode() + b"\x1a")


# -- SIM


@pytest.mark.parametrize(
    ("profile", "command", "answer"),
    [
        pytest.param(
            "generic", "AT+CPINR", b"+CPINR: SIM PIN,2,3\r\n+CPINR: SIM PUK,10,10", id="27.007"
        ),
        pytest.param("sim800", "AT+SPIC", b"+SPIC: 2,3,10,10", id="SIMCom"),
        pytest.param("huawei", "AT^CPIN?", b"^CPIN: SIM PIN,2,10,2,10,3", id="Huawei"),
    ],
)
def test_tries_left_are_told_under_the_name_of_the_device_class(profile, command, answer):
    modem = make_modem(profile=profile)
    modem.faults.set("sim_state", text="SIM PIN", count=3)

    assert ask(modem, 'AT+CPIN="9999"') == b"\r\n+CME ERROR: 16\r\n"

    assert ask(modem, command) == b"\r\n" + answer + b"\r\n" + OK


def test_a_counter_of_another_class_is_unknown():
    assert ask(make_modem(), "AT+SPIC") == b"\r\nERROR\r\n"


def test_sim_swapped():
    modem = make_modem()
    modem.network.send(CITIZEN, NUMBER, "satu")
    before = (modem.card.iccid, modem.card.imsi)

    modem.faults.set("sim_swapped")
    hear_until(modem, b"RDY")

    assert modem.memories["SM"].used == 0
    assert before[0].encode() not in ask(modem, "ATE0", "AT+CCID")
    assert before[1].encode() not in ask(modem, "AT+CIMI")


def test_a_swapped_sim_may_bring_its_number():
    modem = make_modem()

    modem.faults.set("sim_swapped", text="+6281170009999")
    hear_until(modem, b"RDY")
    modem.network.send(CITIZEN, "+6281170009999", "satu")

    assert modem.memories["SM"].used == 1


@pytest.mark.parametrize(
    ("number", "told", "error"),
    [
        pytest.param("", b'+CSCA: "",129', b"+CMS ERROR: 330", id="none"),
        pytest.param("+6281199999", b'+CSCA: "+6281199999",145', b"+CMS ERROR: 38", id="wrong"),
    ],
)
def test_service_centre(number, told, error):
    modem = make_modem()
    modem.faults.set("service_centre", text=number)

    assert told in ask(modem, "AT+CSCA?")
    assert _submit(modem) == b"\r\n" + error + b"\r\n"

    assert ask(modem, f'AT+CSCA="{modem.network.smsc}",145') == OK
    assert b"+CMGS: 0" in _submit(modem)


def test_the_smsc_field_of_a_pdu_goes_before_that_of_the_sim():
    modem = make_modem()
    modem.faults.set("service_centre", text="")

    assert b"+CMGS: 0" in _submit(modem, smsc="069126180100 00".replace(" ", ""))


# -- radio


@pytest.mark.parametrize("name", ["+CREG", "+CGREG", "+CEREG"])
def test_denied_registration_tells_its_cause_where_asked(name):
    modem = make_modem()
    modem.faults.set("registration", code=3, count=6)

    assert ask(modem, f"AT{name}?") == f"\r\n{name}: 0,3\r\n".encode() + OK
    assert ask(modem, f"AT{name}=3", f"AT{name}?") == f"\r\n{name}: 3,3,,,,0,6\r\n".encode() + OK
    assert b"cause 6" in ask(modem, "AT+CEER")


def test_clock_off():
    modem = make_modem()
    modem.faults.set("clock_off", delay_s=-365 * 86400.0)
    behind = ask(modem, "AT+CCLK?")

    assert ask(modem, 'AT+CCLK="26/03/02,10:11:12+28"') == OK

    assert behind != ask(modem, "AT+CCLK?")
    assert b'"26/03/02,10:11:1' in ask(modem, "AT+CCLK?")
    assert ask(modem, 'AT+CCLK="26/13/02,10:11:12+28"') == b"\r\n+CME ERROR: 50\r\n"


def test_unknown_command():
    modem = make_modem()
    assert b"+CBC: " in ask(modem, "AT+CBC")

    modem.faults.set("unknown_command", command="+CBC")

    assert ask(modem, "AT+CBC") == ask(modem, "AT+CBC") == b"\r\nERROR\r\n"
    assert ask(modem, "AT") == OK


# -- USSD


def test_balance():
    modem = make_modem()
    assert b'+CUSD: 0,"Sisa pulsa Rp25.000' in ask(modem, 'AT+CUSD=1,"*888#",15')

    modem.faults.set("balance", text="Sisa pulsa Rp0")

    assert ask(modem, 'AT+CUSD=1,"*888#",15') == OK + b'\r\n+CUSD: 0,"Sisa pulsa Rp0",15\r\n'
    modem.faults.clear("balance")
    assert b"Rp25.000" in ask(modem, 'AT+CUSD=1,"*888#",15')


def test_ussd_error():
    modem = make_modem()
    modem.faults.set("ussd_error", code=4)

    assert ask(modem, 'AT+CUSD=1,"*888#",15') == OK + b"\r\n+CUSD: 4\r\n"


def test_ussd_that_is_cancelled_gives_no_answer():
    modem = make_modem()
    modem.faults.set("ussd_error", code=5, delay_s=0.001)

    assert ask(modem, 'AT+CUSD=1,"*888#",15', "AT+CUSD=2") == OK
    modem.after(0.005, lambda: modem.say(b"later"))
    assert hear_until(modem, b"later") == b"later"


def test_ussd_menu_waits_for_a_reply():
    modem = make_modem()
    modem.network.ussd |= {"*123#": "1 Pulsa 2 Paket", "*123# 1": "Rp5.000"}

    assert b'+CUSD: 1,"1 Pulsa 2 Paket",15' in ask(modem, 'AT+CUSD=1,"*123#",15')
    assert b'+CUSD: 0,"Rp5.000",15' in ask(modem, 'AT+CUSD=1,"1",15')
    assert b"Kode tidak dikenal" in ask(modem, 'AT+CUSD=1,"1",15')


def test_ussd_text_outside_the_gsm_alphabet_is_ucs2():
    modem = make_modem()
    modem.network.ussd["*1#"] = "Привет"

    said = ask(modem, 'AT+CUSD=1,"*1#",15')

    assert f'"{"Привет".encode("utf-16-be").hex().upper()}",72'.encode() in said


@pytest.mark.parametrize("code", ["*888#", "2A1C0E3702"], ids=["plain", "packed"])
def test_ussd_is_packed_by_a_class_that_does_so_until_told_not_to(code):
    modem = make_modem(profile="huawei")
    packed = pack_septets(encode_septets("Sisa Rp0") or []).hex().upper().encode()
    modem.faults.set("balance", text="Sisa Rp0")

    assert b'+CUSD: 0,"' + packed + b'",15' in ask(modem, f'AT+CUSD=1,"{code}",15')

    assert b'"Sisa Rp0",15' in ask(modem, "AT^USSDMODE=0", 'AT+CUSD=1,"*888#",15')
    assert ask(make_modem(), "AT^USSDMODE=?") == b"\r\nERROR\r\n"


def test_ussd_without_network_is_refused():
    modem = make_modem()
    modem.faults.set("registration", code=2)

    assert ask(modem, 'AT+CUSD=1,"*888#",15') == b"\r\n+CME ERROR: 30\r\n"


# -- delivery reports


def test_report():
    modem = make_modem()
    ask(modem, "AT+CNMI=2,1,0,1,0")
    modem.faults.set("report", code=0x46)

    said = _submit(modem, first=0x01 | _SRR)

    assert re.search(rb"\+CDS: \d+\r\n[0-9A-F]+46\r\n", said)
    modem.faults.set("report", text="none")
    assert b"+CDS" not in _submit(modem, first=0x01 | _SRR)


def test_a_late_report_comes_by_itself():
    modem = make_modem()
    ask(modem, "AT+CNMI=2,1,0,1,0")
    modem.faults.set("report", delay_s=0.01)

    assert b"+CDS" not in _submit(modem, first=0x01 | _SRR)

    assert b"+CDS: " in hear_until(modem, b"00\r\n")


def test_text_mode_asks_for_a_report_by_csmp():
    modem = make_modem()
    ask(modem, "AT+CNMI=2,1,0,1,0", "AT+CMGF=1", "AT+CSMP=49,167,0,0")

    ask(modem, f'AT+CMGS="{CITIZEN}"')

    assert b"+CDS: " in tell(modem, b"Halo\x1a")


def test_a_shown_report_waits_for_its_acknowledgement():
    """27.005 section 3.4.4: with AT+CSMS=1 a +CDS is acknowledged like a +CMT."""
    modem = make_modem()
    ask(modem, "AT+CSMS=1", "AT+CNMI=2,1,0,1,0")

    assert b"+CDS: " in _submit(modem, first=0x01 | _SRR)
    assert b"+CDS: " not in _submit(modem, first=0x01 | _SRR)

    assert b"+CDS: " in ask(modem, "AT+CNMA") + hear(modem)


# -- what comes by itself


def test_operator_sms():
    modem = make_modem()

    modem.faults.set("operator_sms", text="Pulsa habis")

    assert b"+CMTI" in hear(modem)
    assert b'"TELKOMSEL"' in ask(modem, "AT+CMGF=1", "AT+CMGR=1")


def test_flash_sms():
    modem = SimulatedModem(Network(), number=NUMBER, profile="generic")

    modem.faults.set("flash_sms")

    (message,) = modem.memories["SM"].slots.values()
    assert message.pdu.message_class == 0


def test_invalid_timestamp():
    modem = make_modem()

    modem.faults.set("invalid_timestamp", text="BTM satu")

    assert b"00000000000000" in ask(modem, "AT+CMGR=1")


def test_mms_notification():
    modem = make_modem()

    modem.faults.set("mms_notification")

    assert b"0605040B8423F0" in ask(modem, "AT+CMGR=1")


def test_cell_broadcast():
    modem = make_modem()

    modem.faults.set("cell_broadcast", code=50)

    assert re.search(rb"\r\n\+CBM: 88\r\n00000032[0-9A-F]{168}\r\n", hear(modem))


def test_incoming_call():
    modem = make_modem()

    modem.faults.set("incoming_call")

    assert b"RING" in hear(modem)
    modem.faults.clear("incoming_call")
    assert modem.caller is None


# -- the modem and its line


def test_direct_delivery():
    modem = make_modem()

    modem.faults.set("direct_delivery")
    modem.network.send(CITIZEN, NUMBER, "BTM satu")

    assert b"+CMT: ," in hear(modem)
    assert modem.memories["SM"].used == 0


def test_bare_ok():
    modem = make_modem()
    modem.faults.set("bare_ok", command="+CFUN")

    assert ask(modem, "AT+CFUN?") == OK
    assert b"+CFUN: 1" in ask(modem, "AT+CFUN?")


def test_echo_stays():
    modem = make_modem()

    modem.faults.set("echo_stays")

    assert ask(modem, "ATE0", "AT") == b"AT\r" + OK
    modem.faults.clear("echo_stays")
    assert ask(modem, "ATE0", "AT") == OK


def test_reboot_loop():
    modem = make_modem()
    modem.faults.set("reboot_loop", delay_s=0.01)

    hear_until(modem, b"RDY")
    hear_until(modem, b"RDY")
    modem.faults.clear("reboot_loop")
    if modem.is_off:
        hear_until(modem, b"RDY")

    assert ask(modem, "AT").endswith(OK)


def test_second_reader():
    modem = make_modem()
    modem.faults.set("second_reader")

    said = [ask(modem, "AT+CGSN") for _ in range(5)]

    assert all(b"AT\r\r\nOK\r\n" in answer for answer in said)
    assert not all(modem.imei.encode() in answer for answer in said)
