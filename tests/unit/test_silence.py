"""How long a silence is usual, from counts by hour: a table of lines, and years of chance."""

from __future__ import annotations

import math
import random

import pytest

from smsgate.silence import HISTORY_DAYS, silence_h_max

NOW_H = 500_000  # some hour: 08:00 UTC
DAY = 24


def a_history(hours, *, days=HISTORY_DAYS, sms=1):
    """SMS in these hours, counted back from now, of each day."""
    return {NOW_H - DAY * day - back: sms for day in range(1, days + 1) for back in hours}


EVERY_HOUR = range(DAY)


@pytest.mark.parametrize(
    ("counts", "expected_h"),
    [
        pytest.param({}, None, id="nothing was ever received"),
        pytest.param(a_history(EVERY_HOUR, days=13), None, id="13 days: not enough is known"),
        pytest.param(a_history(EVERY_HOUR, days=14), 4, id="14 days, one an hour"),
        pytest.param(a_history(EVERY_HOUR, sms=100), 1, id="busy: one hour is strange"),
        pytest.param(a_history(EVERY_HOUR, sms=4), 2.5, id="ten should have come in 2.5 hours"),
        pytest.param(a_history([10]), 4 * 9 + 4, id="the night is over: nine hours are usual"),
        pytest.param(a_history([0]), 4 * 23 + 4, id="one a day, at this hour"),
        pytest.param(
            {NOW_H - DAY * day: 1 for day in (27, 17, 6)},
            None,
            id="three SMS a month: always silent",
        ),
    ],
)
def test_silence_is_measured_by_the_same_hour_of_the_last_weeks(counts, expected_h):
    assert silence_h_max(counts, NOW_H) == expected_h


def test_days_of_an_outage_make_no_silence_usual():
    counts = a_history(EVERY_HOUR, sms=100)
    for hour in range(NOW_H - 10 * DAY, NOW_H - 8 * DAY):
        del counts[hour]

    assert silence_h_max(counts, NOW_H) == 4


def test_weekends_are_among_what_is_usual():
    """Nothing on Saturdays and Sundays: on Sunday, forty hours after Friday's last, nothing is said."""
    counts = {
        hour: 20
        for hour in range(NOW_H - HISTORY_DAYS * DAY, NOW_H)
        if (hour // DAY) % 7 not in (5, 6) and 1 <= hour % DAY < 9
    }
    sunday = next(day for day in range(NOW_H // DAY, NOW_H // DAY + 7) if day % 7 == 6) * DAY

    limit_h = silence_h_max(counts, sunday + 2)

    assert limit_h is None or limit_h > 40


@pytest.mark.parametrize("sms_an_hour", [0.2, 0.5, 1, 2.5, 10])
def test_chance_alone_is_seldom_said(sms_an_hour):
    """SMS at random, by day four times as many as by night: a notice that comes often is not read."""
    dice = random.Random(20261122)
    counts, last_h, said_at = {}, 0.0, set()
    at_h = 0.0
    days = 240
    while at_h < days * DAY:
        rate = sms_an_hour * (1 if 6 <= at_h % DAY < 20 else 0.25)
        step_h = min(dice.expovariate(rate), 1.0)  # an hour at most: the rate changes meanwhile
        at_h += step_h
        if step_h == 1.0:
            quiet_h = math.floor(at_h) - last_h
            limit_h = silence_h_max(counts, math.floor(at_h)) if quiet_h > 1 else None
            if limit_h is not None and quiet_h > limit_h:
                said_at.add(last_h)
            continue
        counts[math.floor(at_h)] = counts.get(math.floor(at_h), 0) + 1
        last_h = at_h

    assert len(said_at) <= days // 60, f"seed 20261122: {len(said_at)} in {days} days"
