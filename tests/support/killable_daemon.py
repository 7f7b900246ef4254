"""The real daemon as a process that kills itself at a chosen step.

    python killable_daemon.py        reads orders, one JSON object a line; answers each with one

    {"op": "start", "arguments": […], "log": PATH, "kill": {"seam": …, "moment": …, "nth": …} | null}  → {"pid": …}
    {"op": "reap", "pid": …}                                                                            → {"code": …}

Importing the product takes longer than a whole history, so it is imported once and each daemon is a fork. From there on
it is what `smsgate run` is: the same command line, the same code, a process of its own. Nothing in the product knows of
this: the seams are wrapped from outside. They are

    write     octets written to the port, each `ModemLink._send`
    commit    a transaction that wrote, at SQLAlchemy's call of the driver
    request   an HTTP request to a backend

and the moments: `before` it, `after` it, and `half`: half of the octets written, or the request sent and no answer
read.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import alembic.config  # noqa: F401 - imported here once and not by every daemon
import psycopg  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
from sqlalchemy.engine.default import DefaultDialect

from hardware.link import ModemLink
from smsgate import config, daemon, http, http_network, logs  # noqa: F401
from smsgate.cli import invoke, status  # noqa: F401

Original = Callable[..., Any]
Order = Mapping[str, Any]


class Executioner:
    """Counts the steps of one kind; kills this process at the one that was chosen."""

    def __init__(self, order: Order) -> None:
        self.moment: str = order["moment"]
        self._seam: str = order["seam"]
        self._nth: int = order["nth"]
        self._count = 0
        self._lock = threading.Lock()

    def strikes(self) -> bool:
        """Count one step; say whether it is the one."""
        with self._lock:
            self._count += 1
            return self._count == self._nth

    def kill(self, step: str) -> None:
        """End this process at once; the log says where."""
        note = f"--- killed {self.moment} {self._seam} {self._nth}: {step}\n"
        os.write(sys.stderr.fileno(), note.encode())
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    def run(self, step: str, act: Callable[[], Any]) -> Any:
        """Do one step whole, and die before or after it where it is the one."""
        is_last = self.strikes()
        if is_last and self.moment == "before":
            self.kill(step)
        result = act()
        if is_last:
            self.kill(step)
        return result


def wrap_writes(executioner: Executioner) -> None:
    """Count what is written to the port."""
    send: Original = ModemLink._send

    def counted(link: ModemLink, octets: bytes) -> None:
        step = repr(octets[:40])
        if executioner.moment != "half":
            executioner.run(step, lambda: send(link, octets))
        elif len(octets) > 1 and executioner.strikes():
            send(link, octets[: len(octets) // 2])
            executioner.kill(step)
        else:
            send(link, octets)

    ModemLink._send = counted  # type: ignore[method-assign]


def wrap_commits(executioner: Executioner) -> None:
    """Count transactions."""
    commit: Original = DefaultDialect.do_commit

    def counted(dialect: DefaultDialect, connection: Any) -> None:
        executioner.run("commit", lambda: commit(dialect, connection))

    DefaultDialect.do_commit = counted  # type: ignore[method-assign]


def wrap_requests(executioner: Executioner) -> None:
    """Count HTTP requests; `half`: they are sent, and nobody reads the answer."""
    request: Original = http.HttpClient.request
    flush: Original = http_network.DeadlineStream._flush

    def counted(client: http.HttpClient, method: str, url: str, **more: Any) -> Any:
        return executioner.run(method, lambda: request(client, method, url, **more))

    def counted_flush(stream: http_network.DeadlineStream, timeout: float | None) -> None:
        flush(stream, timeout)
        if executioner.strikes():
            executioner.kill("sent")

    if executioner.moment == "half":
        http_network.DeadlineStream._flush = counted_flush  # type: ignore[method-assign]
    else:
        http.HttpClient.request = counted  # type: ignore[method-assign]


_PR_SET_PDEATHSIG = 1  # prctl(2)
_PR_SET_PTRACER, _PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)
_LIBC = ctypes.CDLL(None)
SEAMS = {"write": wrap_writes, "commit": wrap_commits, "request": wrap_requests}


def start(order: Order) -> int:
    """Start a daemon; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # an orphan would hold its port for ever
        # tests inject faults into its system calls
        _LIBC.prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY)
        _redirect(Path(order["log"]))
        if order["kill"] is not None:
            SEAMS[order["kill"]["seam"]](Executioner(order["kill"]))
        code = invoke(order["arguments"])
    finally:
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path) -> None:
    with log.open("ab") as output, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def main() -> None:
    """Take orders until nobody gives any."""
    gc.freeze()  # so that a collection in a daemon does not copy every page
    for line in sys.stdin:
        order = json.loads(line)
        if order["op"] == "start":
            answer = {"pid": start(order)}
        else:
            answer = {"code": os.waitstatus_to_exitcode(os.waitpid(order["pid"], 0)[1])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
