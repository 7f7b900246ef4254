"""Messages handed over directly (`+CMT`, `+CDS`): no memory holds them, so we do until they are stored.

The network waits for an answer to one message at a time (24.011 section 2.4) and `AT+CNMA` names none: it is taken for
the message shown last. A second one before our answer means that the network has given the first up, or that the modem
answered for it by itself. So there is one acknowledgement, once everything that was shown on this connection is
stored, and only where the message shown last is among it. What is acknowledged too seldom comes again and is known
again; what is acknowledged too early could be lost.
"""

from __future__ import annotations

import threading

from msgspec.structs import replace

from . import answers
from .dialogue import Urc
from .sms import Slot, Stat
from .urc import UrcKind

DIRECT_MEMORY = "CMT"  # Slot.memory of a message that no memory holds
DIRECT_MAX = 1000  # the network waits for an acknowledgement, so more than a few are a fault


class DirectMessages:
    """What was handed over directly and is not stored yet, by number; it outlives a connection.

    The reader thread keeps, the owner thread does the rest.
    """

    def __init__(self, holder: str) -> None:
        self.holder = holder  # tells this object's numbers from those of another one
        self._slots: dict[int, Slot] = {}
        self._unstored: dict[int, UrcKind] = {}  # of those: shown on this connection
        self._is_last_kept = (
            False  # the message shown last is one of ours, and waits for its answer
        )
        self._count = 0
        self._generation = 0
        self._lock = threading.Lock()

    def begin(self, generation: int) -> None:
        """Go on with another connection: on it nobody waits for what was shown before."""
        with self._lock:
            self._generation = generation
            self._unstored.clear()
            self._is_last_kept = False
            for index, slot in self._slots.items():
                self._slots[index] = replace(slot, generation=generation)

    def slots(self) -> list[Slot]:
        """Return them all, oldest first."""
        with self._lock:
            return list(self._slots.values())

    def keep(self, urc: Urc) -> bool:
        """Keep what came with a URC; False where its body was lost, or where there is no room."""
        with self._lock:
            self._is_last_kept = False
            if urc.body is None or len(self._slots) >= DIRECT_MAX:
                return False
            length = answers.read_direct_length(urc.line)
            pdu = answers.whole_pdu(urc.body, length)
            # What could not be read as a PDU (a modem back in text mode) is kept, and the network brings it again.
            self._is_last_kept = pdu is not None
            self._count += 1
            self._unstored[self._count] = urc.kind
            self._slots[self._count] = Slot(
                memory=DIRECT_MEMORY,
                index=self._count,
                stat=Stat.REC_UNREAD,
                length=length,
                pdu=f"{urc.line}\n{urc.body}".encode("latin-1") if pdu is None else pdu,
                is_damaged=pdu is None,
                generation=self._generation,
                holder=self.holder,
            )
            return True

    def release(self, slot: Slot) -> bool:
        """Let go of one that is stored; whether the network is to be told now."""
        with self._lock:
            self._slots.pop(slot.index, None)
            self._unstored.pop(slot.index, None)
            return self._take_answer()

    def give_up_reports(self) -> bool:
        """Wait no more for reports to be stored; whether the network is to be told now. An SMS comes first."""
        with self._lock:
            if UrcKind.DIRECT in self._unstored.values():
                return False
            self._unstored.clear()
            return self._take_answer()

    def _take_answer(self) -> bool:
        is_due = self._is_last_kept and not self._unstored
        if is_due:
            self._is_last_kept = False
        return is_due
