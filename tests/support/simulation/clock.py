"""The virtual clock of a history: it moves only when it is told to, so that days pass in milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

STARTED_AT = datetime(2026, 8, 17, 1, 0, tzinfo=UTC)
STARTED_MONOTONIC = 1000.0


class VirtualClock:
    """Wall time and monotonic time of one history; they move together."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Return the moment."""
        return STARTED_AT + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return STARTED_MONOTONIC + self._elapsed_s

    def is_synchronised(self) -> bool:
        """Return that the host keeps its clock right: it is always."""
        return True

    @property
    def elapsed_s(self) -> float:
        """Seconds since the history began."""
        return self._elapsed_s

    def advance_to(self, monotonic: float) -> None:
        """Let time pass up to this monotonic moment; never back."""
        self._elapsed_s = max(self._elapsed_s, monotonic - STARTED_MONOTONIC)
