"""The control socket of a simulated site: one JSON object a line, each answered by one (`{"ok": true, …}`).

`{"op": "send", "from": …, "text": …}`; operations.py has them all, with their parameters.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from .network import Received
from .operations import Site, carry_out

_REQUEST_OCTETS_MAX = 64 << 20
_ANSWER_WITHIN_S = 60.0


class ControlError(Exception):
    """The simulator refused a request, or is not there; the message says why."""


class Control:
    """Answers requests about a site; pure of sockets. `stop` is called once the request for it is answered."""

    def __init__(self, site: Site, stop: Callable[[], None]) -> None:
        self._site = site
        self._stop = stop
        self._is_stopping = False

    def answer(self, line: bytes) -> bytes:
        """Return the answer to one line; never raises for what a client wrote."""
        try:
            request = json.loads(line)
            answer: dict[str, Any] = {"ok": True} | carry_out(self._site, request)
        except KeyError as error:
            answer = {"ok": False, "error": f"missing: {error}"}
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            answer = {"ok": False, "error": str(error)}
        self._is_stopping = self._is_stopping or bool(answer.pop("stopping", False))
        return json.dumps(answer).encode() + b"\n"

    def after_answer(self) -> None:
        """Stop, where that was asked for."""
        if self._is_stopping:
            self._stop()


class ControlServer:
    """Serves a Control on a Unix socket, each client in a thread of its own."""

    def __init__(self, control: Control, path: Path) -> None:
        self._control = control
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> ControlServer:
        try:
            self._bind()
            self._socket.listen()
        except OSError:
            self._socket.close()
            raise
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _bind(self) -> None:
        """Take the path; a socket that nobody listens to any more is replaced."""
        try:
            self._socket.bind(str(self.path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if not self.path.is_socket():
                raise FileExistsError(
                    errno.EEXIST, "it is no socket, so not ours to replace"
                ) from None
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(self.path)) == 0:
                    raise OSError(
                        errno.EADDRINUSE, f"another simulator that runs has {self.path}"
                    ) from None
            self.path.unlink()
            self._socket.bind(str(self.path))
        os.chmod(self.path, 0o600)

    def _start(self, serve: Callable[[], None]) -> None:
        threading.Thread(target=serve, name="simulator control", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self._start(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            while line := lines.readline(_REQUEST_OCTETS_MAX):
                client.sendall(self._control.answer(line))
                self._control.after_answer()


class SimulatorState(Struct, frozen=True):
    """What a simulator holds: `slots` gives used and size of each memory."""

    slots: dict[str, tuple[int, int]]
    queued: int
    submitted: int
    faults: list[str]
    struck: dict[str, int]
    number: str
    imei: str
    iccid: str


class ControlClient:
    """The calls of the control socket as methods; usable as a context manager, from one thread at a time.

    `modem` names the one that is meant, else it is the first. Raises ControlError when the simulator refuses or does
    not answer.
    """

    def __init__(self, path: Path | str, *, modem: str | None = None) -> None:
        self._modem = {"modem": modem} if modem else {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ANSWER_WITHIN_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise ControlError(
                f"no simulator answers at {path} ({error.strerror}); start it with `smsgate sim modem`"
            ) from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the simulator goes on."""
        self._lines.close()
        self._socket.close()

    def send(self, sender: str, text: str, *, to: str | None = None, **shape: object) -> int:
        """Send an SMS and return its number of parts; `shape` has the fields of `Shape`."""
        return int(self._ask("send", _message(sender, text, to) | _plain(shape))["parts"])

    def send_many(self, messages: Iterable[tuple[str, str]]) -> int:
        """Send (sender, text) pairs, in order, and return the number of parts."""
        plain = [_message(sender, text, None) for sender, text in messages]
        return int(self._ask("send_many", {"messages": plain})["parts"])

    def deliver(self, pdu: bytes, *, to: str | None = None) -> None:
        """Have the network bring these octets."""
        self._ask("deliver", {"pdu": pdu.hex()} | ({"to": to} if to else {}))

    def inbox(self, number: str, *, count: int = 0, timeout_s: float = 0.0) -> list[Received]:
        """Return what a phone has received; first wait until it is `count` SMS, `timeout_s` at most."""
        self._socket.settimeout(_ANSWER_WITHIN_S + timeout_s)
        asked = {"number": number, "count": count, "timeout_s": timeout_s}
        return [_read(received) for received in self._ask("inbox", asked)["inbox"]]

    def inboxes(self) -> dict[str, list[Received]]:
        """Return what every phone has received."""
        found = self._ask("inboxes")["inboxes"]
        return {number: [_read(received) for received in inbox] for number, inbox in found.items()}

    def state(self) -> SimulatorState:
        """Return what the simulator holds."""
        found = self._ask("state")
        del found["ok"]
        found["slots"] = {name: (used, size) for name, (used, size) in found["slots"].items()}
        return SimulatorState(**found)

    def left_for_modem(self) -> int:
        """Return how many SMS stand in the modem's memories or wait for room in them."""
        state = self.state()
        return state.queued + sum(used for used, _ in state.slots.values())

    def fault(self, name: str, **params: str | float) -> None:
        """Set a fault."""
        self._ask("fault", {"name": name, **params})

    def clear_fault(self, name: str | None = None) -> None:
        """End a fault, or all of them."""
        self._ask("fault", {"clear": True} | ({"name": name} if name else {}))

    def call(self, caller: str) -> None:
        """Let a phone call the modem."""
        self._ask("call", {"from": caller})

    def stop(self) -> None:
        """End the simulator."""
        self._ask("stop")

    def tell(self, op: str, **params: object) -> dict[str, Any]:
        """Carry out any operation and return its answer."""
        return self._ask(op, params)

    def _ask(self, op: str, request: Mapping[str, object] | None = None) -> dict[str, Any]:
        try:
            self._socket.sendall(
                json.dumps({"op": op} | self._modem | dict(request or {})).encode() + b"\n"
            )
            line = self._lines.readline()
        except OSError as error:
            raise ControlError(f"the simulator does not answer: {error}") from error
        if not line:
            raise ControlError("the simulator has hung up; it was stopped")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise ControlError(str(answer["error"]))
        return answer


def _message(sender: str, text: str, to: str | None) -> dict[str, object]:
    message: dict[str, object] = {"from": sender, "text": text}
    return message | {"to": to} if to else message


def _plain(shape: Mapping[str, object]) -> dict[str, object]:
    return {
        key: sorted(value) if isinstance(value, frozenset | set) else value
        for key, value in shape.items()
    }


def _read(shown: Mapping[str, str]) -> Received:
    return Received(shown["text"], shown["sender"], datetime.fromisoformat(shown["at"]))
