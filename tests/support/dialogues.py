"""Serial dialogues of other programs with the simulator: recorded while they run, replayed without them.

A file has a line for each thing that happened: `! <sender> <text>` an SMS that the network brought, `> <octets>` a
command line or body, `< <octets>` all that was said to it, with escapes as in Python. Everybody in them is invented.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulated_line import NUMBER, hear

from hardware.simulator import Network, SimulatedModem
from hardware.simulator.outgoing import Chunk

DIALOGUES = Path(__file__).parents[1] / "data" / "dialogues"
_RECORD = "SMSGATE_RECORD_DIALOGUES"  # set it to write the files again
_ENDS = b"\r\x1a"  # what ends a command line or a body


class StoppedClock:
    """A clock of the network that makes every TP-SCTS of a dialogue the same."""

    def now(self) -> datetime:
        """Return the one moment there is."""
        return datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)


def make_recorded_modem() -> RecordedModem:
    """Return the modem that every dialogue was recorded on."""
    network = Network(clock=StoppedClock(), seed=1)
    return RecordedModem(network, number=NUMBER, memories={"SM": 20})


@dataclass
class Turn:
    """One thing that was said or happened, and what the modem said until the next."""

    kind: str
    told: str
    said: bytes = b""

    def lines(self) -> list[str]:
        """Return it as it stands in a file."""
        told = [f"{self.kind} {self.told}"]
        return [*told, f"< {escape(self.said)}"] if self.said else told


@dataclass
class Recording:
    """The turns so far; octets that come one by one are one turn up to the end of their line."""

    turns: list[Turn] = field(default_factory=list)
    _is_open: bool = False

    def note_sms(self, sender: str, text: str) -> None:
        """The network brings an SMS."""
        self._is_open = False
        self.turns.append(Turn("!", f"{sender} {text}"))

    def note_told(self, octets: bytes) -> None:
        """The program writes: one octet, a line or a few of them."""
        if not octets:
            return
        if not self._is_open:
            self.turns.append(Turn(">", ""))
        self.turns[-1].told += escape(octets)
        self._is_open = octets[-1:] not in _ENDS

    def note_said(self, octets: bytes) -> None:
        """The modem answers."""
        if octets:
            self.turns[-1].said += octets

    def write(self, name: str) -> None:
        """Write the file, where that was asked for."""
        if os.environ.get(_RECORD):
            lines = [line for turn in self.turns for line in turn.lines()]
            (DIALOGUES / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


class RecordedModem(SimulatedModem):
    """A simulated modem that notes its dialogue."""

    def __init__(self, network: Network, **options: Any) -> None:
        self.recording = Recording()
        super().__init__(network, **options)

    def bring(self, sender: str, text: str) -> None:
        """Have the network bring an SMS, and note it."""
        with self.network.lock:
            self.recording.note_sms(sender, text)
            self.network.send(sender, self.number, text)

    def receive(self, octets: bytes) -> None:
        """Take octets from the line."""
        self.recording.note_told(octets)
        super().receive(octets)

    def run_due(self, now: float) -> list[Chunk]:
        """Return what is to be written."""
        chunks = super().run_due(now)
        self.recording.note_said(b"".join(chunk.octets for chunk in chunks))
        return chunks


def read_dialogue(path: Path) -> list[Turn]:
    """Return the turns of a file."""
    turns: list[Turn] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, told = line[0], line[2:]
        if kind == "<":
            turns[-1].said = unescape(told)
        else:
            turns.append(Turn(kind, told))
    return turns


def replay(turn: Turn, modem: SimulatedModem) -> bytes:
    """Tell a modem what was told, or let the same SMS come; return what it says."""
    if turn.kind == "!":
        sender, text = turn.told.split(" ", 1)
        modem.network.send(sender, modem.number, text)
    else:
        modem.receive(unescape(turn.told))
    return hear(modem)


def escape(octets: bytes) -> str:
    """Return octets as text on one line."""
    return octets.decode("latin-1").encode("unicode_escape").decode("ascii")


def unescape(text: str) -> bytes:
    """Return what `escape` was given."""
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")
