"""A store that cannot be used: nothing is committed by halves, what is wrong is said, and it goes on by itself."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import PostgresqlServer
from inbound import NOON, HandClock, decide, inbound, parts_of, references
from msgspec.structs import force_setattr
from stores import SERVICES, StoreMaker, rows

from smsgate.backends import Accepted
from smsgate.errors import StoreError, StoreUnavailable
from smsgate.store import Store
from smsgate.store.database import BUSY_TIMEOUT_MS, WAL_OCTETS_MAX


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """A store in a file."""
    store = Store(sqlite_url, "batam-1", clock=HandClock(), services=SERVICES)
    store.open()
    yield store
    store.close()


def batch(count: int, first: int = 1) -> list[Any]:
    """Return messages with long texts, each of its own citizen."""
    return [
        inbound(f"BTM nomor {n} " + "x" * 40, n, sender=f"+62812{n:08}")
        for n in range(first, first + count)
    ]


def limit_pages(store: Store, extra: int) -> None:
    """Let the file grow by so many pages and no more."""
    with store._database.lend_driver() as driver:
        [pages] = driver.execute("PRAGMA page_count").fetchone()
        driver.execute(f"PRAGMA max_page_count = {pages + extra}").fetchall()


@pytest.mark.parametrize("extra", range(0, 40, 3))
def test_a_disk_that_fills_in_the_middle_of_a_batch_commits_nothing_of_it(
    store: Store, extra: int
) -> None:
    """Under a savepoint SQLite ends the whole transaction, and what follows is committed piece by piece."""
    limit_pages(store, extra)

    with pytest.raises(StoreUnavailable, match="full: free some space"):
        store.receive("m1", "btm", batch(120), decide, references())

    counts = store.counts()
    assert counts.parts == 0
    assert counts.sms == counts.complaints == counts.replies == {}


def test_it_goes_on_when_there_is_space_again(store: Store) -> None:
    limit_pages(store, 2)
    with pytest.raises(StoreUnavailable):
        store.receive("m1", "btm", batch(120), decide, references())
    limit_pages(store, 100_000)

    result = store.receive("m1", "btm", batch(120), decide, references())

    assert result.filed == 120
    assert store.check() == []


def test_a_transaction_that_ended_under_our_feet_aborts_the_batch(store: Store) -> None:
    def sabotage(sms: Any, known: Any, reference: str) -> Any:
        driver.rollback()
        return decide(sms, known, reference)

    with store._database.lend_driver() as driver:
        pass  # the very one that is lent for the batch

    with pytest.raises(StoreUnavailable, match="gave up its transaction"):
        store.receive("m1", "btm", batch(3), sabotage, references())


def test_a_store_locked_by_another_program_is_said_to_be(
    store: Store, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store._database.lend_driver() as driver:
        driver.execute("PRAGMA busy_timeout = 50").fetchall()
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked by another program"):
        store.receive("m1", "btm", batch(1), decide, references())
    assert store.counts().parts == 0  # looking goes on

    other.execute("ROLLBACK")
    other.close()
    assert store.receive("m1", "btm", batch(1), decide, references()).filed == 1


def test_a_read_only_store_is_said_to_be(store: Store) -> None:
    with store._database.lend_driver() as driver:
        driver.execute("PRAGMA query_only = ON").fetchall()

    with pytest.raises(StoreUnavailable, match="read-only"):
        store.receive("m1", "btm", batch(1), decide, references())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/nowhere/store.db", "batam-1")

    with pytest.raises(StoreUnavailable, match="nowhere is missing"):
        store.open(create=True)
    store.close()


def test_an_open_reader_does_not_block_commits(store: Store) -> None:
    with store._database.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM part").fetchone()

        assert store.receive("m1", "btm", batch(1), decide, references()).filed == 1


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"), store._database.read() as connection:
        connection.exec_driver_sql("DELETE FROM part")


def test_writers_of_many_threads_lose_no_update(store: Store) -> None:
    """With SQLite's default transactions a read and a write after it lose updates silently."""
    store.receive("m1", "btm", batch(1), decide, references())
    part = batch(1)
    threads = [
        threading.Thread(
            target=lambda: [
                store.receive("m1", "btm", part, decide, references()) for _ in range(25)
            ]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert rows(store, "SELECT seen_count FROM part") == [(101,)]


def test_the_reserve_is_looked_up_where_the_store_is(store: Store, tmp_path: Path) -> None:
    free_mib = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize // 2**20

    assert store.has_disk_reserve(1)
    assert not store.has_disk_reserve(free_mib * 2)


def test_below_the_reserve_nothing_is_claimed_and_what_is_claimed_is_settled(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.receive("m1", "btm", batch(2), decide, references())
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    store.keep_disk_reserve(2**40)  # more than there is

    assert store.claim_forward("kota", lease_s=60) is None
    assert store.claim_reply("btm", "m1", lease_s=60) is None
    assert store.settle_forward(claim, Accepted("T-1"), next_at=None)


def test_after_a_checkpoint_the_file_has_everything_and_the_log_grows_no_more(
    store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    log = Path(f"{file}-wal")
    store.receive("m1", "btm", batch(50), decide, references())

    store.checkpoint()

    copy = tmp_path / "without_its_log.db"
    copy.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM sms").fetchone() == (50,)
    length = log.stat().st_size
    store.receive("m1", "btm", batch(1, first=60), decide, references())
    assert log.stat().st_size == length


def test_a_log_that_grew_large_is_cut_when_it_may_be(store: Store, sqlite_url: str) -> None:
    log = Path(sqlite_url.removeprefix("sqlite:///") + "-wal")
    most = 100 * 4096
    with store._database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_size_limit").scalar() == WAL_OCTETS_MAX
    with store._database.lend_driver() as driver:
        driver.execute(f"PRAGMA journal_size_limit={most}").fetchall()
    for first in range(0, 200, 50):
        store.receive("m1", "btm", batch(50, first=first), decide, references())
    assert log.stat().st_size > most

    store.checkpoint()
    store.receive("m1", "btm", batch(1, first=300), decide, references())

    assert log.stat().st_size <= most


def test_a_checkpoint_waits_for_no_reader(store: Store, sqlite_url: str) -> None:
    """It holds the writer meanwhile: five seconds, in which nothing was received."""
    path = sqlite_url.removeprefix("sqlite:///")
    store.receive("m1", "btm", batch(1), decide, references())
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sms").fetchone()
        store.receive("m1", "btm", batch(1, first=2), decide, references())
        begun = time.monotonic()
        store.checkpoint()
        took_s = time.monotonic() - begun

    assert took_s < BUSY_TIMEOUT_MS / 1000
    with store._database.write() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    assert patience == BUSY_TIMEOUT_MS, "other programs' locks are waited for as before"


def test_every_connection_syncs_each_commit(store: Store) -> None:
    with store._database.write() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    full = 2
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


def test_errors_hold_nothing_that_people_wrote(make_store: StoreMaker) -> None:
    """PostgreSQL quotes the row it refuses, numbers and texts included."""
    store = make_store()

    def decide_wrongly(sms: Any, known: Any, reference: str) -> Any:
        decision = decide(sms, known, reference)
        force_setattr(decision.complaint, "text_digest", None)
        return decision

    result = store.receive("m1", "btm", [inbound("BTM rahasia saya")], decide_wrongly, references())

    assert result.quarantined == 1
    assert rows(store, "SELECT reason FROM sms") == [("Conflict",)]
    with pytest.raises(StoreError) as caught, store._database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO alarm (gateway, key, text, severity, raised_at) "
            "VALUES ('g', 'k', 'BTM rahasia saya', 's', CURRENT_TIMESTAMP)"
        )
    assert "rahasia" not in str(caught.value)
    assert caught.value.__cause__ is None


# --- PostgreSQL -------------------------------------------------------------------------------------


def test_postgresql_away_and_back(postgresql_server: PostgresqlServer, postgresql_url: str) -> None:
    store = Store(postgresql_url, "batam-1", clock=HandClock(NOON), services=SERVICES)
    store.open()
    first, *others = batch(3)
    store.receive("m1", "btm", [first], decide, references())
    postgresql_server.end_sessions()

    with pytest.raises(StoreUnavailable, match="PostgreSQL cannot be reached"):
        store.receive("m1", "btm", others, decide, references(2))

    assert store.receive("m1", "btm", others, decide, references(2)).filed == 2
    store.close()


def test_a_postgresql_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    store = Store(f"postgresql://nobody@/nothing?host={tmp_path}", "batam-1")

    with pytest.raises(StoreUnavailable, match="cannot be reached: check that it runs"):
        store.open()
    store.close()


def test_a_read_only_postgresql_is_said_to_be(postgresql_url: str) -> None:
    read_only = f"{postgresql_url}&options=-c%20default_transaction_read_only%3Don"
    secondary = Store(read_only, "batam-2", clock=HandClock(NOON), services=SERVICES)

    with pytest.raises(StoreUnavailable, match="read-only"):
        secondary.receive("m1", "btm", parts_of(["BTM a", "b"]), decide, references())
    secondary.close()
