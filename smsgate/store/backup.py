"""Copies of the store that know that they are copies (`restored`)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from smsgate.errors import StoreDenied, StoreError, StoreUnavailable
from smsgate.store.database import Database
from smsgate.store.failures import translated
from smsgate.store.restored import FROM_BACKUP, hold


def back_up(database: Database, target: Path, now: datetime) -> None:
    """Copy the store, as it is at one moment, into the new file `target`; the daemon goes on.

    The copy is whole and synced before it has its name. Whoever opens it sends nothing until it is
    released. Raises StoreError: PostgreSQL has a program of its own, and no file is overwritten.
    """
    if database.path is None:
        raise StoreError(
            "The store is PostgreSQL: back it up with `pg_dump --format=custom`, and put it back with "
            "`pg_restore`; a gateway that saw more than it holds sends nothing until `smsgate db release`."
        )
    target = target.absolute()
    _demand_new(target)
    with _new_file(target, f".{target.name}.{os.getpid()}") as copy:
        _copy(database.path, copy)
        _mark(copy, now)
        _settle(copy)
        os.link(copy, target)  # fails where somebody made it meanwhile
        _sync(target.parent)


def _demand_new(target: Path) -> None:
    """Raise StoreError unless `target` is a new name in a folder that is there: no second try mends that."""
    try:
        if target.exists():
            raise StoreError(f"{target} is there already: name a file that is not.")
        if not target.parent.is_dir():
            raise StoreError(f"There is no folder {target.parent}: make it, or name another.")
    except PermissionError:
        raise _denied(target) from None


def _denied(target: Path) -> StoreDenied:
    return StoreDenied(f"The copy {target} may not be written by this user: name another folder.")


def keep_copy(database: Database, target: Path) -> None:
    """Copy SQLite's store, of whatever schema, into `target`, in the place of an older copy there.

    It does not say of itself that it is a copy: its tables may not be those of this program.
    """
    assert database.path is not None
    with _new_file(target, f".{target.name}.new") as copy:
        _copy(database.path, copy)
        _settle(copy)
        copy.replace(target)
        _sync(target.parent)


@contextmanager
def _new_file(target: Path, name: str) -> Iterator[Path]:
    """Lend a file beside `target`, to be filled and given its name; whatever is left of it is removed."""
    copy = target.with_name(name)
    try:
        copy.unlink(missing_ok=True)  # left by a power cut: nobody else uses this name now
        # Only its owner may read what citizens wrote.
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield copy
    except PermissionError:
        raise _denied(target) from None
    except OSError as error:
        raise StoreUnavailable(
            f"The copy {target} cannot be written ({error.strerror}): check its folder and its disk."
        ) from None
    finally:
        for left in ("", "-wal", "-shm", "-journal", ".lock"):
            copy.with_name(copy.name + left).unlink(missing_ok=True)


def _copy(source: Path, copy: Path) -> None:
    with (
        translated(),
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as original,
        closing(sqlite3.connect(copy)) as new,
    ):
        original.backup(new)  # in one step: one moment, and in WAL mode nobody waits


def _mark(copy: Path, now: datetime) -> None:
    database = Database(sa.URL.create("sqlite", database=str(copy)))
    try:
        database.run(lambda connection: hold(connection, now, FROM_BACKUP))
    finally:
        database.close()


def _settle(copy: Path) -> None:
    """Make one whole file of it, and look at it."""
    with translated(), closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise StoreError("The copy is damaged, so the store may be: run `smsgate db check`.")
    _sync(copy)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
