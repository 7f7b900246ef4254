"""Taking persons out of a serial dialogue, line by line; stand_ins.py says what takes their place. Pure.

- A run of six digits or more is a number; a PIN becomes zeros; quotes are hidden in an answer that names people.
- Behind the header of a message in PDU mode stands a PDU, whole or damaged.
- From the first text on (a message in text mode, a USSD answer of several lines) more of it may stand anywhere, with a
  line `OK` in it: what is not plainly said by a modem is then hidden to the end, and in what is, any other word.
- What we say is a command, or the body of an SMS.
"""

from __future__ import annotations

import re

from .errors import CME_SENSES, CMS_SENSES
from .stand_ins import StandIns, hide_text
from .urc import kind_of

NUMBER_DIGITS_MAX = 22  # an ICCID has 20; what is longer and all digits is hex
_RUN = re.compile(r"\d{6,}")
_PDU_LINE = re.compile(r"(?P<prompt>> ?)?(?P<hex>(?:[0-9A-Fa-f]{2}){7,})(?P<end>\x1a?)")
_PDU_HEADER = re.compile(r'\+CM(?:GL: ?\d+,|GR: ?)\d|\+(?:CMT|CDS|CBM):[^+"]*\d$')
# of a message in text mode; where its name was garbled, a time behind another quoted field gives it away
_TEXT_HEADER = re.compile(
    r'\+CM(?:G[LR]|T):.*"|\+CDS:.*"|.*".*"\d\d/\d\d/\d\d,\d\d:|AT\+CMG[SW]=.*"', re.IGNORECASE
)
_HEX_RUN = re.compile(r"[0-9A-Fa-f]{14,}")
_HEX_DIGIT = re.compile(r"[0-9A-Fa-f]")
_SPOKEN = re.compile(
    r"\+(?:CUSD|CNUM|CLIP|CCWA|COLP|CPBR|CPBF|CMGL|CMGR|CMT|CDS)\b|AT\+(?:CUSD|CMGS|CMGW|CPBW|CPBF)=", re.I
)  # fmt: skip
_PIN = re.compile(r"(\+(?:CPIN2?|CLCK|CPWD)=)([^;]*)", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)("|$)')
_USSD = re.compile(r'(\+CUSD: ?\d+ ?, ?")(.*)', re.DOTALL)
_USSD_END = re.compile(r'"(?: ?, ?\d+)? ?$')
_LINE_END = re.compile(r"([\r\n\x1a]+)")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ERROR = re.compile(r"\+CM[ES] ERROR: ?(.*)")
_SAID = re.compile(r"(?:AT)?[+^*%$]([A-Z0-9]+)\b", re.IGNORECASE)
_PLAIN_COMMAND = re.compile(r"AT(?:[A-Z]\d?|S\d+(?:=\d+|\?)|&[A-Z]\d?)?", re.IGNORECASE)

# what a modem says by itself, whatever the mode
_NAMES = frozenset((
    "CBC", "CBM", "CBMI", "CCID", "CCLK", "CCWA", "CDS", "CDSI", "CEER", "CEREG", "CFUN", "CGATT", "CGMI",
    "CGMM", "CGMR", "CGREG", "CGSN", "CHUP", "CIEV", "CIMI", "CLAC", "CLCC", "CLIP", "CMEE", "CMGD", "CMGF",
    "CMGL", "CMGR", "CMGS", "CMGW", "CMT", "CMTI", "CNMA", "CNMI", "CNUM", "COLP", "COPS", "CPAS", "CPIN",
    "CPINR", "CPMS", "CRC", "CREG", "CRING", "CSCA", "CSCS", "CSDH", "CSMP", "CSMS", "CSQ", "CTZV", "CUSD",
    "CVHU", "QCCID", "ICCID",
))  # fmt: skip
_WORDS = frozenset((
    "REC", "UNREAD", "READ", "STO", "UNSENT", "SENT", "ALL", "READY", "NOT", "SIM", "PIN", "PUK", "SM", "ME",
    "MT", "SR", "BM", "GSM", "UCS", "VOICE", "AT",
))  # fmt: skip
_SENSES = frozenset(sense.lower() for sense in (*CME_SENSES.values(), *CMS_SENSES.values()))


class Redactor:
    """The stand-ins of one dialogue, and where each of its two sides stands."""

    def __init__(self) -> None:
        self._stand_ins = StandIns()
        self.redact_pdu = self._stand_ins.of_pdu
        self._has_texts = False  # one was said
        self._is_pdu_next = False
        self._is_ussd_open = False  # an answer to a USSD code goes over several lines
        self._is_body_next = False  # of ours: a text is asked for

    def redact(self, heard: str) -> str:
        """Return what the modem said, as long as it was; line ends stay where they are."""
        pieces = _LINE_END.split(heard)
        return "".join(
            piece if number % 2 else self._redact_line(piece) for number, piece in enumerate(pieces)
        )

    def redact_ours(self, said: str) -> str:
        """Return what we said, likewise."""
        pieces = [*_LINE_END.split(said), ""]
        return "".join(
            self._redact_ours(piece, pieces[number + 1]) if number % 2 == 0 else piece
            for number, piece in enumerate(pieces)
        )

    # -- lines

    def _redact_line(self, line: str) -> str:
        if not line:
            return line
        is_pdu_due, self._is_pdu_next = self._is_pdu_next, False
        if line in ("OK", "ERROR"):
            return line
        if self._is_ussd_open:
            return self._redact_ussd(line)
        if is_pdu_due and not line.startswith("+"):
            return self._redact_pdu_line(line)
        if _PDU_HEADER.match(line):
            self._is_pdu_next = True
        elif _TEXT_HEADER.match(line):
            self._has_texts = True
        if (ussd := _USSD.match(line)) is not None:
            return ussd[1] + self._redact_ussd(ussd[2])
        if not self._has_texts:
            return self._redact_said(line)
        return self._redact_among_texts(line)

    def _redact_among_texts(self, line: str) -> str:
        """Return a line that may be a citizen's: only what a modem says, and of that only its own words."""
        if (error := _ERROR.fullmatch(line)) is not None:
            return line if error[1].isdigit() or error[1].lower() in _SENSES else hide_text(line)
        if _PLAIN_COMMAND.fullmatch(line) or (":" not in line and kind_of(line) is not None):
            return line
        said = _SAID.match(line)
        if said is None or said[1].upper() not in _NAMES:
            return hide_text(line)
        rest = self._redact_said(line)[said.end() :]
        return said[0] + _WORD.sub(lambda word: _hide_word(word[0]), rest)

    def _redact_said(self, line: str) -> str:
        """Return a line of the modem's, or a command, without what it says of persons."""
        if (found := _PDU_LINE.fullmatch(line)) is not None:
            return self._redact_hex(found)
        line = _PIN.sub(lambda secret: secret[1] + re.sub(r"\d", "0", secret[2]), line)
        if _SPOKEN.match(line):
            line = _QUOTED.sub(lambda quoted: f'"{self._redact_quoted(quoted[1])}{quoted[2]}', line)
        # hex that is no whole line is a damaged PDU, or a text in UCS-2
        line = _HEX_RUN.sub(self._redact_run_of_hex, line)
        return self._redact_runs(line)

    def _redact_ussd(self, said: str) -> str:
        """Return what the network said, and what ends it: the last quote of a line, and the coding behind it."""
        end = _USSD_END.search(said)
        self._is_ussd_open = end is None
        if end is None or said.count('"') > 1:  # where it ends is not sure
            self._has_texts = True
        if end is None:
            return hide_text(said)
        return hide_text(said[: end.start()]) + end[0]

    def _redact_ours(self, line: str, end: str) -> str:
        escape = line[: len(line) - len(line.lstrip("\x1b"))]
        if escape:
            self._is_body_next = False
        line = line.removeprefix(escape)
        if self._is_body_next or "\x1a" in end or not line.upper().startswith("AT"):
            self._is_body_next = self._is_body_next and "\x1a" not in end
            found = _PDU_LINE.fullmatch(line)
            return escape + (hide_text(line) if found is None else self._redact_hex(found))
        self._is_body_next = _TEXT_HEADER.match(line) is not None
        return escape + self._redact_said(line)

    # -- parts of lines

    def _redact_pdu_line(self, line: str) -> str:
        found = _PDU_LINE.fullmatch(line)
        if found is not None and len(line) > NUMBER_DIGITS_MAX:
            return self._redact_hex(found)
        return hide_text(_HEX_DIGIT.sub("0", line))

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
        return _RUN.sub(lambda run: self._stand_ins.of_number(run[0]), line)


def _hide_word(word: str) -> str:
    return word if word.upper() in _WORDS else hide_text(word)
