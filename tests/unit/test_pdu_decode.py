"""What is read out of octets: the table of PDUs, codings, sameness, and parts joined."""

import json
from pathlib import Path
from typing import Any

import pytest
from gsmmodem.pdu import decodeSmsPdu
from msgspec.structs import replace
from tpdu import deliver, gsm7, gsm7_user_data, octet_user_data, pack

from hardware.gsm7 import unpack
from hardware.pdu import decode, join_text, septet_count, tpdu_key
from hardware.sms import Address, Alphabet, Concat, SmsDeliver, Undecodable

CASES = json.loads((Path(__file__).parents[1] / "data" / "pdus.json").read_text())
TRAPS = [case for case in CASES if "package" in case]


def as_json(value: object) -> Any:
    """Return a field in the form that the table has it."""
    match value:
        case Address():
            return value.number
        case Concat():
            return [value.reference, value.width, value.total, value.number]
        case bytes():
            return value.hex().upper()
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
    return value


def read(pdu: bytes) -> SmsDeliver:
    decoded = decode(pdu)
    assert isinstance(decoded, SmsDeliver)
    return decoded


def read_part(user_data: bytes, data_coding: int = 0) -> SmsDeliver:
    return read(deliver(user_data, first_octet=0x44, data_coding=data_coding))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_pdu_has_the_sense_that_the_table_says(case):
    decoded = decode(bytes.fromhex(case["pdu"]), case.get("length"))

    assert type(decoded).__name__ == case["kind"]
    expected = dict(case["expect"])
    if "type_of_number" in expected:
        assert decoded.sender.type_of_number == expected.pop("type_of_number")
    assert {name: as_json(getattr(decoded, name)) for name in expected} == expected


@pytest.mark.parametrize("case", TRAPS, ids=lambda case: case["label"])
def test_the_package_alone_still_gets_it_wrong(case):
    """The reason for a decoder of our own; when this fails the package has been repaired."""
    try:
        seen = {"text": decodeSmsPdu(case["pdu"])["text"]}
    except Exception as error:
        seen = {"raises": type(error).__name__}

    assert seen == case["package"]
    assert seen.get("text") != case["expect"].get("text", ...)


@pytest.mark.parametrize("count", range(8, 161, 8))
def test_an_at_sign_that_ends_a_whole_number_of_octets_is_kept(count):
    """Its septet is zero, and there is no room for a doubt: TP-UDL counts it."""
    text = "x" * (count - 1) + "@"
    pdu = deliver(gsm7_user_data(gsm7(text)))

    assert read(pdu).text == text
    assert decodeSmsPdu(pdu.hex())["text"] == text[:-1]


def test_an_emoji_is_one_character():
    """The package makes two of it, which no store takes."""
    pdu = deliver(octet_user_data("ok 😀".encode("utf-16-be")), data_coding=8)

    assert read(pdu).text == "ok 😀"
    assert decodeSmsPdu(pdu.hex())["text"] == "ok \ud83d\ude00"


@pytest.mark.parametrize("count", range(161))
def test_septets_that_are_zero_bits_are_all_counted(count):
    assert read(deliver(gsm7_user_data(bytes(count)))).text == "@" * count


@pytest.mark.parametrize("header_octets", range(2, 20))
def test_fill_bits_behind_a_header_are_no_text(header_octets):
    """Every remainder by 7 occurs; the package has one of them wrong."""
    header = bytes([0x70, header_octets - 2]) + bytes(header_octets - 2)

    assert read_part(gsm7_user_data(gsm7("BTM 0123456"), header)).text == "BTM 0123456"


@pytest.mark.parametrize("count", range(256))
def test_septets_are_unpacked_as_the_slow_way_packs_them(count):
    septets = bytes((index * 37 + count) % 128 for index in range(count))

    assert unpack(pack(septets), count) == septets


def test_the_alphabet_is_that_of_somebody_else():
    """Against gsmcodecs, all 127 characters and the extension."""
    codes = bytes(code for code in range(128) if code != 0x1B)

    assert read(deliver(gsm7_user_data(codes))).text == codes.decode("gsm23.038")


