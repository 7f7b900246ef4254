"""Receiving: one transaction from listed slots to complaints, forwards and replies (design.md
sections 2 and 3).

The rules:

- No savepoints. The batch is committed whole or not at all; a culprit is found by doing the batch
  again message by message.
- Whatever the database refuses for want of space, lock or connection aborts the batch: nothing was
  committed, nothing may be deleted from the modem.
- What decides by sender happens under a lock on the sender: SQLite has one writer; PostgreSQL takes
  advisory locks, in order.
- Everything is read and decided first and then only inserted, so that a single SMS costs a handful
  of statements.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from hardware.pdu import join_text
from hardware.sms import TypeOfNumber
from smsgate.assembly import StoredPart, assemble
from smsgate.errors import StoreUnavailable
from smsgate.records import CompleteSms, Received, ReceivedPart, SmsState
from smsgate.store import held
from smsgate.store.columns import identity_of
from smsgate.store.deciding import Deciding, Deliberation
from smsgate.store.failures import Conflict
from smsgate.store.filing import Filing, Written
from smsgate.store.grouping import Group, Groups
from smsgate.store.knowledge import Window
from smsgate.store.reports import note_reports
from smsgate.store.room import Room
from smsgate.store.rows import Place, Unit
from smsgate.store.sameness import Arrival, Sorted, distinct, sort_out

log = structlog.get_logger(__name__)

CONFLICT_TRIES = 3  # a reference or a part that another transaction wrote in between


class Receiver:
    """Takes batches of one gateway's lines in."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def receive(
        self,
        line: str,
        service: str,
        batch: Sequence[ReceivedPart],
        deciding: Deciding,
        gone: Collection[int] = (),
    ) -> Received:
        """Commit a batch; where one of its messages raises, that one goes to quarantine."""
        if not batch and not gone:
            return Received()
        intake = _Intake(self._room, line, service)
        try:
            return intake.take(batch, deciding, gone)
        except StoreUnavailable:
            raise
        except Exception as error:
            # One message of the batch is to blame; the traceback would quote it, so only the
            # error's class is said.
            log.error("batch_failed", line=line, parts=len(batch), error=type(error).__name__)
        results = [intake.take((), deciding, gone)]
        now = self._room.now()
        for arrival in distinct(batch, now):
            parts = [replace(arrival.part, slot=slot) for slot in arrival.slots]
            results.append(intake.take_or_quarantine(parts, deciding))
        return _joined(results)


class _Intake:
    """One line's batches, each in a transaction of its own."""

    def __init__(self, room: Room, line: str, service: str) -> None:
        self._room = room
        self._line = line
        self._service = service

    def take(
        self, batch: Sequence[ReceivedPart], deciding: Deciding, gone: Collection[int] = ()
    ) -> Received:
        """Commit a batch whole, trying again where another transaction took a reference or a part
        first.
        """
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return self._room.database.run(lambda c: self._in(c, batch, deciding, gone))
            except Conflict:
                continue
        return self._room.database.run(lambda c: self._in(c, batch, deciding, gone))

    def take_or_quarantine(self, parts: Sequence[ReceivedPart], deciding: Deciding) -> Received:
        """Commit one message; where it raises again, keep it with its octets, marked, and go on."""
        try:
            return self.take(parts, deciding)
        except StoreUnavailable:
            raise
        except Exception as error:
            reason = type(error).__name__
            log.error("message_quarantined", line=self._line, error=reason)
        try:
            return replace(self.take(parts, deciding.into_quarantine(reason)), quarantined=1)
        except StoreUnavailable:
            raise
        except Exception:
            # Not the decision but the message itself is more than we can file: keep the octets as
            # octets.
            bare = [held.as_octets(part, reason) for part in parts]
            return replace(self.take(bare, deciding), quarantined=1)

    def _in(
        self,
        connection: Connection,
        batch: Sequence[ReceivedPart],
        deciding: Deciding,
        gone: Collection[int],
    ) -> Received:
        now = self._room.now()
        if gone:
            held.mark_gone(connection, gone, now)
        if not batch:
            return Received()
        arrivals = distinct(batch, now)
        held.lock_senders(connection, self._service, arrivals)
        known = held.known_parts(connection, self._room.gateway, self._line, arrivals)
        sorted_ = sort_out(arrivals, known)
        place = self._place(now)
        units = self._units(connection, sorted_.new, place)
        window = Window(self._service, self._room.gateway, now, self._room.limits_of(self._service))
        Deliberation(connection, window, deciding).decide(units)
        written = Filing(connection, place).write(units)
        sightings = held.note_sightings(connection, sorted_.seen, written.part_ids, now)
        note_reports(connection, place, sorted_.new)
        self._room.time.note(now)
        return _received(batch, sorted_, written, sightings)

    def _place(self, now: datetime) -> Place:
        return Place(
            gateway=self._room.gateway,
            line=self._line,
            service=self._service,
            backends=self._room.facts_of(self._service).backends,
            actor=f"line:{self._line}",
            now=now,
        )

    def _units(self, connection: Connection, new: Sequence[Arrival], place: Place) -> list[Unit]:
        """Make units of new arrivals: one for each SMS, a concatenated one where its last part
        stands.
        """
        groups = Groups(held.open_groups(connection, self._service, new, place.now), place.now)
        units: dict[int, Unit] = {}
        for arrival in new:
            if arrival.concat is None:
                units[id(arrival)] = unit_of_single(arrival, place)
                continue
            group = groups.place(arrival)
            units.pop(id(group), None)
            units[id(group)] = unit_of_group(group, place)
        return list(units.values())


