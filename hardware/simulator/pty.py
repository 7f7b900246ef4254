"""A simulated modem on a pseudo-terminal behind a stable link, served from a thread of its own.

The server keeps the terminal side open too, so that the device outlives a peer that closes it, and what the peer left
unread is inherited by the next one, as on a real line. With a baud rate octets take ten bit times each, both ways.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import select
import shutil
import socket
import tempfile
import termios
import threading
import time
import tty
from collections import deque
from pathlib import Path
from types import TracebackType

from .modem import SimulatedModem
from .outgoing import Chunk

_BITS_PER_OCTET = 10  # start bit, eight, stop bit
_PACED_WRITE_S = 0.002  # how much of the line's time one paced write covers
_READ_OCTETS = 4096
_STOP_WITHIN_S = 5.0
_PLUG_AGAIN_S = 0.5  # when the name that a port comes back under is taken, or its folder is gone
_OSPEED = 5  # place in what tcgetattr returns
_SPEED_CODES = {
    int(name[1:]): code
    for name, code in vars(termios).items()
    if name[0] == "B" and name[1:].isdigit()
}
_GARBAGE = (0x00, *range(0x80, 0x100))  # framing errors: no letters, or noise could spell something


class PtyServer:
    """Serves one modem: `with PtyServer(modem, link=path) as port: port.path`.

    `link` None makes a link in a directory of its own. The link always points to the present terminal, and is absent
    while the port is unplugged. One that a killed server left is replaced, one of a server that runs never.
    """

    def __init__(self, modem: SimulatedModem, link: Path | None = None) -> None:
        self._modem = modem
        self._own_directory = None if link else Path(tempfile.mkdtemp(prefix="modem-"))
        self.path = link or (self._own_directory or Path()) / "tty"
        self._master = self._slave = -1
        self._claim: socket.socket | None = None  # on the link's name
        self._back_at: float | None = None  # unplugged until then
        self._next_path: Path | None = None  # another name to come back under
        self._is_unplugging = False
        self._unplug_s = 0.0
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._to_write: deque[bytes] = deque()
        self._is_stuck = False
        self._octet_s = _BITS_PER_OCTET / modem.baud if modem.baud else 0.0
        self._sent_until = self._heard_until = 0.0  # when the paced line is free again
        self._heard: deque[tuple[float, bytes]] = deque()
        modem.wake = self._wake
        modem.vanish = self._vanish
        modem.plug_in = self._plug_in

    def __enter__(self) -> PtyServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Open the terminal, make the link, serve."""
        try:
            self._plug()
        except OSError:
            self._close()
            raise
        self._thread = threading.Thread(target=self._serve, name="simulated modem", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; the link and the terminal are gone afterwards. May be called twice."""
        if self._thread is None:
            return
        self._is_stopping = True
        self._wake()
        self._thread.join(_STOP_WITHIN_S)
        self._thread = None
        self._close()

    def _close(self) -> None:
        self._modem.wake = _do_nothing
        self._unplug()
        os.close(self._wake_reader)
        os.close(self._wake_writer)
        if self._own_directory is not None:
            shutil.rmtree(self._own_directory, ignore_errors=True)

    # -- the device node

    def _plug(self) -> None:
        if self.path.exists() and not self.path.is_symlink():
            raise FileExistsError(errno.EEXIST, "it is no link, so not ours to replace")
        self._claim = _claim(self.path)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.path)

    def _unplug(self) -> None:
        if self._master >= 0:
            self._take_away()
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _take_away(self) -> None:
        with contextlib.suppress(OSError):
            if self.path.readlink() == Path(os.ttyname(self._slave)):
                self.path.unlink()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self._to_write.clear()
        self._is_stuck = False
        self._heard.clear()

    def _vanish(self, seconds: float) -> None:
        """Unplug for so long (inf: until plugged in), once what was said before is written."""
        self._is_unplugging = True
        self._unplug_s = seconds
        self._wake()

    def _plug_in(self, link: str) -> None:
        """Come back at once, as another link where one is named: a path, or a name beside the present one."""
        if link:
            self._next_path = self.path.parent / link
        self._unplug_s = 0.0
        if self._master >= 0:
            self._is_unplugging = True
        else:
            self._back_at = time.monotonic()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_writer, b"!")

    # -- the loop

    def _serve(self) -> None:
        lock = self._modem.network.lock
        while not self._is_stopping:
            now = time.monotonic()
            self._replug(now)
            with lock:
                self._hear(now)
                chunks = self._modem.run_due(now)
            self._say(chunks, now)
            self._flush(now)
            if self._is_unplugging:
                self._start_unplugged()
                continue
            self._wait()

    def _wait(self) -> None:
        now = time.monotonic()
        with self._modem.network.lock:
            moments = [self._modem.next_due(), self._back_at, self._write_due()]
        if self._heard:
            moments.append(self._heard[0][0])
        due = min((moment for moment in moments if moment is not None), default=None)
        timeout = None if due is None else max(due - now, 0.0)
        readers = [self._wake_reader]
        if self._master >= 0:
            readers.append(self._master)
        writers = [self._master] if self._is_stuck else []
        readable, _, _ = select.select(readers, writers, [], timeout)
        if self._wake_reader in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_reader, _READ_OCTETS)
        if self._master in readable:
            self._read()

    def _read(self) -> None:
        try:
            octets = os.read(self._master, _READ_OCTETS)
        except BlockingIOError:
            return
        octets = self._garble(octets)
        arrival = time.monotonic()
        if self._octet_s:
            self._heard_until = max(self._heard_until, arrival) + len(octets) * self._octet_s
            arrival = self._heard_until
        self._heard.append((arrival, octets))

    def _garble(self, octets: bytes) -> bytes:
        """Return what is left of octets when the port is set to another speed than the modem's."""
        speed = self._modem.speed
        if speed is None or termios.tcgetattr(self._slave)[_OSPEED] == _SPEED_CODES.get(speed):
            return octets
        with self._modem.network.lock:
            return bytes(self._modem.network.random.choices(_GARBAGE, k=len(octets)))

    def _hear(self, now: float) -> None:
        while self._heard and self._heard[0][0] <= now:
            self._modem.receive(self._heard.popleft()[1])

    def _say(self, chunks: list[Chunk], now: float) -> None:
        """Queue chunks for writing, each a write of its own; acts follow what was said before them."""
        if chunks and not self._to_write:
            self._sent_until = max(self._sent_until, now)
        for chunk in chunks:
            if chunk.octets and self._slave >= 0:
                self._to_write.append(self._garble(chunk.octets))
            if chunk.act is not None:
                self._flush(now)
                with self._modem.network.lock:
                    chunk.act()

    def _write_due(self) -> float | None:
        if not self._to_write or not self._octet_s or self._is_stuck:
            return None
        waiting_s = len(self._to_write[0]) * self._octet_s
        return self._sent_until + min(waiting_s, max(_PACED_WRITE_S, self._octet_s))

    def _flush(self, now: float) -> None:
        if self._master < 0:
            self._to_write.clear()  # nobody hears an unplugged modem
        if self._is_stuck:
            self._is_stuck = False
            self._sent_until = now
        while self._to_write:
            piece = self._to_write[0]
            if self._octet_s:
                piece = piece[: int((now - self._sent_until) / self._octet_s + 1e-6)]
                if not piece:
                    return
            try:
                written = os.write(self._master, piece)
            except BlockingIOError:
                self._is_stuck = True  # the peer does not read: go on when it does
                return
            self._sent_until += written * self._octet_s
            if written == len(self._to_write[0]):
                self._to_write.popleft()
            else:
                self._to_write[0] = self._to_write[0][written:]

    def _start_unplugged(self) -> None:
        with self._modem.network.lock:
            self._is_unplugging = False
            self._unplug()
            self._back_at = (
                None if math.isinf(self._unplug_s) else time.monotonic() + self._unplug_s
            )

    def _replug(self, now: float) -> None:
        with self._modem.network.lock:
            if self._back_at is not None and now >= self._back_at:
                self._back_at = None
                self.path, self._next_path = self._next_path or self.path, None
                try:
                    self._plug()
                except OSError:
                    self._unplug()
                    self._back_at = now + _PLUG_AGAIN_S


def _claim(link: Path) -> socket.socket:
    """Hold the name of a link against other servers; raise OSError where one that runs has it.

    An abstract socket has no file that a killed process could leave: the kernel lets go of it.
    """
    name = hashlib.sha256(os.fsencode(link.parent.resolve() / link.name)).hexdigest()
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind(f"\0modem link {name}")
    except OSError as error:
        held.close()
        if error.errno == errno.EADDRINUSE:
            raise OSError(error.errno, f"another simulator that runs has {link}") from None
        raise
    return held


def _do_nothing() -> None:
    """Nobody serves the modem any more."""
