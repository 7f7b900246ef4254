"""A store of an older program: brought up whole or not at all, and kept as it was."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from older_stores import make_older

from smsgate.errors import StoreDenied, StoreUnavailable
from smsgate.store import Store, schema


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of the first schema, with a line in it."""
    return make_older(tmp_path / "smsgate.db")


def open_store(path: Path) -> Store:
    return Store(f"sqlite:///{path}", "batam-1")


def version_in(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        version: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return version


def test_an_older_store_is_brought_up_and_kept_as_it_was(path: Path) -> None:
    with closing(open_store(path)) as store:
        assert store.is_older()
        done = store.upgrade()

        assert (done.before, done.now) == ("0001", schema.HEAD)
        assert not store.is_older()
        assert store.check() == []
        assert [line.name for line in store.lines()] == ["m1"]
    assert done.copy == path.with_name("smsgate.db.schema-0001")
    assert version_in(done.copy) == "0001"
    assert stat.S_IMODE(done.copy.stat().st_mode) == 0o600


def test_an_upgrade_that_is_cut_off_leaves_the_store_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All migrations are one transaction: what a power cut leaves is the old store or the new one."""
    from alembic import command

    whole = command.upgrade

    def cut_off(*arguments: object) -> None:
        whole(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, closing(open_store(path)) as store:
        patch.setattr(command, "upgrade", cut_off)
        with pytest.raises(KeyboardInterrupt):
            store.upgrade()
    assert version_in(path) == "0001"

    with closing(open_store(path)) as store:
        assert store.upgrade().now == schema.HEAD


def test_the_copy_of_an_earlier_try_is_replaced(path: Path) -> None:
    """Between the two the older program may have gone on working."""
    for name in ("smsgate.db.schema-0001", ".smsgate.db.schema-0001.new"):
        path.with_name(name).write_bytes(b"left over")

    with closing(open_store(path)) as store:
        done = store.upgrade()

    assert done.copy is not None
    assert version_in(done.copy) == "0001"
    assert not path.with_name(".smsgate.db.schema-0001.new").exists()


def test_a_store_that_is_not_there_is_not_older(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "none.db")) as store:
        assert not store.is_older()
    assert not (tmp_path / "none.db").exists()


def test_no_permission_is_told_from_trouble_that_passes() -> None:
    """Both are tried again by the daemon; a command ends with 77 or 75."""
    assert issubclass(StoreDenied, StoreUnavailable)
    assert (StoreDenied.exit_code, StoreUnavailable.exit_code) == (77, 75)
