"""Whether the clock may be believed enough to let things expire, and what is done about moments that a
wrong one wrote.

The rules:

- A clock is *right* when the host says that it is synchronised. Where nobody can say so (a container,
  a host without NTP), it is right once it has run for a day under our eyes without a jump: all that
  waits then has truly waited a day, or was written by this very clock, so its age is right whatever
  the date is.
- Nothing expires while the clock is not right, or behind what the store has seen.
- Moments that lie ahead of a right clock were written by one that was wrong. Left alone they would keep
  forwards from being claimed, parts from being overdue and senders from being answered until that date
  comes. They are made to be now; when the network had the SMS (`sent_at`) stays as it is. First the
  clock must have been right for ten minutes: a host that wakes from a pause takes its old time for a
  synchronised one until it is told better.
- A host without a battery for its clock boots with an old date. What it wrote before the clock was set
  forward looks that much older than it is, and a receipt made a minute ago would expire at once. So a
  leap of a clock that was not right lengthens the time to live of what it wrote since the boot; until
  that is done nothing expires. A leap of one that was right is time that passed (a host that slept).
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.clock import HostClock
from smsgate.records import ForwardState, ReplyState
from smsgate.store import audit
from smsgate.store.database import Database
from smsgate.store.tables import METADATA

log = structlog.get_logger(__name__)

EVEN_S = 24 * 3600.0  # no deadline that is as short as this is missed, and none is far longer
JUMP = timedelta(seconds=60)  # more than two hosts or a slewed clock drift in a day
PATIENCE_S = 600.0  # what a host that has just started, or woken, needs to be synchronised
AHEAD = timedelta(minutes=15)  # hosts that share a store are closer than that while they keep time
PAUSE_MAX = timedelta(hours=2)  # longer than anything is put off (smsgate.retry)
LOOKUP_MAX = timedelta(hours=26)  # `settle_s` may be a day

_STAMPS = {
    "part": ("received_at", "deleted_at"),
    "sms": ("received_at", "filed_at"),
    "complaint": ("received_at",),
    "forward": ("created_at", "settled_at"),
    "reply": ("created_at", "submitted_at", "settled_at"),
    "reply_part": ("submitted_at",),
    "line": ("last_received_at", "updated_at"),
    "backend_state": ("last_forwarded_at", "updated_at"),
    "alarm": ("raised_at", "last_at"),
}
_forward: Any = METADATA.tables["forward"]
_reply: Any = METADATA.tables["reply"]
_backend: Any = METADATA.tables["backend_state"]


class Leap(Struct, frozen=True):
    """What was written from `since` to `until` was written too early, by `by`."""

    since: datetime
    until: datetime
    by: timedelta = timedelta(0)


class TimeGuard:
    """Whether the clock may be believed."""

    def __init__(self, clock: HostClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: datetime | None = None
        self._even_since: tuple[datetime, float] | None = None
        self._wrong_since: float | None = None
        self._doubt: Leap | None = None  # since the boot, while the clock is not right
        self._leap: Leap | None = None

    def begin(self) -> None:
        """Watch the clock from now on."""
        self.is_right(self._clock.now())

    def note(self, moment: datetime | None) -> None:
        """Take in a moment that has been."""
        with self._lock:
            if moment is not None and (self._newest is None or moment > self._newest):
                self._newest = moment

    def forget_after(self, now: datetime) -> None:
        """Later moments than `now` have not been after all."""
        with self._lock:
            if self._newest is not None and self._newest > now:
                self._newest = now

    def is_trusted(self, now: datetime) -> bool:
        """Whether things may expire by `now`: the clock is right, not behind all that has been, and its
        last leap was taken in.
        """
        return self.is_right(now) and not self.is_behind(now) and self.leap() is None

    def is_right(self, now: datetime) -> bool:
        """Whether the clock is synchronised, or has run evenly for long enough."""
        is_even = self._has_run_evenly(now)
        is_right = is_even or self._clock.is_synchronised()
        with self._lock:
            if not is_right and self._doubt is None:
                # Nobody can vouch for it since the boot, when the monotonic clock began.
                booted = now - timedelta(seconds=self._clock.monotonic())
                self._doubt = Leap(booted, now)
            elif is_right and self._doubt is not None:
                self._leap = self._doubt if self._doubt.by > JUMP else self._leap
                self._doubt = None
        return is_right

    def leap(self) -> Leap | None:
        """Return how far a clock that was not right was set forward, until that is taken in."""
        with self._lock:
            return self._leap

    def end_leap(self, leap: Leap) -> None:
        """It is taken in."""
        with self._lock:
            if self._leap is leap:
                self._leap = None

    def is_behind(self, now: datetime) -> bool:
        """Whether the store has seen later moments."""
        with self._lock:
            return self._newest is not None and now < self._newest

    def trouble(self, now: datetime) -> str | None:
        """Return what a person must know who waits for something to expire; None while all is well,
        and for the first minutes.
        """
        monotonic = self._clock.monotonic()
        is_trusted = self.is_trusted(now)
        with self._lock:
            if is_trusted:
                self._wrong_since = None
                return None
            if self._wrong_since is None:
                self._wrong_since = monotonic
            if monotonic - self._wrong_since < PATIENCE_S:
                return None
        wrong = (
            "is behind what the store has seen" if self.is_behind(now) else "is not synchronised"
        )
        return (
            f"The clock of this host {wrong}: SMS with missing parts wait on, and old receipts do not "
            "expire. Look at `timedatectl` and let NTP keep it; a clock that runs a day without a jump "
            "is believed, too."
        )

    def _has_run_evenly(self, now: datetime) -> bool:
        monotonic = self._clock.monotonic()
        with self._lock:
            if self._even_since is None:
                self._even_since = (now, monotonic)
            since, begun = self._even_since
            expected = since + timedelta(seconds=monotonic - begun)
            if abs(now - expected) > JUMP:
                self._even_since = (now, monotonic)
                if self._doubt is not None:
                    is_first = not self._doubt.by
                    until = expected if is_first else self._doubt.until
                    self._doubt = Leap(self._doubt.since, until, self._doubt.by + (now - expected))
                return False
            return monotonic - begun >= EVEN_S


class Redating:
    """Puts right what was written by a clock that was ahead, or behind."""

    def __init__(self, database: Database, gateway: str, time: TimeGuard) -> None:
        self._database = database
        self._gateway = gateway
        self._time = time
        self._right_since: float | None = None
        self._has_looked = False

    def run(self, now: datetime, monotonic: float) -> int:
        """Once the clock is right, put right what lies ahead of it; return how many rows.

        Looks when it first may, and then only when the clock is behind what has been.
        """
        if not self._time.is_right(now):
            self._right_since = None
            return 0
        leap = self._time.leap()
        if leap is not None:
            count = self._database.run(lambda c: _lengthen(c, self._gateway, leap))
            self._time.end_leap(leap)
            log.warning("clock_was_behind", seconds=int(leap.by.total_seconds()), replies=count)
        if self._right_since is None:
            self._right_since = monotonic
        is_early = monotonic - self._right_since < PATIENCE_S
        if is_early or (self._has_looked and not self._time.is_behind(now)):
            return 0
        with self._database.read() as connection:
            is_needed = any(connection.execute(query).first() for query in _looks(now))
        count = self._database.run(lambda c: _redate(c, now)) if is_needed else 0
        self._has_looked = True
        if count:
            self._time.forget_after(now)
            log.warning("moments_ahead_of_the_clock_redated", rows=count)
        return count


def _looks(now: datetime) -> list[Any]:
    """Whether there is anything ahead, in every place that keeps something from happening."""
    ahead = [
        _is_after(table, column, now + AHEAD)
        for table, column in (("sms", "received_at"), ("reply", "created_at"))
    ]
    return [
        sa.select(sa.literal(1)).where(condition).limit(1)
        for condition in (*ahead, *(condition for _, condition in _plans(now)))
    ]


def _plans(now: datetime) -> list[tuple[Any, Any]]:
    """What is put off further than anything can be."""
    is_lookup = _forward.c.state == ForwardState.UNKNOWN
    return [
        (_forward.c.next_at, sa.and_(~is_lookup, _forward.c.next_at > now + PAUSE_MAX)),
        (_forward.c.next_at, sa.and_(is_lookup, _forward.c.next_at > now + LOOKUP_MAX)),
        (_reply.c.next_at, _reply.c.next_at > now + PAUSE_MAX),
        (_backend.c.retry_at, _backend.c.retry_at > now + PAUSE_MAX),
    ]


def _is_after(table: str, column: str, moment: datetime) -> Any:
    return METADATA.tables[table].c[column] > moment


def _redate(connection: Connection, now: datetime) -> int:
    limit, count = now + AHEAD, _keep_expiries(connection, now)
    for plan, condition in (
        *_plans(now),
        (_forward.c.next_at, sa.and_(_forward.c.created_at > limit, _forward.c.next_at > now)),
        (_reply.c.next_at, sa.and_(_reply.c.created_at > limit, _reply.c.next_at > now)),
    ):
        change = sa.update(plan.table).where(condition).values({plan.name: now})
        count += connection.execute(change).rowcount
    for table, columns in _STAMPS.items():
        for column in columns:
            change = sa.update(METADATA.tables[table]).where(_is_after(table, column, limit))
            count += connection.execute(change.values({column: now})).rowcount
    row = audit.audit_row(now, "housekeeper", "redate", "store", {"rows": count})
    audit.add(connection, row)
    return count


def _keep_expiries(connection: Connection, now: datetime) -> int:
    """A reply keeps the time that it had to live."""
    query = sa.select(_reply.c.id, _reply.c.created_at, _reply.c.expires_at).where(
        _reply.c.state == ReplyState.DUE,
        _reply.c.created_at > now + AHEAD,
        _reply.c.expires_at.is_not(None),
    )
    rows = connection.execute(query).all()
    for row in rows:
        expires_at = now + (row.expires_at - row.created_at)
        change = sa.update(_reply).where(_reply.c.id == row.id).values(expires_at=expires_at)
        connection.execute(change)
    return len(rows)


def _lengthen(connection: Connection, gateway: str, leap: Leap) -> int:
    """What a clock behind wrote keeps the time that it had to live."""
    query = sa.select(_reply.c.id, _reply.c.expires_at).where(
        _reply.c.gateway == gateway,
        _reply.c.state.in_((ReplyState.DUE, ReplyState.CLAIMED)),
        _reply.c.created_at.between(leap.since, leap.until),
        _reply.c.expires_at.is_not(None),
    )
    rows = connection.execute(query).all()
    for row in rows:
        change = sa.update(_reply).where(_reply.c.id == row.id)
        connection.execute(change.values(expires_at=row.expires_at + leap.by))
    return len(rows)
