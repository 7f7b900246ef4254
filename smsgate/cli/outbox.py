"""What `forwards list` and `replies list` say below their tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from smsgate.cli.output import say


class Listed(Protocol):
    """One row of the list."""

    @property
    def state(self) -> str:
        """Its state, as it is shown."""
        ...


def say_below(found: Sequence[Listed], limit: int, steps: Mapping[str, str]) -> None:
    """Say whether these are all, and for each state that wants a person how many there are and what to do.

    Of `found`, the first `limit` are shown.
    """
    if not found:
        say("There is none. `--all` shows those that are done, too.")
    if len(found) > limit:
        say(f"There are more than these {limit}: `--limit` shows them, `--state` fewer.")
    counts = Counter(row.state for row in found[:limit])
    for state, step in steps.items():
        if counts[state]:
            say(f"{counts[state]} {state}: {step}")
