"""What a complete SMS becomes. Everybody here is invented."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from parsers.meaning import Grammar
from smsgate.intake import Intake, ServiceRules, text_digest
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    Disposition,
    KnownComplaint,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.references import draw_reference
from smsgate.replies import ReplyLimits
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


@pytest.mark.parametrize(
    ("text", "disposition", "kinds"),
    [
        pytest.param("BTM jalan rusak", Disposition.COMPLAINT, [ReplyKind.ACK], id="complaint"),
        pytest.param(
            "BTM RAHASIA pungli di kelurahan",
            Disposition.COMPLAINT,
            [ReplyKind.ACK_RAHASIA],
            id="confidential",
        ),
        pytest.param(
            "BTM ANONIM pungli di kelurahan",
            Disposition.COMPLAINT,
            [ReplyKind.ACK_ANONIM],
            id="anonymous",
        ),
        pytest.param(
            "BTM ada kebakaran di ruko Nagoya tolong",
            Disposition.COMPLAINT,
            [ReplyKind.EMERGENCY],
            id="emergency",
        ),
        pytest.param("BTM BANTUAN", Disposition.QUERY, [ReplyKind.HELP], id="help"),
        pytest.param("BTM", Disposition.TEST, [ReplyKind.EMPTY], id="nothing behind the prefix"),
        pytest.param("BTM tes", Disposition.TEST, [ReplyKind.EMPTY], id="a trial"),
        pytest.param("BTM STOP", Disposition.OPT_OUT, [ReplyKind.OPTOUT], id="opt-out"),
        pytest.param("BTM MULAI", Disposition.OPT_IN, [ReplyKind.OPTIN], id="opt-in"),
        pytest.param(
            "besok rapat jam 9 ya pak", Disposition.TRIAGE, [ReplyKind.POINTER], id="no prefix"
        ),
        pytest.param(
            f"BTM STATUS {OTHER_REF}",
            Disposition.QUERY,
            [ReplyKind.UNKNOWN_REF],
            id="somebody else's status",
        ),
        pytest.param(
            "BTM 17082026 lampu mati di Tiban",
            Disposition.COMPLAINT,
            [ReplyKind.ACK],
            id="a date is no reference",
        ),
        pytest.param(
            f"BTM {OTHER_REF} masih belum diperbaiki",
            Disposition.TRIAGE,
            [ReplyKind.UNKNOWN_REF],
            id="somebody else's reference",
        ),
        pytest.param(
            "BTM aduan no 12345678 masih belum diperbaiki",
            Disposition.TRIAGE,
            [ReplyKind.UNKNOWN_REF],
            id="a mistyped reference that is called one",
        ),
    ],
)
def test_text_of_a_stranger_decides(text, disposition, kinds):
    decision = decide(text)

    assert decision.disposition is disposition
    assert sent(decision) == kinds


def test_receipt_names_the_reference_and_expires():
    (reply,) = decide("BTM jalan rusak").replies

    assert REF in reply.text
    assert reply.recipient == SENDER
    assert reply.expires_after_s == 24 * 3600


def test_complaint_keeps_body_and_raw_text():
    complaint = decide("  BTM  jalan\nrusak yg dpn SD ").complaint

    assert complaint.body == "jalan\nrusak yg dpn SD"
    assert complaint.raw_text == "  BTM  jalan\nrusak yg dpn SD "
    assert complaint.reference == REF


def test_same_text_within_the_window_is_a_repeat_with_the_first_reference():
    known = SenderKnowledge(complaints=(a_complaint("Jalan  RUSAK"),))

    decision = decide("btm jalan rusak", known)

    assert decision.disposition is Disposition.REPEAT
    assert decision.complaint_id == 5
    assert decision.complaint is None
    assert OTHER_REF in decision.replies[0].text


def test_same_text_after_the_window_is_a_new_complaint():
    known = SenderKnowledge(complaints=(a_complaint("jalan rusak", age=timedelta(hours=25)),))

    assert decide("BTM jalan rusak", known).disposition is Disposition.COMPLAINT


def test_confidential_text_is_never_the_repeat_of_a_plain_one():
    known = SenderKnowledge(complaints=(a_complaint("pungli di kelurahan"),))

    decision = decide("BTM RAHASIA pungli di kelurahan", known)

    assert decision.disposition is Disposition.COMPLAINT
    assert decision.complaint.confidentiality is Confidentiality.RAHASIA


def test_own_reference_makes_a_follow_up():
    known = SenderKnowledge(complaints=(a_complaint(),))

    decision = decide(f"BTM {OTHER_REF} di depan SDN 3", known)

    assert decision.disposition is Disposition.FOLLOW_UP
    assert decision.complaint_id == 5
    assert decision.forward_addition == "di depan SDN 3"


@pytest.mark.parametrize(
    "text", ["(2/2) dekat masjid", "BTM (2/2) dekat masjid", "dekat masjid raya"]
)
def test_second_half_sent_by_hand_goes_with_its_complaint(text):
    known = SenderKnowledge(complaints=(a_complaint(age=timedelta(minutes=2)),))

    decision = decide(text, known)

    assert decision.disposition is Disposition.FOLLOW_UP
    assert "dekat masjid" in decision.forward_addition
    assert decision.complaint is None


def test_second_half_long_after_is_not_guessed_at():
    known = SenderKnowledge(complaints=(a_complaint(age=timedelta(hours=3)),))

    assert decide("dekat masjid raya", known).disposition is Disposition.TRIAGE


def test_status_is_told_to_its_own_number():
    known = SenderKnowledge(complaints=(a_complaint(),))

    (reply,) = decide(f"BTM STATUS {OTHER_REF}", known).replies

    assert reply.kind is ReplyKind.STATUS
    assert "diterima" in reply.text
    assert "17/08/2026" in reply.text  # 02:00 UTC is 09:00 in Batam
    assert "24/08/2026" in reply.text  # five working days after a Monday


def test_status_of_an_old_complaint_is_told_to_nobody():
    known = SenderKnowledge(complaints=(a_complaint(age=timedelta(days=181)),))

    (reply,) = decide(f"BTM STATUS {OTHER_REF}", known).replies

    assert reply.kind is ReplyKind.UNKNOWN_REF


@pytest.mark.parametrize("sender", ["1708", "888", "TELKOMSEL"])
def test_machines_are_kept_and_never_answered(sender):
    decision = decide("BTM jalan rusak", sender=sender)

    assert decision.disposition is Disposition.OPERATOR_NOTICE
    assert not decision.replies


def test_own_words_coming_back_are_an_echo():
    decision = decide("Aduan diterima Pemko Batam, no. 1", SenderKnowledge(is_own_reply=True))

    assert decision.disposition is Disposition.ECHO
    assert not decision.replies


def test_foreign_complaint_is_taken_and_answered_only_where_configured():
    abroad = decide("BTM jalan rusak", sender="+6591234567")
    paid = replace(RULES, limits=ReplyLimits(reply_abroad=True))

    assert abroad.disposition is Disposition.COMPLAINT
    assert abroad.replies[0].suppressed_reason == "abroad"
    assert sent(decide("BTM jalan rusak", rules=paid, sender="+6591234567")) == [ReplyKind.ACK]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param(SenderKnowledge(same_text_in_window=3), "same text again", id="text"),
        pytest.param(
            SenderKnowledge(replies_in_window=10, limit_said_in_window=True),
            "sender's limit",
            id="sender",
        ),
        pytest.param(
            SenderKnowledge(gateway_replies_hour=3000), "gateway's hourly limit", id="hour"
        ),
        pytest.param(SenderKnowledge(gateway_replies_day=20000), "gateway's daily limit", id="day"),
    ],
)
def test_over_a_limit_the_complaint_is_filed_and_the_reply_kept_back(known, reason):
    decision = decide("BTM jalan rusak", known)

    assert decision.complaint is not None
    assert decision.replies[0].suppressed_reason == reason


def test_last_reply_of_the_day_says_so():
    decision = decide("BTM jalan rusak", SenderKnowledge(replies_in_window=9, sms_today=9))

    assert sent(decision) == [ReplyKind.LIMIT]
    assert "10 SMS" in decision.replies[0].text


def test_receipts_have_a_budget_that_pointers_do_not_use_up():
    known = SenderKnowledge(gateway_replies_hour=2400)

    assert sent(decide("BTM jalan rusak", known)) == [ReplyKind.ACK]
    assert decide("halo", known).replies[0].suppressed_reason == "gateway's hourly limit"


def test_late_part_completes_its_own_complaint():
    decision = decide("BTM jalan rusak parah", is_completion=True, complaint_id=5, part_count=2)

    assert decision.disposition is Disposition.COMPLAINT
    assert decision.complaint_id == 5
    assert decision.complaint is None
    assert decision.forward_addition == "BTM jalan rusak parah"
    assert not decision.replies


def test_example_is_sent_once():
    assert not decide("BTM", SenderKnowledge(empty_said_in_window=True)).replies


def test_an_old_sms_decided_late_is_no_part_of_what_came_days_after():
    known = SenderKnowledge(complaints=(a_complaint(age=-timedelta(days=3)),))

    assert decide("di dekat SD", known).disposition is Disposition.TRIAGE


def test_an_old_sms_decided_late_repeats_what_was_sent_again_since():
    known = SenderKnowledge(complaints=(a_complaint(age=-timedelta(hours=3)),))

    assert decide("BTM jalan rusak", known).disposition is Disposition.REPEAT
