"""Numbers for new rows, known before the rows are written: then a whole batch goes in without asking back.

SQLite has one writer, so the next number is one more than the highest. PostgreSQL draws from the table's sequence.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.prepared import Prepared

_HIGHEST: dict[str, Prepared] = {}
_DRAW = Prepared(
    sa.text(
        "SELECT nextval(pg_get_serial_sequence(:name, 'id')) AS id FROM generate_series(1, :count)"
    ).columns(id=sa.BigInteger)
)


def reserve(connection: Connection, table: Any, count: int) -> list[int]:
    """Return `count` numbers for rows of `table` that this transaction will write, ascending."""
    if connection.dialect.name == "postgresql":
        drawn = _DRAW.rows(connection, {"name": table.name, "count": count})
        return sorted(row.id for row in drawn)
    highest = _HIGHEST.get(table.name)
    if highest is None:
        highest = _HIGHEST[table.name] = Prepared(sa.select(sa.func.max(table.c.id)))
    first = (highest.rows(connection, {})[0][0] or 0) + 1
    return list(range(first, first + count))
