"""What a complete SMS becomes: complaint, follow-up, query, repeat, notice, echo, triage. Pure.

`Intake.decide` is called inside the transaction that stores the SMS; what it returns is written there, whole. The
order of the questions is the meaning:

1. Who wrote? A short code or a name is a machine: its SMS is a notice, never a complaint, never answered.
2. Our own words? An echo.
3. What does the text say (`parsers`)? And what does the store know that turns a complaint into a repeat or an addition?
4. Only then: is the sender answered, and with what?
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from parsers import parse
from parsers.meaning import (
    Complaint,
    FollowUp,
    Grammar,
    Help,
    Meaning,
    OptIn,
    OptOut,
    Privacy,
    StatusQuery,
    Test,
    Unrecognised,
)
from parsers.notices import recognise as recognise_notice
from parsers.senders import Sender, SenderKind, classify
from smsgate import references
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    Decision,
    Disposition,
    KnownComplaint,
    NewComplaint,
    NewReply,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.replies import ReplyLimits, is_last_of_the_day, reason_not_to_answer, render

_CONFIDENTIALITY = {
    Privacy.PLAIN: Confidentiality.PLAIN,
    Privacy.RAHASIA: Confidentiality.RAHASIA,
    Privacy.ANONIM: Confidentiality.ANONIM,
}

# A long text that a person split by hand: "(2/2) …" or "… 2/2". The first part is a complaint of its own.
_HAND_SPLIT = re.compile(r"^\W{0,3}([2-9])\s?/\s?([2-9])\b|\(([2-9])\s?/\s?([2-9])\)\W{0,3}$")


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """What is configured about one service's intake."""

    name: str
    institution: str
    grammar: Grammar
    texts: Mapping[ReplyKind, str]
    timezone: tzinfo
    home_country: str = "ID"
    repeat_window: timedelta = timedelta(hours=24)
    split_window: timedelta = timedelta(minutes=10)
    status_age_max: timedelta = timedelta(days=180)
    receipt_expiry: timedelta = timedelta(hours=24)
    follow_up_working_days: int = 5  # LAPOR!'s own (domain.md section 6)
    limits: ReplyLimits = field(default_factory=ReplyLimits)
    withholds_sender: bool = True  # every backend of the service leaves the number out when asked


def text_digest(body: str) -> bytes:
    """Return what two texts share when a person would call them the same: letters compared without case and spacing."""
    folded = " ".join(unicodedata.normalize("NFKC", body).casefold().split())
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class _Case:
    """One SMS under decision, with all that is known about it."""

    rules: ServiceRules
    sms: CompleteSms
    known: SenderKnowledge
    sender: Sender

    def reply(self, kind: ReplyKind, **values: str) -> tuple[NewReply, ...]:
        """Return the reply of `kind`, with the reason if it is never to be sent."""
        limits = self.rules.limits
        reason = reason_not_to_answer(kind, self.sender, self.known, limits)
        if reason is None and is_last_of_the_day(self.known, limits):
            kind, values = ReplyKind.LIMIT, {"count": str(self.known.sms_today + 1)}
        values.setdefault("institution", self.rules.institution)
        return (
            NewReply(
                kind=kind,
                recipient=self.sender.e164 or self.sms.sender,
                text=render(self.rules.texts[kind], values),
                expires_after_s=self.rules.receipt_expiry.total_seconds(),
                suppressed_reason=reason,
            ),
        )

    def local_date(self, moment: datetime) -> str:
        """Return day and month as citizens write them, in the service's timezone."""
        return f"{moment.astimezone(self.rules.timezone):%d/%m/%Y}"

    def complaint_of(self, reference: str) -> KnownComplaint | None:
        """Return the sender's own complaint with this reference."""
        return next((c for c in self.known.complaints if c.reference == reference), None)

    def recent(self, window: timedelta) -> Sequence[KnownComplaint]:
        """Return the sender's complaints within `window` of this SMS, newest first.

        One that was undecodable or incomplete for long is decided on after complaints that came later.
        """
        at = self.sms.received_at
        return [c for c in self.known.complaints if abs(at - c.received_at) <= window]


