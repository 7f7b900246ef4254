"""One history: everything that happens between an empty store and the quiet after the last fault.

The scheduler takes one worker after the other, those that are due in an order drawn by the seed, and moves the clock
when nobody is due. While a worker waits (for an answer on the line, for a backend) the others go on, as threads would;
so steps interleave at every place where the real ones can, except inside a transaction.
"""

from __future__ import annotations

import gc
import heapq
import random
import re
import sqlite3
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import NoReturn

from simulation.citizens import PART_DEADLINE_S, Handover, Sms, Town
from simulation.clock import STARTED_AT, VirtualClock
from simulation.disk import shared_disk
from simulation.evidence import Evidence
from simulation.faults import Faults, Killed
from simulation.gateway import IDLE_S_MAX, NO_BUG, Gateway, Plant, Scheduled
from simulation.invariants import RECEIPTS, misread, violations
from simulation.streets import Phones
from simulation.surroundings import Surroundings, build_surroundings
from simulation.trace import Trace, listening
from simulation.watching import Watched

from hardware.simulator.codec import Submit
from smsgate.errors import StoreError
from smsgate.housekeeper import ROUND_S
from smsgate.references import is_reference
from smsgate.workers import CRASH_DELAYS_S

AFTERMATH_S = 25.0  # faults go on so long after the last SMS was sent
RESTARTS_S = (0.2, 2.0, 15.0)  # systemd takes its time
START_AGAIN_S = 5.0
QUIET_STEPS_S = (1.0, 5.0, 35.0, 120.0, 300.0, 900.0, 1800.0)
QUIET_ROUNDS_MAX = 120
TURNS_MAX = 200_000  # of one history; more is a spin

