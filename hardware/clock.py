"""The clock that the driver keeps its limits by; a simulation passes in its own."""

from __future__ import annotations

import time
from typing import Protocol


class Monotonic(Protocol):
    """The clock that deadlines are kept by."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...


class SystemMonotonic:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()
