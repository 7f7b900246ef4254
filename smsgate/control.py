"""The control socket: how a command asks the running daemon, and how the daemon answers.

A Unix socket that only its owner can open. One JSON object a line, each way: `{"op": NAME, …}` is
answered by `{"ok": true, …}` or `{"ok": false, "error": SENTENCE}`. Operations are functions that the
daemon hands over, so that what can be asked grows without this module.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import structlog

from smsgate.errors import SmsgateError
from smsgate.listener import Connection, Listener, PeerGoneError

log = structlog.get_logger(__name__)

LINE_OCTETS_MAX = 64 * 1024
ANSWER_OCTETS_MAX = 16 * 1024 * 1024
CONNECTIONS_MAX = 8
CONNECTION_S = 200.0  # an SMS may take the network 120
PATIENCE_S = 5.0  # for a request to come whole, or an answer to be read: commands do both at once
CONNECT_S = 2.0

# takes the request's other fields, gives the answer's
Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class ControlError(SmsgateError):
    """The daemon was asked and refused, or its answer was none."""

    exit_code = 1


class DaemonNotRunning(SmsgateError):
    """Nobody listens on the control socket: start the daemon, or name its configuration."""

    exit_code = 69


class ControlDenied(SmsgateError):
    """The control socket may not be opened by this user: run as the user of the daemon, or as root."""

    exit_code = 77


class ControlBusy(SmsgateError):
    """Another daemon listens on this control socket: give each gateway a `gateway.run_dir` of its own."""

    exit_code = 69


class ControlServer:
    """Answers the operations it was given on a Unix socket of mode 0600.

    Whoever asks nothing for `patience_s`, or does not read the answer, is cut off: the room is small,
    and an operation may have its connection for long.
    """

    def __init__(
        self, path: Path, operations: Mapping[str, Operation], *, patience_s: float = PATIENCE_S
    ) -> None:
        self._path = path
        self._operations = dict(operations)
        self._patience_s = patience_s
        self._listener: Listener | None = None
        self._inode: int | None = None

    def start(self) -> None:
        """Listen; a socket that a dead daemon left is replaced. Raises ControlBusy, or ControlError."""
        if _is_answered(self._path):
            raise ControlBusy(
                f"another daemon answers on {self._path}: stop it, or give this one a gateway.run_dir "
                "of its own"
            )
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._bind(sock)
        except OSError as error:
            sock.close()
            raise ControlError(
                f"cannot make the control socket {self._path} ({error.strerror or error}): make its "
                "folder, writable by this user, or set gateway.run_dir"
            ) from None
        self._listener = Listener(
            sock,
            self._serve,
            name="control",
            connections_max=CONNECTIONS_MAX,
            connection_s=CONNECTION_S,
        )
        self._listener.start()

    def _bind(self, sock: socket.socket) -> None:
        """Bind under a name of our own, close it to others, and only then put it in its place.

        So there is no instant in which the socket is there and open to others, or not listening.
        """
        if self._path.exists() and not self._path.is_socket():
            raise OSError(f"{self._path.name} is there and no socket")
        own = self._path.with_name(f".{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            own.unlink()
        sock.bind(str(own))
        try:
            own.chmod(0o600)
            sock.listen()
            self._inode = own.stat().st_ino
            own.rename(self._path)
        except OSError:
            own.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Stop, and remove the socket if it is still ours. Again does nothing."""
        if self._listener is None:
            return
        self._listener.close()
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._inode = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, connection: Connection) -> None:
        while True:
            line = connection.read_until(
                b"\n", octets_max=LINE_OCTETS_MAX, within_s=self._patience_s
            )
            answer = json.dumps(self._answer(line), ensure_ascii=True)
            connection.send(answer.encode("ascii") + b"\n", within_s=self._patience_s)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return _refuse("expected a JSON object on one line")
        if not isinstance(request, dict) or not isinstance(request.get("op"), str):
            return _refuse('expected a JSON object with "op"')
        operation = self._operations.get(request["op"])
        if operation is None:
            return _refuse(f"unknown operation; this daemon knows {', '.join(self._operations)}")
        try:
            return {"ok": True, **operation(request)}
        except SmsgateError as error:
            return _refuse(str(error))
        except Exception:
            log.exception("control_failed", operation=request["op"])
            return _refuse("the daemon failed to do that; its log says why")


def _refuse(sentence: str) -> dict[str, Any]:
    return {"ok": False, "error": sentence}


def _is_answered(path: Path) -> bool:
    try:
        with _connect(path, timeout_s=CONNECT_S):
            return True
    except DaemonNotRunning:
        return False
    except ControlDenied:
        return True


def _connect(path: Path, *, timeout_s: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    sock.settimeout(timeout_s)
    try:
        sock.connect(str(path))
    except PermissionError:
        sock.close()
        raise ControlDenied(
            f"the control socket {path} may not be opened by this user: run as the user of the "
            "daemon, or as root"
        ) from None
    except OSError:
        sock.close()
        raise DaemonNotRunning(f"no daemon answers on {path}: is it running?") from None
    return sock


def ask(path: Path, op: str, *, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
    """Ask the daemon for one operation; return its answer's fields.

    Raises DaemonNotRunning, ControlDenied, or ControlError with the daemon's own sentence.
    """
    from smsgate.clock import SystemClock

    with _connect(path, timeout_s=min(CONNECT_S, timeout_s)) as sock:
        connection = Connection(sock, clock=SystemClock(), limit_s=timeout_s)
        try:
            connection.send(json.dumps({"op": op, **fields}).encode("utf-8") + b"\n")
            line = connection.read_until(b"\n", octets_max=ANSWER_OCTETS_MAX)
            answer = json.loads(line)
        except (PeerGoneError, ValueError) as error:
            raise ControlError(
                f"the daemon on {path} gave no answer ({error}): look at its log, and try again"
            ) from None
    if not isinstance(answer, dict) or answer.pop("ok", False) is not True:
        sentence = answer.get("error") if isinstance(answer, dict) else None
        raise ControlError(str(sentence or "the daemon's answer was not understood"))
    return answer
