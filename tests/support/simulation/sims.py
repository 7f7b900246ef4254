"""SIMs that are exchanged in the middle of a history: another card, with SMS of its own, perhaps another number.

A person who means it says so before, or later; a wrong SIM comes out again. Until somebody accepts a SIM, no reply may
leave by it. What lies on a SIM that is not put in again was not handed over: nobody but that SIM has it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from simulation.citizens import Handover, Town
from simulation.clock import VirtualClock
from simulation.faults import Faults
from simulation.serial_line import AtDelete, SerialLine
from simulation.streets import Onlooker, WatchedMemory
from simulation.trace import Trace

from hardware.sim_pins import SimPins
from hardware.simulator import SimulatedModem
from hardware.simulator.card import MessageMemory, SimCard, StoredMessage
from hardware.simulator.codec import StoredPdu
from hardware.simulator.network import WESTERN_INDONESIA
from hardware.sms import Stat

PLANNED = "SIM: exchanged as planned"
LATER = "SIM: exchanged, and accepted later"
WRONG = "SIM: a wrong one for a while"
SAME_SLOT = "SIM: the same octets in the same slot of another"
LOOKS_S = (5.0, 60.0, 600.0)  # when a person looks whether a line waits for a word about its SIM
_OWN_SMS_MAX = 3


class World(Protocol):
    """The history, as far as it is needed here."""

    clock: VirtualClock
    trace: Trace
    faults: Faults

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Do something then."""
        ...


@dataclass(frozen=True, slots=True)
class Sim:
    """A SIM: its card, the number that the network knows it by, and its memory."""

    card: SimCard
    number: str
    memory: WatchedMemory


@dataclass
class SimSlot:
    """The place for a SIM in one modem, and who may answer from it."""

    line: str
    serial: SerialLine
    onlooker: Onlooker
    pins: SimPins
    world: World
    chance: random.Random
    note_memory: Callable[[WatchedMemory], None]
    modem: SimulatedModem = field(init=False)
    own: Sim = field(init=False)
    accepted: set[str] = field(init=False)  # ICCIDs that a person knows of

    def __post_init__(self) -> None:
        self._was_exchanged = False
        self.modem = self.serial.modem
        memory = self.modem.memories["SM"]
        assert isinstance(memory, WatchedMemory)
        self.own = Sim(self.modem.card, self.modem.number, memory)
        self.accepted = {self.own.card.iccid}

    @property
    def is_accepted(self) -> bool:
        """Whether a reply may leave by the SIM that is in it."""
        return self.modem.card.iccid in self.accepted

    def plan(self, moment: float, town: Town) -> None:
        """Draw whether the SIM is exchanged, and how."""
        strikes = self.world.faults.strikes
        kind = next((kind for kind in (PLANNED, LATER, WRONG) if strikes(kind)), None)
        if kind is not None:
            self.world.at(moment, partial(self._begin, kind, town))

    def set_right(self) -> None:
        """From now on a person looks after it: the wrong SIM comes out, and what waits for a word gets one."""
        self.serial.at_delete = None
        if self.modem.number != self.own.number:
            self._put_in(self.own)
        if self._was_exchanged:  # the first SIM ever seen may have been the wrong one
            for delay_s in LOOKS_S:
                self.world.at(self.world.clock.monotonic() + delay_s, self._look)

    # -- what happens

    def _begin(self, kind: str, town: Town) -> None:
        """Make ready; the exchange itself may wait until a certain slot is freed."""
        other = self._new_sim(is_wrong=kind == WRONG)
        if kind == PLANNED:
            self.pins.accept(self.line)
            self.accepted.add(other.card.iccid)
        exchange = partial(self._exchange, kind, other, town)
        if self.own.memory.has_room and self.world.faults.strikes(SAME_SLOT):
            sms = _stored(town.write_lone_undated(self.line_number))
            index = self.own.memory.store(sms)
            assert index is not None
            # right when its slot is freed, else the store knows that it is gone, or has never seen it
            self.serial.at_delete = AtDelete(
                index, self.chance.random() < 0.5, partial(exchange, (index, sms))
            )
        else:
            exchange(None)

    def _exchange(
        self, kind: str, other: Sim, town: Town, twin: tuple[int, StoredMessage] | None
    ) -> None:
        """Put the other one in, with what lies on it; `twin` is what the one before had, and in which slot."""
        if self.pins.pinned(self.line) is None:  # nobody knows another one here
            self.accepted.add(other.card.iccid)
        self._put_in(other)
        if twin is not None:
            other.memory.store_at(*twin)
        moment = self.world.clock.now().astimezone(WESTERN_INDONESIA)
        for _ in range(self.chance.randint(0, _OWN_SMS_MAX)):
            if other.memory.has_room:
                other.memory.store(_stored(town.write_lone(self.line_number, moment)))
        later_at = self.world.clock.monotonic() + self.chance.uniform(15.0, 90.0)
        if kind == LATER:
            self.world.at(later_at, self._look)
        elif kind == WRONG:
            self.world.at(later_at, partial(self._put_in, self.own))

    def _new_sim(self, *, is_wrong: bool) -> Sim:
        own = self.own
        digit = "7" if is_wrong else "9"  # what neither its IMSI nor its ICCID begins with
        number = f"{own.number[:-3]}9{own.number[-2:]}" if is_wrong else own.number
        assert is_wrong == (number != own.number)
        card = SimCard(
            imsi=digit + own.card.imsi[1:], iccid=digit + own.card.iccid[1:], smsc=own.card.smsc
        )
        empty = MessageMemory("SM", own.memory.size, own.memory.first_index)
        memory = WatchedMemory(empty, self.onlooker, holders=frozenset({card.iccid, card.imsi}))
        self.note_memory(memory)
        return Sim(card, number, memory)

    def _put_in(self, sim: Sim) -> None:
        """Take out the SIM that is in it, put another in, and have the modem start."""
        modem = self.modem
        if modem.card is sim.card:
            return
        self._was_exchanged = True
        self.world.trace.say(self.line, f"gets the SIM {sim.card.iccid}, number {sim.number}")
        modem.reception.reset()  # what was shown and not acknowledged waits for the number it was sent to
        before = modem.memories["SM"]
        assert isinstance(before, WatchedMemory)
        before.is_out, sim.memory.is_out = True, False
        modem.network.detach(modem)
        modem.number = sim.number
        modem.network.attach(modem)
        modem.card, modem.memories["SM"] = sim.card, sim.memory
        modem.outgoing.clear()
        if self.chance.random() < 0.5:
            modem.vanish(self.chance.uniform(3.0, 40.0))
        modem.reboot()

    def _look(self) -> None:
        """Accept the SIM that is in it, if the line has seen it and waits for that."""
        strange = self.pins.strange(self.line)
        card = self.modem.card
        if strange is None:
            return
        # A modem whose manufacturer could not be read is not asked for the ICCID.
        told, of_card = (strange.iccid, card.iccid) if strange.iccid else (strange.imsi, card.imsi)
        if told in (of_card, None):
            self.pins.accept(self.line)
            self.accepted.add(card.iccid)
            self.world.trace.say(self.line, "a person accepts its SIM")

    @property
    def line_number(self) -> int:
        """Return which line it is."""
        return int(self.line.removeprefix("m")) - 1


def _stored(handover: Handover) -> StoredMessage:
    octets = handover.pdu
    return StoredMessage(
        Stat.REC_UNREAD, StoredPdu(octets.hex().upper(), len(octets) - 1 - octets[0])
    )
