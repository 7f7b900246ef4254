"""Who owns what: one daemon for each SQLite store, one for each gateway name on PostgreSQL; and
whose a claim is.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.errors import StoreBusy, StoreDenied, StoreError, StoreUnavailable
from smsgate.store.columns import lock_key
from smsgate.store.database import Database
from smsgate.store.failures import translated


def process_token(gateway: str) -> str:
    """Return the name of this very process, also among those of other boots and hosts, and of this
    store in it. It begins with the gateway's name and `|`: who owns that name inherits its claims.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The 22nd field is the start; the second, the program's name, may hold spaces and ends with
        # the last bracket.
        start = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        boot, start = "unknown", "0"
    return f"{gateway}|{boot}:{os.getpid()}:{start}:{uuid.uuid4().hex[:8]}"


class Ownership:
    """The lock that keeps a second daemon out. Ends with the process, however it ends."""

    def __init__(self, database: Database, gateway: str) -> None:
        self._database = database
        self._gateway = gateway
        self._file: IO[bytes] | None = None
        self._session: Connection | None = None
        self._is_name_ours = False

    def take(self) -> None:
        """Take the lock; raise StoreBusy when another daemon has it."""
        if self._database.path is not None:
            self._take_file(self._database.path)
        else:
            self._take_session()

    def keep(self) -> None:
        """Take the lock again if PostgreSQL lost it with our connection; raise StoreBusy when
        somebody else got it.
        """
        if not self._is_name_ours:
            return
        if self._session is not None:
            try:
                with translated():
                    self._session.execute(sa.text("SELECT 1"))
                return
            except StoreError:
                self._end_session()
        self._take_session()

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._is_name_ours = False
        self._end_session()

    def _end_session(self) -> None:
        if self._session is not None:
            self._session.invalidate()  # closes the session, and the lock with it
            self._session.close()
            self._session = None

    def _take_file(self, path: Path) -> None:
        if self._file is not None:
            return
        lock_path = path.with_name(path.name + ".lock")
        try:
            lock = lock_path.open("ab")
        except PermissionError:
            raise StoreDenied(
                f"The lock {lock_path} may not be opened by this user: run as the owner of the store."
            ) from None
        except OSError as error:
            raise StoreUnavailable(
                f"The lock {lock_path} cannot be opened ({error.strerror}): "
                "check the store's folder and its owner."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise StoreBusy(
                f"Another daemon uses the store {path}: "
                "stop it, or give this one a store of its own."
            ) from None
        self._file = lock

    def _take_session(self) -> None:
        if self._session is not None:
            return
        with translated():
            session = self._database.writer.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
            key = lock_key("gateway", self._gateway)
            if session.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar():
                self._session = session
                self._is_name_ours = True
                return
            session.close()
        raise StoreBusy(
            f'Another daemon runs under the gateway name "{self._gateway}" on this PostgreSQL: '
            "stop it, or give this one another gateway.name."
        )
