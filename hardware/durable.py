"""Small files that must survive a power cut: replaced whole, so that the old or the new is there, and synced."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from threading import Lock
from typing import Any

LOCK_LIMIT_S = (
    5.0  # a change takes milliseconds; who holds the folder longer is stopped, or has a sick disk
)
LOCK_PAUSE_S = 0.01


def replace_durably(path: Path, octets: bytes) -> None:
    """Replace a file; once this returns the new content outlives a power failure. Raises OSError.

    It stays its owner's when root replaces it.
    """
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with suppress(FileNotFoundError, PermissionError):
            owner = path.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        rest = octets
        while rest:  # a disk that is nearly full takes a part, and says no the next time
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class DurableTable:
    """A small JSON table that any thread and any process reads and changes. Without a path it lasts as the object does.

    It is read anew each time. Every method raises OSError or ValueError where the file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept: dict[str, Any] = {}  # where there is no path
        self._lock = Lock()  # likewise

    def read(self) -> dict[str, Any]:
        """Return what it holds; a file that is not there holds nothing."""
        if self._path is None:
            return deepcopy(self._kept)
        try:
            table = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        if isinstance(table, dict):
            return table
        raise ValueError("expected a table")

    @contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """Give the table to be changed, to nobody else meanwhile; at the end it is written durably.

        Nothing is written where nothing was changed, or the block raised.
        """
        with self._alone():
            table = self.read()
            before = deepcopy(table)
            yield table
            if table != before:
                self._write(table)

    def clear(self) -> None:
        """Empty it, whether or not it can be read."""
        with self._alone():
            self._write({})

    def _write(self, table: dict[str, Any]) -> None:
        if self._path is None:
            self._kept = table
        else:
            replace_durably(self._path, json.dumps(table).encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other thread and process from changing it. Raises TimeoutError, which is an OSError."""
        if self._path is None:
            with self._lock:
                yield
            return
        # The folder, not a file beside it: what root made there would be closed to the daemon.
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            _lock(folder)
            yield
        finally:
            os.close(folder)


def _lock(descriptor: int) -> None:
    give_up_at = time.monotonic() + LOCK_LIMIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                raise TimeoutError("another process keeps it from being changed") from None
            time.sleep(LOCK_PAUSE_S)
        else:
            return
