"""The outbox of forwards: claims, outcomes, order, and what becomes of a claim that nobody settles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inbound import CITIZEN, NOON, HandClock, decide, inbound, references
from stores import StoreMaker, rows

from smsgate.backends import (
    Accepted,
    Found,
    Held,
    NotFound,
    Outcome,
    Refused,
    TryLater,
    Unknown,
)
from smsgate.records import ForwardClaim, ForwardState
from smsgate.store import ServiceFacts, Store

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store in which one complaint is due at one backend."""
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    return store


def claim(store: Store, backend: str = "kota") -> ForwardClaim:
    """Claim what must be there."""
    claimed = store.claim_forward(backend, lease_s=60)
    assert claimed is not None
    return claimed


def state_of(store: Store) -> str:
    """Return the state of the only forward."""
    [(state,)] = rows(store, "SELECT state FROM forward")
    return str(state)


def test_a_claim_carries_what_the_backend_is_given(store: Store) -> None:
    claimed = claim(store)

    assert claimed.kind == "create"
    assert claimed.attempt == 1
    assert not claimed.was_unknown
    assert claimed.complaint.text == "banjir"
    assert claimed.complaint.raw_text == "BTM banjir"
    assert claimed.complaint.sender == CITIZEN
    assert claimed.complaint.service_number == "1708"
    assert claimed.complaint.sent_at is not None
    assert claimed.complaint.sent_at.utcoffset() == timedelta(hours=7)


@pytest.mark.parametrize(
    ("text", "is_anonymous"), [("BTM RAHASIA pungli", False), ("BTM ANONIM pungli", True)]
)
def test_a_confidential_complaint_is_forwarded_without_its_sender(
    make_store: StoreMaker, text: str, is_anonymous: bool
) -> None:
    store = make_store()
    store.receive("m1", "btm", [inbound(text)], decide, references())

    complaint = claim(store).complaint

    assert complaint.sender is None
    assert complaint.is_confidential
    assert complaint.is_anonymous is is_anonymous


def test_a_claimed_forward_is_nobody_elses(store: Store) -> None:
    claim(store)

    assert store.claim_forward("kota", lease_s=60) is None
    assert store.next_forward_at("kota") is None


def test_forwards_of_another_backend_are_not_touched(store: Store) -> None:
    assert store.claim_forward("lapor", lease_s=60) is None


@pytest.mark.parametrize(
    ("outcome", "state", "event", "is_due_again"),
    [
        pytest.param(Accepted("T-1"), "forwarded", "forwarded", False, id="accepted"),
        pytest.param(Refused("HTTP 422"), "refused", "refused", False, id="refused"),
        pytest.param(TryLater("HTTP 503"), "due", "filed", True, id="try later"),
        pytest.param(Held("HTTP 401"), "due", "held", True, id="held"),
        pytest.param(Unknown("no answer"), "unknown", "unknown", True, id="unknown"),
    ],
)
def test_an_outcome_sets_the_state_and_the_history(
    store: Store, outcome: Outcome, state: str, event: str, is_due_again: bool
) -> None:
    assert store.settle_forward(claim(store), outcome, next_at=LATER)

    assert state_of(store) == state
    assert store.next_forward_at("kota") == (LATER if is_due_again else None)
    shown = store.complaint(store.complaints()[0].reference)
    assert shown is not None
    assert shown.events[-1].event == event


def test_what_is_due_later_is_not_claimed_before(store: Store, clock: HandClock) -> None:
    store.settle_forward(claim(store), TryLater("HTTP 503"), next_at=LATER)
    assert store.claim_forward("kota", lease_s=60) is None

    clock.at = LATER

    assert claim(store).attempt == 2


def test_the_key_is_the_same_at_every_attempt(store: Store, clock: HandClock) -> None:
    first = claim(store)
    store.settle_forward(first, Unknown("no answer"), next_at=clock.now())

    second = claim(store)

    assert second.idempotency_key == first.idempotency_key
    assert second.was_unknown
    assert second.fence > first.fence


def test_a_settling_without_the_fence_changes_nothing(store: Store) -> None:
    old = claim(store)
    store.settle_forward(old, TryLater("HTTP 503"), next_at=NOON)
    new = claim(store)

    assert not store.settle_forward(old, Accepted("T-old"), next_at=None)
    assert not store.park_forward(old, "lost")
    assert not store.note_lookup(old, Found("T-old"), next_at=None)
    assert state_of(store) == "claimed"
    assert store.settle_forward(new, Accepted("T-new"), next_at=None)


