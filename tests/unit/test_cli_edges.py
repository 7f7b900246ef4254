"""The command line at its edges: numbers no database takes, days off the calendar, output that goes nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from config_files import write_config

from smsgate import __version__, cli

TOO_GREAT = str(2**63)
USAGE, INPUT_OUTPUT = 2, 74


@pytest.mark.parametrize(
    "words",
    [
        "messages show",
        "triage show",
        "triage file",
        "forwards retry 1",
        "forwards hold",
        "forwards by-hand",
        "replies resend 1",
    ],
)
def test_a_number_that_no_row_can_have_is_a_usage_error(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke([*words.split(), TOO_GREAT]) == USAGE

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "less than or equal to" in said


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_a_usage_error(
    day: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["ledger", "--day", day]) == USAGE

    assert "'--day': expected a day between" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--version", "config example"])
def test_output_that_cannot_be_written_is_said_in_a_sentence(words: str) -> None:
    """A script that writes to a full disk must not go on as if it had everything."""
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = run(words, stdout=full.fileno(), stderr=subprocess.PIPE)

    assert done.returncode == INPUT_OUTPUT
    assert done.stderr.count("\n") == 1
    assert "input or output failed (No space left on device)" in done.stderr


@pytest.mark.parametrize("closed", [0, 1, 2], ids=["input", "output", "errors"])
@pytest.mark.parametrize("words", ["--version", "nonsense"])
def test_a_stream_that_is_closed_is_the_null_device(words: str, closed: int) -> None:
    """What is opened next would else have its number, and would be printed into."""
    done = run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        before=f"import os; os.close({closed}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
    )

    assert done.returncode == (USAGE if words == "nonsense" else 0)
    assert done.stdout == (
        f"smsgate {__version__}\n" if words == "--version" and closed != 1 else ""
    )
    assert bool(done.stderr) == (words == "nonsense" and closed != 2)


def test_a_configuration_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors of other systems write one, and show none."""
    file = write_config(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())

    assert cli.invoke(["config", "check", "--config", str(file)]) == 0


def run(words: str, *, before: str = "", **streams: int) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; with `before`, out of a program that does that first."""
    command = ["-m", "smsgate", *words.split()]
    program = [] if not before else ["-c", f"import sys; {before}"]
    return subprocess.run(
        [sys.executable, *program, *command],
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
        **streams,  # type: ignore[call-overload]
    )
