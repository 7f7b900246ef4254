"""The store: every transaction of the gateway, behind one face."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from smsgate.alarms import Alarm
from smsgate.backends import LookupOutcome, Outcome
from smsgate.backends.progress import AskedComplaint, Heard, Progress
from smsgate.clock import HostClock, SystemClock
from smsgate.findings import Findings
from smsgate.records import (
    BackendRecord,
    ComplaintRecord,
    Decide,
    Disposition,
    ForwardClaim,
    ForwardState,
    KnowledgeLimits,
    LineRecord,
    Received,
    ReceivedPart,
    Redecoded,
    ReplyClaim,
    ReplyState,
    Restoration,
    Shown,
    SmsState,
    StatusCounts,
)
from smsgate.store import audit, held, schema
from smsgate.store.alarms import AlarmRecord, Alarms
from smsgate.store.answers import Answers
from smsgate.store.backup import back_up, keep_copy
from smsgate.store.database import Database, demand_file
from smsgate.store.deciding import Deciding
from smsgate.store.findings import find
from smsgate.store.forward_care import ForwardCare, ListedForward, list_forwards
from smsgate.store.forwards import ForwardOutbox
from smsgate.store.ledger import Days, Ledger, balance
from smsgate.store.lines import received_by_hour, save_line
from smsgate.store.looking import Looking
from smsgate.store.messages import MessageRecord, Messages
from smsgate.store.overdue import Overdue
from smsgate.store.ownership import Ownership, process_token
from smsgate.store.receive import Receiver
from smsgate.store.redecode import Redecoder
from smsgate.store.replies import ReplyOutbox
from smsgate.store.reply_care import Choice, ListedReply, ReplyCare, list_replies
from smsgate.store.restored import Restored
from smsgate.store.room import Room, ServiceFacts
from smsgate.store.schema import Upgraded
from smsgate.store.timekeeping import Redating, TimeGuard
from smsgate.store.triage import Candidate, Triage, candidates, unsorted


class _Opening:
    """Opening, owning, looking after and closing."""

    def __init__(
        self,
        url: str,
        gateway: str,
        *,
        clock: HostClock | None = None,
        limits: Mapping[str, KnowledgeLimits] | None = None,
        services: Mapping[str, ServiceFacts] | None = None,
        on_due_reply: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = Database(url)
        host_clock = clock or SystemClock()
        self._room = Room(
            database=self._database,
            gateway=gateway,
            owner=process_token(gateway),
            clock=host_clock,
            limits=dict(limits or {}),
            services=services or {},
            time=TimeGuard(host_clock),
            on_due_reply=on_due_reply,
        )
        self._redating = Redating(self._database, gateway, self._room.time)
        self._ownership = Ownership(self._database, gateway)
        self._forwards = ForwardOutbox(self._room)
        self._replies = ReplyOutbox(self._room)
        self._alarms = Alarms(self._room)
        self._looking = Looking(self._room)
        self._restored = Restored(self._room)
        self._overdue = Overdue(self._room)

    def set_limits(self, limits: Mapping[str, KnowledgeLimits]) -> None:
        """From the next batch on, look back for these services as told here. Any thread may call this."""
        self._room.limits.update(limits)

    def open(self, *, create: bool = False) -> None:
        """See that the store is there, ours, and of the schema that this program needs; with
        `create`, make a missing one.

        Raises SchemaMismatch, StoreUnavailable or StoreError, each with the next thing to do.
        """
        self._demand_file(create=create)
        if create and self._version() is None:  # looked at first: the writer would set a journal
            schema.create(self._database)
        self._room.time.begin()
        with self._database.read() as connection:
            schema.demand_current(schema.version_of(connection))
            for moment in schema.newest_moments(connection):
                self._room.time.note(moment)

    def own(self, *, mark: Path | None = None) -> None:
        """Take the store for this daemon alone (SQLite), or the gateway's name (PostgreSQL); raise
        StoreBusy if taken.

        In the file `mark` this host keeps how far it saw the store come. A store that is behind it
        was put back from a copy, and is held (`watch_restored`).
        """
        self._ownership.take()
        if mark is not None:
            self._restored.begin(mark)

    def close(self) -> None:
        """Give up the ownership and close every connection. Does no harm twice."""
        self._ownership.release()
        self._database.close()

    def is_older(self) -> bool:
        """Whether there is a store, of an older schema than this program's."""
        self._demand_file(create=True)
        return self._version() in schema.VERSIONS[:-1]

    def _version(self) -> str | None:
        path = self._database.path
        if path is not None and not path.exists():
            return None
        with self._database.read() as connection:
            return schema.version_of(connection)

    def upgrade(self) -> Upgraded:
        """Bring the schema up to this program, or make the store; the caller owns it.

        A SQLite store is copied first, so that a person can go back. A power cut anywhere leaves the
        store as it was, or upgraded whole.
        """
        path, copy = self._database.path, None
        self._demand_file(create=True)
        if path is not None and self.is_older():
            with self._database.read() as connection:
                before = schema.version_of(connection)
            copy = path.with_name(f"{path.name}.schema-{before}")
            keep_copy(self._database, copy)
        before, now = schema.upgrade(self._database)
        return Upgraded(before, now, copy)

    def _demand_file(self, *, create: bool) -> None:
        if self._database.path is not None:
            demand_file(self._database.path, create=create)

    def check(self) -> list[str]:
        """Return what is wrong with the store, one sentence each; nothing when all is well."""
        self._demand_file(create=False)
        problems = schema.problems_of(self._database)
        restored = None if problems else self._restored.current()
        return problems if restored is None else [restored.sentence]

    def checkpoint(self) -> None:
        """Move SQLite's write-ahead log into the file."""
        self._database.checkpoint()

    def keep_disk_reserve(self, mib: int) -> None:
        """Claim nothing from now on while less than that is free: what was sent must still be settled."""
        self._database.reserve_mib = mib

    def has_disk_reserve(self, mib: int) -> bool:
        """Whether that much disk is free where the store is."""
        return self._database.has_disk_reserve(mib)


