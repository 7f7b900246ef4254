"""Which complaint a text without a reference goes on with, and what it must never be put to."""

from datetime import timedelta

import pytest
from intake_cases import NOW, RULES, a_complaint, decide, sent
from msgspec.structs import replace

from smsgate.records import Confidentiality, Disposition, ReplyKind, SenderKnowledge

ASKING = replace(RULES, asks_for_place=True)


def test_place_is_asked_once_behind_the_receipt_where_none_is_named():
    decision = decide("BTM jalan rusak parah", rules=ASKING)

    assert sent(decision) == [ReplyKind.ACK, ReplyKind.NEED_MORE]
    assert decision.is_asking


@pytest.mark.parametrize(
    ("text", "known", "rules"),
    [
        pytest.param("BTM jalan rusak di Tiban", None, ASKING, id="a place is named"),
        pytest.param("BTM ada kebakaran tolong", None, ASKING, id="an emergency"),
        pytest.param("BTM jalan rusak parah", None, RULES, id="not configured"),
        pytest.param(
            "BTM jalan rusak parah", SenderKnowledge(has_opted_out=True), ASKING, id="opted out"
        ),
        pytest.param(
            "BTM jalan rusak parah",
            SenderKnowledge(replies_in_window=8),
            ASKING,
            id="one of the day's last replies",
        ),
    ],
)
def test_place_is_not_asked(text, known, rules):
    assert ReplyKind.NEED_MORE not in sent(decide(text, known, rules=rules))


def asked(age=timedelta(hours=2), **changes):
    return a_complaint(age=age, asked_at=NOW - age, **changes)


RAHASIA = {"confidentiality": Confidentiality.RAHASIA}


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        pytest.param("jl Mawar no 5 RT 3 Tiban", [asked()], id="nothing but a place"),
        pytest.param("BTM jl Mawar no 5 RT 3 Tiban", [asked()], id="the same with prefix"),
        pytest.param("yg rusak itu depan SDN 5 pak", [asked()], id="names a place"),
        pytest.param("jl Mawar no 5", [asked(**RAHASIA)], id="confidential: nothing but a place"),
        pytest.param(
            "jl Mawar no 5", [a_complaint(), asked(id=6)], id="another was not asked about"
        ),
    ],
)
def test_answer_to_the_question_joins_its_complaint(text, complaints):
    decision = decide(text, SenderKnowledge(complaints=complaints), rules=ASKING)

    assert decision.disposition is Disposition.FOLLOW_UP
    assert decision.complaint_id == complaints[-1].id
    assert decision.answers_question


@pytest.mark.parametrize(
    ("text", "complaints", "disposition"),
    [
        pytest.param("terima kasih pak", [asked()], Disposition.TRIAGE, id="says no place"),
        pytest.param(
            "ini Andi di Tiban, besok jadi?",
            [asked(**RAHASIA)],
            Disposition.TRIAGE,
            id="confidential, and more than a place",
        ),
        pytest.param(
            "jl Mawar no 5", [asked(id=6), asked()], Disposition.TRIAGE, id="two questions are open"
        ),
        pytest.param(
            "jl Mawar no 5", [asked(timedelta(hours=25))], Disposition.TRIAGE, id="long after"
        ),
        pytest.param(
            "BTM jl Mawar banjir", [asked()], Disposition.COMPLAINT, id="another complaint"
        ),
        pytest.param(
            "BTM RAHASIA jl Mawar", [asked()], Disposition.COMPLAINT, id="in confidence now"
        ),
    ],
)
def test_what_is_no_answer_is_not_joined(text, complaints, disposition):
    decision = decide(text, SenderKnowledge(complaints=complaints), rules=ASKING)

    assert decision.disposition is disposition


@pytest.mark.parametrize(
    ("text", "complaints", "is_joined"),
    [
        pytest.param("(2/2) dekat masjid", [RAHASIA], True, id="marked as cut by hand"),
        pytest.param("ini Andi blok C, jadi besok?", [RAHASIA], False, id="perhaps another thing"),
        pytest.param("ini Andi blok C, jadi besok?", [{}, RAHASIA], False, id="one of two"),
        pytest.param("(2/2) dekat masjid", [{}, RAHASIA], False, id="cut by hand, of two"),
        pytest.param("jangan sebut nama saya", [{}], False, id="asks for confidence itself"),
        pytest.param("rahasia oknumnya pak X", [{}], False, id="the keyword without prefix"),
        pytest.param("dekat masjid raya", [{}], True, id="nothing was confidential"),
        pytest.param("TANGKAB jalan rusak", [{}], False, id="meant for another city"),
    ],
)
def test_unprefixed_text_after_a_confidential_complaint_does_not_leak(text, complaints, is_joined):
    """What is joined goes to the unit complained about, which must not learn who it was."""
    known = [
        a_complaint(id=5 + n, age=timedelta(minutes=2), **changes)
        for n, changes in enumerate(complaints)
    ]

    decision = decide(text, SenderKnowledge(complaints=known))

    assert (decision.disposition is Disposition.FOLLOW_UP) is is_joined
    assert is_joined or decision.disposition is Disposition.TRIAGE
