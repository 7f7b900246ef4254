"""How a modem takes what the network brings: into a memory, or shown at once (27.005 sections 3.4.1 and 3.4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .card import SimState, StoredMessage
from .codec import StoredPdu, SubmitError, decode_deliver
from .outgoing import Timer

if TYPE_CHECKING:
    from .modem import SimulatedModem

ACKNOWLEDGE_WITHIN_S = 15.0
_REC_UNREAD = 0
_HELD_MAX = 64  # indications kept while AT+CNMI mode is 0


class Reception:
    """The receiving side of one modem. `shows_urcs` False makes it store everything and say nothing."""

    def __init__(self, modem: SimulatedModem, *, shows_urcs: bool) -> None:
        self._modem = modem
        self.shows_urcs = shows_urcs
        self._held: list[list[str]] = []
        self._unacknowledged: StoredPdu | None = None
        self._ack_timer: Timer | None = None

    def take(self, pdu: StoredPdu) -> bool:
        """Take a PDU from the network; False when it must wait there."""
        modem = self._modem
        if modem.is_off or not modem.radio.is_registered or modem.card.state is not SimState.READY:
            return False
        if modem.faults.is_armed and modem.faults.is_set("storage_refuses"):
            return False
        if pdu.is_report:
            return self._take_report(pdu)
        target = modem.settings.notification[1]
        is_direct = (
            (target == 2 and pdu.message_class != 2)
            or (target == 3 and pdu.message_class == 3)
            or (target == 1 and pdu.message_class == 0 and modem.profile.is_flash_shown_directly)
        )
        if is_direct and self.shows_urcs:
            return self._show(pdu)
        memory = modem.memories[modem.settings.memories[2]]
        index = memory.store(StoredMessage(_REC_UNREAD, pdu))
        if index is None:
            return False
        if target in (1, 2, 3):
            self.indicate([f'+CMTI: "{memory.name}",{index}'])
        return True

    def indicate(self, lines: list[str]) -> None:
        """Say a message indication, or keep it while AT+CNMI mode is 0."""
        if not self.shows_urcs or self._modem.faults.is_set("urc_withheld"):
            return
        is_held = self._modem.settings.notification[0] == 0
        if is_held and not self._modem.profile.is_always_notifying:
            self._held = [*self._held, lines][-_HELD_MAX:]
            return
        self._modem.say_urc(lines)

    def settings_changed(self) -> None:
        """AT+CNMI was set: say what was kept, and let the network try again."""
        if self._modem.settings.notification[0] != 0:
            held, self._held = self._held, []
            for lines in held:
                self.indicate(lines)
        self._modem.network.flush(self._modem.number)

    def acknowledge(self) -> bool:
        """AT+CNMA: the message shown last has arrived; False when none was waiting for it."""
        if self._unacknowledged is None:
            return False
        self._forget_unacknowledged()
        self._modem.network.flush(self._modem.number)
        return True

    def refuse(self) -> None:
        """No acknowledgement came, or a negative one: the network keeps the message."""
        pdu = self._unacknowledged
        self._forget_unacknowledged()
        if pdu is not None:
            self._modem.network.take_back(self._modem.number, pdu)

    def reset(self) -> None:
        """A restart: what was not acknowledged goes back, indications are forgotten."""
        self.refuse()
        self._held.clear()

    def _forget_unacknowledged(self) -> None:
        self._unacknowledged = None
        if self._ack_timer is not None:
            self._ack_timer.cancel()
            self._ack_timer = None

    def _show(self, pdu: StoredPdu) -> bool:
        if self._unacknowledged is not None:
            return False
        self._expect_acknowledgement(pdu)
        self._modem.say_urc(self._direct_lines(pdu))
        return True

    def _expect_acknowledgement(self, pdu: StoredPdu) -> None:
        if self._modem.settings.service == 1:
            self._unacknowledged = pdu
            self._ack_timer = self._modem.after(ACKNOWLEDGE_WITHIN_S, self._give_up)

    def _give_up(self) -> None:
        """Nobody acknowledges: stop showing messages directly (27.005 section 3.4.4)."""
        settings = self._modem.settings
        mode, _, broadcast, _, buffered = settings.notification
        settings.notification = (mode, 0, broadcast, 0, buffered)
        self.refuse()
        self._modem.network.flush(self._modem.number)

    def _direct_lines(self, pdu: StoredPdu) -> list[str]:
        if self._modem.settings.is_text_mode:
            try:
                shown = decode_deliver(pdu.hex)
            except SubmitError:
                return [f"+CMT: ,{pdu.length}", pdu.hex]
            return [f'+CMT: "{shown.sender}",,"{shown.sent_at}"', shown.text]
        return [f"+CMT: ,{pdu.length}", pdu.hex]

    def _take_report(self, pdu: StoredPdu) -> bool:
        modem = self._modem
        target = modem.settings.notification[3]
        if target == 1:
            if self._unacknowledged is not None:
                return False
            self._expect_acknowledgement(pdu)
            modem.say_urc([f"+CDS: {pdu.length}", pdu.hex])
        elif target == 2:
            name = "SR" if "SR" in modem.memories else modem.settings.memories[2]
            index = modem.memories[name].store(StoredMessage(_REC_UNREAD, pdu))
            if index is None:
                return False
            self.indicate([f'+CDSI: "{name}",{index}'])
        return True
