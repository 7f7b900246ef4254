"""Octets of a PDU to an SMS and back; pure, and deaf to mischief (3GPP TS 23.040 and 23.038).

Reading is all ours, since python-gsmmodem-new loses and garbles messages; its encoder is right
once it is given UTF-16 code units. The rules of reading:

- Any octets give a value. What has no sender or no TP-UDL is `Undecodable`; all else is shown as
  well as it can be.
- TP-UDL counts: octets behind it are no text, and shorter user data is marked as truncated.
- Where the sender made a mistake, the specification's way out is taken: reserved codings are
  GSM-7, a malformed user data header is skipped, a date that is none is None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from itertools import groupby

from gsmmodem.pdu import encodeSmsSubmitPdu

from hardware import gsm7
from hardware.gsm7 import septet_count
from hardware.sms import (
    Address,
    Alphabet,
    Concat,
    Decoded,
    SmsDeliver,
    SmsStatusReport,
    SmsSubmit,
    SubmitPdu,
    TypeOfNumber,
    Undecodable,
)

__all__ = ["EncodeError", "decode", "encode_submit", "join_text", "septet_count", "tpdu_key"]

# The first octet of a TPDU (23.040 section 9.2.3).
_MTI = 0x03  # TP-MTI
_SUBMIT, _STATUS_REPORT = 1, 2  # 0 is SMS-DELIVER; 3 is reserved, to be read as one (9.2.3.1)
_MMS = 0x04  # TP-MMS: 0 says that more messages wait
_SRR = 0x20  # TP-SRR: the sender wants a report
_UDHI = 0x40  # TP-UDHI

_SEMI_OCTETS_MAX = 20  # of an address (23.040 section 9.1.2.5)
_TIME_OCTETS = 7
_IE_CONCAT_8, _IE_CONCAT_16 = 0x00, 0x08

_TOA_UNKNOWN = 0x81  # type of number unknown, ISDN numbering plan
_PARTS_MAX = 255
_SINGLE_UNITS, _PART_UNITS = 70, 67  # UTF-16 code units in 140 octets, and beside a header of 6
_PART_SEPTETS_MIN = 152  # 153 beside a header, less one where an extension may not be cut

_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")

# Semi-octets come with the low half first. In an address F is the end (23.040 section 9.1.2.3) ...
_DIGITS = "0123456789*#abcF"
_DIGIT_PAIRS = tuple(_DIGITS[octet & 15] + _DIGITS[octet >> 4] for octet in range(256))
# ... and in a time stamp only decimal digits make a number; others give -1.
_NUMBERS = tuple(
    (octet & 15) * 10 + (octet >> 4) if octet & 15 < 10 and octet >> 4 < 10 else -1
    for octet in range(256)
)
_TYPES_OF_NUMBER = tuple(TypeOfNumber(octet >> 4 & 7) for octet in range(256))


class EncodeError(ValueError):
    """A number or text cannot become an SMS-SUBMIT; the message names the limit, no content."""


class _FieldError(Exception):
    """The octets end within a field that all that follows depends on."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def decode(pdu: bytes, length: int | None = None) -> Decoded:
    """Read a PDU as a modem lists it, SMSC field included; any octets give an answer.

    `length` is the count of TPDU octets in the listing's header: where it differs, octets were
    lost on the line, and the others are not believed.
    """
    if not pdu:
        return Undecodable("PDU: no octets")
    start = 1 + pdu[0]
    if start >= len(pdu):
        return Undecodable("SMSC field: longer than the PDU")
    if length is not None and length != len(pdu) - start:
        return Undecodable("length: the TPDU is not as long as its header says")
    smsc = _read_digits(pdu[2:start], pdu[1]) if start > 2 else None
    kind = pdu[start] & _MTI
    try:
        if kind == _SUBMIT:
            return SmsSubmit(recipient=_read_address(pdu, start + 2, "TP-DA")[0])
        if kind == _STATUS_REPORT:
            return _read_status_report(pdu, start, smsc)
        return _read_deliver(pdu, start, smsc)
    except _FieldError as error:
        return Undecodable(f"{error.field}: cut short or too long")


def tpdu_key(pdu: bytes) -> bytes:
    """Return what stays the same when a message is read, or sent by the network, again.

    SHA-256 of the TPDU. The SMSC field and TP-MMS are left out: they may differ in a repetition.
    """
    start = 1 + pdu[0] if pdu else 0
    if start >= len(pdu):
        return sha256(pdu).digest()
    return sha256(bytes((pdu[start] & ~_MMS,)) + pdu[start + 1 :]).digest()


def join_text(parts: Sequence[SmsDeliver]) -> str:
    """Return the text of parts that follow each other, in the order given.

    What was cut between two parts is whole again: an ESC and its septet, the two surrogates of an
    emoji. A surrogate left alone becomes U+FFFD, so that the text can be stored anywhere.
    """
    pieces = []
    for alphabet, run in groupby(parts, key=lambda part: part.alphabet):
        if alphabet is Alphabet.GSM7:
            pieces.append(gsm7.read_text(b"".join(part.user_data for part in run)))
        else:
            pieces.extend(part.text for part in run)
    text = "".join(pieces)
    if _SURROGATE.search(text):
        text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    return text


