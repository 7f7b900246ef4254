"""A town in one thread: phones, the simulated network and modem, the real driver, workers and store.

Time is virtual, so a day passes in milliseconds. A phone shows what the network brought it, and nothing
else is looked at to see what a citizen was told.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from config_files import write_config
from simulation.clock import VirtualClock
from simulation.faults import Faults
from simulation.serial_line import SerialLine, VirtualModem
from simulation.trace import Trace

from hardware.facts import ModemOptions
from hardware.simulator import Network, SimulatedModem
from smsgate import references
from smsgate.answers import Answers, AnswerTools
from smsgate.backends import Accepted, LookupOutcome, NotFound, Outcome
from smsgate.backends.progress import Progress, ProgressOutcome
from smsgate.config import load
from smsgate.forwarder import Forwarder
from smsgate.line import Line
from smsgate.line_tools import LinePolicy, LineTools
from smsgate.records import ComplaintStatus, ForwardedComplaint, LineRecord
from smsgate.rules import build_rules, build_store

OURS = "+6281170001708"
ROUNDS_MAX = 60
QUIET_ROUNDS = 2


@dataclass
class Office:
    """A complaint system that takes everything."""

    name: str = "kota"
    honours_idempotency_keys: bool = True
    can_be_asked: bool = False
    settle_s: float = 60.0
    request_deadline_s: float = 20.0
    complaints: list[ForwardedComplaint] = field(default_factory=list)
    additions: list[tuple[str, str]] = field(default_factory=list)  # reference and text
    progress: dict[str, Progress] = field(
        default_factory=dict
    )  # by reference: what it says if asked

    def forward(self, complaint: ForwardedComplaint, *, idempotency_key: str) -> Outcome:
        self.complaints.append(complaint)
        return Accepted(f"LPR-{len(self.complaints)}")

    def add(self, complaint: ForwardedComplaint, text: str, **_how: Any) -> Outcome:
        self.additions.append((complaint.reference, text))
        return Accepted(None)

    def find(self, reference: str) -> LookupOutcome:
        return NotFound()

    def look_up_progress(self, reference: str, tracking_id: str | None) -> ProgressOutcome:
        return self.progress.get(reference, NotFound())

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


class Town:
    """One gateway, its city, and whoever has a phone. `service` are more keys of its `[[service]]`."""

    def __init__(self, folder: Path, service: str = "") -> None:
        self.settings = load(write_config(folder, service=service), environ={})
        self.clock = VirtualClock()
        self.office = Office()
        self._trace = Trace(self.clock, is_on=False)
        self._faults = Faults(1, self._trace)
        self._faults.end()
        self._chance = random.Random(7)
        self.network = Network(clock=self.clock, seed=7)
        modem = self._modem = SimulatedModem(self.network, number=OURS, memories={"SM": 20})
        self._serial_line = SerialLine(
            modem, clock=self.clock, faults=self._faults, trace=self._trace, others=self
        )
        self.rules = build_rules(self.settings)
        self.store = build_store(self.settings, self.clock, self.rules, lambda: self._line.wake())
        self.store.open(create=True)
        self._line = self._build_line()
        chance = self._chance.random
        self._forwarder = Forwarder(self.store, self.office, clock=self.clock, chance=chance)
        self._answers = Answers(
            self.store,
            self.office,
            AnswerTools(
                clock=self.clock,
                poll_s=300.0,
                age_max=timedelta(days=180),
                on_replies=self._line.wake,
                raise_alarm=lambda _key, _text: None,
                clear_alarm=lambda _key: None,
            ),
        )

    def say(self, reference: str, status: ComplaintStatus, answer: str | None = None) -> None:
        """Let the office say something of a complaint, and everybody do what follows from it."""
        self.office.progress[reference] = Progress(status, status.value, answer, "Dinas PU")
        self.pass_time(minutes=10)

    def close(self) -> None:
        self._line.close()
        self.store.close()

    def wake(self) -> None:
        """A command has changed the store, and says so."""
        self._line.wake()
        self._forwarder.wake()

    def set_fault(self, name: str, **params: str | float) -> None:
        """Let something go wrong at the modem from now on."""
        self._modem.faults.set(name, **params)

    def clear_faults(self) -> None:
        """Let the modem work again."""
        self._modem.faults.clear()

    def phone(self, number: str) -> Phone:
        """Return somebody's phone."""
        return Phone(self, number)

    def pass_time(self, **span: float) -> None:
        """Let time go by, and everybody do what is due then."""
        self.run_until(self.clock.monotonic() + timedelta(**span).total_seconds())
        self.settle()

    def settle(self) -> None:
        """Let the gateway work until nothing is left to do."""
        quiet = 0
        for _ in range(ROUNDS_MAX):
            before = self._progress()
            self._line.step()
            self._forwarder.step()
            self._answers.step()
            self.run_until(self.clock.monotonic() + 2.0)
            is_at_rest = self._progress() == before and not self._modem.memories["SM"].slots
            quiet = quiet + 1 if is_at_rest else 0
            if quiet >= QUIET_ROUNDS:
                return
        raise AssertionError("the gateway did not come to rest")

    # --- for the serial line ----------------------------------------------------------------------

    def run_until(self, moment: float) -> None:
        self.clock.advance_to(moment)

    def check_alive(self) -> None:
        pass

    def kill(self) -> NoReturn:
        raise AssertionError("nobody dies here")

    # ---

    def _progress(self) -> Any:
        waiting = self.network.waiting(OURS)
        return self.store.counts(), self.network.submitted_count, waiting

    def _build_line(self) -> Line:
        def new_modem() -> VirtualModem:
            return VirtualModem(
                ModemOptions(port="/dev/simulated", memories=("SM",)),
                self._serial_line,
                chance=self._chance,
                trace=self._trace,
                on_ring=lambda: None,
            )

        return Line(
            LineRecord(gateway="batam-1", name="m1", service="btm", state="closed"),
            new_modem=new_modem,
            store=self.store,
            decide=self.rules["btm"],
            tools=LineTools(
                clock=self.clock,
                chance=self._chance.random,
                policy=LinePolicy(),
                new_reference=lambda: references.draw_reference(self._chance.randrange),
                on_work=lambda _backends: None,
                raise_alarm=lambda _key, _text: None,
                clear_alarm=lambda _key: None,
            ),
        )


class Phone:
    """One phone: what it sends, and what it shows."""

    def __init__(self, town: Town, number: str) -> None:
        self.number = number
        self._town = town
        self._read = 0

    def send(self, text: str) -> list[str]:
        """Send an SMS to the service, and return what comes back."""
        self._town.network.send(self.number, OURS, text)
        self._town.settle()
        return self.hear()

    def hear(self) -> list[str]:
        """Return what came since the last look."""
        inbox = [received.text for received in self._town.network.subscriber(self.number).inbox]
        new, self._read = inbox[self._read :], len(inbox)
        return new
