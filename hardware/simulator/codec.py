"""The network's side of the codec: SMS-DELIVER and SMS-STATUS-REPORT are written, SMS-SUBMIT is read (23.040).

Independent of `hardware.pdu`: a mistake there must not find its twin here.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec import Struct

from .alphabet import ESCAPE, decode_septets, encode_septets, pack_septets, unpack_septets

USER_DATA_OCTETS = 140
_DIGITS = "0123456789*#abc"
_IS_DIALLED = re.compile(r"\+?[0-9*#a-c]+")
_FILL = 0x0F  # what makes an odd number of digits even
_UDHI = 0x40
_NO_MORE_MESSAGES = 0x04


class SubmitError(Exception):
    """The octets handed over by AT+CMGS are no SMS-SUBMIT: the reason names the field."""


class Shape(Struct, frozen=True):
    """How a phone and the network form an SMS; the defaults are what nearly all phones do."""

    reference_width: int = 8  # 8 or 16 bits
    is_cutting_pairs: bool = False  # cut between ESC and its character, or inside a surrogate pair
    is_shuffled: bool = False  # parts arrive in another order
    lost: frozenset[int] = frozenset()  # part numbers that never arrive
    doubled: frozenset[int] = frozenset()  # part numbers that the network delivers a second time
    message_class: int | None = None  # 0 is a flash SMS
    protocol_id: int = 0


class Body(Struct, frozen=True):
    """TP-DCS, TP-UDL and TP-UD of one part."""

    data_coding: int
    length: int  # TP-UDL: septets, or octets
    octets: bytes
    has_header: bool = False


class Concat(Struct, frozen=True):
    """The concatenation element of a user data header."""

    reference: int
    width: int
    total: int
    number: int


class Submit(Struct, frozen=True):
    """An SMS-SUBMIT as the network reads it."""

    recipient: str
    body: Body
    text: str
    concat: Concat | None
    protocol_id: int
    wants_report: bool


class StoredPdu(Struct, frozen=True):
    """A PDU as a modem stores it: `hex` with the SMSC field, `length` of the TPDU without."""

    hex: str
    length: int
    is_report: bool = False
    message_class: int | None = None


def store_pdu(smsc: str, tpdu: bytes, **marks: bool | int | None) -> StoredPdu:
    """Return the TPDU behind its SMSC field."""
    is_report = bool(marks.get("is_report", False))
    return StoredPdu(
        hex=(encode_service_centre(smsc) + tpdu).hex().upper(),
        length=len(tpdu),
        is_report=is_report,
        message_class=marks.get("message_class"),
    )


def encode_address(number: str) -> bytes:
    """Return a TP address: digits where it can be dialled, else letters (23.040 section 9.1.2.5)."""
    if _IS_DIALLED.fullmatch(number):
        digits = number.removeprefix("+")
        kind = 0x91 if number.startswith("+") else 0x81
        return bytes([len(digits), kind]) + _swap_digits(digits)
    septets = encode_septets(number)
    if septets is None or not 1 <= len(septets) <= 11:
        raise ValueError("an alphanumeric sender has 1 to 11 characters of the GSM alphabet")
    octets = pack_septets(septets)
    return bytes([(len(septets) * 7 + 3) // 4, 0xD0]) + octets


def encode_service_centre(number: str) -> bytes:
    """Return the SMSC field in front of a TPDU: counted in octets, unlike other addresses; may be empty."""
    if not number:
        return b"\x00"
    digits = number.removeprefix("+")
    octets = _swap_digits(digits)
    return bytes([len(octets) + 1, 0x91 if number.startswith("+") else 0x81]) + octets


def encode_timestamp(at: datetime) -> bytes:
    """Return TP-SCTS: seven swapped semi-octets, the zone in quarter hours with its sign (23.040 9.2.3.11)."""
    zone_offset = at.utcoffset() or timedelta()
    quarters = int(zone_offset.total_seconds()) // 900
    digits = at.strftime("%y%m%d%H%M%S") + f"{abs(quarters):02d}"
    octets = bytearray(_swap_digits(digits))
    if quarters < 0:
        octets[6] |= 0x08
    return bytes(octets)


def encode_deliver(
    sender: str, body: Body, at: datetime, *, protocol_id: int = 0, is_repeated: bool = False
) -> bytes:
    """Return one SMS-DELIVER; a repetition differs from its first in TP-MMS only, as it may in a real network."""
    first = 0 if is_repeated else _NO_MORE_MESSAGES
    if body.has_header:
        first |= _UDHI
    return (
        bytes([first])
        + encode_address(sender)
        + bytes([protocol_id, body.data_coding])
        + encode_timestamp(at)
        + bytes([body.length])
        + body.octets
    )


def encode_report(
    reference: int, recipient: str, *, at: datetime, discharged_at: datetime, status: int
) -> bytes:
    """Return one SMS-STATUS-REPORT for the SMS-SUBMIT with this TP-MR."""
    return (
        bytes([0x06, reference])
        + encode_address(recipient)
        + encode_timestamp(at)
        + encode_timestamp(discharged_at)
        + bytes([status])
    )


def encode_submit(recipient: str, text: str, *, reference: int = 0) -> bytes:
    """Return an SMS-SUBMIT of one part without validity: what a phone keeps as a draft, and text mode sends."""
    (body,) = split_text(text, reference, Shape())
    first = 0x01
    return (
        bytes([first, reference])
        + encode_address(recipient)
        + bytes([0, body.data_coding, body.length])
        + body.octets
    )


def split_text(text: str, reference: int, shape: Shape) -> list[Body]:
    """Return the parts a phone makes of `text`: GSM-7 where the alphabet has every character, else UCS-2."""
    septets = encode_septets(text)
    if septets is not None:
        return _split_septets(septets, reference, shape)
    return _split_units(text, reference, shape)


def _split_septets(septets: list[int], reference: int, shape: Shape) -> list[Body]:
    coding = 0x00 if shape.message_class is None else 0x10 | shape.message_class
    if len(septets) <= USER_DATA_OCTETS * 8 // 7:
        return [Body(coding, len(septets), pack_septets(septets))]
    header_octets = 6 if shape.reference_width == 8 else 7
    header_septets = (header_octets * 8 + 6) // 7
    fill_bits = header_septets * 7 - header_octets * 8
    room = USER_DATA_OCTETS * 8 // 7 - header_septets
    pieces: list[list[int]] = []
    start = 0
    while start < len(septets):
        end = min(start + room, len(septets))
        if end < len(septets) and septets[end - 1] == ESCAPE and not shape.is_cutting_pairs:
            end -= 1
        pieces.append(septets[start:end])
        start = end
    return [
        Body(
            coding,
            header_septets + len(piece),
            _header(reference, shape.reference_width, len(pieces), number)
            + pack_septets(piece, fill_bits),
            has_header=True,
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _split_units(text: str, reference: int, shape: Shape) -> list[Body]:
    coding = 0x08 if shape.message_class is None else 0x18 | shape.message_class
    units = text.encode("utf-16-be", "surrogatepass")
    if len(units) <= USER_DATA_OCTETS:
        return [Body(coding, len(units), units)]
    header_octets = 6 if shape.reference_width == 8 else 7
    room = (USER_DATA_OCTETS - header_octets) // 2 * 2
    pieces: list[bytes] = []
    start = 0
    while start < len(units):
        end = min(start + room, len(units))
        is_high_surrogate = 0xD8 <= units[end - 2] <= 0xDB
        if end < len(units) and is_high_surrogate and not shape.is_cutting_pairs:
            end -= 2
        pieces.append(units[start:end])
        start = end
    return [
        Body(
            coding,
            header_octets + len(piece),
            _header(reference, shape.reference_width, len(pieces), number) + piece,
            has_header=True,
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _header(reference: int, width: int, total: int, number: int) -> bytes:
    if total > 255:
        raise ValueError("an SMS has at most 255 parts")
    if width == 8:
        return bytes([5, 0x00, 3, reference & 0xFF, total, number])
    return bytes([6, 0x08, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number])


def _swap_digits(digits: str) -> bytes:
    codes = list(map(_DIGITS.index, digits))
    if len(codes) % 2:
        codes.append(_FILL)
    return bytes([low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True)])


class Octets:
    """Octets read from the front; what is missing raises SubmitError with the field's name."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._position = 0

    def take(self, count: int, field: str) -> bytes:
        """Return the next `count` octets."""
        piece = self._octets[self._position : self._position + count]
        if len(piece) < count:
            raise SubmitError(f"{field} is cut")
        self._position += count
        return piece

    def octet(self, field: str) -> int:
        """Return the next octet."""
        return self.take(1, field)[0]

    def rest(self) -> bytes:
        """Return what is left."""
        return self._octets[self._position :]


