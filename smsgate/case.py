"""One SMS under decision: the rules of its service, what the store knows of its sender, and what can be
answered, added to or read from that. Pure; `intake` decides.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo

from msgspec import Struct, field
from msgspec.structs import replace

from parsers import parse
from parsers.language import is_english
from parsers.meaning import STRICTNESS, Complaint, FollowUp, Grammar, Privacy, Unrecognised
from parsers.senders import Sender
from smsgate.joining import Joining, JoiningRules
from smsgate.records import (
    CompleteSms,
    Decision,
    Disposition,
    KnownComplaint,
    NewReply,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.replies import (
    BURST_WINDOW,
    ReplyLimits,
    is_last_of_the_day,
    reason_not_to_answer,
    render,
)
from smsgate.workdays import add_working_days

# What is said once in a reply window: saying it again is how two robots talk for ever.
SAID_ALREADY = "said already"
# Of these the same goes after as many as of the same text: they say nothing new. A receipt and a status do.
_SAME_EACH_TIME = frozenset(
    {ReplyKind.ADDED, ReplyKind.HELP, ReplyKind.UNKNOWN_REF, ReplyKind.OPTOUT, ReplyKind.OPTIN}
)


class ServiceRules(Struct, frozen=True):
    """What is configured about one service's intake."""

    name: str
    institution: str
    grammar: Grammar
    texts: Mapping[ReplyKind, str]
    timezone: tzinfo
    home_country: str = "ID"
    repeat_window: timedelta = timedelta(hours=24)
    joining: JoiningRules = field(default_factory=JoiningRules)
    status_age_max: timedelta = timedelta(days=180)
    receipt_expiry: timedelta = timedelta(hours=24)
    notice_expiry: timedelta = timedelta(days=7)
    follow_up_working_days: int = 5
    reopen_working_days: int = 10
    holidays: frozenset[date] = frozenset()
    limits: ReplyLimits = field(default_factory=ReplyLimits)
    # Every backend of the service leaves a confidential number out (`rules` looks): else nothing is promised.
    withholds_sender: bool = False
    texts_en: Mapping[ReplyKind, str] | None = None  # answers to what is plainly English
    asks_for_place: bool = False
    is_registered_sent: bool = False
    neighbours: Mapping[str, str] = field(
        default_factory=dict
    )  # another service's prefix → its pointer

    def words(self, kind: ReplyKind, *, is_english: bool) -> str:
        """Return the template of a reply in the citizen's language, as far as it is configured."""
        if is_english and self.texts_en is not None:
            return self.texts_en[kind]
        return self.texts[kind]

    def working_days_after(self, moment: datetime, days: int) -> datetime:
        """Return when so many working days have passed."""
        return add_working_days(moment, days, zone=self.timezone, holidays=self.holidays)


def text_digest(body: str) -> bytes:
    """Return what two texts share when a person would call them the same: letters compared without case and spacing."""
    folded = " ".join(unicodedata.normalize("NFKC", body).casefold().split())
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).digest()


