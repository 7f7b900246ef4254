"""How lines are doing, written down by themselves; and how much they received."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy.engine import Connection

from smsgate.records import LineRecord
from smsgate.store.columns import escape
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.tables import Line, Sms
from smsgate.store.upserts import insert_into

_line: Any = Line.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]


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


def received_by_hour(room: Room, since: datetime) -> dict[str, dict[int, int]]:
    """Return of each line of this gateway how many SMS it received in each hour since then.

    Hours are numbered since 1970; one without any SMS is left out.
    """
    hour = sa.cast(sa.extract("epoch", _sms.c.received_at), sa.BigInteger) // 3600
    counts: dict[str, dict[int, int]] = {}
    with room.database.read() as connection:
        query = (
            sa.select(_sms.c.line, hour.label("hour"), sa.func.count().label("sms"))
            .where(
                _sms.c.gateway == room.gateway,
                _sms.c.id > _last_before(connection, since),
                _sms.c.received_at >= since,
            )
            .group_by(_sms.c.line, hour)
        )
        for row in connection.execute(query):
            counts.setdefault(row.line, {})[int(row.hour)] = row.sms
    return counts


def _last_before(connection: Connection, since: datetime) -> int:
    """Return the number of a row that came before then, near the last of them, in a few looks at the primary key.

    Rows are numbered as they come, but for a clock that was put right. An index of moments would cost each SMS.
    """
    low, high = 0, int(connection.execute(sa.select(sa.func.max(_sms.c.id))).scalar() or 0)
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute(
            sa.select(_sms.c.id, _sms.c.received_at)
            .where(_sms.c.id <= middle)
            .order_by(_sms.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is None or row.received_at < since:
            low = middle
        else:
            high = row.id - 1
    return low
