"""The benchmarks still run, and print what a program can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_measure_prints_json_lines_with_its_goal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "start"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    *machine, figure = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in machine] == [
        "machine.cores",
        "machine.import_of_fixed_packages",
        "machine.sync.p50",
    ]
    assert all(row["value"] > 0 for row in machine)
    assert (figure["name"], figure["unit"]) == ("smsgate.start_to_stored", "s")
    assert 0 < figure["value"] < 60
    assert figure["goal"] == 1.0
