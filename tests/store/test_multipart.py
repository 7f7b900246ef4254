"""Concatenated SMS: which parts make one, in whatever order and transaction they come."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from inbound import (
    NOON,
    OTHER_CITIZEN,
    HandClock,
    decide,
    inbound,
    make_pdu,
    parts_of,
    received,
    references,
)
from stores import StoreMaker, rows

from smsgate.backends import Accepted
from smsgate.records import ForwardState
from smsgate.store import ServiceFacts, Store
from smsgate.store.held import open_groups
from smsgate.store.sameness import Arrival

TEXTS = ["BTM jalan ", "rusak di ", "Sekupang"]
WHOLE = "jalan rusak di Sekupang"


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one service and one backend."""
    return make_store()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parts_make_one_sms_in_any_order(store: Store, order: tuple[int, ...]) -> None:
    parts = parts_of(TEXTS)

    for number in order:
        store.receive("m1", "btm", [parts[number]], decide, references())

    [complaint] = store.complaints()
    assert complaint.body == WHOLE
    assert store.counts().sms == {"complaint": 1}


def test_all_parts_in_one_batch_make_one_sms(store: Store) -> None:
    result = store.receive("m1", "btm", parts_of(TEXTS)[::-1], decide, references())

    assert (result.new_parts, result.filed) == (3, 1)
    assert store.complaints()[0].body == WHOLE


def test_an_sms_with_parts_missing_waits(store: Store) -> None:
    result = store.receive("m1", "btm", parts_of(TEXTS)[:2], decide, references())

    assert (result.new_parts, result.filed) == (2, 0)
    assert store.counts().sms == {"waiting": 1}


def test_a_part_listed_twice_completes_nothing(store: Store) -> None:
    first, _, third = parts_of(TEXTS)
    for part in (first, first, third, third, first):
        store.receive("m1", "btm", [part], decide, references())

    assert store.counts().sms == {"waiting": 1}
    assert store.counts().sightings == 3


def test_parts_over_two_lines_of_a_service_make_one_sms(store: Store) -> None:
    first, second, third = parts_of(TEXTS)
    store.receive("m1", "btm", [first], decide, references())
    store.receive("m2", "btm", [second, third], decide, references())

    [complaint] = store.complaints()
    assert complaint.body == WHOLE
    assert complaint.line == "m2"


def test_parts_of_two_services_make_none(store: Store) -> None:
    first, second, third = parts_of(TEXTS)
    store.receive("m1", "btm", [first], decide, references())
    store.receive("m2", "tangkab", [second, third], decide, references())

    assert store.counts().sms == {"waiting": 2}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"sender": OTHER_CITIZEN}, id="another citizen"),
        pytest.param({"reference": 8}, id="another reference"),
        pytest.param({"is_wide": True}, id="another width of reference"),
        pytest.param({"sent_at": NOON + timedelta(hours=2)}, id="sent two hours later"),
    ],
)
def test_a_half_is_never_completed_by(store: Store, other: dict[str, object]) -> None:
    mine = parts_of(["BTM satu ", "dua"])
    others = parts_of(["BTM lain ", "lagi"], **other)  # type: ignore[arg-type]

    store.receive("m1", "btm", [mine[0], others[1]], decide, references())

    assert store.counts().sms == {"waiting": 2}


def test_another_total_is_another_sms(store: Store) -> None:
    store.receive("m1", "btm", parts_of(["BTM a", "b", "c"])[:1], decide, references())
    store.receive("m1", "btm", parts_of(["BTM a", "d"])[1:], decide, references())

    assert store.counts().sms == {"waiting": 2}


def test_the_same_number_with_other_content_begins_a_new_sms(store: Store) -> None:
    """A reference used again within the hour, while the first message still lacks its end."""
    old = parts_of(["BTM lama ", "sekali"])
    new = parts_of(["BTM baru ", "lagi"], sent_at=NOON + timedelta(minutes=30))

    store.receive("m1", "btm", [old[0], *new], decide, references())
    assert [c.body for c in store.complaints()] == ["baru lagi"]
    store.receive("m1", "btm", [old[1]], decide, references(2))

    assert [c.body for c in store.complaints()] == ["lama sekali", "baru lagi"]


