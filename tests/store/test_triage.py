"""Persons sort what nobody else could: each SMS once, whoever is first."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from inbound import OTHER_CITIZEN, decide, inbound, parts_of, references
from intake_cases import RULES
from msgspec.structs import replace
from stores import StoreMaker, rows

from parsers.meaning import Grammar
from smsgate.intake import Intake, SaidInConfidence
from smsgate.records import Dismissal, Disposition
from smsgate.store import ServiceFacts, Store
from smsgate.store.triage import Destination, NoSuchComplaint, NotInTriage

INTAKE = Intake(RULES)


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one SMS in triage."""
    store = make_store()
    receive(store, inbound("jalan rusak di Tiban"))
    return store


def receive(store: Store, *parts: Any, first: int = 10_000_000) -> None:
    store.receive("m1", "btm", parts, INTAKE.decide, references(first))


def at_table(store: Store, actor: str = "person:ani", **how: Any) -> Any:
    return store.triage(actor, references(50_000_000), **how)


def disposition(store: Store, sms_id: int = 1) -> str | None:
    message = store.message(sms_id)
    assert message is not None
    return message.disposition


def test_a_filed_sms_goes_the_whole_way(store: Store) -> None:
    reference = at_table(store).file(1, INTAKE.file_by_person)

    complaint = store.complaint(reference)
    assert complaint is not None
    assert complaint.body == "jalan rusak di Tiban"
    assert [(f.backend, f.state) for f in complaint.forwards] == [("kota", "due")]
    assert [r.kind for r in complaint.replies] == ["ack"]
    assert [(e.actor, e.event) for e in complaint.events] == [("person:ani", "filed")]
    assert disposition(store) == Disposition.COMPLAINT
    assert store.unsorted() == []
    assert store.ledger().imbalances == ()


def test_a_filed_long_sms_keeps_its_text_and_parts(make_store: StoreMaker) -> None:
    store = make_store()
    receive(store, *parts_of(["jalan rusak ", "di Tiban"]))

    reference = at_table(store).file(1, INTAKE.file_by_person)

    complaint = store.complaint(reference)
    assert complaint is not None
    assert complaint.body == "jalan rusak di Tiban"
    assert rows(store, "SELECT concat_total, missing, state FROM sms") == [(2, 0, "filed")]
    assert store.ledger().imbalances == ()


def test_what_asks_for_confidence_without_prefix_is_filed_in_confidence(
    make_store: StoreMaker,
) -> None:
    store = make_store()
    receive(store, inbound("rahasia lurah minta uang"))

    at_table(store).file(1, INTAKE.file_by_person)

    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    assert (claim.complaint.sender, claim.complaint.text) == (None, "lurah minta uang")


def test_a_joined_sms_is_an_addition_and_its_own_sender_is_told(store: Store) -> None:
    receive(store, inbound("BTM parit tersumbat", 2), first=20_000_000)

    at_table(store).join(1, "20000000", INTAKE.join_by_person)

    complaint = store.complaint("20000000")
    assert complaint is not None
    assert [f.kind for f in complaint.forwards] == ["create", "add"]
    assert [r.kind for r in complaint.replies] == ["ack", "added"]
    assert complaint.events[-1].actor == "person:ani"
    assert disposition(store) == Disposition.FOLLOW_UP
    assert store.ledger().imbalances == ()


def test_a_stranger_whose_sms_is_joined_learns_no_reference(store: Store) -> None:
    receive(store, inbound("BTM parit tersumbat", 2, sender=OTHER_CITIZEN), first=20_000_000)

    at_table(store).join(1, "20000000", INTAKE.join_by_person)

    texts = rows(store, "SELECT text FROM reply WHERE recipient != '" + OTHER_CITIZEN + "'")
    assert not any("20000000" in text for (text,) in texts)


def test_what_was_said_in_confidence_is_not_joined_to_what_was_said_openly(
    make_store: StoreMaker,
) -> None:
    """The backends have the number of that complaint."""
    store = make_store()
    receive(store, inbound("BTM parit tersumbat"), first=20_000_000)
    receive(store, inbound("BTM RAHASIA 20000000 pelakunya tetangga", 2), first=30_000_000)

    with pytest.raises(SaidInConfidence, match="triage file"):
        at_table(store).join(2, "20000000", INTAKE.join_by_person)

    assert rows(store, "SELECT kind FROM forward") == [("create",)]
    assert [message.id for message in store.unsorted()] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "TANGKAB RAHASIA lurah minta uang",
        "BTMX rahasia pelakunya tetangga",
        "pak ini anonim ya pelakunya tetangga",
        "TANGKAB lurah minta uang, jangan sebut nama saya",
    ],
)
def test_confidence_is_found_where_nothing_else_was_understood(
    make_store: StoreMaker, text: str
) -> None:
    """The clerk reads what was said, and may miss how."""
    store = make_store()
    receive(store, inbound("BTM parit tersumbat"), first=20_000_000)
    receive(store, inbound(text, 2), first=30_000_000)
    assert disposition(store, 2) == Disposition.TRIAGE

    with pytest.raises(SaidInConfidence, match="triage file"):
        at_table(store).join(2, "20000000", INTAKE.join_by_person)
    at_table(store).file(2, INTAKE.file_by_person)

    by_sms = "SELECT confidentiality FROM complaint WHERE reference != '20000000'"
    assert rows(store, by_sms)[0][0] in ("rahasia", "anonim")


def test_an_unknown_complaint_changes_nothing(store: Store) -> None:
    with pytest.raises(NoSuchComplaint, match="99999999"):
        at_table(store).join(1, "99999999", INTAKE.join_by_person)

    assert disposition(store) == Disposition.TRIAGE
    assert len(store.unsorted()) == 1


