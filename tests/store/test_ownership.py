"""One daemon for each SQLite store, one for each gateway name on PostgreSQL; and whose a claim is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from databases import OUR_ADVISORY_LOCKS
from inbound import NOON, HandClock, decide, inbound, references
from stores import SERVICES, StoreMaker, rows, write

from smsgate.errors import StoreBusy, StoreUnavailable
from smsgate.records import ReplyState
from smsgate.store import Store
from smsgate.store.database import network_file_system


def test_a_second_daemon_of_the_same_name_is_refused_in_a_sentence(make_store: StoreMaker) -> None:
    make_store().own()

    with pytest.raises(StoreBusy, match=r"^Another daemon .*: stop it, or give this one a"):
        make_store().own()


def test_a_closed_store_can_be_owned_again(make_store: StoreMaker) -> None:
    first = make_store()
    first.own()
    first.close()

    make_store().own()

    with pytest.raises(StoreBusy):
        make_store().own()


def test_owning_twice_is_owning_once(make_store: StoreMaker) -> None:
    store = make_store()
    store.own()
    store.own()

    with pytest.raises(StoreBusy):
        make_store().own()
    store.close()
    make_store().own()


def test_two_gateways_share_one_postgresql(postgresql_url: str) -> None:
    stores = [Store(postgresql_url, name) for name in ("batam-1", "batam-2")]
    for store in stores:
        store.open()
        store.own()

    assert rows(stores[0], f"SELECT count(*) {OUR_ADVISORY_LOCKS} AND granted") == [(2,)]
    for store in stores:
        store.close()


OWNING_PROGRAM = """
import sys
from smsgate.store import Store
store = Store(sys.argv[1], "batam-1")
store.own()
print("owned", flush=True)
sys.stdin.read()
"""


def test_the_lock_ends_with_its_process(sqlite_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNING_PROGRAM, sqlite_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"owned\n"
        store = Store(sqlite_url, "batam-1")
        with pytest.raises(StoreBusy):
            store.own()

        process.kill()
        process.wait(10)

        store.own()
        store.close()


@pytest.fixture
def first_and_second(postgresql_url: str) -> Iterator[tuple[Store, Store]]:
    """Two daemons of one name: the first has lost it with its session, the second is waiting."""
    first, second = (Store(postgresql_url, "batam-1") for _ in range(2))
    first.open()
    first.own()
    second.open()
    write(  # and wait until the session has ended, for it keeps the name until then
        second, f"SELECT pg_terminate_backend(pid, 60000) {OUR_ADVISORY_LOCKS} AND granted"
    )
    yield first, second
    first.close()
    second.close()


def test_a_name_lost_with_postgresqls_session_is_taken_again(
    first_and_second: tuple[Store, Store],
) -> None:
    first, second = first_and_second

    first.recover()

    with pytest.raises(StoreBusy):
        second.own()


def test_a_name_lost_to_another_daemon_is_given_up(
    first_and_second: tuple[Store, Store],
) -> None:
    first, second = first_and_second
    second.own()

    with pytest.raises(StoreBusy):
        first.recover()


# --- claims of a process that is no more ------------------------------------------------------------


def test_claims_of_a_dead_process_are_brought_home_at_start(
    sqlite_url: str, clock: HandClock
) -> None:
    dead = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    dead.open()
    dead.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    dead.claim_forward("kota", lease_s=3600)
    dead.claim_reply("btm", "m1", lease_s=3600)
    dead.close()
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()

    assert store.recover() == {"forwards": 1, "replies": 1, "expired": 0}

    forward = store.claim_forward("kota", lease_s=60)
    assert forward is not None
    assert forward.was_unknown
    assert store.claim_reply("btm", "m1", lease_s=60) is None
    assert store.counts().replies == {"unconfirmed": 1}
    store.close()


def test_a_claim_of_our_own_that_nobody_settles_runs_out(sqlite_url: str, clock: HandClock) -> None:
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    forward = store.claim_forward("kota", lease_s=60)
    reply = store.claim_reply("btm", "m1", lease_s=150)
    assert forward is not None
    assert reply is not None

    clock.elapsed_s += 61
    assert store.recover() == {"forwards": 1, "replies": 0, "expired": 0}
    assert rows(store, "SELECT state, was_unknown FROM forward") == [("unknown", 1)]
    clock.elapsed_s += 100
    assert store.recover() == {"forwards": 0, "replies": 1, "expired": 0}

    assert not store.park_forward(forward, "too late")
    assert store.settle_reply(reply, ReplyState.SUBMITTED)
    store.close()


def test_the_owner_of_a_gateway_name_inherits_its_claims_at_once(postgresql_url: str) -> None:
    """A killed daemon's leases may have minutes to go; its replies would be in doubt that long."""
    dead = Store(postgresql_url, "batam-1", clock=HandClock(), services=SERVICES)
    other = Store(postgresql_url, "batam-2", clock=HandClock(), services=SERVICES)
    for store in (dead, other):
        store.open()
    dead.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    forward = dead.claim_forward("kota", lease_s=3600)
    reply = dead.claim_reply("btm", "m1", lease_s=3600)
    assert forward is not None
    assert reply is not None
    assert other.recover() == {"forwards": 0, "replies": 0, "expired": 0}

    store = Store(postgresql_url, "batam-1", clock=HandClock(), services=SERVICES)
    store.open()
    store.own()

    assert store.recover() == {"forwards": 1, "replies": 1, "expired": 0}
    assert store.recover() == {"forwards": 0, "replies": 0, "expired": 0}
    # Should the old process live on after all, its token is worth nothing, but for a late yes.
    assert not dead.park_forward(forward, "too late")
    assert rows(store, "SELECT state FROM forward") == [("unknown",)]
    assert rows(store, "SELECT state FROM reply") == [("unconfirmed",)]
    assert dead.settle_reply(reply, ReplyState.SUBMITTED)
    for each in (dead, other, store):
        each.close()


