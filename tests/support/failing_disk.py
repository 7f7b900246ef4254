"""A disk that fails under a running daemon: strace answers its system calls in the kernel's place."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import need_program

from smsgate.rehearsal import wait_until

ATTACH_LIMIT_S = 10.0


@contextmanager
def failing(pid: int, file: Path, call: str, error: str, *, first: int = 1) -> Iterator[None]:
    """Let a call of a process on one file fail from the `first` on, for as long as this lasts."""
    strace = need_program("strace")
    with subprocess.Popen(
        [
            strace, "-f", "-qq", "-p", str(pid), "-P", str(file), "-o", "/dev/null",
            "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={first}+",
        ],
        stderr=subprocess.PIPE,
        text=True,
    ) as tracer:  # fmt: skip
        try:
            wait_until(lambda: _is_traced(pid, tracer), ATTACH_LIMIT_S, "the attachment of strace")
            yield
        finally:
            tracer.terminate()  # it lets go, and the daemon goes on
            tracer.wait(ATTACH_LIMIT_S)


def _is_traced(pid: int, tracer: subprocess.Popen[str]) -> bool:
    if tracer.poll() is not None:
        assert tracer.stderr is not None
        raise AssertionError(f"strace cannot attach: {tracer.stderr.read()}")
    states = Path(f"/proc/{pid}/task").glob("*/status")
    return all(f"TracerPid:\t{tracer.pid}\n" in state.read_text() for state in states)
