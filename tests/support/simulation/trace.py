"""What happened in a history, line by line, for whoever looks for the fault. Everybody in it is invented."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from simulation.clock import VirtualClock


class Trace:
    """The lines of one history, each with its virtual moment. `is_on` False keeps none, which is much faster."""

    def __init__(self, clock: VirtualClock, *, is_on: bool) -> None:
        self.is_on = is_on
        self.lines: list[str] = []
        self._clock = clock

    def say(self, who: str, what: str) -> None:
        """Add one line."""
        if self.is_on:
            self.lines.append(f"{self._clock.elapsed_s:12.3f}  {who:<12} {what}")

    def hear_log(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> str:
        """Take in what the workers log: a processor for structlog that ends the event here."""
        name = event.pop("event", "")
        event.pop("exc_info", None)
        fields = " ".join(f"{key}={value!r}" for key, value in sorted(event.items()))
        self.say("log", f"{level} {name} {fields}")
        raise structlog.DropEvent

    def hear_modem(self, line: str) -> Any:
        """Return what a modem driver of this line logs to."""

        def say(event: str, fields: Mapping[str, object]) -> None:
            if self.is_on:
                self.say(line, f"{event} {dict(fields)}")

        return say


@contextmanager
def listening(trace: Trace) -> Iterator[None]:
    """Have everything that is logged meanwhile in the trace, or nowhere when the trace is off."""
    was_configured, before = structlog.is_configured(), structlog.get_config()
    package = logging.getLogger("gsmmodem")
    level = package.level
    package.setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[trace.hear_log],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.NOTSET if trace.is_on else logging.CRITICAL
        ),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        package.setLevel(level)
        if was_configured:
            structlog.configure(**before)
        else:
            structlog.reset_defaults()
