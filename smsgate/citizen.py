"""A citizen's phone in a rehearsal: sends an SMS, and follows it until nothing more is to come.

What became of it is read where an operator would look: in the store, in the complaint system's
list, and on the phone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hardware.simulator.control import ControlClient, ControlError
from smsgate.records import (
    ComplaintRecord,
    Disposition,
    ForwardState,
    ReplyState,
    StatusCounts,
)
from smsgate.rehearsal import Rehearsal
from smsgate.store import Store

LOOK_EVERY_S = 0.01
# The receipt leaves the gateway a moment before it is on the phone.
ARRIVAL_LIMIT_S = 5.0
# The SMSC stamps whole seconds. The same words in the same second are the same TPDU, to the gateway
# and to anybody; no phone sends twice that fast.
SAME_TEXT_APART_S = 1.0

_OPEN_FORWARDS = (ForwardState.DUE, ForwardState.CLAIMED, ForwardState.UNKNOWN)
_OPEN_REPLIES = (ReplyState.DUE, ReplyState.CLAIMED)
_LOST_REPLIES = (ReplyState.UNCONFIRMED, ReplyState.EXPIRED, ReplyState.UNDELIVERED)


class Exchange(Struct, frozen=True):
    """One SMS and what came of it. `missing` is empty when everything that was due has happened."""

    text: str
    disposition: str | None = None
    complaint: ComplaintRecord | None = None  # where it made one
    answers: tuple[str, ...] = ()  # SMS that came back
    missing: tuple[str, ...] = ()


class Citizen:
    """One phone."""

    def __init__(
        self, rehearsal: Rehearsal, store: Store, network: ControlClient, number: str
    ) -> None:
        self.number = number
        self._rehearsal = rehearsal
        self._store = store
        self._network = network
        self._sent_at: dict[str, float] = {}

    def exchange(self, text: str, limit_s: float) -> Exchange:
        """Send an SMS and wait, up to the limit, until it is filed, forwarded and answered."""
        since_same_s = time.monotonic() - self._sent_at.get(text, -SAME_TEXT_APART_S)
        time.sleep(max(0.0, SAME_TEXT_APART_S - since_same_s))
        deadline = time.monotonic() + limit_s
        before = self._store.counts()
        heard = len(self.inbox())
        try:
            self._network.send(self.number, text)
        except ControlError as error:
            return Exchange(text, missing=(f"not sent: {error}",))
        self._sent_at[text] = time.monotonic()
        disposition = self._await_disposition(before, deadline)
        if disposition is None:
            missing = f"it was not filed within {limit_s:g} s"
            return Exchange(text, missing=(missing, *self._judge_lines()))
        complaint = self._newest() if disposition == Disposition.COMPLAINT else None
        after = self._await_settled(before, complaint, deadline)
        if complaint is not None:
            complaint = self._store.complaint(complaint.reference)
        answer_count = _growth(before.replies, after.replies, ReplyState.SUBMITTED)
        answers = self._await_answers(heard, answer_count)
        missing_words = [
            *_judge(before, after, disposition),
            *self._judge_complaint(complaint),
        ]
        if len(answers) < answer_count:
            missing_words.append("an answer that was submitted did not reach the phone")
        return Exchange(text, disposition, complaint, answers, tuple(missing_words))

    def with_number(self, number: str) -> Citizen:
        """Return another phone in the same network."""
        return Citizen(self._rehearsal, self._store, self._network, number)

    def inbox(self) -> list[str]:
        """Return every SMS that came to this phone, oldest first."""
        return [received.text for received in self._network.inbox(self.number)]

    def _await_disposition(self, before: StatusCounts, deadline: float) -> str | None:
        while time.monotonic() < deadline:
            now = self._store.counts().sms
            for disposition in now:
                if disposition != "waiting" and _growth(before.sms, now, disposition):
                    return disposition
            self._rehearsal.check_alive()
            time.sleep(LOOK_EVERY_S)
        return None

    def _await_settled(
        self, before: StatusCounts, complaint: ComplaintRecord | None, deadline: float
    ) -> StatusCounts:
        """Wait until this SMS has left nothing to do; return the counts at that moment."""
        while True:
            now = self._store.counts()
            if _open_count(now) <= _open_count(before) and self._is_settled(complaint):
                return now
            if time.monotonic() >= deadline:
                return now
            self._rehearsal.check_alive()
            time.sleep(LOOK_EVERY_S)

    def _is_settled(self, complaint: ComplaintRecord | None) -> bool:
        if complaint is None:
            return True
        record = self._store.complaint(complaint.reference)
        return (
            record is not None
            and all(forward.state not in _OPEN_FORWARDS for forward in record.forwards)
            and all(reply.state not in _OPEN_REPLIES for reply in record.replies)
        )

    def _await_answers(self, heard: int, count: int) -> tuple[str, ...]:
        deadline = time.monotonic() + ARRIVAL_LIMIT_S
        while True:
            answers = tuple(self.inbox()[heard:])
            if len(answers) >= count or time.monotonic() >= deadline:
                return answers
            time.sleep(LOOK_EVERY_S)

    def _newest(self) -> ComplaintRecord | None:
        return next(iter(self._store.complaints(limit=1)), None)

    def _judge_lines(self) -> Iterator[str]:
        for line in self._store.lines():
            yield f"line {line.name} is {line.state}" + (f": {line.reason}" if line.reason else "")

    def _judge_complaint(self, complaint: ComplaintRecord | None) -> Iterator[str]:
        """Yield what a complaint still lacks."""
        if complaint is None:
            return
        for forward in complaint.forwards:
            if forward.state is not ForwardState.FORWARDED:
                reason = f" ({forward.reason})" if forward.reason else ""
                yield f"its forward to {forward.backend} is {forward.state}{reason}"
        if not complaint.replies:
            yield "it has no receipt"
        held = [
            entry
            for entry in self._rehearsal.backend_complaints()
            if entry.get("reference") == complaint.reference and entry.get("kind") != "addition"
        ]
        if len(held) != 1:
            yield f"the complaint system holds it {len(held)} times"


def _judge(before: StatusCounts, after: StatusCounts, disposition: str) -> Iterator[str]:
    """Yield what went wrong whatever the SMS was."""
    if disposition in (Disposition.QUARANTINED, Disposition.UNDECODABLE):
        yield f"it was put aside as {disposition}"
    for state in (*_OPEN_REPLIES, *_LOST_REPLIES):
        if _growth(before.replies, after.replies, state):
            yield f"an answer to it is {state}"


def _growth(before: Mapping[str, int], after: Mapping[str, int], name: str) -> int:
    return after.get(name, 0) - before.get(name, 0)


def _open_count(counts: StatusCounts) -> int:
    forwards = sum(counts.forwards.get(state, 0) for state in _OPEN_FORWARDS)
    return forwards + sum(counts.replies.get(state, 0) for state in _OPEN_REPLIES)
