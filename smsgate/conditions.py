"""What the store shows that a person must know: which alarms stand, in what words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from parsers.notices import Notice
from smsgate.findings import Findings, Left
from smsgate.records import BackendRecord
from smsgate.replies import GATEWAY_LIMITS

FAILING_AFTER = timedelta(hours=1)  # shorter outages heal, and nobody could do anything
LIMIT_STANDS = timedelta(hours=1)  # after the last reply that was not sent
NOTICE_STANDS = timedelta(days=3)  # operators say it again while it is so

SUPPRESSIONS = GATEWAY_LIMITS
NOTICES = (str(Notice.LOW_BALANCE), str(Notice.EXPIRY))

_OURS = re.compile(
    r"backend\..+\.(?:held|failing|refused|unconfirmed)|store\.quarantine|replies\.limit|line\..+\.notice"
)
_WORDS = {
    str(Notice.LOW_BALANCE): "its credit is low: top it up, or receipts stop going out",
    str(Notice.EXPIRY): "its validity ends: top it up, or its number and credit are lost",
}


def is_ours(key: str) -> bool:
    """Whether `standing` says when this condition is over."""
    return _OURS.fullmatch(key) is not None


def standing(
    backends: Sequence[BackendRecord], findings: Findings, now: datetime
) -> dict[str, str]:
    """Return every condition that stands, with what to tell a person."""
    said: dict[str, str] = {}
    for backend in backends:
        said |= _of_backend(backend, now)
    said |= {
        f"backend.{name}.refused": f"Backend {name} refused {_complaints(left)} for good: "
        f"`smsgate forwards list --backend {name}` says why, and what to do."
        for name, left in findings.refused.items()
    }
    said |= {
        f"backend.{name}.unconfirmed": f"Whether backend {name} has {_complaints(left)} is not known: "
        f"look there for {left.reference}; `smsgate forwards list --backend {name}` says what to do then."
        for name, left in findings.unconfirmed.items()
    }
    if findings.quarantined:
        said["store.quarantine"] = (
            f"{findings.quarantined} SMS met a mistake of ours and nobody has decided on them: read them with "
            "`smsgate messages list --disposition quarantined`; after an upgrade, `smsgate messages redecode`."
        )
    if findings.limited_at is not None and now - findings.limited_at < LIMIT_STANDS:
        said["replies.limit"] = (
            "The gateway's budget of replies is used up: SMS are received and forwarded, and not answered. "
            "If so many citizens write, raise gateway_hour or gateway_day in the service's limits."
        )
    for line, (reason, at) in findings.notices.items():
        if now - at < NOTICE_STANDS:
            said[f"line.{line}.notice"] = (
                f"The operator of line {line}'s SIM wrote on {at:%Y-%m-%d} that {_WORDS[reason]}."
            )
    return said


def _of_backend(backend: BackendRecord, now: datetime) -> dict[str, str]:
    release = f"`smsgate forwards release --backend {backend.name}`"
    if backend.state == "held" and backend.retry_at is None:
        return {
            f"backend.{backend.name}.held": f"Backend {backend.name} is {backend.reason}; {backend.due} of its "
            f"complaints wait until {release}."
        }
    if backend.state == "held":
        return {
            f"backend.{backend.name}.held": f"Backend {backend.name} is held ({backend.reason}); {backend.due} of its "
            "complaints wait. Put credentials, address or contract right; it is then tried again by itself, "
            f"at once with {release}."
        }
    since = backend.oldest_due_at
    if backend.state == "failing" and since is not None and now - since >= FAILING_AFTER:
        return {
            f"backend.{backend.name}.failing": f"Backend {backend.name} takes no complaints ({backend.reason}); "
            f"the oldest waits since {since:%Y-%m-%d %H:%M} UTC. Look at its host and the network; none is lost."
        }
    return {}


def _complaints(left: Left) -> str:
    if left.count == 1:
        return f"complaint {left.reference}"
    return f"{left.count} complaints, {left.reference} the latest,"