GSM7, OCTETS, UCS2 = Alphabet.GSM7, Alphabet.OCTETS, Alphabet.UCS2


@pytest.mark.parametrize(
    ("data_codings", "alphabet", "message_class"),
    [
        pytest.param([0x00, 0x0C, 0x40, 0x4C], GSM7, None, id="general, default or reserved"),
        pytest.param([0x10, 0x1C, 0x50], GSM7, 0, id="general, class 0"),
        pytest.param([0x13, 0x53], GSM7, 3, id="general, class 3"),
        pytest.param([0x04, 0x44, 0x07], OCTETS, None, id="general, 8-bit; class bits unused"),
        pytest.param([0x15, 0x55], OCTETS, 1, id="general, 8-bit, class 1"),
        pytest.param([0x08, 0x48, 0x0B], UCS2, None, id="general, UCS-2"),
        pytest.param([0x18, 0x58], UCS2, 0, id="general, UCS-2, class 0"),
        pytest.param([0x20, 0x28, 0x60, 0x6C], OCTETS, None, id="compressed"),
        pytest.param([0x32, 0x3A, 0x72], OCTETS, 2, id="compressed, class 2"),
        pytest.param(range(0x80, 0xC0), GSM7, None, id="reserved groups"),
        pytest.param(range(0xC0, 0xE0), GSM7, None, id="message waiting"),
        pytest.param(range(0xE0, 0xF0), UCS2, None, id="message waiting, UCS-2"),
        pytest.param([0xF0, 0xF8], GSM7, 0, id="class 0"),
        pytest.param([0xF3, 0xFB], GSM7, 3, id="class 3"),
        pytest.param([0xF4, 0xFC], OCTETS, 0, id="8-bit, class 0"),
        pytest.param([0xF7, 0xFF], OCTETS, 3, id="8-bit, class 3"),
    ],
)
def test_data_coding_decides_alphabet_and_class(data_codings, alphabet, message_class):
    octets = bytes.fromhex("00480061006C006F")  # "Halo" in UCS-2
    septets = pack(gsm7("Halo"))
    texts = {GSM7: "Halo", UCS2: "Halo", OCTETS: octets.hex()}

    for data_coding in data_codings:
        user_data = b"\x04" + septets if alphabet is GSM7 else b"\x08" + octets
        decoded = read(deliver(user_data, data_coding=data_coding))

        assert decoded.data_coding == data_coding
        assert (decoded.alphabet, decoded.message_class) == (alphabet, message_class)
        assert decoded.text == texts[alphabet]


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_tpdu_of_another_length_than_its_header_says_is_not_believed(cut):
    pdu = deliver(gsm7_user_data(gsm7("BTM jalan rusak")))

    assert isinstance(decode(pdu[:-cut], len(pdu) - 1), Undecodable)
    assert isinstance(decode(pdu + bytes(cut), len(pdu) - 1), Undecodable)


def test_an_undecodable_says_which_field_and_nothing_of_its_content():
    pdu = deliver(b"")

    decoded = decode(pdu)

    assert decoded == Undecodable("TP-PID to TP-UDL: cut short or too long")


# Sameness


def test_key_is_the_same_for_a_repetition_by_another_smsc_or_with_more_to_come():
    pdu = deliver(gsm7_user_data(gsm7("BTM banjir")))
    by_another_smsc = bytes.fromhex("07912658050000F0") + pdu[1:]
    with_more_to_come = pdu[:1] + bytes([pdu[1] & ~0x04]) + pdu[2:]

    assert tpdu_key(by_another_smsc) == tpdu_key(pdu)
    assert tpdu_key(with_more_to_come) == tpdu_key(pdu)


