"""Engines for a process of one thread: one connection each, kept instead of lent out by a pool for each transaction.

A history has two hundred transactions; lending a connection costs more than what SQLite does in most of them. All
else is SQLAlchemy's: how a transaction begins, ends and is rolled back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection, Engine


class KeptEngine:
    """An engine's face. While its connection is in use, another is lent by the engine behind it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Connection | None = None
        self._lent: Connection | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def begin(self) -> _Lent:
        """One transaction."""
        return _Lent(self, is_transaction=True)

    def connect(self) -> _Lent:
        """One look: whatever it began is rolled back."""
        return _Lent(self, is_transaction=False)

    def raw_connection(self) -> Any:
        """Lend the driver's own connection."""
        self._give_back()
        return self._engine.raw_connection()

    def dispose(self) -> None:
        """Close every connection."""
        self._give_back()
        self._engine.dispose()

    def lend(self) -> Connection:
        """Return a connection for one use."""
        if self._lent is not None:
            return self._engine.connect()
        if self._kept is None:
            self._kept = self._engine.connect()
        self._lent = self._kept
        return self._kept

    def take_back(self, connection: Connection, *, is_sound: bool) -> None:
        """End a use: what a failed commit left open is rolled back as the pool does it."""
        if connection is not self._lent:
            connection.close()
            return
        self._lent = None
        if not is_sound:
            self._give_back()

    def _give_back(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


class _Lent:
    """One use of a connection. A class, since three generators one in another take longer than what they guard."""

    __slots__ = ("_connection", "_engine", "_transaction")

    def __init__(self, engine: KeptEngine, *, is_transaction: bool) -> None:
        self._engine = engine
        self._connection = engine.lend()
        self._transaction: Any = None
        if is_transaction:
            try:
                self._transaction = self._connection.begin()
            except BaseException:
                engine.take_back(self._connection, is_sound=False)
                raise

    def __enter__(self) -> Connection:
        if self._transaction is not None:
            self._transaction.__enter__()
        return self._connection

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        is_sound = False
        try:
            if self._transaction is not None:
                self._transaction.__exit__(kind, error, trace)
            elif kind is None:
                self._connection.rollback()
            is_sound = kind is None
        finally:
            self._engine.take_back(self._connection, is_sound=is_sound)
