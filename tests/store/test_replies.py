"""The outbox of replies: claimed before each submission, settled after, never sent twice by itself."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import pytest
from inbound import NOON, OTHER_CITIZEN, HandClock, decide, inbound, references
from msgspec.structs import force_setattr
from stores import StoreMaker, rows

from hardware.sms import Address, Slot, SmsStatusReport, TypeOfNumber
from smsgate.records import ReceivedPart, ReplyClaim, ReplyKind, ReplyState
from smsgate.store import Store


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store in which one receipt is due."""
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    return store


def claim(store: Store, line: str = "m1") -> ReplyClaim:
    """Claim what must be there."""
    claimed = store.claim_reply("btm", line, lease_s=150)
    assert claimed is not None
    return claimed


def ask(store: Store, minute: int, **how: object) -> None:
    """Let a citizen ask about the complaint."""
    part = inbound("?", minute + 1, sent_at=NOON + timedelta(minutes=minute), **how)
    store.receive("m1", "btm", [part], decide, references())


def test_a_reply_is_claimed_once_by_the_line_that_received(store: Store) -> None:
    assert store.claim_reply("btm", "m2", lease_s=150) is None
    assert store.next_reply_at("btm", "m1") == NOON

    claimed = claim(store)

    assert (claimed.kind, claimed.text) == (ReplyKind.ACK, "received as 10000000")
    assert claimed.attempt == 1
    assert store.claim_reply("btm", "m1", lease_s=150) is None
    assert store.next_reply_at("btm", "m1") is None


def test_a_reply_of_another_gateway_is_not_ours(make_store: StoreMaker, store: Store) -> None:
    assert make_store("batam-2").claim_reply("btm", "m1", lease_s=150) is None


def test_a_submitted_reply_keeps_its_references(store: Store) -> None:
    assert store.settle_reply(claim(store), ReplyState.SUBMITTED, taken={1: 41, 2: 42})

    shown = store.complaint("10000000")
    assert shown is not None
    [reply] = shown.replies
    assert reply.state is ReplyState.SUBMITTED
    assert reply.references == (41, 42)
    assert reply.submitted_at == NOON
    assert shown.events[-1].event == "replied"


def test_a_reply_tried_again_knows_which_parts_were_taken(store: Store) -> None:
    claimed = claim(store)
    store.settle_reply(claimed, ReplyState.DUE, reason="no credit", next_at=NOON, taken={1: 41})

    again = claim(store)

    assert again.parts_submitted == {1}
    assert again.attempt == 2
    assert again.fence > claimed.fence


def test_an_old_claim_settles_nothing(store: Store) -> None:
    old = claim(store)
    store.settle_reply(old, ReplyState.DUE, next_at=NOON)
    claim(store)

    assert not store.record_part(old, 1, 41)
    assert not store.settle_reply(old, ReplyState.SUBMITTED)
    assert not store.settle_reply(old, ReplyState.SUBMITTED, taken={1: 41})
    assert rows(store, "SELECT state FROM reply") == [("claimed",)]
    assert rows(store, "SELECT * FROM reply_part") == []


def test_replies_of_one_complaint_leave_in_order(store: Store) -> None:
    ask(store, 1)
    first = claim(store)
    assert store.claim_reply("btm", "m1", lease_s=150) is None

    store.settle_reply(first, ReplyState.UNCONFIRMED)

    assert claim(store).kind is ReplyKind.STATUS


def test_a_reply_that_must_wait_keeps_later_ones_of_its_complaint_waiting(
    store: Store, clock: HandClock
) -> None:
    ask(store, 1)
    later = NOON + timedelta(minutes=10)
    store.settle_reply(claim(store), ReplyState.DUE, reason="no network", next_at=later)
    assert store.claim_reply("btm", "m1", lease_s=150) is None

    clock.at = later

    assert claim(store).kind is ReplyKind.ACK


