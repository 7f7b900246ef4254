"""Alarms: one row for each thing that needs a person, raised as often as it is found, cleared when
it ends.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.errors import SmsgateError
from smsgate.store import audit
from smsgate.store.columns import escape
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.tables import Alarm
from smsgate.store.upserts import insert_into

_alarm: Any = Alarm.__table__  # type: ignore[attr-defined]

_COLUMNS = (
    _alarm.c.gateway,
    _alarm.c.key,
    _alarm.c.text,
    _alarm.c.severity,
    _alarm.c.times,
    _alarm.c.raised_at,
    _alarm.c.last_at,
    _alarm.c.acknowledged_at,
    _alarm.c.acknowledged_by,
)
_CURRENT = Prepared(
    sa.select(*_COLUMNS)
    .where(_alarm.c.cleared_at.is_(None))
    .order_by(_alarm.c.raised_at.desc(), _alarm.c.id.desc())
)


class AlarmRecord(Struct, frozen=True):
    """One alarm that is not over."""

    gateway: str
    key: str
    text: str
    severity: str
    times: int
    raised_at: datetime
    last_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None


class NoSuchAlarm(SmsgateError):
    """No such alarm stands: it may be over, see `smsgate alarms list`."""


class Alarms:
    """The alarms of one gateway."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def raise_(self, key: str, text: str, severity: str) -> bool:
        """Raise an alarm; return whether it is new, or was over."""

        def write(connection: Connection) -> bool:
            now = self._room.now()
            mine = (_alarm.c.gateway == self._room.gateway, _alarm.c.key == key)
            row = connection.execute(
                sa.select(_alarm.c.cleared_at).where(*mine).with_for_update()
            ).one_or_none()
            said = {"text": escape(text), "severity": severity, "last_at": now}
            if row is not None and row.cleared_at is None:
                connection.execute(
                    sa.update(_alarm).where(*mine).values(times=_alarm.c.times + 1, **said)
                )
                return False
            anew = said | {
                "raised_at": now,
                "cleared_at": None,
                "acknowledged_at": None,
                "acknowledged_by": None,
                "times": 1,
            }
            connection.execute(
                insert_into(connection.dialect.name, _alarm)
                .values(gateway=self._room.gateway, key=key, **anew)
                .on_conflict_do_update(index_elements=["gateway", "key"], set_=anew)
            )
            return True

        return self._room.database.run(write)

    def clear(self, key: str) -> bool:
        """End an alarm; return whether there was one."""

        def write(connection: Connection) -> bool:
            result = connection.execute(
                sa.update(_alarm)
                .where(
                    _alarm.c.gateway == self._room.gateway,
                    _alarm.c.key == key,
                    _alarm.c.cleared_at.is_(None),
                )
                .values(cleared_at=self._room.now())
            )
            return bool(result.rowcount)

        return self._room.database.run(write)

    def acknowledge(self, gateway: str, key: str, actor: str) -> AlarmRecord:
        """Note that a person knows of an alarm that stands, and return it; the first who said so stays named."""

        def write(connection: Connection) -> AlarmRecord:
            now = self._room.now()
            mine = (
                _alarm.c.gateway == gateway,
                _alarm.c.key == key,
                _alarm.c.cleared_at.is_(None),
            )
            changed = connection.execute(
                sa.update(_alarm)
                .where(*mine, _alarm.c.acknowledged_at.is_(None))
                .values(acknowledged_at=now, acknowledged_by=actor)
            )
            if changed.rowcount:
                about = {"gateway": gateway}
                line = audit.audit_row(now, actor, "alarm_acknowledged", f"alarm:{key}", about)
                audit.add(connection, line)
            row = connection.execute(sa.select(*_COLUMNS).where(*mine)).one_or_none()
            if row is None:
                raise NoSuchAlarm(
                    f"no alarm {key} stands at gateway {gateway}: see `smsgate alarms list`"
                )
            return AlarmRecord(*row)

        return self._room.database.run(write)

    def current(self) -> list[AlarmRecord]:
        """Return the alarms that are not over, the newest first."""
        with self._room.database.read() as connection:
            return [AlarmRecord(*row) for row in _CURRENT.rows(connection, {})]
