"""Modem: one GSM modem as smsgate sees it: what it holds, what is deleted, what is submitted. One thread owns it."""

from __future__ import annotations

import os
import random
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial
from glob import escape

from msgspec.structs import replace

from . import answers
from .answers import Pair
from .binding import PortFinder, ask_imei
from .clock import Monotonic, SystemMonotonic
from .dialogue import Urc
from .direct import DIRECT_MEMORY, DirectMessages
from .engine import BUSY_CODES, ModemEngine
from .errors import (
    CardBusy,
    CommandError,
    LinkDown,
    ModemError,
    ModemRebooted,
    NotAModem,
    PortBusy,
    PortMissing,
    SettingsLost,
    WrongModem,
)
from .facts import (
    Event,
    EventKind,
    Identity,
    Listing,
    ModemOptions,
    Registration,
    Signal,
    Usage,
)
from .link import LinkSurroundings, Log
from .overheard import Overheard
from .pin import PinLedger
from .settings import REPORT_MEMORY
from .sms import Slot, Stat, SubmitPdu
from .urc import UrcKind

__all__ = [
    "Event",
    "EventKind",
    "Identity",
    "Listing",
    "Modem",
    "ModemOptions",
    "Registration",
    "Signal",
    "Usage",
]

RINGING = ("RING", "+CRING", "+CCWA")  # of the lines about calls, those that want an answer
EVENTS_MAX = 200
SETTLING_PAUSE_S = 10.0  # signs of restart may repeat (Huawei's ^BOOT): we look no oftener

_EVENT_OF = {
    UrcKind.ARRIVED: EventKind.ARRIVED,
    UrcKind.CALL: EventKind.CALL,
    UrcKind.RESTARTED: EventKind.RESTARTED,
    UrcKind.FULL: EventKind.MEMORY_FULL,
}