def test_backoff_is_per_recipient(store: Store) -> None:
    other = inbound("BTM lampu", 2, sender=OTHER_CITIZEN)
    store.receive("m1", "btm", [other], decide, references(20_000_000))
    mine = inbound("BTM lampu", 3, sent_at=NOON + timedelta(minutes=1))
    store.receive("m1", "btm", [mine], decide, references(30_000_000))

    later = NOON + timedelta(minutes=10)
    store.settle_reply(claim(store), ReplyState.DUE, reason="refused", next_at=later)

    assert claim(store).recipient == OTHER_CITIZEN
    assert store.claim_reply("btm", "m1", lease_s=150) is None
    assert store.next_reply_at("btm", "m1") == later


def test_an_old_receipt_expires_and_the_next_reply_goes(store: Store, clock: HandClock) -> None:
    clock.advance(hours=23)
    ask(store, 1)
    clock.advance(hours=2)

    assert claim(store).kind is ReplyKind.STATUS
    assert store.counts().replies == {"expired": 1, "claimed": 1}


def test_a_reply_expires_though_its_line_is_gone(store: Store, clock: HandClock) -> None:
    clock.advance(hours=25)

    assert store.recover()["expired"] == 1
    assert store.counts().replies == {"expired": 1}


@pytest.mark.parametrize("is_synchronised", [True, False])
def test_nothing_expires_by_a_clock_that_cannot_be_believed(
    make_store: StoreMaker, clock: HandClock, is_synchronised: bool
) -> None:
    clock.is_kept_right = is_synchronised
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    clock.set_to(NOON + timedelta(hours=25))

    claimed = store.claim_reply("btm", "m1", lease_s=150)

    assert (claimed is None) is is_synchronised


def test_suppressed_replies_are_kept_and_never_claimed(make_store: StoreMaker) -> None:
    def mute(sms: object, known: object, reference: str) -> object:
        decision = decide(sms, known, reference)  # type: ignore[arg-type]
        for reply in decision.replies:
            force_setattr(reply, "suppressed_reason", "too many")
        return decision

    store = make_store()
    result = store.receive("m1", "btm", [inbound("BTM banjir")], mute, references())  # type: ignore[arg-type]

    assert not result.has_due_replies
    assert store.claim_reply("btm", "m1", lease_s=150) is None
    assert rows(store, "SELECT state, reason FROM reply") == [("suppressed", "too many")]


# --- claims that nobody settles ---------------------------------------------------------------------


def test_a_late_answer_settles_a_reply_that_was_given_up_as_unconfirmed(store: Store) -> None:
    claimed = claim(store)
    store.settle_reply(claimed, ReplyState.UNCONFIRMED, reason="no answer in 120 s")

    assert store.record_part(claimed, 1, 41)
    assert store.settle_reply(claimed, ReplyState.SUBMITTED)

    assert rows(store, "SELECT state FROM reply") == [("submitted",)]


# --- status reports ---------------------------------------------------------------------------------


def report(
    tp_mr: int,
    status: int,
    number: str = "+6281234567890",
    index: int = 9,
    sent_at: datetime = NOON,
) -> ReceivedPart:
    """Return an SMS-STATUS-REPORT as a listing shows it."""
    octets = bytes([0, 6, tp_mr, status, index])
    recipient = Address(number, TypeOfNumber.INTERNATIONAL)
    decoded = SmsStatusReport(None, tp_mr, recipient, sent_at, sent_at, status)
    slot = Slot("SM", index, 0, len(octets) - 1, octets, generation=1)
    return ReceivedPart(slot, hashlib.sha256(octets).digest(), decoded)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param(0x00, "delivered", id="received by the phone"),
        pytest.param(0x30, "submitted", id="still trying"),
        pytest.param(0x45, "undelivered", id="given up"),
    ],
)
def test_a_report_says_what_became_of_a_reply(store: Store, status: int, state: str) -> None:
    claimed = claim(store)
    store.record_part(claimed, 1, 41)
    store.settle_reply(claimed, ReplyState.SUBMITTED)

    store.receive("m1", "btm", [report(41, status)], decide, references())

    assert rows(store, "SELECT state FROM reply") == [(state,)]
    assert store.counts().sms == {"complaint": 1, "report": 1}