class _Receiving(_Opening):
    """What lines and the housekeeper write."""

    def receive(
        self,
        line: str,
        service: str,
        batch: Sequence[ReceivedPart],
        decide: Decide,
        new_reference: Callable[[], str],
        *,
        gone: Collection[int] = (),
    ) -> Received:
        """Commit a batch of listed slots and all that becomes of it; only what is returned as
        committed may be deleted.

        `gone` are parts that the listing no longer showed after they were deleted.
        Raises StoreUnavailable or StoreError with nothing committed.
        """
        receiver = Receiver(self._room)
        return receiver.receive(line, service, batch, Deciding(decide, new_reference), gone)

    def mark_gone(self, part_ids: Collection[int]) -> None:
        """Record that these parts were seen gone from the modem."""
        if part_ids:
            now = self._room.now()
            self._database.run(lambda connection: held.mark_gone(connection, part_ids, now))

    def mark_absent(self, line: str, shown: Shown) -> int:
        """Record that parts are gone which a line should hold and a listing does not show; return
        how many.
        """
        gateway, now = self._room.gateway, self._room.now()
        return self._database.run(lambda c: held.mark_absent(c, gateway, line, shown, now))

    def file_overdue(self, service: str, decide: Decide, new_reference: Callable[[], str]) -> int:
        """File what waited too long for its parts, with the gaps marked; return how many SMS."""
        return self._overdue.file(service, Deciding(decide, new_reference))

    def redecode(
        self, decisions: Mapping[str, Decide], new_reference: Callable[[], str], actor: str
    ) -> Redecoded:
        """Read again what is undecodable or in quarantine, and file what can be read now; the daemon
        may run.
        """
        return Redecoder(self._room, decisions, new_reference, actor).run()

    def redate(self) -> int:
        """Put right what a clock wrote that was ahead, once it is right; return how many rows."""
        return self._redating.run(self._room.now(), self._room.clock.monotonic())

    def clock_trouble(self) -> str | None:
        """Return why nothing expires, for the alarm; None while the clock is believed."""
        return self._room.time.trouble(self._room.now())

    def save_line(self, line: LineRecord) -> None:
        """Record how a line is doing."""
        save_line(self._room, line)

    def recover(self) -> dict[str, int]:
        """Bring home the claims that ran out, end what expired, and see that this daemon still owns
        what it owns.
        """
        self._ownership.keep()
        return {
            "forwards": self._forwards.recover(),
            "replies": self._replies.recover(),
            "expired": self._replies.expire(),
        }