@dataclass(frozen=True, slots=True)
class Intake:
    """The decisions of one service."""

    rules: ServiceRules

    def decide(self, sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
        """Return what `sms` becomes. `reference` is one that nobody has, used if a complaint is filed."""
        sender = classify(sms.sender, is_alphanumeric=sms.is_alphanumeric)
        case = _Case(self.rules, sms, known, sender)
        if sms.is_completion and sms.complaint_id is not None:
            return Decision(
                Disposition.COMPLAINT,
                complaint_id=sms.complaint_id,
                forward_addition=sms.text,
                reason="completed by a late part",
            )
        if sender.kind in (SenderKind.SHORT_CODE, SenderKind.ALPHANUMERIC):
            notice = recognise_notice(sms.text)
            return Decision(
                Disposition.OPERATOR_NOTICE, reason=str(notice) if notice is not None else None
            )
        if known.is_own_reply:
            return Decision(Disposition.ECHO, reason="our own words")
        return _decide_meaning(case, parse(sms.text, self.rules.grammar), reference)


def _decide_meaning(case: _Case, meaning: Meaning, reference: str) -> Decision:
    match meaning:
        case Complaint():
            return _decide_complaint(case, meaning, reference)
        case FollowUp():
            return _decide_follow_up(case, meaning, reference)
        case StatusQuery():
            return _decide_status(case, meaning)
        case Help():
            return Decision(Disposition.QUERY, replies=case.reply(ReplyKind.HELP), reason="help")
        case OptOut():
            return Decision(Disposition.OPT_OUT, replies=case.reply(ReplyKind.OPTOUT), optout=True)
        case OptIn():
            return Decision(Disposition.OPT_IN, replies=case.reply(ReplyKind.OPTIN), optout=False)
        case Test():
            return _decide_test(case, meaning)
        case Unrecognised():
            return _decide_unrecognised(case, meaning)


def _decide_complaint(case: _Case, meaning: Complaint, reference: str) -> Decision:
    confidentiality = _CONFIDENTIALITY[meaning.privacy]
    digest = text_digest(meaning.body)
    for earlier in case.recent(case.rules.repeat_window):
        # What was said in confidence is never the repeat of what was said openly, nor the other way round.
        if earlier.text_digest == digest and earlier.confidentiality is confidentiality:
            return Decision(
                Disposition.REPEAT,
                complaint_id=earlier.id,
                replies=case.reply(
                    ReplyKind.DUPLICATE,
                    ref=earlier.reference,
                    date=case.local_date(earlier.received_at),
                ),
            )
    continued = _continued_complaint(case, meaning.body, confidentiality)
    if continued is not None:
        return Decision(
            Disposition.FOLLOW_UP,
            complaint_id=continued.id,
            forward_addition=meaning.body,
            reason="split by hand",
        )
    return Decision(
        Disposition.COMPLAINT,
        complaint=NewComplaint(
            reference=reference,
            body=meaning.body,
            raw_text=case.sms.text,
            prefix=meaning.prefix,
            confidentiality=confidentiality,
            is_urgent=meaning.is_urgent,
            text_digest=digest,
        ),
        replies=case.reply(_receipt_kind(case.rules, meaning, confidentiality), ref=reference),
    )


def _continued_complaint(
    case: _Case, body: str, confidentiality: Confidentiality
) -> KnownComplaint | None:
    """Return the complaint of minutes ago that this text, marked `2/2` by hand, goes on with."""
    found = _HAND_SPLIT.search(body)
    if found is None:
        return None
    number, total = (int(digit) for digit in found.groups() if digit is not None)
    if number > total:
        return None
    recent = case.recent(case.rules.split_window)
    # An addition to an open complaint must not carry what was just said in confidence, so both must agree.
    return next((c for c in recent if c.confidentiality is confidentiality), None)


def _receipt_kind(
    rules: ServiceRules, meaning: Complaint, confidentiality: Confidentiality
) -> ReplyKind:
    if meaning.is_urgent:
        return ReplyKind.EMERGENCY
    # The receipt promises that the number goes no further only where that is so.
    if confidentiality is Confidentiality.PLAIN or not rules.withholds_sender:
        return ReplyKind.ACK
    if confidentiality is Confidentiality.RAHASIA:
        return ReplyKind.ACK_RAHASIA
    return ReplyKind.ACK_ANONIM


def _decide_follow_up(case: _Case, meaning: FollowUp, reference: str) -> Decision:
    own = case.complaint_of(meaning.reference)
    if own is not None:
        return Decision(
            Disposition.FOLLOW_UP,
            complaint_id=own.id,
            forward_addition=meaning.body,
            replies=case.reply(ReplyKind.ADDED, ref=own.reference),
        )
    looks_ours = references.is_reference(meaning.reference) and not _is_date(meaning.reference)
    if meaning.is_named or looks_ours:
        # It is called a complaint's number, or has our form and is no date: most likely somebody else's, or
        # mistyped. A person looks; nothing is told about it.
        return Decision(
            Disposition.TRIAGE,
            replies=case.reply(ReplyKind.UNKNOWN_REF),
            reason="a reference that is not the sender's",
        )
    return _decide_complaint(case, meaning.otherwise, reference)


def _is_date(digits: str) -> bool:
    """Whether eight digits are a day of our times, written as people write it (17082026)."""
    try:
        return datetime.strptime(digits, "%d%m%Y").replace(tzinfo=UTC).year >= 1900
    except ValueError:
        return False


def _decide_status(case: _Case, meaning: StatusQuery) -> Decision:
    if meaning.reference is not None:
        asked = case.complaint_of(meaning.reference)
    else:
        asked = next(iter(case.known.complaints), None)
    # Numbers get new owners: an old complaint is nobody's business but an administrator's.
    if asked is None or case.sms.received_at - asked.received_at > case.rules.status_age_max:
        return Decision(Disposition.QUERY, replies=case.reply(ReplyKind.UNKNOWN_REF))
    return Decision(
        Disposition.QUERY,
        complaint_id=asked.id,
        replies=case.reply(
            ReplyKind.STATUS,
            ref=asked.reference,
            date=case.local_date(asked.received_at),
            status=asked.status,
            unit=asked.unit or case.rules.institution,
            due=case.local_date(_due_at(case, asked)),
        ),
    )


def _due_at(case: _Case, asked: KnownComplaint) -> datetime:
    """Return when the follow-up is due: as recorded, else so many working days after the complaint came in."""
    if asked.due_at is not None:
        return asked.due_at
    day = asked.received_at.astimezone(case.rules.timezone)
    left = case.rules.follow_up_working_days
    while left > 0:
        day += timedelta(days=1)
        left -= day.weekday() < 5  # Saturday and Sunday do not count
    return day


def _decide_test(case: _Case, meaning: Test) -> Decision:
    reason = "nothing behind the keyword" if meaning.is_empty else "a trial"
    if case.known.empty_said_in_window:
        return Decision(Disposition.TEST, reason=reason)
    return Decision(Disposition.TEST, replies=case.reply(ReplyKind.EMPTY), reason=reason)


def _decide_unrecognised(case: _Case, meaning: Unrecognised) -> Decision:
    recent = case.recent(case.rules.split_window)
    if recent and meaning.body:
        # The rest of a long text, sent as a second SMS: it goes with the complaint, and becomes no second one upstream.
        return Decision(
            Disposition.FOLLOW_UP,
            complaint_id=recent[0].id,
            forward_addition=meaning.body,
            reason="without prefix, minutes after a complaint",
        )
    return Decision(
        Disposition.TRIAGE,
        replies=case.reply(ReplyKind.POINTER),
        reason=meaning.doubt.value,
    )
