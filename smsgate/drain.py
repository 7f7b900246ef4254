"""One pass over what a modem holds: list, commit, delete. The order is the promise.

Nothing is deleted that the store has not committed, on this very connection. A slot that was told to go is looked
for in the next listing: gone, and its part is `deleted`; still there, and it is received again (the store knows it)
and told again, with growing pauses and, the third time, an alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import structlog
from msgspec import Struct

from hardware import pdu
from hardware.modem import Listing, Modem
from hardware.sms import Decoded, Slot, Undecodable
from smsgate.line_tools import LineTools
from smsgate.records import Decide, Received, ReceivedPart, Shown

log = structlog.get_logger(__name__)

STUCK_DELAYS_S = (1.0, 5.0, 30.0, 300.0, 3600.0)
STUCK_ALARM_TRIES = 3

Place = tuple[str, int]  # memory and index


class ReceivingStore(Protocol):
    """What receiving needs of the store."""

    def receive(
        self,
        line: str,
        service: str,
        batch: Sequence[ReceivedPart],
        decide: Decide,
        new_reference: Callable[[], str],
        *,
        gone: Collection[int] = (),
    ) -> Received:
        """Commit a batch whole; return what may be deleted."""
        ...

    def mark_gone(self, part_ids: Collection[int]) -> None:
        """Record that these parts were seen gone from the modem."""
        ...

    def mark_absent(self, line: str, shown: Shown) -> int:
        """Record that parts are gone which the line should hold and a listing does not show."""
        ...


class _Deleted(Struct):
    """A slot that the modem was told to free, until a listing shows that it did."""

    slot: Slot
    part_id: int
    tries: int
    retry_at: float


class Pass(Struct, frozen=True):
    """What one pass saw and did."""

    listing: Listing
    received: Received | None  # None: nothing new was held


class Drain:
    """The receiving half of a line, for as long as one connection lasts."""

    def __init__(
        self, line: str, service: str, *, store: ReceivingStore, decide: Decide, tools: LineTools
    ) -> None:
        self._line = line
        self._service = service
        self._store = store
        self._decide = decide
        self._tools = tools
        self._deleted: dict[Place, _Deleted] = {}
        self.seen: Listing | None = None  # last on this connection, whether or not it was committed
        self._compared: set[str] = set()  # memories whose listing the store's own was held against

    def forget(self) -> None:
        """Forget what was listed: on another connection it proves nothing. The store knows every message again."""
        self._deleted.clear()
        self._compared.clear()
        self.seen = None

    def run(self, modem: Modem) -> Pass:
        """Do one pass. Raises ModemError or StoreError; whatever was not committed is still on the modem."""
        self.seen = listing = modem.list_held()
        self._compare(listing)
        fresh, gone = self._sort_out(listing)
        if not fresh:
            if gone:
                self._store.mark_gone(list(gone.values()))
                self._forget_gone(gone)
            if not self._deleted:
                self._tools.clear_alarm(f"line.{self._line}.stuck")
            return Pass(listing, None)
        received = self._store.receive(
            self._line,
            self._service,
            [ReceivedPart(slot, pdu.tpdu_key(slot.pdu), _decode(slot)) for slot in fresh],
            self._decide,
            self._tools.new_reference,
            gone=list(gone.values()),
        )
        self._forget_gone(gone)
        for slot in received.committed:
            self._remember(slot, received)
        if received.due_backends:
            self._tools.on_work(received.due_backends)
        modem.delete(received.committed)
        return Pass(listing, received)

    def _compare(self, listing: Listing) -> None:
        """Once on a connection, have the store mark what is gone of each memory.

        The link, or we, may have died between the modem's OK to a delete and the listing that shows it. Left as `kept`,
        such a part would make the same octets in that slot, sent later and without an SCTS, a mere sighting.
        """
        whole = {m: holder for m, holder in listing.whole.items() if m not in self._compared}
        if not whole:
            return
        keys = {
            (slot.memory, slot.index): None if slot.is_damaged else pdu.tpdu_key(slot.pdu)
            for slot in listing.slots
        }
        absent = self._store.mark_absent(self._line, Shown(keys, whole))
        self._compared.update(whole)
        if absent:
            log.info("absent_parts_marked", line=self._line, parts=absent)

    def _forget_gone(self, gone: Iterable[Place]) -> None:
        """These are written down as gone; until then a failed commit must find them again."""
        for place in gone:
            del self._deleted[place]

    def _sort_out(self, listing: Listing) -> tuple[list[Slot], dict[Place, int]]:
        """Split a listing into slots to receive now, and the places and part ids that it shows to be gone."""
        now = self._tools.clock.monotonic()
        held = {(slot.memory, slot.index): slot for slot in listing.slots}
        gone = {}
        for place, deleted in self._deleted.items():
            slot = held.get(place)
            if slot is None or slot.pdu != deleted.slot.pdu:
                gone[place] = deleted.part_id
        fresh = [
            slot
            for slot in listing.slots
            if (slot.memory, slot.index) in gone
            or (slot.memory, slot.index) not in self._deleted
            or now >= self._deleted[slot.memory, slot.index].retry_at
        ]
        return fresh, gone

    def _remember(self, slot: Slot, received: Received) -> None:
        place = (slot.memory, slot.index)
        part_id = received.part_ids.get(place)
        if part_id is None:
            return
        earlier = self._deleted.get(place)
        tries = earlier.tries + 1 if earlier is not None else 1
        delay_s = STUCK_DELAYS_S[min(tries, len(STUCK_DELAYS_S)) - 1]
        retry_at = self._tools.clock.monotonic() + delay_s
        self._deleted[place] = _Deleted(slot, part_id, tries, retry_at)
        if tries == STUCK_ALARM_TRIES:
            log.warning("slot_will_not_go", line=self._line, memory=slot.memory, index=slot.index)
            self._tools.raise_alarm(
                f"line.{self._line}.stuck",
                f"The modem of line {self._line} says that it deleted slot {slot.memory} {slot.index}, and keeps it. "
                "Its message is stored. Power-cycle the modem; if that does not help, change the SIM.",
            )


def _decode(slot: Slot) -> Decoded:
    """Decode one slot. Never raises: what cannot be read is kept as it is."""
    if slot.is_damaged:
        return Undecodable("the modem's line could not be read as a PDU")
    return pdu.decode(slot.pdu, slot.length)
