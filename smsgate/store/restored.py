"""A store that was put back from a copy: held until a person releases it, since some of what it
would send went out before.

The rules:

- `store_state.mark` grows while a daemon works, and each host keeps the last one it saw in a small
  file. A store whose mark is lower than that is an older copy, whoever put it back and however.
- A copy that `smsgate db backup` made says so itself, on a host without that file, too.
- While `held_at` is set, no forward and no reply is claimed: the claims' own statements see to it,
  so it holds for every process at once. Receiving and filing go on.
- Forwards that were open in the copy are in doubt: where it can be found out whether the backend has
  them, it is, once they go out.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.records import ForwardState, ReplyState, Restoration
from smsgate.store import audit, events
from smsgate.store.gate import STATE
from smsgate.store.prepared import Prepared
from smsgate.store.replies import release_next
from smsgate.store.room import Room
from smsgate.store.tables import ComplaintEvent, Forward, Part, Reply, ReplyPart
from smsgate.store.upserts import insert_into

log = structlog.get_logger(__name__)

_event: Any = ComplaintEvent.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_part: Any = Part.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_reply_part: Any = ReplyPart.__table__  # type: ignore[attr-defined]
_state = STATE

FROM_BACKUP = "it was restored from a backup"
IS_BEHIND = "it is older than what this gateway has seen: a copy was put back"
LEFT = "the store was restored: it may have been sent before"

# Further than the marks of two hosts that share a store can be apart (they grow by one in a round):
# of all that saw more than a restored store knows, the first holds it, and no other again later.
LEAP = 1_000_000

_OPEN_FORWARDS = (ForwardState.DUE, ForwardState.UNKNOWN)
_ROW = sa.select(_state).where(_state.c.id == 1)
_READ = Prepared(_ROW)
_HIGHEST = Prepared(
    sa.select(
        *(
            sa.select(sa.func.max(table.c.id)).scalar_subquery()
            for table in (_part, _event, _reply_part)
        )
    )
)


class _Seen(Struct, frozen=True):
    """The furthest that this host saw a store."""

    token: str
    mark: int


class Restored:
    """Finds out that the store was put back, holds it, and releases it."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._file: Path | None = None
        self._seen: _Seen | None = None
        self._highest: tuple[int | None, ...] = ()

    def begin(self, file: Path) -> None:
        """Compare the store with what this host saw last, and keep it in `file` from now on."""
        self._file = file
        self._seen = _read(file)
        self._advance()

    def watch(self) -> Restoration | None:
        """Note how far the store has come, if it has; return that it is held, or None."""
        with self._room.database.read() as connection:
            row = _read_row(connection)
            is_seen = self._file is None or (
                row is not None
                and _highest(connection) == self._highest
                and not _is_behind(row, self._seen)
            )
            if is_seen:  # in one look: there is one every minute, for years
                return _restoration(connection, row)
        self._advance()
        return self.current()

    def current(self) -> Restoration | None:
        """Return that the store is held, or None."""
        with self._room.database.read() as connection:
            return _restoration(connection, _read_row(connection))

    def release(self, actor: str, *, leave_replies: bool = False) -> bool:
        """Let everything go out again; return whether it was held.

        With `leave_replies` those that were due in the copy are marked `unconfirmed` instead.
        """

        def work(connection: Connection) -> bool:
            row = connection.execute(_ROW.with_for_update()).one_or_none()
            if row is None or row.held_at is None:
                return False
            now = self._room.now()
            left = _leave_replies(connection, row.held_at, now, actor) if leave_replies else 0
            connection.execute(
                sa.update(_state).where(_state.c.id == 1).values(held_at=None, reason=None)
            )
            detail = {"reason": row.reason, "replies_left": left}
            line = audit.audit_row(now, actor, "store.released", self._room.gateway, detail)
            audit.add(connection, line)
            return True

        return self._room.database.run(work)

    def _advance(self) -> None:
        """Raise the mark, hold the store if it is behind, and write down what was seen."""

        def work(connection: Connection) -> tuple[_Seen, tuple[int | None, ...]]:
            row = _own_row(connection)
            mark = row.mark + 1
            if _is_behind(row, self._seen):
                assert self._seen is not None
                mark = self._seen.mark + LEAP
                if row.held_at is None:
                    hold(connection, self._room.now(), IS_BEHIND)
            connection.execute(sa.update(_state).where(_state.c.id == 1).values(mark=mark))
            return _Seen(row.token, mark), _highest(connection)

        seen, highest = self._room.database.run(work)
        assert self._file is not None
        try:
            _write(self._file, seen)
        except OSError as error:
            # It costs the one night in which a copy is put back, not the SMS that come today.
            log.warning("store_mark_not_written", file=str(self._file), reason=error.strerror)
        self._seen, self._highest = seen, highest


