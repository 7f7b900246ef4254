"""What holds for all octets and all texts, and the same read by other people's decoders."""

import codecs
from datetime import UTC, datetime, timedelta, timezone

import gsm0338
from gsmmodem.pdu import decodeSmsPdu
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from smspdudecoder.easy import read_incoming_sms
from tpdu import as_delivered, deliver, gsm7, gsm7_user_data, octet_user_data

from hardware.gsm7 import unpack
from hardware.pdu import decode, encode_submit, join_text, septet_count, tpdu_key
from hardware.sms import Decoded, SmsDeliver, SmsStatusReport, SmsSubmit, Undecodable

# a busy machine is no finding
USUAL = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
THOROUGH = settings(USUAL, max_examples=1000)

GSM7 = bytes(code for code in range(128) if code != 0x1B).decode("gsm23.038") + "^{}\\[~]|€"
gsm7_texts = st.text(st.sampled_from(GSM7), max_size=80)
characters = st.characters(exclude_categories=["Cs"])
# up to 10 parts, and often a mixture of what is one octet, two or four
texts = st.one_of(
    st.text(characters, max_size=300),
    st.text(st.sampled_from(GSM7), max_size=700),
    st.text(st.sampled_from("aé€§`ÿ\x1b\f\0ê😀👩\u200d\ufe0f🇮🇩خ"), max_size=330),
)
numbers = st.from_regex(r"\+62[0-9]{1,18}|[0-9]{1,20}", fullmatch=True)
headers = st.binary(max_size=3).map(lambda reference: bytes([0x70, len(reference)]) + reference)
scts = st.builds(
    lambda moment, quarters: moment.replace(tzinfo=timezone(timedelta(minutes=15 * quarters))),
    st.datetimes(datetime(2000, 1, 1), datetime(2089, 12, 31)),  # noqa: DTZ001
    st.integers(-48, 56),
)


