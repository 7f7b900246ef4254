"""Worker: one modem and its SIM. Drain, commit, delete; submit replies; look after the link.

States, as `status` shows them:

    closed ──open──> ready <──on the network / not──> degraded ──fault──> closed

That goes on for ever; healing.py says how soon it is opened again, and when the modem itself is restarted.

One step is one pass: what the modem holds is drained first, then at most one reply is submitted, and while the
memory is more than half full only receiving is done. The listing is the truth and a `+CMTI` only a doorbell
(design.md section 2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog
from msgspec.structs import replace

from hardware import pdu
from hardware.errors import ModemError, SubmitRejected, SubmitUnknown
from hardware.modem import EventKind, Listing, Modem
from hardware.sim_pins import SimIdentity, sim_of
from smsgate import line_storage
from smsgate.drain import Drain, ReceivingStore
from smsgate.errors import StoreError
from smsgate.healing import (
    ALARM_AFTER_S,
    ALARMS_OF_OPENING,
    Healing,
    Remedy,
    Trouble,
    alarm_of,
    look_again_in,
    trouble_of,
)
from smsgate.line_requests import LineRequests
from smsgate.line_tools import LineTools, Polling
from smsgate.records import Decide, LineRecord
from smsgate.submission import ReplyStore, Submission
from smsgate.workers import Wakeable

log = structlog.get_logger(__name__)

RESTART_TAKES_S = 5.0  # at least: before, the modem may still answer as if it had not been told
STORE_DELAYS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class LineStore(ReceivingStore, ReplyStore, Protocol):
    """What a line needs of the store."""

    def save_line(self, line: LineRecord) -> None:
        """Record how the line is doing."""
        ...


class Line(Wakeable):
    """One modem, from port to store and back.

    `record` is what `status` shows, `is_busy` whether more waits than can be looked away from; other threads only read.
    """

    def __init__(
        self,
        record: LineRecord,
        *,
        new_modem: Callable[[], Modem],
        store: LineStore,
        decide: Decide,
        tools: LineTools,
    ) -> None:
        super().__init__()
        self.name = f"line {record.name}"
        self.record = record
        self._new_modem = new_modem
        self._store = store
        self._tools = tools
        self._policy = tools.policy
        self._clock = tools.clock
        self._log = log.bind(line=record.name)
        self._drain = Drain(record.name, record.service, store=store, decide=decide, tools=tools)
        self._submission = Submission(record.name, record.service, store=store, tools=tools)
        self._polling = Polling(self._policy)
        self.requests = LineRequests(self.wake, self._clock)
        self._device: Modem | None = None
        self._modem: Modem | None = None  # while it is open
        self._is_first_pass = True
        self._is_on_network = True  # until it says otherwise
        self.is_busy = False  # more than half full: nothing but receiving is done
        self._healing = Healing(self._policy.power)
        self._store_faults = 0
        self._sim = SimIdentity()
        self._is_sim_unchecked = False  # the file that remembers it could not be used
        self._closed_at: float | None = self._clock.monotonic()  # None while it is open
        self._strange: str | None = (
            None  # "SIM" or "SMSC": what is not as it was; no reply leaves then
        )
        self._list_at = self._health_at = self._settings_at = self._save_at = 0.0

    # --- the worker -------------------------------------------------------------------------------------------------

    def step(self) -> float:
        """Do one pass; return when the next is wanted."""
        try:
            self._submission.record_rest()  # whatever has become of the link: its leases run out
            if self._modem is None and (lent_s := self.requests.lent_s) > 0:
                return lent_s  # a technician has the port
            modem = self._modem if self._modem is not None else self._open()
            return self._pass(modem)
        except ModemError as error:
            return self._close_after(error)
        except StoreError as error:
            return self._pause_for_store(error)

    def wait(self, timeout_s: float) -> None:
        """Sleep until the modem rings, somebody wakes us, or the time is up."""
        if self._modem is None:
            super().wait(timeout_s)
        else:
            self._modem.wait(timeout_s)

    def wake(self) -> None:
        """End the wait, from any thread: a reply may be due."""
        self._submission.look_again()
        super().wake()
        modem = self._modem
        if modem is not None:
            modem.wake()

    def is_away(self, longer_than_s: float) -> bool:
        """Whether it has been closed for so long. Any thread may ask."""
        closed_at = self._closed_at
        return closed_at is not None and self._clock.monotonic() - closed_at > longer_than_s

    def close(self) -> None:
        """Write down what is known of the last reply, and close the port; the modem keeps what it holds."""
        try:
            self._submission.record_rest()
        except StoreError as error:
            self._log.warning("reply_outcome_lost", reason=str(error))
        self._close_modem()
        self._note(state="closed", reason="stopped")

    @property
    def modem(self) -> Modem | None:
        """The modem while it is open; others ask it through `requests`."""
        return self._modem

    # --- the link ---------------------------------------------------------------------------------------------------

    def _open(self) -> Modem:
        if self._healing.faults == 0:  # else it stays closed for whoever looks, until it is open
            self._note(is_saved=False, state="opening")
        if self._device is None:
            self._device = self._new_modem()
        # The same object each time: it knows what was handed over directly and is not committed yet, and whether the
        # descriptor of the last connection is proven closed.
        modem = self._device
        identity = modem.open()
        self._modem, self._sim = modem, sim_of(identity)
        self._closed_at = None
        self._drain.forget()
        self._submission.look_again()
        self._polling = Polling(self._policy)
        self._is_first_pass = self._is_on_network = True
        now = self._clock.monotonic()
        self._list_at = now
        # The first message waits for no check of health: that comes with the first idle moment.
        self._health_at = self._settings_at = self._save_at = now + 1.0
        self._note(
            state="ready", reason=None, port=modem.port, imei=identity.imei, model=identity.model
        )
        self._log.info("line_open", manufacturer=identity.manufacturer, model=identity.model)
        self._clear_alarms()
        self._check_sim()
        return modem

    def _clear_alarms(self, *, but: str | None = None) -> None:
        """Take back what was said of the way to an open line: it is open, or something else is the matter."""
        for alarm in ALARMS_OF_OPENING:
            if alarm != but:
                self._tools.clear_alarm(f"line.{self.record.name}.{alarm}")

    def _check_sim(self) -> None:
        """Compare the SIM with the one that belongs here, which a person may have accepted by now."""
        name, key = self.record.name, f"line.{self.record.name}.sim"
        try:
            self._strange = self._tools.sim_pins.check(name, self._sim)
        except (OSError, ValueError) as error:
            self._is_sim_unchecked = True
            self._tools.raise_alarm(
                key,
                f"The file that remembers the SIM of line {name} cannot be used ({type(error).__name__}): make it "
                "and its folder readable and writable.",
            )
            return
        self._is_sim_unchecked = False
        if self._strange is None:
            self._tools.clear_alarm(key)
            self._submission.look_again()
            return
        what = "another SIM" if self._strange == "SIM" else "another SMSC number"
        self._tools.raise_alarm(
            key,
            f"Line {name} has {what} than before: SMS are received, replies wait. If that is meant, run "
            f"`smsgate modem accept-sim {name}`; else put the right SIM back.",
        )

    def _close_after(self, error: ModemError) -> float:
        self._close_modem()
        now = self._clock.monotonic()
        reason, trouble = str(error), trouble_of(error)
        is_news = self._healing.faults == 0 or self.record.reason != reason
        outage_s = self._healing.note_fault(now)
        wait_s = look_again_in(error, faults=self._healing.faults, outage_s=outage_s)
        delay_s = self._tools.spread(wait_s)
        if is_news:
            self._log.warning("line_closed", reason=reason, retry_in_s=round(delay_s, 1))
        self._note(state="closed", reason=reason)
        self._look_at_store()
        if trouble is Trouble.PERSON or outage_s >= ALARM_AFTER_S:
            self._clear_alarms(but=alarm_of(error))
            self._tools.raise_alarm(f"line.{self.record.name}.{alarm_of(error)}", reason)
        return max(delay_s, self._remedy(self._healing.choose(trouble, now), reason))

    def _remedy(self, remedy: Remedy, reason: str | None) -> float:
        """Do what healing.py says; return the least pause after it."""
        device = self._device
        if remedy is Remedy.REOPEN or device is None:
            return 0.0
        self._log.warning("line_remedy", remedy=str(remedy), reason=reason)
        if remedy is Remedy.RESTART:
            try:
                device.restart()
            except ModemError as error:
                self._log.warning("modem_restart_failed", reason=str(error))
                return 0.0
        self._close_modem()
        self._note(state="closed", reason=reason)
        if remedy is Remedy.POWER_CYCLE:
            self._tools.cycle_power()
        return RESTART_TAKES_S

    def _close_modem(self) -> None:
        modem, self._modem = self._modem, None
        if self._closed_at is None:
            self._closed_at = self._clock.monotonic()
        self.is_busy = False
        if modem is not None:
            modem.close()

    # --- one pass ---------------------------------------------------------------------------------------------------

    def _pass(self, modem: Modem) -> float:
        self.requests.answer_one(modem)
        rung = self._hear(modem)
        # Whatever it was that rang, a listing shows how things are: a link that is down says so there.
        is_due = bool(rung) or self._clock.monotonic() >= self._list_at
        if is_due and self._receive(modem, has_rung=EventKind.ARRIVED in rung):
            return 0.0
        if self._strange is not None or self._is_sim_unchecked:
            self._check_sim()
        if self._may_submit() and self._submission.run(modem):
            return 0.0
        return max(self._look_after(modem), self._wanted_in())

    def _hear(self, modem: Modem) -> set[EventKind]:
        """Answer what the modem said unasked; return what is left to look into."""
        rung = set()
        for event in modem.take_events():
            if event.kind is EventKind.LATE_SUBMIT and event.number is not None:
                self._submission.note_late(event.submission, event.number)
            elif event.kind is EventKind.BODY_LOST:
                # It was handed over although it should have been stored. Not acknowledged, it comes again where the
                # modem lets us acknowledge at all.
                self._log.warning("direct_sms_damaged")
                self._settings_at = 0.0
            rung.add(event.kind)
        if EventKind.CALL in rung:
            rung.discard(EventKind.CALL)
            modem.reject_call()
            self._log.info("call_rejected")
        return rung

    def _receive(self, modem: Modem, *, has_rung: bool) -> bool:
        """Drain once; return whether there was anything new."""
        done = self._drain.run(modem)
        self._note_store_works()
        self._note_usage(done.listing, is_settled=done.received is None)
        has_found = done.received is not None
        if done.received is not None:
            if done.received.has_due_replies:
                self._submission.look_again()
            if done.received.new_parts:  # a slot that will not go says nothing about what arrives
                self.record = replace(self.record, last_received_at=self._clock.now())
            self._log.info(
                "parts_committed",
                parts=done.received.new_parts,
                sightings=done.received.sightings,
                filed=done.received.filed,
                quarantined=done.received.quarantined,
            )
        # What waited for us at the start came before we could hear it: it says nothing about the doorbell.
        is_news = has_found and not self._is_first_pass
        self._polling.note_pass(has_rung=has_rung, has_found=is_news)
        self._is_first_pass = self._is_first_pass and has_found
        self._list_at = self._clock.monotonic() + (0.0 if has_found else self._polling.interval_s)
        return has_found

    def _pause_for_store(self, error: StoreError) -> float:
        """Stop receiving cleanly: SMS stay on the SIM and at the SMSC, where they are safe."""
        delay_s = STORE_DELAYS_S[min(self._store_faults, len(STORE_DELAYS_S) - 1)]
        if self._store_faults == 0:
            self._log.error("receiving_stopped", reason=str(error))
        self._store_faults += 1
        if self._drain.seen is not None:
            # A person must not take that SIM out.
            self._note_usage(self._drain.seen, is_settled=False)
        self._note(is_saved=False, state="degraded", reason=str(error))
        self._tools.raise_alarm("store", str(error))
        self._list_at = self._clock.monotonic() + delay_s
        return delay_s

    def _look_at_store(self) -> None:
        """Without a modem nothing is received that would show that the store works again: the line's record is."""
        if self._store_faults:
            try:
                self._store.save_line(self.record)
            except StoreError:
                return
            self._note_store_works()

    def _note_store_works(self) -> None:
        if self._store_faults:
            self._store_faults = 0
            self._health_at = 0.0  # it says what the line's state is now
            self._log.info("store_works_again")
            self._tools.clear_alarm("store")

    # --- looking after ----------------------------------------------------------------------------------------------

    def _look_after(self, modem: Modem) -> float:
        """Check what is due; return the least pause that this calls for."""
        now = self._clock.monotonic()
        if now >= self._settings_at:
            self._settings_at = now + self._policy.settings_s
            modem.check_settings()
        if now >= self._health_at:
            self._check_health(modem)
            is_ready = self.record.state == "ready"
            wait_s = self._policy.health_s if is_ready else self._policy.health_degraded_s
            self._health_at = now + wait_s
        if now >= self._save_at:
            self._save_at = now + self._policy.save_s
            self._store.save_line(self.record)
        if self._is_on_network:
            return self._check_hearing(modem, now)
        return self._remedy(self._healing.choose(Trouble.UNREACHED, now), self.record.reason)

    def _check_hearing(self, modem: Modem, now: float) -> float:
        """Send a canary that is due; where one to this line is late, say so and try to heal it."""
        name, canaries = self.record.name, self._tools.canaries
        canary = canaries.take_due(name, now) if self._may_submit() else None
        if canary is not None:
            number, text = canary
            try:
                modem.submit(pdu.encode_submit(number, text, reference=0)[0])
            except SubmitUnknown:
                self._log.warning(
                    "canary_in_doubt"
                )  # if it was not sent, it is late and another one follows
            except SubmitRejected as error:
                canaries.note_rejected(name, now)
                self._log.warning("canary_rejected", reason=str(error))
            except ModemError:
                canaries.note_rejected(name, now)
                raise
        key = f"line.{name}.deaf"
        if not canaries.is_deaf(name, now):
            self._tools.clear_alarm(key)
            self._healing.note_well(now)
            return 0.0
        reason = (
            f"An SMS that was sent to line {name} to try it did not arrive: it may be deaf though it is on the "
            "network. Send it an SMS by hand; if that does not come either, look at the SIM's credit and validity."
        )
        self._tools.raise_alarm(key, reason)
        return self._remedy(self._healing.choose(Trouble.DEAF, now), reason)

    def _check_health(self, modem: Modem) -> None:
        signal = modem.signal()
        registration = modem.registration()
        self._is_on_network = is_registered = registration.is_registered
        self._note(
            state="ready" if is_registered else "degraded",
            reason=None if is_registered else f"not on the network: {registration.word}",
            signal_dbm=signal.dbm,
            registration=registration.word,
            operator=registration.operator or self.record.operator,
        )
        key = f"line.{self.record.name}.network"
        if is_registered:
            self._tools.clear_alarm(key)
        else:
            self._tools.raise_alarm(
                key,
                f"Line {self.record.name} is not on the network ({registration.word}). "
                "Look at the antenna and the SIM; it goes on by itself when the network is back.",
            )

    def _note_usage(self, listing: Listing, *, is_settled: bool) -> None:
        alarms = line_storage.alarms_of(listing, line=self.record.name) if is_settled else {}
        for alarm in line_storage.ALARMS:
            key = f"line.{self.record.name}.{alarm}"
            if alarm in alarms:
                self._tools.raise_alarm(key, alarms[alarm])
            elif is_settled:
                self._tools.clear_alarm(key)
        total = sum(usage.total for usage in listing.usage)
        # Drafts are not ours to clear, so they are no backlog; they only make the memory smaller.
        room = total - listing.drafts
        self.is_busy = total > 0 and len(listing.slots) > max(room, 0) * self._policy.busy_share
        self.record = replace(self.record, held=len(listing.slots), capacity=total or None)

    def _note(self, *, is_saved: bool = True, **changes: object) -> None:
        """Change what `status` shows; a change of state is stored at once."""
        earlier = self.record
        self.record = replace(earlier, updated_at=self._clock.now(), **changes)
        if self.record.state == earlier.state:
            return
        if self.record.state == "ready":
            self._submission.look_again()
        self._log.info("line_state", state=self.record.state, reason=self.record.reason)
        if not is_saved:
            return
        try:
            self._store.save_line(self.record)
        except StoreError as error:
            # It is in memory, and the store's own trouble is said by the next pass.
            self._log.warning("line_state_not_stored", reason=str(error))

    def _may_submit(self) -> bool:
        return not self.is_busy and self.record.state == "ready" and self._strange is None

    def _wanted_in(self) -> float:
        moments = [self._list_at, self._health_at, self._settings_at, self._save_at]
        if self._may_submit():
            moments.append(self._submission.due_at)
        return max(min(moments) - self._clock.monotonic(), 0.0)
