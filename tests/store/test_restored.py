"""A store that was put back from a copy sends nothing until a person releases it."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from inbound import NOON, OTHER_CITIZEN, HandClock, decide, inbound, references
from stores import SERVICES, StoreMaker, rows, write
from users import as_nobody

from smsgate.backends import Accepted
from smsgate.errors import StoreDenied, StoreError
from smsgate.records import ReplyState
from smsgate.store import Store


def receive_one(store: Store, text: str = "BTM jalan rusak", **how: object) -> None:
    """File a complaint, with a due forward and a due receipt."""
    reference = len(store.complaints()) + 1
    store.receive("m1", "btm", [inbound(text, **how)], decide, references(reference))


def send_everything(store: Store) -> list[str]:
    """Do what forwarder and line do; return what went out."""
    sent = []
    while (forward := store.claim_forward("kota", lease_s=60)) is not None:
        store.settle_forward(forward, Accepted("T"), next_at=None)
        sent.append(f"{forward.kind} {forward.complaint.reference}")
    while (reply := store.claim_reply("btm", "m1", lease_s=60)) is not None:
        store.record_part(reply, 1, 7)
        store.settle_reply(reply, ReplyState.SUBMITTED)
        sent.append(str(reply.kind))
    return sent


def wind_back(store: Store, *, by: int = 1) -> None:
    """Make the store what a copy of some time ago would be."""
    write(store, "UPDATE store_state SET mark = mark - :by", by=by)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file in which the host keeps how far it saw the store come."""
    return tmp_path / "mark.json"


def a_copy_put_back(make_store: StoreMaker, mark: Path) -> Store:
    """Return a store with one complaint that is older than what its gateway saw, and was found to be so."""
    store = make_store()
    store.own(mark=mark)
    receive_one(store)
    wind_back(store)
    store.watch_restored()
    return store


def test_an_ordinary_restart_holds_nothing(make_store: StoreMaker, mark: Path) -> None:
    for _ in range(3):
        store = make_store()
        store.own(mark=mark)
        receive_one(store)
        assert store.watch_restored() is None
        store.close()

    assert store.claim_forward("kota", lease_s=60) is not None


def test_a_store_behind_what_the_host_saw_gives_no_claims(
    make_store: StoreMaker, mark: Path
) -> None:
    store = make_store()
    store.own(mark=mark)
    receive_one(store)
    store.watch_restored()
    store.close()
    wind_back(store)

    restored = make_store()
    restored.own(mark=mark)

    assert send_everything(restored) == []
    assert restored.next_forward_at("kota") is None
    assert restored.next_reply_at("btm", "m1") is None
    found = restored.watch_restored()
    assert found is not None
    assert (found.forwards, found.replies) == (1, 1)


def test_receiving_goes_on_while_a_store_is_held(make_store: StoreMaker, mark: Path) -> None:
    store = make_store()
    store.own(mark=mark)
    wind_back(store)
    assert store.watch_restored() is not None

    receive_one(store, "BTM banjir", sender=OTHER_CITIZEN)

    assert len(store.complaints()) == 1
    assert send_everything(store) == []


def test_a_running_daemon_notices_that_its_database_was_put_back(
    make_store: StoreMaker, mark: Path
) -> None:
    """PostgreSQL comes back as it was before, and nobody restarted the gateway."""
    store = make_store()
    store.own(mark=mark)
    receive_one(store)

    wind_back(store)

    assert store.watch_restored() is not None


def test_after_its_release_what_is_due_goes_out(make_store: StoreMaker, mark: Path) -> None:
    store = a_copy_put_back(make_store, mark)

    assert store.release_restored("person:sari")

    assert send_everything(store) == ["create 1", "ack"]
    assert store.watch_restored() is None
    [(actor, action)] = rows(store, "SELECT actor, action FROM audit")
    assert (actor, action) == ("person:sari", "store.released")


def test_a_store_that_is_not_held_has_nothing_to_release(make_store: StoreMaker) -> None:
    store = make_store()

    assert not store.release_restored("person:sari")
    assert rows(store, "SELECT * FROM audit") == []


def test_a_released_store_is_not_held_again_by_another_host(
    make_store: StoreMaker, mark: Path, tmp_path: Path
) -> None:
    """Two hosts share PostgreSQL, and one saw a little more than the other."""
    other = tmp_path / "other.json"
    first, second = make_store(), make_store("batam-2")
    first.own(mark=mark)
    second._restored.begin(other)
    for _ in range(5):
        receive_one(first, "BTM lagi", sent_at=NOON + timedelta(seconds=len(first.complaints())))
        second.watch_restored()
    wind_back(first, by=4)
    assert first.watch_restored() is not None
    first.release_restored("person:sari")

    assert second.watch_restored() is None
    assert first.watch_restored() is None


def test_the_same_copy_put_back_twice_is_held_twice(make_store: StoreMaker, mark: Path) -> None:
    store = make_store()
    store.own(mark=mark)
    [(before,)] = rows(store, "SELECT mark FROM store_state")
    receive_one(store)
    store.watch_restored()
    for _ in range(2):
        write(store, "UPDATE store_state SET mark = :mark", mark=before)
        assert store.watch_restored() is not None
        store.release_restored("person:sari")


def test_another_store_is_not_taken_for_an_old_one(make_store: StoreMaker, mark: Path) -> None:
    store = make_store()
    store.own(mark=mark)
    write(store, "UPDATE store_state SET token = 'another', mark = 0")

    assert store.watch_restored() is None


