"""SQLite's connections between two uses: one writer at a time, none kept whose use failed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

from smsgate.errors import StoreError, StoreUnavailable
from smsgate.store.database import Database
from smsgate.store.kept import KEPT_MAX, KeptConnections

LIMIT_S = 30.0
COUNT = "SELECT count(*) FROM t"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database with one empty table."""
    database = Database(f"sqlite:///{tmp_path}/store.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    yield database
    database.close()


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(COUNT).scalar_one())


def test_the_same_connection_serves_again(database: Database) -> None:
    with database.lend_driver() as first, database.read() as looking:
        looked_by = looking.connection.driver_connection
    with database.write() as writing, database.read() as looking:
        assert writing.connection.driver_connection is first
        assert looking.connection.driver_connection is looked_by


def test_what_failed_leaves_nothing_behind(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(fail)
    assert count(database) == 0

    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (2)")
    assert count(database) == 1


def insert_by_the_driver(connection: sa.Connection) -> None:
    """As the hot paths do (`prepared`)."""
    connection.connection.cursor().execute("INSERT INTO t VALUES (1)")


def insert_by_sqlalchemy(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO t VALUES (1)")


def insert_by_both(connection: sa.Connection) -> None:
    insert_by_the_driver(connection)
    insert_by_sqlalchemy(connection)


WAYS = [insert_by_the_driver, insert_by_sqlalchemy, insert_by_both]


@pytest.mark.parametrize("insert", WAYS)
def test_whoever_writes_it_is_one_transaction(
    database: Database, insert: Callable[[sa.Connection], None]
) -> None:
    def insert_and_stumble(connection: sa.Connection) -> None:
        insert(connection)
        raise ZeroDivisionError

    with database.write() as connection:
        insert(connection)
        assert count(database) == 0
    written = count(database)
    assert written >= 1
    with database.write() as again:
        assert not again.in_transaction(), "SQLAlchemy knows that it ended"

    with pytest.raises(ZeroDivisionError):
        database.run(insert_and_stumble)
    assert count(database) == written


@pytest.mark.parametrize("insert", WAYS)
def test_a_commit_that_fails_leaves_nothing_behind(
    database: Database, insert: Callable[[sa.Connection], None]
) -> None:
    def fail(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with (
        mock.patch.object(database.writer.dialect, "do_commit", fail),
        pytest.raises(StoreUnavailable, match="I/O errors"),
    ):
        database.run(insert)

    assert count(database) == 0
    database.run(insert_by_the_driver)
    assert count(database) == 1


@pytest.mark.parametrize("insert", WAYS)
def test_a_transaction_that_ended_under_our_feet_is_no_success(
    database: Database, insert: Callable[[sa.Connection], None]
) -> None:
    """SQLite does that where the disk is full."""

    def insert_and_lose(connection: sa.Connection) -> None:
        insert(connection)
        driver: Any = connection.connection.driver_connection
        driver.execute("ROLLBACK")

    with pytest.raises(StoreUnavailable, match="gave up"):
        database.run(insert_and_lose)

    database.run(insert_by_the_driver)
    assert count(database) == 1


def test_sqlalchemy_does_not_begin_what_ended_under_our_feet(database: Database) -> None:
    """Half of a transaction would be committed, and said to be all of it."""

    def lose_and_go_on(connection: sa.Connection) -> None:
        insert_by_the_driver(connection)
        driver: Any = connection.connection.driver_connection
        driver.execute("ROLLBACK")
        insert_by_sqlalchemy(connection)

    with pytest.raises(StoreUnavailable, match="gave up"):
        database.run(lose_and_go_on)

    assert count(database) == 0


def test_a_commit_that_fails_while_a_cursor_is_open_keeps_nobody_out(database: Database) -> None:
    """Its connection lives as long as the cursor, and would keep the writer's lock."""
    with database.write() as connection:
        for value in range(3):
            connection.exec_driver_sql("INSERT INTO t VALUES (?)", (value,))
    cursors = []

    def leave_open(connection: sa.Connection) -> None:
        cursor = connection.connection.cursor()
        cursor.execute("SELECT a FROM t")
        cursor.fetchone()
        cursors.append(cursor)
        insert_by_the_driver(connection)

    def fail(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with mock.patch.object(database.writer.dialect, "do_commit", fail), pytest.raises(StoreError):
        database.run(leave_open)

    database.run(insert_by_the_driver)
    assert count(database) == 4


def test_a_look_changes_nothing_and_sees_what_was_committed_since(database: Database) -> None:
    with database.read() as connection:
        assert connection.exec_driver_sql(COUNT).scalar_one() == 0
        with database.write() as writing:
            writing.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert connection.exec_driver_sql(COUNT).scalar_one() == 0  # all of one moment
    assert count(database) == 1


def test_writers_wait_for_each_other(database: Database) -> None:
    def write() -> None:
        for _ in range(20):
            with database.write() as connection:
                connection.exec_driver_sql("INSERT INTO t VALUES (1)")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)

    assert count(database) == 80


def test_who_waits_too_long_is_told_so(database: Database) -> None:
    kept = KeptConnections(database.reader, wait_s=0.01)

    with kept.read(), pytest.raises(StoreUnavailable, match="busy by this very program"):
        kept.take()

    with kept.read():
        pass  # the turn was not lost
    kept.close()


def test_a_connection_that_cannot_be_had_costs_nobody_a_turn(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/nowhere/store.db")
    kept = KeptConnections(engine, wait_s=0.01)

    for _ in range(3):
        with pytest.raises(sa.exc.OperationalError, match="unable to open"):
            kept.take()


def test_many_may_look_at_once_and_few_are_kept(database: Database) -> None:
    uses = [database.read() for _ in range(6)]
    lent = {id(use.__enter__()) for use in uses}
    assert len(lent) == 6
    for use in uses:
        use.__exit__(None, None, None)

    assert database.reader.pool.checkedout() == KEPT_MAX  # type: ignore[attr-defined]
