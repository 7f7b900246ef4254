"""The parts that modems hold or held: which are known, what more sightings there were, and what is
gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from hardware.sms import Slot
from smsgate.records import PartState, ReceivedPart, Shown, SmsState
from smsgate.store.columns import identity_of, lock_key, with_offset
from smsgate.store.grouping import PROXIMITY, Group
from smsgate.store.prepared import Prepared
from smsgate.store.rows import Culprit
from smsgate.store.sameness import Arrival, KnownPart, absent_parts
from smsgate.store.tables import Part, Sighting, Sms
from smsgate.store.upserts import insert_into

_part: Any = Part.__table__  # type: ignore[attr-defined]
_sighting: Any = Sighting.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

_KNOWN_PART = sa.select(
    _part.c.id,
    _part.c.key,
    _part.c.instance,
    _part.c.state,
    _part.c.memory,
    _part.c.slot_index,
    _part.c.pdu,
    _part.c.holder,
)
_KEPT = Prepared(
    _KNOWN_PART.where(
        _part.c.gateway == sa.bindparam("gateway"),
        _part.c.line == sa.bindparam("line"),
        sa.literal_column("part.state = 'kept'"),  # as the partial index says it
    )
)
_KNOWN = Prepared(
    lambda lists: _KNOWN_PART.where(
        _part.c.gateway == sa.bindparam("gateway"),
        _part.c.line == sa.bindparam("line"),
        _part.c.key.in_(lists("keys")),
    )
)
_GONE = Prepared(
    lambda lists: (
        sa.update(_part)
        .where(_part.c.id.in_(lists("ids")), _part.c.state == PartState.KEPT)
        .values(state=PartState.DELETED, deleted_at=sa.bindparam("now"))
    )
)
_SEEN_AGAIN = Prepared(
    sa.update(_part)
    .where(_part.c.id == sa.bindparam("row_id"))
    .values(
        seen_count=_part.c.seen_count + sa.bindparam("more"),
        state=PartState.KEPT,  # whatever we thought: the modem still has it, or has it again
        deleted_at=None,
        memory=sa.bindparam("now_memory"),
        slot_index=sa.bindparam("now_index"),
        holder=sa.bindparam("now_holder"),
        generation=sa.bindparam("now_generation"),
    )
)
# Halves whose others never came stay open for ever, and a stranger can send any number of them. What a batch
# asks for is bounded by reference and by time, and in the end by this: beyond it parts are filed as a new group.
OPEN_GROUPS_MAX = 1000
GONE_AT_ONCE = 500  # in one statement: databases limit its parameters
_OPEN_GROUPS = sa.select(
    _sms.c.id,
    _sms.c.sender,
    _sms.c.is_alphanumeric,
    _sms.c.state,
    _sms.c.concat_reference,
    _sms.c.concat_width,
    _sms.c.concat_total,
    _sms.c.sent_at,
    _sms.c.sent_offset_min,
    _sms.c.received_at,
    _sms.c.complaint_id,
)
_GROUPS_OF_SENDERS = Prepared(
    lambda lists: (
        _OPEN_GROUPS.where(
            _sms.c.service == sa.bindparam("service"),
            _sms.c.sender.in_(lists("senders")),
            _sms.c.concat_reference.in_(lists("references")),
            sa.literal_column("sms.missing > 0"),  # as the partial index says it
            sa.func.coalesce(_sms.c.sent_at, _sms.c.received_at, type_=_sms.c.received_at.type)
            >= sa.bindparam("since", type_=_sms.c.received_at.type),
        )
        .order_by(_sms.c.id.desc())
        .limit(OPEN_GROUPS_MAX)
    )
)
_PARTS_OF = Prepared(
    lambda lists: (
        sa.select(_part.c.sms_id, _part.c.concat_number, _part.c.key, _part.c.pdu)
        .where(_part.c.sms_id.in_(lists("ids")))
        .order_by(_part.c.id)
    )
)
_LOCK = sa.text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS t(k)")


def lock_senders(connection: Connection, service: str, arrivals: Iterable[Arrival]) -> None:
    """Let no other transaction decide about these senders before this one ends."""
    if connection.dialect.name != "postgresql":
        return  # SQLite has one writer
    keys = {
        lock_key(service, identity_of(deliver.sender))
        for deliver in (arrival.deliver for arrival in arrivals)
        if deliver is not None
    }
    lock_keys(connection, keys)


def lock_keys(connection: Connection, keys: Collection[int]) -> None:
    """Take advisory locks in order, so that two batches never wait for each other in a circle.
    PostgreSQL only.
    """
    if keys and connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"keys": sorted(keys)})


def known_parts(
    connection: Connection, gateway: str, line: str, arrivals: Iterable[Arrival]
) -> list[KnownPart]:
    """Return the part rows that have the key of one of these."""
    keys = sorted({arrival.part.key for arrival in arrivals})
    rows = _KNOWN.rows(connection, {"gateway": gateway, "line": line, "keys": keys})
    return [KnownPart(*row) for row in rows]


def open_groups(
    connection: Connection, service: str, arrivals: Iterable[Arrival], now: datetime
) -> list[Group]:
    """Return the groups with missing parts that a part of this batch, read `now`, may belong to."""
    parts = [(a, a.deliver.sender.number, a.concat) for a in arrivals if a.concat and a.deliver]
    if not parts:
        return []
    # A part without a plausible SCTS is taken as sent when it was read, which may be any time up to now.
    oldest = min((a.sent_at or now for a, _, _ in parts), default=now)
    asked = {
        "service": service,
        "senders": sorted({sender for _, sender, _ in parts}),
        "references": sorted({concat.reference for _, _, concat in parts}),
        "since": oldest.astimezone(UTC) - PROXIMITY,
    }
    return groups_of(connection, _GROUPS_OF_SENDERS.rows(connection, asked))


def groups_of(connection: Connection, rows: Sequence[Any]) -> list[Group]:
    """Return the groups of these rows of `sms`, with the parts they have."""
    groups = {
        row.id: Group(
            key=(row.sender, row.concat_reference, row.concat_width, row.concat_total),
            received_at=row.received_at,
            sent_at=with_offset(row.sent_at, row.sent_offset_min),
            sms_id=row.id,
            state=SmsState(row.state),
            complaint_id=row.complaint_id,
            is_alphanumeric=row.is_alphanumeric,
        )
        for row in rows
    }
    if groups:
        for sms_id, number, key, pdu in _PARTS_OF.rows(connection, {"ids": sorted(groups)}):
            groups[sms_id].pdus.setdefault(number, pdu)
            groups[sms_id].keys.setdefault(number, key)
    return list(groups.values())


def mark_gone(connection: Connection, part_ids: Collection[int], now: datetime) -> None:
    """Record that these parts were seen gone from the modem."""
    _GONE.change(connection, {"ids": sorted(part_ids), "now": now})


def mark_absent(
    connection: Connection, gateway: str, line: str, shown: Shown, now: datetime
) -> int:
    """Record what a line should hold and a listing does not show; return how many parts."""
    kept = _KEPT.rows(connection, {"gateway": gateway, "line": line})
    absent = absent_parts((KnownPart(*row) for row in kept), shown)
    for start in range(0, len(absent), GONE_AT_ONCE):
        mark_gone(connection, absent[start : start + GONE_AT_ONCE], now)
    return len(absent)


def note_sightings(
    connection: Connection,
    seen: Iterable[tuple[KnownPart, Slot]],
    new: Iterable[tuple[Arrival, int]],
    now: datetime,
) -> int:
    """Count every further sighting: of known parts, and of new ones that several slots showed at
    once.
    """
    again = [(row.id, row.pdu, slot) for row, slot in seen]
    twice = [
        (part_id, arrival.part.slot.pdu, slot)
        for arrival, part_id in new
        for slot in arrival.slots[1:]
    ]
    if again:
        _update_parts(connection, again)
    counted = Counter(
        (part_id, slot.memory, slot.index, slot.generation) for part_id, _, slot in again + twice
    )
    if counted:
        details = {
            (part_id, slot.memory, slot.index, slot.generation): (slot, pdu)
            for part_id, pdu, slot in again + twice
        }
        rows = [
            _sighting_row(place, times, *details[place], now)
            for place, times in sorted(counted.items())
        ]
        upsert_sightings(connection, rows)
    return sum(counted.values())


def as_octets(part: ReceivedPart, reason: str) -> ReceivedPart:
    """Return a part as nothing but octets that made us stumble."""
    return replace(part, decoded=Culprit(reason))


def _update_parts(connection: Connection, again: Iterable[tuple[int, bytes, Slot]]) -> None:
    rows: dict[int, dict[str, Any]] = {}
    for part_id, _, slot in again:
        more = rows[part_id]["more"] if part_id in rows else 0
        rows[part_id] = {
            "row_id": part_id,
            "more": more + 1,
            "now_memory": slot.memory,
            "now_index": slot.index,
            "now_holder": slot.holder,
            "now_generation": slot.generation,
        }
    _SEEN_AGAIN.write(connection, [rows[part_id] for part_id in sorted(rows)])


def _sighting_row(
    place: tuple[int, str, int, int], times: int, slot: Slot, pdu: bytes, now: datetime
) -> dict[str, Any]:
    part_id, memory, index, generation = place
    return {
        "part_id": part_id,
        "memory": memory,
        "slot_index": index,
        "generation": generation,
        "stat": int(slot.stat),
        "pdu": slot.pdu if slot.pdu != pdu else None,
        "times": times,
        "first_at": now,
        "last_at": now,
    }


def upsert_sightings(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write rows of `sighting`; where one is there for the same place, its times grow."""
    statement = insert_into(connection.dialect.name, _sighting)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["part_id", "memory", "slot_index", "generation"],
            set_={
                "times": _sighting.c.times + statement.excluded.times,
                "last_at": statement.excluded.last_at,
            },
        ),
        rows,
    )