@pytest.mark.parametrize(
    "about", [{"tp_mr": 40}, {"number": OTHER_CITIZEN}], ids=["another TP-MR", "another recipient"]
)
def test_a_report_about_something_else_changes_nothing(
    store: Store, about: dict[str, object]
) -> None:
    claimed = claim(store)
    store.record_part(claimed, 1, 41)
    store.settle_reply(claimed, ReplyState.SUBMITTED)

    store.receive(
        "m1", "btm", [report(**({"tp_mr": 41, "status": 0} | about))], decide, references()
    )  # type: ignore[arg-type]

    assert rows(store, "SELECT state FROM reply") == [("submitted",)]


def test_a_reply_of_two_parts_is_delivered_when_both_are(store: Store) -> None:
    claimed = claim(store)
    store.record_part(claimed, 1, 41)
    store.record_part(claimed, 2, 42)
    store.settle_reply(claimed, ReplyState.SUBMITTED)

    store.receive("m1", "btm", [report(41, 0)], decide, references())
    assert rows(store, "SELECT state FROM reply") == [("submitted",)]
    store.receive("m1", "btm", [report(42, 0, index=10)], decide, references())

    assert rows(store, "SELECT state FROM reply") == [("delivered",)]


def test_a_report_is_about_the_sms_that_was_taken_when_it_says(
    store: Store, clock: HandClock
) -> None:
    """TP-MR comes round after 256 submissions, for the same citizen by chance."""
    for days in (0, 2):
        clock.set_to(NOON + timedelta(days=days))
        if days:
            sms = inbound("BTM jalan rusak", 2, sent_at=clock.now())
            store.receive("m1", "btm", [sms], decide, references(500))
        claimed = claim(store)
        store.record_part(claimed, 1, 41)
        store.settle_reply(claimed, ReplyState.SUBMITTED)

    late = report(41, 0x45, sent_at=NOON + timedelta(minutes=3))
    store.receive("m1", "btm", [late], decide, references())

    assert rows(store, "SELECT state FROM reply ORDER BY id") == [("undelivered",), ("submitted",)]


def test_due_replies_of_a_line_that_is_away_leave_by_another(store: Store) -> None:
    assert store.take_over_replies("btm", away="m1", line="m2") == 1

    assert store.claim_reply("btm", "m1", lease_s=150) is None
    taken = claim(store, "m2")
    assert store.record_part(taken, 1, 41)
    assert rows(store, "SELECT line, tp_mr FROM reply_part") == [("m2", 41)], (
        "its report comes here"
    )
    assert store.settle_reply(taken, ReplyState.SUBMITTED)


def test_a_reply_that_is_being_submitted_is_taken_over_by_nobody(store: Store) -> None:
    held = claim(store)

    assert store.take_over_replies("btm", away="m1", line="m2") == 0

    assert store.claim_reply("btm", "m2", lease_s=150) is None
    assert store.settle_reply(held, ReplyState.SUBMITTED)


def test_a_reply_of_which_a_part_went_out_stays_with_its_number(store: Store) -> None:
    held = claim(store)
    store.record_part(held, 1, 41)
    store.settle_reply(held, ReplyState.DUE, reason="38")

    assert store.take_over_replies("btm", away="m1", line="m2") == 0

    assert store.next_reply_at("btm", "m1") is not None


def test_replies_of_another_gateway_or_service_are_left_alone(
    make_store: StoreMaker, store: Store
) -> None:
    assert make_store("batam-2").take_over_replies("btm", away="m1", line="m2") == 0
    assert store.take_over_replies("air", away="m1", line="m2") == 0