@pytest.mark.parametrize("kind", ["forward", "reply"])
def test_a_claim_whose_recovery_was_not_committed_is_recovered_later(
    sqlite_url: str, kind: str
) -> None:
    """Were it forgotten before the commit, it would be this process's own for ever."""
    clock = HandClock()
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    store.receive("m1", "btm", [inbound("BTM jalan rusak")], decide, references())
    if kind == "forward":
        store.claim_forward("kota", lease_s=60)
    else:
        store.claim_reply("btm", "m1", lease_s=60)
    clock.advance(seconds=61)
    with refusing_commits(store), pytest.raises(StoreUnavailable):
        store.recover()

    store.recover()

    assert rows(store, f"SELECT state FROM {kind} WHERE state = 'claimed'") == []
    store.close()


@contextmanager
def refusing_commits(store: Store) -> Iterator[None]:
    """Let no transaction of this store be committed meanwhile."""

    def refuse(_connection: object) -> None:
        raise StoreUnavailable("The store's disk answers with I/O errors: check the disk.")

    dialect = store._database.writer.dialect
    with mock.patch.object(dialect, "do_commit", refuse):
        yield


def test_leases_go_by_the_databases_clock(postgresql_url: str) -> None:
    """A host whose own clock is wrong neither loses its claims nor keeps them for ever."""
    wrong = HandClock(NOON.replace(year=2031))
    mine = Store(postgresql_url, "batam-1", clock=wrong, services=SERVICES)
    other = Store(postgresql_url, "batam-2", clock=HandClock(), services=SERVICES)
    for store in (mine, other):
        store.open()
    mine.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    claimed = mine.claim_forward("kota", lease_s=3600)
    assert claimed is not None

    left_s = "SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM forward"
    [(seconds,)] = rows(other, left_s)
    assert 3000 < seconds <= 3600
    assert other.recover()["forwards"] == 0
    write(other, "UPDATE forward SET lease_until = clock_timestamp() - interval '1 second'")
    assert other.recover()["forwards"] == 1

    assert not mine.park_forward(claimed, "too late")
    assert rows(other, "SELECT state, was_unknown FROM forward") == [("unknown", True)]
    for store in (mine, other):
        store.close()


# --- where a store may lie --------------------------------------------------------------------------

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
nas:/export /srv/nas nfs4 rw 0 0
tmpfs /srv/nas/local tmpfs rw 0 0
//host/share /mnt/with\\040space cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/smsgate", None),
        ("/srv/nas/smsgate", "nfs4"),
        ("/srv/nas/local/x", None),
        ("/mnt/with space/x", "cifs"),
        ("/srv/nasty", None),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind
