"""What the store does by a clock that is wrong, was wrong, or that nobody can vouch for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from inbound import NOON, HandClock, decide, inbound, parts_of, references
from stores import StoreMaker, rows

from smsgate.clock import SystemClock
from smsgate.records import LineRecord, ReplyState
from smsgate.store import Store

YEARS_AHEAD = NOON + timedelta(days=1500)
HALF = ["BTM satu ", "dua"]


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one service and one backend."""
    return make_store()


def set_ahead(clock: HandClock) -> None:
    """Let the clock be years ahead, and the kernel say that nobody keeps it."""
    clock.is_kept_right = False
    clock.set_to(YEARS_AHEAD)


def let_be_right(store: Store, clock: HandClock, at: datetime) -> int:
    """Let the clock be set to `at` and kept right; return how many rows are put right."""
    clock.set_to(at)
    clock.is_kept_right = True
    store.redate()
    clock.advance(minutes=11)
    return store.redate()


def test_a_clock_that_jumps_ahead_and_back_expires_nothing(store: Store, clock: HandClock) -> None:
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    store.receive("m1", "btm", parts_of(HALF)[:1], decide, references(2))
    clock.is_kept_right = False  # as the kernel says once it was set by hand

    clock.set_to(YEARS_AHEAD)
    filed, expired = store.file_overdue("btm", decide, references(3)), store.recover()["expired"]
    clock.set_to(NOON)

    assert (filed, expired) == (0, 0)
    assert store.claim_reply("btm", "m1", lease_s=60) is not None


def test_what_came_while_the_clock_was_ahead_goes_its_way_once_it_is_right(
    store: Store, clock: HandClock
) -> None:
    set_ahead(clock)
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    clock.set_to(NOON)
    assert store.claim_forward("kota", lease_s=60) is None

    assert let_be_right(store, clock, NOON) > 0

    assert store.claim_forward("kota", lease_s=60) is not None
    assert store.claim_reply("btm", "m1", lease_s=60) is not None


def test_expiry_goes_on_once_a_clock_that_was_ahead_is_right(
    store: Store, clock: HandClock
) -> None:
    set_ahead(clock)
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    store.receive("m1", "btm", parts_of(HALF)[:1], decide, references(2))
    let_be_right(store, clock, NOON)

    clock.advance(hours=23)
    assert store.file_overdue("btm", decide, references(3)) == 0
    assert store.recover()["expired"] == 0
    clock.advance(hours=2)

    assert store.file_overdue("btm", decide, references(3)) == 1
    assert store.recover()["expired"] == 1


def test_a_receipt_of_a_clock_behind_lives_as_long_as_any_once_it_is_set_forward(
    store: Store, clock: HandClock
) -> None:
    """A host without a battery for its clock: it boots with an old date, and NTP sets it a minute later."""
    clock.is_kept_right = False
    store.recover()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    clock.advance(minutes=1)
    clock.set_to(NOON + timedelta(days=3))
    clock.is_kept_right = True
    assert store.recover()["expired"] == 0

    store.redate()

    clock.advance(hours=23)
    assert store.recover()["expired"] == 0
    clock.advance(hours=2)
    assert store.recover()["expired"] == 1


def test_a_receipt_of_before_the_boot_is_as_old_as_it_looks(
    make_store: StoreMaker, clock: HandClock
) -> None:
    before = make_store()
    before.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    before.close()
    clock.set_to(NOON + timedelta(hours=1))
    clock.elapsed_s, clock.is_kept_right = 60.0, False
    store = make_store()
    store.recover()
    clock.set_to(NOON + timedelta(days=3))
    clock.is_kept_right = True

    store.recover()
    store.redate()

    assert store.recover()["expired"] == 1


def test_the_time_that_a_host_sleeps_makes_receipts_older(store: Store, clock: HandClock) -> None:
    """Its clock was right before and is right after: what seems a leap is time that passed."""
    store.recover()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())

    clock.set_to(NOON + timedelta(days=3))

    assert store.recover()["expired"] == 1


