"""What is submitted, octet by octet: the package's encoder, and what is put right around it."""

import pytest
from gsmmodem.pdu import encodeSmsSubmitPdu
from tpdu import as_delivered

from hardware.pdu import EncodeError, decode, encode_submit, join_text
from hardware.sms import Address, Alphabet, SmsDeliver, SmsSubmit, TypeOfNumber

CITIZEN = "+6281234567890"


def receive(text: str, number: str = CITIZEN) -> list[SmsDeliver]:
    """Return the parts that arrive at the recipient."""
    parts = [decode(as_delivered(pdu.octets)) for pdu in encode_submit(number, text, reference=42)]
    assert all(isinstance(part, SmsDeliver) for part in parts)
    return parts


def test_submit_has_exactly_these_octets():
    """No SMSC number, no report asked for, TP-MR, +62…, GSM-7, five septets."""
    (pdu,) = encode_submit(CITIZEN, "Halo!", reference=7)

    assert pdu.octets.hex(" ").upper() == (
        "00 01 07 0D 91 26 18 32 54 76 98 F0 00 00 05 C8 30 FB 1D 02"
    )
    assert pdu.tpdu_length == 19


@pytest.mark.parametrize(
    ("number", "address"),
    [
        pytest.param("+62812345678", "0B 91 26 18 32 54 76 F8", id="international"),
        pytest.param("081234567", "09 81 80 21 43 65 F7", id="digits only: unknown, not national"),
        pytest.param("1708", "04 81 71 80", id="short code"),
        pytest.param("+" + "9" * 20, "14 91" + " 99" * 10, id="twenty digits"),
    ],
)
def test_recipient_is_written_as_the_network_expects(number, address):
    (pdu,) = encode_submit(number, "x", reference=0)

    expected = bytes.fromhex(address)
    assert pdu.octets[3 : 3 + len(expected)] == expected


@pytest.mark.parametrize(
    "number",
    ["", "+", "KOTA", "08-12", "+62 812", "*123#", "٠٨١٢", "1" * 21, "+" + "1" * 21, "1708\n"],
)
def test_what_is_no_number_is_refused(number):
    with pytest.raises(EncodeError, match="number"):
        encode_submit(number, "x", reference=0)


@pytest.mark.parametrize("reference", [-1, 256])
def test_a_reference_beyond_an_octet_is_refused(reference):
    with pytest.raises(EncodeError, match="reference"):
        encode_submit(CITIZEN, "x", reference=reference)


@pytest.mark.parametrize(
    ("text", "alphabet", "lengths"),
    [
        pytest.param("", Alphabet.GSM7, [0], id="empty"),
        pytest.param("x" * 160, Alphabet.GSM7, [160], id="160 septets"),
        pytest.param("x" * 161, Alphabet.GSM7, [153, 8], id="161 septets"),
        pytest.param("x" * 306, Alphabet.GSM7, [153, 153], id="two full parts"),
        pytest.param("€" * 80, Alphabet.GSM7, [160], id="80 extension characters"),
        pytest.param("x" * 152 + "€" * 5, Alphabet.GSM7, [152, 10], id="an extension is not cut"),
        pytest.param("é" * 70, Alphabet.GSM7, [70], id="é is GSM-7"),
        pytest.param("ê" * 70, Alphabet.UCS2, [140], id="70 units"),
        pytest.param("ê" * 71, Alphabet.UCS2, [134, 8], id="71 units"),
        pytest.param("😀" * 35, Alphabet.UCS2, [140], id="35 emoji"),
        pytest.param("😀" * 36, Alphabet.UCS2, [134, 10], id="36 emoji, one of them cut"),
    ],
)
def test_text_is_cut_where_it_has_to_be(text, alphabet, lengths):
    parts = receive(text)

    assert [len(part.user_data) for part in parts] == lengths
    assert {part.alphabet for part in parts} == {alphabet}
    assert join_text(parts) == text


def test_parts_are_numbered_and_share_the_reference():
    parts = receive("x" * 400)

    assert [part.concat.number for part in parts] == [1, 2, 3]
    assert {(part.concat.reference, part.concat.width) for part in parts} == {(42, 8)}
    assert {part.concat.total for part in parts} == {3}


