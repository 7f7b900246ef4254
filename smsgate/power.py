"""Run the command that cuts a modem's power and gives it back: an argument list, no shell, a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence

import structlog

log = structlog.get_logger(__name__)

COMMAND_LIMIT_S = 30.0  # much less than a stop may take
KILLED = -signal.SIGKILL
# The unit sets these for our interpreter; a script of the operator's has assertions of its own.
OURS = ("PYTHONOPTIMIZE", "MALLOC_ARENA_MAX")


def cycle_power(
    command: Sequence[str], *, line: str, limit_s: float = COMMAND_LIMIT_S
) -> int | None:
    """Run it to its end; return its exit code, None where it could not be started. What it prints is dropped.

    It gets a process group of its own, so that all it started ends with it when its time is over.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in OURS},
        )
    except OSError as error:
        log.error("power_cycle_failed", line=line, reason=error.strerror or type(error).__name__)
        return None
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    say = log.warning if code == 0 else log.error
    say("power_cycled", line=line, exit_code=code)
    return code
