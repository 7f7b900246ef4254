"""Connections of SQLite that are kept between two uses, and the transactions on them.

Measured: a pool takes three times as long to lend a connection and to take it back as SQLAlchemy does to begin and
end a transaction on one, and that six times as long as the driver. So the driver begins; SQLAlchemy joins in where a
statement goes through it, and then it ends the transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any

from sqlalchemy.engine import Connection, Engine

from smsgate.errors import StoreUnavailable
from smsgate.store.failures import translated, translation_of

KEPT_MAX = 2  # more are lent where more is asked for at once, and closed again


class KeptConnections:
    """Lends connections of one engine, each to one thread at a time; with `wait_s` there is but one, waited for.

    One whose use failed is not kept.
    """

    def __init__(self, engine: Engine, *, wait_s: float | None = None) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self._turn = threading.Lock()
        self._idle: list[Connection] = []

    def write(self) -> Use:
        """A transaction: committed at its end, rolled back on any exception."""
        return Use(self, "BEGIN IMMEDIATE")

    def read(self) -> Use:
        """A transaction that is rolled back at its end: it has only looked."""
        return Use(self, "BEGIN")

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
                return
            if not is_sound and not _is_ended(connection):
                connection.invalidate()  # what could not be ended goes with its connection
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


def _is_ended(connection: Connection) -> bool:
    """End what is left open, a commit that failed above all; return whether that could be done."""
    if connection.invalidated:
        return True
    driver: Any = connection.connection.driver_connection
    try:
        driver.rollback()
    except sqlite3.Error:
        return False
    return not driver.in_transaction


def gave_up() -> StoreUnavailable:
    """Return what is said of a transaction that ended under our feet, as a full disk makes SQLite do."""
    return StoreUnavailable("The store gave up its transaction: check the disk's space.")


class Use:
    """One transaction on a lent connection; the database's errors inside become ours.

    A class: generators, one in another, take longer than what they guard.
    """

    __slots__ = ("_begin", "_connection", "_driver", "_kept")

    def __init__(self, kept: KeptConnections, begin: str) -> None:
        self._kept = kept
        self._begin = begin
        self._connection: Connection
        self._driver: Any

    def __enter__(self) -> Connection:
        with translated():
            self._connection = connection = self._kept.take()
            try:
                self._driver = connection.connection.driver_connection
                self._driver.execute(self._begin)
            except BaseException:
                self._kept.take_back(connection, is_sound=False)
                raise
            return connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with translated():
            is_sound = False
            try:
                self._end(is_well=kind is None)
                is_sound = kind is None
            finally:
                self._kept.take_back(self._connection, is_sound=is_sound)
        ours = None if error is None else translation_of(error)
        if ours is not None:
            raise ours from None

    def _end(self, *, is_well: bool) -> None:
        connection, driver = self._connection, self._driver
        is_joined = connection.get_transaction() is not None
        if not is_well or self._begin == "BEGIN":
            (connection if is_joined else driver).rollback()
        elif not driver.in_transaction:
            raise gave_up()  # what came after it was committed piece by piece
        elif is_joined:
            connection.commit()
        else:
            connection.dialect.do_commit(driver)
