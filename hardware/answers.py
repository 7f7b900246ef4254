"""What the lines of an answer say (27.005, 27.007). Pure; nothing here raises for what a modem wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from msgspec import Struct, field

from .errors import CME_SENSES, CMS_SENSES, CommandError
from .facts import Registration, Signal

IMEI_DIGITS = 14  # type allocation code and serial number
ORPHAN_DIGITS = 20  # fewer hex digits are no PDU, only noise

_ERROR = re.compile(r"\+CM([ES]) ERROR:\s*(.*)$")
_HEADER = re.compile(r'\+CMGL:\s*(\d+)\s*,\s*(\d+)\s*,(?:\s*(?:"[^"]*"|[^,"]*)\s*,)?\s*(\d+)$')
_CUT_HEADER = re.compile(r"\+CMGL:\s*(\d+)\s*(?:,|$)")
_TEXT_HEADER = re.compile(r'\+CMG[LR]:\s*(?:\d+\s*,\s*)?"')
_READ_HEADER = re.compile(r'\+CMGR:\s*(\d+)\s*,(?:\s*(?:"[^"]*"|[^,"]*)\s*,)?\s*(\d+)$')
_DIRECT_HEADER = re.compile(r'\+(?:CMT|CDS):\s*(?:(?:"[^"]*"|[^,"]*)\s*,)?\s*(\d+)$')
_HEX = re.compile(r"[0-9A-Fa-f]+$")
_CPMS_PAIR = re.compile(r"(\d+)\s*,\s*(\d+)")
_CREG = re.compile(r"\+C(?:E|G)?REG:\s*\d+\s*,\s*(\d+)")
_CSQ = re.compile(r"\+CSQ:\s*(\d+)")
_COPS = re.compile(r'\+COPS:\s*\d+\s*,\s*\d+\s*,\s*"([^"]*)"')
_QUOTED = re.compile(r'"([^"]*)"')

_REGISTRATION_WORDS = {
    0: "not registered",
    1: "home",
    2: "searching",
    3: "denied",
    4: "unknown",
    5: "roaming",
    6: "home, SMS only",
    7: "roaming, SMS only",
}


class RefusedAnswer(Struct, frozen=True):
    """An error as the modem put it: family "E" (+CME), "S" (+CMS) or "" (a bare ERROR)."""

    family: str
    code: int | None
    sense: str


class Pair(Struct, frozen=True):
    """A header with its PDU; `pdu` is None where the pair is damaged, and `octets` then are what stood there."""

    index: int
    stat: int
    length: int | None
    pdu: bytes | None
    octets: bytes = b""


class Header(Struct, frozen=True):
    """What a `+CMGL` or `+CMGR` line says; `length` is None where the line is damaged behind the index."""

    index: int
    stat: int
    length: int | None


class Reading(Struct):
    """One AT+CMGL answer."""

    pairs: list[Pair] = field(default_factory=list)
    is_text_mode: bool = False
    has_orphan: bool = False  # a PDU, or a header, that cannot be told where it belongs
    is_whole: bool = True  # nothing was passed over that may have been a pair


def read_error(line: str) -> RefusedAnswer:
    """Read a final result code other than OK; a textual one is turned back into its code where we know it."""
    found = _ERROR.match(line)
    if found is None:
        return RefusedAnswer("", None, "no reason given")
    family, said = found[1], found[2].strip()
    senses = CME_SENSES if family == "E" else CMS_SENSES
    if said.isascii() and said.isdigit():
        return RefusedAnswer(family, int(said), senses.get(int(said), "a code without a name here"))
    for code, sense in senses.items():
        if sense.lower() == said.lower():
            return RefusedAnswer(family, code, sense)
    return RefusedAnswer(family, None, "a reason in words that we do not know")


def read_listing(lines: Sequence[str]) -> Reading:
    """Pair headers and PDUs. Lines between the pairs are noise; a damaged pair keeps its index and nothing else.

    The PDU is the very next line after its header, or the pair is damaged: a later one may belong to a header that was
    lost, and would be deleted under this one's index.
    """
    reading = Reading()
    header: Header | None = None
    seen: list[str] = []  # since the header
    for line in lines:
        if line.startswith("+CMGL"):
            _close_pair(reading, header, seen)
            header, seen = _read_header(reading, line), []
        else:
            seen.append(line)
    _close_pair(reading, header, seen)
    _distrust_disorder(reading)
    return reading


def _read_header(reading: Reading, line: str) -> Header | None:
    found = _HEADER.match(line)
    if found:
        return Header(int(found[1]), int(found[2]), int(found[3]))
    if _TEXT_HEADER.match(line):
        reading.is_text_mode = True
        return None
    cut = _CUT_HEADER.match(line)
    if cut:
        return Header(int(cut[1]), 0, None)
    reading.has_orphan = True
    return None


def _close_pair(reading: Reading, header: Header | None, seen: list[str]) -> None:
    reading.is_whole &= len(seen) == (0 if header is None else 1)
    if header is None:
        reading.has_orphan |= any(_is_like_pdu(line) for line in seen)
        return
    pdu = whole_pdu(seen[0], header.length) if seen else None
    octets = seen[0].encode("latin-1") if seen and pdu is None else b""
    reading.pairs.append(Pair(header.index, header.stat, header.length, pdu, octets))
    reading.has_orphan |= any(_is_like_pdu(line) for line in seen[1:])


def _is_like_pdu(line: str) -> bool:
    return len(line) >= ORPHAN_DIGITS and _HEX.match(line) is not None


def _distrust_disorder(reading: Reading) -> None:
    """Forget the pairs whose index is out of order or comes twice, so that they are read again one by one.

    A listing ascends. Where it does not, an octet was lost or changed on the line, and deleting by that index would
    free another message's slot.
    """
    pairs = reading.pairs
    highest = list(accumulate((pair.index for pair in pairs), max))
    lowest = list(accumulate((pair.index for pair in reversed(pairs)), min))[::-1]
    for number, pair in enumerate(pairs):
        is_after = number == 0 or highest[number - 1] < pair.index
        is_before = number == len(pairs) - 1 or pair.index < lowest[number + 1]
        if not (is_after and is_before):
            pairs[number] = Pair(pair.index, pair.stat, None, None)
    unique = {(pair.index, pair.pdu): pair for pair in pairs}
    reading.pairs = list(unique.values())


def read_one(lines: Sequence[str], index: int) -> Pair | None:
    """Read an AT+CMGR answer; None for an empty slot, which some modems answer with a bare OK."""
    for number, line in enumerate(lines):
        if found := _READ_HEADER.match(line):
            stat, length = int(found[1]), int(found[2])
            body = lines[number + 1] if number + 1 < len(lines) else ""
            pdu = whole_pdu(body, length)
            return Pair(index, stat, length, pdu, b"" if pdu else body.encode("latin-1"))
    return Pair(index, 0, None, None, "\n".join(lines).encode("latin-1")) if lines else None


def is_text_mode_answer(lines: Iterable[str]) -> bool:
    """Say whether an AT+CMGR or AT+CMGL answer is in text mode."""
    return any(_TEXT_HEADER.match(line) for line in lines)


def whole_pdu(line: str, length: int | None) -> bytes | None:
    """Return the octets when the line is hex and exactly as long as its header says, else None."""
    try:
        pdu = bytes.fromhex(line)
    except ValueError:
        return None
    if length is None or not pdu or len(pdu) != 1 + pdu[0] + length:
        return None
    return pdu


def read_direct_length(line: str) -> int | None:
    """Read how long a `+CMT` or `+CDS` header in PDU mode says that its TPDU is; None in text mode."""
    found = _DIRECT_HEADER.match(line)
    return int(found[1]) if found else None


def replaces_in_place(pdu: bytes) -> bool:
    """Say whether a newer SMS of this sender may have taken the slot (TP-PID 41h to 47h, 23.040 section 9.2.3.9)."""
    first = 1 + pdu[0] if pdu else 0
    if len(pdu) < first + 2 or pdu[first] & 0x03:
        return False  # not an SMS-DELIVER
    at = first + 3 + (pdu[first + 1] + 1) // 2
    return at < len(pdu) and 0x41 <= pdu[at] <= 0x47


def read_usage(lines: Iterable[str]) -> tuple[int, int] | None:
    """Read used and total of the first memory from the answer to AT+CPMS= or AT+CPMS?."""
    for line in lines:
        if line.startswith("+CPMS:") and (found := _CPMS_PAIR.search(line)):
            return int(found[1]), int(found[2])
    return None


def read_memories(lines: Iterable[str]) -> list[str]:
    """Read the names in the answer to AT+CPMS?: where we read, where drafts go, where new SMS go."""
    for line in lines:
        if line.startswith("+CPMS:"):
            return _QUOTED.findall(line)
    return []


def read_numbers(lines: Iterable[str], prefix: str) -> list[int] | None:
    """Read `+XXXX: 1,2,0` as numbers; None when no line says so."""
    for line in lines:
        if line.startswith(prefix):
            fields = line[len(prefix) :].lstrip(": ").split(",")
            numbers = [f.strip() for f in fields]
            if all(n.isascii() and n.isdigit() for n in numbers):
                return [int(n) for n in numbers]
    return None


def read_signal(lines: Iterable[str]) -> Signal:
    """Read AT+CSQ (27.007 section 8.5); 99 is not known."""
    for line in lines:
        if (found := _CSQ.match(line)) and int(found[1]) <= 31:
            rssi = int(found[1])
            return Signal(rssi, -113 + 2 * rssi)
    return Signal(None, None)


def read_registration(lines: Iterable[str]) -> Registration:
    """Read AT+CREG?, extended or not; a URC among the lines has one number only and is passed over."""
    stat = 4
    for line in lines:
        if found := _CREG.match(line):
            stat = int(found[1])
    word = _REGISTRATION_WORDS.get(stat, "unknown")
    return Registration(stat, word, stat in (1, 5, 6, 7), stat in (5, 7), None)


def read_operator(lines: Iterable[str]) -> str | None:
    """Read the operator's name from AT+COPS?; None while there is none."""
    for line in lines:
        if found := _COPS.match(line):
            return found[1] or None
    return None


