"""`smsgate db`: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from config_files import write_config

from smsgate import cli
from smsgate.store import Store

UNAVAILABLE, BUSY, INPUT_OUTPUT = 75, 69, 74


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


def test_check_of_a_store_that_is_not_there_is_a_sentence(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db("check", config) == UNAVAILABLE
    assert capsys.readouterr().err.count("\n") == 1


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


def test_a_missing_folder_is_a_sentence(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace("/smsgate.db", "/nowhere/smsgate.db"))

    assert db("upgrade", config) == UNAVAILABLE
    assert "check the store's folder" in capsys.readouterr().err


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
