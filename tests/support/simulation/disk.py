"""The store's file of a history, and what goes wrong with it: at the driver of SQLite, below SQLAlchemy.

One file and one pair of engines serve all histories of a process, one after the other: making engines and compiling
their statements anew would take most of the time. Each history begins with a copy of an empty store.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol

from simulation.clock import VirtualClock
from simulation.faults import Faults
from sqlalchemy import event

from smsgate.store import Store
from smsgate.store.leases import Leases

BUSY_S = 5.0  # how long SQLite waits for a lock
_WRITES = ("INSERT", "UPDATE")


@cache
def shared_disk() -> Disk:
    """Return the disk that this process's histories share."""
    return Disk()


class Process(Protocol):
    """The process that uses the disk."""

    def kill(self) -> NoReturn:
        """The process dies here."""
        ...

    def check_alive(self) -> None:
        """Raise Killed once it is dead."""
        ...


class Disk:
    """Where the store lies. `use` says whose history it is now."""

    def __init__(self) -> None:
        in_memory = Path("/dev/shm")
        folder = Path(
            tempfile.mkdtemp(prefix="histories-", dir=in_memory if in_memory.is_dir() else None)
        )
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / "store.db"
        self._empty = folder / "empty.db"
        self._connections: tuple[Any, ...] | None = None
        self._leases: dict[str, Leases] = {}
        self._faults: Faults | None = None
        self._process: Process | None = None
        self._clock: VirtualClock | None = None
        self._make_empty()

    @property
    def url(self) -> str:
        """The store's URL."""
        return f"sqlite:///{self.path}"

    def use(self, *, faults: Faults, process: Process, clock: VirtualClock) -> None:
        """Begin a history on an empty store."""
        self._faults, self._process, self._clock = faults, process, clock
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._empty, self.path)

    def release(self) -> None:
        """End a history: nothing goes wrong any more."""
        self._faults = self._process = None

    def attach(self, store: Store) -> None:
        """Have a new store use the connections of all histories, where things go wrong."""
        database = store._database
        if self._connections is None:
            event.listen(database.writer, "do_connect", self._make_writer)
            event.listen(database.reader, "do_connect", self._make_reader)
            self._connections = (
                database.writer,
                database.reader,
                database._writing,
                database._reading,
            )
        database.writer, database.reader, database._writing, database._reading = self._connections
        self._share_statements(store)

    def _share_statements(self, store: Store) -> None:
        """Give a new store the statements that the one before it compiled."""
        for outbox in (store._forwards, store._replies):
            leases: Leases = outbox._leases
            earlier = self._leases.get(leases._table.name)
            if earlier is not None:
                leases._claim = earlier._claim
            self._leases[leases._table.name] = leases

    def look(self) -> sqlite3.Connection:
        """Return a connection of an onlooker, who sees what is committed and is never disturbed."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def _make_empty(self) -> None:
        store = Store(f"sqlite:///{self._empty}", "simulated", clock=VirtualClock())
        store.open(create=True)
        store.checkpoint()
        store.close()

    def _make_writer(self, _dialect: Any, _record: Any, _args: Any, options: Any) -> None:
        options["factory"] = self._connection_class(_Writer)

    def _make_reader(self, _dialect: Any, _record: Any, _args: Any, options: Any) -> None:
        options["factory"] = self._connection_class(_Reader)

    def _connection_class(self, base: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
        return type(base.__name__, (base,), {"disk": self})

    # -- called by the connections

    def before_statement(self, connection: sqlite3.Connection, statement: str) -> None:
        """Fail a statement of the writer, if a fault strikes; raise Killed once the process is dead."""
        if self._process is None or self._faults is None:
            return
        self._process.check_alive()
        if statement.startswith("BEGIN") and self._faults.strikes("store: locked"):
            assert self._clock is not None
            self._clock.advance_to(self._clock.monotonic() + BUSY_S)
            raise sqlite3.OperationalError("database is locked")
        if statement.startswith(_WRITES) and self._faults.strikes("store: disk full in the middle"):
            connection.rollback()  # as SQLite does by itself then
            raise sqlite3.OperationalError("database or disk is full")

    def before_commit(self) -> None:
        """Fail a commit, if a fault strikes."""
        if self._process is None or self._faults is None:
            return
        self._process.check_alive()
        if self._faults.strikes("process: dies before a commit"):
            self._process.kill()
        if self._faults.strikes("store: commit fails"):
            raise sqlite3.OperationalError("disk I/O error")

    def after_commit(self) -> None:
        """Fail after a commit, if a fault strikes."""
        if self._process is None or self._faults is None:
            return
        if self._faults.strikes("process: dies after a commit"):
            self._process.kill()
        if self._faults.strikes("store: committed, but it says that it failed"):
            raise sqlite3.OperationalError("disk I/O error")

    def before_reading(self) -> None:
        """Fail a look at the store, if a fault strikes; raise Killed once the process is dead."""
        if self._process is None or self._faults is None:
            return
        self._process.check_alive()
        if self._faults.strikes("store: cannot be read"):
            raise sqlite3.OperationalError("disk I/O error")


class _Cursor(sqlite3.Cursor):
    connection: Any

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.connection.disk.before_statement(self.connection, statement)
        return super().execute(statement, parameters)

    def executemany(self, statement: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
        self.connection.disk.before_statement(self.connection, statement)
        return super().executemany(statement, parameters)


class _Writer(sqlite3.Connection):
    disk: Disk

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        return self.cursor().execute(statement, parameters)

    def commit(self) -> None:
        if not self.in_transaction:
            return super().commit()
        self.disk.before_commit()
        super().commit()
        return self.disk.after_commit()


class _ReadingCursor(sqlite3.Cursor):
    connection: Any

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        if statement == "BEGIN":
            self.connection.disk.before_reading()
        return super().execute(statement, parameters)


class _Reader(sqlite3.Connection):
    disk: Disk

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _ReadingCursor)

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        return self.cursor().execute(statement, parameters)
