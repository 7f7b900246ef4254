"""Stand-ins for what names a person: as long as what they replace, in numbers, texts and PDUs. Pure.

- A number gets the same stand-in each time, so that what was equal stays equal.
- In a PDU the addresses, the time stamp and the text are replaced octet for octet; what decoded decodes still. What
  stands behind its end, or in a header that says more than how parts belong together, becomes zeros.
- A text keeps its shape: letters become `x` or `X`, digits `0`; blanks and marks stay.
"""

from __future__ import annotations

import re
import unicodedata

from . import gsm7

_DELIVER, _REPORT = 0, 2  # 1 is SMS-SUBMIT
_UDHI = 0x40
_ALPHANUMERIC = 5
_SCTS_OCTETS = 7
_ESCAPE = 0x1B
# elements of a user data header that name nobody (23.040 section 9.2.3.24): concatenation, ports, language tables
_HARMLESS_ELEMENTS = frozenset((0x00, 0x04, 0x05, 0x08, 0x24, 0x25))


class StandIns:
    """Those of one dialogue."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}
        self._given: set[str] = set()  # stand-ins, which need none
        self._moments: dict[bytes, bytes] = {}

    def of_number(self, number: str) -> str:
        """Return as many other digits; the same for the same number."""
        if number in self._given:
            return number
        if number not in self._numbers:
            count = len(self._numbers) + 1
            self._numbers[number] = f"{count:0{len(number)}d}"[-len(number) :]
            self._given.add(self._numbers[number])
        return self._numbers[number]

    def of_pdu(self, pdu: bytes) -> bytes:
        """Return a PDU as a modem stores it, or takes it, with stand-ins; what is none loses all but its beginning."""
        octets = bytearray(pdu)
        try:
            self._redact_fields(octets)
        except IndexError:
            octets[2:] = bytes(len(octets[2:]))
        return bytes(octets)

    def _redact_fields(self, octets: bytearray) -> None:
        at = 1 + octets[0]
        if octets[0]:
            self._redact_digits(octets, 2, at)
        first = octets[at]
        kind = first & 0x03
        at += 1 if kind == _DELIVER else 2  # a TP-MR stands before the address of the others
        at = self._redact_address(octets, at)
        if kind == _REPORT:
            self._redact_moment(octets, at)
            self._redact_moment(octets, at + _SCTS_OCTETS)
            _require(octets, at + 2 * _SCTS_OCTETS + 1)
            octets[at + 2 * _SCTS_OCTETS + 1 :] = bytes(len(octets) - at - 2 * _SCTS_OCTETS - 1)
            return
        data_coding = octets[at + 1]
        at += 2
        if kind == _DELIVER:
            self._redact_moment(octets, at)
            at += _SCTS_OCTETS
        else:
            validity = {0: 0, 2: 1}.get(first >> 3 & 0x03, 7)
            _require(octets, at + validity)
            octets[at : at + validity] = bytes(validity)
            at += validity
        _hide_user_data(octets, at, data_coding, has_header=bool(first & _UDHI))

    def _redact_address(self, octets: bytearray, at: int) -> int:
        semi_octets, kind = octets[at], octets[at + 1] >> 4 & 0x07
        end = at + 2 + (semi_octets + 1) // 2
        _require(octets, end)
        if kind == _ALPHANUMERIC:
            _hide_septets(octets, at + 2, end, 0, semi_octets * 4 // 7)
        else:
            self._redact_digits(octets, at + 2, end)
        return end

    def _redact_digits(self, octets: bytearray, start: int, end: int) -> None:
        """Replace swapped semi-octets; the filler and the signs among them stay."""
        _require(octets, end)
        swapped = "".join(f"{octet & 0x0F:X}{octet >> 4:X}" for octet in octets[start:end])
        digits = swapped.rstrip("F")
        hidden = self.of_number(digits) if digits.isdigit() else re.sub(r"\d", "0", digits)
        hidden += "F" * (len(swapped) - len(digits))
        octets[start:end] = bytes.fromhex(
            "".join(hidden[n + 1] + hidden[n] for n in range(0, len(hidden), 2))
        )

    def _redact_moment(self, octets: bytearray, at: int) -> None:
        """Replace a time stamp by one of our own, in the same zone; different ones stay different."""
        end = at + _SCTS_OCTETS
        _require(octets, end)
        moment = bytes(octets[at:end])
        if moment not in self._moments:
            count = len(self._moments) + 1
            clock = f"{count // 3600 % 24:02d}{count // 60 % 60:02d}{count % 60:02d}"
            swapped = "".join(clock[n + 1] + clock[n] for n in (0, 2, 4))
            self._moments[moment] = bytes.fromhex(f"621010{swapped}") + moment[6:]
        octets[at:end] = self._moments[moment]


def hide_text(text: str) -> str:
    """Return a text of the same length and shape that says nothing."""
    return "".join(map(_hide_character, text))


def _hide_character(character: str) -> str:
    if character.isdigit():
        return "0"
    if not character.isalpha() and ord(character) < 0x80:
        return character
    if not character.isascii():
        return "\u00e9" if ord(character) < 0x100 else "\u0416"  # one unit for one
    return "X" if character.isupper() else "x"


def _require(octets: bytearray, end: int) -> None:
    if end > len(octets):
        raise IndexError


def _hide_user_data(octets: bytearray, at: int, data_coding: int, *, has_header: bool) -> None:
    """Replace the text of TP-UD, and what stands behind it; of a header stays what says how parts belong together."""
    length, start = octets[at], at + 1
    header = 0
    if has_header and start < len(octets):
        header = _hide_header(octets, start)
    bits_each = _alphabet(data_coding)
    end = min(start + ((length * 7 + 7) // 8 if bits_each == 7 else length), len(octets))
    octets[end:] = bytes(len(octets) - end)
    if bits_each == 7:
        count = min(length, (end - start) * 8 // 7)
        _hide_septets(octets, start, end, (header * 8 + 6) // 7, count)
    elif bits_each == 16:
        units = octets[start + header : end]
        octets[start + header : end] = b"".join(
            _hide_unit(units[n : n + 2]) for n in range(0, len(units), 2)
        )
    else:
        octets[start + header : end] = bytes(max(end - start - header, 0))


def _hide_header(octets: bytearray, start: int) -> int:
    """Blank the elements of a header that may name somebody; return its octets, the length itself among them.

    A header that is none is nothing but its length.
    """
    at, end = start + 1, start + 1 + octets[start]
    if end > len(octets):
        return 1
    while at < end:
        first = at + 2
        is_whole = first <= end and first + octets[at + 1] <= end
        if not is_whole:
            octets[at:end] = bytes(end - at)
            break
        after = first + octets[at + 1]
        if octets[at] not in _HARMLESS_ELEMENTS or after - first > 4:
            octets[first:after] = bytes(after - first)
        at = after
    return end - start


def _alphabet(data_coding: int) -> int:
    """Return the bits of a character (23.038 section 4); 8 also for what is compressed or reserved."""
    group = data_coding >> 4
    if group in (0x0C, 0x0D):
        return 7
    if group == 0x0E:
        return 16
    if group == 0x0F:
        return 8 if data_coding & 0x04 else 7
    if group >= 0x08 or data_coding & 0x20:
        return 8
    return {0: 7, 1: 8, 2: 16}.get(data_coding >> 2 & 0x03, 8)


def _hide_unit(unit: bytes | bytearray) -> bytes:
    code = int.from_bytes(unit, "big")
    if len(unit) < 2 or 0xD800 <= code <= 0xDFFF:  # half an emoji: a pair stays one
        return b"\xd8\x3d" if code < 0xDC00 and len(unit) == 2 else b"\xde\x00"[: len(unit)]
    character = chr(code)
    if unicodedata.category(character)[0] in "LMN":
        return _hide_character(character).encode("utf-16-be")
    return bytes(unit)


def _hide_septets(octets: bytearray, start: int, end: int, first: int, count: int) -> None:
    """Replace the letters and digits among packed septets, from number `first` to `count`; blank the bits behind."""
    bits = int.from_bytes(octets[start:end], "little") & ((1 << 7 * max(count, first)) - 1)
    for index in range(first, count):
        septet = bits >> 7 * index & 0x7F
        shown = gsm7.read_text(bytes([septet])) if septet != _ESCAPE else ""
        if shown.isalnum():
            hidden = 0x30 if shown.isdigit() else 0x58 if shown.isupper() else 0x78
            bits ^= (septet ^ hidden) << 7 * index
    octets[start:end] = bits.to_bytes(end - start, "little")
