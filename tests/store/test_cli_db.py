"""`smsgate db`: what it says, and how it ends."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from config_files import write_config
from older_stores import make_older
from users import NOBODY, as_nobody

from smsgate import cli
from smsgate.config import load
from smsgate.errors import SchemaMismatch
from smsgate.store import Store

UNAVAILABLE, BUSY, INPUT_OUTPUT = 75, 69, 74
NOT_PERMITTED, CONFIGURATION = 77, 78


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store is not made yet."""
    return write_config(tmp_path)


def db(command: str, config: Path, *more: str) -> int:
    """Run a command; return its exit code."""
    return cli.invoke(["db", command, "--config", str(config), *more])


def test_upgrade_makes_the_store(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("upgrade", config) == 0
    assert "made, with schema" in capsys.readouterr().err
    assert db("check", config) == 0
    assert db("upgrade", config) == 0
    assert "already" in capsys.readouterr().err


def test_upgrade_is_refused_while_a_daemon_runs(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = Store(f"sqlite:///{tmp_path}/smsgate.db", "batam-1")
    daemon.open(create=True)
    daemon.own()

    assert db("upgrade", config) == BUSY
    assert "Another daemon" in capsys.readouterr().err
    daemon.close()


@pytest.mark.parametrize("command", ["check", "release"])
def test_a_store_that_is_not_there_is_said_so_with_what_makes_it(
    command: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(command, config) == CONFIGURATION

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "There is no store at" in said
    assert "start the daemon, or run `smsgate db upgrade`" in said


@pytest.mark.parametrize("words", [["db", "check"], ["complaints", "list"], ["ledger"]])
def test_a_store_of_another_user_is_a_matter_of_permission(
    words: list[str], config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    (tmp_path / "smsgate.db").chmod(0)
    settings = load(config, environ={})
    capsys.readouterr()

    with as_nobody(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("smsgate.config.load", lambda *_, **__: settings)
        assert cli.invoke(words) == NOT_PERMITTED

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "by this user: run as the user whom it belongs to" in said


def test_what_root_makes_belongs_to_the_owner_of_the_folder() -> None:
    """The daemon runs as that user, and could not open a store of root's."""
    with as_nobody():
        is_readable = all(
            os.access(file, os.R_OK, effective_ids=True)
            for file in (cli.__file__, os.__file__, pytest.__file__)
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_config(folder)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)

        done = subprocess.run(
            [sys.executable, "-m", "smsgate", "db", "upgrade", "--config", str(config)],
            env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        made = [file for file in folder.iterdir() if file != config]
        assert done.returncode == (0 if is_readable else NOT_PERMITTED), done.stderr
        assert {file.stat().st_uid for file in made} <= {folder.stat().st_uid}
        assert {stat.S_IMODE(file.stat().st_mode) for file in made} <= {0o600}
        assert bool(made) == is_readable


def test_an_upgrade_says_where_the_store_is_kept_as_it_was(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_older(tmp_path / "smsgate.db")

    assert db("check", config) == 1
    assert "start the daemon, or stop it and run `smsgate db upgrade`" in capsys.readouterr().out
    assert db("upgrade", config) == 0

    said = capsys.readouterr().err
    assert "brought from schema 0001 to" in said
    assert f"kept in {tmp_path}/smsgate.db.schema-0001." in said


def test_check_prints_what_it_finds_and_ends_with_1(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    store = Store(f"sqlite:///{tmp_path}/smsgate.db", "batam-1")
    with store._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE inlet_message")
    store.close()
    capsys.readouterr()

    assert db("check", config, "--json") == 1

    assert json.loads(capsys.readouterr().out) == {"problems": ["table inlet_message is missing"]}


def test_check_names_a_column_that_is_missing(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    with closing(sqlite3.connect(tmp_path / "smsgate.db")) as other:
        other.execute("ALTER TABLE complaint RENAME COLUMN status TO state")
    capsys.readouterr()

    assert db("check", config) == 1
    assert capsys.readouterr().out == "table complaint has no column status\n"
    assert cli.invoke(["complaints", "list", "--config", str(config)]) == UNAVAILABLE
    assert "run `smsgate db check`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda octets: b"x" * len(octets), "is no SQLite database", id="not ours"),
        pytest.param(lambda octets: octets[:60_000], "is damaged", id="cut off"),
    ],
)
def test_a_damaged_store_ends_in_what_to_do_and_not_in_the_next_check(
    spoil: Callable[[bytes], bytes],
    said: str,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    db("upgrade", config)
    file = tmp_path / "smsgate.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
    file.write_bytes(spoil(file.read_bytes()))
    capsys.readouterr()

    assert db("check", config) == 1
    found = capsys.readouterr().out
    assert (said in found, "put a backup in its place" in found) == (True, True)
    assert db("upgrade", config) == INPUT_OUTPUT
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
@pytest.mark.parametrize("command", ["check", "upgrade"])
def test_a_store_that_is_no_file_is_said_to_be(
    command: str,
    make: Callable[[Path], None],
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """SQLite calls it an I/O error of the disk, and waits for ever at a pipe."""
    make(tmp_path / "smsgate.db")

    assert db(command, config) == INPUT_OUTPUT
    assert "smsgate.db is no file: let `store.url` name one" in capsys.readouterr().err


def test_a_missing_folder_is_a_sentence(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace("/smsgate.db", "/nowhere/smsgate.db"))

    assert db("upgrade", config) == UNAVAILABLE
    assert "nowhere is missing: make it" in capsys.readouterr().err


# --- a file of another program --------------------------------------------------------------------


def make_foreign(file: Path, *statements: str) -> bytes:
    """Make a SQLite database that is none of ours; return its octets."""
    with closing(sqlite3.connect(file)) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()
    return file.read_bytes()


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["CREATE TABLE inbox (id INTEGER)"], id="another program's"),
        pytest.param(
            [
                "CREATE TABLE alembic_version (version_num TEXT)",
                "INSERT INTO alembic_version VALUES ('0001')",
                "CREATE TABLE audit (id INTEGER)",
            ],
            id="one that numbers its schemas as we do",
        ),
    ],
)
@pytest.mark.parametrize("words", [["db", "upgrade"], ["db", "check"], ["ledger"]])
def test_another_programs_database_is_refused_and_left_as_it_is(
    words: list[str],
    statements: list[str],
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Our tables in it would be in that program's way, and its journal another one for good."""
    file = tmp_path / "smsgate.db"
    before = make_foreign(file, *statements)

    assert cli.invoke([*words, "--config", str(config)]) == CONFIGURATION

    said = capsys.readouterr().err.strip().splitlines()
    assert f"{file} is another program's SQLite database" in said[-1]
    assert "let `store.url` name a file of smsgate's own" in said[-1]
    assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["smsgate.db", "smsgate.toml"]


def test_the_daemon_makes_no_store_in_another_programs_database(tmp_path: Path) -> None:
    file = tmp_path / "smsgate.db"
    before = make_foreign(file, "CREATE TABLE inbox (id INTEGER)")
    store = Store(f"sqlite:///{file}", "batam-1")

    with closing(store), pytest.raises(SchemaMismatch, match="another program's"):
        store.open(create=True)

    assert file.read_bytes() == before


def test_a_file_without_anything_in_it_becomes_the_store(config: Path, tmp_path: Path) -> None:
    (tmp_path / "smsgate.db").touch()

    assert db("upgrade", config) == 0
    assert db("check", config) == 0


# --- copies ---------------------------------------------------------------------------------------


def test_a_backup_put_back_is_held_until_it_is_released(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    copy = tmp_path / "copy.db"
    assert db("backup", config, str(copy)) == 0
    copy.replace(tmp_path / "smsgate.db")
    capsys.readouterr()

    assert db("check", config) == 1
    assert "run `smsgate db release`" in capsys.readouterr().out
    assert db("release", config, "--as", "sari") == 0
    assert "released" in capsys.readouterr().err
    assert db("check", config) == 0


def test_status_says_that_a_store_is_held_where_no_daemon_runs(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    db("backup", config, str(tmp_path / "copy.db"))
    (tmp_path / "copy.db").replace(tmp_path / "smsgate.db")
    capsys.readouterr()

    assert cli.invoke(["status", "--json", "--config", str(config)]) == 0

    [alarm] = json.loads(capsys.readouterr().out)["alarms"]
    assert (alarm["key"], alarm["severity"]) == ("store.restored", "critical")
    assert cli.invoke(["status", "--config", str(config)]) == 0
    assert "store.restored" in capsys.readouterr().out


def test_releasing_a_store_that_is_not_held_changes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    capsys.readouterr()

    assert db("release", config) == 0
    assert "nothing to release" in capsys.readouterr().err


def test_a_backup_over_a_file_is_refused_in_a_sentence(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db("upgrade", config)
    capsys.readouterr()

    assert db("backup", config, str(tmp_path / "smsgate.db")) == INPUT_OUTPUT
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("beyond", ["missing", "smsgate.toml"], ids=["no folder", "a file"])
def test_a_backup_into_a_folder_that_is_not_there_is_no_matter_of_time(
    beyond: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A timer that is told to try again (75) would, for ever."""
    db("upgrade", config)
    capsys.readouterr()

    assert db("backup", config, str(tmp_path / beyond / "monday.db")) == INPUT_OUTPUT

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"There is no folder {tmp_path}/{beyond}: make it, or name another" in said
