"""Engines for a process of one thread: one connection each, kept instead of lent out by a pool for each transaction.

A history has two hundred transactions; lending a connection costs more than what SQLite does in most of them. All
else is SQLAlchemy's: how a transaction begins, ends and is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection, Engine


class KeptEngine:
    """An engine's face. While its connection is in use, another is lent by the engine behind it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Connection | None = None
        self._is_lent = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction."""
        with self._lent() as connection, connection.begin():
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One look: whatever it began is rolled back."""
        with self._lent() as connection:
            yield connection
            connection.rollback()

    def raw_connection(self) -> Any:
        """Lend the driver's own connection."""
        self._give_back()
        return self._engine.raw_connection()

    def dispose(self) -> None:
        """Close every connection."""
        self._give_back()
        self._engine.dispose()

    def _give_back(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        if self._is_lent:
            with self._engine.connect() as connection:
                yield connection
            return
        if self._kept is None:
            self._kept = self._engine.connect()
        self._is_lent = True
        try:
            yield self._kept
        except BaseException:
            self._give_back()  # what a failed commit left open is rolled back as the pool does it
            raise
        finally:
            self._is_lent = False
