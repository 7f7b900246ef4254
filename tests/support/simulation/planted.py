"""Bugs to plant: each breaks one rule of design.md section 3, and a simulation worth its name finds it.

A bug is put over the real store or into the real line, and everything else stays as it is.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from itertools import count
from typing import Any

from msgspec.structs import replace
from simulation.disk import shared_disk
from simulation.gateway import Plant
from simulation.invariants import RECEIPTS

from hardware.direct import DIRECT_MEMORY
from hardware.modem import Modem
from hardware.sms import SubmitPdu
from smsgate.backends import Accepted
from smsgate.drain import Pass
from smsgate.line import Line
from smsgate.records import (
    Decide,
    Decision,
    ForwardClaim,
    Received,
    ReceivedPart,
    ReplyClaim,
    ReplyState,
)


def _put_over(real: Any, name: str, planted: Any) -> None:
    """Put a bug in the place of what is there: one that replaces nothing would look like a blind simulation."""
    if not hasattr(real, name):
        raise AttributeError(f"{type(real).__name__} has no {name} that a bug could replace")
    setattr(real, name, planted)


class _Over:
    """The store, with one bug over it."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


# -- receiving


class _Wrapped:
    """A modem, with one bug over it."""

    def __init__(self, modem: Modem) -> None:
        self._modem: Any = modem

    def __getattr__(self, name: str) -> Any:
        return getattr(self._modem, name)


class _DeletingFirst(_Wrapped):
    """A modem that forgets what it lists as soon as it is listed."""

    def list_held(self) -> Any:
        listing = self._modem.list_held()
        self._modem.delete(listing.slots)
        return listing

    def delete(self, _slots: Any) -> list[Any]:
        return []


class _AcknowledgingFirst(_Wrapped):
    """A modem that tells the network at once that what it handed over directly is safe."""

    def list_held(self) -> Any:
        listing = self._modem.list_held()
        self._modem.delete([slot for slot in listing.slots if slot.memory == DIRECT_MEMORY])
        return listing


def _acknowledge_first(line: Line) -> None:
    drain: Any = line._drain
    run = drain.run
    _put_over(drain, "run", lambda modem: run(_AcknowledgingFirst(modem)))


def _delete_without_looking(line: Line) -> None:
    """What may have been replaced in place is not read again before its slot is freed."""
    new_modem = line._new_modem

    def new_blind_modem() -> Any:
        modem: Any = new_modem()
        _put_over(modem, "_delete_held", lambda engine, slot: engine.delete_slots([slot.index]))
        return modem

    _put_over(line, "_new_modem", new_blind_modem)


class _SameOnEverySim(_Over):
    """A slot is a slot: whichever SIM is in the modem."""

    def receive(
        self, line: str, service: str, batch: Sequence[ReceivedPart], *how: Any, **more: Any
    ) -> Received:
        alike = [replace(part, slot=replace(part.slot, holder=None)) for part in batch]
        received: Received = self._store.receive(line, service, alike, *how, **more)
        return received


class _SameWhereverItLies(_Over):
    """What has the key of a stored message is that message, even without a date."""

    def receive(
        self, line: str, service: str, batch: Sequence[ReceivedPart], *how: Any, **more: Any
    ) -> Received:
        with closing(shared_disk().look()) as look:
            known = {bytes(row["key"]) for row in look.execute("SELECT key FROM part")}
        new = [part for part in batch if part.key not in known]
        received: Received = self._store.receive(line, service, new, *how, **more)
        return replace(received, committed=tuple(part.slot for part in batch))


class _WithoutReceipts(_Over):
    """Complaints are filed, and nobody is told."""

    def receive(
        self,
        line: str,
        service: str,
        batch: Sequence[ReceivedPart],
        decide: Decide,
        *how: Any,
        **more: Any,
    ) -> Received:
        def decide_silently(*what: Any) -> Decision:
            decision = decide(*what)
            told = [reply for reply in decision.replies if reply.kind not in RECEIPTS]
            return replace(decision, replies=told)

        received: Received = self._store.receive(
            line, service, batch, decide_silently, *how, **more
        )
        return received


def _delete_first(line: Line) -> None:
    drain: Any = line._drain
    run = drain.run

    def run_after_deleting(modem: Modem) -> Pass:
        done: Pass = run(_DeletingFirst(modem))
        return done

    _put_over(drain, "run", run_after_deleting)


class _WithoutSameness(_Over):
    """A message that was stored before is stored again when it is seen again."""

    _sightings = count()

    def receive(
        self,
        line: str,
        service: str,
        batch: Sequence[ReceivedPart],
        *how: Any,
        gone: Collection[int] = (),
    ) -> Received:
        with closing(shared_disk().look()) as look:
            known = {bytes(row["key"]) for row in look.execute("SELECT key FROM part")}
        marked = [
            replace(part, key=self._another(part.key)) if part.key in known else part
            for part in batch
        ]
        received: Received = self._store.receive(line, service, marked, *how, gone=gone)
        return received

    def _another(self, key: bytes) -> bytes:
        return hashlib.sha256(key + str(next(self._sightings)).encode()).digest()


