"""What is installed beside the program: the unit, the rules, the manuals; each held to what the program says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import man_pages
import pytest
from programs import need_program

from smsgate import cli
from smsgate.config import ENVIRONMENT
from smsgate.daemon import STOP_TIMEOUT_S, WATCH_S
from smsgate.errors import ConfigError
from smsgate.settings import GatewaySettings

FOLDER = Path(__file__).parents[2] / "systemd"
EXPOSURE_MAX = 1.9  # of it 0.3 for asking the kernel whether the clock is synchronised


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """The keys of the unit and all their values; the same key may stand several times."""
    keys: dict[str, list[str]] = {}
    for line in (FOLDER / "smsgate.service").read_text().splitlines():
        key, is_key, value = line.partition("=")
        if is_key and not line.startswith("#"):
            keys.setdefault(key, []).append(value)
    return keys


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    analyze = need_program("systemd-analyze", package="systemd")
    text = (FOLDER / "smsgate.service").read_text()
    # it wants to see the program, which is not installed here
    (tmp_path / "smsgate.service").write_text(text.replace("/opt/smsgate/bin/smsgate", "/bin/true"))

    done = run(analyze, "verify", "--man=no", str(tmp_path / "smsgate.service"))

    complaints = [line for line in done.stderr.splitlines() if "smsgate.service" in line]
    assert complaints == []


def test_the_unit_is_shut_in() -> None:
    analyze = need_program("systemd-analyze", package="systemd")

    done = run(analyze, "security", "--offline=yes", "--no-pager", str(FOLDER / "smsgate.service"))

    found = re.search(r"exposure level for smsgate.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_the_unit_does_not_start_again_on_a_wrong_configuration(unit: dict[str, list[str]]) -> None:
    assert unit["RestartPreventExitStatus"] == [str(ConfigError.exit_code)]
    assert unit["Restart"] == ["on-failure"]


def test_the_daemon_ends_by_itself_before_systemd_ends_it(unit: dict[str, list[str]]) -> None:
    assert float(unit["TimeoutStopSec"][0]) > STOP_TIMEOUT_S


def test_the_watchdog_waits_for_several_feedings(unit: dict[str, list[str]]) -> None:
    assert float(unit["WatchdogSec"][0]) >= 3 * WATCH_S


def test_the_unit_makes_the_folders_that_are_the_defaults(unit: dict[str, list[str]]) -> None:
    defaults = GatewaySettings(name="x")

    assert Path("/run", unit["RuntimeDirectory"][0]) == defaults.run_dir
    assert Path("/var/lib", unit["StateDirectory"][0]) == defaults.state_dir


def test_the_unit_runs_a_command_line_that_exists(unit: dict[str, list[str]]) -> None:
    words = unit["ExecStart"][0].split()

    assert words[0].endswith("/smsgate")
    assert cli.invoke([*words[1:2], "--help"]) == 0
    assert words[2:] == ["--config", "/etc/smsgate/smsgate.toml"]


def test_the_unit_may_open_serial_ports_and_no_other_device(unit: dict[str, list[str]]) -> None:
    assert unit["DevicePolicy"] == ["closed"]
    assert unit["DeviceAllow"] == ["char-ttyUSB rw", "char-ttyACM rw"]
    assert "PrivateDevices" not in unit
    assert unit["SupplementaryGroups"] == ["dialout"]


def test_the_udev_rules_come_before_modemmanager_decides() -> None:
    (rules,) = FOLDER.glob("*.rules")

    assert int(rules.name.split("-")[0]) < 77
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in rules.read_text()


def test_every_udev_rule_has_matches_and_assignments_of_the_right_form() -> None:
    (rules,) = FOLDER.glob("*.rules")
    form = re.compile(r'[A-Z]+(\{[A-Za-z_]+\})?(==|!=|\+=|=)"[^"]*"')
    for line in rules.read_text().splitlines():
        rule = line.removeprefix("#") if line.startswith("#SUBSYSTEM") else line
        if rule and not rule.startswith("#"):
            assert all(form.fullmatch(part) for part in rule.split(", ")), rule


def test_no_python_stands_where_import_systemd_would_find_it() -> None:
    assert list(FOLDER.glob("**/*.py")) == []


@pytest.mark.parametrize("page", ["smsgate.1", "smsgate.toml.5"])
def test_a_manual_is_well_formed(page: str) -> None:
    mandoc = need_program("mandoc")

    done = run(mandoc, "-T", "lint", "-W", "warning", str(FOLDER / page))

    assert done.stdout == ""
    assert done.returncode == 0


def test_the_manual_of_the_configuration_has_the_present_example() -> None:
    """After a change of the example: python tests/support/man_pages.py"""
    assert man_pages.PAGE.read_text(encoding="utf-8") == man_pages.render()


def test_the_manual_names_every_command_and_variable() -> None:
    text = (FOLDER / "smsgate.1").read_text()

    for name in cli.COMMANDS:
        assert re.search(rf"\bIc {name}\b", text), name
    for variable in ENVIRONMENT:
        assert variable in text, variable
