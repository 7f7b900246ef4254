"""The simulator's codec, held against programs and octets that are not ours."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from smspdudecoder.easy import read_incoming_sms

from hardware.simulator.alphabet import decode_septets, encode_septets, pack_septets
from hardware.simulator.codec import (
    Shape,
    SubmitError,
    decode_body,
    decode_deliver,
    decode_submit,
    encode_address,
    encode_deliver,
    encode_timestamp,
    split_text,
    store_pdu,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from gsmmodem.pdu import decodeSmsPdu, encodeSmsSubmitPdu

WIB = timezone(timedelta(hours=7))
AT = datetime(2026, 3, 9, 8, 5, 7, tzinfo=WIB)
WHOLE_ALPHABET = "".join(decode_septets([code]) for code in range(128) if code != 0x1B)
EXTENSION = "^{}\\[~]|€"
TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), max_codepoint=0x1FFFF), min_size=1, max_size=500
)
PHONES = [Shape(), Shape(reference_width=16)]


def join(text: str, shape: Shape) -> str:
    parts = [decode_body(body)[0] for body in split_text(text, 7, shape)]
    return "".join(parts).encode("utf-16-be", "surrogatepass").decode("utf-16-be")


def test_septets_are_packed_as_in_the_specification():
    """23.038 leaves it to everyone's favourite example."""
    septets = encode_septets("hellohello")

    assert septets is not None
    assert pack_septets(septets).hex().upper() == "E8329BFD4697D9EC37"


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        pytest.param("+6281234567890", "0D91261832547698F0", id="international, odd"),
        pytest.param("1708", "04817180", id="short code"),
        pytest.param("+62812345678", "0B912618325476F8", id="international, shorter"),
    ],
)
def test_addresses_follow_23040(number, octets):
    assert encode_address(number).hex().upper() == octets


def test_name_of_a_sender_is_counted_in_semi_octets():
    """Nine letters are 63 bits: 16 semi-octets (23.040 section 9.1.2.5)."""
    assert encode_address("TELKOMSEL")[:2] == b"\x10\xd0"


@pytest.mark.parametrize(
    ("zone", "octet"),
    [
        pytest.param(timedelta(hours=7), 0x82, id="west Indonesia"),
        pytest.param(timedelta(hours=9), 0x63, id="east Indonesia"),
        pytest.param(timedelta(hours=5, minutes=45), 0x32, id="three quarters of an hour"),
        pytest.param(-timedelta(hours=3, minutes=30), 0x49, id="west of Greenwich: sign in bit 3"),
    ],
)
def test_timestamp_keeps_its_zone(zone, octet):
    stamp = encode_timestamp(AT.astimezone(timezone(zone)))

    assert stamp[6] == octet


def test_timestamp_swaps_its_digits():
    assert encode_timestamp(AT).hex() == "62309080507082"


@pytest.mark.parametrize(
    ("text", "shape", "counts"),
    [
        pytest.param("a" * 160, Shape(), [160], id="160 septets fit"),
        pytest.param("a" * 161, Shape(), [160, 15], id="161 do not"),
        pytest.param("a" * 306, Shape(), [160, 160], id="twice 153"),
        pytest.param("a" * 152 + "€" + "b" * 9, Shape(), [159, 18], id="ESC is not cut off"),
        pytest.param(
            "a" * 152 + "€" + "b" * 9, Shape(is_cutting_pairs=True), [160, 17], id="ESC is cut off"
        ),
        pytest.param("ж" * 70, Shape(), [140], id="70 units fit"),
        pytest.param("ж" * 71, Shape(), [140, 14], id="71 do not"),
        pytest.param("ж" * 66 + "😀" * 3, Shape(), [138, 18], id="a surrogate pair is kept"),
        pytest.param(
            "ж" * 66 + "😀" * 3, Shape(is_cutting_pairs=True), [140, 16], id="a pair is cut"
        ),
        pytest.param("a" * 305, Shape(reference_width=16), [160, 160, 9], id="152 septets"),
        pytest.param("ж" * 133, Shape(reference_width=16), [139, 139, 9], id="66 units"),
    ],
)
def test_long_text_is_split_as_a_phone_does(text, shape, counts):
    bodies = split_text(text, 7, shape)

    assert [body.length for body in bodies] == counts


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, shape=st.sampled_from(PHONES))
def test_text_survives_the_round_trip(text, shape):
    assert join(text, shape) == text


@settings(max_examples=60, deadline=None)
@given(text=st.text(WHOLE_ALPHABET + EXTENSION, min_size=1, max_size=70))
def test_another_decoder_reads_our_deliver(text):
    (body,) = split_text(text, 0, Shape())
    assume(body.length % 8 != 7)  # there it takes the seven spare bits for an @
    pdu = store_pdu("+6281100000", encode_deliver("+6281234567890", body, AT)).hex

    message = read_incoming_sms(pdu)

    assert message["content"] == text
    assert message["sender"] == "+6281234567890"
    assert message["date"].astimezone(UTC) == AT.astimezone(UTC)


def test_another_decoder_reads_our_parts():
    bodies = split_text("jalan rusak " * 20, 200, Shape())
    pdus = [store_pdu("+6281100000", encode_deliver("TELKOMSEL", body, AT)) for body in bodies]

    read = [decodeSmsPdu(pdu.hex) for pdu in pdus]

    assert "".join(message["text"] for message in read) == "jalan rusak " * 20
    assert {message["number"] for message in read} == {"TELKOMSEL"}
    assert [message["tpdu_length"] for message in read] == [pdu.length for pdu in pdus]
    assert [(m["udh"][0].reference, m["udh"][0].number) for m in read] == [(200, 1), (200, 2)]


@pytest.mark.parametrize("text", ["Aduan diterima", "é" * 200, "€{}" * 60, "Привет " * 30])
def test_another_encoders_submit_is_read(text):
    pdus = encodeSmsSubmitPdu("+6281234567890", text, reference=9, requestStatusReport=False)

    read = [decode_submit(bytes(pdu.data)[1:]) for pdu in pdus]

    assert "".join(submit.text for submit in read) == text
    assert {submit.recipient for submit in read} == {"+6281234567890"}
    assert not any(submit.wants_report for submit in read)


GOOD_SUBMIT = bytes.fromhex("01000D91261832547698F0000003F17818")


@pytest.mark.parametrize(
    "tpdu",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00" + GOOD_SUBMIT[1:], id="an SMS-DELIVER"),
        pytest.param(GOOD_SUBMIT[:-1], id="user data cut"),
        pytest.param(GOOD_SUBMIT + b"\x00", id="octets too many"),
        pytest.param(GOOD_SUBMIT[:4] + b"\xfe" + GOOD_SUBMIT[5:], id="a digit that is none"),
        pytest.param(b"\x41" + GOOD_SUBMIT[1:], id="header longer than user data"),
        pytest.param(bytes.fromhex("010000910000" + "00"), id="no recipient"),
    ],
)
def test_nonsense_is_no_submit(tpdu):
    decode_submit(GOOD_SUBMIT)  # what the others differ from

    with pytest.raises(SubmitError):
        decode_submit(tpdu)


def test_text_mode_shows_what_was_sent():
    (body,) = split_text("Halo €", 0, Shape())
    pdu = store_pdu("+6281100000", encode_deliver("+6281234567890", body, AT))

    shown = decode_deliver(pdu.hex)

    assert (shown.sender, shown.sent_at, shown.text) == (
        "+6281234567890",
        "26/03/09,08:05:07+28",
        "Halo €",
    )
