"""What could not be read or filed when it came is filed later, as if it came now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from inbound import CITIZEN, NOON, HandClock, decide, inbound, parts_of, received, references
from msgspec.structs import replace
from stores import StoreMaker, rows

from hardware.sms import SmsStatusReport, Undecodable
from smsgate.records import (
    Decide,
    ForwardState,
    ReceivedPart,
    Redecoded,
    ReplyState,
)
from smsgate.store import Store


def unread(part: ReceivedPart) -> ReceivedPart:
    """Return a part as a decoder saw it that did not know its form."""
    return replace(part, decoded=Undecodable("an alphabet that we do not know"))


def keep(store: Store, *parts: ReceivedPart, by: Any = decide, first: int = 1) -> None:
    """Receive them as a line would."""
    store.receive("m1", "btm", parts, by, references(first))


def redecode(store: Store, by: Decide = decide, *, first: int = 101) -> Redecoded:
    """Read everything again."""
    return store.redecode({"btm": by}, references(first), "person:sari")


def stumble(*_: object) -> Any:
    """A mistake of ours."""
    raise RuntimeError("a mistake of ours")


@pytest.fixture
def store(make_store: StoreMaker) -> Iterator[Store]:
    """A store with one service and one backend; whatever a test does, it adds up in the end."""
    store = make_store()
    yield store
    assert store.ledger().imbalances == ()


def test_what_can_be_read_now_becomes_a_complaint_with_all_that_belongs_to_it(
    store: Store, clock: HandClock
) -> None:
    keep(store, unread(inbound("BTM jalan rusak")))
    assert store.counts().sms == {"undecodable": 1}
    clock.advance(hours=2)

    assert redecode(store) == Redecoded(filed=1)

    assert store.counts().sms == {"complaint": 1}
    shown = store.complaint("101")
    assert shown is not None
    assert (shown.body, shown.sender, shown.sent_at) == ("jalan rusak", CITIZEN, NOON)
    assert shown.received_at == NOON, "it is as old as it is"
    assert [forward.state for forward in shown.forwards] == [ForwardState.DUE]
    assert [reply.state for reply in shown.replies] == [ReplyState.DUE]
    assert [(event.actor, event.event) for event in shown.events] == [
        ("person:sari", "filed"),
        ("person:sari", "redecoded"),
    ]
    assert rows(store, "SELECT sender, identity, state FROM sms") == [(CITIZEN, CITIZEN, "filed")]
    assert rows(store, "SELECT count(*), max(sender) FROM part") == [(1, CITIZEN)]


def test_doing_it_again_finds_nothing_more(store: Store) -> None:
    keep(store, unread(inbound("BTM jalan rusak")))
    redecode(store)

    assert redecode(store) == Redecoded()
    assert len(store.complaints()) == 1


def test_what_cannot_be_read_stays_as_it_is(store: Store) -> None:
    keep(store, received(b"\xde\xad\xbe\xef"))
    before = rows(store, "SELECT * FROM sms")

    assert redecode(store) == Redecoded(stays=1)
    assert rows(store, "SELECT * FROM sms") == before


def test_octets_that_came_damaged_are_not_taken_for_a_message(store: Store) -> None:
    """What noise left of a PDU may read as one that nobody sent."""
    part = unread(inbound("BTM jalan rusak"))
    keep(store, replace(part, slot=replace(part.slot, is_damaged=True)))

    assert redecode(store) == Redecoded(stays=1)


def test_a_receipt_that_is_too_old_expires_and_surprises_nobody(
    store: Store, clock: HandClock
) -> None:
    keep(store, unread(inbound("BTM jalan rusak")))
    clock.advance(hours=23)
    redecode(store)
    assert rows(store, "SELECT state FROM reply") == [("due",)]
    clock.advance(hours=2)

    assert store.claim_reply("btm", "m1", lease_s=60) is None

    assert rows(store, "SELECT state FROM reply") == [("expired",)]
    assert store.claim_forward("kota", lease_s=60) is not None, "the complaint goes all the same"


def test_a_receipt_of_last_week_is_never_sent(store: Store, clock: HandClock) -> None:
    keep(store, unread(inbound("BTM jalan rusak")))
    clock.advance(days=7)
    redecode(store)

    assert store.claim_reply("btm", "m1", lease_s=60) is None
    assert "reply_expired" in [row[0] for row in rows(store, "SELECT event FROM complaint_event")]


def test_parts_that_could_not_be_read_make_one_message(store: Store) -> None:
    keep(store, *(unread(part) for part in parts_of(["BTM jalan ", "rusak ", "parah"])))
    assert store.counts().sms == {"undecodable": 3}

    assert redecode(store) == Redecoded(filed=1, joined=2)

    assert store.counts().sms == {"complaint": 1}
    assert store.complaints()[0].body == "jalan rusak parah"
    assert rows(store, "SELECT count(*), count(DISTINCT sms_id) FROM part") == [(3, 1)]
    assert rows(store, "SELECT missing, concat_total FROM sms") == [(0, 3)]


def test_a_part_joins_the_others_that_wait_for_it(store: Store) -> None:
    first, second = parts_of(["BTM jalan ", "rusak"])
    keep(store, unread(first), second)

    assert redecode(store) == Redecoded(filed=1)

    assert store.complaints()[0].body == "jalan rusak"
    assert store.counts().sms == {"complaint": 1}


def test_a_part_completes_what_was_filed_without_it(store: Store, clock: HandClock) -> None:
    first, second = parts_of(["BTM jalan ", "rusak"])
    keep(store, first, unread(second))
    clock.advance(hours=25)
    store.file_overdue("btm", decide, references(1))
    assert "[…]" in store.complaints()[0].body

    assert redecode(store) == Redecoded(filed=1)

    [complaint] = store.complaints()
    shown = store.complaint(complaint.reference)
    assert shown is not None
    assert [event.event for event in shown.events] == ["filed", "completed", "redecoded"]
    assert [forward.kind for forward in shown.forwards] == ["create", "add"]


def test_a_part_whose_others_are_missing_waits_for_them(store: Store) -> None:
    first, second = parts_of(["BTM jalan ", "rusak"])
    keep(store, unread(second))

    assert redecode(store) == Redecoded(joined=1)
    assert store.counts().sms == {"waiting": 1}
    keep(store, first)

    assert store.complaints()[0].body == "jalan rusak"


def test_what_the_citizen_sent_again_meanwhile_is_no_second_complaint(
    store: Store, clock: HandClock
) -> None:
    keep(store, unread(inbound("BTM jalan rusak")))
    clock.advance(hours=3)
    keep(store, inbound("BTM jalan rusak", 2, sent_at=clock.now()))

    redecode(store)

    assert store.counts().sms == {"complaint": 1, "repeat": 1}
    assert rows(store, "SELECT count(*) FROM forward") == [(1,)]


def test_octets_kept_twice_are_one_message_once_they_can_be_read(store: Store) -> None:
    """Without an SCTS a slot read again after its delete is a new message; with one it is not."""
    part = unread(inbound("BTM jalan rusak"))
    for _ in range(2):
        kept = store.receive("m1", "btm", [part], decide, references())
        store.mark_gone(list(kept.part_ids.values()))
    assert store.counts().sms == {"undecodable": 2}

    assert redecode(store) == Redecoded(filed=1, seen=1)

    assert store.counts().sms == {"complaint": 1}
    assert rows(store, "SELECT seen_count FROM part") == [(2,)]
    assert rows(store, "SELECT sum(times) FROM sighting") == [(1,)]


def test_a_message_in_quarantine_is_filed_once_our_mistake_is_mended(store: Store) -> None:
    keep(store, inbound("BTM jalan rusak"), by=stumble)
    assert store.counts().sms == {"quarantined": 1}

    assert redecode(store) == Redecoded(filed=1)

    assert store.counts().sms == {"complaint": 1}


def test_a_long_message_in_quarantine_is_filed_whole(store: Store) -> None:
    keep(store, *parts_of(["BTM jalan ", "rusak"]), by=stumble)
    assert store.counts().sms == {"quarantined": 1}

    assert redecode(store) == Redecoded(filed=1)

    assert store.complaints()[0].body == "jalan rusak"


def test_a_mistake_that_is_still_there_leaves_the_message_in_quarantine(store: Store) -> None:
    keep(store, inbound("BTM jalan rusak"), by=stumble)
    keep(store, unread(inbound("BTM banjir", 2)))

    assert redecode(store, stumble) == Redecoded(stays=2)

    assert store.counts().sms == {"quarantined": 1, "undecodable": 1}
    assert redecode(store) == Redecoded(filed=2)


def test_a_service_that_is_gone_from_the_configuration_is_left_alone(store: Store) -> None:
    keep(store, unread(inbound("BTM jalan rusak")))

    assert store.redecode({}, references(), "person:sari") == Redecoded(stays=1)


def test_a_status_report_that_can_be_read_now_settles_its_reply(store: Store) -> None:
    keep(store, inbound("BTM jalan rusak"))
    reply = store.claim_reply("btm", "m1", lease_s=60)
    assert reply is not None
    store.record_part(reply, 1, 7)
    store.settle_reply(reply, ReplyState.SUBMITTED)
    report = received(bytes.fromhex("0006070D91261832547698F0" + "62302021000000" * 2 + "00"), 2)
    assert isinstance(report.decoded, SmsStatusReport)
    keep(store, unread(report))

    assert redecode(store) == Redecoded(filed=1)

    assert store.counts().sms == {"complaint": 1, "report": 1}
    assert store.counts().replies == {"delivered": 1}


def test_it_needs_not_to_own_the_store(make_store: StoreMaker) -> None:
    daemon, command = make_store(), make_store()
    daemon.own()
    keep(daemon, unread(inbound("BTM jalan rusak")))

    assert redecode(command).filed == 1
    keep(daemon, inbound("BTM jalan rusak", 2, sent_at=NOON + timedelta(minutes=5)))

    assert daemon.counts().sms == {"complaint": 1, "repeat": 1}


def test_who_had_it_read_again_is_on_record_for_each_sms(store: Store) -> None:
    """Also for what became no complaint, and so has no history of its own."""
    keep(store, unread(inbound("halo")))
    keep(store, received(b"\xde\xad", 2))

    assert redecode(store) == Redecoded(filed=1, stays=1)

    [(sms_id,)] = rows(store, "SELECT id FROM sms WHERE disposition = 'triage'")
    assert rows(store, "SELECT actor, action, subject FROM audit") == [
        ("person:sari", "redecode", f"sms:{sms_id}")
    ]
