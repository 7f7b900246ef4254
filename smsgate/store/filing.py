"""Writes what a batch became: SMS, parts, complaints, due forwards, due replies and events, in as
few statements as there are tables. The order of the statements is the same for every batch, and
rows go in sorted by key, so that two batches wait for each other instead of deadlocking.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.engine import Connection

from smsgate.records import ForwardState, ReplyState
from smsgate.store.columns import escape
from smsgate.store.events import INSERT as INSERT_EVENTS
from smsgate.store.events import event_row
from smsgate.store.ids import Numbering
from smsgate.store.knowledge import REOPENED_STATUS
from smsgate.store.prepared import Prepared
from smsgate.store.rows import (
    ADD,
    CREATE,
    Place,
    Unit,
    complaint_row,
    event_detail,
    event_name,
    part_row,
    reply_row,
    sms_row,
    suppression_row,
)
from smsgate.store.sameness import Arrival
from smsgate.store.tables import Complaint, Forward, Part, Reply, Sms
from smsgate.store.turns import first_in_the_way

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_part: Any = Part.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

_INSERT_COMPLAINTS = Prepared(sa.insert(_complaint).inline())
_INSERT_SMS = Prepared(sa.insert(_sms).inline())
_INSERT_PARTS = Prepared(sa.insert(_part).inline())
_INSERT_FORWARDS = Prepared(sa.insert(_forward).inline())
_INSERT_REPLIES = Prepared(sa.insert(_reply).inline())
_REPEATED = Prepared(
    sa.update(_complaint)
    .where(_complaint.c.id == sa.bindparam("complaint"))
    .values(repeats=_complaint.c.repeats + 1)
)
_ANSWERED = Prepared(
    sa.update(_complaint).where(_complaint.c.id == sa.bindparam("complaint")).values(asked_at=None)
)
_REOPENED = Prepared(
    sa.update(_complaint)
    .where(_complaint.c.id == sa.bindparam("complaint"))
    .values(closed_at=None, status=REOPENED_STATUS, due_at=sa.bindparam("due"))
)
_CHANGE_SMS = Prepared(sa.update(_sms).where(_sms.c.id == sa.bindparam("row_id")))
# What a part that came later does not change; and what stands once an SMS was found to be about a
# complaint.
_ORIGIN = frozenset({"gateway", "line", "service", "received_at", "sent_at", "sent_offset_min"})
_READING = frozenset({"gateway", "line", "service", "received_at"})
_OUTCOME = frozenset({"state", "disposition", "reason", "complaint_id", "optout", "filed_at"})
_TOLD = Prepared(
    # The state is not looked at: without it SQLite takes the index that has all additions, too.
    sa.select(_forward.c.backend, _forward.c.state)
    .where(
        _forward.c.complaint_id == sa.bindparam("complaint"),
        # As the partial index says it, else SQLite does not use it.
        sa.literal_column("forward.kind = 'create'"),
    )
    .order_by(_forward.c.id)
)
_ADDED = Prepared(
    sa.select(sa.func.count().label("times")).where(
        _forward.c.complaint_id == sa.bindparam("complaint"),
        _forward.c.backend == sa.bindparam("the_backend"),
        _forward.c.kind == ADD,
        _forward.c.sms_id == sa.bindparam("sms"),
    )
)
_OPEN_REPLIES_OF = Prepared(
    lambda lists: (
        sa.select(_reply.c.complaint_id)
        .where(
            _reply.c.complaint_id.in_(lists("complaints")),
            sa.or_(_reply.c.state == ReplyState.DUE, _reply.c.state == ReplyState.CLAIMED),
        )
        .order_by(_reply.c.id)
        .with_for_update()
    )
)


_NUMBERING = Numbering(_complaint, _sms, _part)


class Written(Struct):
    """What was written, for the caller to know what to wake."""

    part_ids: list[tuple[Arrival, int]] = field(default_factory=list)
    due_backends: set[str] = field(default_factory=set)
    has_due_replies: bool = False
    filed: int = 0


class Filing:
    """Writes the units of one batch."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection = connection
        self._place = place
        self._numbers = _NUMBERING.begin(connection)
        self._complaints: list[int] = []
        self._later_events: list[dict[str, Any]] = []
        self._written = Written()

    def write(self, units: Sequence[Unit]) -> Written:
        """Write everything; return what there is to do now."""
        self._write_complaints([unit for unit in units if unit.files_complaint])
        self._write_sms(units)
        self._write_parts(units)
        decided = [unit for unit in units if unit.decision is not None]
        self._written.filed = len(decided)
        self._write_forwards(decided)
        self._write_replies(decided)
        self._change_complaints(decided)
        self._write_events(decided)
        return self._written

    def _resolved(self, complaint: int | None) -> int | None:
        if complaint is None or complaint > 0:
            return complaint
        return self._complaints[-complaint - 1]

    def _write_complaints(self, units: Sequence[Unit]) -> None:
        if units:
            self._complaints = self._numbers.reserve(_complaint, len(units))
            rows = [
                complaint_row(unit, self._place) | {"id": complaint_id}
                for unit, complaint_id in zip(units, self._complaints, strict=True)
            ]
            _INSERT_COMPLAINTS.write(self._connection, rows)

    def _write_sms(self, units: Iterable[Unit]) -> None:
        new: list[Unit] = []
        stored: list[Unit] = []
        for unit in units:
            if unit.group is not None and unit.group.sms_id is not None:
                unit.sms_id = unit.group.sms_id
                stored.append(unit)
            elif unit.is_redecoded:
                stored.append(unit)
            else:
                new.append(unit)
        if new:
            for unit, sms_id in zip(new, self._numbers.reserve(_sms, len(new)), strict=True):
                unit.sms_id = sms_id
            rows = [
                sms_row(u, self._place, self._resolved(u.complaint)) | {"id": u.sms_id} for u in new
            ]
            _INSERT_SMS.write(self._connection, rows)
        self._change_sms(stored)

    def _change_sms(self, units: Sequence[Unit]) -> None:
        """Parts came to SMS that are in the store: they wait on, or are filed now, or what was
        filed with a gap is whole now.
        """
        changes: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for unit in sorted(units, key=lambda unit: unit.sms_id):
            row = sms_row(unit, self._place, self._resolved(unit.complaint))
            if unit.is_redecoded:
                fixed = _READING  # nothing else was known of it
            elif unit.decision is None:
                fixed = frozenset(row) - {"missing"}
            elif unit.was_filed and unit.group is not None and unit.group.complaint_id is not None:
                fixed = _ORIGIN | _OUTCOME
            else:
                fixed = _ORIGIN
            kept = {name: value for name, value in row.items() if name not in fixed}
            changes[tuple(kept)].append(kept | {"row_id": unit.sms_id})
        for rows in changes.values():
            _CHANGE_SMS.write(self._connection, rows)

    def _write_parts(self, units: Iterable[Unit]) -> None:
        pairs = [(arrival, unit) for unit in units for arrival in unit.arrivals]
        if not pairs:
            return
        pairs.sort(key=lambda pair: (pair[0].part.key, pair[0].instance))
        ids = self._numbers.reserve(_part, len(pairs))
        rows = [
            part_row(arrival, unit.sms_id, self._place) | {"id": part_id}
            for (arrival, unit), part_id in zip(pairs, ids, strict=True)
        ]
        _INSERT_PARTS.write(self._connection, rows)
        self._written.part_ids = [
            (arrival, part_id) for (arrival, _), part_id in zip(pairs, ids, strict=True)
        ]

    def _write_forwards(self, units: Sequence[Unit]) -> None:
        rows = []
        for unit in units:
            if unit.files_complaint:
                complaint_id = self._resolved(unit.complaint)
                assert complaint_id is not None
                for backend in self._place.backends:
                    self._written.due_backends.add(backend)
                    rows.append(self._forward_row(unit, complaint_id, backend))
        rows += self._additions(units)
        if rows:
            _INSERT_FORWARDS.write(self._connection, rows)

    def _additions(self, units: Sequence[Unit]) -> list[dict[str, Any]]:
        """An addition goes to every backend that is or will be told of the complaint, once all
        before it has arrived.
        """
        adding = [unit for unit in units if _addition(unit) is not None]
        busy = self._busy({unit.complaint for unit in adding if unit.complaint is not None})
        added: Counter[tuple[int, str, int]] = Counter()
        rows = []
        for unit in adding:
            complaint_id = self._resolved(unit.complaint)
            assert complaint_id is not None
            for backend in [backend for told, backend in busy if told == complaint_id]:
                is_next = not busy[complaint_id, backend]
                row = self._forward_row(unit, complaint_id, backend)
                row |= {
                    "kind": ADD,
                    "addition": escape(_addition(unit) or ""),
                    "revision": self._times_added(unit.sms_id, complaint_id, backend)
                    + added[complaint_id, backend, unit.sms_id],
                    "next_at": self._place.now if is_next else None,
                }
                rows.append(row)
                busy[complaint_id, backend] = True
                added[complaint_id, backend, unit.sms_id] += 1
                if is_next:
                    self._written.due_backends.add(backend)
        return rows

    def _busy(self, complaints: Iterable[int]) -> dict[tuple[int, str], bool]:
        """Return each backend that is or will be told of each of these complaints, and whether
        something about it is still on its way there.
        """
        busy: dict[tuple[int, str], bool] = {}
        for complaint in sorted(complaints):
            complaint_id = self._resolved(complaint)
            assert complaint_id is not None
            if complaint < 0:
                busy |= {(complaint_id, backend): True for backend in self._place.backends}
                continue
            for told in _TOLD.rows(self._connection, {"complaint": complaint_id}):
                first = first_in_the_way(self._connection, complaint_id, told.backend)
                busy[complaint_id, told.backend] = first is not None
        return busy

    def _times_added(self, sms_id: int, complaint_id: int, backend: str) -> int:
        asked = {"complaint": complaint_id, "the_backend": backend, "sms": sms_id}
        return int(_ADDED.rows(self._connection, asked)[0].times)

    def _forward_row(self, unit: Unit, complaint_id: int, backend: str) -> dict[str, Any]:
        return {
            "complaint_id": complaint_id,
            "sms_id": unit.sms_id,
            "backend": backend,
            "kind": CREATE,
            "revision": 0,
            "addition": None,
            "idempotency_key": uuid.uuid4().hex,  # fixed here, never made again
            "state": ForwardState.DUE,
            "next_at": self._place.now,
            "created_at": self._place.now,
        }

    def _write_replies(self, units: Sequence[Unit]) -> None:
        """Replies of one complaint leave in order: one is claimable when none before it is open."""
        answered = [unit for unit in units if unit.decision is not None and unit.decision.replies]
        if not answered:
            return
        stored = sorted(
            {u.complaint for u in answered if u.complaint is not None and u.complaint > 0}
        )
        has_open: set[int] = set()
        if stored:
            asked = {"complaints": stored}
            open_ = _OPEN_REPLIES_OF.rows(self._connection, asked)
            has_open.update(row.complaint_id for row in open_)
        rows = []
        for unit in answered:
            assert unit.decision is not None
            complaint_id = self._resolved(unit.complaint)
            for reply in unit.decision.replies:
                must_wait = complaint_id in has_open
                row = reply_row(reply, unit, complaint_id, self._place)
                if row["state"] is ReplyState.DUE:
                    row["next_at"] = None if must_wait else self._place.now
                    self._written.has_due_replies |= not must_wait
                    if complaint_id is not None:
                        has_open.add(complaint_id)
                elif complaint_id is not None:
                    self._later_events.append(suppression_row(complaint_id, reply, self._place))
                rows.append(row)
        _INSERT_REPLIES.write(self._connection, rows)

    def _change_complaints(self, units: Sequence[Unit]) -> None:
        """What a follow-up answers, and what it opens again."""
        for unit in units:
            decision, complaint_id = unit.decision, self._resolved(unit.complaint)
            if decision is None or complaint_id is None:
                continue
            if decision.answers_question:
                _ANSWERED.change(self._connection, {"complaint": complaint_id})
            if decision.reopened_due_at is not None:
                due = {"complaint": complaint_id, "due": decision.reopened_due_at}
                _REOPENED.change(self._connection, due)
                place, detail = self._place, {"sms": unit.sms_id}
                self._later_events.append(
                    event_row(complaint_id, place.now, place.actor, "reopened", detail)
                )

    def _write_events(self, units: Sequence[Unit]) -> None:
        events, repeated = [], []
        for unit in units:
            complaint_id = self._resolved(unit.complaint)
            name = event_name(unit)
            if complaint_id is None or name is None:
                continue
            if name == "repeat":
                repeated.append({"complaint": complaint_id})
            detail = event_detail(unit, self._place)
            events.append(event_row(complaint_id, self._place.now, self._place.actor, name, detail))
        if repeated:
            _REPEATED.write(self._connection, sorted(repeated, key=lambda row: row["complaint"]))
        INSERT_EVENTS.write(self._connection, events + self._later_events)


def _addition(unit: Unit) -> str | None:
    if unit.decision is None or unit.complaint is None or unit.files_complaint:
        return None
    return unit.decision.forward_addition
