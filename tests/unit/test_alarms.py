"""The alarm board: one alarm a condition, said when it matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from smsgate.alarms import CATALOGUE, AlarmBoard, Severity, severity_of


class HandClock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.at = datetime(2026, 8, 17, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def board(clock: HandClock) -> AlarmBoard:
    return AlarmBoard(clock)


def test_raising_again_is_the_same_alarm(board: AlarmBoard, clock: HandClock) -> None:
    board.raise_alarm("line.m1.link", "gone")
    clock.at += timedelta(minutes=1)
    board.raise_alarm("line.m1.link", "gone")

    (alarm,) = board.standing()
    assert alarm.since_at == datetime(2026, 8, 17, tzinfo=UTC)
    assert alarm.count == 2


def test_clearing_ends_it_and_says_whether_it_stood(board: AlarmBoard) -> None:
    board.raise_alarm("store", "away")

    assert board.clear_alarm("store") is True
    assert board.clear_alarm("store") is False
    assert board.standing() == ()


def test_the_most_severe_stand_first(board: AlarmBoard) -> None:
    board.raise_alarm("line.m1.notice", "balance")
    board.raise_alarm("line.m1.stuck", "slot")
    board.raise_alarm("store", "away")

    assert [a.severity for a in board.standing()] == [
        Severity.CRITICAL,
        Severity.WARNING,
        Severity.NOTICE,
    ]


def test_an_alarm_is_logged_once_then_hourly_and_when_its_text_changes(
    board: AlarmBoard, clock: HandClock
) -> None:
    """A condition that is seen every second must not fill the log."""
    with capture_logs() as said:
        for _ in range(119):
            board.raise_alarm("backend.kota.held", "HTTP 401")
            clock.at += timedelta(minutes=1)
        board.raise_alarm("backend.kota.held", "HTTP 403")
        board.clear_alarm("backend.kota.held")

    assert [(entry["event"], entry["log_level"]) for entry in said] == [
        ("alarm", "error"),
        ("alarm", "error"),
        ("alarm", "error"),
        ("alarm_cleared", "info"),
    ]


@pytest.mark.parametrize(
    ("key", "severity"),
    [
        ("line.m1.puk", Severity.CRITICAL),
        ("line.m.1.link", Severity.CRITICAL),
        ("worker.line m1.crash", Severity.WARNING),
        ("store", Severity.CRITICAL),
        ("storeroom", Severity.WARNING),
        ("never heard of", Severity.WARNING),
    ],
)
def test_a_key_has_its_severity(key: str, severity: Severity) -> None:
    assert severity_of(key) is severity


def test_no_key_is_read_as_another() -> None:
    for pattern, severity in CATALOGUE.items():
        assert severity_of(pattern.replace("*", "name")) is severity