_REFERENCE = re.compile(r"\b\d{8}\b")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a history came to."""

    seed: int
    violations: list[str]
    misread: list[str]  # the one named exception to the promises
    struck: Counter[str]
    sms: int
    deaths: int
    trace: list[str]


def run_history(seed: int, *, plant: Plant = NO_BUG, is_traced: bool = False) -> Outcome:
    """Run one history to its end and look what it broke."""
    clock = VirtualClock()
    trace = Trace(clock, is_on=is_traced)
    with (
        seldom_collecting(),
        listening(trace),
        closing(History(seed, clock, trace, plant)) as history,
    ):
        return history.run()


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for cyclic garbage more seldom, and not in what was there before: a quarter of a history's time."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class History:
    """The state of one history, and its scheduler."""

    def __init__(self, seed: int, clock: VirtualClock, trace: Trace, plant: Plant) -> None:
        self._seed = seed
        self._plant = plant
        self.clock = clock
        self.trace = trace
        self.faults = Faults(seed, self.trace)
        self._chance = random.Random(f"{seed} scheduler")
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._event_count = 0
        self._turns = 0
        self._is_dead = False
        self._is_stop_wanted = False
        self._deaths = 0
        self._gateway: Gateway | None = None
        self._watched: Watched | None = None
        self._phones = Phones()
        shared_disk().use(faults=self.faults, process=self, clock=self.clock)
        self.evidence = Evidence(shared_disk().look())
        self._site: Surroundings = build_surroundings(seed, self, self.evidence)

    def close(self) -> None:
        """Free what the history holds."""
        shared_disk().release()
        if self._gateway is not None:
            self._gateway.release()
        self.evidence.store.close()

    # -- what everybody uses

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Do something then."""
        self._event_count += 1
        heapq.heappush(self._events, (moment, self._event_count, act))

    def kill(self) -> NoReturn:
        """The process dies here."""
        self._is_dead = True
        raise Killed

    def check_alive(self) -> None:
        """Raise Killed once the process is dead: what unwinds writes nothing."""
        if self._is_dead:
            raise Killed

    def run_until(self, moment: float) -> None:
        """Let everybody who is not waiting here go on, up to this moment."""
        while self.clock.monotonic() < moment:
            self._turn(moment)

    # -- the whole

    def run(self) -> Outcome:
        """Run from the first SMS to the quiet after the last fault."""
        last_at = self._plan()
        self.at(self.clock.monotonic(), self._start)
        end = last_at + AFTERMATH_S
        while self.clock.monotonic() < end:
            self._guarded(partial(self._turn, end))
        self._end_faults()
        self._become_quiet()
        return self._judge()

    def _plan(self) -> float:
        """Put what citizens send into the calendar; return when the last SMS is sent."""
        town = Town(self._seed, self.faults, len(self._site.lines))
        started_at = self.clock.monotonic()
        last_at = started_at
        for sms in town.plan():
            last_at = started_at + sms.at_s
            self.at(last_at, partial(self._send, town, sms))
        self.evidence.sent = town.sent
        self.evidence.undated = town.undated
        self._site.plan(last_at - started_at, town)
        if self.faults.strikes("process: stopped and started"):
            self.at(self._chance.uniform(started_at, last_at), self._want_stop)
        return last_at

    def _send(self, town: Town, sms: Sms) -> None:
        reference = self._site.reference_known_to(sms.sender)
        sent_at = STARTED_AT + timedelta(seconds=sms.at_s)
        handovers = town.write(sms, sent_at, reference)
        self.trace.say(sms.sender, f"sends SMS {sms.number} to line m{sms.line + 1}: {sms.text}")
        for handover in handovers:
            moment = self.clock.monotonic() + handover.after_s
            self.at(moment, partial(self._hand_over, sms, handover))

    def _hand_over(self, sms: Sms, handover: Handover) -> None:
        self.trace.say("SMSC", f"brings a part of SMS {sms.number}")
        number = self._site.sims[handover.line].own.number
        self._site.network.bring(number, handover.pdu, handover.message_class)

    # -- the process

    def _start(self) -> None:
        """Start the process; where that fails, again a little later."""
        gateway = Gateway(
            self._site.ground(self._plant), f"{self._seed} {self._deaths}", self._watch
        )
        self._gateway = gateway
        self.trace.say("process", "starts")
        try:
            gateway.start()
        except StoreError as error:
            self.trace.say("process", f"cannot start: {error}")
            gateway.release()
            self._gateway = None
            self.at(self.clock.monotonic() + START_AGAIN_S, self._start)

    def _watch(self, store: object) -> Watched:
        self._watched = Watched(store, self.evidence.doubts, self.clock, self)
        return self._watched

    def _guarded(self, act: Callable[[], None]) -> None:
        """Do something, and if the process dies of it, have it started again."""
        try:
            act()
        except Killed:
            self._deaths += 1
            self.trace.say("process", "is dead")
            self._end_process(is_killed=True)
            self._is_dead = False
            self.at(self.clock.monotonic() + self._chance.choice(RESTARTS_S), self._start)
        if self._is_stop_wanted:
            self._is_stop_wanted = False
            self._stop()

    def _want_stop(self) -> None:
        self._is_stop_wanted = self._gateway is not None

    def _stop(self) -> None:
        """Stop the process as a person would, every step in hand finished."""
        if self._gateway is None:
            return
        self.trace.say("process", "is stopped")
        if self._watched is not None:
            self._watched.is_stopping = True
        self._guarded(self._gateway.stop)
        if self._gateway is not None:
            self._end_process(is_killed=False)
            self.at(self.clock.monotonic() + self._chance.choice(RESTARTS_S), self._start)

    def _end_process(self, *, is_killed: bool) -> None:
        if self._watched is not None and is_killed:
            self._watched.die()
        self._watched = None
        if self._gateway is not None:
            self._gateway.release()
        self._gateway = None
        for line in self._site.lines:
            line.drop()

    # -- the scheduler

    def _turn(self, end: float) -> None:
        """Do one thing: an event, or a step of a worker that is due; or move the clock, at most to `end`."""
        self._turns += 1
        if self._turns > TURNS_MAX:
            raise RuntimeError(f"history {self._seed} spins: {TURNS_MAX} turns")
        for line in self._site.lines:
            line.hear()
        now = self.clock.monotonic()
        if self._events and self._events[0][0] <= now:
            heapq.heappop(self._events)[2]()
            return
        waiting = [s for s in self._scheduled() if not s.is_stepping]
        due = [s for s in waiting if s.due_at <= now]
        if due:
            self._step(self._chance.choice(due))
            return
        moments = [end, *(s.due_at for s in waiting), *(m for m, _, _ in self._events[:1])]
        for line in self._site.lines:
            moment = line.modem.next_due()
            if moment is not None:
                moments.append(moment)
        self.clock.advance_to(max(min(moments), now + 0.001))

    def _scheduled(self) -> list[Scheduled]:
        return self._gateway.scheduled if self._gateway is not None else []

    def _step(self, scheduled: Scheduled) -> None:
        """Step one worker as its Runner would."""
        scheduled.is_stepping = True
        scheduled.due_at = float("inf")
        try:
            delay_s = scheduled.worker.step()
            scheduled.crashes = 0
        except Exception as error:
            self._note_crash(scheduled, error)
            delay_s = CRASH_DELAYS_S[min(scheduled.crashes, len(CRASH_DELAYS_S) - 1)]
            scheduled.crashes += 1
        finally:
            scheduled.is_stepping = False
        wanted_at = self.clock.monotonic() + (IDLE_S_MAX if delay_s is None else delay_s)
        scheduled.due_at = min(scheduled.due_at, wanted_at)  # it may have been woken meanwhile

    def _note_crash(self, scheduled: Scheduled, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}"
        crash = f"CRASH: {scheduled.worker.name} met {type(error).__name__} at {where}"
        if crash not in self.evidence.crashes:
            self.evidence.crashes.append(crash)
        self.trace.say(scheduled.worker.name, "".join(traceback.format_exception(error)))

    # -- the end

    def _end_faults(self) -> None:
        self.trace.say("----", "from here on everything works")
        self.faults.end()
        self._site.heal()

    def _become_quiet(self) -> None:
        """Let time pass in growing steps until nothing is open any more, or it will never be."""
        overdue_at = self.clock.monotonic() + PART_DEADLINE_S + 60.0
        settled = 0
        for number in range(QUIET_ROUNDS_MAX):
            self._step_all_due()
            open_count, waiting_count = self._open_counts()
            awaited = [moment for moment, _, _ in self._events[:1]]
            if awaited:  # what it brings may be the first part of all
                overdue_at = awaited[0] + PART_DEADLINE_S + 60.0
            if waiting_count:
                awaited.append(max(overdue_at, self.clock.monotonic() + ROUND_S))
            if open_count or self._gateway is None:
                settled = 0
                pause_s = QUIET_STEPS_S[min(number, len(QUIET_STEPS_S) - 1)]
                self.clock.advance_to(self.clock.monotonic() + pause_s)
            elif awaited:
                self.clock.advance_to(min(awaited))  # nothing happens before
            elif settled:
                return
            else:
                settled = 1  # once more, for what a last look may bring
                self.clock.advance_to(self.clock.monotonic() + ROUND_S)

    def _step_all_due(self) -> None:
        """Do everything that is due now, without moving the clock."""
        while True:
            now = self.clock.monotonic()
            has_event = bool(self._events) and self._events[0][0] <= now
            is_anybody_due = any(s.due_at <= now for s in self._scheduled())
            if not (has_event or is_anybody_due):
                return
            self._guarded(partial(self._turn, now))

    def _open_counts(self) -> tuple[int, int]:
        """Return how much is open that goes on by itself, and how many SMS wait for parts."""
        (row,) = self.evidence.rows(
            "SELECT (SELECT count(*) FROM forward WHERE state IN ('claimed', 'unknown')"
            "    OR next_at IS NOT NULL)"
            " + (SELECT count(*) FROM reply WHERE state IN ('due', 'claimed')) AS open,"
            " (SELECT count(*) FROM sms WHERE state = 'waiting') AS waiting"
        )
        return row["open"] + self._site.held_count(), row["waiting"]

    def _judge(self) -> Outcome:
        evidence = self.evidence
        self._site.testify()
        evidence.is_sound = self.faults.is_sound
        if self._gateway is None:
            evidence.crashes.append("DOWN: the process does not run at the end")
        else:
            evidence.counts = self._gateway.store.counts()
            evidence.ledger = self._gateway.store.ledger()
        return Outcome(
            seed=self._seed,
            violations=violations(evidence),
            misread=misread(evidence),
            struck=self.faults.struck,
            sms=len(evidence.sent),
            deaths=self._deaths,
            trace=self.trace.lines,
        )

    def note_submitted(self, submit: Submit) -> None:
        """An SMS reached the SMSC: look at once whether the store knows why."""
        recipient, text, evidence = submit.recipient, submit.text, self.evidence
        self.trace.say("SMSC", f"takes a reply to {recipient}: {text}")
        whole, is_again = self._phones.take(submit)
        if is_again:
            evidence.unclaimed.append("DOUBLED: a part of a reply was submitted a second time")
        if whole is not None:
            evidence.submitted.append((recipient, whole))
        if whole != text:
            self.faults.count("replies of several parts")
        rows = evidence.rows(
            "SELECT id, state, kind, text, complaint_id,"
            " (SELECT reference FROM complaint WHERE complaint.id = complaint_id) AS reference"
            " FROM reply WHERE recipient = ? AND instr(text, ?)",
            recipient,
            text,
        )
        claimed = [
            row for row in rows if row["state"] == "claimed" or self._has_lost_lease(row, recipient)
        ]
        if not claimed:
            evidence.unclaimed.append("UNCLAIMED: a reply was submitted that nobody had claimed")
        if any(row["kind"] in RECEIPTS and row["reference"] is None for row in claimed):
            evidence.unclaimed.append(
                "UNFOUNDED: a receipt was submitted, and no complaint is stored"
            )
        for reference in filter(is_reference, _REFERENCE.findall(text)):
            if not evidence.rows("SELECT id FROM complaint WHERE reference = ?", reference):
                evidence.unclaimed.append(f"INVENTED: a reply names {reference}, which is nowhere")

    def _has_lost_lease(self, row: sqlite3.Row, recipient: str) -> bool:
        return (
            row["state"] == "unconfirmed"
            and self._watched is not None
            and self._watched.has_lost_lease(row["id"], recipient, row["text"])
        )
