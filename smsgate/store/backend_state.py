"""Whether a backend may be asked: what the outcomes said of it, and what a person said. Columns, so
that it outlives restarts.

What a person holds (`held` without `retry_at`) only a person releases: the outcome of a request that was
under way at that moment does not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.prepared import Prepared
from smsgate.store.tables import BackendState, Forward
from smsgate.store.upserts import insert_into

OK, FAILING, HELD = "ok", "failing", "held"

_backend: Any = BackendState.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]

_WORKS = Prepared(
    sa.update(_backend)
    .where(
        _backend.c.name == sa.bindparam("backend"),
        sa.or_(_backend.c.state != HELD, _backend.c.retry_at.is_not(None)),
    )
    .values(
        state=OK,
        reason=None,
        failures=0,
        retry_at=None,
        last_forwarded_at=sa.bindparam("now"),
        updated_at=sa.bindparam("now"),
    )
)

_NEXT_NAME = Prepared(
    sa.select(sa.func.min(_forward.c.backend).label("name")).where(
        _forward.c.backend > sa.bindparam("after")
    )
)


def names_with_forwards(connection: Connection) -> list[str]:
    """Return the backends that forwards are or were for, also those that nobody configures any more.

    From name to name along an index: their forwards are found by backend and state then, however
    many are settled.
    """
    names: list[str] = []
    after = ""
    while (name := _NEXT_NAME.rows(connection, {"after": after})[0].name) is not None:
        names.append(name)
        after = name
    return names


def note_success(connection: Connection, name: str, now: datetime) -> None:
    """The backend took something: all is well with it."""
    if not _WORKS.change(connection, {"backend": name, "now": now}):
        state = HELD if _is_held_by_person(_row(connection, name)) else OK
        _write(connection, name, now, state=state, last_forwarded_at=now)


def note_failure(
    connection: Connection, name: str, now: datetime, *, reason: str, retry_at: datetime
) -> None:
    """It could not take something now. A backend that is held stays so."""
    row = _row(connection, name)
    if row is None or row.state != HELD:
        failures = (row.failures if row is not None else 0) + 1
        _write(
            connection,
            name,
            now,
            state=FAILING,
            reason=reason,
            retry_at=retry_at,
            failures=failures,
        )


def hold(
    connection: Connection, name: str, now: datetime, *, reason: str, retry_at: datetime | None
) -> bool:
    """Keep everything for this backend waiting until `retry_at`, or until a person releases it;
    return whether that is new.
    """
    row = _row(connection, name)
    if retry_at is None or not _is_held_by_person(row):
        _write(connection, name, now, state=HELD, reason=reason, retry_at=retry_at)
    return row is None or row.state != HELD


def release(connection: Connection, name: str, now: datetime) -> None:
    """Let it be asked again."""
    _write(connection, name, now, state=OK, reason=None, retry_at=None, failures=0)


def _row(connection: Connection, name: str) -> Any:
    columns = (_backend.c.state, _backend.c.failures, _backend.c.retry_at)
    query = sa.select(*columns).where(_backend.c.name == name)
    return connection.execute(query.with_for_update()).one_or_none()


def _is_held_by_person(row: Any) -> bool:
    return row is not None and row.state == HELD and row.retry_at is None


def _write(connection: Connection, name: str, now: datetime, **values: Any) -> None:
    values["updated_at"] = now
    connection.execute(
        insert_into(connection.dialect.name, _backend)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
