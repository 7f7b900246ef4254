"""When to try again: a table of cases is the whole test."""

from __future__ import annotations

from datetime import timedelta

import pytest
from forwarding import NOON

from smsgate.retry import RetryPolicy, next_attempt_at, pause_s

POLICY = RetryPolicy(first_delay_s=2.0, delay_s_max=60.0, spread=0.5, wish_s_max=600.0)


@pytest.mark.parametrize(
    ("failures", "expected_s"),
    [
        pytest.param(1, 2.0, id="the first pause is the shortest"),
        pytest.param(2, 4.0, id="then twice as long"),
        pytest.param(5, 32.0, id="and so on"),
        pytest.param(6, 60.0, id="up to the ceiling"),
        pytest.param(10**9, 60.0, id="for ever, without running out of numbers"),
        pytest.param(0, 2.0, id="no failure counts as one"),
    ],
)
def test_pauses_double_up_to_a_ceiling(failures, expected_s):
    assert pause_s(failures, policy=POLICY, jitter=0.0) == expected_s


def test_chance_lengthens_a_pause_by_no_more_than_the_spread():
    assert pause_s(1, policy=POLICY, jitter=0.5) == 2.5
    assert pause_s(1, policy=POLICY, jitter=0.999999) < 3.0


@pytest.mark.parametrize(
    ("wish_s", "expected_s"),
    [
        pytest.param(30.0, 30.0, id="a longer wish is honoured"),
        pytest.param(0.0, 2.0, id="a shorter one is not"),
        pytest.param(1e9, 600.0, id="a year is cut to the limit"),
    ],
)
def test_a_servers_wish_only_lengthens_a_pause(wish_s, expected_s):
    assert pause_s(1, policy=POLICY, jitter=0.0, wish_s=wish_s) == expected_s


def test_the_moment_is_now_and_the_pause():
    moment = next_attempt_at(3, now=NOON, policy=POLICY, jitter=0.0)

    assert moment == NOON + timedelta(seconds=8)
