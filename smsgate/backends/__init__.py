"""What a complaint backend is to us, and the closed set of outcomes of asking one for something.

An outcome says what to do next; no backend raises for what its server answered.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from smsgate.records import ForwardedComplaint

# The kinds of backend that are sent nothing of a confidential complaint's sender: the store hands them no
# number, and they know none from elsewhere. Here and no attribute of theirs, since the receipt that promises it is
# worded by commands, too, which make no backend. A new kind is entered once a test shows that of it.
WITHHOLDING_KINDS = frozenset({"json"})


class Accepted(Struct, frozen=True):
    """The backend has it. `tracking_id` is what it calls it, where it said so."""

    tracking_id: str | None = None


class Refused(Struct, frozen=True):
    """The backend will never take it as it is (400, 413, 422): a person must look."""

    reason: str


class TryLater(Struct, frozen=True):
    """It surely did not take it, or would take it again without harm: try later, for ever.

    `wait_s` is the server's own wish.
    """

    reason: str
    wait_s: float | None = None


class Held(Struct, frozen=True):
    """Our side is wrong (401, 403, 404, an answer out of contract): hold every forward of this backend, and alarm."""

    reason: str


class Unknown(Struct, frozen=True):
    """The request may have been taken; its answer was lost."""

    reason: str


Outcome = Accepted | Refused | TryLater | Held | Unknown


class Found(Struct, frozen=True):
    """The backend knows our reference."""

    tracking_id: str | None = None


class NotFound(Struct, frozen=True):
    """The backend was asked and does not know our reference (yet)."""


LookupOutcome = Found | NotFound | TryLater | Held


class Backend(Protocol):
    """One complaint system. Calls block, each within `request_deadline_s` in total; one thread calls."""

    name: str
    honours_idempotency_keys: bool  # the same key again is the same complaint
    can_be_asked: bool  # `find` works
    settle_s: float  # after this long without an answer, a request it took is visible to `find`
    request_deadline_s: float

    def forward(self, complaint: ForwardedComplaint, *, idempotency_key: str) -> Outcome:
        """Hand over a complaint."""
        ...

    def add(
        self,
        complaint: ForwardedComplaint,
        text: str,
        *,
        tracking_id: str | None,
        idempotency_key: str,
    ) -> Outcome:
        """Hand over an addition to a complaint that the backend already has."""
        ...

    def find(self, reference: str) -> LookupOutcome:
        """Ask for our reference. Called only where `can_be_asked`."""
        ...

    def close(self) -> None:
        """Free the connections."""
        ...