def read_digits(lines: Iterable[str]) -> str | None:
    """Read the first run of ten or more digits: an IMEI, IMSI or ICCID, with whatever prefix and quotes."""
    for line in lines:
        if found := re.search(r"\d{10,}", line):
            return found[0]
    return None


def read_text(lines: Iterable[str]) -> str:
    """Read a free line such as the manufacturer's name, with whatever prefix and quotes."""
    for line in lines:
        return line.partition(": ")[2].strip('" ') if line.startswith("+") else line.strip('" ')
    return ""


def is_same_imei(one: str, other: str) -> bool:
    """Compare without the last digits: a check digit, or the version of the software in its place (23.003)."""
    return one[:IMEI_DIGITS] == other[:IMEI_DIGITS]


def legible(command: str, lines: list[str]) -> list[str]:
    """Return the lines, or raise CommandError where the package would trip over them with whatever comes."""
    wanted = {"AT+CFUN?": "+CFUN: ", "AT+WIND?": "+WIND: ", "AT+CPMS=?": "+CPMS: ("}.get(command)
    if wanted is None:
        return lines
    for line in lines:
        if line.startswith(wanted) and line[len(wanted) : len(wanted) + 1].strip():
            offers = line.split("),(") if command == "AT+CPMS=?" else []
            if all('"SM"' in offer or '"ME"' in offer for offer in offers):
                return lines
    raise CommandError(
        command[2:-1].rstrip("="), None, "its answer is not what the package expects"
    )
