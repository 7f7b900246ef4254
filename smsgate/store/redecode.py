"""Reads again what could not be read when it came, now that the program knows more: each SMS that is
undecodable or in quarantine, from the octets that were kept.

The rules:

- One transaction for each SMS, under the locks that receiving takes: the daemon may run. What cannot
  be read now either stays as it is, and doing it again finds nothing more.
- What can be read goes the way of a new SMS: it joins its group, and is decided on with what the store
  knows of its sender. It keeps the moment at which it was read first.
- A receipt's time counts from that moment: one too old by now expires, and surprises nobody.
- Octets that were kept twice, since nothing told them apart, are one message once their SCTS is known
  (`sameness`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from hardware import pdu
from hardware.sms import Decoded, Slot, SmsDeliver, SmsStatusReport
from smsgate.errors import StoreUnavailable
from smsgate.records import (
    CompleteSms,
    Decide,
    Decision,
    Disposition,
    ReceivedPart,
    Redecoded,
    SenderKnowledge,
    SmsState,
)
from smsgate.store import audit, events, held
from smsgate.store.columns import escape, identity_of, lock_key
from smsgate.store.deciding import Deciding, Deliberation
from smsgate.store.filing import Filing
from smsgate.store.grouping import Groups
from smsgate.store.knowledge import Window
from smsgate.store.receive import unit_of_group, unit_of_single
from smsgate.store.reports import note_reports
from smsgate.store.room import Room
from smsgate.store.rows import Place, Unit, part_row
from smsgate.store.sameness import Arrival, distinct
from smsgate.store.tables import InletMessage, Part, Sighting, Sms

log = structlog.get_logger(__name__)

_inlet: Any = InletMessage.__table__  # type: ignore[attr-defined]
_part: Any = Part.__table__  # type: ignore[attr-defined]
_sighting: Any = Sighting.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

PAGE = 200  # SMS looked at in one read
_UNREAD = (SmsState.UNDECODABLE, SmsState.QUARANTINED)
# What decoding tells of a part.
_LEARNT = (
    *("sender", "sent_at", "sent_offset_min"),
    *("concat_reference", "concat_width", "concat_total", "concat_number"),
)

FILED, JOINED, SEEN, STAYS = "filed", "joined", "seen", "stays"


class Redecoder:
    """Goes through everything that is undecodable or in quarantine."""

    def __init__(
        self,
        room: Room,
        decisions: Mapping[str, Decide],
        new_reference: Callable[[], str],
        actor: str,
    ) -> None:
        self._room = room
        self._decisions = decisions
        self._new_reference = new_reference
        self._actor = actor

    def run(self) -> Redecoded:
        """Do it; return how many SMS became what."""
        counts = dict.fromkeys((FILED, JOINED, SEEN, STAYS), 0)
        for sms_id, service, is_hopeful in self._candidates():
            outcome = STAYS
            if is_hopeful and service in self._decisions:
                outcome = self._redecode_or_leave(sms_id)
            counts[outcome] += 1
        return Redecoded(**counts)

    def _candidates(self) -> Iterator[tuple[int, str, bool]]:
        """Yield each SMS in question, and whether a transaction for it is worth while."""
        last = 0
        while True:
            query = (
                sa.select(
                    _sms.c.id, _sms.c.service, _sms.c.concat_total,
                    _part.c.pdu, _part.c.length, _part.c.is_damaged,
                )
                .join(_part, _part.c.sms_id == _sms.c.id)
                .where(_sms.c.state.in_(_UNREAD), _sms.c.id > last)
                .order_by(_sms.c.id, _part.c.id)
                .limit(PAGE)
            )  # fmt: skip
            with self._room.database.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                if row.id > last:
                    last = row.id
                    is_group = row.concat_total > 1
                    yield row.id, row.service, is_group or _decode(row) is not None
            if len(rows) < PAGE:
                return

    def _redecode_or_leave(self, sms_id: int) -> str:
        try:
            return self._room.database.run(lambda c: self._redecode_on_record(c, sms_id))
        except StoreUnavailable:
            raise
        except Exception as error:
            # The mistake of ours that put it into quarantine is still there; its words may quote it.
            log.error("redecoding_failed", sms_id=sms_id, error=type(error).__name__)
            return STAYS

    def _redecode_on_record(self, connection: Connection, sms_id: int) -> str:
        outcome = self._redecode(connection, sms_id)
        if outcome != STAYS:
            subject, now = f"sms:{sms_id}", self._room.now()
            line = audit.audit_row(now, self._actor, "redecode", subject, {"outcome": outcome})
            audit.add(connection, line)
        return outcome

    def _redecode(self, connection: Connection, sms_id: int) -> str:
        by_id = sa.select(_sms).where(_sms.c.id == sms_id)
        row = connection.execute(by_id).one_or_none()
        if row is None or row.state not in _UNREAD:
            return STAYS  # somebody else was quicker
        parts = sa.select(_part).where(_part.c.sms_id == sms_id).order_by(_part.c.id)
        part = connection.execute(parts.limit(1)).one()
        decoded = _decode(part)
        if isinstance(decoded, SmsDeliver):
            key = lock_key(row.service, identity_of(decoded.sender))
            held.lock_keys(connection, [key])
        locked = connection.execute(by_id.with_for_update()).one_or_none()
        if locked is None or locked.state not in _UNREAD:
            return STAYS
        place = self._place(locked)
        if locked.concat_total > 1:
            return self._decide_group_again(connection, locked, place)
        if isinstance(decoded, SmsStatusReport):
            return _file_report(connection, locked, _arrival(part, decoded), place)
        if isinstance(decoded, SmsDeliver):
            return self._file(connection, locked, part, decoded)
        return STAYS

    def _file(self, connection: Connection, row: Any, part: Any, decoded: SmsDeliver) -> str:
        place, arrival = self._place(row), _arrival(part, decoded)
        twin = _twin_of(connection, part) if arrival.sent_at is not None else None
        if twin is not None:
            _note_as_seen(connection, part, twin, row.id)
            return SEEN
        learnt = part_row(arrival, row.id, place)
        connection.execute(
            sa.update(_part)
            .where(_part.c.id == part.id)
            .values({name: learnt[name] for name in _LEARNT})
        )
        if arrival.concat is None:
            unit = unit_of_single(arrival, place)
            assert unit.sms is not None
            unit.sms = replace(unit.sms, received_at=row.received_at)
        else:
            unit = _unit_in_group(connection, row, arrival, place)
        unit.arrivals = ()  # they are written already
        if unit.group is not None and unit.group.sms_id != row.id:
            assert unit.group.sms_id is not None
            _move_part(connection, part.id, row.id, unit.group.sms_id)
        else:
            unit.sms_id, unit.is_redecoded = row.id, True
        self._write(connection, unit, place, row)
        return JOINED if unit.decision is None else FILED

    def _decide_group_again(self, connection: Connection, row: Any, place: Place) -> str:
        """A concatenated SMS was readable, but a mistake of ours kept us from deciding."""
        [group] = held.groups_of(connection, [row])
        group.state = SmsState.WAITING
        unit = unit_of_group(group, place, is_overdue=True)
        self._write(connection, unit, place, row)
        return FILED

    def _write(self, connection: Connection, unit: Unit, place: Place, row: Any) -> None:
        window = Window(
            place.service, place.gateway, place.now, self._room.limits_of(place.service)
        )
        age_s = (place.now - row.received_at).total_seconds()
        deciding = Deciding(_late(self._decisions[row.service], age_s), self._new_reference)
        Deliberation(connection, window, deciding).decide([unit])
        Filing(connection, place).write([unit])
        complaint_id = connection.execute(
            sa.select(_sms.c.complaint_id).where(_sms.c.id == unit.sms_id)
        ).scalar()
        if complaint_id is not None:
            detail = {"sms": unit.sms_id, "was": str(row.state)}
            line = events.event_row(complaint_id, place.now, place.actor, "redecoded", detail)
            events.add(connection, line)

    def _place(self, row: Any) -> Place:
        """Where it came in: that line answers it."""
        return Place(
            gateway=row.gateway,
            line=row.line,
            service=row.service,
            backends=self._room.facts_of(row.service).backends,
            actor=self._actor,
            now=self._room.now(),
        )


def _decode(part: Any) -> Decoded | None:
    """Return what a part's octets are, if they are an SMS to us or a report."""
    if part.is_damaged:
        return None  # not what the network sent, but what was left of it on the line
    decoded = pdu.decode(part.pdu, part.length)
    return decoded if isinstance(decoded, SmsDeliver | SmsStatusReport) else None