def test_forwards_of_a_copy_are_in_doubt_and_later_ones_are_not(
    make_store: StoreMaker, mark: Path, clock: HandClock
) -> None:
    store = a_copy_put_back(make_store, mark)
    clock.advance(minutes=1)
    receive_one(store, "BTM banjir", sender=OTHER_CITIZEN)
    store.release_restored("person:sari")

    old, new = (store.claim_forward("kota", lease_s=60) for _ in range(2))

    assert old is not None
    assert new is not None
    assert (old.was_unknown, new.was_unknown) == (True, False)
    shown = store.complaint("1")
    assert shown is not None
    assert [event.event for event in shown.events] == ["filed", "in_doubt"]


def test_replies_of_a_copy_can_be_left_and_later_ones_go(
    make_store: StoreMaker, mark: Path, clock: HandClock
) -> None:
    """The citizen has the receipt already, most likely; what was asked since then is answered."""
    store = a_copy_put_back(make_store, mark)
    clock.advance(minutes=1)
    receive_one(store, "?", index=2, sent_at=NOON + timedelta(minutes=1))

    store.release_restored("person:sari", leave_replies=True)

    assert send_everything(store) == ["create 1", "status"]
    shown = store.complaint("1")
    assert shown is not None
    assert shown.replies[0].state is ReplyState.UNCONFIRMED
    assert ("person:sari", "reply_unconfirmed") in [(e.actor, e.event) for e in shown.events]


def test_an_unreadable_mark_does_not_stop_the_daemon(make_store: StoreMaker, mark: Path) -> None:
    mark.write_bytes(b"\xff{")
    store = make_store()

    store.own(mark=mark)

    assert store.watch_restored() is None
    assert mark.read_bytes().startswith(b"{")


def test_a_folder_that_takes_no_mark_does_not_stop_the_daemon(
    make_store: StoreMaker, tmp_path: Path
) -> None:
    store = make_store()

    store.own(mark=tmp_path / "missing" / "mark.json")

    assert store.watch_restored() is None


def test_an_idle_store_is_not_written_to(make_store: StoreMaker, mark: Path) -> None:
    store = make_store()
    store.own(mark=mark)
    receive_one(store)
    store.watch_restored()
    before = rows(store, "SELECT mark FROM store_state")

    store.watch_restored()

    assert rows(store, "SELECT mark FROM store_state") == before


# --- backups --------------------------------------------------------------------------------------


def open_at(path: Path, clock: HandClock) -> Store:
    """Open the store in a file."""
    store = Store(f"sqlite:///{path}", "batam-1", clock=clock, services=SERVICES)
    store.open()
    return store


def test_a_backup_is_whole_and_held_on_a_host_that_never_saw_it(
    sqlite_url: str, clock: HandClock, tmp_path: Path
) -> None:
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    store.own()
    receive_one(store)
    backup = tmp_path / "backup.db"

    store.back_up(backup)

    copy = open_at(backup, clock)
    copy.own(mark=tmp_path / "new-host.json")
    assert len(copy.complaints()) == 1
    [sentence] = copy.check()
    assert "`smsgate db release`" in sentence
    assert send_everything(copy) == []
    assert send_everything(store) == ["create 1", "ack"], "the original goes on"
    copy.release_restored("person:sari")
    assert copy.check() == []
    assert send_everything(copy) == ["create 1", "ack"]
    for opened in (copy, store):
        opened.close()


def test_a_backup_is_one_file_that_only_its_owner_reads(
    sqlite_url: str, clock: HandClock, tmp_path: Path
) -> None:
    store = Store(sqlite_url, "batam-1", clock=clock)
    store.open()
    folder = tmp_path / "backups"
    folder.mkdir()

    store.back_up(folder / "backup.db")

    assert [path.name for path in folder.iterdir()] == ["backup.db"]
    assert (folder / "backup.db").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(folder / "backup.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    store.close()


def test_a_backup_overwrites_nothing(sqlite_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_url, "batam-1")
    store.open()
    target = tmp_path / "precious"
    target.write_text("kept")

    with pytest.raises(StoreError, match="is there already"):
        store.back_up(target)
    store.close()

    assert target.read_text() == "kept"


def test_a_backup_into_a_missing_folder_is_a_sentence(sqlite_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_url, "batam-1")
    store.open()

    with pytest.raises(StoreError, match="There is no folder"):
        store.back_up(tmp_path / "missing" / "backup.db")
    store.close()


def test_a_backup_into_a_folder_that_may_not_be_entered_is_denied(
    sqlite_url: str, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    (closed / "copies").mkdir(parents=True)
    closed.chmod(0)
    store = Store(sqlite_url, "batam-1")
    store.open()

    with as_nobody(), pytest.raises(StoreDenied, match="name another folder"):
        store.back_up(closed / "copies" / "backup.db")
    store.close()
    closed.chmod(0o700)


def test_postgresql_is_backed_up_by_its_own_program(postgresql_url: str, tmp_path: Path) -> None:
    store = Store(postgresql_url, "batam-1")

    with pytest.raises(StoreError, match="pg_dump"):
        store.back_up(tmp_path / "backup.db")
    store.close()


def test_a_plain_copy_of_the_file_put_back_is_held(
    sqlite_url: str, clock: HandClock, tmp_path: Path, mark: Path
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    store.own(mark=mark)
    receive_one(store)
    store.checkpoint()
    shutil.copy(path, tmp_path / "copy.db")
    assert send_everything(store) == ["create 1", "ack"]
    store.watch_restored()
    store.close()
    shutil.copy(tmp_path / "copy.db", path)

    restored = open_at(path, clock)
    restored.own(mark=mark)

    assert send_everything(restored) == []
    restored.close()
