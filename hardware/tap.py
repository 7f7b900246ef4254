"""An engine whose serial line is listened in on: every octet, both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .engine import ModemEngine

Tap = Callable[[bool, bytes], None]  # whether we sent it, and the octets


class TappedEngine(ModemEngine):
    """An engine that tells a tap what goes over its line. Without a tap it is an engine."""

    def __init__(self, *args: Any, tap: Tap | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tap = tap

    def _send(self, octets: bytes) -> None:
        if self._tap is not None:
            self._tap(True, octets)  # before: the answer may be there at once
        super()._send(octets)

    def _read_some(self) -> bytes:
        octets = super()._read_some()
        if self._tap is not None and octets:
            self._tap(False, octets)
        return octets
