"""A line on a simulated modem, on the virtual clock: the real worker and the real driver, for faults that last.

bench = FaultBench()
bench.strike("mute", delay_s=0)
bench.run_for(10)
bench.clear("mute")
assert bench.seconds_to_receive() < 3
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from line_bench import BenchStore, a_reply
from simulation.clock import VirtualClock
from simulation.serial_line import SerialLine, VirtualModem
from simulation.trace import Trace

from hardware.facts import ModemOptions
from hardware.simulator import Network, SimulatedModem
from hardware.sms import SmsDeliver
from smsgate.line import Line
from smsgate.line_tools import LinePolicy, LineTools
from smsgate.records import (
    Decide,
    Decision,
    Disposition,
    LineRecord,
    Received,
    ReplyClaim,
    ReplyState,
)
from smsgate.references import draw_reference

NUMBER = "+6281170001708"
CITIZEN = "+6281234567890"
STEPS_MAX = 20_000


class KnowingStore(BenchStore):
    """Knows a message again, as the real one does; `texts` counts what it has. There is at most one reply."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock
        self.due_at: datetime | None = None  # of the one reply
        self.attempts = 0
        self.tried_at: list[datetime] = []
        self.keys: set[bytes] = set()
        self.texts: Counter[str] = Counter()
        self.on_new: Callable[[], None] = lambda: None

    def claim_reply(self, service, line, *, lease_s) -> ReplyClaim | None:
        if self.due_at is None or self.due_at > self.clock.now():
            return None
        self.due_at = None
        self.attempts += 1
        self.tried_at.append(self.clock.now())
        return a_reply(5, attempt=self.attempts)

    def next_reply_at(self, service, line) -> datetime | None:
        return self.due_at

    def settle_reply(self, claim, state, *, next_at=None, **how) -> bool:
        if state is ReplyState.DUE:
            self.due_at = next_at
        return super().settle_reply(claim, state, next_at=next_at, **how)

    def receive(self, line, service, batch, decide, new_reference, *, gone=()) -> Received:
        new = 0
        for part in batch:
            if part.key not in self.keys:
                self.keys.add(part.key)
                new += 1
                if isinstance(part.decoded, SmsDeliver):
                    self.texts[part.decoded.text] += 1
                    self.on_new()
        answer = super().receive(line, service, batch, decide, new_reference, gone=gone)
        return Received(committed=answer.committed, part_ids=answer.part_ids, new_parts=new)


class NoFaults:
    """The serial line itself is sound: what goes wrong is the modem's."""

    def strikes(self, _name: str) -> bool:
        return False

    def one_of(self, _names: tuple[str, ...]) -> None:
        return None


