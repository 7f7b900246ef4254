"""What each outcome of a forward sets in its row (design.md section 3, Leases and outcomes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from smsgate.backends import (
    Accepted,
    Found,
    Held,
    LookupOutcome,
    NotFound,
    Outcome,
    Refused,
    TryLater,
    Unknown,
)
from smsgate.records import ForwardState
from smsgate.store.columns import escape


class Settlement:
    """When an outcome is written, and when the forward is due again if it is."""

    def __init__(self, now: datetime, next_at: datetime, *, is_lookup: bool = False) -> None:
        self.now = now
        self.next_at = next_at
        self.is_lookup = is_lookup

    def values_of(self, outcome: Outcome | LookupOutcome) -> dict[str, Any]:
        """Return the columns that an outcome sets. A lookup is no attempt, and leaves an unknown
        one unknown.
        """
        values = self._values_of(outcome)
        if self.is_lookup and values["state"] is ForwardState.DUE:
            values["state"] = ForwardState.UNKNOWN
        return values

    def _values_of(self, outcome: Outcome | LookupOutcome) -> dict[str, Any]:
        match outcome:
            case Accepted(tracking_id) | Found(tracking_id):
                return {
                    "state": ForwardState.FORWARDED,
                    "tracking_id": None if tracking_id is None else escape(tracking_id),
                    "reason": None,
                    "settled_at": self.now,
                }
            case Refused(reason):
                return {
                    "state": ForwardState.REFUSED,
                    "reason": escape(reason),
                    "settled_at": self.now,
                }
            case TryLater(reason) | Held(reason):
                return {
                    "state": ForwardState.DUE,
                    "reason": escape(reason),
                    "next_at": self.next_at,
                }
            case Unknown(reason):
                return {
                    "state": ForwardState.UNKNOWN,
                    "reason": escape(reason),
                    "next_at": self.next_at,
                    "was_unknown": True,
                    "lookup_count": 0,
                }
            case NotFound():
                return {
                    "state": ForwardState.UNKNOWN,
                    "next_at": self.next_at,
                }
