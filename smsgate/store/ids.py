"""Numbers for new rows, known before the rows are written: then a whole batch goes in without asking back.

SQLite has one writer, so the next number is one more than the highest. PostgreSQL draws from the table's sequence.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_HIGHEST: dict[str, Any] = {}
_DRAW = sa.text(
    "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"
)


def reserve(connection: Connection, table: Any, count: int) -> list[int]:
    """Return `count` numbers for rows of `table` that this transaction will write, in ascending order."""
    if connection.dialect.name == "postgresql":
        drawn = connection.execute(_DRAW, {"name": table.name, "count": count}).scalars()
        return sorted(drawn)
    statement = _HIGHEST.get(table.name)
    if statement is None:
        statement = _HIGHEST[table.name] = sa.select(sa.func.max(table.c.id))
    first = (connection.execute(statement).scalar() or 0) + 1
    return list(range(first, first + count))
