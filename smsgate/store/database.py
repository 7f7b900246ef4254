"""The connections: how they are set up, how a transaction begins and ends, and when it is done
again.

SQLite has two engines on one file:

- the writer: one connection, lent to one thread at a time, whose every transaction is BEGIN
  IMMEDIATE. The default mode begins as a reader and loses updates silently;
- the reader: read-only connections with short deferred transactions. A read left open on the writer
  would block commits.

PostgreSQL has one engine for both.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url

from smsgate.errors import SchemaMismatch, StoreDenied, StoreError, StoreUnavailable
from smsgate.store.failures import Contention, translated
from smsgate.store.kept import KeptConnections, gave_up

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
CHECKPOINT_WAIT_MS = 50
WAIT_FOR_WRITER_S = 15.0  # longer than SQLite waits for another process's lock
CONTENTION_TRIES = 10
POSTGRESQL_CONNECT_TIMEOUT_S = 5
POSTGRESQL_OPTIONS = "-c statement_timeout=30000 -c lock_timeout=10000 -c timezone=UTC"
WAL_PAGES_MAX = 4000  # 16 MiB, then a commit moves the log into the file
WAL_OCTETS_MAX = 32 + WAL_PAGES_MAX * (24 + 4096)  # with the headers of log and pages

# Locks and shared memory do not work there; the store would be damaged by the second host, or by
# the first power cut.
_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "lustre",
        "fuse.sshfs",
        "fuse.glusterfs",
    }
)


class Database:
    """One store's connections. Nothing is opened before it is used."""

    def __init__(self, url: str | URL) -> None:
        self.url: URL = _checked(url)
        self.reserve_mib = 0  # nothing new is claimed while less disk is free
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.path: Path | None = Path(self.url.database or "").absolute()
            self.writer = _sqlite_writer(self.path)
            self.reader = _sqlite_reader(self.path)
        else:
            self.path = None
            self.writer = self.reader = _postgresql(self.url)
        # PostgreSQL's connections die with the network: its pool looks after them.
        self._writing = KeptConnections(self.writer, wait_s=WAIT_FOR_WRITER_S)
        self._reading = KeptConnections(self.reader)

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction that may write; committed at the end, rolled back on any exception."""
        return self._writing.write() if self.is_sqlite else _translating(self.writer.begin)

    def read(self) -> AbstractContextManager[Connection]:
        """One short look at the store, all of one moment on SQLite."""
        return self._reading.read() if self.is_sqlite else _translating(self.reader.connect)

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction of its own, again when two transactions stood in each other's
        way.
        """
        for _ in range(CONTENTION_TRIES - 1):
            with suppress(Contention), self.write() as connection:
                return work(connection)
        with self.write() as connection:
            return work(connection)

    def checkpoint(self) -> None:
        """Move SQLite's write-ahead log into the file, as far as readers allow.

        For one that reads long (`ledger`, `db backup`) it does not wait: receiving would, too. The log
        keeps its room on the disk and is written again from its beginning: a commit that lengthens a
        file takes a quarter longer, since the file system writes its own journal for it.
        """
        if self.is_sqlite:
            with translated(), self.lend_driver() as driver:
                try:
                    driver.execute(f"PRAGMA busy_timeout={CHECKPOINT_WAIT_MS}").fetchall()
                    driver.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
                finally:
                    driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()

    @contextmanager
    def lend_driver(self) -> Iterator[Any]:
        """Lend the driver's own connection of SQLite's writer, outside any transaction."""
        connection = self._writing.take()
        is_sound = False
        try:
            yield connection.connection.driver_connection
            is_sound = True
        finally:
            self._writing.take_back(connection, is_sound=is_sound)

    def has_disk_reserve(self, mib: int) -> bool:
        """Whether more than `mib` MiB are free where SQLite's file is. PostgreSQL's disk is its own
        host's matter.
        """
        if self.path is None:
            return True
        return shutil.disk_usage(self.path.parent).free >= mib * 1024 * 1024

    def close(self) -> None:
        """Close every connection."""
        self._writing.close()
        self._reading.close()
        self.writer.dispose()
        self.reader.dispose()