def test_key_differs_with_every_other_bit():
    """Of the TPDU, from the first octet to the last."""
    pdu = deliver(gsm7_user_data(gsm7("BTM banjir")))
    keys = {tpdu_key(pdu)}

    for bit in range(8, 8 * len(pdu)):
        flipped = bytearray(pdu)
        flipped[bit // 8] ^= 1 << bit % 8
        keys.add(tpdu_key(bytes(flipped)))

    assert len(keys) == 8 * (len(pdu) - 1)  # the pdu itself, and all but TP-MMS


@pytest.mark.parametrize("octets", [b"", b"\x00", b"\x07\x91", b"\xff" * 20])
def test_octets_too_short_for_a_tpdu_have_a_key_of_their_own(octets):
    assert len(tpdu_key(octets)) == 32
    assert tpdu_key(octets) != tpdu_key(octets + b"\x01")


# Parts joined


def test_an_emoji_cut_between_two_parts_is_whole_again():
    octets = "BTM lampu mati 😀 tolong".encode("utf-16-be")
    parts = [
        read_part(octet_user_data(octets[:32], bytes([0, 3, 1, 2, 1])), 8),
        read_part(octet_user_data(octets[32:], bytes([0, 3, 1, 2, 2])), 8),
    ]

    assert [part.text[-1:] for part in parts] == ["\ud83d", "g"]
    assert join_text(parts) == "BTM lampu mati 😀 tolong"


def test_an_escape_cut_between_two_parts_is_whole_again():
    septets = gsm7("BTM harga 5€ {a}")
    cut = septets.index(0x1B) + 1
    parts = [
        read_part(gsm7_user_data(septets[:cut], bytes([8, 4, 9, 9, 2, 1]))),
        read_part(gsm7_user_data(septets[cut:], bytes([8, 4, 9, 9, 2, 2]))),
    ]

    assert parts[0].text == "BTM harga 5 "
    assert join_text(parts) == "BTM harga 5€ {a}"


def test_parts_of_different_alphabets_are_joined():
    first = read_part(gsm7_user_data(gsm7("BTM "), bytes([0, 3, 1, 3, 1])))
    second = read_part(octet_user_data("Jalan ".encode("utf-16-be"), bytes([0, 3, 1, 3, 2])), 8)
    third = read_part(gsm7_user_data(gsm7("rusak"), bytes([0, 3, 1, 3, 3])))

    assert join_text([first, second, third]) == "BTM Jalan rusak"


@pytest.mark.parametrize(
    ("units", "text"),
    [
        pytest.param("a\ud83d", "a\ufffd", id="high at the end"),
        pytest.param("\ude00b", "\ufffdb", id="low at the beginning"),
        pytest.param("\ude00\ud83d", "\ufffd\ufffd", id="in the wrong order"),
        pytest.param("\ud83d\ud83d\ude00", "\ufffd😀", id="one too many"),
    ],
)
def test_a_surrogate_left_alone_is_replaced(units, text):
    """PostgreSQL, SQLite and JSON refuse it."""
    octets = units.encode("utf-16-be", "surrogatepass")

    part = read(deliver(octet_user_data(octets), data_coding=8))

    assert join_text([part]) == text


def test_no_parts_have_no_text():
    assert join_text([]) == ""


def test_join_text_takes_the_order_given():
    part = read(deliver(gsm7_user_data(gsm7("b"))))
    other = replace(part, user_data=b"a", text="a")

    assert join_text([part, other]) == "ba"


# Septets


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("BTM jalan rusak", 15, id="plain"),
        pytest.param("@£§\r\n", 5, id="basic, section sign and line ends included"),
        pytest.param("^{}\\[~]|€", 18, id="the extension counts twice"),
        pytest.param("x" * 1000, 1000, id="long"),
        pytest.param("`", None, id="grave accent, which the package thinks it has"),
        pytest.param("\x1b", None, id="ESC is no character"),
        pytest.param("\f", None, id="form feed, which the package cannot send"),
        pytest.param("Jalan “rusak”", None, id="typographic quotes"),
        pytest.param("ok 😀", None, id="emoji"),
    ],
)
def test_septets_are_counted(text, count):
    assert septet_count(text) == count
