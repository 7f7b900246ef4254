"""What an onlooker sees outside the gateway: which TPDUs a modem was handed, and which replies the SMSC took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hardware.pdu import tpdu_key
from hardware.simulator import Network
from hardware.simulator.card import MessageMemory, StoredMessage
from hardware.simulator.codec import Submit
from hardware.sms import Stat

_RECEIVED = (Stat.REC_UNREAD, Stat.REC_READ)


class WatchedMemory(MessageMemory):
    """A message memory that tells what was stored in it. Slots are taken over from the one it stands for."""

    def __init__(self, memory: MessageMemory, on_stored: Callable[[bytes], None]) -> None:
        super().__init__(memory.name, memory.size, memory.first_index)
        self._on_stored = on_stored

    def store(self, message: StoredMessage) -> int | None:
        """Store a message; received ones are told."""
        index = super().store(message)
        if index is not None and message.stat in _RECEIVED:
            self._on_stored(tpdu_key(bytes.fromhex(message.pdu.hex)))
        return index


class WatchedNetwork(Network):
    """A network that tells what was submitted, when the SMSC takes it."""

    def __init__(self, *, on_submitted: Callable[[str, str], None], **options: Any) -> None:
        super().__init__(**options)
        self._on_submitted = on_submitted

    def submit(self, sender: str, submit: Submit, reference: int) -> None:
        """Take an SMS-SUBMIT from a modem."""
        self._on_submitted(submit.recipient, submit.text)
        super().submit(sender, submit, reference)