class Plans:
    """What happens at a moment, also while the driver waits; nobody else runs."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._planned: list[tuple[float, Callable[[], None]]] = []

    def add(self, moment: float, act: Callable[[], None]) -> None:
        self._planned.append((moment, act))

    def next_at(self, latest: float) -> float:
        return min([latest, *(moment for moment, _ in self._planned)])

    def run_until(self, moment: float) -> None:
        for plan in sorted(self._planned, key=lambda plan: plan[0]):
            if plan[0] <= moment:
                self._clock.advance_to(plan[0])
                self._planned.remove(plan)
                plan[1]()
                return  # what it has the modem say is heard before more time passes
        self._clock.advance_to(moment)

    def kill(self) -> NoReturn:
        raise AssertionError("nothing here kills the process")

    def check_alive(self) -> None:
        pass


class FaultBench:
    """One line, its modem, and everything that it received."""

    def __init__(
        self,
        *,
        seed: int = 1,
        slots: int = 20,
        urc: bool = True,
        traced: bool = True,
        reports: bool = False,
    ) -> None:
        self.clock = VirtualClock()
        self.trace = Trace(self.clock, is_on=traced)
        self.plans = Plans(self.clock)
        self.network = Network(clock=self.clock, seed=seed)
        self.device = SimulatedModem(
            self.network, number=NUMBER, memories={"SM": slots}, urc=urc, profile="sim800"
        )
        self.store = KnowingStore(self.clock)
        self.alarms: dict[str, str] = {}
        self.power_cycles = 0
        chance = random.Random(seed)
        self.serial = SerialLine(
            self.device,
            clock=self.clock,
            faults=NoFaults(),  # type: ignore[arg-type]
            trace=self.trace,
            others=self.plans,
        )
        self._rang = False
        self.line = Line(
            LineRecord(gateway="g", name="m1", service="btm", state="closed"),
            new_modem=lambda: VirtualModem(
                ModemOptions("/dev/virtual", memories=("SM",), wants_reports=reports),
                self.serial,
                chance=chance,
                trace=self.trace,
                on_ring=self._ring,
            ),
            store=self.store,
            decide=lambda *_: Decision(Disposition.TRIAGE),
            tools=LineTools(
                clock=self.clock,
                chance=chance.random,
                policy=LinePolicy(),
                new_reference=lambda: draw_reference(chance.randrange),
                on_work=lambda _: None,
                raise_alarm=self.alarms.__setitem__,
                clear_alarm=lambda key: self.alarms.pop(key, None),
            ),
        )
        self.sent: list[str] = []
        self.stored_at = 0.0  # when the last new SMS was
        self.store.on_new = self._note_new
        self._wanted_at = self.clock.monotonic()

    def use(self, store: Any, decide: Decide) -> None:
        """Have the line keep what it receives in this store, before its first step."""
        line = self.line
        self.line = Line(
            line.record,
            new_modem=line._new_modem,
            store=store,
            decide=decide,
            tools=line._tools,
        )

    # -- what happens to the line

    def arrive(self, text: str | None = None) -> None:
        """Have a citizen send an SMS."""
        text = text or f"BTM nomor {len(self.sent) + 1}"
        self.sent.append(text)
        self.network.send(CITIZEN, NUMBER, text)

    def strike(self, name: str, **params: Any) -> None:
        """Set a fault on the modem."""
        self.device.faults.set(name, **params)

    def clear(self, name: str | None = None) -> None:
        """End a fault, or all."""
        self.device.faults.clear(name)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen later, in the middle of whatever the line does then."""
        self.plans.add(self.clock.monotonic() + seconds, act)

    # -- time

    def owe_reply(self) -> None:
        """Make a reply due."""
        self.store.due_at = self.clock.now()
        self.line.wake()
        self._rang = True

    def run_for(self, seconds: float) -> None:
        """Let the line work for so long."""
        self.run_until(lambda: False, limit_s=seconds)

    def run_until(self, is_so: Callable[[], bool], *, limit_s: float) -> float:
        """Let the line work until something is so; return how long it took, at most the limit."""
        began_at = self.clock.monotonic()
        end = began_at + limit_s
        for _ in range(STEPS_MAX):
            if is_so() or self.clock.monotonic() >= end:
                return self.clock.monotonic() - began_at
            if self._rang or self.clock.monotonic() >= self._wanted_at:
                self._rang = False
                self._wanted_at = self.clock.monotonic() + self.line.step()
            else:
                until = self.plans.next_at(min(self._wanted_at, end))
                if not self.serial.hear_until(until, lambda: self._rang):
                    self.plans.run_until(until)
        raise AssertionError("the line is busy for ever:\n" + "\n".join(self.trace.lines[-60:]))

    def has_all(self) -> bool:
        """Whether everything that was sent is stored."""
        return all(self.store.texts[text] for text in self.sent)

    def outlive(
        self, name: str, *, for_s: float = 10.0, limit_s: float = 120.0, **params: Any
    ) -> float:
        """Set a fault for so long, an SMS arriving amid it and one at its end; return how long after its end, which
        comes whatever the line is doing then, all that was sent is stored.
        """
        ended: list[float] = []

        def end() -> None:
            self.clear(name)
            self.arrive()
            ended.append(self.clock.monotonic())

        self.strike(name, **params)
        self.after(1.0, self.arrive)
        self.after(for_s, end)
        self.run_until(lambda: bool(ended) and self.has_all(), limit_s=for_s + limit_s)
        return self.stored_at - ended[0]

    def seconds_to_receive(self, *, limit_s: float = 120.0) -> float:
        """Send an SMS now; return how long until it, and all before it, is stored."""
        self.arrive()
        return self.run_until(self.has_all, limit_s=limit_s)

    def drafts(self) -> int:
        """Return how many drafts stand in the memory."""
        held = self.device.memories["SM"]
        return sum(message.stat in (2, 3) for message in held.slots.values())

    def _note_new(self) -> None:
        self.stored_at = self.clock.monotonic()

    def _ring(self) -> None:
        self._rang = True