def test_a_dismissed_sms_stays_triage_with_the_reason_and_who(store: Store) -> None:
    at_table(store).dismiss(1, Dismissal.SPAM)

    assert store.unsorted() == []
    [message] = store.unsorted(is_dismissed=True)
    assert (message.disposition, message.reason) == ("triage", "dismissed: spam")
    assert rows(store, "SELECT actor, action, subject FROM audit") == [
        ("person:ani", "triage_dismissed", "sms:1")
    ]
    assert store.ledger().imbalances == ()


def test_a_complaint_dismissed_by_mistake_can_be_filed(store: Store) -> None:
    at_table(store).dismiss(1, Dismissal.SPAM)

    with pytest.raises(NotInTriage, match=r"dismissed: spam by ani.*--again"):
        at_table(store, "person:budi").file(1, INTAKE.file_by_person)
    reference = at_table(store, is_again=True).file(1, INTAKE.file_by_person)

    assert store.complaint(reference) is not None


@pytest.mark.parametrize("sms_id", [1, 99])
def test_what_is_no_triage_cannot_be_filed(make_store: StoreMaker, sms_id: int) -> None:
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())

    with pytest.raises(NotInTriage, match=str(sms_id)):
        at_table(store).file(sms_id, INTAKE.file_by_person)

    assert rows(store, "SELECT count(*) FROM complaint") == [(1,)]


def test_of_two_who_file_the_same_sms_one_is_told_by_whom(store: Store) -> None:
    """At the same moment: whoever comes second sees what the first made of it."""
    told: list[str] = []
    filed: list[str] = []
    start = threading.Barrier(2)

    def sort(name: str, first: int) -> None:
        table = store.triage(f"person:{name}", references(first))
        start.wait(10)
        try:
            filed.append(table.file(1, INTAKE.file_by_person))
        except NotInTriage as refusal:
            told.append(str(refusal))

    clerks = [
        threading.Thread(target=sort, args=("ani", 50_000_000)),
        threading.Thread(target=sort, args=("budi", 60_000_000)),
    ]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join(30)

    assert len(filed) == 1
    [sentence] = told
    assert "complaint by " + ("ani" if filed[0][0] == "5" else "budi") in sentence
    assert rows(store, "SELECT count(*) FROM complaint") == [(1,)]


def test_who_once_asked_for_anonim_is_not_shown_in_triage(make_store: StoreMaker) -> None:
    store = make_store()
    receive(store, inbound("BTM ANONIM pungli di pasar", 1))
    receive(store, inbound("besok saya ke kantor pak", 2, sender=OTHER_CITIZEN), first=20_000_000)
    receive(store, inbound("pak itu tadi Budi yg minta uang ya", 3), first=30_000_000)

    shown = {m.text[:5]: m.sender for m in store.unsorted() if m.text is not None}

    assert shown == {"besok": OTHER_CITIZEN, "pak i": None}
    assert store.candidates(3) == []


# --- another service's --------------------------------------------------------------------------

WATER = replace(RULES, name="air", grammar=Grammar(prefixes=("BTMAIR",)))
TO_WATER = Destination("air", "m2")


@pytest.fixture
def two_services(make_store: StoreMaker) -> Store:
    """A gateway with a second service and a line of its own; one SMS for it came in by the first."""
    store = make_store(
        services={
            "btm": ServiceFacts(number="1708", backends=("kota",)),
            "air": ServiceFacts(number="1709", backends=("pdam",)),
        }
    )
    grammar = replace(RULES.grammar, other_prefixes=("BTMAIR",))
    first = Intake(replace(RULES, grammar=grammar))
    store.receive("m1", "btm", [inbound("BTMAIR mati dua hari")], first.decide, references())
    assert disposition(store) == Disposition.TRIAGE
    return store


def test_an_sms_for_another_service_is_filed_as_that_ones(two_services: Store) -> None:
    store = two_services

    reference = at_table(store).file(1, Intake(WATER).file_by_person, TO_WATER)

    complaint = store.complaint(reference)
    assert complaint is not None
    assert complaint.body == "mati dua hari"
    assert [(f.backend, f.state) for f in complaint.forwards] == [("pdam", "due")]
    assert rows(store, "SELECT service, line FROM complaint") == [("air", "m2")]
    assert rows(store, "SELECT service, line, disposition FROM sms") == [("btm", "m1", "complaint")]
    assert store.ledger().imbalances == ()


def test_its_receipt_leaves_by_a_line_of_that_service(two_services: Store) -> None:
    store = two_services

    at_table(store).file(1, Intake(WATER).file_by_person, TO_WATER)

    claim = store.claim_reply("air", "m2", lease_s=60)
    assert claim is not None
    assert claim.kind == "ack"
    assert rows(store, "SELECT service, line, kind FROM reply ORDER BY id") == [
        ("btm", "m1", "pointer"),
        ("air", "m2", "ack"),
    ]


def test_what_the_sender_says_there_later_is_about_it(two_services: Store) -> None:
    store = two_services
    reference = at_table(store).file(1, Intake(WATER).file_by_person, TO_WATER)

    more = inbound(f"BTMAIR {reference} masih mati", 2)
    store.receive("m2", "air", [more], Intake(WATER).decide, references(30_000_000))

    assert disposition(store, 2) == Disposition.FOLLOW_UP


def test_who_moved_it_and_whereto_is_on_record(two_services: Store) -> None:
    reference = at_table(two_services).file(1, Intake(WATER).file_by_person, TO_WATER)

    [(actor, action, detail)] = rows(two_services, "SELECT actor, action, detail FROM audit")
    assert (actor, action) == ("person:ani", "triage_filed")
    told = json.loads(detail) if isinstance(detail, str) else detail
    assert told == {"reference": reference, "service": "air"}
