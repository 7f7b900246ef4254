"""Receiving: what one batch of listed slots becomes, in one transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inbound import (
    CITIZEN,
    NOON,
    OTHER_CITIZEN,
    decide,
    inbound,
    make_pdu,
    received,
    references,
)
from msgspec.structs import force_setattr
from stores import StoreMaker, rows

from smsgate.records import Disposition, ForwardState, ReplyState
from smsgate.store import Store


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one service and one backend."""
    return make_store()


def test_a_complaint_its_forward_and_its_receipt_are_one_commit(store: Store) -> None:
    result = store.receive("m1", "btm", [inbound("BTM jalan rusak")], decide, references())

    assert result.filed == 1
    assert result.due_backends == {"kota"}
    assert result.has_due_replies
    [complaint] = store.complaints()
    shown = store.complaint(complaint.reference)
    assert shown is not None
    assert shown.body == "jalan rusak"
    assert shown.sender == CITIZEN
    assert shown.sent_at == NOON
    assert shown.sent_at is not None
    assert shown.sent_at.utcoffset() == timedelta(hours=7)
    assert [forward.state for forward in shown.forwards] == [ForwardState.DUE]
    assert [reply.state for reply in shown.replies] == [ReplyState.DUE]
    assert [event.event for event in shown.events] == ["filed"]
    assert shown.events[0].actor == "line:m1"


def test_all_slots_of_a_batch_come_back_as_committed(store: Store) -> None:
    batch = [inbound(f"BTM nomor {n}", n) for n in range(1, 8)]

    result = store.receive("m1", "btm", batch, decide, references())

    assert result.committed == tuple(part.slot for part in batch)
    assert set(result.part_ids) == {("SM", n) for n in range(1, 8)}


def test_a_message_read_again_is_a_sighting_and_no_second_message(store: Store) -> None:
    part = inbound("BTM jalan rusak")
    store.receive("m1", "btm", [part], decide, references())

    result = store.receive("m1", "btm", [part], decide, references(20_000_000))

    assert result.committed == (part.slot,)
    assert (result.new_parts, result.sightings, result.filed) == (0, 1, 0)
    assert store.counts().sms == {"complaint": 1}
    assert store.counts().sightings == 1
    assert rows(store, "SELECT seen_count FROM part") == [(2,)]


def test_the_same_message_in_another_slot_is_a_sighting(store: Store) -> None:
    octets = make_pdu("BTM jalan rusak")
    store.receive("m1", "btm", [received(octets, 1)], decide, references())

    result = store.receive("m1", "btm", [received(octets, 9)], decide, references())

    assert result.sightings == 1
    assert result.part_ids[("SM", 9)] == 1


def test_retransmission_with_another_smsc_and_more_to_send_is_the_same_message(
    store: Store,
) -> None:
    octets = make_pdu("BTM jalan rusak")
    again = bytes.fromhex("0791261832547698") + bytes([octets[1] ^ 0x04]) + octets[2:]
    store.receive("m1", "btm", [received(octets)], decide, references())

    result = store.receive("m1", "btm", [received(again)], decide, references())

    assert result.sightings == 1
    assert rows(store, "SELECT pdu FROM sighting") == [(again,)]


def test_a_slot_that_will_not_go_makes_one_sighting_row_however_often_it_is_listed(
    store: Store,
) -> None:
    part = inbound("BTM jalan rusak")
    for _ in range(20):
        store.receive("m1", "btm", [part], decide, references())

    assert rows(store, "SELECT times FROM sighting") == [(19,)]


def test_one_slot_listed_twice_in_a_batch_is_one_message(store: Store) -> None:
    part = inbound("BTM jalan rusak")

    result = store.receive("m1", "btm", [part, part], decide, references())

    assert len(result.committed) == 2
    assert (result.new_parts, result.sightings) == (1, 1)
    assert store.counts().sms == {"complaint": 1}


