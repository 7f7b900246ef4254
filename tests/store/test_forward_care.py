"""What a person does with forwards: nothing is sent twice by it, nothing is left standing, and who did it is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inbound import NOON, OTHER_CITIZEN, HandClock, decide, inbound, references
from stores import StoreMaker, rows

from smsgate.backends import Accepted, Held, Outcome, Refused, TryLater, Unknown
from smsgate.records import ForwardClaim, ForwardState
from smsgate.store import Store
from smsgate.store.forward_care import OPEN, ForwardCare, WrongForward

LATER = NOON + timedelta(minutes=5)
ANI = "person:ani"
ALL = tuple(ForwardState)


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store in which one complaint is due at one backend, as forward 1."""
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    return store


@pytest.fixture
def care(store: Store) -> ForwardCare:
    """Ani, at the outbox."""
    return store.forward_care(ANI)


def claim(store: Store) -> ForwardClaim:
    """Claim what must be there."""
    claimed = store.claim_forward("kota", lease_s=60)
    assert claimed is not None
    return claimed


def settle(store: Store, outcome: Outcome) -> ForwardClaim:
    """Let the backend say this of the next forward."""
    claimed = claim(store)
    assert store.settle_forward(claimed, outcome, next_at=LATER)
    return claimed


def follow_up(store: Store, text: str, minute: int) -> None:
    """Let the citizen add something, as the next forward."""
    part = inbound(text, minute + 1, sent_at=NOON + timedelta(minutes=minute))
    store.receive("m1", "btm", [part], decide, references())


def file_other(store: Store) -> None:
    """Let somebody else complain, as forward 2."""
    part = inbound("BTM lampu", 2, sender=OTHER_CITIZEN)
    store.receive("m1", "btm", [part], decide, references(20_000_000))


def state_of(store: Store, forward_id: int = 1) -> ForwardState:
    """Return how a forward stands."""
    [state] = [f.state for f in store.forwards(states=ALL) if f.id == forward_id]
    return state


def event_of(store: Store) -> tuple[str, str]:
    """Return who did what last to the first complaint."""
    complaint = store.complaint("10000000")
    assert complaint is not None
    return complaint.events[-1].actor, complaint.events[-1].event


# --- looking --------------------------------------------------------------------------------------


def test_what_waits_for_a_person_is_listed_first(store: Store) -> None:
    file_other(store)
    settle(store, TryLater("HTTP 503"))
    settle(store, Refused("HTTP 422"))

    found = store.forwards(states=OPEN)

    assert [(f.id, f.reference, f.state, f.reason) for f in found] == [
        (2, "20000000", ForwardState.REFUSED, "HTTP 422"),
        (1, "10000000", ForwardState.DUE, "HTTP 503"),
    ]
    assert [f.id for f in store.forwards(states=OPEN, reference="10000000")] == [1]
    assert [f.id for f in store.forwards(states=OPEN, limit=1)] == [2]
    assert store.forwards(states=OPEN, backend="lapor") == []


# --- sending again --------------------------------------------------------------------------------


def test_a_refused_one_is_sent_again_under_the_same_key(store: Store, care: ForwardCare) -> None:
    """A backend that did take it, whatever it answered, must know it again."""
    refused = settle(store, Refused("HTTP 422"))

    care.retry([1])

    assert claim(store).idempotency_key == refused.idempotency_key
    assert event_of(store) == (ANI, "retried")
    assert rows(store, "SELECT actor, action, subject FROM audit") == [
        (ANI, "forward_retried", "forward:1")
    ]


def test_one_that_is_due_later_is_sent_now(store: Store, care: ForwardCare) -> None:
    settle(store, TryLater("HTTP 503"))
    assert store.next_forward_at("kota") == LATER

    care.retry([1])

    assert store.next_forward_at("kota") == NOON


def test_one_in_doubt_is_sent_again_only_by_who_looked(store: Store, care: ForwardCare) -> None:
    claimed = claim(store)
    store.settle_forward(claimed, Unknown("lost"), next_at=NOON)
    store.park_forward(claim(store), "it can neither be asked nor honours keys")

    with pytest.raises(WrongForward, match=r"look there for 10000000; if it is missing"):
        care.retry([1])
    assert state_of(store) is ForwardState.UNCONFIRMED

    care.retry([1], is_missing=True)

    again = claim(store)
    assert not again.was_unknown, "else it would be parked once more, unsent"


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        pytest.param(Accepted("T-1"), "it is forwarded, the backend has it", id="forwarded"),
        pytest.param(Unknown("lost"), "it is unknown, whether .* is being found out", id="unknown"),
        pytest.param(None, "it is claimed, it is on its way", id="on its way"),
    ],
)
def test_what_may_be_there_is_not_sent_again(
    store: Store, care: ForwardCare, outcome: Outcome | None, why: str
) -> None:
    claimed = claim(store)
    if outcome is not None:
        store.settle_forward(claimed, outcome, next_at=LATER)
    before = state_of(store)

    with pytest.raises(WrongForward, match=why):
        care.retry([1])

    assert state_of(store) is before