class Case(Struct, frozen=True):
    """One SMS under decision, with all that is known about it."""

    rules: ServiceRules
    sms: CompleteSms
    known: SenderKnowledge
    sender: Sender

    def reply(
        self,
        kind: ReplyKind,
        *,
        template: str | None = None,
        is_urgent: bool = False,
        **values: str,
    ) -> tuple[NewReply, ...]:
        """Return the reply of `kind`, with the reason if it is never to be sent.

        `is_urgent`: it names 112, and is said again to who was told the same of another SMS.
        """
        limits = self.rules.limits
        burst = self.burst
        reason = reason_not_to_answer(kind, self.sender, self.known, limits, burst=burst)
        if reason is None and not is_urgent and self._is_said_already(kind):
            reason = SAID_ALREADY
        if reason is None and is_last_of_the_day(self.known, limits, burst=burst):
            kind, values = ReplyKind.LIMIT, {"count": str(self.known.sms_today + 1)}
            template = None
        if template is None:
            template = self.rules.words(kind, is_english=self.is_english)
        return (
            NewReply(
                kind=kind,
                recipient=self.sender.e164 or self.sms.sender,
                text=render(template, values),
                expires_after_s=self.rules.receipt_expiry.total_seconds(),
                suppressed_reason=reason,
            ),
        )

    @property
    def is_english(self) -> bool:
        """Whether the text is plainly English, where that matters."""
        return self.rules.texts_en is not None and is_english(self.sms.text)

    def _is_said_already(self, kind: ReplyKind) -> bool:
        known = self.known
        if kind in _SAME_EACH_TIME:
            return known.said_in_window.get(kind, 0) >= self.rules.limits.per_text_day
        return (kind is ReplyKind.EMPTY and known.empty_said_in_window) or (
            kind is ReplyKind.POINTER and known.pointer_said_in_window
        )

    @property
    def joining(self) -> Joining:
        """The sender's complaints that a text without a reference may go on with."""
        return Joining(self.known.complaints, self.sms.received_at, self.rules.joining)

    def local_date(self, moment: datetime) -> str:
        """Return day and month as citizens write them, in the service's timezone."""
        return f"{moment.astimezone(self.rules.timezone):%d/%m/%Y}"

    def complaint_of(self, reference: str) -> KnownComplaint | None:
        """Return the sender's own complaint with this reference."""
        return next((c for c in self.known.complaints if c.reference == reference), None)

    @property
    def burst(self) -> int:
        """How many complaints the sender made within `BURST_WINDOW` of this SMS.

        After an outage SMS come together that were sent hours apart, and the network's time of each says so: who wrote
        them is no robot. A robot's come together and were sent together.
        """
        sent_at = self.sms.sent_at
        return sum(
            sent_at is None or c.sent_at is None or abs(sent_at - c.sent_at) <= BURST_WINDOW
            for c in self.recent(BURST_WINDOW)
        )

    def recent(self, window: timedelta) -> Sequence[KnownComplaint]:
        """Return the sender's complaints within `window` of this SMS, newest first.

        One that was undecodable or incomplete for long is decided on after complaints that came later.
        """
        at = self.sms.received_at
        return [c for c in self.known.complaints if abs(at - c.received_at) <= window]

    def added_to(
        self, complaint: KnownComplaint, body: str, *, reason: str | None = None
    ) -> Decision:
        """Return the decision that this text is an addition to a complaint, and opens a closed one."""
        reopened_due_at = None
        if not complaint.is_open:
            rules = self.rules
            reopened_due_at = rules.working_days_after(
                self.sms.received_at, rules.follow_up_working_days
            )
        return Decision(
            Disposition.FOLLOW_UP,
            complaint_id=complaint.id,
            forward_addition=body,
            reason=reason,
            answers_question=complaint.asked_at is not None,
            reopened_due_at=reopened_due_at,
        )

    def is_over(self, complaint: KnownComplaint) -> bool:
        """Whether a complaint was closed so long ago that nothing can be added to it."""
        if complaint.closed_at is None:
            return False
        rules = self.rules
        last = rules.working_days_after(complaint.closed_at, rules.reopen_working_days)
        return self.sms.received_at > last

    @property
    def privacy(self) -> Privacy:
        """What the text asks to be kept back, also where it was not understood otherwise."""
        asked = []
        for meaning in (parse(self.sms.text, self.rules.grammar), self.as_complaint()):
            match meaning:
                case Complaint() | Unrecognised():
                    asked.append(meaning.privacy)
                case FollowUp():
                    asked.append(meaning.otherwise.privacy)
        return max(asked, key=STRICTNESS.index, default=Privacy.PLAIN)

    def as_complaint(self) -> Complaint | None:
        """Return what the text is as a complaint, read without asking for a prefix."""
        grammar = replace(self.rules.grammar, is_unprefixed_complaint=True, other_prefixes=())
        match parse(self.sms.text, grammar):
            case Complaint() as meaning:
                return meaning
            case FollowUp(otherwise=meaning):
                return meaning
            case _:
                return None
