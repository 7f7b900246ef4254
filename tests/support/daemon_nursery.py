"""Starts real daemons quickly, and kills them where it is told to (see `killable_daemon`)."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smsgate.rehearsal import _end_with, _inherited_environment

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = Path(__file__).with_name("killable_daemon.py")


@dataclass(frozen=True, slots=True)
class KillPoint:
    """Where a daemon dies: `moment` (before, half, after) its `nth` step at a `seam` (write, commit, request)."""

    seam: str
    moment: str
    nth: int

    def __str__(self) -> str:
        return f"{self.moment} {self.seam} {self.nth}"


class NurseryDaemon:
    """One daemon, as long as it runs and until its exit code was asked for."""

    def __init__(self, nursery: DaemonNursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._descriptor = os.pidfd_open(pid)
        self._code: int | None = None

    def is_over(self, limit_s: float = 0.0) -> bool:
        """Whether it has ended, or does within the limit."""
        if self._code is not None:
            return True
        return bool(select.select([self._descriptor], [], [], limit_s)[0])

    def wait(self, limit_s: float) -> int:
        """Wait for its end; return the exit code, negative for a signal."""
        if self._code is None:
            assert self.is_over(limit_s), f"the daemon did not end within {limit_s:g} s"
            self._code = self._nursery.reap(self.pid)
            os.close(self._descriptor)
        return self._code

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._code is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> int:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        return self.wait(10)


class DaemonNursery:
    """A process that has imported the product and forks daemons off. Everything ends with it."""

    def __init__(self) -> None:
        parent = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**_inherited_environment(), "PYTHONPATH": str(ROOT)},
            start_new_session=True,
            preexec_fn=lambda: _end_with(parent),
            text=True,
        )
        self._daemons: list[NurseryDaemon] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for daemon in self._daemons:
            daemon.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def start(
        self, arguments: Sequence[str], *, log: Path, kill: KillPoint | None = None
    ) -> NurseryDaemon:
        """Start `smsgate` with these arguments, to die at a kill point where one is given."""
        order = {"arguments": list(arguments), "log": str(log), "kill": kill and asdict(kill)}
        daemon = NurseryDaemon(self, self._ask({"op": "start", **order})["pid"])
        self._daemons = [d for d in self._daemons if d._code is None]
        self._daemons.append(daemon)
        return daemon

    def reap(self, pid: int) -> int:
        """Return the exit code of a daemon that has ended."""
        return int(self._ask({"op": "reap", "pid": pid})["code"])

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the nursery has ended; standard error says why"
        answer: dict[str, Any] = json.loads(line)
        return answer
