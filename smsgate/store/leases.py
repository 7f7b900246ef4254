"""Claims: how one is taken, and which have run out (design.md section 3, Leases).

On PostgreSQL a claim is a lease by the database's clock, since several hosts share it; and what an
earlier process claimed under a gateway's name is inherited by the one that owns the name now. On SQLite
ownership is the process: claims of another process are those of a dead one, since one daemon has
the store; claims of our own run out by the monotonic clock, for a worker that stumbled between
claiming and settling.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store import backend_state
from smsgate.store.prepared import Lists, Prepared
from smsgate.store.room import Room

_LEASE_S = sa.bindparam("lease_s", type_=sa.Float)
_NOW = sa.func.clock_timestamp()
_NO_ID = 0


@cache
def _run_out(table: Any, *, is_sqlite: bool) -> Prepared:
    """Return the statement that finds one claim which is nobody's any more."""
    is_foreign = table.c.owner != sa.bindparam("the_owner")
    is_ours = _gateway_of(table) == sa.bindparam("the_gateway")

    def find(lists: Lists) -> Any:
        claimed = sa.select(table.c.id).where(table.c.state == "claimed").limit(1)
        if "backend" in table.c:
            claimed = claimed.where(table.c.backend.in_(lists("backends")))
        if is_sqlite:
            return claimed.where(sa.or_(is_foreign, table.c.id.in_(lists("late"))))
        return claimed.where(sa.or_(table.c.lease_until < _NOW, sa.and_(is_ours, is_foreign)))

    return Prepared(find)


def _gateway_of(table: Any) -> Any:
    """Whose process made a claim (`ownership.process_token`)."""
    return sa.func.split_part(table.c.owner, "|", 1)


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
        self._run_out = _run_out(table, is_sqlite=self._is_sqlite)

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

    def end_all(self, claim_ids: Sequence[int]) -> int:
        """Forget claims that were brought home; return how many.

        Only once that is committed: a claim that is forgotten and not brought home would be ours for ever.
        """
        for claim_id in claim_ids:
            self.end(claim_id)
        return len(claim_ids)

    def has_run_out(self) -> Any:
        """Return the condition that a claim is nobody's any more."""
        claimed = self._table.c.state == "claimed"
        is_foreign = self._table.c.owner != self._room.owner
        if self._is_sqlite:
            return sa.and_(claimed, sa.or_(is_foreign, self._table.c.id.in_(self._late())))
        is_left = sa.and_(_gateway_of(self._table) == self._room.gateway, is_foreign)
        return sa.and_(claimed, sa.or_(self._table.c.lease_until < _NOW, is_left))

    def is_any_run_out(self, connection: Connection) -> bool:
        """Whether there is such a claim: asked every round, and hardly ever true."""
        asked: dict[str, Any] = {"the_owner": self._room.owner}
        if "backend" in self._table.c:
            asked["backends"] = backend_state.names_with_forwards(connection)
            if not asked["backends"]:
                return False
        if self._is_sqlite:
            asked["late"] = self._late() or [_NO_ID]
        else:
            asked["the_gateway"] = self._room.gateway
        return bool(self._run_out.rows(connection, asked))

    def _late(self) -> list[int]:
        now = self._room.clock.monotonic()
        with self._lock:
            return [claim_id for claim_id, deadline in self._mine.items() if deadline < now]

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
