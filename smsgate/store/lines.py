"""How lines are doing, written down by themselves."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy.engine import Connection

from smsgate.records import LineRecord
from smsgate.store.columns import escape
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.tables import Line
from smsgate.store.upserts import insert_into

_line: Any = Line.__table__  # type: ignore[attr-defined]


@cache  # a line in trouble writes often
def _saving(dialect: str) -> Prepared:
    """Return the statement that writes a line's row, or over it."""
    statement = insert_into(dialect, _line)
    key = ("gateway", "name")
    changed = {c.name: statement.excluded[c.name] for c in _line.c if c.name not in key}
    return Prepared(statement.on_conflict_do_update(index_elements=key, set_=changed))


def save_line(room: Room, line: LineRecord) -> None:
    """Write how a line is doing over what it said before. The gateway's name is the store's own."""
    values = {
        name: escape(value) if isinstance(value, str) else value
        for name, value in asdict(line).items()
    }
    values |= {"gateway": room.gateway, "updated_at": line.updated_at or room.now()}

    def write(connection: Connection) -> None:
        _saving(connection.dialect.name).write(connection, [values])

    room.database.run(write)
