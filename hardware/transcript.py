"""Transcripts: one session of the driver with a real modem, octet for octet, without its persons; and playing it back.

A transcript is a file of JSON lines: a head that says which modem it was and with what the driver was opened, then
`{">": …}` for what we sent and `{"<": …}` for what came. The session is always the same (`run_session`), and chance
is seeded, so a driver that has not changed says the same to the same answers.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .discreet import Discreet
from .engine import ModemEngine
from .facts import Listing, ModemOptions
from .modem import Modem
from .redaction import Redactor
from .tap import Tap, TappedEngine

VERSION = 1
SEED = 1708
LISTEN_STEP_S = 1.0


class Turn(Discreet, frozen=True):
    """What one side said until the other did; latin-1."""

    hidden: ClassVar[frozenset[str]] = frozenset({"said"})

    is_ours: bool
    said: str


class Recording:
    """What goes over a line, as turns. Two threads may add to it: ours speaks, the reader hears."""

    def __init__(self) -> None:
        self._pieces: list[tuple[bool, bytes]] = []  # appending is atomic

    def note(self, is_ours: bool, octets: bytes) -> None:
        """Add octets (a `Tap`)."""
        self._pieces.append((is_ours, octets))

    def turns(self) -> list[Turn]:
        """Return the turns, redacted."""
        merged: list[Turn] = []
        for is_ours, octets in self._pieces:
            said = octets.decode("latin-1")
            if merged and merged[-1].is_ours is is_ours:
                said = merged.pop().said + said
            merged.append(Turn(is_ours, said))
        return redact(merged)


def redact(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with stand-ins of the same length.

    What came is looked at as a whole, since a line may have been cut in two by what we said meanwhile.
    """
    redactor = Redactor()
    heard = redactor.redact("".join(turn.said for turn in turns if not turn.is_ours))
    hidden: list[Turn] = []
    for turn in turns:
        if turn.is_ours:
            hidden.append(Turn(True, redactor.redact_ours(turn.said)))
        else:
            hidden.append(Turn(False, heard[: len(turn.said)]))
            heard = heard[len(turn.said) :]
    return hidden


class RecordedModem(Modem):
    """A modem whose connections are listened in on."""

    def __init__(self, options: ModemOptions, tap: Tap) -> None:
        super().__init__(options, chance=random.Random(SEED))
        self._tap = tap

    def _new_engine(self) -> ModemEngine:
        return TappedEngine(
            self._surroundings, ledger=self._ledger, on_fault=self._hear_fault, tap=self._tap
        )


def run_session(
    modem: Modem, *, listen_s: float = 0.0, listing_count: int | None = None
) -> list[Listing]:
    """Open the modem, do what a line does to look after it, listen, and close; return the listings.

    While listening it lists whenever the modem rings. Played back, several rings may come as one: `listing_count` says
    how many listings there were. Nothing is deleted and nothing sent. Raises ModemError.
    """
    listings = []
    modem.open()
    try:
        modem.check_settings()
        listings.append(modem.list_held())
        modem.signal()
        modem.registration()
        modem.usage()
        give_up_at = time.monotonic() + listen_s
        while (left_s := give_up_at - time.monotonic()) > 0:
            if listing_count is not None and len(listings) >= listing_count:
                break
            if modem.wait(min(left_s, LISTEN_STEP_S)) or listing_count is not None:
                listings.append(modem.list_held())
        modem.check_settings()
    finally:
        modem.close()
    return listings


def write(path: Path, head: Mapping[str, Any], turns: Iterable[Turn]) -> None:
    """Write a transcript; raises OSError."""
    lines = [json.dumps({"transcript": VERSION, **head})]
    lines += [json.dumps({">" if turn.is_ours else "<": turn.said}) for turn in turns]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def read(path: Path) -> tuple[dict[str, Any], list[Turn]]:
    """Return head and turns of a transcript; raises ValueError for what is none."""
    head, *lines = map(json.loads, path.read_text(encoding="ascii").splitlines())
    if head.get("transcript") != VERSION:
        raise ValueError("no transcript that this program knows")
    return head, [Turn(key == ">", said) for line in lines for key, said in line.items()]
