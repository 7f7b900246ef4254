"""Starts the whole gateway in a test: simulated modem, simulated backend, real daemon, as processes.

    with running_gateway() as gateway:
        gateway.network().send("+62812…", "BTM …")
        ...

`Rehearsal` has what can be done with it: stop and start parts, look into the store, the backend's
list and the phones, and wait for a condition as long as every part lives.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smsgate.rehearsal import Plan, Rehearsal, smsgate_command

COMMAND_LIMIT_S = 30.0


@contextmanager
def running_gateway(plan: Plan | None = None) -> Iterator[Rehearsal]:
    """Start everything; stop it and remove its folder afterwards. A failure shows the daemon's log."""
    with Rehearsal(plan) as rehearsal:
        rehearsal.start_all()
        try:
            yield rehearsal
        except BaseException:
            for program in rehearsal.programs.values():
                print(f"--- {program.name} said last:\n{program.last_words()}")
            raise


def run_smsgate(
    *arguments: str, given: str | bytes = b"", limit_s: float = COMMAND_LIMIT_S
) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end; both outputs as text."""
    done = subprocess.run(
        smsgate_command(*arguments),
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        timeout=limit_s,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args,
        done.returncode,
        done.stdout.decode("utf-8", errors="replace"),
        done.stderr.decode("utf-8", errors="replace"),
    )


def read_status(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return what `smsgate status --json` says of a rehearsal's gateway."""
    done = run_smsgate("status", "--json", "--config", str(rehearsal.config))
    assert done.returncode == 0, done.stderr
    status: dict[str, Any] = json.loads(done.stdout)
    return status
