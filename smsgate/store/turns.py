"""Whose turn it is among the forwards of one complaint at one backend: they arrive in order.

The complaint itself keeps additions waiting until the backend has it; an addition, until it is settled
in whatever way. At most two rows are read for it, however often a citizen adds something.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.prepared import Prepared
from smsgate.store.tables import OPEN_ADDITION, Forward

_forward: Any = Forward.__table__  # type: ignore[attr-defined]

_MINE = (
    _forward.c.complaint_id == sa.bindparam("complaint"),
    _forward.c.backend == sa.bindparam("the_backend"),
)
# PostgreSQL: locked, so that whoever settles one now sees our addition, or we see the settled state.
_COMPLAINT_ITSELF = Prepared(
    sa.select(_forward.c.id, _forward.c.state, _forward.c.next_at)
    .where(*_MINE, sa.literal_column("forward.kind = 'create' AND forward.state <> 'forwarded'"))
    .with_for_update()
)
_FIRST_ADDITION = Prepared(
    sa.select(_forward.c.id, _forward.c.state, _forward.c.next_at)
    # As the partial index says it, else SQLite does not use it.
    .where(*_MINE, sa.literal_column(OPEN_ADDITION))
    .order_by(_forward.c.id)
    .limit(1)
    .with_for_update()
)


def first_in_the_way(connection: Connection, complaint_id: int, backend: str) -> Any | None:
    """Return the forward that keeps later ones of its complaint and backend waiting; None when none does."""
    asked = {"complaint": complaint_id, "the_backend": backend}
    found = _COMPLAINT_ITSELF.rows(connection, asked) + _FIRST_ADDITION.rows(connection, asked)
    return min(found, key=lambda row: row.id, default=None)
