"""The SIM card: its identity, its PIN with tries left, its SMSC; and message memories with numbered slots."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from .codec import StoredPdu

PIN_TRIES = 3
PUK_TRIES = 10


class SimState(StrEnum):
    """What AT+CPIN? tells (27.007 section 8.3), and a card that is not there."""

    READY = "READY"
    PIN = "SIM PIN"
    PUK = "SIM PUK"
    NOT_READY = "NOT READY"
    ABSENT = "ABSENT"


class SimCard(Struct):
    """One SIM. `pin` None means that it asks for none."""

    imsi: str
    iccid: str
    smsc: str
    pin: str | None = None
    puk: str = "12345678"
    state: SimState = SimState.READY
    pin_tries_left: int = PIN_TRIES
    puk_tries_left: int = PUK_TRIES

    def power_on(self) -> None:
        """Ask for the PIN again, as after every restart; a PUK, a missing card and a slow one stay what they are."""
        if self.pin is not None and self.state is SimState.READY:
            self.state = SimState.PIN

    def try_pin(self, pin: str) -> bool:
        """Try a PIN; the third wrong one locks the card."""
        if pin == self.pin:
            self.pin_tries_left = PIN_TRIES
            self.state = SimState.READY
            return True
        self.pin_tries_left -= 1
        if self.pin_tries_left == 0:
            self.state = SimState.PUK
        return False

    def try_puk(self, puk: str, new_pin: str) -> bool:
        """Try a PUK, which sets a new PIN."""
        if puk == self.puk:
            self.pin, self.pin_tries_left, self.puk_tries_left = new_pin, PIN_TRIES, PUK_TRIES
            self.state = SimState.READY
            return True
        self.puk_tries_left = max(self.puk_tries_left - 1, 0)
        return False


class StoredMessage(Struct):
    """What stands in a slot: `stat` as in 27.005 section 3.1."""

    stat: int
    pdu: StoredPdu


@dataclass
class MessageMemory:
    """One message memory ("SM", "ME", "SR"): a new message goes to the first free slot."""

    name: str
    size: int
    first_index: int = 1
    slots: dict[int, StoredMessage] = field(default_factory=dict)
    _free: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._free = list(range(self.first_index, self.first_index + self.size))

    @property
    def used(self) -> int:
        """How many slots are occupied."""
        return len(self.slots)

    def has(self, index: int) -> bool:
        """Whether such a slot exists, occupied or not."""
        return self.first_index <= index < self.first_index + self.size

    def store(self, message: StoredMessage) -> int | None:
        """Put a message into the first free slot and return its index; None when the memory is full."""
        if not self._free:
            return None
        index = heapq.heappop(self._free)
        self.slots[index] = message
        return index

    def delete(self, index: int) -> bool:
        """Free a slot; False when nothing was in it."""
        if self.slots.pop(index, None) is None:
            return False
        heapq.heappush(self._free, index)
        return True

    def clear(self) -> None:
        """Free every slot, as when another SIM is put in."""
        for index in list(self.slots):
            self.delete(index)

    def listed(self, stat: int) -> list[tuple[int, StoredMessage]]:
        """Return the messages of this status in order of their slots; 4 means all of them."""
        return [
            (index, message)
            for index, message in sorted(self.slots.items(), key=_index_of)
            if stat in (4, message.stat)
        ]


def _index_of(item: tuple[int, StoredMessage]) -> int:
    return item[0]


def append_luhn(digits: str) -> str:
    """Return the digits with their check digit, as IMEI and ICCID have."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)