@contextmanager
def _translating(lend: Callable[[], AbstractContextManager[Connection]]) -> Iterator[Connection]:
    with translated(), lend() as connection:
        yield connection


def give_time(connection: Connection) -> None:
    """Let a statement of this transaction take as long as it needs: PostgreSQL would end it after
    thirty seconds, again at each try, in a store that has grown large.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _checked(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError(
            "The store's URL cannot be read: write sqlite:////path or postgresql+psycopg://…."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("The store must be a file: write sqlite:////path.")
        return parsed
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(
        "The store must be SQLite or PostgreSQL: write sqlite:////path or postgresql+psycopg://…."
    )


def network_file_system(path: Path, mounts: str) -> str | None:
    """Return the kind of network file system that `path` lies on, by the lines of
    /proc/self/mounts; None for a local one.
    """
    best, kind = Path("/"), ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mount = Path(fields[1].replace("\\040", " "))
        if path.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, fields[2]
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


def refuse_network_file_system(path: Path) -> None:
    """Raise StoreError when `path` lies on a file system that SQLite's locks do not work on."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # not Linux: nothing to look at
    kind = network_file_system(path.resolve(), mounts)
    if kind is not None:
        raise StoreError(
            f"The store must not lie on a network file system ({kind}): "
            "use a local disk, or PostgreSQL."
        )


def demand_file(path: Path, *, create: bool) -> None:
    """Raise a StoreError that says what is wrong when SQLite's file is not there or may not be used;
    with `create`, one that is not there may be made.
    """
    refuse_network_file_system(path.parent)
    owner = "run as the user whom it belongs to (`runuser -u smsgate -- smsgate …`), or as root"
    try:
        if not path.parent.is_dir():
            raise StoreUnavailable(f"The store's folder {path.parent} is missing: make it.")
        is_there = path.exists()
    except PermissionError:
        raise StoreDenied(f"The store {path} may not be looked at by this user: {owner}.") from None
    if is_there and not path.is_file():
        raise StoreError(f"The store {path} is no file: let `store.url` name one.")
    if not is_there and not create:
        raise SchemaMismatch(
            f"There is no store at {path} yet: start the daemon, or run `smsgate db upgrade`, to make it."
        )
    is_usable = (
        os.access(path, os.R_OK, effective_ids=True)
        if is_there
        else os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True)
    )
    if not is_usable:
        what = "read" if is_there else "made"
        raise StoreDenied(f"The store {path} may not be {what} by this user: {owner}.")


def _sqlite_writer(path: Path) -> Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WAIT_FOR_WRITER_S,
        hide_parameters=True,
        connect_args={
            "timeout": BUSY_TIMEOUT_MS / 1000,
            "check_same_thread": False,
            "cached_statements": 256,
        },
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "cache_size=-400",
            "foreign_keys=ON",
            f"wal_autocheckpoint={WAL_PAGES_MAX}",
            f"journal_size_limit={WAL_OCTETS_MAX}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    event.listen(engine, "begin", _join)
    return engine


def _sqlite_reader(path: Path) -> Engine:
    engine = sa.create_engine(
        sa.URL.create(
            "sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}
        ),
        poolclass=sa.pool.QueuePool,
        pool_size=2,
        max_overflow=8,
        pool_timeout=WAIT_FOR_WRITER_S,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()

    event.listen(engine, "begin", _join)
    return engine


def _join(connection: Connection) -> None:
    """SQLAlchemy has its first statement in a transaction, which the driver began (`kept`)."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        raise gave_up()


def _postgresql(url: URL) -> Engine:
    wished = url.query.get("options", "")
    options = wished if isinstance(wished, str) else " ".join(wished)
    return sa.create_engine(
        url.difference_update_query(["options"]),
        pool_size=8,
        max_overflow=8,
        pool_timeout=WAIT_FOR_WRITER_S,
        hide_parameters=True,
        connect_args={
            "connect_timeout": POSTGRESQL_CONNECT_TIMEOUT_S,
            "options": f"{POSTGRESQL_OPTIONS} {options}",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30000,
        },
    )
