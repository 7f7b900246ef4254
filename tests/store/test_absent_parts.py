"""What the store believes a modem to hold, held against the first listing of a connection.

Between the modem's OK to a delete and the listing that shows it, the process or the link may die. A
part left as `kept` would make the same octets, sent later and without a plausible SCTS, a mere
sighting: deleted from the modem and kept by nobody.
"""

from __future__ import annotations

import pytest
from inbound import decide, inbound, received, references
from stores import StoreMaker, rows

from smsgate.records import Shown
from smsgate.store import Store

OCTETS = b"\xde\xad\xbe\xef"
SIM, OTHER_SIM = "8962000000000000001", "8962000000000000002"


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one service and one backend."""
    return make_store()


def keep(store: Store, index: int = 1, *, memory: str = "SM", holder: str | None = SIM) -> None:
    """Receive octets without an SCTS, and die before the listing that shows them gone."""
    part = received(OCTETS, index, memory=memory, holder=holder)
    store.receive("m1", "btm", [part], decide, references())


def arrives_as_new(store: Store, *, memory: str = "SM", holder: str | None = SIM) -> bool:
    """Whether the same octets, listed now in slot 1, are a message of their own."""
    part = received(OCTETS, 1, memory=memory, holder=holder)
    return store.receive("m1", "btm", [part], decide, references()).new_parts == 1


def test_what_a_listing_no_longer_shows_is_gone_and_the_same_octets_are_new(store: Store) -> None:
    keep(store)

    assert store.mark_absent("m1", Shown({}, {"SM": SIM})) == 1

    assert rows(store, "SELECT state FROM part") == [("deleted",)]
    assert arrives_as_new(store)


def test_what_is_listed_still_is_a_sighting(store: Store) -> None:
    """A delete that lied, or never came that far."""
    keep(store)
    key = received(OCTETS).key

    assert store.mark_absent("m1", Shown({("SM", 1): key}, {"SM": SIM})) == 0

    assert not arrives_as_new(store)


def test_another_message_in_its_slot_shows_a_part_gone(store: Store) -> None:
    """The index was used again, or the network replaced the message in place."""
    keep(store)
    other = inbound("BTM lain").key

    assert store.mark_absent("m1", Shown({("SM", 1): other}, {"SM": SIM})) == 1


def test_a_slot_that_cannot_be_read_shows_nothing(store: Store) -> None:
    keep(store)

    assert store.mark_absent("m1", Shown({("SM", 1): None}, {"SM": SIM})) == 0


def test_a_memory_that_was_not_listed_whole_shows_nothing(store: Store) -> None:
    keep(store, memory="ME", holder="356938035643809")

    assert store.mark_absent("m1", Shown({}, {"SM": SIM})) == 0


def test_another_line_s_parts_are_left_alone(store: Store) -> None:
    keep(store)

    assert store.mark_absent("m2", Shown({}, {"SM": SIM})) == 0


def test_parts_on_another_sim_are_neither_gone_nor_the_same(store: Store) -> None:
    keep(store)

    assert store.mark_absent("m1", Shown({}, {"SM": OTHER_SIM})) == 0

    assert arrives_as_new(store, holder=OTHER_SIM)
    assert not arrives_as_new(store, holder=SIM)


@pytest.mark.parametrize(
    ("then", "now"),
    [pytest.param(None, SIM, id="kept by an older program"), pytest.param(SIM, None, id="untold")],
)
def test_a_holder_that_is_not_told_is_taken_for_the_same(
    store: Store, then: str | None, now: str | None
) -> None:
    keep(store, holder=then)

    assert not arrives_as_new(store, holder=now)
    assert store.mark_absent("m1", Shown({}, {"SM": now})) == 1


def test_what_another_process_was_handed_directly_is_gone_with_it(store: Store) -> None:
    keep(store, memory="CMT", holder="one process")
    key = received(OCTETS).key

    # This process counts from 1 again, and was handed a message with the same octets.
    assert arrives_as_new(store, memory="CMT", holder="another process")
    shown = Shown({("CMT", 1): key}, {"CMT": "another process"})
    assert store.mark_absent("m1", shown) == 1
    assert rows(store, "SELECT state FROM part ORDER BY id") == [("deleted",), ("kept",)]


def test_what_was_handed_over_directly_is_a_sighting_while_it_is_held(store: Store) -> None:
    """The link failed between the commit and our acknowledgement: the modem object still has it."""
    keep(store, memory="CMT", holder="one process")

    assert not arrives_as_new(store, memory="CMT", holder="one process")


def test_any_number_of_parts_can_be_gone_at_once(store: Store) -> None:
    for first in range(0, 1200, 300):
        batch = [received(OCTETS, first + n, holder=SIM) for n in range(300)]
        store.receive("m1", "btm", batch, decide, references())

    assert store.mark_absent("m1", Shown({}, {"SM": SIM})) == 1200
