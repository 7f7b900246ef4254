"""A line worker on a bench: a modem and a store that do what the test says, and a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hardware.modem import Event, Identity, Listing, Registration, Signal, Usage
from hardware.sms import Slot, SubmitPdu
from smsgate.line import Line
from smsgate.line_tools import LinePolicy, LineTools
from smsgate.records import (
    Decision,
    Disposition,
    LineRecord,
    Received,
    ReplyClaim,
    ReplyKind,
    ReplyState,
    Shown,
)

START = datetime(2026, 8, 17, tzinfo=UTC)


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s

    def move(self, seconds: float) -> None:
        self.passed_s += seconds


def a_slot(index: int, pdu: bytes = b"\x00", *, generation: int = 1) -> Slot:
    return Slot("SM", index, 0, len(pdu) - 1, pdu + bytes([index]), generation=generation)


@dataclass
class BenchModem:
    """Holds `slots`; what it was told to do is in `done`; `fail_next` maps a call's name to what it raises once."""

    slots: dict[int, Slot] = field(default_factory=dict)
    done: list[tuple[str, object]] = field(default_factory=list)
    fail_next: dict[str, Exception] = field(default_factory=dict)
    fail_always: dict[str, Exception] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    is_registered: bool = True
    keeps_deleted: bool = False
    capacity: int = 10
    is_torn: bool = False  # its listings pass something over
    drafts: int = 0
    is_open: bool = False
    port: str = "/dev/bench"
    brings_reports: bool = False
    submissions: int = 0

    def _call(self, name: str, detail: object = None) -> None:
        self.done.append((name, detail))
        if name in self.fail_next:
            raise self.fail_next.pop(name)
        if name in self.fail_always:
            raise self.fail_always[name]

    def open(self) -> Identity:
        self._call("open")
        self.is_open = True
        return Identity("Maker", "Model", "1", "350000000000000", None, None, None)

    def close(self) -> None:
        self.is_open = False
        self.done.append(("close", None))

    def restart(self) -> None:
        self._call("restart")
        self.close()

    def reject_call(self) -> None:
        self._call("reject_call")

    def wait(self, timeout_s: float) -> bool:
        return False

    def wake(self) -> None:
        pass

    def take_events(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def list_held(self) -> Listing:
        self._call("list")
        used = Usage("SM", len(self.slots) + self.drafts, self.capacity)
        whole = {} if self.is_torn else {"SM": "8962000000000000001"}
        return Listing(tuple(self.slots.values()), (used,), drafts=self.drafts, whole=whole)

    def delete(self, slots) -> list[Slot]:
        slots = list(slots)
        self._call("delete", [slot.index for slot in slots])
        if not self.keeps_deleted:
            for slot in slots:
                self.slots.pop(slot.index, None)
        return slots

    def submit(self, pdu: SubmitPdu) -> int:
        self.submissions += 1
        self._call("submit")
        return 7

    def signal(self) -> Signal:
        return Signal(20, -73)

    def registration(self) -> Registration:
        word = "home" if self.is_registered else "searching"
        return Registration(1, word, self.is_registered, False, "TELKOMSEL")

    def check_settings(self) -> None:
        self._call("check_settings")

    def names(self) -> list[str]:
        return [name for name, _ in self.done]


@dataclass
class BenchStore:
    """Commits everything, and remembers it; `fail_next` and `fail_always` as in BenchModem."""

    replies: list[ReplyClaim] = field(default_factory=list)
    committed: list[bytes] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    settled: list[tuple[int, ReplyState]] = field(default_factory=list)
    next_ats: list[datetime | None] = field(default_factory=list)
    taken_over: list[tuple[str, str]] = field(default_factory=list)
    parts: list[tuple[int, int, int]] = field(default_factory=list)
    fail_next: dict[str, Exception] = field(default_factory=dict)
    fail_always: dict[str, Exception] = field(default_factory=dict)

    def _call(self, name: str) -> None:
        if name in self.fail_next:
            raise self.fail_next.pop(name)
        if name in self.fail_always:
            raise self.fail_always[name]

    def receive(self, line, service, batch, decide, new_reference, *, gone=()) -> Received:
        self._call("receive")
        self.gone.extend(gone)
        self.committed.extend(part.slot.pdu for part in batch)
        return Received(
            committed=tuple(part.slot for part in batch),
            part_ids={(p.slot.memory, p.slot.index): 100 + p.slot.index for p in batch},
            new_parts=len(batch),
        )

    def mark_gone(self, part_ids) -> None:
        self._call("mark_gone")
        self.gone.extend(part_ids)

    def mark_absent(self, line, shown) -> int:
        self._call("mark_absent")
        self.shown.append(shown)
        return 0

    def claim_reply(self, service, line, *, lease_s) -> ReplyClaim | None:
        self._call("claim")
        return self.replies.pop(0) if self.replies else None

    def take_over_replies(self, service, *, away, line) -> int:
        self._call("take_over")
        self.taken_over.append((away, line))
        return 0

    def next_reply_at(self, service, line) -> datetime | None:
        return None

    def record_part(self, claim, number, tp_mr) -> bool:
        self._call("record_part")
        self.parts.append((claim.id, number, tp_mr))
        return True

    def settle_reply(self, claim, state, *, reason=None, next_at=None, taken=None) -> bool:
        self._call("settle")
        self.parts += [(claim.id, number, tp_mr) for number, tp_mr in (taken or {}).items()]
        self.settled.append((claim.id, state))
        self.next_ats.append(next_at)
        return True

    def save_line(self, line) -> None:
        self._call("save_line")


def a_reply(number: int = 1, text: str = "Aduan diterima", **changes: object) -> ReplyClaim:
    claim = {
        "id": number,
        "fence": 1,
        "kind": ReplyKind.ACK,
        "recipient": "+6281234500001",
        "text": text,
        "attempt": 1,
        "created_at": START,
        "expires_at": None,
    }
    return ReplyClaim(**(claim | changes))


class Bench:
    """A line, all that it touches, and the alarms that it raised."""

    def __init__(self, **policy: Any) -> None:
        self.clock = MovedClock()
        self.modem = BenchModem()
        self.store = BenchStore()
        self.alarms: dict[str, str] = {}
        self.power_cycles: list[float] = []
        self.line = Line(
            LineRecord(gateway="g", name="m1", service="btm", state="closed"),
            new_modem=lambda: self.modem,
            store=self.store,
            decide=lambda *_: Decision(Disposition.TRIAGE),
            tools=LineTools(
                clock=self.clock,
                chance=lambda: 0.0,
                policy=LinePolicy(**policy),
                new_reference=lambda: "12345678",
                on_work=lambda _: None,
                raise_alarm=self.alarms.__setitem__,
                clear_alarm=lambda key: self.alarms.pop(key, None),
                cycle_power=lambda: self.power_cycles.append(self.clock.passed_s),
            ),
        )

    def settle(self, limit: int = 50) -> float:
        """Step until the line wants to wait; return for how long."""
        for _ in range(limit):
            wanted = self.line.step()
            if wanted > 0:
                return wanted
        raise AssertionError(f"the line is still busy after {limit} steps")

    def pass_time(self, seconds: float) -> None:
        """Let time pass, stepping whenever the line wants it."""
        end = self.clock.passed_s + seconds
        while self.clock.passed_s < end:
            wanted = self.settle()
            self.clock.move(min(wanted, end - self.clock.passed_s) or 0.001)
