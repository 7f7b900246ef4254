"""Taking persons out of a serial dialogue: stand-ins of the same length for numbers and texts, in PDUs too. Pure.

- A run of six digits or more is a number: the same stand-in each time, so that what was equal stays equal.
- In a PDU the addresses, the time stamp and the text are replaced octet for octet; what decoded decodes still.
- A text keeps its shape: letters become `x` or `X`, digits `0`; blanks and marks stay.
- A PIN becomes zeros.
"""

from __future__ import annotations

import re
import unicodedata

from . import gsm7

NUMBER_DIGITS_MAX = 22  # an ICCID has 20; what is longer and all digits is hex
_RUN = re.compile(r"\d{6,}")
_PDU_LINE = re.compile(r"(?P<prompt>> ?)?(?P<hex>(?:[0-9A-Fa-f]{2}){7,})(?P<end>\x1a?)")
_TEXT_HEADER = re.compile(r'\+CM(?:G[LR]|T):.*"|\+CDS:.*"')
_HEX_RUN = re.compile(r"[0-9A-Fa-f]{14,}")
# an echo is a whole command: a text may begin with "ATAS NAMA"
_ANSWER = re.compile(r"OK|ERROR|\+C[A-Z]+:.*|AT(?:[A-Z]\d*|[+^*%$#&].*)?", re.DOTALL)
_SPOKEN = re.compile(
    r"\+(?:CUSD|CNUM|CLIP|CCWA|COLP|CPBR|CPBF|CMGL|CMGR|CMT)\b|AT\+(?:CUSD|CMGS|CMGW|CPBW)=", re.I
)
_PIN = re.compile(r"(AT\+(?:CPIN|CLCK|CPWD)=)(.*)", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)("|$)')
_LINE_END = re.compile(r"([\r\n\x1a]+)")
_DELIVER, _SUBMIT, _REPORT = 0, 1, 2
_UDHI = 0x40
_ALPHANUMERIC = 5
_SCTS_OCTETS = 7
_ESCAPE = 0x1B


class Redactor:
    """The stand-ins of one dialogue."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}
        self._moments: dict[bytes, bytes] = {}
        self._is_text_next = False  # a header in text mode: the next line is an SMS
        self._is_quote_open = False  # an answer to a USSD code goes over several lines

    # -- lines

    def redact(self, said: str) -> str:
        """Return what one side said, as long as it was; line ends stay where they are."""
        pieces = _LINE_END.split(said)
        return "".join(
            piece if number % 2 else self._redact_line(piece) for number, piece in enumerate(pieces)
        )

    def _redact_line(self, line: str) -> str:
        if not line:
            return line
        if self._is_quote_open and _ANSWER.fullmatch(line) is None:
            text, quote, rest = line.partition('"')
            self._is_quote_open = not quote
            return hide_text(text) + quote + self._redact_runs(rest)
        self._is_quote_open = False
        if self._is_text_next and _ANSWER.fullmatch(line) is None:
            return hide_text(line)
        self._is_text_next = False
        if (secret := _PIN.fullmatch(line)) is not None:
            return secret[1] + re.sub(r"\d", "0", secret[2])
        if (found := _PDU_LINE.fullmatch(line)) is not None:
            return self._redact_hex(found)
        self._is_text_next = _TEXT_HEADER.match(line) is not None or _begins_text(line)
        if _SPOKEN.match(line):
            self._is_quote_open = line.count('"') % 2 == 1
            line = _QUOTED.sub(lambda quoted: f'"{self._redact_quoted(quoted[1])}{quoted[2]}', line)
        # hex that is no whole line is a damaged PDU, or a text in UCS-2
        line = _HEX_RUN.sub(self._redact_run_of_hex, line)
        return self._redact_runs(line)

    def _redact_run_of_hex(self, run: re.Match[str]) -> str:
        return (
            run[0] if run[0].isdigit() and len(run[0]) <= NUMBER_DIGITS_MAX else "0" * len(run[0])
        )

    def _redact_hex(self, found: re.Match[str]) -> str:
        if found["hex"].isdigit() and len(found["hex"]) <= NUMBER_DIGITS_MAX:
            return self._redact_runs(found[0])  # an IMEI, IMSI or ICCID, not a PDU
        pdu = self.redact_pdu(bytes.fromhex(found["hex"])).hex()
        shown = pdu if found["hex"].islower() else pdu.upper()
        return f"{found['prompt'] or ''}{shown}{found['end']}"

    def _redact_quoted(self, quoted: str) -> str:
        if quoted in ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"):
            return quoted
        number = quoted.removeprefix("+")
        return self._redact_runs(quoted) if number.isdigit() else hide_text(quoted)

    def _redact_runs(self, line: str) -> str:
        return _RUN.sub(lambda run: self._stand_in(run[0]), line)

    def _stand_in(self, number: str) -> str:
        """Return as many other digits; the same for the same number."""
        if number not in self._numbers:
            count = len(self._numbers) + 1
            self._numbers[number] = f"{count:0{len(number)}d}"[-len(number) :]
        return self._numbers[number]

    # -- PDUs

    def redact_pdu(self, pdu: bytes) -> bytes:
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
            at += {0: 0, 2: 1}.get(first >> 3 & 0x03, 7)
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
        hidden = self._stand_in(digits) if digits.isdigit() else re.sub(r"\d", "0", digits)
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


def _begins_text(line: str) -> bool:
    """Say whether a command in text mode is answered by a prompt for a text."""
    return re.match(r'AT\+CMG[SW]=.*"', line, re.IGNORECASE) is not None


def _require(octets: bytearray, end: int) -> None:
    if end > len(octets):
        raise IndexError


def _hide_user_data(octets: bytearray, at: int, data_coding: int, *, has_header: bool) -> None:
    """Replace the text of TP-UD; a user data header stays, for it says how the parts belong together."""
    length = octets[at]
    start = at + 1
    header = octets[start] + 1 if has_header and start < len(octets) else 0
    alphabet = _alphabet(data_coding)
    if alphabet == 7:
        count = min(length, (len(octets) - start) * 8 // 7)
        _hide_septets(octets, start, len(octets), (header * 8 + 6) // 7, count)
    elif alphabet == 16:
        units = octets[start + header :]
        octets[start + header :] = b"".join(
            _hide_unit(units[n : n + 2]) for n in range(0, len(units), 2)
        )
    else:
        octets[start + header :] = bytes(len(octets[start + header :]))


def _alphabet(data_coding: int) -> int:
    """Return the bits of a character (23.038 section 4)."""
    group = data_coding >> 4
    if group == 0x0E:
        return 16
    if group == 0x0F:
        return 8 if data_coding & 0x04 else 7
    return {0: 7, 1: 8, 2: 16}.get(data_coding >> 2 & 0x03, 7) if group < 0x08 else 7


def _hide_unit(unit: bytes | bytearray) -> bytes:
    code = int.from_bytes(unit, "big")
    if len(unit) < 2 or 0xD800 <= code <= 0xDFFF:  # half an emoji: a pair stays one
        return b"\xd8\x3d" if code < 0xDC00 and len(unit) == 2 else b"\xde\x00"[: len(unit)]
    character = chr(code)
    if unicodedata.category(character)[0] in "LMN":
        return _hide_character(character).encode("utf-16-be")
    return bytes(unit)


def _hide_septets(octets: bytearray, start: int, end: int, first: int, count: int) -> None:
    """Replace the letters and digits among packed septets, from number `first` on."""
    bits = int.from_bytes(octets[start:end], "little")
    for index in range(first, count):
        septet = bits >> 7 * index & 0x7F
        shown = gsm7.read_text(bytes([septet])) if septet != _ESCAPE else ""
        if shown.isalnum():
            hidden = 0x30 if shown.isdigit() else 0x58 if shown.isupper() else 0x78
            bits ^= (septet ^ hidden) << 7 * index
    octets[start:end] = bits.to_bytes(end - start, "little")
