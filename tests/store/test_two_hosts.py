"""Two gateways, or two threads, on one store at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databases import OUR_ADVISORY_LOCKS
from inbound import HandClock, decide, inbound, parts_of, references
from stores import SERVICES, StoreMaker, rows

from smsgate.backends import Accepted
from smsgate.records import ReplyState
from smsgate.store import Store
from smsgate.store.columns import lock_key
from smsgate.store.held import lock_keys

LIMIT_S = 60


@pytest.fixture
def hosts(postgresql_url: str) -> Iterator[tuple[Store, Store]]:
    """Two gateways on one PostgreSQL."""
    stores = tuple(
        Store(postgresql_url, name, clock=HandClock(), services=SERVICES)
        for name in ("batam-1", "batam-2")
    )
    for store in stores:
        store.open()
    yield stores[0], stores[1]
    for store in stores:
        store.close()


def at_once(*works: Callable[[], object]) -> None:
    """Run all works in threads of their own, begun together; raise what one of them raised."""
    gate = threading.Barrier(len(works))
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        gate.wait(LIMIT_S)
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    if errors:
        raise errors[0]


def test_two_halves_in_two_transactions_at_once_are_assembled(hosts: tuple[Store, Store]) -> None:
    """Without a lock on the sender each sees one part, and nobody assembles."""
    first, second = hosts
    for reference in range(20):
        left, right = parts_of([f"BTM nomor {reference} ", "ujung"], reference=reference)
        at_once(
            lambda left=left, n=reference: first.receive(
                "m1", "btm", [left], decide, references(n + 1)
            ),
            lambda right=right, n=reference: second.receive(
                "m1", "btm", [right], decide, references(n + 999)
            ),
        )

    assert first.counts().sms == {"complaint": 20}


def test_a_part_waits_for_the_senders_other_transaction(hosts: tuple[Store, Store]) -> None:
    """The same, with the first transaction surely open when the second begins."""
    first, second = hosts
    left, right = parts_of(["BTM depan ", "belakang"])
    is_inside, may_go_on = threading.Event(), threading.Event()
    single = inbound("BTM dulu", 9)

    def wait_inside(sms: Any, known: Any, reference: str) -> Any:
        is_inside.set()
        may_go_on.wait(LIMIT_S)
        return decide(sms, known, reference)

    slow = threading.Thread(
        target=lambda: first.receive("m1", "btm", [single, left], wait_inside, references())
    )
    slow.start()
    assert is_inside.wait(LIMIT_S)
    quick = threading.Thread(
        target=lambda: second.receive("m1", "btm", [right], decide, references(2))
    )
    quick.start()
    wait_for_lock(second)
    may_go_on.set()
    slow.join(LIMIT_S)
    quick.join(LIMIT_S)

    assert first.counts().sms == {"complaint": 2}


def wait_for_lock(store: Store) -> None:
    """Wait until somebody waits for an advisory lock."""
    waited = threading.Event()
    for _ in range(LIMIT_S * 50):
        if count_locks(store, "NOT granted") > 0:
            return
        waited.wait(0.02)
    raise AssertionError("nobody waits for the lock")


def count_locks(store: Store, condition: str) -> int:
    """Count advisory locks."""
    [(count,)] = rows(store, f"SELECT count(*) {OUR_ADVISORY_LOCKS} AND {condition}")
    return int(count)


def test_batches_in_opposite_orders_do_not_stand_in_each_others_way(
    make_store: StoreMaker,
) -> None:
    """The same slots by two threads, each in its own order: every message once, no deadlock seen."""
    store = make_store()
    batches = [
        [inbound(f"BTM {n}", n, sender=f"+62812{n:08}") for n in range(at, at + 30)]
        for at in range(1, 151, 30)
    ]

    at_once(
        *(
            lambda step=step, first=first: [
                store.receive("m1", "btm", batch[::step], decide, references(first))
                for batch in batches
            ]
            for step, first in ((1, 10_000), (-1, 20_000))
        )
    )

    assert store.counts().sms == {"complaint": 150}
    assert store.counts().sightings == 150


def test_locks_on_senders_are_taken_in_one_order(postgresql_url: str) -> None:
    """Whoever waits for the first has none of the others, so that nobody waits in a circle."""
    store = Store(postgresql_url, "batam-1", clock=HandClock(), services=SERVICES)
    store.open()
    senders = [f"+62813{n:08}" for n in range(8)]
    senders.sort(key=lambda sender: lock_key("btm", sender), reverse=True)
    batch = [inbound(f"BTM {n}", n, sender=sender) for n, sender in enumerate(senders, start=1)]
    waiting = threading.Thread(
        target=lambda: store.receive("m1", "btm", batch, decide, references())
    )

    with store._database.write() as other:
        lock_keys(other, [lock_key("btm", senders[-1])])
        waiting.start()
        wait_for_lock(store)
        assert count_locks(store, "granted") == 1
    waiting.join(LIMIT_S)

    assert store.counts().sms == {"complaint": 8}
    store.close()


def test_a_reference_given_twice_at_once_is_given_once(hosts: tuple[Store, Store]) -> None:
    parts = [inbound("BTM satu", 1, sender="+6281200000001"), inbound("BTM dua", 2)]

    at_once(
        *(
            lambda store=store, part=part: store.receive("m1", "btm", [part], decide, references())
            for store, part in zip(hosts, parts, strict=True)
        )
    )

    assert sorted(c.reference for c in hosts[0].complaints()) == ["10000000", "10000001"]


def claim_all(store: Store, claimed: list[int]) -> None:
    """Claim and settle forwards until there is none."""
    while (claim := store.claim_forward("kota", lease_s=60)) is not None:
        claimed.append(claim.id)
        assert store.settle_forward(claim, Accepted(f"T-{claim.id}"), next_at=None)


def test_two_hosts_never_hold_the_same_forward(hosts: tuple[Store, Store]) -> None:
    batch = [inbound(f"BTM {n}", n, sender=f"+62812{n:08}") for n in range(1, 61)]
    hosts[0].receive("m1", "btm", batch, decide, references())
    claimed: list[int] = []

    at_once(*(lambda store=store: claim_all(store, claimed) for store in hosts for _ in range(2)))

    assert Counter(Counter(claimed).values()) == {1: 60}
    assert hosts[0].counts().forwards == {"forwarded": 60}


# What leaves PostgreSQL nothing but a nested loop with the candidate's query inside.
OVER_CLAIMING_PLAN = ("hashjoin", "mergejoin", "material", "hashagg", "sort", "memoize")


@pytest.mark.parametrize("switched_off", [(), OVER_CLAIMING_PLAN], ids=["usual", "nested loop"])
def test_a_claim_takes_one_row_under_any_plan(
    postgresql_url: str, switched_off: tuple[str, ...]
) -> None:
    """As `IN (SELECT … LIMIT 1 … SKIP LOCKED)` this one takes all 200: each row finds the next candidate."""
    settings = "".join(f"%20-c%20enable_{name}%3Doff" for name in switched_off)
    store = Store(
        f"{postgresql_url}&options={settings}", "batam-1", clock=HandClock(), services=SERVICES
    )
    store.open()
    batch = [inbound(f"BTM {n}", n, sender=f"+62812{n:08}") for n in range(1, 201)]
    store.receive("m1", "btm", batch, decide, references())

    assert store.claim_forward("kota", lease_s=60) is not None
    assert store.claim_reply("btm", "m1", lease_s=60) is not None

    assert store.counts().forwards == {"claimed": 1, "due": 199}
    assert store.counts().replies == {"claimed": 1, "due": 199}
    store.close()


def test_a_settling_and_an_addition_at_once_leave_the_addition_claimable(
    hosts: tuple[Store, Store],
) -> None:
    first, second = hosts
    for n in range(15):
        sender = f"+62812{n:08}"
        first.receive(
            "m1", "btm", [inbound(f"BTM {n}", 1, sender=sender)], decide, references(n + 1)
        )
        claim = first.claim_forward("kota", lease_s=60)
        assert claim is not None
        addition = inbound("+ lagi", 2, sender=sender)

        at_once(
            lambda claim=claim: first.settle_forward(claim, Accepted("T"), next_at=None),
            lambda addition=addition: second.receive(
                "m1", "btm", [addition], decide, references(500)
            ),
        )

        added = first.claim_forward("kota", lease_s=60)
        assert added is not None
        assert added.kind == "add"
        first.settle_forward(added, Accepted("T"), next_at=None)


def test_two_threads_of_a_line_never_hold_the_same_reply(make_store: StoreMaker) -> None:
    store = make_store()
    batch = [inbound(f"BTM {n}", n, sender=f"+62812{n:08}") for n in range(1, 41)]
    store.receive("m1", "btm", batch, decide, references())
    claimed: list[int] = []

    def submit_all() -> None:
        while (claim := store.claim_reply("btm", "m1", lease_s=60)) is not None:
            claimed.append(claim.id)
            store.record_part(claim, 1, claim.id % 256)
            assert store.settle_reply(claim, ReplyState.SUBMITTED)

    at_once(submit_all, submit_all)

    assert Counter(Counter(claimed).values()) == {1: 40}


@pytest.mark.parametrize("state", ["40P01", "40001"], ids=["deadlock", "serialisation"])
def test_a_transaction_that_stood_in_anothers_way_is_done_again(
    hosts: tuple[Store, Store], state: str
) -> None:
    tries: list[int] = []

    def work(connection: Any) -> str:
        tries.append(1)
        if len(tries) < 3:
            connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '{state}'; END $$"
            )
        return "done"

    assert hosts[0]._database.run(work) == "done"
    assert len(tries) == 3
