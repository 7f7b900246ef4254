"""The one place that reads the time. Everything else is handed a Clock, so that a test can hold the hands."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

_TIME_ERROR = 5  # linux/timex.h: the clock is not synchronised


class Clock(Protocol):
    """Wall time for what is stored, monotonic time for what is waited for."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...


class HostClock(Clock, Protocol):
    """A clock that knows whether somebody keeps it right."""

    def is_synchronised(self) -> bool:
        """Whether the host is known to keep its clock by others'; False also where nobody can tell."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def is_synchronised(self) -> bool:
        """Whether the kernel says that its clock is kept right: by NTP, PTP or a hypervisor.

        It unsays that as soon as somebody sets the clock by hand. Where it may not be asked (a sandbox) or has no such
        call, nothing is known.
        """
        import ctypes  # late: it costs a start more than all the rest of this module

        try:
            adjtimex = ctypes.CDLL(None).adjtimex
        except (OSError, AttributeError):
            return False
        # With `modes` 0 it only reads, into at most 208 octets, and returns the clock's state or -1 (adjtimex(2)).
        state: int = adjtimex(ctypes.create_string_buffer(512))
        return 0 <= state < _TIME_ERROR