# -- submitting


def _answer_from_any_sim(line: Line) -> None:
    check: Any = line._check_sim

    def check_and_shrug() -> None:
        check()
        line._strange = None

    _put_over(line, "_check_sim", check_and_shrug)


def _settle_before_sending(line: Line) -> None:
    submission: Any = line._submission
    submit_parts = submission._submit_parts

    def settle_first(modem: Modem, claim: ReplyClaim, parts: Sequence[SubmitPdu]) -> None:
        submission._store.settle_reply(claim, ReplyState.SUBMITTED)
        submit_parts(modem, claim, parts)

    _put_over(submission, "_submit_parts", settle_first)


class _SendingAgain(_Over):
    """A restart makes replies that were being submitted due again, as if nothing could have happened."""

    _is_recovered = False

    def recover(self) -> Any:
        if not self._is_recovered:
            with closing(sqlite3.connect(shared_disk().path, isolation_level=None)) as connection:
                connection.execute(
                    "UPDATE reply SET state = 'due', owner = NULL, lease_until = NULL,"
                    " next_at = created_at WHERE state = 'claimed'"
                )
        self._is_recovered = True
        return self._store.recover()


class _SubmittingPartsAgain(_Over):
    """A reply that goes again goes whole, whichever parts the SMSC took already."""

    def claim_reply(self, service: str, line: str, *, lease_s: float) -> ReplyClaim | None:
        claim: ReplyClaim | None = self._store.claim_reply(service, line, lease_s=lease_s)
        return None if claim is None else replace(claim, parts_submitted=frozenset())


# -- forwarding


class _SettlingFirst(_Over):
    """A forward is written down as done before it is asked for."""

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        claim: ForwardClaim | None = self._store.claim_forward(backend, lease_s=lease_s)
        if claim is not None:
            self._store.settle_forward(claim, Accepted(), next_at=None)
        return claim

    def settle_forward(self, *_what: Any, **_how: Any) -> bool:
        return True


class _ImpatientForwards(_Over):
    """A forward's lease is over before its request can be."""

    def claim_forward(self, backend: str, **_how: Any) -> ForwardClaim | None:
        claim: ForwardClaim | None = self._store.claim_forward(backend, lease_s=0.01)
        return claim


class _ImpatientReplies(_Over):
    """A reply's lease is over before its answer can be there."""

    def claim_reply(self, service: str, line: str, **_how: Any) -> ReplyClaim | None:
        claim: ReplyClaim | None = self._store.claim_reply(service, line, lease_s=0.01)
        return claim


class _ForwardingAnotherText(_Over):
    """What is forwarded is not what the citizen wrote."""

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        claim: ForwardClaim | None = self._store.claim_forward(backend, lease_s=lease_s)
        if claim is None:
            return None
        return replace(claim, complaint=replace(claim.complaint, text=claim.complaint.text[:-1]))


class _ForgettingLostAnswers(_Over):
    """A lost answer is taken for no: the request is sent again as if it had never been."""

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        claim: ForwardClaim | None = self._store.claim_forward(backend, lease_s=lease_s)
        return None if claim is None else replace(claim, was_unknown=False)


PLANTED = (
    Plant("delete before commit", line=_delete_first),
    Plant("no sameness: what is seen again is stored again", store=_WithoutSameness),
    Plant("acknowledge before commit", line=_acknowledge_first, near=210),
    Plant(
        "delete what was replaced without reading it again", line=_delete_without_looking, near=40
    ),
    Plant("without a date, the same key is the same message", store=_SameWhereverItLies),
    Plant("without a date, the slot of another SIM is the same slot", store=_SameOnEverySim),
    Plant("answer from a SIM that nobody accepted", line=_answer_from_any_sim),
    Plant("a complaint has no receipt", store=_WithoutReceipts),
    Plant("another text is forwarded", store=_ForwardingAnotherText),
    Plant("submit parts of a reply again", store=_SubmittingPartsAgain, near=20),
    Plant("settle a reply before it is sent", line=_settle_before_sending),
    Plant("a restart makes claimed replies due again", store=_SendingAgain),
    Plant("settle a forward before it is sent", store=_SettlingFirst),
    Plant("a forward's lease ends too early", store=_ImpatientForwards, near=20),
    Plant("a reply's lease ends too early", store=_ImpatientReplies, near=65),
    Plant("send again after a lost answer without asking", store=_ForgettingLostAnswers),
)