class Modem:
    """A modem on a port, opened and closed any number of times; each time a new engine and a new generation."""

    def __init__(
        self,
        options: ModemOptions,
        *,
        clock: Monotonic | None = None,
        log: Log | None = None,
        chance: random.Random | None = None,
        finder: PortFinder | None = None,
    ) -> None:
        self._options = options
        self._log: Log = log or _say_nothing
        self._clock = clock or SystemMonotonic()
        self._surroundings = LinkSurroundings(
            self._hear, self._log, self._clock, chance or random.Random(), options
        )
        self._finder = finder or PortFinder(clock=self._clock)
        self._mark: int | None = None  # of our port, while we have it
        self._wrong: WrongModem | None = None  # what was met in our modem's place
        self._ledger = PinLedger(options.pin_ledger)
        self._engine: ModemEngine | None = None
        self._last: ModemEngine | None = None  # its descriptor may still be closing
        self._bell = threading.Event()
        self._events: deque[Event] = deque(maxlen=EVENTS_MAX)
        self._direct = DirectMessages(holder=f"{self._surroundings.chance.getrandbits(64):016x}")
        self._is_unsettled = False
        self._has_restarted = False
        self._looked_at = 0.0
        self._has_chained_badly = False  # several deletes in a line: fell silent, or worse
        self.generation = 0
        self.submissions = 0  # its number says whose a late answer is
        self.overheard = Overheard()

    # -- life ----------------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether open() succeeded and close() has not been called; the link may be down all the same."""
        return self._engine is not None

    @property
    def identity(self) -> Identity:
        """Which device and SIM; the modem must be open."""
        identity = self._opened().identity
        assert identity is not None
        return identity

    def open(self) -> Identity:
        """Open the port, make sure of the line, bring the modem up and give it our settings.

        A modem known by its IMEI is looked for elsewhere when it is not where it was. Raises a ModemError, and leaves
        nothing open then.
        """
        assert self._engine is None
        try:
            engine = self._connect()
        except (PortMissing, PortBusy, NotAModem, WrongModem) as error:
            if isinstance(error, WrongModem):
                self._wrong = error
                self._finder.note_seen(self.port, error.imei)
            if not self._has_found(error):
                raise self._wrong or error from None
            engine = self._connect()
        self._wrong = None
        self.generation += 1
        self._engine = engine
        self._is_unsettled = self._has_restarted = False  # signs of its own bring-up
        self._direct.begin(self.generation)
        self._log("modem_opened", {"generation": self.generation, "model": self.identity.model})
        return self.identity

    @property
    def port(self) -> str:
        """Where the modem is, or was last."""
        return self._surroundings.options.port or ""

    def _has_found(self, error: ModemError) -> bool:
        """Look for our modem elsewhere; whether it is to be tried again there."""
        imei = self._options.imei
        if imei is None:
            return False
        ask = partial(ask_imei, self._surroundings)
        first = (escape(self._options.port),) if self._options.port else ()
        found = self._finder.find(imei, ask, places=(*first, *self._options.ports))
        if found is None:
            # where another one is, or nothing, we do not knock again: the search does, with growing pauses
            if isinstance(error, WrongModem | PortMissing):
                self._move_to(None)
            return False
        self._log("modem_found", {"port": found})
        self._move_to(found)
        return True

    def _move_to(self, port: str | None) -> None:
        options = replace(self._options, port=port)
        self._surroundings = replace(self._surroundings, options=options)

    def _connect(self) -> ModemEngine:
        """Return an engine that is up, on the port where the modem should be."""
        if not self.port:
            raise PortMissing(
                "The modem with the configured IMEI is on no port; plug it in, or correct `imei`."
            )
        engine = self._make_engine()
        self._is_unsettled = self._has_restarted = False
        try:
            engine.connect()
            if self._has_chained_badly:
                engine.chaining.give_up()
        except BaseException:
            self._give_up_port()
            raise
        return engine

    def _give_up_port(self) -> None:
        self._finder.release(self._mark)
        self._mark = None

    def _make_engine(self) -> ModemEngine:
        """Return a new engine on a port that is ours, once the last one's descriptor is proven closed."""
        if self._last is not None and not self._last.is_closed:
            self._last.close()
            if not self._last.is_closed:
                raise PortBusy(
                    f"The driver still keeps {self.port} from the last time; it is tried again."
                )
        self._mark = self._finder.hold(self.port)
        if self._mark is None and os.path.exists(self.port):
            raise PortBusy(
                f"{self.port} is in use by another line of this gateway; correct one of the two."
            )
        self._last = self._new_engine()
        return self._last

    def _new_engine(self) -> ModemEngine:
        """Return the engine of one connection; a simulation has its own, over a line without a port."""
        return ModemEngine(self._surroundings, ledger=self._ledger, on_fault=self._hear_fault)

    def close(self) -> None:
        """Close the port within a second; may be called again. Messages handed over directly are kept."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
            if not engine.is_closed:
                self._log("modem_close_pending", {})
        self._give_up_port()

    def wake(self) -> None:
        """Let wait() return, from any thread."""
        self._bell.set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something arrived, wake() was called, the link failed, or the time is over (False)."""
        is_rung = self._bell.wait(timeout_s)
        self._bell.clear()
        return is_rung

    def take_events(self) -> list[Event]:
        """Return what the modem said unasked since the last call."""
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def _opened(self) -> ModemEngine:
        if self._engine is None:
            raise LinkDown(f"{self.port} is not open; open it first.")
        return self._engine

    def _ready(self, *, pause_s: float = SETTLING_PAUSE_S) -> ModemEngine:
        """Return the engine with settings, and a SIM, that can be relied on."""
        engine = self._opened()
        if self._has_restarted:
            raise ModemRebooted(f"The modem on {self.port} has restarted; it is set up again.")
        if self._is_unsettled and self._clock.monotonic() - self._looked_at >= pause_s:
            self._is_unsettled = False
            self._looked_at = self._clock.monotonic()
            try:
                engine.assert_settings()
                engine.assert_sim()
            except SettingsLost as lost:
                raise ModemRebooted(str(lost)) from None
        return engine

    # -- messages ------------------------------------------------------------------------------------------------------

    def list_held(self) -> Listing:
        """List every message in every memory, and those handed over directly that were not yet deleted here."""
        engine = self._ready()
        slots: list[Slot] = []
        usage: list[Usage] = []
        drafts = 0
        whole: dict[str, str | None] = {DIRECT_MEMORY: self._direct.holder}
        for memory in engine.settings.memories:
            pairs, used, is_whole = engine.list_raw(memory)
            if memory != REPORT_MEMORY:  # it is no room for SMS
                usage.append(used)
            holder = self.identity.holder_of(memory)
            if is_whole:
                whole[memory] = holder
            for pair in pairs:
                if pair.stat in (Stat.REC_UNREAD, Stat.REC_READ):
                    slots.append(self._slot(memory, pair, holder))
                else:
                    drafts += 1
        engine.chaining.judge(slots, whole)
        slots.extend(self._direct.slots())
        return Listing(tuple(slots), tuple(usage), drafts, whole)

    def _slot(self, memory: str, pair: Pair, holder: str | None) -> Slot:
        is_damaged = pair.pdu is None
        return Slot(
            memory=memory,
            index=pair.index,
            stat=pair.stat,
            length=pair.length,
            pdu=pair.octets if pair.pdu is None else pair.pdu,
            is_damaged=is_damaged,
            generation=self.generation,
            holder=holder,
        )

    def delete(self, slots: Iterable[Slot]) -> list[Slot]:
        """Delete exactly these slots and return those the modem said OK to; the next listing has the last word.

        Slots of another connection are passed over: their index may hold another message now. So is a slot whose
        message may have been replaced in place and was. When the link fails half way, what was deleted is returned.
        """
        engine = self._ready()
        ours = [slot for slot in slots if slot.generation == self.generation]
        by_memory: dict[str, list[Slot]] = {}
        for slot in ours:
            by_memory.setdefault(slot.memory, []).append(slot)
        deleted: list[Slot] = []
        try:
            for slot in by_memory.pop(DIRECT_MEMORY, ()):
                if self._direct.release(slot):
                    self._acknowledge(engine)
                deleted.append(slot)
            for memory in sorted(by_memory, key=engine.settings.memories.index):
                self._delete_in(engine, memory, by_memory[memory], deleted)
        except CardBusy:
            self._log("modem_deletes_put_off", {"deleted": len(deleted), "asked": len(ours)})
        except ModemError:
            if not deleted:
                raise
        return deleted

    def _delete_in(
        self, engine: ModemEngine, memory: str, slots: list[Slot], deleted: list[Slot]
    ) -> None:
        engine.settings.select(memory)
        # Read again right before they go: what frees another slot lets the network bring what replaces one of them.
        replaceable = [slot for slot in slots if _may_be_replaced(slot)]
        deleted.extend(slot for slot in replaceable if self._delete_held(engine, slot))
        slots = [slot for slot in slots if slot not in replaceable]
        for group in engine.chaining.groups(slots):
            is_trial = len(group) > 1 and engine.chaining.is_trying
            try:
                is_deleted = engine.delete_slots(group)
                if is_trial:
                    is_answered_once = engine.is_in_step() and is_deleted
                    engine.chaining.note_trial(group, is_answered_once=is_answered_once)
            except CardBusy:
                if is_trial:
                    engine.mark_dirty()  # each delete may be answered
                raise
            except ModemError:
                if len(group) > 1:
                    self._has_chained_badly = True
                    engine.chaining.give_up()
                raise
            if is_deleted:
                deleted.extend(group)
            elif len(group) > 1:
                # Nobody knows how far it came, and what it freed may hold another SMS by now.
                deleted.extend(slot for slot in group if self._delete_held(engine, slot))

    def _delete_held(self, engine: ModemEngine, slot: Slot) -> bool:
        try:
            now = engine.read(slot.index)
        except CommandError as refusal:
            if refusal.code in BUSY_CODES:
                raise
            return False  # the next listing shows whether it is there
        if now is None or self._slot(slot.memory, now, slot.holder).pdu != slot.pdu:
            return now is None  # what comes into a free slot is not ours to delete
        return engine.delete_slots([slot])

    def _acknowledge(self, engine: ModemEngine) -> None:
        if not engine.acknowledge():  # too late: it announces nothing any more (27.005, 3.4.4)
            self._is_unsettled = True

    def submit(self, pdu: SubmitPdu) -> int:
        """Submit one SMS and return its TP-MR; takes up to two minutes.

        Raises SubmitUnknown when it may have been sent. With any other ModemError it was not.
        """
        engine = self._ready()
        self._acknowledge_reports(engine)
        engine.make_sure()  # what comes late until then is the answer to the one before
        self._ready(pause_s=0.0)  # no reply leaves by a SIM that came in meanwhile
        self.submissions += 1
        return engine.submit(pdu)

    def _acknowledge_reports(self, engine: ModemEngine) -> None:
        """Let no delivery report wait for its commit while the next part is on its way.

        A modem that waits for more than 15 s announces nothing any more, and a report is not worth that: it is kept
        here, and lost only if we die. An SMS that waits with it comes first.
        """
        if self._direct.give_up_reports():
            self._acknowledge(engine)

    @property
    def brings_reports(self) -> bool:
        """Whether delivery reports are wanted and come in, so that asking for them makes sense."""
        return self._opened().settings.report_route != 0

    # -- state ---------------------------------------------------------------------------------------------------------

    def signal(self) -> Signal:
        """Ask for the signal strength."""
        return answers.read_signal(self._ready().command("AT+CSQ"))

    def registration(self) -> Registration:
        """Ask whether the network has us, and which one it is."""
        registration = answers.read_registration(self._ready().command("AT+CREG?"))
        if registration.is_registered:
            return replace(registration, operator=self.operator())
        return registration

    def operator(self) -> str | None:
        """Ask for the operator's name; None while there is none."""
        try:
            return answers.read_operator(self._ready().command("AT+COPS?"))
        except CommandError:
            return None

    def usage(self) -> tuple[Usage, ...]:
        """Ask how full each memory is."""
        engine = self._ready()
        return tuple(engine.settings.read_usage(memory) for memory in engine.settings.memories)

    def ask(self, command: str, *, timeout_s: float) -> list[str]:
        """Send a command of a technician's; return its answer as it is, the final result code last."""
        return self._ready().exchange(command, timeout_s=timeout_s)

    def check_settings(self) -> None:
        """Compare the modem's settings with ours, and ask again for a memory it refused; raises SettingsLost."""
        engine = self._ready()
        engine.assert_settings()
        for memory in engine.settings.find_missing():
            self._log("modem_memory_found", {"memory": memory})

    def reject_call(self) -> None:
        """Hang up on whoever calls: a line that rings may hold SMS back."""
        engine = self._ready()
        try:
            engine.command("AT+CHUP")
        except CommandError:
            engine.ask("ATH")

    def restart(self) -> None:
        """Have the modem restart (AT+CFUN=1,1) and close: the step after opening again has not helped.

        It may be open or closed; one that cannot be brought up any more may still hear this. Raises a ModemError.
        """
        if self._engine is not None and self._engine.fault is not None:
            self.close()
        if self._engine is None:
            self._engine = self._make_engine()
        try:
            self._engine.restart()
        finally:
            self.close()

    # -- what comes unasked; called in the reader thread ---------------------------------------------------------------

    def _hear(self, urc: Urc) -> None:
        kind = _EVENT_OF.get(urc.kind)
        if kind is EventKind.CALL and not urc.line.startswith(RINGING):
            kind = None
        if urc.kind in (UrcKind.DIRECT, UrcKind.REPORT):
            kind = EventKind.ARRIVED if self._direct.keep(urc) else EventKind.BODY_LOST
        elif urc.kind is UrcKind.RESTARTED:
            self._has_restarted = True
        elif urc.kind is UrcKind.SETTLING:
            self._is_unsettled = True
        elif urc.line.startswith("+CMGS:"):
            number = next(iter(answers.read_numbers([urc.line], "+CMGS") or ()), None)
            self._events.append(Event(EventKind.LATE_SUBMIT, number, self.submissions))
        if kind is not None:
            self._events.append(Event(kind))
            self._bell.set()
        self.overheard.note(urc.line)

    def _hear_fault(self) -> None:
        self._events.append(Event(EventKind.LINK_DOWN))
        self._bell.set()


def _may_be_replaced(slot: Slot) -> bool:
    return not slot.is_damaged and answers.replaces_in_place(slot.pdu)


def _say_nothing(_event: str, _fields: Mapping[str, object]) -> None:
    """The log of a modem that nobody listens to."""
