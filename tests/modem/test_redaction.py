"""Redaction: nothing of a person survives in what is written down of a line; lengths and shapes stay."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hardware import pdu
from hardware.redaction import Redactor
from hardware.simulator.codec import (
    Shape,
    encode_deliver,
    encode_report,
    encode_submit,
    split_text,
    store_pdu,
)
from hardware.sms import SmsDeliver, SmsStatusReport
from hardware.stand_ins import hide_text
from hardware.transcript import Turn, redact

CITIZEN = "+6281234567890"
AT = datetime(2025, 10, 8, 8, 40, 40, tzinfo=UTC)
NUMBERS = st.from_regex(r"\+?[1-9][0-9]{5,14}", fullmatch=True)
TEXTS = st.text(
    st.one_of(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), st.sampled_from("éñ€[]жя山😀")),
    min_size=1, max_size=300,
)  # fmt: skip


def _runs(text: str) -> set[str]:
    return set(re.findall(r"\d{6,}", text))


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]{3,}", text) if set(word) - set("xXéЖ")}


@settings(max_examples=50, deadline=None)
@given(sender=NUMBERS, text=TEXTS, width=st.sampled_from((8, 16)))
def test_no_number_and_no_text_survives_in_a_pdu_that_decodes_still(
    sender: str, text: str, width: int
) -> None:
    redactor = Redactor()
    for body in split_text(text, 7, Shape(reference_width=width)):
        stored = store_pdu("+6281100000", encode_deliver(sender, body, AT))
        before = pdu.decode(bytes.fromhex(stored.hex), stored.length)
        line = f"+CMGL: 1,0,,{stored.length}\r\n{stored.hex}\r\n"

        after_line = redactor.redact(line)

        shown = after_line.split("\r\n")[1]
        after = pdu.decode(bytes.fromhex(shown), stored.length)
        assert isinstance(before, SmsDeliver)
        assert isinstance(after, SmsDeliver)
        assert len(after_line) == len(line)
        assert (after.alphabet, after.concat, len(after.user_data)) == (
            before.alphabet, before.concat, len(before.user_data),
        )  # fmt: skip
        assert after.sender.type_of_number == before.sender.type_of_number
        assert len(after.sender.number) == len(before.sender.number)
        digits = before.sender.number.lstrip("+")
        assert digits not in after.sender.number or digits == "000001".zfill(len(digits))
        assert not _runs(before.text) & _runs(after.text) - {"0" * n for n in range(6, 200)}
        assert not _words(before.text) & _words(after.text)


@settings(max_examples=40, deadline=None)
@given(number=NUMBERS, text=TEXTS)
def test_no_number_and_no_text_survives_in_a_line(number: str, text: str) -> None:
    text = text.replace('"', "")
    said = (
        f'\r\n+CMGL: 1,"REC READ","{number}",,"25/10/08,15:40:40+28"\r\nBTM {text}\r\n'
        f'\r\n+CNUM: "Budi","{number}",145\r\n+CLIP: "{number}",145\r\n+CUSD: 0,"Halo {text}",15\r\n{number}\r\n'
    ).encode("latin-1", "replace").decode("latin-1")  # fmt: skip

    hidden = Redactor().redact(said)

    assert len(hidden) == len(said)
    assert not _runs(number) & _runs(hidden) - {"000001", "0000001"}
    assert "Budi" not in hidden
    assert not (_words(text) - {"REC", "READ", "CMGL", "CNUM", "CLIP", "CUSD"}) & _words(hidden)


def test_a_ussd_answer_of_several_lines_is_hidden_to_its_end() -> None:
    said = '+CUSD: 0,"Hai BUDI\r\nPulsa Rp5.000\r\nNIK 1234 Batam",15\r\n\r\nOK\r\n+CSQ: 17,99\r\n'

    hidden = Redactor().redact(said)

    assert hidden == (
        '+CUSD: 0,"Xxx XXXX\r\nXxxxx Xx0.000\r\nXXX 0000 Xxxxx",15\r\n\r\nOK\r\n+CSQ: 17,99\r\n'
    )


def test_a_text_that_begins_like_a_command_is_hidden() -> None:
    said = '+CMT: "+6281234567890",,"25/10/08,15:40:40+28"\r\nATAS NAMA BUDI\r\nlorong tiga\r\n'

    hidden = Redactor().redact(said)

    assert hidden.endswith("\r\nXXXX XXXX XXXX\r\nxxxxxx xxxx\r\n")


def test_reports_drafts_and_nonsense_are_hidden_too() -> None:
    redactor = Redactor()
    report = store_pdu("+6281100000", encode_report(7, CITIZEN, at=AT, discharged_at=AT, status=0))
    draft = store_pdu("", encode_submit(CITIZEN, "konsep surat"))

    shown = pdu.decode(redactor.redact_pdu(bytes.fromhex(report.hex)))
    hidden_draft = redactor.redact_pdu(bytes.fromhex(draft.hex))
    nonsense = redactor.redact_pdu(bytes.fromhex("07FF00" + "12345678" * 3))

    assert isinstance(shown, SmsStatusReport)
    assert (shown.reference, shown.status) == (7, 0)
    assert shown.recipient.number != CITIZEN
    assert len(hidden_draft) == len(draft.hex) // 2
    assert "konsep" not in repr(pdu.gsm7.unpack(hidden_draft[13:], 12))
    assert nonsense == bytes.fromhex("07FF") + bytes(13)


def test_the_same_number_has_the_same_stand_in() -> None:
    said = (
        Redactor().redact("351700017080086\r\n+6281234567890\r\n351700017080086\r\n").split("\r\n")
    )

    assert said[0] == said[2] != said[1]


def test_a_hidden_text_keeps_its_shape() -> None:
    assert hide_text("BTM Jl. Raja 12, é!") == "XXX Xx. Xxxx 00, é!"


# --- whole dialogues: every way in which a message comes ------------------------------------------

WORDS = st.text(alphabet="abcdefghijklmnoprstuvwyzABDEFGHIJLOPRTUVWYZ", min_size=4, max_size=12)
SUBSCRIBERS = st.from_regex(
    r"\+?[2-9]{8,14}", fullmatch=True
)  # no chance that a stand-in looks like one
LINES = st.one_of(
    WORDS,
    st.lists(st.one_of(WORDS, SUBSCRIBERS), min_size=1, max_size=4).map(" ".join),
    st.sampled_from(("OK", "ERROR", "", "> ", "RING", "AT", "+CSQ: 17,99", "^BOOT: 1")),
    WORDS.map("AT+{}".format), WORDS.map("+{}: rumah".format), WORDS.map("+CMS ERROR: {}".format),
    WORDS.map("AT+CMGR=1 {}".format), WORDS.map('+CMT: {} "tetangga"'.format), WORDS.map("^{}: 1".format),
    WORDS.map(lambda word: word.encode().hex()), SUBSCRIBERS.map("+CMGL: {}".format),
)  # fmt: skip
MESSAGES = st.lists(LINES, min_size=1, max_size=6).map("\r\n".join)
BEFORE = "AT+CSQ\r\r\n+CSQ: 17,99\r\n\r\nOK\r\n"
AFTER = '\r\n+CREG: 0,1\r\n\r\nOK\r\n\r\n+CPMS: "SM",1,20,"SM",1,20,"SM",1,20\r\n\r\nOK\r\n'
FRAMES = {
    "listed as text": '\r\n+CMGL: 3,"REC READ","{number}",,"25/10/08,15:40:40+28"\r\n{text}\r\n\r\nOK\r\n',
    "read as text": '\r\n+CMGR: "REC UNREAD","{number}",,"25/10/08,15:40:40+28"\r\n{text}\r\n\r\nOK\r\n',
    "shown as text": '\r\n+CMT: "{number}",,"25/10/08,15:40:40+28"\r\n{text}\r\n',
    "with a garbled header": '\r\n+C\xffGL: 3,"REC READ","{number}",,"25/10/08,15:40:40+28"\r\n{text}\r\n\r\nOK\r\n',
    "asked by USSD": '\r\n+CUSD: 0,"{text}",15\r\n',
    "listed": "\r\n+CMGL: 3,1,,{length}\r\n{pdu}\r\n\r\nOK\r\n",
    "read": "\r\n+CMGR: 0,,{length}\r\n{pdu}\r\n\r\nOK\r\n",
    "shown": "\r\n+CMT: ,{length}\r\n{pdu}\r\n",
    "damaged": "\r\n+CMGL: 3,1,,{length}\r\n{damaged}\r\n\r\nOK\r\n",
}  # fmt: skip
OWN_WORDS = set(re.findall(r"[A-Za-z]{3,}", BEFORE + AFTER + " ".join(FRAMES.values())))
OWN_WORDS |= {"AT", "RING", "BOOT", "ERROR"}


def _secrets(text: str) -> set[str]:
    words = set(re.findall(r"[A-Za-z]{4,}", text)) - OWN_WORDS
    return _runs(text) | {word for word in words if set(word) - set("xX")}


def _swapped(number: str) -> str:
    """Return the whole semi-octet pairs of a number as they stand in a PDU."""
    digits = number.lstrip("+")
    return "".join(digits[n + 1] + digits[n] for n in range(0, len(digits) - 1, 2))


@pytest.mark.parametrize("way", FRAMES)
@settings(max_examples=60, deadline=None)
@given(number=SUBSCRIBERS, text=MESSAGES)
@example(number=CITIZEN, text="Tolong\r\nOK\r\nrumah Wulandari\r\n\r\nOK\r\nAT+WULANDARI")
def test_nothing_of_a_message_survives_however_it_comes(way: str, number: str, text: str) -> None:
    sms = encode_deliver(number, split_text(text[:60].replace("\r", " "), 7, Shape())[0], AT)
    stored = store_pdu("+6281100000", sms)
    damaged = stored.hex[:-9] + "?" + stored.hex[-8:]
    frame = FRAMES[way].format(
        number=number, text=text, length=stored.length, pdu=stored.hex, damaged=damaged
    )
    said = BEFORE + frame + AFTER

    shown = Redactor().redact(said)

    assert len(shown) == len(said)
    assert shown.startswith(BEFORE)
    assert [m.start() for m in re.finditer(r"[\r\n]", shown)] == [
        m.start() for m in re.finditer(r"[\r\n]", said)
    ]
    if "USSD" not in way:  # one that is never closed may go on for ever
        assert shown.endswith(AFTER)
    secrets = (
        _secrets(text) | _runs(number)
        if "{text}" in FRAMES[way]
        else {stored.hex[-40:], _swapped(number)}
    )
    assert not {secret for secret in secrets if secret in shown}


TP_DCS = 12  # of an SMS without SMSC from that citizen
SEPTETS = (0x00, 0x0C)


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abdefghij", min_size=1, max_size=60), rest=st.binary(min_size=4, max_size=40),
       coding=st.sampled_from((0x00, 0x04, 0x08, 0x20, 0x0C, 0x80, 0xF4)))  # fmt: skip
def test_nothing_survives_behind_the_end_of_a_text(text: str, rest: bytes, coding: int) -> None:
    """Octets behind TP-UDL belong to no text, and may be those of another one."""
    tpdu = encode_deliver(CITIZEN, split_text(text, 7, Shape())[0], AT)
    sms = bytearray.fromhex(store_pdu("", tpdu).hex)
    sms[TP_DCS] = coding
    if coding not in SEPTETS:
        sms[TP_DCS + 8] = len(sms) - TP_DCS - 9

    hidden = Redactor().redact_pdu(bytes(sms) + rest)

    assert len(hidden) == len(sms) + len(rest)
    assert hidden[len(sms) :] == bytes(len(rest))


def test_a_header_keeps_what_joins_parts_and_nothing_that_names_somebody() -> None:
    """23.040 section 9.2.3.24.17: a reply address stands in the header of the user data."""
    header = bytes.fromhex("0003070201" + "2207" + "91261892547367")
    body = bytes([len(header)]) + header + b"Budi"
    head = bytes.fromhex("0040" + "0D91261832547698F0" + "0004" + "52018051000082")
    stored = head + bytes([len(body)]) + body

    hidden = Redactor().redact_pdu(stored)

    assert bytes.fromhex("0E0003070201" + "2207" + "00" * 7) in hidden
    assert b"Budi" not in hidden
    assert len(hidden) == len(stored)


def test_a_text_that_says_that_it_is_a_header_is_none() -> None:
    head = bytes.fromhex("0040" + "0D91261832547698F0" + "0004" + "52018051000082")
    stored = head + bytes([9, 40]) + b"Budi Ani"

    hidden = Redactor().redact_pdu(stored)

    assert hidden[-8:] == bytes(8)


@pytest.mark.parametrize("command", [
    'AT+CPIN="4711"', 'AT+CMEE=1;+CPIN="4711"', 'at+cpin=4711', 'AT+CPIN2="4711"', 'AT+CPWD="P2","4711","4711"',
    'AT+CLCK="SC",0,"4711"',
])  # fmt: skip
def test_no_pin_is_written_down_however_it_is_entered(command: str) -> None:
    turns = redact([Turn(True, f"{command}\r"), Turn(False, f"{command}\r\r\nOK\r\n")])

    assert "4711" not in "".join(turn.said for turn in turns)


def test_what_we_send_is_hidden_and_our_commands_are_not() -> None:
    said = [
        'AT+CMGF=1\r', 'AT+CMGS="+6281234567890"\r', "ATAS NAMA BUDI\rrumah tiga\x1a", "AT+CSQ\r",
        'AT+CMGS="081234567890"\r', "\x1bATS7=132\r", "Halo Budi\r",
    ]  # fmt: skip

    shown = [turn.said for turn in redact([Turn(True, each) for each in said])]

    assert shown == [
        'AT+CMGF=1\r', 'AT+CMGS="+0000000000001"\r',
        "XXXX XXXX XXXX\rxxxxx xxxx\x1a", "AT+CSQ\r",
        'AT+CMGS="000000000002"\r', "\x1bATS7=132\r", "Xxxx Xxxx\r",
    ]  # fmt: skip