def test_a_reference_used_again_after_completion_is_a_new_sms(store: Store) -> None:
    for minute, text in enumerate(("BTM satu ", "BTM dua ")):
        parts = parts_of([text, "ujung"], sent_at=NOON + timedelta(minutes=minute))
        store.receive("m1", "btm", parts, decide, references(minute + 1))

    assert store.counts().sms == {"complaint": 2}


@pytest.mark.parametrize("concat", [(7, 0, 0), (7, 1, 1), (7, 2, 3), (7, 2, 0)])
def test_an_element_that_makes_no_sense_leaves_a_message_of_its_own(
    store: Store, concat: tuple[int, int, int]
) -> None:
    part = received(make_pdu("BTM sendiri", concat=concat))

    store.receive("m1", "btm", [part], decide, references())

    assert store.counts().sms == {"complaint": 1}


def test_a_character_cut_between_two_parts_is_whole(store: Store) -> None:
    fire = "\N{FIRE}".encode("utf-16-be")
    high, low = (fire[at : at + 2].decode("utf-16-be", "surrogatepass") for at in (0, 2))

    store.receive("m1", "btm", parts_of(["BTM api " + high, low + " besar"]), decide, references())

    assert store.complaints()[0].body == "api \N{FIRE} besar"


# --- deadline ---------------------------------------------------------------------------------------


def test_past_the_deadline_what_there_is_is_filed_with_the_gap_marked(
    store: Store, clock: HandClock
) -> None:
    parts = parts_of(TEXTS)
    store.receive("m1", "btm", [parts[0], parts[2]], decide, references())

    clock.advance(hours=23)
    assert store.file_overdue("btm", decide, references()) == 0
    clock.advance(hours=1)
    assert store.file_overdue("btm", decide, references()) == 1

    [complaint] = store.complaints()
    assert complaint.body == "jalan  […] Sekupang"
    shown = store.complaint(complaint.reference)
    assert shown is not None
    assert shown.events[0].actor == "housekeeper"
    assert shown.events[0].detail["missing"] == 1


def test_the_deadline_is_the_services_and_outlives_a_restart(
    make_store: StoreMaker, clock: HandClock
) -> None:
    services = {"btm": ServiceFacts("1708", ("kota",), parts_deadline_s=60.0)}
    first = make_store(services=services)
    first.receive("m1", "btm", parts_of(TEXTS)[:1], decide, references())
    first.close()

    clock.advance(seconds=61)

    assert make_store(services=services).file_overdue("btm", decide, references()) == 1


def test_nothing_is_overdue_by_a_clock_that_cannot_be_believed(
    make_store: StoreMaker, clock: HandClock
) -> None:
    clock.is_kept_right = False
    store = make_store()
    store.receive("m1", "btm", parts_of(TEXTS)[:1], decide, references())

    clock.set_to(NOON + timedelta(days=2))

    assert store.file_overdue("btm", decide, references()) == 0


def test_a_late_part_completes_that_same_complaint(store: Store, clock: HandClock) -> None:
    parts = parts_of(TEXTS)
    store.receive("m1", "btm", [parts[0], parts[2]], decide, references())
    clock.advance(hours=25)
    store.file_overdue("btm", decide, references())
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    store.settle_forward(claim, Accepted("T-1"), next_at=None)

    result = store.receive("m1", "btm", [parts[1]], decide, references(2))

    assert result.due_backends == {"kota"}
    assert store.counts().sms == {"complaint": 1}
    [complaint] = store.complaints()
    shown = store.complaint(complaint.reference)
    assert shown is not None
    assert [event.event for event in shown.events] == ["filed", "forwarded", "completed"]
    added = store.claim_forward("kota", lease_s=60)
    assert added is not None
    assert (added.kind, added.tracking_id) == ("add", "T-1")
    assert added.complaint.text == "BTM jalan rusak di Sekupang"
    assert rows(store, "SELECT missing, has_gap FROM sms")[0][0] == 0


def test_two_late_parts_make_two_additions(store: Store, clock: HandClock) -> None:
    parts = parts_of(TEXTS)
    store.receive("m1", "btm", [parts[0]], decide, references())
    clock.advance(hours=25)
    store.file_overdue("btm", decide, references())

    for part in parts[1:]:
        store.receive("m1", "btm", [part], decide, references(2))

    shown = store.complaint(store.complaints()[0].reference)
    assert shown is not None
    assert [f.kind for f in shown.forwards] == ["create", "add", "add"]
    assert {f.state for f in shown.forwards} == {ForwardState.DUE}


