"""What a complete SMS becomes. Everybody here is invented."""

from datetime import UTC, datetime, timedelta

import pytest
from intake_cases import NOW, OTHER_REF, REF, RULES, SENDER, a_complaint, decide, sent
from msgspec.structs import replace

from smsgate.composing import NoticeSubject
from smsgate.intake import Intake
from smsgate.records import (
    Confidentiality,
    Disposition,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.replies import ReplyLimits
from smsgate.wording import DEFAULT_TEXTS_EN, fill_service_fields


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
            f"BTM laporan saya no {OTHER_REF} sudah sampai mana ya pak?",
            Disposition.QUERY,
            [ReplyKind.UNKNOWN_REF],
            id="somebody else's status, asked in words",
        ),
        pytest.param(
            "BTM 17082026 lampu mati di Tiban",
            Disposition.COMPLAINT,
            [ReplyKind.ACK],
            id="a date is no reference",
        ),
        pytest.param(
            "BTM 20260203 lampu mati di Tiban",
            Disposition.COMPLAINT,
            [ReplyKind.ACK],
            id="nor is one as forms have it",
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


@pytest.mark.parametrize(
    "text",
    [
        f"BTM laporan saya no {OTHER_REF} sudah sampai mana ya pak?",
        "BTM laporan saya sudah sampai mana ya",
    ],
    ids=["with the reference", "of the newest"],
)
def test_status_is_told_to_who_asks_in_own_words(text):
    known = SenderKnowledge(complaints=(a_complaint(),))

    (reply,) = decide(text, known).replies

    assert reply.kind is ReplyKind.STATUS
    assert OTHER_REF in reply.text


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
    (again,) = decide("BTM", SenderKnowledge(empty_said_in_window=True)).replies

    assert again.suppressed_reason == "said already"


def test_an_old_sms_decided_late_is_no_part_of_what_came_days_after():
    known = SenderKnowledge(complaints=(a_complaint(age=-timedelta(days=3)),))

    assert decide("di dekat SD", known).disposition is Disposition.TRIAGE


def test_an_old_sms_decided_late_repeats_what_was_sent_again_since():
    known = SenderKnowledge(complaints=(a_complaint(age=-timedelta(hours=3)),))

    assert decide("BTM jalan rusak", known).disposition is Disposition.REPEAT


def test_what_is_said_in_confidence_is_not_added_to_an_open_complaint():
    """Its backends have the number already."""
    known = SenderKnowledge(complaints=(a_complaint(),))

    decision = decide(f"BTM RAHASIA {OTHER_REF} oknumnya pak X", known)

    assert decision.disposition is Disposition.TRIAGE
    assert decision.forward_addition is None


@pytest.mark.parametrize(
    ("closed_days_ago", "disposition"),
    [(3, Disposition.FOLLOW_UP), (14, Disposition.FOLLOW_UP), (15, Disposition.COMPLAINT)],
)
def test_closed_complaint_is_reopened_within_ten_working_days(closed_days_ago, disposition):
    """2026-08-17 is a Monday; so is the day two weeks before, ten working days away."""
    closed_at = NOW - timedelta(days=closed_days_ago)
    own = a_complaint(age=timedelta(days=30), is_open=False, closed_at=closed_at)

    decision = decide(f"BTM {OTHER_REF} masih rusak", SenderKnowledge(complaints=(own,)))

    assert decision.disposition is disposition
    assert (decision.reopened_due_at is not None) is (disposition is Disposition.FOLLOW_UP)


def test_holidays_are_no_working_days():
    rules = replace(RULES, holidays=frozenset({datetime(2026, 8, 18, tzinfo=UTC).date()}))

    assert rules.working_days_after(NOW, 5).date().isoformat() == "2026-08-25"
    assert RULES.working_days_after(NOW, 5).date().isoformat() == "2026-08-24"


ENGLISH = replace(
    RULES,
    texts_en={
        ReplyKind(kind): fill_service_fields(
            text, prefix="BTM", number="1708", our_institution="Pemko Batam"
        )
        for kind, text in DEFAULT_TEXTS_EN.items()
    },
)


@pytest.mark.parametrize(
    ("text", "rules", "is_english"),
    [
        ("BTM the street light is broken near my house in Tiban", ENGLISH, True),
        ("BTM lampu jalan mati di Tiban", ENGLISH, False),
        ("BTM the street light is broken near my house in Tiban", RULES, False),
        ("BTM tolong fix road ini pls", ENGLISH, False),
    ],
)
def test_english_is_answered_in_english_where_configured(text, rules, is_english):
    (reply,) = decide(text, rules=rules).replies

    assert reply.text.startswith("Complaint received") is is_english


def test_pointer_is_given_once():
    (again,) = decide("halo semua", SenderKnowledge(pointer_said_in_window=True)).replies

    assert again.suppressed_reason == "said already"


NEIGHBOUR = replace(
    RULES,
    grammar=replace(RULES.grammar, other_prefixes=("KARIMUN", "BTMAIR")),
    neighbours={"KARIMUN": "Ketik KARIMUN ke 1709", "BTMAIR": "Ketik BTMAIR ke 1710"},
)


@pytest.mark.parametrize(
    ("text", "disposition", "pointer"),
    [
        ("KARIMUN jalan rusak", Disposition.TRIAGE, "1709"),
        ("karimun: STATUS 12345678", Disposition.TRIAGE, "1709"),
        ("BTMAIR mati", Disposition.TRIAGE, "1710"),
        ("BTM air mati", Disposition.COMPLAINT, "no. "),
        ("BTM karimun lebih baik jalannya", Disposition.COMPLAINT, "no. "),
    ],
)
def test_another_services_prefix_goes_to_triage_with_that_services_pointer(
    text, disposition, pointer
):
    for rules in (NEIGHBOUR, replace(NEIGHBOUR, grammar=_without_prefix(NEIGHBOUR.grammar))):
        decision = decide(text, rules=rules)

        assert decision.disposition is disposition
        assert pointer in decision.replies[0].text


def _without_prefix(grammar):
    return replace(grammar, is_unprefixed_complaint=True)


def a_subject(**changes):
    return replace(NoticeSubject(REF, SENDER, False, SenderKnowledge()), **changes)


@pytest.mark.parametrize(
    ("subject", "tracking", "reason"),
    [
        pytest.param(a_subject(), "LPR-77", None, id="goes out"),
        pytest.param(
            a_subject(known=SenderKnowledge(has_opted_out=True)), "LPR-77", "opted out", id="STOP"
        ),
        pytest.param(a_subject(recipient="+6591234567"), "LPR-77", "abroad", id="abroad"),
        pytest.param(
            a_subject(), "9" * 16, "tracking id cannot be written", id="looks like a NIK: masked"
        ),
        pytest.param(a_subject(), "x" * 90, "tracking id cannot be written", id="too long"),
    ],
)
def test_registered_quotes_the_tracking_id_or_stays(subject, tracking, reason):
    notice = Intake(RULES).compose(ReplyKind.REGISTERED, subject, {"tracking": tracking})

    assert notice.suppressed_reason == reason
    assert reason is not None or (tracking in notice.text and REF in notice.text)


def test_a_closing_says_within_how_many_days_it_is_reopened():
    """The number is the one that is configured, and not the one of some default."""
    subject = NoticeSubject(SENDER, REF, False, SenderKnowledge())
    rules = replace(RULES, reopen_working_days=7)

    reply = Intake(rules).compose(ReplyKind.CLOSED, subject, {})

    assert "7 hari kerja" in reply.text


def test_an_emergency_without_prefix_is_pointed_to_112_though_the_pointer_was_said_before():
    known = SenderKnowledge(pointer_said_in_window=True)

    decision = decide("tolong kebakaran di ruko Nagoya", known)

    assert sent(decision) == [ReplyKind.POINTER]
    assert "112" in decision.replies[0].text
    assert sent(decide("besok jadi rapat pak?", known)) == []


def test_a_person_sees_that_an_unclear_text_is_urgent():
    decision = decide("tolong kebakaran di ruli belakang pasar")

    assert decision.disposition is Disposition.TRIAGE
    assert decision.reason == "no prefix, urgent"


def a_few_complaints(sent_apart, received_apart=timedelta(seconds=3), count=4):
    """Complaints that came just now, the newest first."""
    return tuple(
        a_complaint(
            f"aduan {n}",
            age=n * received_apart,
            sent_at=None if sent_apart is None else NOW - n * sent_apart,
        )
        for n in range(1, count + 1)
    )


@pytest.mark.parametrize(
    ("complaints", "sent_at", "answer"),
    [
        pytest.param(
            a_few_complaints(timedelta(seconds=4)), NOW, ReplyKind.LIMIT, id="a robot's, every 4 s"
        ),
        pytest.param(
            a_few_complaints(timedelta(seconds=70)), NOW, ReplyKind.LIMIT, id="sent within 5 min"
        ),
        pytest.param(
            a_few_complaints(timedelta(minutes=40)), NOW, ReplyKind.ACK, id="after an outage"
        ),
        pytest.param(
            a_few_complaints(timedelta(minutes=5)),
            NOW,
            ReplyKind.ACK,
            id="one of them within 5 min",
        ),
        pytest.param(
            a_few_complaints(timedelta(minutes=-40)), NOW, ReplyKind.ACK, id="the oldest comes last"
        ),
        pytest.param(
            a_few_complaints(None), NOW, ReplyKind.LIMIT, id="the network did not say when"
        ),
        pytest.param(
            a_few_complaints(timedelta(hours=1)), None, ReplyKind.LIMIT, id="nor of this one"
        ),
        pytest.param(
            a_few_complaints(timedelta(seconds=4), timedelta(minutes=30)),
            NOW,
            ReplyKind.ACK,
            id="came one by one, hours apart",
        ),
    ],
)
def test_sms_that_only_arrive_together_are_no_burst(complaints, sent_at, answer):
    """After an outage a citizen's SMS of a whole day come at once; a robot's were sent at once, too."""
    known = SenderKnowledge(complaints=complaints)

    decision = decide("BTM lampu mati di Tiban", known, sent_at=sent_at)

    assert sent(decision) == [answer]


def test_a_burst_that_went_on_is_not_answered_at_all():
    known = SenderKnowledge(complaints=a_few_complaints(timedelta(seconds=4), count=5))

    assert sent(decide("BTM lampu mati di Tiban", known)) == []
