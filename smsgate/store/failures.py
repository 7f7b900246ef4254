"""What a database's errors mean to us, in one sentence each; never with a value of a row in it.

A driver's message may quote the row it refused ("Failing row contains …"), and a row holds numbers
and texts. So no driver's message leaves this room: only its class, its code, and our own words.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from types import TracebackType

import sqlalchemy.exc

from smsgate.errors import StoreDamaged, StoreDenied, StoreError, StoreUnavailable

_RETRIED_STATES = frozenset({"40P01", "40001"})  # deadlock detected, serialisation failure

# What SQLite says when this user, or nobody, may write or open its file.
_SQLITE_DENIED = (
    (
        "readonly",
        "The store is read-only: check its file's owner, its folder and how its disk is mounted.",
    ),
    ("unable to open", "The store's file cannot be opened: check its folder and its owner."),
)
# What else it says, and what we say about it. Its codes reach Python 3.11 too late to be used for
# the extended ones.
_SQLITE = (
    ("locked", "The store is locked by another program: it is tried again."),
    ("busy", "The store is locked by another program: it is tried again."),
    ("full", "The disk of the store is full: free some space."),
    ("disk i/o error", "The store's disk answers with I/O errors: check the disk."),
    ("no such table", "A table of the store is missing: run `smsgate db check`."),
    ("no such column", "A column of the store is missing: run `smsgate db check`."),
)
# What no second try changes. An operator who read "damaged" needs the way out, not the next check.
_SQLITE_DAMAGED = (
    (
        "not a database",
        "The store's file is no SQLite database: see that `store.url` names the right one; else stop the daemon, "
        "keep the file with its -wal and -shm for a look, and put a backup in its place.",
    ),
    (
        "malformed",
        "The store's file is damaged: stop the daemon, keep the file with its -wal and -shm for a look, and put a "
        "backup in its place.",
    ),
)
_POSTGRESQL = (
    ("53100", "The disk of PostgreSQL is full: free some space."),
    ("25006", "PostgreSQL is read-only: point the store's URL at the primary."),
    (
        "53300",
        "PostgreSQL takes no more connections: raise max_connections, or stop what holds them.",
    ),
    ("55P03", "The store is locked by another program: it is tried again."),
    ("57014", "PostgreSQL took too long: it is tried again."),
)
_POSTGRESQL_AWAY = "PostgreSQL cannot be reached: check that it runs and what the store's URL says."


class Contention(StoreUnavailable):
    """Two transactions stood in each other's way and this one was rolled back: do it again, from
    its beginning.
    """


class Conflict(StoreError):
    """A row was refused by a unique key or a check."""


class translated:  # noqa: N801  (it reads as a function does; a generator takes three times as long)
    """Turn every database error inside into ours, and leave all other exceptions alone."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: object, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        ours = None if error is None else translation_of(error)
        if ours is not None:
            raise ours from None


def translation_of(error: BaseException) -> Exception | None:
    """Return what a database's error is to us; None for any other exception."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return _translate(error.orig, is_lost=error.connection_invalidated)
    if isinstance(error, _driver_errors()):
        return _translate(error)
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return StoreUnavailable("The store is kept busy by this very program: it is tried again.")
    return None


def _driver_errors() -> tuple[type[BaseException], ...]:
    """The roots of the drivers' own errors, of those that are loaded: hot paths use the drivers' cursors."""
    psycopg = sys.modules.get("psycopg")
    error = getattr(psycopg, "Error", None)  # None, too, while another thread imports it
    return (sqlite3.Error,) if error is None else (sqlite3.Error, error)


def _translate(error: BaseException | None, *, is_lost: bool = False) -> Exception:
    state = getattr(error, "sqlstate", None)
    if state in _RETRIED_STATES:
        return Contention("The store is contended: it is tried again.")
    kinds = {
        kind.__name__ for kind in type(error).__mro__
    }  # both drivers name them as PEP 249 does
    if "IntegrityError" in kinds:
        return Conflict(f"The store refused a row ({_name(error)}).")
    denied = _sqlite_words(error, _SQLITE_DENIED)
    if denied is not None:
        return StoreDenied(denied)
    damaged = _sqlite_words(error, _SQLITE_DAMAGED)
    if damaged is not None:
        return StoreDamaged(damaged)
    words = _sqlite_words(error, _SQLITE) if state is None else dict(_POSTGRESQL).get(state)
    if words is not None:
        return StoreUnavailable(words)
    if is_lost or kinds & {"OperationalError", "InterfaceError"}:
        is_sqlite = isinstance(error, sqlite3.Error)
        return StoreUnavailable(
            f"The store cannot be used now ({_name(error)})."
            if is_sqlite
            else f"{_POSTGRESQL_AWAY} ({_name(error)})"
        )
    return StoreError(f"The store failed ({_name(error)}): run `smsgate db check`.")


def _sqlite_words(original: BaseException | None, table: Sequence[tuple[str, str]]) -> str | None:
    if not isinstance(original, sqlite3.Error):
        return None
    said = str(original).lower()  # SQLite's messages name tables and columns, never values
    return next((words for sign, words in table if sign in said), None)


def _name(original: BaseException | None) -> str:
    """The error's own name: SQLite's (`SQLITE_CORRUPT`), PostgreSQL's state, else its class."""
    for attribute in ("sqlite_errorname", "sqlstate"):
        name = getattr(original, attribute, None)
        if name:
            return str(name)
    return type(original).__name__
