"""How lines are doing, written down by themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from smsgate.records import LineRecord
from smsgate.store.columns import escape
from smsgate.store.room import Room
from smsgate.store.tables import Line

_line: Any = Line.__table__  # type: ignore[attr-defined]


def save_line(room: Room, line: LineRecord) -> None:
    """Write how a line is doing over what it said before. The gateway's name is the store's own."""
    values = {
        name: escape(value) if isinstance(value, str) else value
        for name, value in asdict(line).items()
    }
    values |= {"gateway": room.gateway, "updated_at": line.updated_at or room.now()}
    changed = {name: value for name, value in values.items() if name not in ("gateway", "name")}

    def write(connection: Connection) -> None:
        is_sqlite = connection.dialect.name == "sqlite"
        insert: Any = sqlite.insert if is_sqlite else postgresql.insert
        connection.execute(
            insert(_line)
            .values(**values)
            .on_conflict_do_update(index_elements=["gateway", "name"], set_=changed)
        )

    room.database.run(write)
