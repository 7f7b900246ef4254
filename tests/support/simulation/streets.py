"""What an onlooker sees outside the gateway: which TPDUs a modem was handed, and which replies the SMSC took."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from hardware.answers import replaces_in_place
from hardware.pdu import tpdu_key
from hardware.simulator import Network
from hardware.simulator.card import MessageMemory, StoredMessage
from hardware.simulator.codec import StoredPdu, Submit
from hardware.simulator.reception import Reception
from hardware.sms import Stat

_RECEIVED = (Stat.REC_UNREAD, Stat.REC_READ)


class Onlooker(Protocol):
    """Who notes what comes to one line."""

    def note_stored(self, key: bytes, memory: WatchedMemory, index: int) -> None:
        """It stands in a slot."""
        ...

    def note_replaced(self, key: bytes) -> None:
        """It stood in a slot, and another took its place: whoever had not read it never will."""
        ...

    def note_taken_along(self, keys: Iterable[bytes]) -> None:
        """They lie on a SIM that is in no modem at the end."""
        ...

    def note_shown(self, keys: Iterable[bytes], *, is_guarded: bool) -> None:
        """It was handed over directly; `is_guarded`: the network keeps it until we acknowledge."""
        ...

    def note_acknowledged(self, key: bytes) -> None:
        """The network has forgotten it: we said that it is safe."""
        ...


class WatchedMemory(MessageMemory):
    """A message memory that tells what was stored in it, and where a newer SMS may replace an older one in place.

    Slots are taken over from the one it stands for. `holders` are the names of the SIM or device that it is in.
    """

    def __init__(self, memory: MessageMemory, onlooker: Onlooker, holders: frozenset[str]) -> None:
        super().__init__(memory.name, memory.size, memory.first_index)
        self.holders = holders
        self.is_out = False  # with its SIM: no modem has it
        self.onlooker = onlooker

    def store(self, message: StoredMessage) -> int | None:
        """Store a message; received ones are told."""
        if message.stat not in _RECEIVED:
            return super().store(message)
        pdu = bytes.fromhex(message.pdu.hex)
        index = self._slot_to_replace(pdu)
        if index is None:
            index = super().store(message)
        else:
            self.onlooker.note_replaced(tpdu_key(bytes.fromhex(self.slots[index].pdu.hex)))
            self.slots[index] = message
        if index is not None:
            self.onlooker.note_stored(tpdu_key(pdu), self, index)
        return index

    def store_at(self, index: int, message: StoredMessage) -> None:
        """Store a received message in a free slot of our choice."""
        self._free.remove(index)
        heapq.heapify(self._free)
        self.slots[index] = message
        self.onlooker.note_stored(tpdu_key(bytes.fromhex(message.pdu.hex)), self, index)

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return self.used < self.size

    @property
    def received(self) -> list[StoredMessage]:
        """What stands in it and is not somebody's draft."""
        return [message for message in self.slots.values() if message.stat in _RECEIVED]

    def _slot_to_replace(self, pdu: bytes) -> int | None:
        if not replaces_in_place(pdu):
            return None
        wanted = _sender_and_protocol(pdu)
        for index, message in self.slots.items():
            held = bytes.fromhex(message.pdu.hex)
            if replaces_in_place(held) and _sender_and_protocol(held) == wanted:
                return index
        return None


def _sender_and_protocol(pdu: bytes) -> bytes:
    """Return TP-OA and TP-PID of an SMS-DELIVER."""
    first = 1 + pdu[0]
    return pdu[first + 1 : first + 4 + (pdu[first + 1] + 1) // 2]


class WatchedReception(Reception):
    """The receiving side of a modem that tells what it showed, and what was acknowledged."""

    onlooker: Onlooker

    @property
    def is_waiting(self) -> bool:
        """Whether something was shown that nobody has acknowledged."""
        return self._unacknowledged is not None

    def acknowledge(self) -> bool:
        """AT+CNMA."""
        pdu = self._unacknowledged
        if pdu is not None:
            self.onlooker.note_acknowledged(tpdu_key(bytes.fromhex(pdu.hex)))
        return super().acknowledge()

    def _show(self, pdu: StoredPdu) -> bool:
        is_shown = super()._show(pdu)
        if is_shown:
            lines = [line.strip() for line in self._direct_lines(pdu)]
            as_text = "\n".join(lines).encode("latin-1", "replace")
            keys = (tpdu_key(bytes.fromhex(pdu.hex)), tpdu_key(as_text))
            self.onlooker.note_shown(keys, is_guarded=self._unacknowledged is not None)
        return is_shown


class WatchedNetwork(Network):
    """A network that tells what was submitted, when the SMSC takes it: by whom, what, under which TP-MR."""

    def __init__(self, *, on_submitted: Callable[[str, Submit, int], None], **options: Any) -> None:
        super().__init__(**options)
        self._on_submitted = on_submitted

    def submit(self, sender: str, submit: Submit, reference: int) -> None:
        """Take an SMS-SUBMIT from a modem."""
        self._on_submitted(sender, submit, reference)
        super().submit(sender, submit, reference)

    def bring(self, number: str, pdu: bytes, message_class: int | None) -> None:
        """Queue a PDU for a modem, of a class or of none."""
        length = len(pdu) - 1 - pdu[0]
        self._enqueue(number, [StoredPdu(pdu.hex().upper(), length, message_class=message_class)])


class Phones:
    """Joins the parts of replies, as the citizens' phones do."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int, int], dict[int, str]] = {}

    def take(self, submit: Submit) -> tuple[str | None, bool]:
        """Take one SMS; return the text once it is whole, and whether this very part was there before."""
        concat = submit.concat
        if concat is None or concat.total == 1:
            return submit.text, False
        parts = self._parts.setdefault((submit.recipient, concat.reference, concat.total), {})
        if concat.number in parts:
            return None, True
        parts[concat.number] = submit.text
        if len(parts) < concat.total:
            return None, False
        return "".join(text for _, text in sorted(parts.items())), False
