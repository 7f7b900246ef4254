"""When to try again. Pure: the moment, the chance and the policy are passed in.

A forward is tried for ever: giving up is a person's act (design.md section 7). So there is no limit
of attempts here, only pauses that grow to a ceiling.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

DOUBLINGS_MAX = 40  # keeps 2 ** n a number that a float can hold, however long a backend stays away


class RetryPolicy(Struct, frozen=True):
    """How pauses grow.

    The first pause is `first_delay_s`; each further one is twice as long, up to `delay_s_max`.
    Chance adds up to `spread` of it on top, so that gateways that failed together do not come back
    together. A server's own wish is honoured up to `wish_s_max`: a longer one is a mistake, or
    leaves nobody to notice that it ended.
    """

    first_delay_s: float = 1.0
    delay_s_max: float = 900.0
    spread: float = 0.25
    wish_s_max: float = 3600.0
    held_delay_s: float = 30.0  # at least; wrong credentials, tried every second, lock an account


def pause_s(
    failures: int, *, policy: RetryPolicy, jitter: float, wish_s: float | None = None
) -> float:
    """Return how long to wait after so many failures in a row (1 for the first).

    `jitter` is a chance number in [0, 1). A wish only lengthens a pause, never shortens it.
    """
    doublings = min(max(failures - 1, 0), DOUBLINGS_MAX)
    delay_s = min(policy.first_delay_s * 2.0**doublings, policy.delay_s_max)
    if wish_s is not None:
        delay_s = max(delay_s, min(wish_s, policy.wish_s_max))
    return delay_s * (1.0 + policy.spread * jitter)


def next_attempt_at(
    attempt: int, *, now: datetime, policy: RetryPolicy, jitter: float, wish_s: float | None = None
) -> datetime:
    """Return when to try again after attempt number `attempt` (1 for the first) failed."""
    return now + timedelta(seconds=pause_s(attempt, policy=policy, jitter=jitter, wish_s=wish_s))