def test_of_several_all_are_sent_again_or_none(store: Store, care: ForwardCare) -> None:
    file_other(store)
    settle(store, Refused("HTTP 422"))
    settle(store, Accepted("T-2"))

    with pytest.raises(WrongForward, match="forward 2 "):
        care.retry([1, 2])
    with pytest.raises(WrongForward, match="no forward has the number 9"):
        care.retry([1, 9])

    assert state_of(store) is ForwardState.REFUSED
    assert event_of(store)[1] == "refused"


def test_one_behind_another_is_not_sent_before_it(store: Store, care: ForwardCare) -> None:
    follow_up(store, "+ di Sekupang", 1)

    with pytest.raises(WrongForward, match="waits for an earlier one of complaint 10000000"):
        care.retry([2])


def test_what_waited_behind_a_refused_one_follows_it(store: Store, care: ForwardCare) -> None:
    follow_up(store, "+ di Sekupang", 1)
    settle(store, Refused("HTTP 422"))
    assert store.claim_forward("kota", lease_s=60) is None

    care.retry([1])

    assert settle(store, Accepted("T-1")).kind == "create"
    assert claim(store).kind == "add"


# --- holding --------------------------------------------------------------------------------------


def test_a_held_one_waits_until_it_is_released(store: Store, care: ForwardCare) -> None:
    follow_up(store, "+ di Sekupang", 1)

    care.hold([1])

    assert state_of(store) is ForwardState.HELD_BY_PERSON
    assert store.forwards(states=OPEN)[0].reason == "held by ani"
    assert store.claim_forward("kota", lease_s=60) is None, "nor does what comes behind it"
    assert event_of(store) == (ANI, "held_by_person")

    care.release([1])

    assert claim(store).id == 1


@pytest.mark.parametrize("outcome", [Accepted("T"), Refused("no"), Unknown("lost")])
def test_only_what_is_due_is_held(store: Store, care: ForwardCare, outcome: Outcome) -> None:
    settle(store, outcome)

    with pytest.raises(WrongForward, match="cannot be held"):
        care.hold([1])


def test_only_what_is_held_is_released(care: ForwardCare) -> None:
    with pytest.raises(WrongForward, match=r"cannot be released: it is due, it goes out by itself"):
        care.release([1])


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(Accepted("T-1"), id="it took it"),
        pytest.param(Held("HTTP 401"), id="our credentials were wrong"),
        pytest.param(TryLater("HTTP 503"), id="it was down"),
    ],
)
def test_a_request_under_way_does_not_end_a_persons_hold(
    store: Store, care: ForwardCare, clock: HandClock, outcome: Outcome
) -> None:
    claimed = claim(store)
    file_other(store)
    care.hold_backend("kota", "the city asked us to wait")

    store.settle_forward(claimed, outcome, next_at=LATER)

    clock.at = LATER + timedelta(days=1)
    [backend] = store.backends()
    assert (backend.state, backend.retry_at) == ("held", None)
    assert backend.reason == "held by ani: the city asked us to wait"
    assert store.claim_forward("kota", lease_s=60) is None


def test_a_released_backend_gets_at_once_what_it_could_not_take(
    store: Store, care: ForwardCare
) -> None:
    """Its credentials were put right: nobody waits for the next try."""
    settle(store, Held("HTTP 401"))
    assert store.claim_forward("kota", lease_s=60) is None

    assert care.release_backend("kota") == 1

    assert claim(store).id == 1
    assert rows(store, "SELECT action, subject FROM audit") == [
        ("backend_released", "backend:kota")
    ]


# --- by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Refused("HTTP 422"), TryLater("down"), Unknown("lost")])
def test_what_was_entered_by_hand_is_done(
    store: Store, care: ForwardCare, clock: HandClock, outcome: Outcome
) -> None:
    settle(store, outcome)

    care.enter_by_hand(1)

    clock.at = LATER
    assert state_of(store) is ForwardState.BY_HAND
    assert store.forwards(states=OPEN) == []
    assert store.claim_forward("kota", lease_s=60) is None
    assert event_of(store) == (ANI, "by_hand")


def test_with_the_backends_id_the_machine_joins_in_again(store: Store, care: ForwardCare) -> None:
    follow_up(store, "+ di Sekupang", 1)
    settle(store, Refused("HTTP 422"))

    care.enter_by_hand(1, "T-77")

    added = claim(store)
    assert (added.kind, added.tracking_id) == ("add", "T-77")
    asked = store.next_to_ask("kota", after=0, since=NOON - timedelta(days=1))
    assert asked is not None
    assert asked.tracking_id == "T-77"
    assert store.ledger().imbalances == ()


def test_without_its_id_additions_are_left_to_the_person_too(
    store: Store, care: ForwardCare
) -> None:
    follow_up(store, "+ di Sekupang", 1)
    follow_up(store, "+ dekat pasar", 2)
    settle(store, Refused("HTTP 422"))

    care.enter_by_hand(1)
    assert store.claim_forward("kota", lease_s=60) is None

    care.enter_by_hand(2)
    care.enter_by_hand(3)
    assert store.forwards(states=OPEN) == []


def test_what_the_backend_has_is_not_entered_by_hand(store: Store, care: ForwardCare) -> None:
    settle(store, Accepted("T-1"))

    with pytest.raises(WrongForward, match="the backend has it"):
        care.enter_by_hand(1, "T-2")
