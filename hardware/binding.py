"""Which port a modem is on that is known by its IMEI: found again when the port is gone or has another modem.

- A port that a line of ours has open, or another program holds, is never opened by a search.
- A port that answered as another modem, or not at all, is left alone for growing pauses, unless its node is a new one:
  what is plugged in now is looked at at once, and somebody's other device is not asked again and again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob
from typing import ClassVar

from msgspec.structs import replace

from .answers import is_same_imei, read_digits
from .clock import Monotonic, SystemMonotonic
from .discovery import holders
from .discreet import Discreet
from .errors import ModemError
from .link import LinkSurroundings, ModemLink

PAUSES_S = (10.0, 60.0, 600.0, 3600.0)  # before the same node is asked again
MODEM_PAUSE_S_MAX = (
    60.0  # where a modem is, the right one may be next: a cable changed over is no new node
)
ASK_LIMIT_S = 2.0

Node = tuple[int, int, int]  # device number, inode, when it was made
AskImei = Callable[
    [str], str | None
]  # the IMEI of what is on a port; None where nothing answers as a modem does


class _Asked(Discreet, frozen=True):
    """A node that was not the one wanted."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imei"})

    imei: str | None
    again_at: float
    times: int


class PortFinder:
    """The ports of one process: which are in use, and which modem was seen where. Any thread may call."""

    def __init__(self, *, clock: Monotonic | None = None) -> None:
        self._clock = clock or SystemMonotonic()
        self._lock = threading.Lock()
        self._held: set[int] = set()  # device numbers
        self._asked: dict[Node, _Asked] = {}

    def hold(self, port: str) -> int | None:
        """Mark a port as ours; return its mark for `release`, None where it is missing or somebody's here."""
        node = _node(port)
        if node is None:
            return None
        with self._lock:
            if node[0] in self._held:
                return None
            self._held.add(node[0])
        return node[0]

    def release(self, mark: int | None) -> None:
        """Give a port up."""
        with self._lock:
            self._held.discard(-1 if mark is None else mark)

    def find(self, imei: str, ask: AskImei, *, places: Sequence[str]) -> str | None:
        """Return the port with this modem among `places`, which are patterns, or None.

        `ask` opens a port, asks, and closes it.
        """
        for port in _ports(places):
            node = _node(port)
            if node is None or not self._is_worth_asking(node, imei):
                continue
            with self._borrowed(port) as is_free:
                if not is_free or holders(port):
                    continue
                found = ask(port)
            self._note(node, found)
            if found is not None and is_same_imei(imei, found):
                return port
        return None

    def note_seen(self, port: str, imei: str) -> None:
        """A line met this modem there: a search for any other leaves the port alone for a while."""
        node = _node(port)
        if node is not None:
            self._note(node, imei)

    @contextmanager
    def _borrowed(self, port: str) -> Iterator[bool]:
        mark = self.hold(port)
        try:
            yield mark is not None
        finally:
            self.release(mark)

    def _is_worth_asking(self, node: Node, imei: str) -> bool:
        with self._lock:
            asked = self._asked.get(node)
        if asked is None or (asked.imei and is_same_imei(imei, asked.imei)):
            return True
        return self._clock.monotonic() >= asked.again_at

    def _note(self, node: Node, imei: str | None) -> None:
        with self._lock:
            earlier = self._asked.get(node)
            times = earlier.times + 1 if earlier is not None else 1
            pause_s = PAUSES_S[min(times, len(PAUSES_S)) - 1]
            if imei is not None:
                pause_s = min(pause_s, MODEM_PAUSE_S_MAX)
            self._asked[node] = _Asked(imei, self._clock.monotonic() + pause_s, times)
            if len(self._asked) > 256:  # nodes of devices that came and went
                del self._asked[next(iter(self._asked))]


def _ports(places: Sequence[str]) -> Iterator[str]:
    """Yield each port once, under the first of its names."""
    seen = set()
    for pattern in places:
        for port in sorted(glob(pattern)):
            real = os.path.realpath(port)
            if real not in seen:
                seen.add(real)
                yield port


def ask_imei(surroundings: LinkSurroundings, port: str) -> str | None:
    """Open a port, ask who is there, and close it. Never raises: what does not answer in time is no modem."""
    options = replace(
        surroundings.options,
        port=port,
        silence_limit_s=ASK_LIMIT_S,
        command_timeout_s=ASK_LIMIT_S,
    )
    link = ModemLink(
        port,
        options.baud,
        surroundings=replace(surroundings, options=options, on_urc=lambda _urc: None),
    )
    try:
        link.connect()
        return read_digits(link.exchange("AT+CGSN", timeout_s=ASK_LIMIT_S))
    except ModemError:
        return None
    finally:
        link.close()


def _node(port: str) -> Node | None:
    try:
        seen = os.stat(port)
    except OSError:
        return None
    return seen.st_rdev, seen.st_ino, seen.st_ctime_ns
