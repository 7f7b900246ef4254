"""Which listed slots are messages that the store has, and which are new. Pure (design.md section 3,
Sameness).

- A TPDU with a plausible SCTS is its key: the same key on the same line is the same message,
  wherever and how often it is listed.
- Without one (damaged, undecodable, a modem without the network's time) the key alone is not
  enough: the place counts too, with the SIM or device that it is on, and a place read again after
  its message was *seen gone* holds a new message.
- What the modem handed over directly lies in no memory: its place is one in the process that heard
  it, and another process says nothing about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field

from hardware.sms import Concat, Slot, SmsDeliver, SmsStatusReport
from smsgate.records import PartState, ReceivedPart, Shown

DIRECT = "CMT"  # the memory of what no memory holds
_FIRST_PLAUSIBLE_YEAR = 2010
_AHEAD_MAX = timedelta(days=366)  # our own clock may be wrong, so this is no check of it


class Arrival(Struct):
    """One message part of a batch, with every slot that showed it. `instance` is set when it is
    new.
    """

    part: ReceivedPart
    slots: list[Slot]
    sent_at: datetime | None  # None where implausible
    instance: int = 0

    @property
    def deliver(self) -> SmsDeliver | None:
        """The SMS-DELIVER, if it is one."""
        decoded = self.part.decoded
        return decoded if isinstance(decoded, SmsDeliver) else None

    @property
    def concat(self) -> Concat | None:
        """How it hangs together with others; None for a message of its own, and where the element
        makes no sense.
        """
        concat = self.deliver.concat if self.deliver is not None else None
        if concat is None or concat.total < 2 or not 1 <= concat.number <= concat.total:
            return None
        return concat


class KnownPart(Struct, frozen=True):
    """A part row, as far as sameness needs it."""

    id: int
    key: bytes
    instance: int
    state: PartState
    memory: str
    slot_index: int
    pdu: bytes
    holder: str | None = None


class Sorted(Struct):
    """A batch, sorted: new arrivals in the order they were sent, and slots that show known parts
    again.
    """

    new: list[Arrival] = field(default_factory=list)
    seen: list[tuple[KnownPart, Slot]] = field(default_factory=list)


def distinct(batch: Iterable[ReceivedPart], now: datetime) -> list[Arrival]:
    """Return the batch with one arrival for each message, in the order they were sent."""
    arrivals: dict[tuple[object, ...], Arrival] = {}
    for part in batch:
        sent_at = _plausible(part, now)
        identity: tuple[object, ...] = (part.key,)
        if sent_at is None:
            identity = (part.key, part.slot.memory, part.slot.index)
        arrival = arrivals.get(identity)
        if arrival is None:
            arrivals[identity] = Arrival(part, [part.slot], sent_at)
        else:
            arrival.slots.append(part.slot)
    return sorted(arrivals.values(), key=lambda a: _order(a, now))


def sort_out(arrivals: Sequence[Arrival], known: Iterable[KnownPart]) -> Sorted:
    """Tell new arrivals from known ones."""
    rows: dict[bytes, list[KnownPart]] = defaultdict(list)
    for row in known:
        rows[row.key].append(row)
    instances = {key: max(row.instance for row in same) for key, same in rows.items()}
    result = Sorted()
    for arrival in arrivals:
        key = arrival.part.key
        known_row = _row_of(arrival, rows[key])
        if known_row is not None:
            result.seen.extend((known_row, slot) for slot in arrival.slots)
        else:
            arrival.instance = instances[key] = instances.get(key, -1) + 1
            result.new.append(arrival)
    return result


def absent_parts(kept: Iterable[KnownPart], shown: Shown) -> list[int]:
    """Return which parts that a line should hold are gone, by what a listing shows.

    A place that holds another message proves it too; one that could not be read proves nothing.
    """
    return [row.id for row in kept if row.memory in shown.whole and not _may_be_there(row, shown)]


def _may_be_there(row: KnownPart, shown: Shown) -> bool:
    place, holder = (row.memory, row.slot_index), shown.whole[row.memory]
    if not _is_one_place(row.memory, row.holder, holder):
        return row.memory != DIRECT  # in a drawer; but another process's memory is no more
    return place in shown.keys and shown.keys[place] in (row.key, None)


def _is_one_place(memory: str, one: str | None, other: str | None) -> bool:
    """Whether places of the same name are the same: not on two SIMs. One that is not told is taken
    for the same, since a modem tells always or never.
    """
    if memory == DIRECT:
        return one is not None and one == other
    return None in (one, other) or one == other


def _row_of(arrival: Arrival, rows: Sequence[KnownPart]) -> KnownPart | None:
    if arrival.sent_at is not None:
        return max(rows, key=lambda row: row.instance, default=None)
    slot = arrival.part.slot
    for row in rows:
        is_place = (row.memory, row.slot_index) == (slot.memory, slot.index)
        is_there = is_place and _is_one_place(slot.memory, row.holder, slot.holder)
        if row.state is PartState.KEPT and is_there:
            return row
    return None


def _plausible(part: ReceivedPart, now: datetime) -> datetime | None:
    decoded = part.decoded
    if part.slot.is_damaged or not isinstance(decoded, SmsDeliver | SmsStatusReport):
        return None
    sent_at = decoded.sent_at
    if sent_at is None or sent_at.year < _FIRST_PLAUSIBLE_YEAR or sent_at > now + _AHEAD_MAX:
        return None
    return sent_at


def _order(arrival: Arrival, now: datetime) -> tuple[datetime, int, str, int]:
    concat, slot = arrival.concat, arrival.part.slot
    return (
        arrival.sent_at or now,
        concat.number if concat is not None else 0,
        slot.memory,
        slot.index,
    )
