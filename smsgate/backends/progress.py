"""What a backend says later of a complaint that it has: how far it is, and what a citizen is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from smsgate.backends import Held, NotFound, TryLater
from smsgate.records import ComplaintStatus

# What systems in use say, lower case; a configuration adds its own words.
STATUS_WORDS: Mapping[str, ComplaintStatus] = {
    **{status.value: status for status in ComplaintStatus},
    "submitted": ComplaintStatus.RECEIVED,
    "belum terverifikasi": ComplaintStatus.RECEIVED,
    "open": ComplaintStatus.RECEIVED,
    "new": ComplaintStatus.RECEIVED,
    "pending": ComplaintStatus.NEEDS_MORE,
    "pending-catatan": ComplaintStatus.NEEDS_MORE,
    "ditunda": ComplaintStatus.NEEDS_MORE,
    "feedback": ComplaintStatus.NEEDS_MORE,
    "in progress": ComplaintStatus.IN_PROGRESS,
    "resolved": ComplaintStatus.ANSWERED,
    "closed": ComplaintStatus.CLOSED,
    "arsip": ComplaintStatus.CANCELLED,
    "rejected": ComplaintStatus.CANCELLED,
}
ENDS = frozenset(
    {ComplaintStatus.CLOSED, ComplaintStatus.NOT_OURS, ComplaintStatus.CANCELLED}
)  # nothing comes after them


class Progress(Struct, frozen=True):
    """How far a complaint is. `raw` is the backend's own word for `status`, which is None where we know no such
    word; `answer` is what the citizen may read.
    """

    status: ComplaintStatus | None
    raw: str
    answer: str | None = None
    unit: str | None = None

    def __repr__(self) -> str:
        """Without the answer: a repr ends up in logs and tracebacks."""
        return f"Progress(status={self.status}, raw={self.raw!r})"


ProgressOutcome = Progress | NotFound | TryLater | Held


class AskedComplaint(Struct, frozen=True):
    """A complaint that a backend has, to be asked for. `place` orders a round."""

    place: int
    complaint_id: int
    reference: str
    tracking_id: str | None


class Heard(Struct, frozen=True):
    """What became of an answer: whether it was news, and whether a line has something to send now.

    `is_postponed`: nothing was written, since the citizen had notices enough for now; to be heard again.
    """

    is_news: bool
    has_due_replies: bool = False
    is_postponed: bool = False


class NotHereYet(Exception):
    """The backend speaks of a complaint whose forward to it is not settled: it may in a moment."""


class ProgressWords(Protocol):
    """Where a backend's answers have what, and its own words for statuses."""

    @property
    def status_field(self) -> str:
        """Where the status stands."""
        ...

    @property
    def answer_field(self) -> str:
        """Where the answer to the citizen stands; nowhere if empty."""
        ...

    @property
    def unit_field(self) -> str:
        """Where the unit stands; nowhere if empty."""
        ...

    @property
    def statuses(self) -> Mapping[str, ComplaintStatus]:
        """Its own words, and ours for them."""
        ...


class TellsProgress(Protocol):
    """A complaint system that can be asked how far a complaint is. Calls block, each with a limit; one thread calls."""

    name: str

    def look_up_progress(self, reference: str, tracking_id: str | None) -> ProgressOutcome:
        """Ask how far a complaint is."""
        ...

    def abort(self) -> None:
        """End the request in hand, from any thread."""
        ...

    def close(self) -> None:
        """Free the connections."""
        ...


def read_status(
    raw: str, words: Mapping[str, ComplaintStatus], *, has_answer: bool
) -> ComplaintStatus | None:
    """Return our status for the backend's word: its own words first, then those that are in use elsewhere.

    A complaint in work that has an answer is answered.
    """
    own = {word.casefold(): status for word, status in words.items()}
    word = raw.strip().casefold()
    status = own.get(word, STATUS_WORDS.get(word))
    is_in_work = status in (ComplaintStatus.RECEIVED, ComplaintStatus.IN_PROGRESS)
    return ComplaintStatus.ANSWERED if has_answer and is_in_work else status