def decode_address(octets: Octets, field: str) -> str:
    """Return a number as dialled (`+` when international), or the letters of an alphanumeric address."""
    length = octets.octet(field)
    kind = octets.octet(field)
    value = octets.take((length + 1) // 2, field)
    if kind & 0x70 == 0x50:
        return decode_septets(unpack_septets(value, length * 4 // 7))
    codes = [code for octet in value for code in (octet & 0x0F, octet >> 4)][:length]
    if any(code >= len(_DIGITS) for code in codes):
        raise SubmitError(f"{field} is no number")
    number = "".join(_DIGITS[code] for code in codes)
    return f"+{number}" if kind & 0x70 == 0x10 else number


def decode_service_centre(pdu: bytes) -> str:
    """Return the SMSC's number out of the field in front of a TPDU; empty when the modem is to use its own."""
    octets = Octets(pdu)
    length = octets.octet("SMSC")
    if length == 0:
        return ""
    kind, value = octets.octet("SMSC"), octets.take(length - 1, "SMSC")
    codes = [code for octet in value for code in (octet & 0x0F, octet >> 4) if code != _FILL]
    if any(code >= len(_DIGITS) for code in codes):
        raise SubmitError("SMSC is no number")
    number = "".join(_DIGITS[code] for code in codes)
    return f"+{number}" if kind & 0x70 == 0x10 else number


def decode_submit(tpdu: bytes) -> Submit:
    """Return what an SMS-SUBMIT says; raises SubmitError for anything a strict SMSC would not take."""
    octets = Octets(tpdu)
    first = octets.octet("first octet")
    if first & 0x03 != 0x01:
        raise SubmitError("TP-MTI is not SMS-SUBMIT")
    octets.octet("TP-MR")  # a modem sets its own
    recipient = decode_address(octets, "TP-DA")
    if recipient in ("", "+"):
        raise SubmitError("TP-DA is empty")
    protocol_id = octets.octet("TP-PID")
    coding = octets.octet("TP-DCS")
    octets.take({0x00: 0, 0x10: 1}.get(first & 0x18, 7), "TP-VP")
    length = octets.octet("TP-UDL")
    body = Body(coding, length, octets.rest(), has_header=bool(first & _UDHI))
    text, concat = decode_body(body)
    return Submit(recipient, body, text, concat, protocol_id, wants_report=bool(first & 0x20))


def decode_body(body: Body) -> tuple[str, Concat | None]:
    """Return the text of one part and its concatenation element; raises SubmitError when lengths disagree."""
    is_septets = _alphabet(body.data_coding) == "gsm7"
    expected = (body.length * 7 + 7) // 8 if is_septets else body.length
    if len(body.octets) != expected or expected > USER_DATA_OCTETS:
        raise SubmitError("TP-UDL does not fit TP-UD")
    header_octets = 0
    if body.has_header:
        if not body.octets or body.octets[0] + 1 > len(body.octets):
            raise SubmitError("TP-UDHL is longer than TP-UD")
        header_octets = body.octets[0] + 1
    concat = _find_concat(body.octets[1:header_octets])
    rest = body.octets[header_octets:]
    if is_septets:
        header_septets = (header_octets * 8 + 6) // 7
        fill_bits = header_septets * 7 - header_octets * 8
        septets = unpack_septets(rest, body.length - header_septets, fill_bits)
        return decode_septets(septets), concat
    if _alphabet(body.data_coding) == "ucs2":
        return rest.decode("utf-16-be", "surrogatepass"), concat
    return rest.decode("latin-1"), concat


def _find_concat(header: bytes) -> Concat | None:
    position = 0
    while position + 2 <= len(header):
        kind, length = header[position], header[position + 1]
        element = header[position + 2 : position + 2 + length]
        if kind == 0x00 and len(element) == 3:
            return Concat(element[0], 8, element[1], element[2])
        if kind == 0x08 and len(element) == 4:
            return Concat(element[0] << 8 | element[1], 16, element[2], element[3])
        position += 2 + length
    return None


def _alphabet(coding: int) -> str:
    """Return the alphabet of a TP-DCS (23.038 section 4)."""
    group = coding >> 4
    if group <= 0x07:
        return {0: "gsm7", 1: "8bit", 2: "ucs2", 3: "gsm7"}[coding >> 2 & 0x03]
    if group == 0x0F:
        return "8bit" if coding & 0x04 else "gsm7"
    return "ucs2" if group == 0x0E else "gsm7"


class Deliver(Struct, frozen=True):
    """An SMS-DELIVER as text mode shows it."""

    sender: str
    sent_at: str  # "yy/MM/dd,hh:mm:ss±zz"
    text: str


def decode_deliver(stored_hex: str) -> Deliver:
    """Return what text mode shows of a stored SMS-DELIVER; raises SubmitError when it cannot be read."""
    octets = Octets(bytes.fromhex(stored_hex))
    octets.take(octets.octet("SMSC"), "SMSC")
    first = octets.octet("first octet")
    if first & 0x03:
        raise SubmitError("TP-MTI is not SMS-DELIVER")
    sender = decode_address(octets, "TP-OA")
    octets.octet("TP-PID")
    coding = octets.octet("TP-DCS")
    stamp = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in octets.take(7, "TP-SCTS"))
    body = Body(coding, octets.octet("TP-UDL"), octets.rest(), has_header=bool(first & _UDHI))
    text, _ = decode_body(body)
    zone = int(stamp[12], 16)
    sign = "-" if zone & 0x08 else "+"
    sent_at = (
        f"{stamp[0:2]}/{stamp[2:4]}/{stamp[4:6]},{stamp[6:8]}:{stamp[8:10]}:{stamp[10:12]}"
        f"{sign}{zone & 0x07}{stamp[13]}"
    )
    return Deliver(sender, sent_at, text)
