"""What a complete SMS becomes: complaint, follow-up, query, repeat, notice, echo, triage. Pure.

`Intake.decide` is called inside the transaction that stores the SMS; what it returns is written there, whole. The
order of the questions is the meaning:

1. Who wrote? A short code or a name is a machine: its SMS is a notice, never a complaint, never answered.
2. Our own words? An echo.
3. What does the text say (`parsers`)? And what does the store know that turns a complaint into a repeat or an addition?
4. Only then: is the sender answered, and with what?
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from parsers import parse
from parsers.language import is_english
from parsers.meaning import (
    STRICTNESS,
    Complaint,
    Doubt,
    FollowUp,
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
from parsers.pictures import is_mms_notice
from parsers.places import names_a_place
from parsers.senders import SenderKind, classify
from smsgate import references
from smsgate.case import Case, ServiceRules, text_digest
from smsgate.composing import NoticeSubject
from smsgate.errors import SmsgateError
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
from smsgate.replies import reason_not_to_tell, render

_CONFIDENTIALITY = {
    Privacy.PLAIN: Confidentiality.PLAIN,
    Privacy.RAHASIA: Confidentiality.RAHASIA,
    Privacy.ANONIM: Confidentiality.ANONIM,
}


class SaidInConfidence(SmsgateError):
    """What was said in confidence cannot be joined to what was said openly: file it by itself."""


class Intake(Struct, frozen=True):
    """The decisions of one service."""

    rules: ServiceRules

    def decide(self, sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
        """Return what `sms` becomes. `reference` is one that nobody has, used if a complaint is filed."""
        sender = classify(sms.sender, is_alphanumeric=sms.is_alphanumeric)
        case = Case(self.rules, sms, known, sender)
        if sms.is_completion and sms.complaint_id is not None:
            return Decision(
                Disposition.COMPLAINT,
                complaint_id=sms.complaint_id,
                forward_addition=sms.text,
                reason="completed by a late part",
            )
        if is_mms_notice(sms.text):
            # A citizen's picture, which we cannot fetch. Who brings the notice is the operator: not to be answered.
            return Decision(Disposition.TRIAGE, reason="MMS")
        if sender.kind in (SenderKind.SHORT_CODE, SenderKind.ALPHANUMERIC):
            notice = recognise_notice(sms.text)
            return Decision(
                Disposition.OPERATOR_NOTICE, reason=str(notice) if notice is not None else None
            )
        if known.is_own_reply:
            return Decision(Disposition.ECHO, reason="our own words")
        return _decide_meaning(case, parse(sms.text, self.rules.grammar), reference)

    def file_by_person(
        self,
        sms: CompleteSms,
        known: SenderKnowledge,
        reference: str,
        wish: Privacy = Privacy.PLAIN,
    ) -> Decision:
        """Return the filing of an unclear SMS that a person says is a complaint.

        What it asks in confidence holds as if it had a prefix; `wish` is the person's own reading, and of
        the two the stricter holds.
        """
        sender = classify(sms.sender, is_alphanumeric=sms.is_alphanumeric)
        case = Case(self.rules, sms, known, sender)
        meaning = case.as_complaint() or Complaint(body=sms.text.strip(), prefix="")
        privacy = max(wish, case.privacy, key=STRICTNESS.index)
        meaning = replace(meaning, privacy=privacy)
        return replace(_file(case, meaning, reference), reason="filed by a person")

    def join_by_person(
        self, sms: CompleteSms, known: SenderKnowledge, complaint: KnownComplaint, is_own: bool
    ) -> Decision:
        """Return the joining of an unclear SMS to a complaint; only the complaint's own sender is told.

        Raises SaidInConfidence where the complaint was made openly and the SMS was not.
        """
        sender = classify(sms.sender, is_alphanumeric=sms.is_alphanumeric)
        case = Case(self.rules, sms, known, sender)
        reading = case.as_complaint()
        if _is_more_secret(case.privacy, complaint):
            raise SaidInConfidence(
                f"the SMS asks for confidence, and the backends have the number of complaint {complaint.reference}: "
                "`smsgate triage file` makes it a complaint of its own"
            )
        body = sms.text.strip() if reading is None else reading.body
        decision = case.added_to(complaint, body, reason="joined by a person")
        if not is_own:
            return decision
        return replace(decision, replies=case.reply(ReplyKind.ADDED, ref=complaint.reference))

    def is_sent(self, kind: ReplyKind) -> bool:
        """Whether citizens are told this unasked, as configured (`composing.Compose`)."""
        return kind is not ReplyKind.REGISTERED or self.rules.is_registered_sent

    def compose(
        self, kind: ReplyKind, subject: NoticeSubject, values: Mapping[str, str]
    ) -> NewReply:
        """Word a notice about a complaint (`composing.Compose`)."""
        rules = self.rules
        template = rules.words(kind, is_english=subject.is_english)
        days = str(rules.reopen_working_days)
        named = {"ref": subject.reference, "unit": rules.institution, "days": days}
        text = render(template, {**named, **values})
        sender = classify(subject.recipient)
        reason = reason_not_to_tell(kind, sender, subject.known, rules.limits)
        if values.get("tracking", "") not in text:
            reason = "tracking id cannot be written"  # cut or masked it would be another
        return NewReply(
            kind=kind,
            recipient=subject.recipient,
            text=text,
            expires_after_s=rules.notice_expiry.total_seconds(),
            suppressed_reason=reason,
        )


def _decide_meaning(case: Case, meaning: Meaning, reference: str) -> Decision:
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


def _decide_complaint(case: Case, meaning: Complaint, reference: str) -> Decision:
    confidentiality = _CONFIDENTIALITY[meaning.privacy]
    recent = case.recent(case.rules.repeat_window)
    digest = text_digest(meaning.body) if recent else b""
    for earlier in recent:
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
    continued = case.joining.of_cut_by_hand(meaning.body, confidentiality)
    if continued is not None and not case.is_over(continued):
        return case.added_to(continued, meaning.body, reason="split by hand")
    answered = case.joining.answered_by(meaning.body)
    if answered is not None and confidentiality is Confidentiality.PLAIN:
        decision = case.added_to(answered, meaning.body, reason="the place that was asked")
        return replace(decision, replies=case.reply(ReplyKind.ADDED, ref=answered.reference))
    return _file(case, meaning, reference)


def _file(case: Case, meaning: Complaint, reference: str) -> Decision:
    confidentiality = _CONFIDENTIALITY[meaning.privacy]
    replies = case.reply(_receipt_kind(case.rules, meaning, confidentiality), ref=reference)
    if _is_place_asked(case, meaning):
        replies += case.reply(ReplyKind.NEED_MORE, ref=reference)
    return Decision(
        Disposition.COMPLAINT,
        complaint=NewComplaint(
            reference=reference,
            body=meaning.body,
            raw_text=case.sms.text,
            prefix=meaning.prefix,
            confidentiality=confidentiality,
            is_urgent=meaning.is_urgent,
            text_digest=text_digest(meaning.body),
            is_english=is_english(meaning.body),
        ),
        replies=replies,
    )


def _is_place_asked(case: Case, meaning: Complaint) -> bool:
    """Whether one question goes out behind the receipt, in an SMS of its own.

    Of its own: together they do not fit one SMS, and what the receipt says is not to be shortened. Never
    in an emergency, when 112 is all that counts, nor where it would be one of the day's last replies.
    """
    known, limits = case.known, case.rules.limits
    return (
        case.rules.asks_for_place
        and not meaning.is_urgent
        and not known.has_opted_out
        and known.replies_in_window + 2 < limits.per_sender_day
        and case.burst + 1 < limits.per_sender_burst
        and not names_a_place(meaning.body, case.rules.joining.gazetteer)
    )


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


def _decide_follow_up(case: Case, meaning: FollowUp, reference: str) -> Decision:
    own = case.complaint_of(meaning.reference)
    if own is not None and case.is_over(own):
        return _decide_complaint(case, meaning.otherwise, reference)
    if own is not None and _is_more_secret(meaning.otherwise.privacy, own):
        # The backends have the number of that complaint: what is said in confidence must not be put to it.
        return Decision(
            Disposition.TRIAGE,
            replies=case.reply(ReplyKind.POINTER),
            reason="in confidence, about an open complaint",
        )
    if own is not None:
        decision = case.added_to(own, meaning.body)
        return replace(decision, replies=case.reply(ReplyKind.ADDED, ref=own.reference))
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


def _is_more_secret(asked: Privacy, complaint: KnownComplaint) -> bool:
    return asked is not Privacy.PLAIN and complaint.confidentiality is Confidentiality.PLAIN


def _is_date(digits: str) -> bool:
    """Whether eight digits are a day of our times, written as people or forms write it (17082026, 20260817)."""
    return any(_is_day(digits, form) for form in ("%d%m%Y", "%Y%m%d"))


def _is_day(digits: str, form: str) -> bool:
    try:
        return 1900 <= datetime.strptime(digits, form).replace(tzinfo=UTC).year < 2100
    except ValueError:
        return False


def _decide_status(case: Case, meaning: StatusQuery) -> Decision:
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
            template=case.rules.words(ReplyKind.STATUS, is_english=asked.is_english),
            due=case.local_date(_due_at(case, asked)),
        ),
    )


def _due_at(case: Case, asked: KnownComplaint) -> datetime:
    """Return when the follow-up is due: as recorded, else so many working days after the complaint came in."""
    if asked.due_at is not None:
        return asked.due_at
    return case.rules.working_days_after(asked.received_at, case.rules.follow_up_working_days)


def _decide_test(case: Case, meaning: Test) -> Decision:
    reason = "nothing behind the keyword" if meaning.is_empty else "a trial"
    return Decision(Disposition.TEST, replies=case.reply(ReplyKind.EMPTY), reason=reason)


def _decide_unrecognised(case: Case, meaning: Unrecognised) -> Decision:
    if meaning.doubt in (Doubt.NO_PREFIX, Doubt.UNCLEAR_PREFIX) and meaning.body:
        is_open = case.privacy is Privacy.PLAIN
        joined = case.joining.of_unprefixed(meaning.body) if is_open else None
        if joined is not None and not case.is_over(joined):
            reason = "without prefix, minutes after a complaint"
            if joined.asked_at is not None:
                reason = "without prefix, after a question"
            return case.added_to(joined, meaning.body, reason=reason)
    template = case.rules.neighbours.get(meaning.prefix)
    return Decision(
        Disposition.TRIAGE,
        replies=case.reply(ReplyKind.POINTER, template=template, is_urgent=meaning.is_urgent),
        reason=f"{meaning.doubt.value}, urgent" if meaning.is_urgent else meaning.doubt.value,
    )
