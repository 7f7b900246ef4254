"""What is there before the gateway starts and outlives it: network, modems with their SIMs, complaint systems, disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, Protocol

from msgspec.structs import replace
from simulation.citizens import Town, line_name
from simulation.clock import VirtualClock
from simulation.complaint_server import BackendKind, ScriptedBackend
from simulation.evidence import Evidence, LineEvidence
from simulation.faults import Faults
from simulation.gateway import Plant, Site
from simulation.serial_line import SerialLine
from simulation.sims import SimSlot
from simulation.streets import WatchedMemory, WatchedNetwork, WatchedReception
from simulation.trace import Trace

from hardware.facts import ModemOptions
from hardware.pdu import tpdu_key
from hardware.sim_pins import SimPins
from hardware.simulator import SimulatedModem
from hardware.simulator.card import StoredMessage
from hardware.simulator.codec import Submit, encode_report, encode_submit, store_pdu
from hardware.sms import Stat
from smsgate.line_tools import LinePolicy
from smsgate.references import is_reference

_PROFILES = ("generic", "sim800", "huawei")
SHORT_LEASE_S = 100.0  # shorter than the wait for the answer to an AT+CMGS


class World(Protocol):
    """The history, as far as the surroundings need it."""

    clock: VirtualClock
    trace: Trace
    faults: Faults

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Do something then."""
        ...

    def kill(self) -> NoReturn:
        """The process dies here."""
        ...

    def check_alive(self) -> None:
        """Raise Killed once the process is dead."""
        ...

    def run_until(self, moment: float) -> None:
        """Let everybody else go on up to this moment."""
        ...

    def note_submitted(self, submit: Submit) -> None:
        """A reply, or a part of one, reached the SMSC."""
        ...


@dataclass
class Surroundings:
    """Everything outside the process."""

    world: World
    evidence: Evidence
    chance: random.Random
    network: WatchedNetwork
    policy: LinePolicy
    lines: list[SerialLine] = field(default_factory=list)
    options: list[ModemOptions] = field(default_factory=list)
    backends: list[ScriptedBackend] = field(default_factory=list)
    receptions: list[WatchedReception] = field(default_factory=list)
    sims: list[SimSlot] = field(default_factory=list)
    pins: SimPins = field(default_factory=SimPins)  # they outlive the process

    def ground(self, plant: Plant) -> Site:
        """Return what a new process is built on."""
        return Site(
            clock=self.world.clock,
            lines=self.lines,
            options=self.options,
            backends=self.backends,
            policy=self.policy,
            trace=self.world.trace,
            plant=plant,
            pins=self.pins,
            is_wordy=self.world.faults.knows("replies of several parts"),
        )

    def plan(self, duration_s: float, town: Town) -> None:
        """Draw what goes wrong with radio and SIM, and when."""
        faults, start = self.world.faults, self.world.clock.monotonic()
        for line, sim in zip(self.lines, self.sims, strict=True):
            sim.plan(start + self.chance.uniform(0.0, duration_s), town)
            moment = start + self.chance.uniform(0.0, duration_s)
            if faults.strikes("modem: SIM full"):
                self.world.at(moment, partial(line.modem.faults.set, "memory_full"))
            if faults.strikes("modem: announces nothing"):
                line.modem.faults.set("urc_withheld")
            if faults.strikes("network: not reached for a while"):
                self.world.at(moment, partial(line.modem.set_registration, 2))
                back_at = moment + self.chance.uniform(5.0, 60.0)
                self.world.at(back_at, partial(line.modem.set_registration, 1))

    def heal(self) -> None:
        """Everything works from now on."""
        for line in self.lines:
            line.modem.faults.clear()
            line.modem.set_registration(1)
        for sim in self.sims:
            sim.set_right()

    def held_count(self) -> int:
        """Return how many received SMS are on a SIM, shown by a modem, or at the SMSC."""
        on_sim = sum(len(memory.received) for memory in self.evidence.memories if not memory.is_out)
        return on_sim + self._waiting_at_smsc()

    def report(self, sender: str, submit: Submit, reference: int) -> None:
        """Have the SMSC say what became of a reply, some time later; the modem keeps the report as it keeps SMS."""
        if not self.world.faults.strikes("network: a status report"):
            return
        number = next(n for n, line in enumerate(self.lines) if line.modem.number == sender)
        modem, at = self.lines[number].modem, self.network.moment()
        status = self.chance.choice((0x00, 0x00, 0x00, 0x30, 0x41))
        tpdu = encode_report(reference, submit.recipient, at=at, discharged_at=at, status=status)
        message = StoredMessage(Stat.REC_UNREAD, store_pdu(self.network.smsc, tpdu))
        memory = modem.memories["SM"]
        later = self.world.clock.monotonic() + self.chance.uniform(0.01, 20.0)
        self.world.at(later, lambda: memory.store(message) and None)

    def reference_known_to(self, citizen: str) -> str | None:
        """Return the reference of the newest receipt that this citizen has."""
        for received in reversed(self.network.subscriber(citizen).inbox):
            for word in received.text.replace(".", " ").replace(",", " ").split():
                if is_reference(word):
                    return word
        return None

    def testify(self) -> None:
        """Give the evidence what is known only here."""
        self.evidence.waiting_at_smsc = self._waiting_at_smsc()
        self.evidence.changed_smsc = any(
            line.modem.card.smsc != self.network.smsc for line in self.lines
        )
        for number, line in enumerate(self.lines):
            name = line_name(number)
            self.evidence.altered += [((name, a), (name, b)) for a, b in line.altered]
        for memory in self.evidence.memories:
            if memory.is_out:
                keys = [tpdu_key(bytes.fromhex(held.pdu.hex)) for held in memory.received]
                memory.onlooker.note_taken_along(keys)

    def _waiting_at_smsc(self) -> int:
        shown = sum(reception.is_waiting for reception in self.receptions)
        return shown + sum(self.network.waiting(sim.own.number) for sim in self.sims)