def test_what_was_put_off_by_a_clock_ahead_is_tried_at_once(store: Store, clock: HandClock) -> None:
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    set_ahead(clock)
    reply = store.claim_reply("btm", "m1", lease_s=60)
    assert reply is not None
    store.settle_reply(reply, ReplyState.DUE, next_at=clock.now() + timedelta(minutes=1))

    let_be_right(store, clock, NOON)

    assert store.claim_reply("btm", "m1", lease_s=60) is not None


def test_a_sender_is_not_limited_by_replies_of_the_years_to_come(
    store: Store, clock: HandClock
) -> None:
    set_ahead(clock)
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    let_be_right(store, clock, NOON)
    clock.advance(hours=25)

    seen = []

    def look(sms: object, known: object, reference: str) -> object:
        seen.append(known.replies_in_window)  # type: ignore[attr-defined]
        return decide(sms, known, reference)  # type: ignore[arg-type]

    at = clock.now()
    store.receive("m1", "btm", [inbound("BTM lagi", sent_at=at)], look, references(2))  # type: ignore[arg-type]

    assert seen == [0]


def test_that_moments_were_changed_is_on_record(store: Store, clock: HandClock) -> None:
    set_ahead(clock)
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())

    let_be_right(store, clock, NOON)

    assert rows(store, "SELECT actor, action, subject FROM audit") == [
        ("housekeeper", "redate", "store")
    ]
    assert rows(store, "SELECT sent_at FROM sms") == rows(store, "SELECT sent_at FROM complaint")
    assert store.complaints()[0].sent_at == NOON


def test_it_is_done_after_a_restart_as_well(make_store: StoreMaker, clock: HandClock) -> None:
    set_ahead(clock)
    first = make_store()
    first.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    first.close()
    clock.set_to(NOON)
    second = make_store()
    second.receive("m1", "btm", [inbound("BTM lagi")], decide, references(2))
    second.close()

    store = make_store()

    assert let_be_right(store, clock, NOON) > 0
    assert {c.received_at for c in store.complaints()} == {NOON, clock.now()}


def test_a_right_clock_changes_nothing(store: Store, clock: HandClock) -> None:
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    store.save_line(LineRecord("batam-1", "m1", "btm", "ready"))

    assert let_be_right(store, clock, NOON) == 0

    assert rows(store, "SELECT count(*) FROM audit") == [(0,)]


def test_a_host_that_has_just_woken_changes_nothing(store: Store, clock: HandClock) -> None:
    """It takes its old time for a synchronised one until it is told better."""
    clock.set_to(NOON + timedelta(hours=3))
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    clock.set_to(NOON)

    assert store.redate() == 0
    clock.set_to(NOON + timedelta(hours=3))
    clock.advance(minutes=11)
    assert store.redate() == 0


def test_without_anybody_to_ask_a_day_without_a_jump_will_do(
    store: Store, clock: HandClock
) -> None:
    clock.is_kept_right = False
    store.receive("m1", "btm", parts_of(HALF)[:1], decide, references())
    clock.advance(hours=23)
    assert store.file_overdue("btm", decide, references(2)) == 0

    clock.advance(hours=2)

    assert store.file_overdue("btm", decide, references(2)) == 1


@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_jump_begins_the_day_anew(store: Store, clock: HandClock, jump: timedelta) -> None:
    clock.is_kept_right = False
    store.receive("m1", "btm", parts_of(HALF)[:1], decide, references())
    clock.advance(hours=23)
    clock.set_to(clock.now() + jump)
    assert store.file_overdue("btm", decide, references(2)) == 0

    clock.advance(hours=3)

    assert store.file_overdue("btm", decide, references(2)) == 0


def test_the_alarm_is_about_a_clock_that_stays_wrong(store: Store, clock: HandClock) -> None:
    clock.is_kept_right = False
    assert store.clock_trouble() is None

    clock.advance(minutes=11)
    trouble = store.clock_trouble()
    assert trouble is not None
    assert "not synchronised" in trouble

    clock.is_kept_right = True
    assert store.clock_trouble() is None


def test_the_alarm_says_that_the_clock_is_behind(store: Store, clock: HandClock) -> None:
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    clock.set_to(NOON - timedelta(days=2))
    store.clock_trouble()

    clock.advance(minutes=11)

    assert "is behind" in (store.clock_trouble() or "")


def test_the_kernel_can_be_asked() -> None:
    assert SystemClock().is_synchronised() in (True, False)
