"""What an onlooker saw during a history: what `invariants` judges by."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simulation.citizens import Key, Sms
from simulation.complaint_server import ScriptedBackend
from simulation.streets import WatchedMemory
from simulation.watching import Doubts

from smsgate.records import StatusCounts
from smsgate.store.ledger import Ledger


@dataclass(slots=True)
class Evidence:
    """What an onlooker saw during a history."""

    store: sqlite3.Connection
    sent: list[Sms] = field(default_factory=list)
    handed_over: Counter[Key] = field(default_factory=Counter)
    shown: set[Key] = field(default_factory=set)  # by +CMT, whether acknowledged or not
    replaced: set[Key] = field(default_factory=set)  # in place, and not handed over again since
    excused: set[Key] = field(
        default_factory=set
    )  # replaced once, or shown before we could ask for more
    undated: set[Key] = field(default_factory=set)
    undated_least: Counter[Key] = field(default_factory=Counter)  # copies that are a message each
    altered: list[tuple[Key, Key]] = field(default_factory=list)  # as sent, as read
    submitted: list[tuple[str, str]] = field(default_factory=list)  # recipient and text
    unclaimed: list[str] = field(default_factory=list)  # submitted without a claimed reply
    backends: list[ScriptedBackend] = field(default_factory=list)
    memories: list[WatchedMemory] = field(default_factory=list)
    taken_along: Counter[Key] = field(default_factory=Counter)  # on a SIM that is in no modem
    drafts: dict[tuple[int, int], str] = field(default_factory=dict)  # memory, slot: hex
    crashes: list[str] = field(default_factory=list)
    waiting_at_smsc: int = 0
    changed_smsc: bool = False  # on a SIM: nobody told us to
    counts: StatusCounts | None = None
    ledger: Ledger | None = None
    doubts: Doubts = field(init=False)
    is_sound: bool = False  # nothing went wrong in it at all

    def __post_init__(self) -> None:
        self.doubts = Doubts(self.store)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Ask the store as it was committed."""
        return self.store.execute(query, values).fetchall()


@dataclass(frozen=True, slots=True)
class LineEvidence:
    """What comes to one line, noted as it comes (`streets.Onlooker`)."""

    evidence: Evidence
    line: str

    def note_stored(self, key: bytes, memory: WatchedMemory, index: int) -> None:
        """It stands in a slot. Without a date it is a message of its own where nothing is kept of this slot."""
        evidence, place = self.evidence, (self.line, key)
        evidence.handed_over[place] += 1
        evidence.replaced.discard(place)
        if place in evidence.undated:
            kept = evidence.rows(
                "SELECT holder FROM part WHERE line = ? AND key = ? AND state = 'kept'"
                " AND memory = ? AND slot_index = ?",
                self.line,
                key,
                memory.name,
                index,
            )
            if not any(row["holder"] in memory.holders for row in kept):
                evidence.undated_least[place] += 1

    def note_replaced(self, key: bytes) -> None:
        """It stood in a slot, and another took its place: whoever had not read it never will."""
        self.evidence.replaced.add((self.line, key))
        self.evidence.excused.add((self.line, key))

    def note_taken_along(self, keys: Iterable[bytes]) -> None:
        """They lie on a SIM that is in no modem at the end."""
        self.evidence.taken_along.update((self.line, key) for key in keys)

    def note_shown(self, keys: Iterable[bytes], *, is_guarded: bool) -> None:
        """It was handed over directly; the keys are those of its TPDU and of what stood on the line."""
        places = {(self.line, key) for key in keys}
        self.evidence.shown |= places
        if (
            not is_guarded
        ):  # the network has forgotten it, whoever heard it: the exception to promise 1
            self.evidence.excused |= places

    def note_acknowledged(self, key: bytes) -> None:
        """The network has forgotten it: we said that it is safe."""
        self.evidence.handed_over[self.line, key] += 1
