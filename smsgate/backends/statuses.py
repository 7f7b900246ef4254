"""What an HTTP status means for a complaint: the same for every backend that speaks HTTP. Pure."""

from __future__ import annotations

from smsgate.backends import Accepted, Held, Outcome, Refused, TryLater, Unknown

REFUSALS = frozenset({400, 413, 422})  # the complaint itself is wrong; it will be tomorrow, too

# The client errors of RFC 9110 and RFC 6585 that pass by themselves: timeout, conflict,
# misdirected, locked, too early, too many. 409 beside an idempotency key says that the first
# request with this key is still in work.
PASSING = frozenset({408, 409, 421, 423, 425, 429})

# Answers after which the request has surely not been carried out; of the other 5xx one cannot know.
SURELY_NOT_TAKEN = frozenset({408, 421, 423, 425, 429, 501, 503, 505})


def classify(status: int, *, retry_after_s: float | None) -> Outcome:
    """Return what a status says, where the same idempotency key may be sent again without harm.

    A 2xx says Accepted only as far as the status goes: the caller looks at the body. Everything
    that is neither taken, refused nor passing is our side or the contract being wrong (credentials,
    address, method, a redirect): Held, since going through all complaints with it helps nobody.
    """
    reason = f"HTTP {status}"
    if 200 <= status <= 299:
        return Accepted()
    if status in REFUSALS:
        return Refused(reason)
    if status in PASSING or 500 <= status <= 599:
        return TryLater(reason, retry_after_s)
    return Held(reason)


def doubt(status: int, outcome: Outcome) -> Outcome:
    """Return what is left of an outcome where no idempotency key protects from doubling.

    TryLater sends the complaint again, which is right only if it was surely not taken: 409 may say
    that it is there already, and a 500, 502 or 504 may come after the taking.
    """
    if isinstance(outcome, TryLater) and status not in SURELY_NOT_TAKEN:
        return Unknown(outcome.reason)
    return outcome