def _arrival(part: Any, decoded: Decoded) -> Arrival:
    slot = Slot(
        part.memory, part.slot_index, part.stat, part.length, part.pdu, generation=part.generation
    )
    [arrival] = distinct([ReceivedPart(slot, part.key, decoded)], part.received_at)
    return arrival


def _unit_in_group(connection: Connection, row: Any, arrival: Arrival, place: Place) -> Unit:
    """Put a part where it belongs; where it is the first of its SMS, its row becomes that SMS."""
    known = held.open_groups(connection, row.service, [arrival], row.received_at)
    group = Groups(known, row.received_at).place(arrival)
    if group.sms_id is None:
        group.sms_id = row.id
    return unit_of_group(group, place)


def _move_part(connection: Connection, part_id: int, from_sms: int, to_sms: int) -> None:
    """What was kept as an SMS of its own is a part of another."""
    connection.execute(sa.update(_part).where(_part.c.id == part_id).values(sms_id=to_sms))
    _drop_sms(connection, from_sms, to_sms)


def _drop_sms(connection: Connection, sms_id: int, instead: int) -> None:
    connection.execute(sa.update(_inlet).where(_inlet.c.sms_id == sms_id).values(sms_id=instead))
    connection.execute(sa.delete(_sms).where(_sms.c.id == sms_id))


