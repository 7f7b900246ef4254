"""Waiting for signals."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from smsgate.signals import Signals

LONG_S = 30.0


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Waits for two signals that nobody else uses here."""
    signals = Signals({signal.SIGUSR1, signal.SIGUSR2})
    yield signals
    signals.close()


def wait_briefly(signals: Signals) -> frozenset[signal.Signals]:
    """Return what came, and insist that the wait ended by it."""
    started_at = time.monotonic()
    came = signals.wait(LONG_S)
    assert time.monotonic() - started_at < LONG_S / 2
    return came


def test_a_signal_before_the_wait_ends_it(signals: Signals) -> None:
    """It may come at any instant, also between our last look and our sleep."""
    os.kill(os.getpid(), signal.SIGUSR1)

    assert wait_briefly(signals) == {signal.SIGUSR1}


def test_a_signal_during_the_wait_ends_it(signals: Signals) -> None:
    sender = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2))
    sender.start()

    assert wait_briefly(signals) == {signal.SIGUSR2}

    sender.join()


def test_signals_that_came_together_are_told_together_and_once(signals: Signals) -> None:
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
        os.kill(os.getpid(), number)

    assert wait_briefly(signals) == {signal.SIGUSR1, signal.SIGUSR2}
    assert signals.wait(0.0) == frozenset()


def test_without_a_signal_the_wait_ends_after_its_time(signals: Signals) -> None:
    assert signals.wait(0.01) == frozenset()


def test_closed_it_leaves_signals_as_they_were() -> None:
    heard: list[int] = []
    earlier = signal.signal(signal.SIGUSR1, lambda number, _frame: heard.append(number))
    try:
        Signals({signal.SIGUSR1}).close()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert heard == [signal.SIGUSR1]
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGUSR1, earlier)