def _policy(reply_lease_s: float) -> LinePolicy:
    """Return a line's limits. It looks less often than usual: listings that show nothing take most of the time."""
    return LinePolicy(
        poll_s=20.0,
        poll_unproven_s=2.0,
        poll_unannounced_s=2.0,
        health_s=60.0,
        settings_s=120.0,
        save_s=600.0,
        reply_lease_s=reply_lease_s,
    )


def build_surroundings(seed: int, world: World, evidence: Evidence) -> Surroundings:
    """Draw and build what a history happens in."""
    chance = random.Random(f"{seed} surroundings")

    def note_submitted(sender: str, submit: Submit, reference: int) -> None:
        if not next(s.is_accepted for s in site.sims if s.modem.number == sender):
            evidence.unclaimed.append("STRANGE: a reply left by a SIM that nobody has accepted")
        world.note_submitted(submit)
        site.report(sender, submit, reference)

    network = WatchedNetwork(clock=world.clock, seed=seed, on_submitted=note_submitted)
    site = Surroundings(
        world,
        evidence,
        chance,
        network,
        policy=_policy(chance.choice((600.0, 600.0, SHORT_LEASE_S))),
    )
    for number in range(chance.choice((1, 1, 2))):
        _add_line(site, number)
    for name in ("kota", "pusat")[: chance.choice((1, 1, 2))]:
        site.backends.append(
            ScriptedBackend(
                name,
                chance.choice(list(BackendKind)),
                clock=world.clock,
                faults=world.faults,
                trace=world.trace,
                others=world,
            )
        )
    evidence.backends = site.backends
    return site


def _add_line(site: Surroundings, number: int) -> None:
    """Add a modem with a SIM of some size, perhaps with somebody's drafts on it."""
    chance, world, evidence = site.chance, site.world, site.evidence
    sizes = {"SM": chance.choice((5, 10, 20)), "ME": chance.choice((0, 0, 8))}
    modem = SimulatedModem(
        site.network,
        number=f"+62811700017{number:02d}",
        profile=chance.choice(_PROFILES),
        memories=sizes,
    )
    if world.faults.knows("network: handed over directly (+CMT)"):
        modem.profile = replace(modem.profile, is_flash_shown_directly=True)
    line = line_name(number)
    onlooker = LineEvidence(evidence, line)
    reception = WatchedReception(modem, shows_urcs=modem.reception.shows_urcs)
    reception.onlooker = onlooker
    modem.reception = reception
    site.receptions.append(reception)
    for name, memory in modem.memories.items():
        holders = {modem.card.iccid, modem.card.imsi} if name == "SM" else {modem.imei}
        watched = modem.memories[name] = WatchedMemory(memory, onlooker, frozenset(holders))
        evidence.memories.append(watched)
        for _ in range(chance.choice((0, 0, 1, 2))):
            tpdu = encode_submit("+6281234567890", f"konsep {chance.randrange(100)}")
            draft = store_pdu("", tpdu)
            index = watched.store(StoredMessage(Stat.STO_UNSENT, draft))
            assert index is not None
            evidence.drafts[len(evidence.memories) - 1, index] = draft.hex
    serial = SerialLine(
        modem, clock=world.clock, faults=world.faults, trace=world.trace, others=world
    )
    site.lines.append(serial)
    site.sims.append(
        SimSlot(
            line,
            serial,
            onlooker=onlooker,
            pins=site.pins,
            world=world,
            chance=chance,
            note_memory=evidence.memories.append,
        )
    )
    site.options.append(ModemOptions(port=f"/dev/simulated-{line}", memories=("SM", "ME")))