def test_one_message_in_two_memories_is_one_message(store: Store) -> None:
    octets = make_pdu("BTM jalan rusak")
    batch = [received(octets, 1, memory="SM"), received(octets, 1, memory="ME")]

    result = store.receive("m1", "btm", batch, decide, references())

    assert result.part_ids == {("SM", 1): 1, ("ME", 1): 1}
    assert store.counts().sms == {"complaint": 1}


def test_a_message_that_one_line_has_is_new_on_another(store: Store) -> None:
    part = inbound("BTM jalan rusak")
    store.receive("m1", "btm", [part], decide, references())

    result = store.receive("m2", "btm", [part], decide, references(20_000_000))

    assert result.new_parts == 1


def test_same_text_from_two_citizens_is_two_complaints(store: Store) -> None:
    batch = [inbound("BTM banjir", 1), inbound("BTM banjir", 2, sender=OTHER_CITIZEN)]

    store.receive("m1", "btm", batch, decide, references())

    assert store.counts().complaints == {"diterima": 2}


def test_later_messages_of_a_batch_know_what_earlier_ones_became(store: Store) -> None:
    clock_later = NOON.replace(minute=1)
    batch = [
        inbound("BTM banjir", 2, sent_at=clock_later),
        inbound("BTM banjir", 1),
        inbound("+ di Sekupang", 3, sent_at=clock_later.replace(minute=2)),
    ]

    store.receive("m1", "btm", batch, decide, references())

    assert store.counts().sms == {"complaint": 1, "repeat": 1, "follow-up": 1}
    [complaint] = store.complaints()
    assert complaint.repeats == 1


def test_a_number_written_nationally_is_the_same_citizen(store: Store) -> None:
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())

    again = inbound("BTM banjir", sender="081234567890", sent_at=NOON.replace(hour=6))
    store.receive("m1", "btm", [again], decide, references())

    assert store.counts().sms == {"complaint": 1, "repeat": 1}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("BTM nol\x00di sini", "BTM nol\\u0000di sini", id="U+0000"),
        pytest.param("BTM emoji \N{FIRE}", "BTM emoji \N{FIRE}", id="beyond the BMP"),
    ],
)
def test_text_that_databases_refuse_is_kept_visibly(store: Store, text: str, kept: str) -> None:
    store.receive("m1", "btm", [inbound(text)], decide, references())

    assert rows(store, "SELECT text FROM sms") == [(kept,)]
    assert rows(store, "SELECT raw_text FROM complaint") == [(kept,)]


def test_lone_surrogates_in_what_is_decided_are_kept_visibly(store: Store) -> None:
    def decide_badly(sms: object, known: object, reference: str) -> object:
        decision = decide(sms, known, reference)  # type: ignore[arg-type]
        assert decision.complaint is not None
        force_setattr(decision.complaint, "body", "half \ud83d")
        return decision

    store.receive("m1", "btm", [inbound("BTM x")], decide_badly, references())  # type: ignore[arg-type]

    assert store.complaints()[0].body == "half \\ud83d"


def test_octets_that_are_no_sms_are_kept_and_marked(store: Store) -> None:
    damaged = received(b"\xde\xad\xbe\xef")

    result = store.receive("m1", "btm", [damaged], decide, references())

    assert result.committed == (damaged.slot,)
    assert store.counts().sms == {"undecodable": 1}
    assert rows(store, "SELECT pdu FROM part") == [(b"\xde\xad\xbe\xef",)]


def test_undecodable_octets_read_again_in_their_slot_are_a_sighting(store: Store) -> None:
    damaged = received(b"\xde\xad\xbe\xef")
    store.receive("m1", "btm", [damaged], decide, references())

    result = store.receive("m1", "btm", [damaged], decide, references())

    assert (result.new_parts, result.sightings) == (0, 1)


def test_undecodable_octets_in_two_slots_at_once_are_two_messages(store: Store) -> None:
    batch = [received(b"\xde\xad\xbe\xef", 1), received(b"\xde\xad\xbe\xef", 2)]

    result = store.receive("m1", "btm", batch, decide, references())

    assert result.new_parts == 2