def encode_submit(
    number: str, text: str, *, reference: int, wants_report: bool = False
) -> list[SubmitPdu]:
    """Return the SMS-SUBMITs that bring `text` to `number`, each asking for a delivery report or not.

    GSM-7 where the whole text allows it, else UCS-2; several parts, tied by `reference` (0 to
    255), where one cannot hold it. Raises EncodeError for a number that is not digits with or
    without `+`, and for a text that might need more than 255 parts.
    """
    if not _NUMBER.fullmatch(number):
        raise EncodeError("number: expected 1 to 20 digits, with or without +")
    if not 0 <= reference <= 0xFF:
        raise EncodeError("reference: expected 0 to 255")
    septets = septet_count(text)
    if septets is None:
        pdus = _encode_ucs2(number, text, reference)
    elif septets > _PARTS_MAX * _PART_SEPTETS_MIN:
        raise EncodeError("text: too long for 255 parts")
    else:
        # the encoder's table has a grave accent where the standard has the section sign
        pdus = _encode(number, text.replace("§", "`"), reference)
    if not number.startswith("+"):
        for pdu in pdus:
            pdu[4] = _TOA_UNKNOWN  # the encoder says national, which a short code is not
    for pdu in pdus if wants_report else ():
        pdu[1] |= _SRR
    return [SubmitPdu(octets=bytes(pdu), tpdu_length=len(pdu) - 1) for pdu in pdus]


# Reading


