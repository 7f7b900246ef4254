"""AT commands as data: what a command line says (V.250 section 5), what the errors are, who answers which command."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from .modem import SimulatedModem

CME_TEXTS = {
    0: "phone failure",
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    20: "memory full",
    21: "invalid index",
    30: "no network service",
    50: "incorrect parameters",
    100: "unknown",
    515: "please wait, init or command processing in progress",
}
CMS_TEXTS = {
    21: "short message transfer rejected",
    38: "network out of order",
    300: "ME failure",
    302: "operation not allowed",
    303: "operation not supported",
    304: "invalid PDU mode parameter",
    305: "invalid text mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    313: "SIM failure",
    314: "SIM busy",
    316: "SIM PUK required",
    320: "memory failure",
    321: "invalid memory index",
    322: "memory full",
    330: "SMSC address unknown",
    331: "no network service",
    332: "network timeout",
    340: "no +CNMA acknowledgement expected",
    500: "unknown error",
}


class Form(Enum):
    """The four ways to say an extended command; basic commands are EXECUTE, S-registers READ and WRITE."""

    EXECUTE = ""
    READ = "?"
    WRITE = "="
    TEST = "=?"


class Command(Struct, frozen=True):
    """One command of a command line."""

    name: str  # "+CMGL", "E", "&F", "S"
    form: Form
    params: tuple[str, ...] = ()  # without quotes; basic commands have their number here

    def number(self, position: int, default: int | None = None) -> int:
        """Return a numeric parameter; raises AtError when it is missing without a default, or no number."""
        value = self.params[position] if position < len(self.params) else ""
        if value == "" and default is not None:
            return default
        if not value.isascii() or not value.isdigit():
            raise cme(50)
        return int(value)

    def string(self, position: int, default: str = "") -> str:
        """Return a string parameter."""
        return self.params[position] if position < len(self.params) else default


class AtError(Exception):
    """A command failed: family "CME" or "CMS" with its code, or no family for a plain ERROR."""

    def __init__(self, family: str = "", code: int = 0) -> None:
        super().__init__(f"{family} {code}")
        self.family = family
        self.code = code

    def line(self, detail: int, *, is_textual: bool = False) -> str:
        """Return the final result code at this level of AT+CMEE; +CMS ERROR is numeric at levels 0 and 1 alike."""
        if not self.family or (self.family == "CME" and detail == 0 and not is_textual):
            return "ERROR"
        texts = CME_TEXTS if self.family == "CME" else CMS_TEXTS
        shown = texts.get(self.code) if detail == 2 or is_textual else None
        return f"+{self.family} ERROR: {shown or self.code}"


def cme(code: int) -> AtError:
    """Return an error of 27.007 section 9.2."""
    return AtError("CME", code)


def cms(code: int) -> AtError:
    """Return an error of 27.005 section 3.2.5."""
    return AtError("CMS", code)


class Prompt(Struct, frozen=True):
    """An answer that asks for a body: `> ` now, and the body, ended by Ctrl-Z, goes to `finish`."""

    finish: Callable[[str], list[str]]
    is_text: bool = False  # a carriage return belongs to the body and gets a new prompt


Answer = list[str] | Prompt | None
Handler = Callable[["SimulatedModem", Command], Answer]

HANDLERS: dict[tuple[str, Form], Handler] = {}


def answers(name: str, *forms: Form) -> Callable[[Handler], Handler]:
    """Enter a function as the one that answers these forms of a command."""

    def enter(handler: Handler) -> Handler:
        for form in forms:
            HANDLERS[name, form] = handler
        return handler

    return enter


def answer_range(name: str, range_text: str) -> None:
    """Let the test form of a command answer its supported values; an empty text means a bare OK."""
    lines = [f"{name}: {range_text}"] if range_text else []

    def tell(_modem: SimulatedModem, _command: Command) -> Answer:
        return lines

    HANDLERS[name, Form.TEST] = tell


_EXTENDED = re.compile(r"([+^*%$#][A-Z][A-Z0-9%./:_!-]*)(=\?|\?|=)?")
_REGISTER = re.compile(r"S(\d+)(\?|=(\d*))")
_BASIC = re.compile(r"(&?[A-Z])(\d*)")


@lru_cache(maxsize=1024)
def parse_line(line: str) -> tuple[Command, ...] | None:
    """Return the commands of a line; None when it is no command line at all, which a modem ignores.

    What cannot be parsed becomes a command that nobody answers, so that those before it are still carried out.
    """
    start = line.upper().rfind("AT", 0, _prefix_limit(line))
    if start < 0:
        return None
    body = _without_spaces(line[start + 2 :])
    commands: list[Command] = []
    position = 0
    while position < len(body):
        if body[position] == ";":
            position += 1
            continue
        command, position = _parse_command(body, position)
        commands.append(command)
    return tuple(commands)


def _prefix_limit(line: str) -> int:
    """Return where the prefix must have ended: what stands before it is noise, but not once a command has begun."""
    for position, character in enumerate(line):
        if character in '+^*%$#&="?;':
            return position
    return len(line)


def _without_spaces(body: str) -> str:
    pieces = body.split('"')
    pieces[::2] = [piece.replace(" ", "") for piece in pieces[::2]]
    return '"'.join(pieces)


def _parse_command(body: str, position: int) -> tuple[Command, int]:
    upper = body.upper()
    if found := _EXTENDED.match(upper, position):
        if found[2] != "=":
            return Command(found[1], Form(found[2] or "")), found.end()
        end = _end_of_params(body, found.end())
        return Command(found[1], Form.WRITE, _split_params(body[found.end() : end])), end
    if found := _REGISTER.match(upper, position):
        if found[2] == "?":
            return Command("S", Form.READ, (found[1],)), found.end()
        return Command("S", Form.WRITE, (found[1], found[3])), found.end()
    if upper[position] == "D":
        end = _end_of_params(body, position)
        return Command("D", Form.EXECUTE, (body[position + 1 : end],)), len(body)
    if found := _BASIC.match(upper, position):
        return Command(found[1], Form.EXECUTE, (found[2],) if found[2] else ()), found.end()
    return Command("?", Form.EXECUTE), len(body)


def _end_of_params(body: str, start: int) -> int:
    is_quoted = False
    for position in range(start, len(body)):
        if body[position] == '"':
            is_quoted = not is_quoted
        elif body[position] == ";" and not is_quoted:
            return position
    return len(body)


def _split_params(text: str) -> tuple[str, ...]:
    params: list[str] = []
    is_quoted = False
    current: list[str] = []
    for character in text:
        if character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            params.append("".join(current))
            current = []
        else:
            current.append(character)
    params.append("".join(current))
    return tuple(params)
