"""Numbers for new rows, known before the rows are written: then a whole batch goes in without asking back.

SQLite has one writer, so the next number is one more than the highest; they are looked up together. PostgreSQL draws
from each table's sequence.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.prepared import Prepared

_DRAW = Prepared(
    sa.text(
        "SELECT nextval(pg_get_serial_sequence(:name, 'id')) AS id FROM generate_series(1, :count)"
    ).columns(id=sa.BigInteger)
)


class Numbering:
    """How the numbers of some tables are given out; for all transactions."""

    def __init__(self, *tables: Any) -> None:
        self._names = [table.name for table in tables]
        self._highest = Prepared(
            sa.select(*(sa.select(sa.func.max(t.c.id)).scalar_subquery() for t in tables))
        )

    def begin(self, connection: Connection) -> Numbers:
        """Return the numbers of one transaction."""
        if connection.dialect.name == "postgresql":
            return Numbers(connection, {})
        found = self._highest.rows(connection, {})[0]
        return Numbers(connection, {n: top or 0 for n, top in zip(self._names, found, strict=True)})


class Numbers:
    """The numbers for rows that one transaction will write."""

    def __init__(self, connection: Connection, highest: dict[str, int]) -> None:
        self._connection = connection
        self._highest = highest

    def reserve(self, table: Any, count: int) -> list[int]:
        """Return `count` numbers, ascending."""
        if not self._highest:
            drawn = _DRAW.rows(self._connection, {"name": table.name, "count": count})
            return sorted(row.id for row in drawn)
        first = self._highest[table.name] + 1
        self._highest[table.name] += count
        return list(range(first, first + count))