def test_a_first_part_that_comes_late_makes_the_complaint(store: Store, clock: HandClock) -> None:
    """Without its beginning the text was nobody's complaint; it keeps having one disposition."""
    parts = parts_of(TEXTS)
    store.receive("m1", "btm", parts[1:], decide, references())
    clock.advance(hours=25)
    store.file_overdue("btm", decide, references())
    assert store.counts().sms == {"triage": 1}

    store.receive("m1", "btm", [parts[0]], decide, references())

    assert store.counts().sms == {"complaint": 1}
    assert store.complaints()[0].body == WHOLE


def test_a_first_part_that_comes_late_makes_a_repeat_that_counts(
    store: Store, clock: HandClock
) -> None:
    store.receive("m1", "btm", [inbound(f"BTM {WHOLE}")], decide, references(1))
    parts = parts_of(TEXTS)
    store.receive("m1", "btm", parts[1:], decide, references(2))
    clock.advance(hours=25)
    store.file_overdue("btm", decide, references(2))

    store.receive("m1", "btm", [parts[0]], decide, references(2))

    assert store.counts().sms == {"complaint": 1, "repeat": 1}
    assert store.complaints()[0].repeats == 1
    assert store.ledger().imbalances == ()


def test_a_decision_that_trips_over_an_overdue_sms_puts_it_into_quarantine(
    store: Store, clock: HandClock
) -> None:
    def stumble(*_: object) -> object:
        raise RuntimeError("a mistake of ours")

    store.receive("m1", "btm", parts_of(TEXTS)[:1], decide, references())
    clock.advance(hours=25)

    assert store.file_overdue("btm", stumble, references()) == 1  # type: ignore[arg-type]
    assert store.counts().sms == {"quarantined": 1}


def test_halves_that_a_stranger_left_behind_are_not_looked_up_again(store: Store) -> None:
    """Thousands of them would make each further SMS of that batch wait, and in the end fail."""
    for reference in range(20, 40):
        store.receive("m1", "btm", parts_of(TEXTS, reference=reference)[:1], decide, references())
    old = parts_of(TEXTS, sent_at=NOON - timedelta(days=2))
    store.receive("m1", "btm", old[:1], decide, references())
    first, second, _ = parts_of(TEXTS)
    store.receive("m1", "btm", [first], decide, references())

    with store._database.read() as connection:
        found = open_groups(connection, "btm", [Arrival(second, [second.slot], NOON)], NOON)

    assert [(group.key[1], group.moment) for group in found] == [(7, NOON)]


def test_a_reference_that_another_host_took_first_is_no_mistake_of_the_sms(
    store: Store, clock: HandClock
) -> None:
    store.receive("m1", "btm", [inbound("BTM lain")], decide, references(500))
    store.receive("m1", "btm", parts_of(TEXTS)[:1], decide, references())
    clock.advance(hours=25)
    given = iter(["500", "600"])

    def take(sms: object, known: object, _reference: str) -> object:
        return decide(sms, known, next(given))  # type: ignore[arg-type]

    assert store.file_overdue("btm", take, references()) == 1  # type: ignore[arg-type]

    assert {c.reference for c in store.complaints()} == {"500", "600"}


def test_an_overdue_sms_that_nothing_can_file_does_not_keep_others_waiting(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.receive("m1", "btm", parts_of(TEXTS)[:1], decide, references())
    store.receive("m1", "btm", parts_of(TEXTS, sender=OTHER_CITIZEN)[:1], decide, references())
    clock.advance(hours=25)
    tried = []
    [(bad,)] = rows(store, f"SELECT id FROM sms WHERE sender = '{OTHER_CITIZEN}'")
    file_one = store._overdue._file_one

    def trip(connection: Any, sms_id: int, *how: Any) -> int:
        tried.append(sms_id)
        if sms_id == bad:
            raise RuntimeError("a mistake of ours")
        return file_one(connection, sms_id, *how)

    monkeypatch.setattr(store._overdue, "_file_one", trip)

    assert store.file_overdue("btm", decide, references()) == 1
    tried.clear()
    assert store.file_overdue("btm", decide, references()) == 0

    assert tried == []
    assert store.counts().sms == {"complaint": 1, "waiting": 1}
