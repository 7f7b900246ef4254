"""Terminal: a port as a technician has it: one command, its answer, a prompt, and what comes unasked.

The driver's own way to speak (`ModemLink`) without its bring-up: the modem keeps the settings it has. `Channel` is
what a technician's command needs, whether it has the port itself or asks the daemon that does.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Protocol, Self

from msgspec import Struct

from . import answers
from .clock import SystemMonotonic
from .dialogue import Exchange, Urc
from .engine import CTRL_Z
from .errors import ModemError
from .facts import ModemOptions
from .link import ESC, LinkSurroundings, ModemLink
from .overheard import Overheard
from .pdu import encode_submit
from .pin import PinLedger
from .tap import Tap, TappedEngine

PROMPT = ">"  # the last line of an answer that asks for a body
ASK_S = 10.0


class ChannelRefused(ModemError):
    """The daemon that holds the port did not do what was asked; its own sentence says why."""


class Channel(Protocol):
    """A way to a modem: the port itself, or the daemon that holds it."""

    def ask(self, command: str, *, timeout_s: float = ASK_S) -> list[str]:
        """Return the lines of the answer, the final result code last. Raises ModemError."""
        ...

    def heard(self, since: int, *, wait_s: float = 0.0) -> tuple[int, list[str]]:
        """Return the number of the newest unsolicited line, and those after `since`."""
        ...

    def send(self, number: str, text: str) -> int:
        """Submit a text that fits into one SMS; return its TP-MR. Raises ModemError, EncodeError."""
        ...

    def close(self) -> None:
        """Leave the modem."""
        ...


def ask_lines(channel: Channel, command: str, *, timeout_s: float = ASK_S) -> list[str]:
    """Return the answer without its OK; no lines when the modem refused."""
    *lines, final = channel.ask(command, timeout_s=timeout_s)
    return lines if final == "OK" else []


class _BareEngine(TappedEngine):
    """An engine that opens and synchronises, and sets nothing up."""

    def connect(self, pin: str | None = None, waitingForModemToStartInSeconds: int = 0) -> None:
        assert pin is None
        assert not waitingForModemToStartInSeconds
        ModemLink.connect(self)

    def begin(self, command: str, timeout_s: float) -> list[str]:
        """Send a command that may be answered by a prompt, which is returned as a last line `>`."""
        with self._txLock:
            if self._dialogue.is_dirty:
                self.resync()
            exchange = self._transact(Exchange(command, wants_prompt=True), timeout_s)
            return [*exchange.lines, PROMPT] if exchange.has_prompt else exchange.lines

    def finish(self, body: str | None, timeout_s: float) -> list[str]:
        """Answer a prompt; None leaves it by ESC."""
        with self._txLock:
            if body is None:
                self._send(ESC)
                self.mark_dirty()  # some say OK to it, some nothing
                return []
            lines = self._transact(Exchange(body, prefix="+CMG"), timeout_s, end=CTRL_Z).lines
            return [line for line in lines if line != PROMPT]  # text mode has one for each line

    @property
    def echoes(self) -> bool:
        """Whether commands came back after `mark_settled`."""
        return self._dialogue.has_echo


class Limits(Struct, frozen=True):
    """How long a terminal waits: for a modem to make sense, and for an ordinary answer."""

    silence_s: float = 12.0
    answer_s: float = ASK_S


class Terminal:
    """A port of our own, opened; a Channel, and what only the owner of a port can do."""

    def __init__(
        self, port: str, *, baud: int = 115200, limits: Limits | None = None, tap: Tap | None = None
    ) -> None:
        self.port = port
        self.overheard = Overheard()
        self._limits = limits or Limits()
        options = ModemOptions(
            port,
            baud=baud,
            command_timeout_s=self._limits.answer_s,
            silence_limit_s=self._limits.silence_s,
        )
        self._submit_s = options.submit_timeout_s
        surroundings = LinkSurroundings(
            self._hear, _say_nothing, SystemMonotonic(), random.Random(), options
        )
        self._engine = _BareEngine(surroundings, ledger=PinLedger(), on_fault=lambda: None, tap=tap)

    def open(self) -> None:
        """Open the port and make sure that answers belong to commands; raises ModemError, and nothing is open then."""
        try:
            self._engine.connect()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the port."""
        self._engine.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, urc: Urc) -> None:
        self.overheard.note(urc.line)
        if urc.body is not None:
            self.overheard.note(urc.body)

    # -- a channel

    def ask(self, command: str, *, timeout_s: float = ASK_S) -> list[str]:
        """Return the lines of the answer, the final result code last."""
        return self._engine.exchange(command, timeout_s=min(timeout_s, self._limits.answer_s))

    def heard(self, since: int, *, wait_s: float = 0.0) -> tuple[int, list[str]]:
        """Return the number of the newest unsolicited line, and those after `since`."""
        return self.overheard.since(since, wait_s=wait_s)

    def send(self, number: str, text: str) -> int:
        """Submit a text that fits into one SMS, in PDU mode; return its TP-MR."""
        (pdu,) = encode_submit(number, text, reference=0)
        self._engine.command("AT+CMGF=0")
        return self._engine.submit(pdu)

    # -- what only the owner of a port can do

    def begin(self, command: str, timeout_s: float = ASK_S) -> list[str]:
        """Send a command that may be answered by a prompt; then the last line is `>`."""
        return self._engine.begin(command, timeout_s)

    def finish(self, body: str | None) -> list[str]:
        """Answer the prompt with a body, or leave it (None)."""
        return self._engine.finish(body, self._submit_s)

    def command(self, text: str, *, timeout_s: float | None = None) -> list[str]:
        """Return the answer without its OK; raises CommandError where the modem refused."""
        return self._engine.command(text, timeout_s=timeout_s)

    def silence_echo(self) -> bool:
        """Tell the modem not to echo; return whether it obeys. From now on a restart ends the command that is out."""
        self._engine.exchange("ATE0", timeout_s=self._limits.answer_s)
        self._engine.mark_settled()
        self._engine.exchange("AT", timeout_s=self._limits.answer_s)
        return not self._engine.echoes


def refusal_of(lines: list[str]) -> answers.RefusedAnswer | None:
    """Return the error that ends an answer, or None."""
    return None if lines[-1] == "OK" else answers.read_error(lines[-1])


def _say_nothing(_event: str, _fields: Mapping[str, object]) -> None:
    """A technician hears by the answers."""