def test_lookups_are_counted_and_are_no_attempts(store: Store) -> None:
    store.settle_forward(claim(store), Unknown("no answer"), next_at=NOON)

    store.note_lookup(claim(store), NotFound(), next_at=NOON)

    again = claim(store)
    assert (again.lookup_count, again.attempt, again.was_unknown) == (1, 2, True)
    assert state_of(store) == "claimed"


def test_a_lookup_that_fails_leaves_it_unknown(store: Store) -> None:
    store.settle_forward(claim(store), Unknown("no answer"), next_at=NOON)

    store.note_lookup(claim(store), TryLater("HTTP 503"), next_at=LATER)

    assert state_of(store) == "unknown"
    assert rows(store, "SELECT lookup_count FROM forward") == [(0,)]


def test_a_lookup_that_finds_it_settles_it(store: Store) -> None:
    store.settle_forward(claim(store), Unknown("no answer"), next_at=NOON)

    store.note_lookup(claim(store), Found("T-9"), next_at=None)

    shown = store.complaint(store.complaints()[0].reference)
    assert shown is not None
    assert shown.forwards[0].state is ForwardState.FORWARDED
    assert shown.forwards[0].tracking_id == "T-9"


def test_a_parked_forward_waits_for_a_person(store: Store) -> None:
    store.park_forward(claim(store), "cannot be asked")

    assert state_of(store) == "unconfirmed"
    assert store.next_forward_at("kota") is None


def test_a_held_backend_holds_all_its_forwards_until_it_may_be_tried(
    make_store: StoreMaker, clock: HandClock
) -> None:
    store = make_store()
    batch = [inbound("BTM satu", 1), inbound("BTM dua", 2)]
    store.receive("m1", "btm", batch, decide, references())

    store.settle_forward(claim(store), Held("HTTP 401"), next_at=LATER)

    assert store.claim_forward("kota", lease_s=60) is None
    assert store.next_forward_at("kota") == LATER
    [backend] = store.backends()
    assert (backend.state, backend.due, backend.retry_at) == ("held", 2, LATER)
    clock.at = LATER
    store.settle_forward(claim(store), Accepted(), next_at=None)
    assert store.backends()[0].state == "ok"
    assert claim(store) is not None


def test_a_person_holds_and_releases_a_backend(store: Store) -> None:
    store.forward_care("person:ani").hold_backend("kota", "the city asked us to wait")
    assert store.claim_forward("kota", lease_s=60) is None
    assert store.next_forward_at("kota") is None

    store.forward_care("person:ani").release_backend("kota")

    assert claim(store) is not None


def test_each_backend_has_its_own_forward(make_store: StoreMaker) -> None:
    store = make_store(services={"btm": ServiceFacts("1708", ("kota", "lapor"))})
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    store.settle_forward(claim(store, "kota"), Refused("HTTP 422"), next_at=None)

    assert claim(store, "lapor").complaint.reference == "10000000"


# --- order ------------------------------------------------------------------------------------------


def follow_up(store: Store, text: str, index: int) -> None:
    """Let the citizen add something."""
    part = inbound(f"+ {text}", index, sent_at=NOON + timedelta(minutes=index))
    store.receive("m1", "btm", [part], decide, references(index))


def test_an_addition_waits_for_its_complaint(store: Store) -> None:
    follow_up(store, "di Sekupang", 2)
    created = claim(store)
    assert store.claim_forward("kota", lease_s=60) is None

    store.settle_forward(created, Accepted("T-1"), next_at=None)

    added = claim(store)
    assert (added.kind, added.complaint.text, added.tracking_id) == ("add", "+ di Sekupang", "T-1")


def test_additions_leave_in_order(store: Store) -> None:
    store.settle_forward(claim(store), Accepted("T-1"), next_at=None)
    follow_up(store, "satu", 2)
    follow_up(store, "dua", 3)

    first = claim(store)
    assert store.claim_forward("kota", lease_s=60) is None
    store.settle_forward(first, Refused("HTTP 422"), next_at=None)

    assert claim(store).complaint.text == "+ dua"


def test_additions_to_a_refused_complaint_wait_for_a_person(store: Store) -> None:
    follow_up(store, "di Sekupang", 2)

    store.settle_forward(claim(store), Refused("HTTP 422"), next_at=None)

    assert store.next_forward_at("kota") is None
    assert store.backends()[0].due == 1


# --- claims that nobody settles ---------------------------------------------------------------------


def test_a_claim_within_its_lease_is_left_alone(store: Store) -> None:
    claim(store)

    assert store.recover()["forwards"] == 0


def test_history_cannot_be_changed(store: Store) -> None:
    from stores import write

    from smsgate.errors import StoreError

    for statement in ("UPDATE complaint_event SET actor = 'nobody'", "DELETE FROM complaint_event"):
        with pytest.raises(StoreError):
            write(store, statement)