class _Outbox(_Receiving):
    """What forwarders and lines claim and settle. False of a settling: the claim was no longer
    ours, nothing was written.
    """

    def claim_forward(self, backend: str, *, lease_s: float) -> ForwardClaim | None:
        """Take the forward of a backend that is due the longest, for `lease_s`."""
        return self._forwards.claim(backend, lease_s=lease_s)

    def settle_forward(
        self, claim: ForwardClaim, outcome: Outcome, *, next_at: datetime | None
    ) -> bool:
        """Write what the backend said; due again at `next_at` where it did not take it."""
        return self._forwards.settle(claim, outcome, next_at=next_at)

    def note_lookup(
        self, claim: ForwardClaim, found: LookupOutcome, *, next_at: datetime | None
    ) -> bool:
        """Write what the backend said when it was asked for our reference; Found settles it as
        forwarded.
        """
        return self._forwards.note_lookup(claim, found, next_at=next_at)

    def park_forward(self, claim: ForwardClaim, reason: str) -> bool:
        """Leave it to a person, as unconfirmed."""
        return self._forwards.park(claim, reason)

    def next_forward_at(self, backend: str) -> datetime | None:
        """Return when the backend has something to do; None when never, as things stand."""
        return self._forwards.next_at(backend)

    def next_to_ask(
        self, backend: str, *, after: int, since: datetime, closed_since: datetime | None = None
    ) -> AskedComplaint | None:
        """Return the next complaint of a round of questions; None at its end."""
        return Answers(self._room).next_to_ask(
            backend, after=after, since=since, closed_since=closed_since
        )

    def told_of(
        self, backend: str, reference: str, *, since: datetime, closed_since: datetime
    ) -> AskedComplaint | None:
        """Return the complaint that a backend speaks of by itself; None where it has no such one."""
        return Answers(self._room).told_of(
            backend, reference, since=since, closed_since=closed_since
        )

    def note_progress(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        """Write what a backend said of a complaint, and make due what the citizen is told, if it is news."""
        return Answers(self._room).note(backend, asked, progress)

    def claim_reply(self, service: str, line: str, *, lease_s: float) -> ReplyClaim | None:
        """Take the next due reply of a line."""
        return self._replies.claim(service, line, lease_s=lease_s)

    def record_part(self, claim: ReplyClaim, number: int, tp_mr: int) -> bool:
        """Record that the SMSC took part `number` and gave it the TP-MR `tp_mr`."""
        return self._replies.record_part(claim, number, tp_mr)

    def settle_reply(
        self,
        claim: ReplyClaim,
        state: ReplyState,
        *,
        reason: str | None = None,
        next_at: datetime | None = None,
        taken: Mapping[int, int] | None = None,
    ) -> bool:
        """Write how it went; with the state `due` it goes again at `next_at`, and nothing goes to
        its recipient before. `taken` has the TP-MR of each part that the SMSC took meanwhile.
        """
        return self._replies.settle(claim, state, reason=reason, next_at=next_at, taken=taken)

    def take_over_replies(self, service: str, *, away: str, line: str) -> int:
        """Give the due replies of a line that is away to another one of its service; return how many."""
        return self._replies.take_over(service, away=away, line=line)

    def next_reply_at(self, service: str, line: str) -> datetime | None:
        """Return when the line has a reply to send; None when never, as things stand."""
        return self._replies.next_at(service, line)


class _Keeping(_Outbox):
    """Copies of the store, and what becomes of one that is put back."""

    def back_up(self, target: Path) -> None:
        """Copy SQLite's store into the new file `target`, marked as a copy; the daemon goes on."""
        back_up(self._database, target, self._room.now())

    def watch_restored(self) -> Restoration | None:
        """Note how far the store has come; return that it is a copy put back, of which nothing goes
        out, or None.
        """
        return self._restored.watch()

    def release_restored(self, actor: str, *, leave_replies: bool = False) -> bool:
        """Let a restored store's forwards and replies go out; return whether it was held.

        With `leave_replies` those due in the copy are marked `unconfirmed`, for they may have gone.
        """
        return self._restored.release(actor, leave_replies=leave_replies)


class _Desk(_Keeping):
    """What is left to persons, and what they do with it."""

    def triage(
        self, actor: str, new_reference: Callable[[], str], *, is_again: bool = False
    ) -> Triage:
        """Return what a person can do with an SMS that nobody else could sort."""
        room = self._room
        return Triage(room, actor=actor, new_reference=new_reference, is_again=is_again)

    def unsorted(self, *, limit: int = 50, is_dismissed: bool = False) -> list[MessageRecord]:
        """Return the oldest SMS that wait for a person; or the newest that one dismissed."""
        return unsorted(self._room, limit=limit, is_dismissed=is_dismissed)

    def candidates(self, sms_id: int) -> list[Candidate]:
        """Return the complaints that an SMS may belong to: the newest of its sender."""
        return candidates(self._room, sms_id)

    def forwards(
        self,
        *,
        states: Sequence[ForwardState],
        backend: str | None = None,
        reference: str | None = None,
        limit: int = 50,
    ) -> list[ListedForward]:
        """Return forwards in these states: first those that wait for a person, then the oldest."""
        return list_forwards(
            self._room, states=states, backend=backend, reference=reference, limit=limit
        )

    def forward_care(self, actor: str) -> ForwardCare:
        """Return what a person can do with forwards, and with a backend's all together."""
        return ForwardCare(self._room, actor=actor)

    def replies(self, choice: Choice, *, limit: int = 50) -> list[ListedReply]:
        """Return the replies that are chosen: first those that wait for a person, then the newest."""
        return list_replies(self._room, choice, limit=limit)

    def reply_care(self, actor: str) -> ReplyCare:
        """Return what a person can do with replies."""
        return ReplyCare(self._room, actor=actor)

    def acknowledge_alarm(self, gateway: str, key: str, actor: str) -> AlarmRecord:
        """Note that a person knows of an alarm that stands, and return it; raises NoSuchAlarm."""
        return self._alarms.acknowledge(gateway, key, actor)


class Store(_Desk):
    """One gateway's store. Thread-safe; every method is at most a few short transactions.

    Every method raises StoreUnavailable when the store cannot be used now, with nothing written,
    and StoreError when it cannot be used until somebody looks.
    """

    def counts(self) -> StatusCounts:
        """Return how many of everything there are, by state."""
        return self._looking.counts()

    def backends(self) -> list[BackendRecord]:
        """Return how each backend is doing."""
        return self._looking.backends()

    def lines(self) -> list[LineRecord]:
        """Return how each line was doing when it last said so."""
        return self._looking.lines()

    def complaints(self, *, limit: int = 50, status: str | None = None) -> list[ComplaintRecord]:
        """Return the newest complaints, without their forwards, replies and events."""
        return self._looking.complaints(limit=limit, status=status)

    def complaint(self, reference: str) -> ComplaintRecord | None:
        """Return one complaint with everything about it; None where nobody has this reference."""
        return self._looking.complaint(reference)

    def messages(
        self,
        *,
        limit: int = 50,
        disposition: Disposition | None = None,
        state: SmsState | None = None,
    ) -> list[MessageRecord]:
        """Return the newest SMS, without their parts."""
        return Messages(self._room).newest(limit=limit, disposition=disposition, state=state)

    def ledger(self, days: Days | None = None) -> Ledger:
        """Return what was read and what became of it, and what of that does not add up."""
        return balance(self._room, days or Days())

    def message(self, sms_id: int) -> MessageRecord | None:
        """Return one SMS with its parts; None where there is none."""
        return Messages(self._room).one(sms_id)

    def note_revealed(self, actor: str, subjects: Sequence[str]) -> None:
        """Put on record that a person is shown numbers and texts in full, and whose."""
        now = self._room.now()
        detail = {"subjects": list(subjects)}
        line = audit.audit_row(now, actor, "reveal", subjects[0] if subjects else "", detail)
        self._database.run(lambda connection: audit.add(connection, line))

    def received_by_hour(self, since: datetime) -> dict[str, dict[int, int]]:
        """Return how many SMS each of our lines received in each hour since then, by the hour's number since 1970."""
        return received_by_hour(self._room, since)

    def findings(self, suppressions: Collection[str], notices: Collection[str]) -> Findings:
        """Return what a person must know; these reasons of suppressed replies and operators' notices
        count.
        """
        return find(self._room, suppressions, notices)

    def raise_alarm(self, key: str, text: str, severity: str) -> bool:
        """Raise an alarm; return whether it is new, or was over."""
        return self._alarms.raise_(key, text, severity)

    def clear_alarm(self, key: str) -> bool:
        """End an alarm; return whether there was one."""
        return self._alarms.clear(key)

    def alarms(self) -> list[AlarmRecord]:
        """Return the alarms that are not over, the newest first."""
        return self._alarms.current()

    def sync_alarms(self, standing: Sequence[Alarm], *, is_ending_others: bool = True) -> None:
        """Keep this gateway's alarms as the daemon's board shows them, for commands and restarts.

        A daemon that has just started does not end what it has not looked at yet.
        """
        kept = {a.key: a for a in self.alarms() if a.gateway == self._room.gateway}
        for alarm in standing:
            old = kept.pop(alarm.key, None)
            if old is None or (old.text, old.severity) != (alarm.text, alarm.severity.value):
                self.raise_alarm(alarm.key, alarm.text, alarm.severity.value)
        for key in kept if is_ending_others else ():
            self.clear_alarm(key)
