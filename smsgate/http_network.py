"""The sockets under the HTTP client: every wait is cut to the deadline of the request in hand.

Only `smsgate/http.py` uses this. httpcore2 asks for a connection and for each read and write; here
these are made, each with no more time than the request has left.
"""

from __future__ import annotations

import math
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore2

UNSENT_OCTETS_MAX = 64 * 1024


class Deadline:
    """When the request in hand must be over, and the socket it waits on."""

    def __init__(self) -> None:
        self._at = math.inf
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()
        self.is_aborted = False

    def start(self, limit_s: float) -> None:
        self._at = time.monotonic() + limit_s

    def left(self, limit_s: float | None, late: type[Exception]) -> float:
        """Return the seconds that one wait may take; raise `late` when there are none left."""
        left_s = self._at - time.monotonic()
        if left_s <= 0 or self.is_aborted:
            raise late("deadline")
        return left_s if limit_s is None else min(limit_s, left_s)

    def watch(self, sock: socket.socket) -> None:
        with self._lock:
            self._sock = sock

    def abort(self) -> None:
        with self._lock:
            self.is_aborted = True
            if self._sock is None:
                return
            try:
                # Not SSLSocket.shutdown: that takes the TLS object away under the thread that reads
                # from it.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
            except OSError:
                return  # closed already


class DeadlineStream(httpcore2.NetworkStream):
    """A connected socket whose every wait is cut to the deadline of the request in hand."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._unsent = b""
        deadline.watch(sock)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            self._flush(timeout)
        self._sock.settimeout(self._deadline.left(timeout, httpcore2.ReadTimeout))
        try:
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore2.ReadError(error) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep small pieces back until the answer is read: headers and body leave in one packet."""
        self._unsent += buffer
        if len(self._unsent) >= UNSENT_OCTETS_MAX:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        view, self._unsent = memoryview(self._unsent), b""
        try:
            while view:
                self._sock.settimeout(self._deadline.left(timeout, httpcore2.WriteTimeout))
                view = view[self._sock.send(view) :]
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore2.WriteError(error) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            # The handshake has one deadline as a whole in CPython: many small reads do not lengthen
            # it.
            self._sock.settimeout(self._deadline.left(timeout, httpcore2.ConnectTimeout))
            sock = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except TimeoutError as error:
            self.close()
            raise httpcore2.ConnectTimeout(error) from error
        except OSError as error:
            self.close()
            raise httpcore2.ConnectError(error) from error
        return DeadlineStream(sock, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "is_readable":
            return is_readable(self._sock)
        if info == "socket":
            return self._sock
        return None


class DeadlineNetwork(httpcore2.NetworkBackend):
    """Makes connections, each within what is left of the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  (the signature is httpcore2's)
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        until = time.monotonic() + self._deadline.left(timeout, httpcore2.ConnectTimeout)
        addresses = resolve(host, port, limit_s=until - time.monotonic())
        failure: OSError | None = None
        for place, (family, kind, protocol, _, address) in enumerate(addresses):
            # An address that swallows packets takes its share of the time, and leaves the others
            # theirs.
            share_s = (until - time.monotonic()) / (len(addresses) - place)
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:  # no IPv6 in this kernel, or too many open files
                failure = error
                continue
            try:
                sock.settimeout(self._deadline.left(max(share_s, 0.001), httpcore2.ConnectTimeout))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return DeadlineStream(sock, self._deadline)
            except OSError as error:
                sock.close()
                failure = error
            except httpcore2.ConnectTimeout:
                sock.close()
                raise
        if isinstance(failure, TimeoutError):
            raise httpcore2.ConnectTimeout(failure) from failure
        raise httpcore2.ConnectError(failure) from failure


def resolve(host: str, port: int, *, limit_s: float) -> list[tuple[Any, ...]]:
    """Return the addresses of a host, in the system's order.

    The resolver knows no time limit, so it works in a thread that is left behind when it takes too
    long.
    """
    answers: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def ask(flags: int) -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    ask(socket.AI_NUMERICHOST)  # an address written out needs no resolver and no thread
    found = answers.get()
    if isinstance(found, Exception):
        try:
            threading.Thread(target=ask, args=(0,), name="resolve", daemon=True).start()
        except RuntimeError as error:  # too many threads on this host
            raise httpcore2.ConnectError(error) from error
        try:
            found = answers.get(timeout=max(limit_s, 0.001))
        except queue.Empty:
            raise httpcore2.ConnectTimeout("resolve") from None
    if isinstance(found, Exception):
        raise httpcore2.ConnectError(found) from found
    return list(found)


def is_readable(sock: socket.socket) -> bool:
    """Whether something waits to be read: on an idle connection, its end."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
