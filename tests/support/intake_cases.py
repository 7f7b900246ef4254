"""SMS put to the intake of one service, and what the store is said to know. Everybody here is invented."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from parsers.meaning import Grammar
from smsgate.case import ServiceRules, text_digest
from smsgate.intake import Intake
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    KnownComplaint,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.references import draw_reference
from smsgate.wording import DEFAULT_TEXTS, fill_service_fields

NOW = datetime(2026, 8, 17, 3, 0, tzinfo=UTC)
REF = draw_reference(lambda _count: 1234567)
OTHER_REF = draw_reference(lambda _count: 7654321)
SENDER = "+6281234500001"

RULES = ServiceRules(
    name="btm",
    institution="Pemko Batam",
    grammar=Grammar(),
    texts={
        ReplyKind(kind): fill_service_fields(
            text, prefix="BTM", number="1708", our_institution="Pemko Batam"
        )
        for kind, text in DEFAULT_TEXTS.items()
    },
    timezone=ZoneInfo("Asia/Jakarta"),
    withholds_sender=True,
)


def an_sms(text, sender=SENDER, **changes):
    sms = CompleteSms(
        service="btm",
        line="m1",
        sender=sender,
        is_alphanumeric=not sender.lstrip("+").isdigit(),
        text=text,
        sent_at=NOW,
        received_at=NOW,
    )
    return replace(sms, **changes)


def a_complaint(body="jalan rusak", age=timedelta(hours=1), **changes):
    complaint = KnownComplaint(
        id=5,
        reference=OTHER_REF,
        text_digest=text_digest(body),
        confidentiality=Confidentiality.PLAIN,
        received_at=NOW - age,
        status="diterima",
        is_open=True,
    )
    return replace(complaint, **changes)


def decide(text, known=None, rules=RULES, **changes):
    return Intake(rules).decide(an_sms(text, **changes), known or SenderKnowledge(), REF)


def sent(decision):
    return [r.kind for r in decision.replies if r.suppressed_reason is None]
