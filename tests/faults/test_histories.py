"""A thousand simulated histories keep every promise, and the simulation finds each bug that is planted in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from simulation.command import Tally, main
from simulation.faults import KINDS
from simulation.history import Outcome, run_history
from simulation.planted import PLANTED

# many runs each: a slow machine needs minutes, and whoever outstays the ordinary limit takes its worker down
pytestmark = pytest.mark.timeout(600)
HISTORIES = 1000
CHUNK = 40
SEEDS_MAX = 1000  # within these a planted bug must be found
CLOCK_SAMPLE = 20  # histories that are watched for real seconds
SAMPLE = 120  # histories in which every fault must strike

_SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.parametrize("first", range(0, HISTORIES, CHUNK))
def test_no_promise_is_broken_whatever_goes_wrong(first):
    broken = [
        f"seed {outcome.seed}: {outcome.violations}"
        for outcome in map(run_history, range(first, first + CHUNK))
        if outcome.violations
    ]

    assert not broken, "\n".join([*broken, "scripts/simulate --replay SEED tells it whole"])


def _traced(seed: int) -> Outcome:
    return run_history(seed, is_traced=True)


@pytest.mark.parametrize("seed", [3, 17, 29])
def test_the_same_seed_tells_the_same_story(seed):
    first, second = _traced(seed), _traced(seed)

    assert first.trace
    assert first == second


def test_the_same_seed_tells_the_same_story_in_another_process():
    """With another hash seed: nothing may hang on the order of a set."""
    program = "import sys; from simulation.command import main; sys.exit(main(['--replay', '11']))"
    environment = os.environ | {"PYTHONPATH": f"{_SUPPORT}{os.pathsep}{_SUPPORT.parents[1]}"}
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert told[0] == told[1]
    assert "what it broke" in told[0]


def test_no_history_reads_the_machines_clock(monkeypatch):
    """A wait that is measured in real seconds ends sooner or later as the machine is loaded: no seed replays then."""
    readers: Counter[str] = Counter()

    def note(name: str) -> None:
        real = getattr(time, name)

        def read(*what: float) -> Any:
            module = sys._getframe(1).f_globals["__name__"]
            if module.partition(".")[0] in ("hardware", "smsgate", "simulation"):
                readers[f"time.{name} in {module}"] += 1
            return real(*what)

        monkeypatch.setattr(time, name, read)

    for name in ("monotonic", "time", "sleep", "monotonic_ns", "time_ns"):
        note(name)
    for seed in range(CLOCK_SAMPLE):
        run_history(seed)

    assert not readers


def test_another_seed_tells_another_story():
    assert _traced(3).trace != _traced(4).trace


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.name)
def test_a_planted_bug_is_found(plant):
    seeds = chain(range(plant.near, SEEDS_MAX), range(plant.near))
    found = next((seed for seed in seeds if run_history(seed, plant=plant).violations), None)

    assert found is not None


def test_every_fault_strikes_often_enough():
    tally = Tally()
    for seed in range(SAMPLE):
        tally.add(run_history(seed))

    assert [name for name in KINDS if not tally.met[name]] == []


def test_a_broken_promise_ends_the_command_with_its_seed_and_its_story(monkeypatch, capsys):
    plant = next(plant for plant in PLANTED if plant.name == "settle a forward before it is sent")
    monkeypatch.setattr(
        "simulation.command.run_history", lambda seed, **how: run_history(seed, plant=plant, **how)
    )

    code = main(["--seeds", "5", "--jobs", "1"])

    said = capsys.readouterr().out
    assert code == 1
    assert "is said to be forwarded, and was not" in said
    assert "===== the history of seed" in said


def test_the_command_reports_shares_and_no_violation(capsys):
    code = main(["--seeds", "5", "--jobs", "1", "--from", "50"])

    said = capsys.readouterr().out
    assert code == 0
    assert "5 histories" in said
    assert "0 violations" in said
    assert all(name in said for name in KINDS)
