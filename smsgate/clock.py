"""The one place that reads the time. Everything else is handed a Clock, so that a test can hold the hands."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Protocol

_TIMEX_OCTETS = 512
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
        ask = _find_adjtimex()
        return ask is not None and 0 <= ask() < _TIME_ERROR


@cache
def _find_adjtimex() -> Callable[[], int] | None:
    """Return what asks the kernel for its clock's state, or None where there is no such call.

    With `modes` 0 it only reads, into at most 208 octets that nobody looks at, and returns the state or -1
    (adjtimex(2)).
    """
    import ctypes  # late: it costs a start more than all the rest of this module

    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    return partial(adjtimex, ctypes.create_string_buffer(_TIMEX_OCTETS))