def hold(connection: Connection, now: datetime, reason: str) -> None:
    """Keep everything from going out until it is released, and put the open forwards in doubt."""
    _own_row(connection)
    connection.execute(sa.update(_state).where(_state.c.id == 1).values(held_at=now, reason=reason))
    doubted = connection.execute(
        sa.update(_forward)
        .where(_forward.c.state == ForwardState.DUE)
        .values(was_unknown=True, lookup_count=0, reason=LEFT)
        .returning(_forward.c.complaint_id, _forward.c.backend, _forward.c.kind)
    ).all()
    events.INSERT.write(
        connection,
        [
            events.event_row(
                row.complaint_id, now, "restore", "in_doubt", {"to": row.backend, "kind": row.kind}
            )
            for row in doubted
        ],
    )


def _leave_replies(connection: Connection, until: datetime, now: datetime, actor: str) -> int:
    """Mark the replies that the copy would have sent as perhaps sent; return how many."""
    left = connection.execute(
        sa.update(_reply)
        .where(_reply.c.state == ReplyState.DUE, _reply.c.created_at <= until)
        .values(state=ReplyState.UNCONFIRMED, reason=LEFT, next_at=None, settled_at=now)
        .returning(_reply.c.complaint_id, _reply.c.kind)
    ).all()
    for row in left:
        if row.complaint_id is not None:
            detail = {"kind": str(row.kind)}
            line = events.event_row(row.complaint_id, now, actor, "reply_unconfirmed", detail)
            events.add(connection, line)
            release_next(connection, row.complaint_id, now)
    return len(left)


def _restoration(connection: Connection, row: Any | None) -> Restoration | None:
    if row is None or row.held_at is None:
        return None
    return Restoration(
        held_at=row.held_at,
        reason=row.reason,
        forwards=connection.execute(_count(_forward, _OPEN_FORWARDS)).scalar_one(),
        replies=connection.execute(_count(_reply, (ReplyState.DUE,))).scalar_one(),
    )


def _read_row(connection: Connection) -> Any | None:
    return next(iter(_READ.rows(connection, {})), None)


def _highest(connection: Connection) -> tuple[int | None, ...]:
    """How far the store has come: the last number of each table that only grows."""
    return tuple(_HIGHEST.rows(connection, {})[0])


def _own_row(connection: Connection) -> Any:
    """Return the store's row, for us alone; a store that has none gets one."""
    connection.execute(
        insert_into(connection.dialect.name, _state)
        .values(id=1, token=uuid.uuid4().hex, mark=0)
        .on_conflict_do_nothing(index_elements=["id"])
    )
    return connection.execute(_ROW.with_for_update()).one()


def _is_behind(row: Any, seen: _Seen | None) -> bool:
    return seen is not None and row.token == seen.token and row.mark < seen.mark


def _count(table: Any, state: Any) -> Any:
    return sa.select(sa.func.count()).select_from(table).where(table.c.state.in_(state))


def _read(file: Path) -> _Seen | None:
    """Return what this host saw last; None where it saw nothing, or the file is no such file."""
    try:
        said = json.loads(file.read_text(encoding="ascii"))
        return _Seen(str(said["store"]), int(said["mark"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("store_mark_not_read", file=str(file), reason=type(error).__name__)
        return None


def _write(file: Path, seen: _Seen) -> None:
    """Replace the file whole: a power cut leaves the old one or the new one."""
    new = file.with_name(file.name + ".new")
    with new.open("w", encoding="ascii") as stream:
        json.dump({"store": seen.token, "mark": seen.mark}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
