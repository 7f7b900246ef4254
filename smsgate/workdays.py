"""Working days: deadlines are counted in them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta, tzinfo

_SATURDAY = 5


def add_working_days(
    moment: datetime, days: int, *, zone: tzinfo, holidays: Collection[date] = ()
) -> datetime:
    """Return the same time of day so many working days later, in `zone`."""
    day = moment.astimezone(zone)
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < _SATURDAY and day.date() not in holidays
    return day
