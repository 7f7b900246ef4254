"""A listening socket that nobody can hang: so many connections at once, so long for each, so much from each."""

from __future__ import annotations

import contextlib
import errno
import math
import select
import socket
import threading
from collections.abc import Callable

import structlog

from smsgate.clock import Clock, SystemClock

log = structlog.get_logger(__name__)

BACKLOG = 16
RECEIVE_OCTETS = 16 * 1024
ACCEPT_PAUSE_S = 0.5  # after a failed accept (out of descriptors), so as not to spin
CLOSE_TIMEOUT_S = 2.0


class PeerGoneError(Exception):
    """The other side closed, was too slow or sent too much: the connection is over, and that is all."""


def bind(address: tuple[str, int]) -> socket.socket:
    """Return a socket that is bound to host and port; raise OSError, whose words are for a person."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except UnicodeError:
        sock.close()
        raise OSError(errno.EINVAL, "not a host name") from None
    except OSError:
        sock.close()
        raise
    return sock


def url_of(address: tuple[str, int]) -> str:
    """Return host and port as one types them."""
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Connection:
    """One accepted connection, with a deadline for all of it."""

    def __init__(self, sock: socket.socket, *, clock: Clock, limit_s: float) -> None:
        self._socket = sock
        self._clock = clock
        self._ends_at = clock.monotonic() + limit_s
        self._pending = bytearray()

    def read_until(self, delimiter: bytes, *, octets_max: int, within_s: float = math.inf) -> bytes:
        """Return what comes before the delimiter, which is consumed; raise PeerGoneError.

        `within_s` is a limit for this alone, where the whole of a connection may last longer.
        """
        ends_at = min(self._ends_at, self._clock.monotonic() + within_s)
        searched = 0
        while (end := self._pending.find(delimiter, searched)) < 0:
            searched = max(0, len(self._pending) - len(delimiter) + 1)
            if len(self._pending) > octets_max:
                raise PeerGoneError("too much")
            self._pending += self._receive(ends_at)
        if end > octets_max:
            raise PeerGoneError("too much")
        found = bytes(self._pending[:end])
        del self._pending[: end + len(delimiter)]
        return found

    def read_exactly(self, octets: int) -> bytes:
        """Return this many octets; raise PeerGoneError."""
        while len(self._pending) < octets:
            self._pending += self._receive(self._ends_at)
        found = bytes(self._pending[:octets])
        del self._pending[:octets]
        return found

    def _receive(self, ends_at: float) -> bytes:
        self._set_timeout(ends_at)
        try:
            received = self._socket.recv(RECEIVE_OCTETS)
        except OSError as error:
            raise PeerGoneError(type(error).__name__) from None
        if not received:
            raise PeerGoneError("closed")
        return received

    def send(self, octets: bytes, *, within_s: float = math.inf) -> None:
        """Send all of it within the deadline, or sooner; raise PeerGoneError."""
        self._set_timeout(min(self._ends_at, self._clock.monotonic() + within_s))
        try:
            self._socket.sendall(octets)  # its timeout is for the whole of it
        except OSError as error:
            raise PeerGoneError(type(error).__name__) from None

    def _set_timeout(self, ends_at: float) -> None:
        left_s = ends_at - self._clock.monotonic()
        if left_s <= 0:
            raise PeerGoneError("too slow")
        self._socket.settimeout(left_s)


class Listener:
    """Accepts on a bound socket and serves each connection in a thread of its own, within limits."""

    def __init__(
        self,
        sock: socket.socket,
        serve: Callable[[Connection], None],
        *,
        name: str,
        connections_max: int,
        connection_s: float,
    ) -> None:
        self._socket = sock
        self._serve = serve
        self._name = name
        self._connection_s = connection_s
        self._clock = SystemClock()
        self._room = threading.BoundedSemaphore(connections_max)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._stop = threading.Event()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._thread = threading.Thread(target=self._accept_all, name=name, daemon=True)

    def start(self) -> None:
        """Listen, and begin to accept."""
        self._socket.listen(BACKLOG)
        self._socket.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Stop accepting, cut what is open, and free the socket, in bounded time. Again does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake_writer.send(b"x")
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)
        with self._lock:
            open_now = dict(self._open)
        for sock in open_now:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in open_now.values():
            thread.join(CLOSE_TIMEOUT_S)
        for sock in (self._socket, self._wake_reader, self._wake_writer):
            sock.close()

    def _accept_all(self) -> None:
        while not self._stop.is_set():
            select.select([self._socket, self._wake_reader], [], [])
            if self._stop.is_set():
                return
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                continue
            except OSError:
                self._stop.wait(ACCEPT_PAUSE_S)
                continue
            if not self._room.acquire(blocking=False):
                sock.close()  # whoever holds the room loses it soon: connections are short
                continue
            self._start_serving(sock)

    def _start_serving(self, sock: socket.socket) -> None:
        thread = threading.Thread(
            target=self._serve_one, args=(sock,), name=f"{self._name} connection", daemon=True
        )
        with self._lock:
            self._open[sock] = thread
        try:
            thread.start()
        except RuntimeError:  # the system has no thread for us
            self._end(sock)

    def _serve_one(self, sock: socket.socket) -> None:
        try:
            self._serve(Connection(sock, clock=self._clock, limit_s=self._connection_s))
        except PeerGoneError:
            pass
        except Exception:
            log.exception("connection_failed", listener=self._name)
        finally:
            self._end(sock)

    def _end(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.pop(sock, None)
        sock.close()
        self._room.release()