def _twin_of(connection: Connection, part: Any) -> Any | None:
    """Return the same TPDU on the same line, if it was read before or meanwhile."""
    return connection.execute(
        sa.select(_part.c.id, _part.c.sms_id, _part.c.pdu)
        .join(_sms, _sms.c.id == _part.c.sms_id)
        .where(
            _part.c.gateway == part.gateway,
            _part.c.line == part.line,
            _part.c.key == part.key,
            _part.c.id != part.id,
            _sms.c.state.not_in(_UNREAD),
        )
        .order_by(_part.c.instance.desc())
        .limit(1)
    ).one_or_none()


def _note_as_seen(connection: Connection, part: Any, twin: Any, sms_id: int) -> None:
    """Make a part, and every sighting of it, sightings of its twin."""
    own = {
        "memory": part.memory,
        "slot_index": part.slot_index,
        "generation": part.generation,
        "stat": part.stat,
        "pdu": None,
        "times": 1,
        "first_at": part.received_at,
        "last_at": part.received_at,
    }
    of_part = _sighting.c.part_id == part.id
    columns = [_sighting.c[name] for name in own]
    rows = [own, *map(dict, connection.execute(sa.select(*columns).where(of_part)).mappings())]
    for row in rows:
        octets = row["pdu"] or part.pdu
        row |= {"part_id": twin.id, "pdu": None if octets == twin.pdu else octets}
        held.upsert_sightings(connection, [row])
    connection.execute(
        sa.update(_part)
        .where(_part.c.id == twin.id)
        .values(seen_count=_part.c.seen_count + part.seen_count)
    )
    connection.execute(sa.delete(_sighting).where(of_part))
    connection.execute(sa.delete(_part).where(_part.c.id == part.id))
    _drop_sms(connection, sms_id, twin.sms_id)


def _file_report(connection: Connection, row: Any, arrival: Arrival, place: Place) -> str:
    """A status report that could not be read when it came."""
    report = arrival.part.decoded
    assert isinstance(report, SmsStatusReport)
    connection.execute(
        sa.update(_sms)
        .where(_sms.c.id == row.id)
        .values(
            state=SmsState.FILED,
            disposition=Disposition.REPORT,
            reason=None,
            sender=escape(report.recipient.number),
            filed_at=place.now,
        )
    )
    note_reports(connection, place, [arrival])
    return FILED


def _late(decide: Decide, age_s: float) -> Decide:
    """Return the same decisions for an SMS that was read so long ago: its replies have less time."""

    def decide_late(sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
        decision = decide(sms, known, reference)
        replies = tuple(
            reply
            if reply.expires_after_s is None
            else replace(reply, expires_after_s=max(0.0, reply.expires_after_s - age_s))
            for reply in decision.replies
        )
        return replace(decision, replies=replies)

    return decide_late
