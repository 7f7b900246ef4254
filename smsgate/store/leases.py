"""Claims: how one is taken, and which have run out (design.md section 3, Leases).

On PostgreSQL a claim is a lease by the database's clock, since several hosts share it. On SQLite
ownership is the process: claims of another process are those of a dead one, since one daemon has
the store; claims of our own run out by the monotonic clock, for a worker that stumbled between
claiming and settling.
"""

from __future__ import annotations

import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.prepared import Prepared
from smsgate.store.room import Room

_LEASE_S = sa.bindparam("lease_s", type_=sa.Float)
_NOW = sa.func.clock_timestamp()


class Leases:
    """The claims on one table (`forward` or `reply`)."""

    def __init__(self, room: Room, table: Any, *returned: Any) -> None:
        self._room = room
        self._table = table
        self._is_sqlite = room.database.is_sqlite
        self._mine: dict[int, float] = {}
        self._lock = threading.Lock()
        self._returned = returned
        self._claim: Prepared | None = None

    def take(
        self, connection: Connection, candidate: Any, asked: dict[str, Any], *, lease_s: float
    ) -> Any | None:
        """Claim the row that `candidate` selects (at most one) and return what was asked for of it;
        None without one.

        `candidate` is a select of ids, always the same one: its statement is made once.
        """
        database = self._room.database
        if database.reserve_mib and not database.has_disk_reserve(database.reserve_mib):
            return None
        if self._claim is None:
            self._claim = Prepared(self._claim_of(candidate))
        asked = {**asked, "the_owner": self._room.owner}
        if not self._is_sqlite:
            asked["lease_s"] = lease_s
        row = next(iter(self._claim.rows(connection, asked)), None)
        if row is not None:
            with self._lock:
                self._mine[row.id] = self._room.clock.monotonic() + lease_s
        return row

    def end(self, claim_id: int) -> None:
        """Forget a claim of ours: it was settled."""
        with self._lock:
            self._mine.pop(claim_id, None)

    def has_run_out(self) -> Any:
        """Return the condition that a claim is nobody's any more."""
        claimed = self._table.c.state == "claimed"
        if not self._is_sqlite:
            return sa.and_(claimed, self._table.c.lease_until < _NOW)
        now = self._room.clock.monotonic()
        with self._lock:
            late = [claim_id for claim_id, deadline in self._mine.items() if deadline < now]
        return sa.and_(
            claimed,
            sa.or_(self._table.c.owner != self._room.owner, self._table.c.id.in_(late)),
        )

    def _claim_of(self, candidate: Any) -> Any:
        table = self._table
        if self._is_sqlite:
            is_candidate = table.c.id.in_(candidate)
            lease_until: Any = None
        else:
            # As an array the candidate is found once; as `IN (SELECT … LIMIT …)` some plans take
            # more rows than the limit.
            locked = candidate.with_for_update(skip_locked=True, of=table)
            is_candidate = table.c.id == sa.any_(sa.func.array(locked.scalar_subquery()))
            lease_until = _NOW + _LEASE_S * sa.literal_column("interval '1 second'")
        return (
            sa.update(table)
            .where(is_candidate)
            .values(
                state="claimed",
                next_at=None,
                owner=sa.bindparam("the_owner"),
                lease_until=lease_until,
                fence=table.c.fence + 1,
                attempts=table.c.attempts + 1,
            )
            .returning(table.c.id, *self._returned)
        )