def _read_deliver(pdu: bytes, start: int, smsc: str | None) -> SmsDeliver:
    first_octet = pdu[start]
    sender, at = _read_address(pdu, start + 1, "TP-OA")
    if len(pdu) < at + 2 + _TIME_OCTETS + 1:
        raise _FieldError("TP-PID to TP-UDL")
    alphabet, message_class = _DATA_CODINGS[pdu[at + 1]]
    scts = pdu[at + 2 : at + 9]
    tp_udl, tp_ud = pdu[at + 9], pdu[at + 10 :]
    octets = (tp_udl * 7 + 7) // 8 if alphabet is Alphabet.GSM7 else tp_udl
    is_truncated = len(tp_ud) < octets
    tp_ud = tp_ud[:octets]

    concat, header_octets = _read_header(tp_ud) if first_octet & _UDHI else (None, 0)
    if alphabet is Alphabet.GSM7:
        # behind a header the text begins at the next whole septet, counted from the first octet
        septets = gsm7.unpack(tp_ud, min(tp_udl, len(tp_ud) * 8 // 7))
        user_data = septets[(header_octets * 8 + 6) // 7 :]
    else:
        user_data = tp_ud[header_octets:]
    return SmsDeliver(
        smsc=smsc,
        sender=sender,
        sent_at=_read_time(scts),
        scts=scts,
        protocol_id=pdu[at],
        data_coding=pdu[at + 1],
        alphabet=alphabet,
        message_class=message_class,
        user_data=user_data,
        text=_TEXT_READERS[alphabet](user_data),
        concat=concat,
        has_more_to_send=not first_octet & _MMS,
        is_truncated=is_truncated,
    )


def _read_status_report(pdu: bytes, start: int, smsc: str | None) -> SmsStatusReport:
    recipient, at = _read_address(pdu, start + 2, "TP-RA")
    if len(pdu) < at + 2 * _TIME_OCTETS + 1:
        raise _FieldError("TP-SCTS to TP-ST")
    return SmsStatusReport(
        smsc=smsc,
        reference=pdu[start + 1],
        recipient=recipient,
        sent_at=_read_time(pdu[at : at + 7]),
        discharged_at=_read_time(pdu[at + 7 : at + 14]),
        status=pdu[at + 14],
    )


def _read_address(pdu: bytes, at: int, field: str) -> tuple[Address, int]:
    """Return the address that begins at `at`, and where the next field begins."""
    if len(pdu) < at + 2:
        raise _FieldError(field)
    semi_octets, type_of_address = pdu[at], pdu[at + 1]
    end = at + 2 + (semi_octets + 1) // 2
    if semi_octets > _SEMI_OCTETS_MAX or len(pdu) < end:
        raise _FieldError(field)
    type_of_number = _TYPES_OF_NUMBER[type_of_address]
    if type_of_number is TypeOfNumber.ALPHANUMERIC:
        number = _read_letters(pdu[at + 2 : end], semi_octets)
    else:
        number = _read_digits(pdu[at + 2 : end], type_of_address, semi_octets)
    return Address(number, type_of_number), end


def _read_digits(octets: bytes, type_of_address: int, semi_octets: int | None = None) -> str:
    digits = "".join([_DIGIT_PAIRS[octet] for octet in octets])[:semi_octets].partition("F")[0]
    is_international = _TYPES_OF_NUMBER[type_of_address] is TypeOfNumber.INTERNATIONAL
    return "+" + digits if digits and is_international else digits


def _read_letters(octets: bytes, semi_octets: int) -> str:
    count = semi_octets * 4 // 7
    letters = gsm7.read_text(gsm7.unpack(octets, count))
    # 7 letters whose length is given in whole octets leave a spare septet of zeros, read as "@"
    return letters.removesuffix("@") if count == 8 else letters


def _read_time(octets: bytes) -> datetime | None:
    """Return the moment of a time stamp with its offset, or None when the octets are no date."""
    zone = _ZONES[octets[6]]
    year, month, day, hour, minute, second = [_NUMBERS[octet] for octet in octets[:6]]
    if zone is None or year < 0:
        return None
    year += 1900 if year >= 90 else 2000  # the first SMS was sent in 1992
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _read_header(tp_ud: bytes) -> tuple[Concat | None, int]:
    """Return the concatenation element of a user data header, and the header's octets.

    A header longer than the user data is none, and all is text: better garbled than hidden. One
    that its elements do not fill exactly is skipped as a whole (23.040 section 9.2.3.24).
    """
    if not tp_ud or tp_ud[0] >= len(tp_ud):
        return None, 0
    end = 1 + tp_ud[0]
    concat = None
    at = 1
    while at + 2 <= end:
        element, value = tp_ud[at], tp_ud[at + 2 : at + 2 + tp_ud[at + 1]]
        at += 2 + tp_ud[at + 1]
        # of several the last counts (9.2.3.24)
        if element == _IE_CONCAT_8 and len(value) == 3:
            concat = _read_concat(value[:1], value[1], value[2]) or concat
        elif element == _IE_CONCAT_16 and len(value) == 4:
            concat = _read_concat(value[:2], value[2], value[3]) or concat
    return (concat if at == end else None), end


def _read_concat(reference: bytes, total: int, number: int) -> Concat | None:
    """Return the element, or None when it is to be ignored (9.2.3.24.1)."""
    if not 1 <= number <= total:
        return None
    return Concat(
        reference=int.from_bytes(reference, "big"),
        width=8 * len(reference),
        total=total,
        number=number,
    )


def _read_ucs2(octets: bytes) -> str:
    whole, is_odd = octets[: len(octets) & ~1], len(octets) & 1
    text = whole.decode("utf-16-be", "surrogatepass")
    return text + "\ufffd" if is_odd else text


_TEXT_READERS = {
    Alphabet.GSM7: gsm7.read_text,
    Alphabet.UCS2: _read_ucs2,
    Alphabet.OCTETS: bytes.hex,
}


def _data_coding(octet: int) -> tuple[Alphabet, int | None]:
    """Return the alphabet and message class of a TP-DCS (23.038 section 4)."""
    group = octet >> 4
    if group < 8:  # general, and the same marked for deletion
        message_class = octet & 3 if octet & 0x10 else None
        if octet & 0x20:
            return Alphabet.OCTETS, message_class  # compressed: nobody does it; kept as it is
        alphabets = (Alphabet.GSM7, Alphabet.OCTETS, Alphabet.UCS2, Alphabet.GSM7)
        return alphabets[octet >> 2 & 3], message_class
    if group == 14:  # a message is waiting, said in UCS-2
        return Alphabet.UCS2, None
    if group == 15:
        return (Alphabet.OCTETS if octet & 4 else Alphabet.GSM7), octet & 3
    return Alphabet.GSM7, None  # 12 and 13: a message is waiting; 8 to 11: reserved


_DATA_CODINGS = tuple(_data_coding(octet) for octet in range(256))


def _zone(octet: int) -> timezone | None:
    """Return the zone of a time stamp's last octet, or None where no place on earth has it."""
    quarters = _NUMBERS[octet & ~0x08]  # bit 3 is the sign (23.040 section 9.2.3.11)
    if not 0 <= quarters <= 14 * 4:
        return None
    return timezone(timedelta(minutes=(-15 if octet & 0x08 else 15) * quarters))


_ZONES = tuple(_zone(octet) for octet in range(256))


# Writing


def _encode(number: str, units: str, reference: int) -> list[bytearray]:
    pdus = encodeSmsSubmitPdu(number, units, reference, requestStatusReport=False)
    return [pdu.data for pdu in pdus]


def _encode_ucs2(number: str, text: str, reference: int) -> list[bytearray]:
    try:
        octets = text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise EncodeError("text: a surrogate stands alone") from None
    # the encoder makes two octets of each character, so it is given code units instead
    units = "".join([chr(octets[at] << 8 | octets[at + 1]) for at in range(0, len(octets), 2)])
    if len(units) > _PARTS_MAX * _PART_UNITS:
        raise EncodeError("text: too long for 255 parts")
    # Grave accent, ESC and ÿ are GSM-7 to the encoder, wrongly. A first unit that is not makes it
    # choose UCS-2; afterwards the true one is put back in its place.
    pdus = _encode(number, "\ufffd" + units[1:], reference)
    in_first = len(units) if len(units) <= _SINGLE_UNITS else _PART_UNITS
    at = len(pdus[0]) - 2 * in_first
    pdus[0][at : at + 2] = octets[:2]
    return pdus
