"""Faults of answers and URCs: late, lost, doubled, cut, garbled, in the wrong place."""

from __future__ import annotations

import re
import time

import pytest
from faulty_modem import CMTI, OK, prompt, with_sms, writes
from simulated_line import CITIZEN, NUMBER, ask, hear, hear_until, make_modem, tell

# -- answers


def test_late_answer():
    modem = make_modem()
    modem.faults.set("late_answer", command="+CSQ", delay_s=0.05)

    assert ask(modem, "AT+CSQ", "AT+CMGF?") == b""
    assert hear_until(modem, b"CMGF: 0\r\n" + OK) == (
        b"\r\n+CSQ: 21,99\r\n" + OK + b"\r\n+CMGF: 0\r\n" + OK
    )


def test_commands_wait_for_a_late_answer():
    modem = with_sms("satu")
    modem.faults.set("late_answer", command="+CSQ", delay_s=0.05)

    ask(modem, "AT+CSQ", "AT+CMGD=1")

    assert modem.memories["SM"].used == 1
    hear_until(modem, OK + OK)
    assert modem.memories["SM"].used == 0


def test_lost_answer():
    modem = with_sms("satu")
    modem.faults.set("lost_answer", command="+CMGD")

    assert ask(modem, "AT+CMGD=1") == b""
    assert modem.memories["SM"].used == 0


def test_lost_answer_after_a_body_has_submitted():
    modem = make_modem()
    modem.faults.set("lost_answer", command="+CMGS")
    said, body = prompt(modem)

    assert said == b"\r\n> "
    assert tell(modem, body) == b""
    assert modem.network.submitted_count == 1


def test_doubled_answer():
    modem = make_modem()
    modem.faults.set("doubled_answer")

    assert ask(modem, "AT+CMGF?") == (b"\r\n+CMGF: 0\r\n" + OK) * 2


def test_cut_answer():
    modem = make_modem()
    modem.faults.set("cut_answer", count=5)

    assert ask(modem, "AT+CMGF?") == b"\r\n+CM"


def test_split_line_ends():
    modem = make_modem()
    modem.faults.set("split_line_ends", delay_s=0)

    assert writes(modem, "AT") == [b"\r", b"\nOK\r", b"\n"]


def test_drip():
    modem = make_modem()
    modem.faults.set("drip")

    assert writes(modem, "AT") == [b"\r", b"\n", b"O", b"K", b"\r", b"\n"]


def test_slow_answer():
    modem = with_sms("satu")
    modem.faults.set("slow_answer", delay_s=0.01)
    began = time.monotonic()

    assert ask(modem, "AT+CMGL=4") == b""
    hear_until(modem, OK)
    assert time.monotonic() - began >= 0.05


def test_garbage():
    modem = make_modem()
    modem.faults.set("garbage", count=5)

    said = ask(modem, "AT")

    before, answer, after = said.partition(OK)
    assert answer == OK
    assert b"\xff" in before
    assert b"\xff" in after


def test_flipped_bits():
    modem = make_modem()
    modem.faults.set("flipped_bits", count=2)

    said = ask(modem, "AT+CMGF?")

    assert bytes(octet & 0x7F for octet in said) == b"\r\n+CMGF: 0\r\n" + OK
    assert sum(octet >= 0x80 for octet in said) == 2


@pytest.mark.parametrize(
    ("count", "pattern"),
    [
        pytest.param(1, rb"\r\n\+CMGL: 1,.*?\r\n\r\n\+CMTI", id="between header and PDU"),
        pytest.param(2, rb"\r\n\+CMGL: 1,.*?\r\n\w+\r\n\r\n\+CMTI", id="after the PDU"),
        pytest.param(99, rb"\r\nOK\r\n\r\n\+CMTI", id="past the end: at the end"),
    ],
)
def test_urc_in_answer(count, pattern):
    modem = with_sms("satu", "dua")
    modem.faults.set("urc_in_answer", count=count)

    assert re.search(pattern, ask(modem, "AT+CMGL=4"))


def test_urc_burst():
    modem = make_modem()
    modem.faults.set("urc_burst", count=3)

    (said,) = writes(modem, "AT")

    assert said == CMTI + CMTI.replace(b"1", b"2") + CMTI.replace(b"1", b"3") + OK


def test_arrival_in_answer():
    modem = with_sms("satu")
    modem.faults.set("arrival_in_answer")

    said = ask(modem, "AT+CMGL=4")

    assert said.count(b"+CMGL:") == 1
    assert said.endswith(b'\r\n+CMTI: "SM",2\r\n')
    assert modem.memories["SM"].used == 2


def test_listed_twice():
    modem = with_sms("satu", "dua")
    modem.faults.set("listed_twice")

    assert re.findall(rb"\+CMGL: (\d)", ask(modem, "AT+CMGL=4")) == [b"1", b"1", b"2"]


# -- URCs


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("urc_blank_line", CMTI + b"\r\n"),
        ("urc_doubled_cr", b'\r\n+CMTI: "SM",1\r\r\n'),
        ("urc_lost", b""),
    ],
)
def test_urc_is_reshaped(name, said):
    modem = make_modem()
    modem.faults.set(name)

    modem.network.send(CITIZEN, NUMBER, "satu")

    assert hear(modem) == said


def test_urc_in_halves():
    modem = make_modem()
    modem.faults.set("urc_in_halves", delay_s=0.02)

    modem.network.send(CITIZEN, NUMBER, "satu")

    assert hear(modem) == CMTI[: len(CMTI) // 2]
    assert hear_until(modem, b"\n") == CMTI[len(CMTI) // 2 :]
