"""What needs a person: the catalogue of conditions, as data, and the board of those that stand.

A key names one condition of one thing, such as `line.m1.link`: raising it again is no second alarm,
and clearing it needs no number. Texts are one sentence or two with the next thing to do, and hold
nothing of a message or a sender.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import structlog
from msgspec import Struct

from smsgate.clock import Clock

log = structlog.get_logger(__name__)

REPEAT_AFTER = timedelta(hours=1)  # an alarm that stands is said again this often, not more


class Severity(StrEnum):
    """How soon somebody must look."""

    NOTICE = "notice"  # in office hours
    WARNING = "warning"  # today: it may still heal by itself
    CRITICAL = "critical"  # now: citizens' SMS are not received, not kept or not forwarded


class Alarm(Struct, frozen=True):
    """One alarm that stands. `count`: how often its condition was seen since it began."""

    key: str
    severity: Severity
    text: str
    since_at: datetime
    count: int = 1


# Keys with `*` for the name of a line, backend, worker or service. What is not here is a warning.
CATALOGUE: Mapping[str, Severity] = MappingProxyType(
    {
        "line.*.link": Severity.CRITICAL,  # port missing, held or denied; modem silent
        "line.*.sim": Severity.CRITICAL,  # no SIM
        "line.*.pin": Severity.CRITICAL,  # PIN refused or not configured; not tried twice
        "line.*.puk": Severity.CRITICAL,  # SIM blocked
        "line.*.imei": Severity.CRITICAL,  # another modem is on the port; it is not used
        "line.*.network": Severity.CRITICAL,  # not registered
        "line.*.full": Severity.CRITICAL,  # memory stays full: the SMSC keeps what comes
        "line.*.deaf": Severity.CRITICAL,  # a canary did not arrive
        "line.*.filling": Severity.WARNING,  # more than half of the memory is taken for good
        "line.*.stuck": Severity.WARNING,  # stored messages that the modem will not delete
        "line.*.settings": Severity.WARNING,  # the modem keeps losing its settings
        "line.*.silent": Severity.NOTICE,  # nothing received for longer than is usual at this hour
        "line.*.notice": Severity.NOTICE,  # the operator wrote: balance, validity
        "backend.*.held": Severity.CRITICAL,  # credentials, address or contract are wrong
        "backend.*.failing": Severity.WARNING,  # down for long; its complaints wait
        "backend.*.refused": Severity.WARNING,  # a complaint was refused for good
        "backend.*.answers": Severity.WARNING,  # it cannot be asked how far complaints are
        "backend.*.unconfirmed": Severity.WARNING,  # a person must look there
        "store": Severity.CRITICAL,  # cannot be used: SMS wait on the SIM
        "store.disk": Severity.CRITICAL,  # below the reserve
        "store.owner": Severity.CRITICAL,  # another daemon took this gateway's name (PostgreSQL)
        "store.restored": Severity.CRITICAL,  # a copy was put back: nothing goes out
        "store.quarantine": Severity.WARNING,  # an SMS that our own mistake kept from being filed
        "clock": Severity.WARNING,  # not synchronised, or behind the store: nothing expires
        "replies.limit": Severity.WARNING,  # the gateway's budget is used up
        "worker.*.crash": Severity.WARNING,  # a mistake of ours; the worker was started again
        "worker.*.stuck": Severity.CRITICAL,  # no progress: the watchdog will end us
        "control": Severity.WARNING,  # no control socket: commands cannot ask us
        "status": Severity.WARNING,  # no status server: nobody can watch us
        "callbacks": Severity.WARNING,  # nobody listens to what backends say by themselves
        "config": Severity.WARNING,  # a reload was refused; the old configuration stays
        "config.restart": Severity.NOTICE,  # a reload changed what only a restart puts in force
    }
)
_PATTERNS = tuple(
    (re.compile(re.escape(pattern).replace(r"\*", r".+")), severity)
    for pattern, severity in CATALOGUE.items()
)


def severity_of(key: str) -> Severity:
    """Return how severe the condition of this key is."""
    for pattern, severity in _PATTERNS:
        if pattern.fullmatch(key):
            return severity
    return Severity.WARNING


class AlarmBoard:
    """The alarms that stand, for status and metrics; any thread may call.

    Each is logged when it begins, when its text changes, once an hour while it stands, and when it
    ends.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._standing: dict[str, Alarm] = {}
        self._said_at: dict[str, datetime] = {}

    def raise_alarm(self, key: str, text: str, severity: Severity | None = None) -> None:
        """Say that this condition stands."""
        now = self._clock.now()
        with self._lock:
            old = self._standing.get(key)
            alarm = Alarm(
                key,
                severity or severity_of(key),
                text,
                since_at=old.since_at if old else now,
                count=old.count + 1 if old else 1,
            )
            self._standing[key] = alarm
            is_due = now - self._said_at.get(key, now) >= REPEAT_AFTER
            is_said = old is None or old.text != text or is_due
            if is_said:
                self._said_at[key] = now
        if is_said:
            _log_alarm(alarm)

    def clear_alarm(self, key: str) -> bool:
        """Say that this condition is over; return whether it stood."""
        with self._lock:
            alarm = self._standing.pop(key, None)
            self._said_at.pop(key, None)
        if alarm is not None:
            log.info("alarm_cleared", alarm=key, stood_since=alarm.since_at.isoformat())
        return alarm is not None

    def standing(self) -> tuple[Alarm, ...]:
        """Return the alarms that stand, the most severe first, then the oldest."""
        order = list(Severity)[::-1]
        with self._lock:
            alarms = list(self._standing.values())
        return tuple(sorted(alarms, key=lambda a: (order.index(a.severity), a.since_at, a.key)))


def _log_alarm(alarm: Alarm) -> None:
    say = log.error if alarm.severity is Severity.CRITICAL else log.warning
    say("alarm", alarm=alarm.key, severity=alarm.severity.value, reason=alarm.text)