def unit_of_group(group: Group, place: Place, *, is_overdue: bool = False) -> Unit:
    """Return what a group is now: an SMS to decide on when it is whole, overdue, or was filed with
    a gap before.
    """
    unit = Unit(
        arrivals=group.new,
        group=group,
        identity=identity_of(group.sender),
        complaint=group.complaint_id,
    )
    was_filed = group.state is SmsState.FILED
    is_whole = group.missing == 0
    if group.state is SmsState.QUARANTINED or not (is_whole or is_overdue or was_filed):
        return unit
    parts = [StoredPart(number, pdu) for number, pdu in sorted(group.pdus.items())]
    unit.sms = CompleteSms(
        service=place.service,
        line=place.line,
        sender=group.sender.number,
        is_alphanumeric=group.is_alphanumeric,
        text=assemble(parts, group.total).text,
        sent_at=group.sent_at,
        received_at=group.received_at,
        part_count=group.total,
        has_gap=not is_whole,
        is_completion=was_filed,
        complaint_id=group.complaint_id,
    )
    return unit


def unit_of_single(arrival: Arrival, place: Place) -> Unit:
    """Return what an arrival is that is no part of anything: an SMS to decide on, or none."""
    deliver = arrival.deliver
    if deliver is None:
        return Unit([arrival])  # a report, or octets that are no SMS
    is_alphanumeric = deliver.sender.type_of_number is TypeOfNumber.ALPHANUMERIC
    sms = CompleteSms(
        service=place.service,
        line=place.line,
        sender=deliver.sender.number,
        is_alphanumeric=is_alphanumeric,
        text=join_text((deliver,)),
        sent_at=arrival.sent_at,
        received_at=place.now,
    )
    return Unit([arrival], sms=sms, identity=identity_of(deliver.sender))


def _received(
    batch: Sequence[ReceivedPart], sorted_: Sorted, written: Written, sightings: int
) -> Received:
    part_ids = {(slot.memory, slot.index): row.id for row, slot in sorted_.seen}
    for arrival, part_id in written.part_ids:
        part_ids.update({(slot.memory, slot.index): part_id for slot in arrival.slots})
    return Received(
        committed=tuple(part.slot for part in batch),
        part_ids=part_ids,
        new_parts=len(written.part_ids),
        sightings=sightings,
        filed=written.filed,
        has_due_replies=written.has_due_replies,
        due_backends=frozenset(written.due_backends),
    )


def _joined(results: Sequence[Received]) -> Received:
    part_ids: dict[tuple[str, int], int] = {}
    for result in results:
        part_ids.update(result.part_ids)
    return Received(
        committed=tuple(slot for result in results for slot in result.committed),
        part_ids=part_ids,
        new_parts=sum(result.new_parts for result in results),
        sightings=sum(result.sightings for result in results),
        filed=sum(result.filed for result in results),
        has_due_replies=any(result.has_due_replies for result in results),
        due_backends=frozenset().union(*(result.due_backends for result in results)),
        quarantined=sum(result.quarantined for result in results),
    )