def test_tpdu_length_counts_all_but_the_smsc_field():
    for pdu in encode_submit(CITIZEN, "😀" * 200, reference=255):
        assert pdu.tpdu_length == len(pdu.octets) - 1
        assert pdu.octets[0] == 0
        assert len(pdu.octets) - 1 <= 14 + 140


@pytest.mark.parametrize("text", ["a report please", "ê", "x" * 200])
def test_each_part_asks_for_its_report_where_one_is_wanted(text):
    plain = encode_submit(CITIZEN, text, reference=0)
    asking = encode_submit(CITIZEN, text, reference=0, wants_report=True)

    for ours, theirs in zip(asking, plain, strict=True):
        assert ours.octets[1] == theirs.octets[1] | 0x20
        assert (ours.octets[:1], ours.octets[2:]) == (theirs.octets[:1], theirs.octets[2:])


@pytest.mark.parametrize("text", ["no report please", "ê", "x" * 200])
def test_no_report_is_asked_for(text):
    """TP-SRR would fill the storage with reports nobody reads."""
    assert all(not pdu.octets[1] & 0x20 for pdu in encode_submit(CITIZEN, text, reference=0))


@pytest.mark.parametrize(
    ("text", "alphabet"),
    [
        pytest.param("Pasal § 7", Alphabet.GSM7, id="section sign, which the package lacks"),
        pytest.param("Pasal ` 7", Alphabet.UCS2, id="grave accent, which GSM-7 lacks"),
        pytest.param("`", Alphabet.UCS2, id="nothing but a grave accent"),
        pytest.param("§ `", Alphabet.UCS2, id="both"),
        pytest.param("ÿ", Alphabet.UCS2, id="y with diaeresis, a TypeError in the package"),
        pytest.param("Louÿs €", Alphabet.UCS2, id="the same within a text"),
        pytest.param("a\x1bb", Alphabet.UCS2, id="ESC as a character"),
        pytest.param("a\fb", Alphabet.UCS2, id="form feed"),
        pytest.param("ok 😀", Alphabet.UCS2, id="emoji, a ValueError in the package"),
        pytest.param("`" * 71, Alphabet.UCS2, id="two parts of grave accents"),
        pytest.param("\ufffd", Alphabet.UCS2, id="the replacement character itself"),
        pytest.param("\0", Alphabet.UCS2, id="zero"),
    ],
)
def test_characters_that_the_package_gets_wrong_arrive(text, alphabet):
    parts = receive(text)

    assert {part.alphabet for part in parts} == {alphabet}
    assert join_text(parts) == text


@pytest.mark.parametrize("text", ["ÿ", "😀"])
def test_the_package_alone_cannot_send_them(text):
    """The reason for giving it code units; when this fails the package has been repaired."""
    with pytest.raises((TypeError, ValueError)):
        encodeSmsSubmitPdu(CITIZEN, text)


def test_a_surrogate_alone_is_refused_without_showing_the_text():
    with pytest.raises(EncodeError) as caught:
        encode_submit(CITIZEN, "rahasia \ud83d", reference=0)

    assert "rahasia" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["x" * 255 * 153, "ê" * (255 * 67 + 1), "😀" * 20_000])
def test_a_text_for_more_than_255_parts_is_refused(text):
    with pytest.raises(EncodeError, match="255 parts"):
        encode_submit(CITIZEN, text, reference=0)


@pytest.mark.parametrize("text", ["€" * 76 * 255, "ê" * 67 * 255])
def test_a_text_of_255_parts_is_sent(text):
    assert len(encode_submit(CITIZEN, text, reference=0)) == 255


def test_what_we_submit_is_known_as_a_draft_when_found_in_a_memory():
    (pdu,) = encode_submit("1708", "BTM jalan rusak", reference=1)

    expected = SmsSubmit(Address("1708", TypeOfNumber.UNKNOWN))
    assert decode(pdu.octets, pdu.tpdu_length) == expected
