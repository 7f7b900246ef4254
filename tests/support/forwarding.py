"""What tests of backends and the forwarder share: a complaint, a clock that stands still, a server
that misbehaves."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from msgspec.structs import replace

from smsgate.records import ForwardedComplaint

NOON = datetime(2026, 8, 17, 5, 0, tzinfo=UTC)
SENDER = "+6281234567890"
TEXT = "Jalan rusak di depan SD 003 Sekupang"


class StillClock:
    """A clock that moves only when told."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def make_complaint(**changes: Any) -> ForwardedComplaint:
    """Return an ordinary complaint, or one that differs as told."""
    complaint = ForwardedComplaint(
        reference="12345678",
        text=TEXT,
        raw_text=f"BTM {TEXT}",
        received_at=NOON,
        sent_at=datetime(2026, 8, 17, 11, 59, 58, tzinfo=timezone(timedelta(hours=7))),
        sender=SENDER,
        is_confidential=False,
        is_anonymous=False,
        is_urgent=False,
        prefix="BTM",
        service="btm",
        service_number="1708",
    )
    return replace(complaint, **changes)


class ScriptedServer:
    """A TCP server that reads a request and then does what its script says with the connection.

    The script gets the connection and an event that is set when the test ends; whatever it waits
    for must end then.
    """

    def __init__(
        self,
        script: Callable[[socket.socket, threading.Event], None],
        *,
        tls: ssl.SSLContext | None = None,
        reads_request: bool = True,
    ) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._script = script
        self._tls = tls
        self._reads_request = reads_request
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/complaints"

    def __enter__(self) -> ScriptedServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            if self._reads_request:
                self.requests.append(read_request(connection))
            self._script(connection, self._ended)
        except OSError:
            pass  # the client went away, which is what many tests are about
        finally:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Read one request, by its Content-Length."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += _receive(connection)
    head, _, body = octets.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += _receive(connection)
    return head + b"\r\n\r\n" + body


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return an HTTP answer as octets."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _receive(connection: socket.socket) -> bytes:
    octets = connection.recv(65536)
    if not octets:
        raise ConnectionError("the client closed")
    return octets
