"""An onlooker's hold on the store: which claims were open when, so that a doubt can be told from a mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from simulation.clock import VirtualClock
from simulation.faults import Faults, Killed

from smsgate.errors import StoreError
from smsgate.records import ForwardClaim, Received, ReplyClaim, ReplyState


class World(Protocol):
    """The history, as far as it is needed here."""

    faults: Faults

    def run_until(self, moment: float) -> None:
        """Let everybody else go on up to this moment."""
        ...

    def check_alive(self) -> None:
        """Raise Killed once the process is dead."""
        ...


class Doubts:
    """What may be in doubt, and why: everything else that is left unconfirmed is a mistake."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self.replies: set[int] = set()
        self.forwards: set[int] = set()
        self._store = store

    def note_lost_claims(self, *, replies: Collection[int], forwards: Collection[int]) -> None:
        """A claim failed: whatever is claimed and held by nobody was committed all the same."""
        self.replies |= self._claimed("reply").difference(replies)
        self.forwards |= self._claimed("forward").difference(forwards)

    def _claimed(self, table: str) -> set[int]:
        rows = self._store.execute(f"SELECT id FROM {table} WHERE state = 'claimed'")
        return {row["id"] for row in rows}


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim that a worker holds."""

    recipient: str
    text: str
    until: float  # when the lease it asked for ends


class Watched:
    """The store as the workers get it: every call goes through, claims and their ends are noted."""

    def __init__(self, store: Any, doubts: Doubts, clock: VirtualClock, world: World) -> None:
        self._store = store
        self._doubts = doubts
        self._clock = clock
        self._world = world
        self._replies: dict[int, _Held] = {}
        self._forwards: dict[int, _Held] = {}
        self.is_stopping = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def die(self) -> None:
        """The process is dead: whatever it held is in doubt."""
        self._doubts.replies.update(self._replies)
        self._doubts.forwards.update(self._forwards)

    def has_lost_lease(self, reply_id: int, recipient: str, text: str) -> bool:
        """Whether this reply is held by a worker whose lease has run out: it may be `unconfirmed` while it is sent."""
        held = self._replies.get(reply_id)
        return (
            held is not None
            and (held.recipient, held.text) == (recipient, text)
            and self._clock.monotonic() > held.until
        )

    def receive(self, *what: Any, **how: Any) -> Received:
        """Let others go on between the commit and what is done because of it, where the disk is slow."""
        received: Received = self._store.receive(*what, **how)
        faults = self._world.faults
        if faults.strikes("store: slow to commit"):
            self._world.run_until(self._clock.monotonic() + faults.spread(0.05, 2.0))
            self._world.check_alive()
        return received

    def claim_reply(self, service: str, line: str, *, lease_s: float) -> ReplyClaim | None:
        """Note that a reply is held."""
        try:
            claim: ReplyClaim | None = self._store.claim_reply(service, line, lease_s=lease_s)
        except (StoreError, Killed):
            self._doubts.note_lost_claims(replies=self._replies, forwards=self._forwards)
            raise
        if claim is not None:
            until = self._clock.monotonic() + lease_s
            self._replies[claim.id] = _Held(claim.recipient, claim.text, until)
        return claim

    def record_part(self, claim: ReplyClaim, number: int, tp_mr: int) -> bool:
        """Note that what was submitted could not be written down before the end."""
        try:
            is_recorded: bool = self._store.record_part(claim, number, tp_mr)
        except StoreError:
            if self.is_stopping:
                self._doubts.replies.add(claim.id)
            raise
        return is_recorded

    def settle_reply(self, claim: ReplyClaim, state: ReplyState, **how: Any) -> bool:
        """Note how it ended; one that is in doubt for a reason says the reason."""
        if state is ReplyState.UNCONFIRMED or self._is_late(self._replies, claim.id):
            self._doubts.replies.add(claim.id)
        try:
            is_settled: bool = self._store.settle_reply(claim, state, **how)
        except StoreError:
            if self.is_stopping:  # the last try
                self._doubts.replies.add(claim.id)
            raise
        self._replies.pop(claim.id, None)
        return is_settled

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        """Note that a forward is held."""
        try:
            claim: ForwardClaim | None = self._store.claim_forward(backend, lease_s=lease_s)
        except (StoreError, Killed):
            self._doubts.note_lost_claims(replies=self._replies, forwards=self._forwards)
            raise
        if claim is not None:
            self._forwards[claim.id] = _Held("", "", self._clock.monotonic() + lease_s)
        return claim

    def settle_forward(self, claim: ForwardClaim, *what: Any, **how: Any) -> bool:
        """Note how it ended."""
        return self._end_forward(claim, self._store.settle_forward, what, how)

    def note_lookup(self, claim: ForwardClaim, *what: Any, **how: Any) -> bool:
        """Note that its lookup ended."""
        return self._end_forward(claim, self._store.note_lookup, what, how)

    def park_forward(self, claim: ForwardClaim, *what: Any, **how: Any) -> bool:
        """Note that it was left to a person."""
        return self._end_forward(claim, self._store.park_forward, what, how)

    def _end_forward(self, claim: ForwardClaim, end: Any, what: Any, how: Any) -> bool:
        if self._is_late(self._forwards, claim.id):
            self._doubts.forwards.add(claim.id)
        try:
            is_settled: bool = end(claim, *what, **how)
        except StoreError:
            if self.is_stopping:
                self._doubts.forwards.add(claim.id)
            raise
        self._forwards.pop(claim.id, None)
        return is_settled

    def _is_late(self, held: dict[int, _Held], claim_id: int) -> bool:
        return claim_id not in held or self._clock.monotonic() > held[claim_id].until
