"""What a person sees of the forwards, and does to them: look, send again, hold, let go, enter by hand.

The rules:

- One change is one transaction over all the forwards that were named: all of it happens, or nothing.
- Nothing that may be at the backend is sent again unless the person says that they looked there.
- Who did what is in the complaint's history and in the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.errors import SmsgateError
from smsgate.records import ForwardState
from smsgate.store import audit, backend_state, events
from smsgate.store.columns import escape
from smsgate.store.forwards import release_next, tell_registered
from smsgate.store.room import Room
from smsgate.store.tables import Complaint, Forward

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]

FOR_A_PERSON = (ForwardState.UNCONFIRMED, ForwardState.REFUSED, ForwardState.HELD_BY_PERSON)
OPEN = (*FOR_A_PERSON, ForwardState.DUE, ForwardState.CLAIMED, ForwardState.UNKNOWN)
_WHY_NOT = {
    ForwardState.FORWARDED: "the backend has it",
    ForwardState.BY_HAND: "somebody entered it by hand",
    ForwardState.CLAIMED: "it is on its way at this moment; look again in a minute",
    ForwardState.UNKNOWN: "whether the backend has it is being found out, by itself",
    ForwardState.UNCONFIRMED: "whether the backend has it is not known",
    ForwardState.REFUSED: "the backend refused it",
    ForwardState.HELD_BY_PERSON: "somebody holds it",
    ForwardState.DUE: "it goes out by itself",
}
_AGAIN: Mapping[str, Any] = {"state": ForwardState.DUE, "reason": None, "settled_at": None}


class WrongForward(SmsgateError):
    """There is no such forward, or it is not in a state for what was asked: see `smsgate forwards list`."""


class ListedForward(Struct, frozen=True):
    """One forward, as `forwards list` prints it: no number, and no text of a citizen."""

    id: int
    reference: str
    service: str
    backend: str
    kind: str
    state: ForwardState
    attempts: int
    reason: str | None
    tracking_id: str | None
    created_at: datetime
    next_at: datetime | None
    settled_at: datetime | None


def list_forwards(
    room: Room,
    *,
    states: Sequence[ForwardState],
    backend: str | None,
    reference: str | None,
    limit: int,
) -> list[ListedForward]:
    """Return forwards in these states: first those that wait for a person, then the oldest."""
    waits_for_machine = sa.case((_forward.c.state.in_(FOR_A_PERSON), 0), else_=1)
    query = (
        sa.select(
            _forward.c.id,
            _complaint.c.reference,
            _complaint.c.service,
            *(_forward.c[name] for name in ("backend", "kind", "state", "attempts", "reason")),
            *(_forward.c[name] for name in ("tracking_id", "created_at", "next_at", "settled_at")),
        )
        .join_from(_forward, _complaint, _complaint.c.id == _forward.c.complaint_id)
        .where(_forward.c.state.in_(states))
        .order_by(waits_for_machine, _forward.c.id)
        .limit(limit)
    )
    if backend is not None:
        query = query.where(_forward.c.backend == backend)
    if reference is not None:
        query = query.where(_complaint.c.reference == reference)
    with room.database.read() as connection:
        return [
            ListedForward(**{**row._mapping, "state": ForwardState(row.state)})
            for row in connection.execute(query)
        ]


class ForwardCare:
    """One person at the outbox of forwards."""

    def __init__(self, room: Room, *, actor: str) -> None:
        self._room = room
        self._actor = actor

    def retry(self, ids: Sequence[int], *, is_missing: bool = False) -> None:
        """Send them now: what was refused, or is due later. With `is_missing` also what is unconfirmed:
        the person looked at the backend, and it is not there.
        """

        def send(connection: Connection, row: Any) -> None:
            if row.state == ForwardState.UNCONFIRMED and not is_missing:
                raise WrongForward(
                    f"whether {row.backend} has forward {row.id} is not known: look there for "
                    f"{row.reference}; if it is missing, `smsgate forwards retry --missing {row.id}`, "
                    f"if it is there, `smsgate forwards by-hand {row.id}`"
                )
            again = (ForwardState.REFUSED, ForwardState.UNCONFIRMED)
            values = dict(_AGAIN) if row.state in again else {}
            if row.state == ForwardState.UNCONFIRMED:
                values |= {"was_unknown": False, "lookup_count": 0}
            elif row.state not in (*again, ForwardState.DUE):
                _refuse(row, "be sent again")
            self._set_due(connection, row, values)

        self._each(ids, "retried", send)

    def hold(self, ids: Sequence[int]) -> None:
        """Keep them from going out until `release`; what comes after them for the same complaint waits too."""

        def hold(connection: Connection, row: Any) -> None:
            if row.state != ForwardState.DUE:
                _refuse(row, "be held")
            reason = f"held by {self._actor.removeprefix('person:')}"
            values = {"state": ForwardState.HELD_BY_PERSON, "next_at": None, "reason": reason}
            _change(connection, row, values)

        self._each(ids, "held_by_person", hold)

    def release(self, ids: Sequence[int]) -> None:
        """Let what was held go out."""

        def release(connection: Connection, row: Any) -> None:
            if row.state != ForwardState.HELD_BY_PERSON:
                _refuse(row, "be released")
            self._set_due(connection, row, dict(_AGAIN))

        self._each(ids, "released", release)

    def enter_by_hand(self, forward_id: int, tracking_id: str | None = None) -> None:
        """Record that the backend has it, for a person entered it there or found it there.

        With the backend's id it counts as forwarded: additions follow, and answers are asked for.
        """

        def enter(connection: Connection, row: Any) -> None:
            if row.state in (ForwardState.FORWARDED, ForwardState.BY_HAND, ForwardState.CLAIMED):
                _refuse(row, "be entered by hand")
            is_known = tracking_id is not None and row.kind == "create"
            state = ForwardState.FORWARDED if is_known else ForwardState.BY_HAND
            now = self._room.now()
            values: dict[str, Any] = {
                "state": state,
                "next_at": None,
                "reason": None,
                "settled_at": now,
            }
            if tracking_id is not None:
                values["tracking_id"] = escape(tracking_id)
            _change(connection, row, values)
            if tracking_id is not None and is_known:
                told = {"tracking_id": escape(tracking_id)}
                self._write_event(connection, row, "forwarded", told)
                tell_registered(connection, self._room, row.complaint_id, row.service, tracking_id)
            release_next(connection, row.complaint_id, row.backend, now)

        self._each([forward_id], "by_hand", enter)

    def hold_backend(self, name: str, reason: str | None = None) -> None:
        """Keep everything for this backend waiting until `release_backend`."""
        who = self._actor.removeprefix("person:")
        said = f"held by {who}" if reason is None else f"held by {who}: {reason}"

        def hold(connection: Connection) -> None:
            now = self._room.now()
            backend_state.hold(connection, name, now, reason=escape(said), retry_at=None)
            self._audit(connection, "backend_held", f"backend:{name}", {})

        self._room.database.run(hold)

    def release_backend(self, name: str) -> int:
        """Let a backend be asked again, now, for all that is due to it; return how many forwards are."""

        def release(connection: Connection) -> int:
            now = self._room.now()
            backend_state.release(connection, name, now)
            mine = (_forward.c.backend == name, _forward.c.state == ForwardState.DUE)
            postponed = sa.update(_forward).where(*mine, _forward.c.next_at > now)
            connection.execute(postponed.values(next_at=now))
            self._audit(connection, "backend_released", f"backend:{name}", {})
            due = sa.select(sa.func.count()).where(*mine, _forward.c.next_at.is_not(None))
            return int(connection.execute(due).scalar_one())

        return self._room.database.run(release)

    # --- in the transaction -----------------------------------------------------------------------

    def _each(
        self, ids: Sequence[int], event: str, work: Callable[[Connection, Any], None]
    ) -> None:
        def run(connection: Connection) -> None:
            for row in _rows(connection, ids):
                work(connection, row)
                self._write_event(connection, row, event, {})
                self._audit(connection, f"forward_{event}", f"forward:{row.id}", {})

        self._room.database.run(run)

    def _set_due(self, connection: Connection, row: Any, values: dict[str, Any]) -> None:
        """Make it due now; or behind what must go before it."""
        _change(connection, row, values | {"next_at": None})
        release_next(connection, row.complaint_id, row.backend, self._room.now())
        is_going = sa.select(_forward.c.next_at).where(_forward.c.id == row.id)
        if row.state == ForwardState.DUE and connection.execute(is_going).scalar() is None:
            raise WrongForward(
                f"forward {row.id} waits for an earlier one of complaint {row.reference}: see "
                f"`smsgate forwards list --reference {row.reference}`"
            )

    def _write_event(
        self, connection: Connection, row: Any, event: str, detail: Mapping[str, Any]
    ) -> None:
        told = {"backend": row.backend, "kind": row.kind, **detail}
        now = self._room.now()
        events.add(connection, events.event_row(row.complaint_id, now, self._actor, event, told))

    def _audit(
        self, connection: Connection, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        line = audit.audit_row(self._room.now(), self._actor, action, subject, detail)
        audit.add(connection, line)


def _rows(connection: Connection, ids: Sequence[int]) -> list[Any]:
    """Return these forwards, held for this transaction; raise WrongForward where one is not there."""
    query = (
        sa.select(_forward, _complaint.c.reference, _complaint.c.service)
        .join_from(_forward, _complaint, _complaint.c.id == _forward.c.complaint_id)
        .where(_forward.c.id.in_(ids))
        .order_by(_forward.c.id)
        .with_for_update(of=_forward)
    )
    rows = list(connection.execute(query))
    missing = sorted(set(ids) - {row.id for row in rows})
    if missing:
        raise WrongForward(f"no forward has the number {missing[0]}: see `smsgate forwards list`")
    return rows


def _change(connection: Connection, row: Any, values: Mapping[str, Any]) -> None:
    connection.execute(sa.update(_forward).where(_forward.c.id == row.id).values(**values))


def _refuse(row: Any, what: str) -> NoReturn:
    state = ForwardState(row.state)
    raise WrongForward(
        f"forward {row.id} (complaint {row.reference} to {row.backend}) cannot {what}: it is {state}, "
        f"{_WHY_NOT[state]}"
    )
