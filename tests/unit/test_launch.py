"""The way in: what goes straight to the daemon, and what the daemon does not carry."""

import subprocess
import sys
from pathlib import Path

import pytest

from smsgate.launch import read_run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run"], (True, None)),
        (["run", "--config", "/etc/x.toml"], (True, Path("/etc/x.toml"))),
        (["run", "--config=/etc/x.toml"], (True, Path("/etc/x.toml"))),
        (["run", "--config"], (False, None)),
        (["run", "--config="], (False, None)),
        (["run", "--help"], (False, None)),
        (["run", "--config", "a", "b"], (False, None)),
        (["--traceback", "run"], (False, None)),
        (["status"], (False, None)),
        ([], (False, None)),
    ],
)
def test_only_a_plain_run_goes_straight_to_the_daemon(words, expected):
    assert read_run(words) == expected


def test_the_daemon_carries_no_library_that_it_does_not_use():
    code = "\n".join(
        [
            "import sys",
            "from pathlib import Path",
            "from smsgate.launch import run_daemon",
            "try:",
            "    run_daemon(Path('/nonexistent/smsgate.toml'))",
            "except Exception:",
            "    import smsgate.daemon",
            "carried = ('typer', 'rich.console', 'alembic', 'sqlalchemy.dialects.postgresql')",
            "print([m for m in carried if m in sys.modules])",
        ]
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_missing_configuration_is_one_sentence_and_exit_code_78():
    done = subprocess.run(
        [sys.executable, "-m", "smsgate", "run", "--config", "/nonexistent/smsgate.toml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "/nonexistent/smsgate.toml" in done.stderr
