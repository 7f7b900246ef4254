"""Bugs to plant: each breaks one rule of design.md section 3, and a simulation worth its name finds it.

A bug is put over the real store or into the real line, and everything else stays as it is.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import Any

from simulation.disk import shared_disk
from simulation.gateway import Plant

from hardware.modem import Modem
from hardware.sms import SubmitPdu
from smsgate.backends import Accepted
from smsgate.drain import Pass
from smsgate.line import Line
from smsgate.records import ForwardClaim, Received, ReceivedPart, ReplyClaim, ReplyState


class _Over:
    """The store, with one bug over it."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


# -- receiving


class _DeletingFirst:
    """A modem that forgets what it lists as soon as it is listed."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem

    def list_held(self) -> Any:
        listing = self._modem.list_held()
        self._modem.delete(listing.slots)
        return listing

    def delete(self, _slots: Any) -> list[Any]:
        return []


def _delete_first(line: Line) -> None:
    drain: Any = line._drain
    run = drain.run

    def run_after_deleting(modem: Modem) -> Pass:
        done: Pass = run(_DeletingFirst(modem))
        return done

    drain.run = run_after_deleting


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


def _settle_before_sending(line: Line) -> None:
    submission: Any = line._submission
    submit_parts = submission._submit_parts

    def settle_first(modem: Modem, claim: ReplyClaim, parts: Sequence[SubmitPdu]) -> None:
        submission._store.settle_reply(claim, ReplyState.SUBMITTED)
        submit_parts(modem, claim, parts)

    submission._submit_parts = settle_first


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


class _ForgettingLostAnswers(_Over):
    """A lost answer is taken for no: the request is sent again as if it had never been."""

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        claim: ForwardClaim | None = self._store.claim_forward(backend, lease_s=lease_s)
        return None if claim is None else replace(claim, was_unknown=False)


PLANTED = (
    Plant("delete before commit", line=_delete_first),
    Plant("no sameness: what is seen again is stored again", store=_WithoutSameness),
    Plant("settle a reply before it is sent", line=_settle_before_sending),
    Plant("a restart makes claimed replies due again", store=_SendingAgain),
    Plant("settle a forward before it is sent", store=_SettlingFirst),
    Plant("a forward's lease ends too early", store=_ImpatientForwards),
    Plant("a reply's lease ends too early", store=_ImpatientReplies),
    Plant("send again after a lost answer without asking", store=_ForgettingLostAnswers),
)
