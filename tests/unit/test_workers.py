"""The loop that all workers share."""

import threading

import pytest
from line_bench import MovedClock

from smsgate.clock import SystemClock
from smsgate.workers import GivesWay, Runner, Wakeable


class Scripted(Wakeable):
    """A worker that does what it is told, one entry a step."""

    name = "scripted"

    def __init__(self, *script):
        super().__init__()
        self.script = list(script)
        self.is_closed = False
        self.has_finished = threading.Event()

    def step(self):
        if not self.script:
            self.has_finished.set()
            return None
        entry = self.script.pop(0)
        if isinstance(entry, Exception):
            raise entry
        return entry

    def close(self):
        self.is_closed = True


@pytest.fixture
def crashes():
    return []


@pytest.fixture
def run(crashes, monkeypatch):
    monkeypatch.setattr("smsgate.workers.CRASH_DELAYS_S", (0.001,))
    runners = []

    def start(worker):
        runner = Runner(
            worker, clock=SystemClock(), on_crash=lambda name, error: crashes.append((name, error))
        )
        runners.append(runner)
        runner.start()
        return runner

    yield start
    for runner in runners:
        runner.ask_to_stop()
        assert runner.join(5)


def test_steps_follow_at_once_until_the_worker_wants_to_wait(run):
    worker = Scripted(0, 0, 0)

    run(worker)

    assert worker.has_finished.wait(5)


@pytest.mark.parametrize("entry", [0, ValueError("x")], ids=["work", "a crash"])
def test_who_waits_for_the_first_step_goes_on_when_it_is_done(run, entry):
    assert run(Scripted(entry)).await_first_step(5)


def test_who_waits_for_a_first_step_that_does_not_end_goes_on_in_time(run):
    release = threading.Event()
    worker = Scripted()
    worker.step = lambda: release.wait(10) and None

    assert not run(worker).await_first_step(0.02)
    release.set()


def test_a_crash_is_told_and_the_worker_goes_on(run, crashes):
    worker = Scripted(ValueError("x"), 0)

    run(worker)

    assert worker.has_finished.wait(5)
    assert [name for name, _ in crashes] == ["scripted"]


def test_a_woken_worker_is_stepped_again(run):
    worker = Scripted()
    run(worker)
    assert worker.has_finished.wait(5)
    worker.has_finished.clear()

    worker.wake()

    assert worker.has_finished.wait(5)


def test_stopping_closes_the_worker_in_its_own_thread(run):
    worker = Scripted()
    runner = run(worker)
    assert worker.has_finished.wait(5)

    runner.ask_to_stop()

    assert runner.join(5)
    assert worker.is_closed


def test_a_waiting_worker_counts_as_making_progress(run):
    worker = Scripted()
    runner = run(worker)
    assert worker.has_finished.wait(5)

    assert runner.is_progressing(now=1e12, step_s_max=1) or runner.is_waiting


def test_a_step_that_does_not_end_is_no_progress(run):
    gate = threading.Event()
    worker = Scripted()
    worker.step = lambda: gate.wait(10) and None
    runner = run(worker)
    started_at = runner.progressed_at

    assert not runner.is_progressing(now=started_at + 301, step_s_max=300)
    assert runner.is_progressing(now=started_at + 299, step_s_max=300)
    gate.set()


def test_a_polite_worker_lets_busy_ones_go_first_but_not_for_ever():
    clock, steps = MovedClock(), []
    worker = Scripted()
    worker.step = lambda: steps.append(clock.monotonic()) or 0.0
    polite = GivesWay(worker, is_busy=lambda: True, clock=clock)

    for _ in range(100):
        clock.move(polite.step() or 0.001)

    assert 3 <= len(steps) <= 6  # of five seconds, one step each


def test_a_polite_worker_steps_at_once_when_nobody_is_busy():
    worker = Scripted(0.0, 7.0)
    polite = GivesWay(worker, is_busy=lambda: False, clock=MovedClock())

    assert polite.step() == 0.0
    assert polite.step() == 7.0
