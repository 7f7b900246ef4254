"""What goes wrong in a history, and when: drawn by the seed, struck at the seams, counted by name.

A seed first draws which faults this history knows, and how often each may strike; each seam then asks at every
opportunity. So a history is mostly sound, and two or three things go wrong in it together, which is how power fails.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from simulation.trace import Trace


class Killed(BaseException):
    """The process dies here. Nothing may catch it: whatever was not committed is gone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault: how likely a history knows it, how likely it strikes at an opportunity, how often at most."""

    known: float
    strikes: float
    most: int = 2


# Where the opportunity is: at every octet string written to the port, at every commit, at every request, and so on.
KINDS: dict[str, Kind] = {
    # the serial line, once for each write of the driver
    "serial: answer lost": Kind(0.25, 0.03),
    "serial: answer late": Kind(0.25, 0.03),
    "serial: answer doubled": Kind(0.2, 0.04),
    "serial: answer cut": Kind(0.2, 0.03),
    "serial: noise around an answer": Kind(0.2, 0.04),
    "serial: answer garbled": Kind(0.25, 0.04, most=3),
    "serial: a digit of a PDU changed": Kind(0.04, 0.2, most=1),
    "serial: command lost": Kind(0.2, 0.03),
    "serial: prompt late": Kind(0.12, 0.15),
    "serial: prompt lost": Kind(0.2, 0.15),
    "modem: says OK to a delete and keeps it": Kind(0.2, 0.1, most=4),
    "modem: lists a slot twice": Kind(0.2, 0.1),
    "modem: busy for a while": Kind(0.15, 0.03, most=4),
    "modem: unplugged in the middle of a command": Kind(0.2, 0.02),
    "modem: unplugged while it answers": Kind(0.15, 0.02),
    "modem: restarts at a command": Kind(0.2, 0.02),
    "modem: restarts while it answers": Kind(0.15, 0.02),
    "modem: restarts with the SMS in its hands": Kind(0.2, 0.15),
    "modem: falls silent": Kind(0.12, 0.02, most=1),
    "modem: back in text mode": Kind(0.1, 0.02, most=1),
    "submit: refused (38, 500, 21)": Kind(0.25, 0.3, most=3),
    "submit: no answer, but sent": Kind(0.25, 0.2),
    "submit: no answer, not sent": Kind(0.25, 0.2),
    # the network, drawn as the history is written
    "network: sent again after its deletion": Kind(0.3, 0.3, most=3),
    "network: parts out of order": Kind(0.4, 0.5, most=9),
    "network: a part comes after the deadline": Kind(0.25, 0.4, most=2),
    "network: a part never comes": Kind(0.25, 0.4, most=1),
    "network: not reached for a while": Kind(0.15, 0.5, most=1),
    "network: parts over two lines": Kind(0.5, 0.6, most=9),
    "network: handed over directly (+CMT)": Kind(0.3, 0.4, most=9),
    "network: without a date, and twice": Kind(0.3, 0.2, most=2),
    "network: replaces an SMS in place": Kind(0.3, 0.2, most=2),
    "network: a status report": Kind(0.3, 0.5, most=9),
    "replies of several parts": Kind(0.25, 1.0, most=99),
    "modem: SIM full": Kind(0.12, 1.0, most=1),
    "modem: announces nothing": Kind(0.15, 1.0, most=1),
    # the SIM of a line, drawn as the history is written
    "SIM: exchanged as planned": Kind(0.1, 0.8, most=1),
    "SIM: exchanged, and accepted later": Kind(0.1, 0.8, most=1),
    "SIM: a wrong one for a while": Kind(0.15, 0.8, most=1),
    "SIM: the same octets in the same slot of another": Kind(0.5, 0.7),
    # the store, once for each transaction
    "store: commit fails": Kind(0.25, 0.04, most=3),
    "store: committed, but it says that it failed": Kind(0.2, 0.03),
    "store: locked": Kind(0.2, 0.05, most=4),
    "store: slow to commit": Kind(0.4, 0.3, most=6),
    "store: cannot be read": Kind(0.15, 0.03),
    "store: disk full in the middle": Kind(0.2, 0.02, most=3),
    # the process
    "process: dies before a write to the port": Kind(0.25, 0.01),
    "process: dies after a write to the port": Kind(0.25, 0.01),
    "process: dies with a reply handed over": Kind(0.2, 0.15),
    "process: dies before a commit": Kind(0.25, 0.03),
    "process: dies after a commit": Kind(0.25, 0.03),
    "process: dies before a request": Kind(0.2, 0.1),
    "process: dies after a request": Kind(0.25, 0.15),
    "process: stopped and started": Kind(0.15, 1.0, most=1),
    # the backend, once for each request
    "backend: takes it and the answer is lost": Kind(0.3, 0.2),
    "backend: takes nothing and no answer comes": Kind(0.2, 0.2),
    "backend: takes it twice as slow as the lease": Kind(0.15, 0.2),
    "backend: busy (503)": Kind(0.25, 0.3, most=4),
    "backend: our credentials are wrong (401)": Kind(0.15, 0.3),
    "backend: answers garbage, and has taken it": Kind(0.15, 0.2),
    "backend: refuses it (422)": Kind(0.12, 0.2, most=1),
    "backend: cannot be asked just now": Kind(0.7, 0.6),
}
SOUND_HISTORIES = 0.04  # a few know no fault at all: then nothing may even be in doubt


class Faults:
    """The faults of one history."""

    def __init__(self, seed: int, trace: Trace) -> None:
        chance = random.Random(f"{seed} faults")
        self.is_sound = chance.random() < SOUND_HISTORIES
        self._left = {
            name: chance.randint(1, kind.most)
            for name, kind in KINDS.items()
            if chance.random() < kind.known and not self.is_sound
        }
        self._chance = random.Random(f"{seed} strikes")
        self._trace = trace
        self.struck: Counter[str] = Counter()

    def knows(self, name: str) -> bool:
        """Whether this fault may still strike."""
        return name in self._left

    def strikes(self, name: str) -> bool:
        """Say whether this fault strikes at this opportunity; count it if it does."""
        if name not in self._left or self._chance.random() >= KINDS[name].strikes:
            return False
        self.count(name)
        return True

    def one_of(self, names: tuple[str, ...]) -> str | None:
        """Return the first of these faults that strikes at this opportunity, or None."""
        for name in names:
            if name in self._left and self.strikes(name):
                return name
        return None

    def count(self, name: str) -> None:
        """Note that a fault struck."""
        self.struck[name] += 1
        self._trace.say("FAULT", name)
        left = self._left.get(name, 1) - 1
        if left:
            self._left[name] = left
        else:
            self._left.pop(name, None)

    def end(self) -> None:
        """From now on everything works."""
        self._left.clear()

    def choose(self, *choices: float) -> float:
        """Draw how bad a fault is."""
        return self._chance.choice(choices)

    def spread(self, low: float, high: float) -> float:
        """Draw how long a fault lasts."""
        return self._chance.uniform(low, high)
