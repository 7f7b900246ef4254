"""Silence: a line that is ready and has received nothing for longer than is usual at this hour. Decides only.

What is usual is what the store's own counts of the last weeks show at this hour of the day: how long it had been quiet
at its beginning, and how much came in the hour before. Weekends are among the days compared; holidays are not known
here, so that this is no more than a notice. Hours are those of UTC, numbered since 1970: the same hour of the day in
any zone without daylight saving.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from smsgate.records import LineRecord

HISTORY_DAYS = 28
HISTORY_DAYS_MIN = 14  # with both weekends
COUNT_EVERY = timedelta(hours=12)  # only what is a day old is compared
COUNT_FIRST_AFTER = timedelta(hours=1)  # before, nothing can have been silent for long
USUAL_H_MAX = 24  # a service that gets three SMS a month is always silent

# With SMS that come by chance alone, each at its own time, a line of any rate is then silent by chance for so long less
# than once in two months.
_TIMES_USUAL = 4
_ENOUGH_SMS = 10  # so many should have come meanwhile on the quietest day
_LONGEST_PATIENCE_H = 4.0
_HOUR_S = 3600.0

Counts = Mapping[int, int]  # SMS received, by hour


class _Ear(Struct):
    """What is known of one line."""

    quiet_since: datetime
    is_said: bool = False


class SilenceWatch:
    """The silences of one gateway's lines; one thread asks."""

    def __init__(self, lines: Collection[str] = ()) -> None:
        self._lines = frozenset(lines)
        self._ears: dict[str, _Ear] = {}
        self._counts: Mapping[str, Counts] = {}
        self._count_at: datetime | None = None

    def is_count_due(self, now: datetime) -> bool:
        """Say whether the store is to be asked again."""
        if self._count_at is None:
            self._count_at = now + COUNT_FIRST_AFTER
        return bool(self._lines) and now >= self._count_at

    def learn(self, counts: Mapping[str, Counts], now: datetime) -> None:
        """Take what each line received in each hour since `history_begins`."""
        self._counts = counts
        self._count_at = now + COUNT_EVERY

    def forget(self) -> None:
        """Begin anew: the clock is not believed, so that nobody knows how long anything took."""
        self._ears.clear()

    def look(self, records: Sequence[LineRecord], now: datetime) -> dict[str, str | None]:
        """Return of each line that is watched why it is to be said, or None.

        What was said stands until the next SMS, even where the modem is opened again meanwhile.
        """
        return {
            record.name: self._look_at(record, now)
            for record in records
            if record.name in self._lines
        }

    def _look_at(self, record: LineRecord, now: datetime) -> str | None:
        ear = self._ears.setdefault(record.name, _Ear(now))
        received_at = record.last_received_at
        if received_at is not None and received_at > ear.quiet_since:
            ear.quiet_since, ear.is_said = received_at, False
        if not ear.is_said:
            if record.state != "ready":
                ear.quiet_since = now  # other alarms speak of that
            limit_h = silence_h_max(self._counts.get(record.name, {}), hour_of(now))
            quiet_h = (now - ear.quiet_since).total_seconds() / _HOUR_S
            ear.is_said = limit_h is not None and quiet_h > limit_h
        if not ear.is_said:
            return None
        return (
            f"Line {record.name} has received nothing since {ear.quiet_since:%Y-%m-%d %H:%M} UTC, "
            "which is unusual at this hour. Send it an SMS by hand; if that does not come, run "
            f"`smsgate modem doctor {record.name}`. On a holiday it may be nothing."
        )


def hour_of(moment: datetime) -> int:
    """Return the number of the hour that a moment is in."""
    return int(moment.timestamp() // _HOUR_S)


def history_begins(now: datetime) -> datetime:
    """Return from when on SMS are to be counted: one day more than is compared."""
    return now - timedelta(days=HISTORY_DAYS + 1)


def silence_h_max(counts: Counts, hour: int) -> float | None:
    """Return the hours of silence up to this hour that are still usual; None where nobody can say."""
    heard = sorted(counts)
    days = min((hour - heard[0]) // 24, HISTORY_DAYS) if heard else 0
    if days < HISTORY_DAYS_MIN:
        return None
    same_hours = [hour - 24 * day for day in range(1, days + 1)]
    silences = sorted(_silence_before(heard, at) for at in same_hours)
    usual_h = silences[
        len(silences) * 9 // 10
    ]  # not the longest: the line may have been away for days
    if usual_h > USUAL_H_MAX:
        return None
    quietest = min(counts.get(at - 1, 0) for at in same_hours)
    patience_h = _ENOUGH_SMS / quietest if quietest else _LONGEST_PATIENCE_H
    return _TIMES_USUAL * usual_h + min(max(patience_h, 1.0), _LONGEST_PATIENCE_H)


def _silence_before(heard: Sequence[int], hour: int) -> int:
    """Return how many hours in a row had brought nothing when this one began."""
    at = bisect_left(heard, hour)
    return hour - heard[at - 1] - 1 if at else 0
