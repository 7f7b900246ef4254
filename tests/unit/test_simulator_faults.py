"""Every fault of the table does what the table says, and ends when it should."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from faulty_modem import CMTI, OK, prompt, with_sms
from simulated_line import CITIZEN, NUMBER, ask, hear, hear_until, make_modem, tell

from hardware.simulator.faults import KINDS, describe


def test_every_fault_is_tested():
    files = Path(__file__).parent.glob("test_simulator_fault*.py")
    tested = {
        name for file in files for name in re.findall(r"(?m)^def test_(\w+)\(", file.read_text())
    }

    tested |= {"urc_blank_line", "urc_doubled_cr", "urc_lost"}  # one test
    # these need a terminal: tests/modem/test_simulator_pty.py
    tested |= {"wrong_speed", "unplugged", "port_renamed"}
    assert set(KINDS) <= tested


# what goes wrong with modems, as the traps of other programs show: which faults play it, with which parameters
_TRAPS = {
    "silence": [("mute", {})],
    "an answer after the timeout, during the next command": [("late_answer", {"delay_s": 20.0})],
    "a URC between header and PDU": [("urc_in_answer", {"count": 1})],
    "a URC after the PDU": [("urc_in_answer", {"count": 2})],
    "a URC inside AT+CMGR": [("urc_in_answer", {"command": "+CMGR"})],
    "a URC before the prompt": [("urc_before_prompt", {})],
    "several URCs in one write": [("urc_burst", {})],
    "a URC with a blank line, with CR CR LF": [("urc_blank_line", {}), ("urc_doubled_cr", {})],
    "garbage and 0xFF octets": [("garbage", {}), ("flipped_bits", {})],
    "an answer cut in half": [("cut_answer", {})],
    "CR and LF in writes of their own": [("split_line_ends", {})],
    "echo on, for once or for good": [("echo_on", {}), ("echo_stays", {})],
    "a restart, in text mode": [("reboot", {}), ("reboot_at_command", {"text": "text mode"})],
    "the port gone: idle, amid a command, amid AT+CMGL": [
        ("port_gone", {}),
        ("port_gone_at_command", {}),
        ("port_gone_in_answer", {"command": "+CMGL"}),
    ],
    "515 and 14, a few times and for ever": [
        ("cme_error", {"code": 515, "times": 3}),
        ("cme_error", {"code": 14, "times": 0}),
    ],
    "errors as text": [("textual_errors", {})],
    "PIN, PUK, not ready, no SIM": [
        ("sim_state", {"text": text}) for text in ("SIM PIN", "SIM PUK", "NOT READY", "ABSENT")
    ],
    "registration 0, 2, 3, 5": [("registration", {"code": code}) for code in (0, 2, 3, 5)],
    "memory full, nothing announced": [("memory_full", {}), ("urc_withheld", {})],
    "an SMS between AT+CMGL and AT+CMGD": [("arrival_in_answer", {})],
    "an undecodable PDU among good ones": [("undecodable_pdu", {}), ("invalid_timestamp", {})],
    "a report and a draft in the memory": [("status_report_stored", {}), ("draft_stored", {})],
    "a prompt late, or never": [("late_prompt", {}), ("no_prompt", {})],
    "AT+CMGS refused": [("submit_error", {"code": 500})],
    "a listing slower than 10 s": [("slow_answer", {"command": "+CMGL", "delay_s": 11.0})],
    "a second reader": [("second_reader", {})],
    "SMS shown and not stored": [("direct_delivery", {}), ("flash_sms", {})],
    "deletes refused, slow, or not done": [
        ("cms_error", {"command": "+CMGD"}),
        ("late_answer", {"command": "+CMGD", "times": 0}),
        ("delete_lies", {}),
    ],
    "AT+CFUN? answered OK": [("bare_ok", {"command": "+CFUN"})],
    "a call": [("incoming_call", {})],
    "binary data, cell broadcast": [("mms_notification", {}), ("cell_broadcast", {})],
    "a network that takes 45 s": [("late_answer", {"command": "+CMGS", "delay_s": 45.0})],
    "submitted, the answer lost": [("lost_answer", {"command": "+CMGS"})],
    "a restart in AT+CMGS": [("reboot_in_body", {})],
    "another SIM": [("sim_swapped", {})],
    "another name for the port": [("port_renamed", {})],
    "a speed that is not the port's": [("wrong_speed", {})],
}


@pytest.mark.parametrize("trap", _TRAPS)
def test_every_known_trap_can_be_set(trap):
    """That each fault does what it says is tested below, one test a name."""
    modem = make_modem()

    for name, params in _TRAPS[trap]:
        modem.faults.set(name, **params)
        kind = KINDS[name]
        assert name in modem.faults.names() or (modem.faults.struck[name] and kind.lift is None)


def test_table_describes_every_fault():
    lines = describe().splitlines()

    assert [line.split()[0] for line in lines] == sorted(KINDS)
    assert all(len(line.split()) > 4 for line in lines)


def test_unknown_fault_and_parameter_are_refused():
    faults = make_modem().faults

    with pytest.raises(ValueError, match="mute_at_command"):
        faults.set("mutte")
    with pytest.raises(ValueError, match="tims is not known"):
        faults.set("mute", tims=3)
    with pytest.raises(ValueError, match="times must be a whole number"):
        faults.set("cme_error", times="often")


def test_fault_strikes_from_its_nth_event_on_and_so_many_times():
    modem = make_modem()
    modem.faults.set("cme_error", command="+CSQ", at=2, times=2)

    answers = [b"ERROR" in ask(modem, line) for line in ["AT+CSQ", "AT+CREG?"] + ["AT+CSQ"] * 4]

    assert answers == [False, False, True, True, False, False]
    assert modem.faults.struck["cme_error"] == 2
    assert modem.faults.names() == []


def test_fault_with_times_0_strikes_until_cleared():
    modem = make_modem()
    modem.faults.set("cme_error", times=0)
    assert all(b"ERROR" in ask(modem, "AT") for _ in range(5))

    modem.faults.clear("cme_error")

    assert ask(modem, "AT") == OK


# -- the modem as a whole


def test_mute():
    modem = make_modem()
    modem.faults.set("mute")
    modem.network.send(CITIZEN, NUMBER, "satu")
    assert ask(modem, "AT+CMGF=1") == b""

    modem.faults.clear("mute")

    assert ask(modem, "AT+CMGF?") == b"\r\n+CMGF: 0\r\n" + OK


def test_mute_ends_by_itself():
    modem = make_modem()
    modem.faults.set("mute", delay_s=0.05)
    assert ask(modem, "AT") == b""

    time.sleep(0.06)

    assert ask(modem, "AT") == OK


def test_mute_at_command():
    modem = make_modem()
    modem.faults.set("mute_at_command", command="+CSQ")

    assert ask(modem, "AT") == OK
    assert ask(modem, "AT+CSQ") == b""
    assert ask(modem, "AT") == b""


def test_reboot():
    modem = with_sms("satu")

    modem.faults.set("reboot", delay_s=0.02)

    assert ask(modem, "AT") == b""
    assert hear_until(modem, b"\r\nRDY\r\n") == b"\r\nRDY\r\n"
    assert modem.settings.echo
    assert modem.memories["SM"].used == 1


def test_reboot_at_command():
    modem = make_modem()
    modem.faults.set("reboot_at_command", command="+CMGL", text="text mode")

    assert ask(modem, "AT+CMGL=4") == b""
    hear_until(modem, b"RDY")
    assert ask(modem, "ATE0", "AT+CMGF?") == b"\r\n+CMGF: 1\r\n" + OK


def test_reboot_in_body():
    modem = make_modem()
    modem.faults.set("reboot_in_body")
    _, body = prompt(modem)

    assert tell(modem, body) == b""
    hear_until(modem, b"RDY")
    assert modem.network.submitted_count == 0


def test_reboot_in_answer():
    modem = with_sms("satu")
    modem.faults.set("reboot_in_answer", command="+CMGL")

    said = ask(modem, "AT+CMGL=4")

    assert said.startswith(b"\r\n+CMGL: 1,")
    assert b"OK" not in said
    assert modem.is_off


def test_settings_lost():
    modem = make_modem()

    modem.faults.set("settings_lost")

    assert hear(modem) == b""
    assert ask(modem, "AT+CMGF?") == b"AT+CMGF?\r\r\n+CMGF: 1\r\n" + OK


def test_text_mode():
    modem = with_sms("satu")

    modem.faults.set("text_mode")

    assert b"CMS ERROR" in ask(modem, "AT+CMGL=4")


def test_echo_on():
    modem = make_modem()

    modem.faults.set("echo_on")

    assert ask(modem, "AT") == b"AT\r" + OK


@pytest.fixture
def unplugged():
    """A modem, and how long it was told to vanish each time."""
    modem = with_sms("satu")
    seconds: list[float] = []
    modem.vanish = seconds.append
    return modem, seconds


def test_port_gone(unplugged):
    modem, seconds = unplugged

    modem.faults.set("port_gone", delay_s=3)

    assert seconds == [3.0]
    assert modem.is_off


def test_port_gone_at_command(unplugged):
    modem, seconds = unplugged
    modem.faults.set("port_gone_at_command", command="+CMGD", text="still powered")

    assert ask(modem, "AT+CMGD=1") == b""
    assert seconds == [0.5]
    assert not modem.is_off
    assert modem.memories["SM"].used == 1


def test_port_gone_in_answer(unplugged):
    modem, seconds = unplugged
    modem.faults.set("port_gone_in_answer", command="+CMGL")

    assert b"OK" not in ask(modem, "AT+CMGL=4")
    assert seconds == [0.5]


# -- errors


def test_cme_error():
    modem = make_modem()
    modem.faults.set("cme_error", code=14, times=2)

    assert ask(modem, "AT+CMGF=1") == b"\r\n+CME ERROR: 14\r\n"
    assert ask(modem, "AT+CMGF=1") == b"\r\n+CME ERROR: 14\r\n"
    assert ask(modem, "AT+CMGF?") == b"\r\n+CMGF: 0\r\n" + OK


def test_cms_error():
    modem = with_sms("satu")
    modem.faults.set("cms_error", command="+CMGD", code=320)

    assert ask(modem, "AT+CMGD=1") == b"\r\n+CMS ERROR: 320\r\n"
    assert modem.memories["SM"].used == 1


def test_submit_error():
    modem = make_modem()
    modem.faults.set("submit_error", code=21)
    said, body = prompt(modem)

    assert said == b"\r\n> "
    assert tell(modem, body) == b"\r\n+CMS ERROR: 21\r\n"
    assert modem.network.submitted_count == 0


def test_textual_errors():
    modem = make_modem()
    modem.faults.set("textual_errors")
    modem.faults.set("cme_error", code=14)

    assert ask(modem, "AT") == b"\r\n+CME ERROR: SIM busy\r\n"


def test_urc_withheld():
    modem = make_modem()
    modem.faults.set("urc_withheld")

    modem.network.send(CITIZEN, NUMBER, "satu")

    assert hear(modem) == b""
    assert modem.memories["SM"].used == 1


def test_storage_refuses():
    modem = make_modem()
    modem.faults.set("storage_refuses")
    modem.network.send(CITIZEN, NUMBER, "satu")
    assert modem.memories["SM"].used == 0

    modem.faults.clear()
    modem.network.flush(NUMBER)

    assert modem.memories["SM"].used == 1


def test_delete_lies():
    modem = with_sms("satu")
    modem.faults.set("delete_lies")

    assert ask(modem, "AT+CMGD=1") == OK
    assert modem.memories["SM"].used == 1
    assert ask(modem, "AT+CMGD=1") == OK
    assert modem.memories["SM"].used == 0


# -- SIM and radio


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("SIM PIN", b"\r\n+CPIN: SIM PIN\r\n" + OK),
        ("SIM PUK", b"\r\n+CPIN: SIM PUK\r\n" + OK),
        ("NOT READY", b"\r\n+CPIN: NOT READY\r\n" + OK),
        ("ABSENT", b"\r\n+CME ERROR: 10\r\n"),
    ],
)
def test_sim_state(state, answer):
    modem = with_sms("satu")
    modem.faults.set("sim_state", text=state)

    assert ask(modem, "AT+CPIN?") == answer
    assert b"+CMS ERROR: 31" in ask(modem, "AT+CMGL=4")
    modem.faults.clear("sim_state")
    assert ask(modem, "AT+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK


@pytest.mark.parametrize("stat", [0, 2, 3, 5])
def test_registration(stat):
    modem = make_modem()
    ask(modem, "AT+CREG=1")

    modem.faults.set("registration", code=stat)

    assert hear(modem) == f"\r\n+CREG: {stat}\r\n".encode()
    assert ask(modem, "AT+CREG?") == f"\r\n+CREG: 1,{stat}\r\n".encode() + OK
    modem.network.send(CITIZEN, NUMBER, "satu")
    assert modem.memories["SM"].used == (1 if stat == 5 else 0)
    modem.faults.clear()
    assert modem.memories["SM"].used == 1


def test_signal():
    modem = make_modem()

    modem.faults.set("signal", code=3)

    assert ask(modem, "AT+CSQ") == b"\r\n+CSQ: 3,99\r\n" + OK


# -- what stands in the memories


def test_undecodable_pdu():
    modem = with_sms("satu")

    modem.faults.set("undecodable_pdu", text="0011223344")

    assert b"\r\n+CMGL: 2,0,,4\r\n0011223344\r\n" in ask(modem, "AT+CMGL=4").replace(
        b"\r\n+CMGL: 1", b""
    )


def test_status_report_stored():
    modem = make_modem()

    modem.faults.set("status_report_stored", code=200)

    assert re.search(rb"\+CMGL: 1,0,,\d+\r\n0691\w{10}06C8", ask(modem, "AT+CMGL=4"))


def test_draft_stored():
    modem = make_modem()

    modem.faults.set("draft_stored", times=2)

    assert re.findall(rb"\+CMGL: (\d),(\d),", ask(modem, "AT+CMGL=4")) == [
        (b"1", b"2"),
        (b"2", b"2"),
    ]


def test_memory_full():
    modem = with_sms("satu")

    modem.faults.set("memory_full")
    modem.network.send(CITIZEN, NUMBER, "dua")

    assert hear(modem) == b""
    assert modem.memories["SM"].used == 5
    assert len({message.pdu.hex for message in modem.memories["SM"].slots.values()}) == 5
    assert modem.network.waiting(NUMBER) == 1


# -- prompts


def test_late_prompt():
    modem = make_modem()
    modem.faults.set("late_prompt", delay_s=0.05)
    began = time.monotonic()

    said, body = prompt(modem)

    assert said == b""
    assert hear_until(modem, b"> ") == b"\r\n> "
    assert time.monotonic() - began >= 0.05
    assert b"+CMGS: 0" in tell(modem, body)


def test_no_prompt():
    modem = make_modem()
    modem.faults.set("no_prompt")

    said, _ = prompt(modem)

    assert said == b""
    assert ask(modem, "AT") == b""  # it is part of the body now
    assert tell(modem, b"\x1b") == OK
    assert ask(modem, "AT") == OK


def test_urc_before_prompt():
    modem = make_modem()
    modem.faults.set("urc_before_prompt")

    said, _ = prompt(modem)

    assert said == CMTI + b"\r\n> "