def test_without_scts_a_slot_read_again_after_a_verified_delete_is_a_new_message(
    store: Store,
) -> None:
    damaged = received(b"\xde\xad\xbe\xef")
    first = store.receive("m1", "btm", [damaged], decide, references())
    store.mark_gone(list(first.part_ids.values()))

    result = store.receive("m1", "btm", [damaged], decide, references())

    assert result.new_parts == 1
    assert rows(store, "SELECT instance FROM part ORDER BY id") == [(0,), (1,)]


def test_gone_parts_are_marked_in_the_same_commit(store: Store) -> None:
    first = store.receive("m1", "btm", [inbound("BTM satu", 1)], decide, references())
    gone = list(first.part_ids.values())

    store.receive("m1", "btm", [inbound("BTM dua", 2)], decide, references(2), gone=gone)

    assert rows(store, "SELECT state FROM part ORDER BY id") == [("deleted",), ("kept",)]


def test_a_deleted_message_that_is_listed_again_counts_as_kept_again(store: Store) -> None:
    part = inbound("BTM satu", 1)
    first = store.receive("m1", "btm", [part], decide, references())
    store.mark_gone(list(first.part_ids.values()))

    store.receive("m1", "btm", [part], decide, references())

    assert rows(store, "SELECT state, deleted_at FROM part") == [("kept", None)]


def test_used_references_are_not_given_again(store: Store) -> None:
    store.receive("m1", "btm", [inbound("BTM satu")], decide, references(500))

    store.receive("m1", "btm", [inbound("BTM dua")], decide, references(500))

    assert sorted(c.reference for c in store.complaints()) == ["500", "501"]


def test_a_message_that_trips_us_goes_to_quarantine_and_the_others_on(store: Store) -> None:
    def stumble(sms: object, known: object, reference: str) -> object:
        if "zehn" in sms.text:  # type: ignore[attr-defined]
            raise RuntimeError("a mistake of ours")
        return decide(sms, known, reference)  # type: ignore[arg-type]

    batch = [inbound(f"BTM {word}", n) for n, word in enumerate(["eins", "zehn", "drei"], 1)]
    result = store.receive("m1", "btm", batch, stumble, references())  # type: ignore[arg-type]

    assert result.quarantined == 1
    assert set(result.committed) == {part.slot for part in batch}
    assert store.counts().sms == {"complaint": 2, "quarantined": 1}
    [(reason, octets)] = rows(
        store,
        "SELECT sms.reason, part.pdu FROM sms JOIN part ON part.sms_id = sms.id "
        "WHERE disposition = 'quarantined'",
    )
    assert reason == "RuntimeError"
    assert octets == batch[1].slot.pdu


def test_an_alphanumeric_sender_is_marked_as_one(store: Store) -> None:
    telkomsel = bytes([14, 0xD0]) + bytes.fromhex("5466F1EC1E9BCB6C00")[:7]
    octets = make_pdu("Pulsa Anda")
    number = octets[2:10]
    named = octets.replace(number, telkomsel)

    store.receive("m1", "btm", [received(named)], decide, references())

    [(is_alphanumeric,)] = rows(store, "SELECT is_alphanumeric FROM sms")
    assert bool(is_alphanumeric)


def test_dispositions_add_up_to_the_sms(store: Store) -> None:
    batch = [
        inbound("BTM satu", 1),
        inbound("halo", 2, sent_at=NOON.replace(minute=1)),
        inbound("?", 3, sent_at=NOON.replace(minute=2)),
        received(b"\xde\xad", 4),
    ]

    store.receive("m1", "btm", batch, decide, references())

    counts = store.counts()
    assert counts.sms == {
        Disposition.COMPLAINT: 1,
        Disposition.TRIAGE: 1,
        Disposition.QUERY: 1,
        Disposition.UNDECODABLE: 1,
    }
    assert counts.parts == 4
