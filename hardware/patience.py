"""How long a silence after a command may last, by what the command took on this connection so far.

A modem that has answered in a moment so far is given up long before one that nobody knows, so what fell silent is
noticed within seconds. A late answer costs a resynchronisation and is never believed.
"""

from __future__ import annotations

import math

PATIENCE_S_MIN = 3.0
PATIENCE_TIMES = 5
# what may take long once in a while, or does different things each time
_UNPREDICTABLE = ("AT", "+CFUN", "+COPS", "+CUSD", "+CPIN", "+CLAC")


class Patience:
    """What one connection has learnt."""

    def __init__(self) -> None:
        self._answered_s: dict[str, float] = {}  # command → the longest it took

    def limit_s(self, name: str, times: int = 1) -> float:
        """Return how long to wait for a sign of this command's answer; endless while nothing is known.

        `times` says how often the command stands in its line.
        """
        if name in _UNPREDICTABLE or name not in self._answered_s:
            return math.inf
        return max(PATIENCE_S_MIN, PATIENCE_TIMES * times * self._answered_s[name])

    def learn(self, name: str, taken_s: float, times: int = 1) -> None:
        """Take note of an answer."""
        self._answered_s[name] = max(taken_s / times, self._answered_s.get(name, 0.0))
