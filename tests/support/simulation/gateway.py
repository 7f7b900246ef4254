"""The gateway's process in a history: the real store and the real workers, built anew after each death.

Built as `smsgate.daemon` builds them, without threads, ports, HTTP and signals.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace
from simulation.citizens import PART_DEADLINE_S, line_name
from simulation.clock import VirtualClock
from simulation.complaint_server import ScriptedBackend
from simulation.disk import shared_disk
from simulation.serial_line import SerialLine, VirtualModem
from simulation.trace import Trace

from hardware.facts import ModemOptions
from hardware.sim_pins import SimPins
from smsgate import references
from smsgate.alarms import AlarmBoard
from smsgate.forwarder import Forwarder
from smsgate.housekeeper import Housekeeper, HouseTools
from smsgate.intake import Intake
from smsgate.line import Line
from smsgate.line_tools import LinePolicy, LineTools
from smsgate.records import CompleteSms, Decide, Decision, LineRecord, SenderKnowledge
from smsgate.rules import service_rules
from smsgate.settings import ServiceSettings
from smsgate.store import ServiceFacts, Store
from smsgate.workers import Worker

GATEWAY = "simulated"
SERVICE = "btm"
IDLE_S_MAX = 3600.0  # as workers.Runner has it

_SETTINGS = ServiceSettings(
    name=SERVICE, number="1708", prefixes=("BTM",), institution="Pemko Batam", backends=("kota",)
)
_INTAKE = Intake(service_rules(_SETTINGS))
_MORE_WORDS = " Petugas kami akan memeriksa tempatnya dan menghubungi Anda bila perlu." * 3


def _decide_at_length(sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
    """Decide as usual, and answer in more words than one part holds."""
    decision = _INTAKE.decide(sms, known, reference)
    replies = [replace(reply, text=reply.text + _MORE_WORDS) for reply in decision.replies]
    return replace(decision, replies=replies)


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug that is planted to see whether it is found: what becomes of a new store, and of a new line."""

    name: str = ""
    store: Callable[[Store], Any] = lambda store: store
    line: Callable[[Line], None] = lambda _line: None
    near: int = 0  # it was found soon after this seed; to look there first saves minutes


NO_BUG = Plant()


@dataclass(frozen=True, slots=True)
class Site:
    """What is there before the process starts, and outlives it."""

    clock: VirtualClock
    lines: list[SerialLine]
    backends: list[ScriptedBackend]
    options: list[ModemOptions]
    policy: LinePolicy
    trace: Trace
    plant: Plant
    pins: SimPins
    is_wordy: bool = False  # its receipts take more than one part


@dataclass(slots=True)
class Scheduled:
    """A worker, and when it wants to be stepped."""

    worker: Worker
    due_at: float
    is_stepping: bool = False
    crashes: int = 0


@dataclass
class Gateway:
    """One process: from `start` to its death."""

    site: Site
    seed: str
    watch: Callable[[Any], Any]  # an onlooker's hold on the store
    scheduled: list[Scheduled] = field(default_factory=list)

    def start(self) -> None:
        """Do what `Daemon.run` does before its workers run."""
        site = self.site
        self._chance = random.Random(f"{self.seed} gateway")
        self._store = Store(
            shared_disk().url,
            GATEWAY,
            clock=site.clock,
            services={
                SERVICE: ServiceFacts(
                    number=_SETTINGS.number,
                    backends=tuple(backend.name for backend in site.backends),
                    parts_deadline_s=PART_DEADLINE_S,
                )
            },
        )
        shared_disk().attach(self._store)
        planted = site.plant.store(self._store)
        planted.open(create=True)
        planted.own()
        planted.recover()
        self.store = self.watch(planted)
        self._start_workers()

    def release(self) -> None:
        """End the process: the lock and the connections end with it, and nothing else is done."""
        if hasattr(self, "_store"):
            self._store.close()
        self.scheduled.clear()

    def stop(self) -> None:
        """End it as SIGTERM does: every worker closes what it holds."""
        for scheduled in self.scheduled:
            scheduled.worker.close()
        self.release()

    @property
    def _decide(self) -> Decide:
        return _decide_at_length if self.site.is_wordy else _INTAKE.decide

    def wake(self, backends: Collection[str]) -> None:
        """As `Daemon._wake`: these backends have work now; with none named, everybody looks."""
        for scheduled in self.scheduled:
            worker = scheduled.worker
            is_meant = (
                worker.name.removeprefix("forwarder-") in backends
                if backends
                else not isinstance(worker, Housekeeper)
            )
            if is_meant:
                worker.wake()
                scheduled.due_at = self.site.clock.monotonic()

    # -- building

    def _start_workers(self) -> None:
        now = self.site.clock.monotonic()
        workers: list[Worker] = [
            *(self._line(number) for number in range(len(self.site.lines))),
            *(self._forwarder(backend) for backend in self.site.backends),
            Housekeeper(
                self.store,
                {SERVICE: self._decide},
                HouseTools(
                    self._new_reference, self.wake, AlarmBoard(self.site.clock), self.site.clock
                ),
            ),
        ]
        self.scheduled[:] = [Scheduled(worker, now) for worker in workers]

    def _line(self, number: int) -> Line:
        site, name = self.site, line_name(number)
        serial_line = site.lines[number]

        def new_modem() -> VirtualModem:
            return VirtualModem(
                site.options[number],
                serial_line,
                chance=self._chance,
                trace=site.trace,
                on_ring=lambda: self._ring(name),
            )

        line = Line(
            LineRecord(gateway=GATEWAY, name=name, service=SERVICE, state="closed"),
            new_modem=new_modem,
            store=self.store,
            decide=self._decide,
            tools=LineTools(
                clock=site.clock,
                chance=self._chance.random,
                policy=site.policy,
                new_reference=self._new_reference,
                on_work=self.wake,
                raise_alarm=lambda key, text: site.trace.say("ALARM", f"{key}: {text}"),
                clear_alarm=lambda _key: None,
                sim_pins=site.pins,
            ),
        )
        site.plant.line(line)
        return line

    def _forwarder(self, backend: ScriptedBackend) -> Forwarder:
        return Forwarder(self.store, backend, clock=self.site.clock, chance=self._chance.random)

    def _ring(self, name: str) -> None:
        for scheduled in self.scheduled:
            if scheduled.worker.name == f"line {name}":
                scheduled.due_at = self.site.clock.monotonic()

    def _new_reference(self) -> str:
        return references.draw_reference(self._chance.randrange)
