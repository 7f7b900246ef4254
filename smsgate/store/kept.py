"""Connections of SQLite that are kept between two uses.

Measured: a pool takes three times as long to lend a connection and to take it back as SQLAlchemy does to begin and
end a transaction on one, and ten times as long as SQLite.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType

from sqlalchemy.engine import Connection, Engine, RootTransaction

from smsgate.errors import StoreUnavailable

KEPT_MAX = 2  # more are lent where more is asked for at once, and closed again


class KeptConnections:
    """Lends connections of one engine, each to one thread at a time; with `wait_s` there is but one, waited for.

    One whose use failed is not kept: the pool behind it rolls back whatever was left open.
    """

    def __init__(self, engine: Engine, *, wait_s: float | None = None) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self._turn = threading.Lock()
        self._idle: list[Connection] = []

    def write(self) -> Use:
        """A transaction: committed at its end, rolled back on any exception."""
        return Use(self, is_committed=True)

    def read(self) -> Use:
        """A transaction that is rolled back at its end: it has only looked."""
        return Use(self, is_committed=False)

    def take(self) -> Connection:
        """Lend one. Raises StoreUnavailable when the only one does not come back in time."""
        if self._wait_s is not None and not self._turn.acquire(timeout=self._wait_s):
            raise StoreUnavailable(
                "The store is kept busy by this very program: it is tried again."
            )
        with suppress(IndexError):
            return self._idle.pop()
        try:
            return self._engine.connect()
        except BaseException:
            self._end_turn()
            raise

    def take_back(self, connection: Connection, *, is_sound: bool) -> None:
        """End a use."""
        try:
            if is_sound and len(self._idle) < KEPT_MAX:
                self._idle.append(connection)
            else:
                connection.close()
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._wait_s is not None:
            self._turn.release()

    def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            self._idle.pop().close()


class Use:
    """One transaction on a lent connection. A class: generators, one in another, take longer than what they guard."""

    __slots__ = ("_connection", "_is_committed", "_kept", "_transaction")

    def __init__(self, kept: KeptConnections, *, is_committed: bool) -> None:
        self._kept = kept
        self._is_committed = is_committed
        self._connection: Connection
        self._transaction: RootTransaction

    def __enter__(self) -> Connection:
        self._connection = connection = self._kept.take()
        try:
            self._transaction = connection.begin()
        except BaseException:
            self._kept.take_back(connection, is_sound=False)
            raise
        self._transaction.__enter__()
        return connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        is_sound = False
        try:
            if kind is None and not self._is_committed:
                self._transaction.rollback()
            self._transaction.__exit__(kind, error, trace)
            is_sound = kind is None
        finally:
            self._kept.take_back(self._connection, is_sound=is_sound)