@st.composite
def delivered(draw: st.DrawFn) -> bytes:
    """A sound SMS-DELIVER, of any alphabet, with or without a header."""
    if draw(st.booleans()):
        user_data = gsm7_user_data(gsm7(draw(gsm7_texts)), draw(headers))
        return deliver(user_data, first_octet=0x44)
    user_data = octet_user_data(draw(st.binary(max_size=140)))
    return deliver(user_data, data_coding=draw(st.integers(0, 255)))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sound SMS-DELIVER that something happened to."""
    octets = bytearray(draw(delivered()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(octets)))
        match draw(st.integers(0, 3)):
            case 0:
                octets[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del octets[at : at + draw(st.integers(1, 8))]
            case 2:
                octets[at:at] = draw(st.binary(max_size=8))
            case 3:
                del octets[at:]
    return bytes(octets)


def check_sound(decoded: Decoded) -> None:
    """What every caller may rely on, whatever the octets were."""
    match decoded:
        case SmsDeliver():
            assert len(decoded.sender.number) <= 21
            assert len(decoded.user_data) <= 255
            assert len(decoded.text) <= 510  # 255 octets in hex
            assert decoded.sent_at is None or decoded.sent_at.tzinfo is not None
            assert len(decoded.scts) == 7
            concat = decoded.concat
            assert concat is None or 1 <= concat.number <= concat.total <= 255
            join_text([decoded, decoded]).encode()
        case SmsStatusReport() | SmsSubmit():
            assert len(decoded.recipient.number) <= 21
        case Undecodable():
            assert ": " in decoded.reason
    if isinstance(decoded, SmsDeliver | SmsStatusReport) and decoded.sent_at:
        decoded.sent_at.astimezone(UTC)


@given(st.binary(max_size=300), st.none() | st.integers(-1, 300))
@THOROUGH
def test_any_octets_give_an_answer(octets, length):
    check_sound(decode(octets, length))
    assert len(tpdu_key(octets)) == 32


@given(st.binary(max_size=300), st.sampled_from([0x00, 0x01, 0x02, 0x03, 0x04, 0x40, 0x44, 0xFF]))
@THOROUGH
def test_any_octets_behind_a_first_octet_give_an_answer(octets, first_octet):
    check_sound(decode(bytes([0, first_octet]) + octets))


@given(mutated())
@THOROUGH
def test_a_mutilated_message_gives_an_answer(octets):
    check_sound(decode(octets))
    check_sound(decode(octets, len(octets) - 1))
    assert len(tpdu_key(octets)) == 32


@given(st.binary(max_size=150), st.integers(0, 255), st.integers(0, 255))
@THOROUGH
def test_any_user_data_gives_an_answer(user_data, tp_udl, data_coding):
    pdu = deliver(bytes([tp_udl]) + user_data, first_octet=0x44, data_coding=data_coding)

    decoded = decode(pdu)

    assert isinstance(decoded, SmsDeliver)
    check_sound(decoded)


@given(numbers, texts, st.integers(0, 255))
@example("+6281234567890", "😀" * 335, 0)
@example("1708", "x" * 1530, 255)
@USUAL
def test_what_is_submitted_arrives(number, text, reference):
    pdus = encode_submit(number, text, reference=reference)

    parts = [decode(as_delivered(pdu.octets), length=None) for pdu in pdus]
    assert join_text(parts) == text
    for pdu in pdus:
        draft = decode(pdu.octets, pdu.tpdu_length)
        assert isinstance(draft, SmsSubmit)
        assert draft.recipient.number == number
    if len(parts) == 1:
        assert parts[0].concat is None
    else:
        places = [(part.concat.number, part.concat.total) for part in parts]
        assert places == [(index + 1, len(parts)) for index in range(len(parts))]
    assert not any(part.is_truncated for part in parts)


@given(gsm7_texts, st.binary(max_size=40).filter(lambda value: len(value) != 1))
@USUAL
def test_gsm7_behind_any_header_is_read_as_it_was_written(text, value):
    header = bytes([0x70, len(value)]) + value
    pdu = deliver(gsm7_user_data(gsm7(text), header), first_octet=0x44)

    assert decode(pdu).text == text


@given(st.text(st.one_of(characters, st.sampled_from(GSM7)), max_size=20))
@USUAL
def test_septets_are_counted_as_gsm0338_does(text):
    assume("\f" not in text)  # which the package cannot send
    try:
        expected = len(gsm0338.Codec().encode(text)[0])
    except UnicodeEncodeError:
        expected = None
    if "\x1b" in text:
        expected = None

    assert septet_count(text) == expected


@given(scts)
@example(datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone(timedelta(hours=-12))))
@USUAL
def test_every_date_in_every_zone_is_read(moment):
    quarters = round(moment.utcoffset() / timedelta(minutes=15))
    digits = f"{moment:%y%m%d%H%M%S}{abs(quarters):02d}"
    octets = bytearray(
        bytes.fromhex("".join(b + a for a, b in zip(digits[::2], digits[1::2], strict=True)))
    )
    octets[6] |= 0x08 if quarters < 0 else 0

    decoded = decode(deliver(b"\0", scts=bytes(octets)))

    assert decoded.sent_at == moment.replace(microsecond=0)
    assert decoded.sent_at.utcoffset() == moment.utcoffset()


@given(st.binary(min_size=7, max_size=7))
@USUAL
def test_octets_that_are_no_date_give_none_or_an_aware_moment(octets):
    decoded = decode(deliver(b"\0", scts=octets))

    assert decoded.scts == octets
    assert decoded.sent_at is None or 1990 <= decoded.sent_at.year <= 2089


@given(gsm7_texts, headers)
@USUAL
def test_gsm7_behind_a_header_is_read_as_smspdudecoder_does(text, header):
    """Where it is right: seven spare bits it takes for an @, and an ESC in the header for one."""
    user_data = gsm7_user_data(gsm7(text), header)
    tp_udl, udh = user_data[0], user_data[1 : 2 + len(header)]
    assume(tp_udl % 8 != 7)
    assume(0x1B not in unpack(udh, (len(udh) * 8 + 6) // 7))
    pdu = deliver(user_data, first_octet=0x44)

    theirs = read_incoming_sms(pdu.hex())
    ours = decode(pdu)

    assert theirs["content"] == ours.text == text
    assert theirs["sender"] == ours.sender.number
    assert theirs["date"] == ours.sent_at


@given(st.text(characters, max_size=60), st.integers(0, 255), st.integers(1, 5))
@USUAL
def test_a_part_in_ucs2_is_read_as_smspdudecoder_does(text, reference, number):
    """Concatenation element and all."""
    octets = text.encode("utf-16-be")
    header = bytes([0, 3, reference, 5, number])
    pdu = deliver(octet_user_data(octets, header), first_octet=0x44, data_coding=8)

    theirs = read_incoming_sms(pdu.hex())
    ours = decode(pdu)

    assert theirs["content"] == ours.text == text
    assert theirs["partial"]["reference"] == f"{ours.concat.reference}-{ours.concat.total}"
    assert theirs["partial"]["part_number"] == ours.concat.number == number


@given(gsm7_texts)
@USUAL
def test_plain_gsm7_is_read_as_the_package_does(text):
    """Where it is right (modem.md 2c): no §, no form feed, no @ at the end of whole octets."""
    septets = gsm7(text)
    assume("§" not in text and "\f" not in text)
    assume(not (len(septets) % 8 == 0 and text.endswith("@")))
    pdu = deliver(gsm7_user_data(septets))

    theirs = decodeSmsPdu(pdu.hex())
    ours = decode(pdu)

    assert theirs["text"] == ours.text
    assert theirs["number"] == ours.sender.number
    assert theirs["time"] == ours.sent_at


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=70))
@USUAL
def test_ucs2_is_read_as_the_package_does(text):
    pdu = deliver(octet_user_data(text.encode("utf-16-be")), data_coding=8)

    assert decodeSmsPdu(pdu.hex())["text"] == decode(pdu).text == text


@given(st.binary(max_size=160))
@USUAL
def test_septets_are_read_as_gsmcodecs_does(octets):
    """Any septets with their extensions; what it replaces, 23.038 shows otherwise."""
    septets = bytes(octet & 0x7F for octet in octets)
    theirs = codecs.decode(septets, "gsm23.038", "ignore")
    assume(codecs.encode(theirs, "gsm23.038") == septets)

    assert decode(deliver(gsm7_user_data(septets))).text == theirs
