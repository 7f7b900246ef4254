"""The ledger: what was read and what became of it adds up, and where it does not, it is named."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from inbound import (
    NOON,
    OTHER_CITIZEN,
    HandClock,
    decide,
    inbound,
    parts_of,
    received,
    references,
)
from stores import SERVICES, StoreMaker, rows, write

from smsgate.backends import Accepted
from smsgate.records import ReplyState
from smsgate.store import Store
from smsgate.store.ledger import Days


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store in which everything has happened that can."""
    store = make_store(services={"btm": SERVICES["btm"]})
    minutes = [NOON + timedelta(minutes=n) for n in range(10)]
    batch = [
        inbound("BTM jalan rusak", 1),
        inbound("BTM jalan rusak", 2, sent_at=minutes[1]),
        inbound("+ di Sekupang", 3, sent_at=minutes[2]),
        inbound("?", 4, sent_at=minutes[3]),
        inbound("halo", 5, sender=OTHER_CITIZEN),
        received(b"\xde\xad\xbe\xef", 6),
        *parts_of(["BTM lampu ", "mati"], first_index=7, sender=OTHER_CITIZEN),
        parts_of(["BTM air ", "mati"], first_index=9, reference=8)[0],
    ]
    store.receive("m1", "btm", batch, decide, references())
    store.receive("m1", "btm", [batch[0], batch[0]], decide, references(2))
    while (forward := store.claim_forward("kota", lease_s=60)) is not None:
        store.settle_forward(forward, Accepted("T"), next_at=None)
    while (reply := store.claim_reply("btm", "m1", lease_s=60)) is not None:
        store.record_part(reply, 1, 1)
        store.settle_reply(reply, ReplyState.SUBMITTED)
    return store


def without_keys(store: Store, *statements: str) -> None:
    """Damage a SQLite store that would not let itself be damaged."""
    with store._database.lend_driver() as driver:
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            driver.execute(statement)


def named(store: Store, days: Days | None = None) -> dict[str, int]:
    """Return every imbalance with how often it was found."""
    return {found.what: found.count for found in store.ledger(days).imbalances}


def test_the_balance_of_everything(store: Store) -> None:
    ledger = store.ledger()

    assert ledger.imbalances == ()
    assert (ledger.parts, ledger.sightings, ledger.sms) == (9, 2, 8)
    assert ledger.dispositions == {
        "complaint": 2,
        "follow-up": 1,
        "query": 1,
        "repeat": 1,
        "triage": 1,
        "undecodable": 1,
    }
    assert (ledger.waiting, ledger.complaints) == (1, 2)
    assert ledger.forwards == {"forwarded": 3}
    assert sum(ledger.dispositions.values()) + ledger.waiting == ledger.sms


def test_an_empty_store_adds_up(make_store: StoreMaker) -> None:
    ledger = make_store().ledger()

    assert (ledger.parts, ledger.sms, ledger.imbalances) == (0, 0, ())


DAMAGES = [
    pytest.param(
        "UPDATE sms SET complaint_id = NULL WHERE disposition = 'complaint' AND missing = 0",
        "SMS that became complaint, follow-up or repeat of no complaint",
        id="a complaint's SMS lost it",
    ),
    pytest.param(
        "UPDATE sms SET complaint_id = NULL WHERE disposition = 'follow-up'",
        "SMS that became complaint, follow-up or repeat of no complaint",
        id="a follow-up of nothing",
    ),
    pytest.param(
        "UPDATE sms SET disposition = 'complaint' WHERE disposition = 'repeat'",
        "SMS that opened a complaint which another opened, too",
        id="one complaint by two SMS",
    ),
    pytest.param(
        "UPDATE sms SET disposition = 'triage', complaint_id = NULL WHERE disposition = 'complaint'",
        "complaints that no SMS opened",
        id="a complaint from nowhere",
    ),
    pytest.param(
        "UPDATE sms SET state = 'filed' WHERE disposition = 'undecodable'",
        "SMS whose state and disposition do not agree",
        id="filed, and nobody could read it",
    ),
    pytest.param(
        "UPDATE sms SET missing = 0 WHERE state = 'waiting'",
        "SMS whose parts are not as many as they say",
        id="waits for nothing",
    ),
    pytest.param(
        "UPDATE sms SET has_gap = true WHERE disposition = 'triage'",
        "SMS filed with a gap that is not marked, or marked without one",
        id="a gap where none is",
    ),
    pytest.param(
        "DELETE FROM sighting",
        "parts seen more or less often than was recorded",
        id="sightings lost",
    ),
    pytest.param(
        "DELETE FROM forward WHERE kind = 'create' AND complaint_id = 1",
        "complaints that lack the forward to a backend",
        id="a complaint that no backend would get",
    ),
    pytest.param(
        "UPDATE complaint SET repeats = 0",
        "complaints with more or fewer repeats than they count",
        id="a repeat not counted",
    ),
    pytest.param(
        "UPDATE forward SET complaint_id = 2 WHERE kind = 'add'",
        "complaints that were forwarded without a line in the history",
        id="forwarded, and the history does not say so",
    ),
    pytest.param(
        "UPDATE reply SET complaint_id = 2 WHERE kind = 'status'",
        "complaints that were answered without a line in the history",
        id="answered, and the history does not say so",
    ),
    pytest.param(
        "UPDATE reply SET kind = 'ack' WHERE kind = 'duplicate'",
        "complaints with more than one receipt",
        id="two receipts",
    ),
    pytest.param(
        "UPDATE reply SET complaint_id = NULL WHERE kind = 'ack'",
        "receipts without a complaint",
        id="a receipt for nothing",
    ),
]


