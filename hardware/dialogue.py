"""Which line is for whom: what a modem writes, cut into lines, each given to the command that is out or to the URCs.

No I/O: fed with text by the link's reader. Rules:

- A line is known by its content. A URC is one also inside an answer, unless it begins as the command that is out does.
- An answer ends with a final result code, or with a prompt at the start of a line where one is wanted.
- `+CMT`, `+CDS` and `+CBM` take the next line too.
- An answer, or a PDU, while no command is out belongs to a command that was given up: it makes the dialogue dirty.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from msgspec import Struct

from .urc import WITH_BODY, UrcKind, kind_of

LINE_CHARACTERS_MAX = 16 * 1024  # AT+CLAC lists every command in one line on some modems
ANSWER_LINES_MAX = 20_000

RESTARTED = "restarted"  # Exchange.trouble: the modem restarted while the command was out
FLOODED = "flooded"  # Exchange.trouble: more lines than any answer has
NO_PREFIX = "\0"  # what no line begins with

FINAL = re.compile(r"(OK|ERROR|\+CM[ES] ERROR:.*|COMMAND NOT SUPPORT)$")

_PREFIX = re.compile(r"AT([+^*%#$][A-Z0-9]+)", re.IGNORECASE)
_DIRECT_IN_PDU_MODE = re.compile(r"\+(?:CMT|CDS|CBM):\s*(?:[^,]*,)?\s*\d+$")
_HEX = frozenset("0123456789ABCDEFabcdef")
# what no line begins or ends with: control characters, blanks, and the octets of line noise
_JUNK = "".join(map(chr, (*range(0x21), *range(0x7F, 0x100))))


class Urc(Struct, frozen=True):
    """One unsolicited line, with the line that belongs to it where there is one."""

    kind: UrcKind
    line: str
    body: str | None = None


class Exchange:
    """One command and what has come back for it; `signal` is released once it is over."""

    __slots__ = (
        "command", "has_prompt", "is_slow", "lines", "prefix", "signal", "trouble", "wants_prompt",
    )  # fmt: skip

    def __init__(
        self,
        command: str,
        *,
        wants_prompt: bool = False,
        prefix: str | None = None,
        is_slow: bool = False,
    ) -> None:
        self.command = command
        self.wants_prompt = wants_prompt
        self.is_slow = is_slow  # its answer may be long in coming; once begun, it comes at once
        if prefix is None:
            found = _PREFIX.match(command)
            prefix = found[1] if found else NO_PREFIX
        self.prefix = prefix
        self.lines: list[str] = []
        self.has_prompt = False
        self.trouble = ""  # why there will be no whole answer
        # a bare lock is the cheapest thing one thread can wake another with
        self.signal = threading.Lock()
        self.signal.acquire()

    @property
    def name(self) -> str:
        """The command without its parameters, which may be secret."""
        return "AT" if self.prefix == NO_PREFIX else self.prefix


class Dialogue:
    """The state between two chunks of what a modem writes. Fed by one thread, `exchange` is set by another."""

    def __init__(self, on_urc: Callable[[Urc], None]) -> None:
        self._on_urc = on_urc
        self.exchange: Exchange | None = None
        self.is_dirty = False
        self.is_settled = False  # from now on a sign of restart means that the settings are gone
        self.has_echo = False  # a command came back although it was told not to
        self._rest = ""
        self._is_skipping = False  # in the middle of a line that was too long
        self._head: Urc | None = None  # waits for the line that belongs to it

    def feed(self, text: str) -> None:
        """Cut what came into lines, and look for a prompt in what is left over."""
        *lines, rest = (self._rest + text).split("\n")
        for line in lines:
            if self._is_skipping:
                self._is_skipping = False  # the end of the line that was too long
            elif bare := line.strip(_JUNK):
                self.take(bare)
        if len(rest) > LINE_CHARACTERS_MAX:
            self._is_skipping = True
        self._rest = "" if self._is_skipping else self._after_prompt(rest)

    def has_begun(self, exchange: Exchange) -> bool:
        """Whether part of this answer is there: a line of it, or the beginning of its first line."""
        if any(line.startswith(exchange.prefix) for line in exchange.lines):
            return True
        return self._rest.lstrip(_JUNK).startswith((exchange.prefix, "+CMS ERROR", "+CME ERROR"))

    def _after_prompt(self, rest: str) -> str:
        exchange = self.exchange
        if rest and exchange is not None and exchange.wants_prompt:
            start = rest.lstrip(_JUNK)
            if start.startswith(">"):
                self._take_prompt(exchange)
                return start[1:]
        return rest

    def take(self, line: str) -> None:
        """Decide by its content whom a line is for."""
        exchange = self.exchange
        if self._head is not None and self._take_body(self._head, line):
            return
        if exchange is None:
            self._take_unasked(line)
        elif line.startswith(exchange.prefix):
            self._take_answer(exchange, line)
        elif line[0] == ">" and exchange.wants_prompt:
            self._take_prompt(exchange)
            self._take_again(line[1:])
        elif line == exchange.command:
            self._take_echo()
        elif not line[0].isdigit() and (kind := kind_of(line)) is not None:
            self._take_urc(kind, line)
        elif line.startswith("+CMGS:"):
            self._take_late_submit(line)
        else:
            self._take_answer(exchange, line)

    def _take_again(self, rest: str) -> None:
        if bare := rest.strip(_JUNK):
            self.take(bare)

    def _take_prompt(self, exchange: Exchange) -> None:
        exchange.has_prompt = True
        self.finish(exchange)

    def finish(self, exchange: Exchange) -> None:
        """Hand the exchange to its owner; what comes from now on belongs to it no more."""
        if self.exchange is exchange:
            self.exchange = None
            exchange.signal.release()

    def _take_echo(self) -> None:
        """Drop the command that comes back; once the modem was told not to, that is a sign of a restart."""
        if self.is_settled and not self.has_echo:
            self.has_echo = True
            self._on_urc(Urc(UrcKind.SETTLING, "echo"))

    def _take_answer(self, exchange: Exchange, line: str) -> None:
        exchange.lines.append(line)
        if FINAL.match(line):
            self.finish(exchange)
        elif len(exchange.lines) > ANSWER_LINES_MAX:
            exchange.trouble = FLOODED
            self.finish(exchange)

    def _take_unasked(self, line: str) -> None:
        kind = kind_of(line)
        if kind is not None:
            self._take_urc(kind, line)
        elif line[0] == ">":  # a prompt that came late
            self.is_dirty = True
            self._take_again(line[1:])
        elif FINAL.match(line) or line.startswith("+CMG") or _HEX.issuperset(line):
            self.is_dirty = True
            if line.startswith("+CMGS:"):
                self._take_late_submit(line)

    def _take_late_submit(self, line: str) -> None:
        """The answer to an AT+CMGS that was given up: late, but it settles an SMS that was in doubt."""
        self.is_dirty = True
        self._on_urc(Urc(UrcKind.OTHER, line))

    def _take_urc(self, kind: UrcKind, line: str) -> None:
        urc = Urc(kind, line)
        if kind in WITH_BODY:
            self._head = urc
            return
        if (
            kind is UrcKind.RESTARTED
            and self.is_settled
            and (exchange := self.exchange) is not None
        ):
            exchange.trouble = RESTARTED  # its answer will never come
            self.finish(exchange)
        self._on_urc(urc)

    def _take_body(self, head: Urc, line: str) -> bool:
        """Give a `+CMT` the line that follows it; False when that line is somebody else's."""
        self._head = None
        is_pdu_mode = _DIRECT_IN_PDU_MODE.match(head.line) is not None
        if is_pdu_mode and not _HEX.issuperset(line):
            exchange = self.exchange
            is_answer = exchange is not None and line.startswith(exchange.prefix)
            if is_answer or FINAL.match(line) or kind_of(line) is not None:
                self._on_urc(head)  # its own line was lost
                return False
        if head.kind is not UrcKind.BROADCAST:
            self._on_urc(Urc(head.kind, head.line, line))
        return True
