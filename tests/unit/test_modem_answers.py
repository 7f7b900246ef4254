"""Reading what a modem wrote, and telling URCs from answers: no port needed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import answers
from hardware.dialogue import LINE_CHARACTERS_MAX, Dialogue, Exchange, Urc
from hardware.profiles import profile_for
from hardware.urc import UrcKind, kind_of

PDU = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('+CMTI: "SM",3', UrcKind.ARRIVED),
        ('+CMTI:"SM",3', UrcKind.ARRIVED),
        ('+CDSI: "SR",3', UrcKind.ARRIVED),
        ("+CMT: ,24", UrcKind.DIRECT),
        ("+CDS: 25", UrcKind.REPORT),
        ("+CBM: 88", UrcKind.BROADCAST),
        ("RING", UrcKind.CALL),
        ("+CRING: VOICE", UrcKind.CALL),
        ('+CLIP: "+62811",145', UrcKind.CALL),
        ("RDY", UrcKind.RESTARTED),
        ("^SYSSTART", UrcKind.RESTARTED),
        ("+CFUN: 1", UrcKind.SETTLING),
        ("Call Ready", UrcKind.SETTLING),
        ("SMS Ready", UrcKind.SETTLING),
        ("^BOOT:20952548,0,0,0,75", UrcKind.SETTLING),
        ('^SMMEMFULL: "SM"', UrcKind.FULL),
        ("^RSSI:17", UrcKind.OTHER),
        ('+CUSD: 0,"x",15', UrcKind.OTHER),
        ("+CREG: 1", UrcKind.OTHER),
        ("*PSUTTZ: 2026", UrcKind.OTHER),
        ("OK", None),
        ("ERROR", None),
        ("+CMS ERROR: 321", None),
        ("+CMGL: 1,0,,24", None),
        ("+CMGS: 4", None),
        ("+CSQ: 17,99", None),
        (PDU, None),
    ],
)
def test_a_line_is_known_by_its_content(line, kind):
    assert kind_of(line) is kind


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("AT+CPIN?", "+CPIN: READY"),
        ("AT+CFUN?", "+CFUN: 1"),
        ("AT+CREG?", "+CREG: 0,1"),
        ("AT^SIMST?", "^SIMST:1"),
    ],
)
def test_what_begins_as_the_command_does_is_its_answer(command, line):
    heard: list[Urc] = []
    dialogue = Dialogue(heard.append)
    exchange = dialogue.exchange = Exchange(command)

    dialogue.feed(f"\r\n{line}\r\n\r\nOK\r\n")

    assert exchange.lines == [line, "OK"]
    assert heard == []


def test_the_same_line_unasked_is_a_urc():
    heard: list[Urc] = []

    Dialogue(heard.append).feed("\r\n+CPIN: READY\r\n")

    assert [urc.kind for urc in heard] == [UrcKind.SETTLING]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=40))
def test_cutting_the_octets_elsewhere_changes_nothing(sizes):
    text = f'\r\n+CMGL: 1,0,,30\r\n{PDU}\r\n+CMTI: "SM",4\r\n\r\n+CMT: ,30\r\n{PDU}\r\n\r\nOK\r\n\r\nRING\r\n'
    heard: list[Urc] = []
    dialogue = Dialogue(heard.append)
    exchange = dialogue.exchange = Exchange("AT+CMGL=4")

    position, turn = 0, 0
    while position < len(text):
        size = sizes[turn % len(sizes)]
        dialogue.feed(text[position : position + size])
        position, turn = position + size, turn + 1

    assert exchange.lines == ["+CMGL: 1,0,,30", PDU, "OK"]
    assert [(urc.kind, urc.body) for urc in heard] == [
        (UrcKind.ARRIVED, None),
        (UrcKind.DIRECT, PDU),
        (UrcKind.CALL, None),
    ]


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=400))
def test_no_octets_upset_the_dialogue(text):
    dialogue = Dialogue(lambda _urc: None)
    dialogue.exchange = Exchange("AT+CMGS=12", wants_prompt=True)

    dialogue.feed(text)
    dialogue.feed("\r\n")
    exchange = dialogue.exchange = Exchange("AT+CSQ")
    dialogue.feed("\r\n\r\n+CSQ: 17,99\r\n\r\nOK\r\n")

    assert exchange.lines[-1:] == ["OK"] or dialogue._is_skipping is False


def test_a_line_too_long_is_dropped_whole():
    dialogue = Dialogue(lambda _urc: None)
    exchange = dialogue.exchange = Exchange("AT+CSQ")

    dialogue.feed("x" * (LINE_CHARACTERS_MAX + 1))
    dialogue.feed("OK\r\n+CSQ: 1,99\r\nOK\r\n")

    assert exchange.lines == ["+CSQ: 1,99", "OK"]


@pytest.mark.parametrize(
    ("line", "code", "sense"),
    [
        ("+CMS ERROR: 321", 321, "invalid memory index"),
        ("+CME ERROR: SIM busy", 14, "SIM busy"),
        ("+CME ERROR: sim failure", 13, "SIM failure"),
        ("+CMS ERROR: 777", 777, "a code without a name here"),
        ("ERROR", None, "no reason given"),
    ],
)
def test_an_error_is_read_in_numbers_and_in_words(line, code, sense):
    refused = answers.read_error(line)

    assert (refused.code, refused.sense) == (code, sense)


@pytest.mark.parametrize(
    "header",
    [
        "+CMGL: 1,0,,30",
        "+CMGL:1,0,,30",
        '+CMGL: 1,0,"",30',
        '+CMGL: 1,0,"Ali, Pak",30',
        "+CMGL: 1,0,30",
        "+CMGL: 1, 0, , 30",
    ],
)
def test_a_header_is_read_in_all_its_forms(header):
    (pair,) = answers.read_listing([header, PDU]).pairs

    assert (pair.index, pair.stat, pair.length, pair.pdu) == (1, 0, 30, bytes.fromhex(PDU))


@pytest.mark.parametrize(
    ("lines", "found", "has_orphan"),
    [
        pytest.param(["+CMGL: 1,0,,30", PDU[:-2]], {1: None}, False, id="PDU too short"),
        pytest.param(["+CMGL: 1,0,,30", PDU + "00"], {1: None}, False, id="PDU too long"),
        pytest.param(["+CMGL: 1,0,,30"], {1: None}, False, id="no PDU"),
        pytest.param(["+CMGL: 1,0,,3"], {1: None}, False, id="header cut"),
        pytest.param(["+CMGL: 1"], {1: None}, False, id="header cut behind the index"),
        pytest.param(["+CMGL: ,0,,30", PDU], {}, True, id="index lost"),
        pytest.param([PDU], {}, True, id="header lost"),
        pytest.param(
            ["+CMGL: 1,0,,30", PDU, PDU], {1: PDU}, True, id="header between two PDUs lost"
        ),
        pytest.param(
            ["+CMGL: 1,0,,30", "noise", PDU], {1: None}, True, id="another line before the PDU"
        ),
        pytest.param(
            ["+CMGL: 1,0,,30", PDU, "noise"], {1: PDU}, False, id="another line behind the PDU"
        ),
        pytest.param(
            ["+CMGL: 1,0,,30", PDU, "+CMGL: 1,0,,30", PDU], {1: None}, False, id="an index twice"
        ),
        pytest.param(
            ["+CMGL: 12,0,,30", PDU, "+CMGL: 2,0,,30", PDU],
            {2: None, 12: None},
            False,
            id="out of order",
        ),
        pytest.param([], {}, False, id="empty"),
    ],
)
def test_what_is_damaged_is_told_by_index_or_as_disorder(lines, found, has_orphan):
    reading = answers.read_listing(lines)

    assert {pair.index: pair.pdu and pair.pdu.hex().upper() for pair in reading.pairs} == found
    assert reading.has_orphan is has_orphan


def test_a_text_mode_listing_is_told_as_such():
    reading = answers.read_listing(
        ['+CMGL: 1,"REC READ","+62811",,"26/11/22,10:00:00+28"', "Hello"]
    )

    assert reading.is_text_mode


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255), max_size=60), max_size=12))
def test_nothing_a_modem_writes_makes_a_reader_raise(lines):
    answers.read_listing(lines)
    answers.read_one(lines, 1)
    answers.read_usage(lines)
    answers.read_memories(lines)
    answers.read_numbers(lines, "+CNMI")
    answers.read_signal(lines)
    answers.read_registration(lines)
    answers.read_operator(lines)
    answers.read_digits(lines)
    answers.read_text(lines)
    for line in lines:
        answers.read_error(line)
        answers.read_direct_length(line)
        answers.replaces_in_place(line.encode("latin-1"))


@pytest.mark.parametrize(
    ("pdu", "is_replaceable"),
    [
        ("07911326040000F0040B911346610089F64100", True),
        ("07911326040000F0040B911346610089F64700", True),
        ("07911326040000F0040B911346610089F64800", False),
        ("07911326040000F0040B911346610089F60000", False),
        ("00040B911346610089F64100", True),
        ("00060B911346610089F64100", False),
        ("00", False),
        ("", False),
    ],
)
def test_a_message_that_the_network_may_replace_is_known(pdu, is_replaceable):
    assert answers.replaces_in_place(bytes.fromhex(pdu)) is is_replaceable


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("SIMCOM_Ltd", "SIMCOM_SIM800C", "sim800"),
        ("SIMCOM_Ltd", "SIMCOM_SIM900", "sim900"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E", "generic"),
        ("Quectel", "EC25", "quectel"),
        ("huawei", "E173", "huawei"),
        ("", "", "generic"),
    ],
)
def test_a_model_gets_only_the_facts_that_are_known_of_it(maker, model, name):
    assert profile_for(maker, model).name == name


def test_an_octet_lost_anywhere_never_moves_a_message():
    """Each octet of a listing is dropped, and each is changed: no message is found under another's index."""
    chance = random.Random(7)
    pdus = {index: PDU[:-2] + f"{index:02X}" for index in (1, 2, 9, 10, 11, 12, 21)}
    text = (
        "".join(f"\r\n+CMGL: {index},0,,30\r\n{pdu}" for index, pdu in pdus.items())
        + "\r\n\r\nOK\r\n"
    )
    known = {bytes.fromhex(pdu): index for index, pdu in pdus.items()}

    for position in range(len(text)):
        for spoilt in (
            text[:position] + text[position + 1 :],
            text[:position] + chr(chance.randrange(256)) + text[position + 1 :],
        ):
            dialogue = Dialogue(lambda _urc: None)
            exchange = dialogue.exchange = Exchange("AT+CMGL=4")
            dialogue.feed(spoilt)
            for pair in answers.read_listing(exchange.lines).pairs:
                if pair.pdu in known and known[pair.pdu] != pair.index:
                    # a changed digit that still ascends cannot be seen: 9 read as 8, the last 21 as 91
                    assert is_within_its_neighbours(pair.index, known[pair.pdu], sorted(pdus)), (
                        position,
                        spoilt,
                    )


def is_within_its_neighbours(seen: int, true: int, indices: list[int]) -> bool:
    at = indices.index(true)
    below = indices[at - 1] if at else 0
    above = indices[at + 1] if at + 1 < len(indices) else 10**9
    return below < seen < above