@pytest.mark.parametrize(("damage", "what"), DAMAGES)
def test_what_does_not_add_up_is_named(store: Store, damage: str, what: str) -> None:
    write(store, damage)

    assert what in named(store)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        pytest.param(
            "UPDATE part SET sms_id = 99 WHERE id = 1", "parts that belong to no SMS", id="part"
        ),
        pytest.param("DELETE FROM part WHERE sms_id = 1", "SMS without any part", id="SMS"),
        pytest.param(
            "UPDATE reply SET sms_id = 99 WHERE kind = 'ack'", "replies to no SMS", id="reply"
        ),
        pytest.param(
            "UPDATE forward SET sms_id = 99 WHERE kind = 'add'",
            "forwards of no complaint, or because of no SMS",
            id="forward",
        ),
        pytest.param(
            "UPDATE sms SET disposition = NULL WHERE disposition = 'triage'",
            "SMS whose state and disposition do not agree",
            id="no disposition",
        ),
    ],
)
def test_what_the_keys_would_refuse_is_named_all_the_same(
    sqlite_url: str, clock: HandClock, damage: str, what: str
) -> None:
    """A damaged file, or rows changed by hand."""
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    batch = [
        inbound("BTM jalan rusak", 1),
        inbound("+ lagi", 2),
        inbound("x", 3, sender="+6281399"),
    ]
    store.receive("m1", "btm", batch, decide, references())
    assert named(store) == {}

    without_keys(store, damage)

    assert what in named(store)
    store.close()


def test_an_event_that_is_missing_is_named(sqlite_url: str, clock: HandClock) -> None:
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    store.receive("m1", "btm", [inbound("BTM jalan rusak")], decide, references())

    without_keys(store, "DROP TRIGGER complaint_event_no_delete", "DELETE FROM complaint_event")

    assert "complaints whose filing is not in the history once" in named(store)
    store.close()


def test_an_imbalance_says_which_row_is_the_first(store: Store) -> None:
    write(store, "UPDATE sms SET complaint_id = NULL WHERE disposition = 'repeat'")

    [found] = [i for i in store.ledger().imbalances if "of no complaint" in i.what]

    [(repeat,)] = rows(store, "SELECT id FROM sms WHERE disposition = 'repeat'")
    assert (found.count, found.first) == (1, repeat)


# --- days -----------------------------------------------------------------------------------------


def day_of(moment: datetime) -> Days:
    """The 24 hours from this moment, for every service."""
    span = (moment, moment + timedelta(days=1))
    return Days({"btm": span}, otherwise=span)


@pytest.fixture
def two_days(make_store: StoreMaker, clock: HandClock) -> Store:
    """A store with one complaint of the first day, forwarded on the second, and two of the second."""
    store = make_store()
    first, second = parts_of(["BTM air ", "mati"])
    store.receive("m1", "btm", [first], decide, references(1))
    clock.advance(days=1)
    batch = [second, inbound("BTM satu", 5), inbound("BTM dua", 6, sender=OTHER_CITIZEN)]
    store.receive("m1", "btm", batch, decide, references(2))
    return store


def test_a_day_has_the_sms_that_were_read_then_and_what_came_of_them_since(two_days: Store) -> None:
    first, second = (two_days.ledger(day_of(NOON + timedelta(days=n))) for n in (0, 1))

    assert (first.parts, first.sms, first.complaints, first.forwards) == (2, 1, 1, {"due": 1})
    assert (second.parts, second.sms, second.complaints) == (2, 2, 2)
    assert first.imbalances == second.imbalances == ()


def test_a_day_begins_where_it_begins_in_the_services_timezone(two_days: Store) -> None:
    just_after = NOON + timedelta(seconds=1)

    assert two_days.ledger(day_of(just_after)).sms == 2
    assert two_days.ledger(day_of(NOON - timedelta(days=1))).sms == 0


def test_each_service_has_its_own_day(two_days: Store) -> None:
    later = (NOON + timedelta(days=1), NOON + timedelta(days=2))
    never = (NOON - timedelta(days=9), NOON - timedelta(days=8))

    assert two_days.ledger(Days({"btm": later}, otherwise=never)).sms == 2
    assert two_days.ledger(Days({"other": never}, otherwise=later)).sms == 2
