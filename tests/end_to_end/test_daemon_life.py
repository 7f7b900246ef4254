"""The real daemon without a modem: an update of the program, and a reload."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from config_files import write_config
from filed_complaints import file_complaints
from older_stores import make_older

from smsgate import cli
from smsgate.backends.simulated import SimulatedBackend
from smsgate.clock import SystemClock
from smsgate.config import load
from smsgate.control import DaemonNotRunning, ask
from smsgate.retry import RetryPolicy
from smsgate.rules import build_store

LIMIT_S = 60.0


@contextmanager
def running_daemon(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon until the end of the block; its log goes beside its configuration."""
    environ = {name: value for name, value in os.environ.items() if "SMSGATE" not in name}
    with (config.parent / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "smsgate", "run", "--config", str(config)],
            stderr=log,
            env=environ | {"SMSGATE_LOG_FORMAT": "json"},
        )
    try:
        wait_until(lambda: "gateway_started" in events(config))
        yield daemon
    finally:
        daemon.terminate()
        assert daemon.wait(LIMIT_S) == 0, (config.parent / "log").read_text()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def events(config: Path) -> dict[str, dict[str, Any]]:
    """Return the last log line of each event."""
    lines = (config.parent / "log").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return {line["event"]: line for line in found}


def alarms(config: Path) -> dict[str, str]:
    """Return what `status` would say; nothing while the daemon starts."""
    try:
        status = ask(config.parent / "control.sock", "status", timeout_s=LIMIT_S)
    except DaemonNotRunning:
        return {}
    return {alarm["key"]: alarm["text"] for alarm in status["alarms"]}


def write_modemless_config(folder: Path) -> Path:
    """No modem: what this is about does not need one."""
    config = write_config(folder)
    head, _, rest = config.read_text().partition("[[modem]]")
    config.write_text(head + rest[rest.index("[[backend]]") :])
    return config


def test_after_an_update_the_daemon_upgrades_the_store_and_keeps_it_as_it_was(
    tmp_path: Path,
) -> None:
    """Else SMS would wait on the SIM until somebody came."""
    config = write_modemless_config(tmp_path)
    make_older(tmp_path / "smsgate.db")

    with running_daemon(config):
        upgraded = events(config)["store_upgraded"]

        assert upgraded["before"] == "0001"
        assert Path(upgraded["copy"]).is_file()
        assert ask(tmp_path / "control.sock", "status", timeout_s=LIMIT_S)["ready"]


def test_a_reload_says_what_is_in_force_and_what_waits_for_a_restart(tmp_path: Path) -> None:
    config = write_modemless_config(tmp_path)
    text = config.read_text()

    with running_daemon(config) as daemon:
        config.write_text(
            text.replace('["BTM"]', '["BTM", "ADU"]')
            + '[[modem]]\nname = "m2"\nport = "/dev/null"\n'
        )
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: "config.restart" in alarms(config))

        reloaded = events(config)["configuration_reloaded"]
        assert reloaded["in_force"] == ["service.btm.prefixes"]
        assert reloaded["needs_restart"] == ["modem.m2 (new)"]
        assert "modem.m2 (new)" in alarms(config)["config.restart"]

        config.write_text(text.replace('"1708"', '"x"'))
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: "config" in alarms(config))
        config.write_text(text)
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: not alarms(config))


def test_a_backend_that_was_put_right_is_asked_at_once(tmp_path: Path) -> None:
    """After wrong credentials it is left alone for half a minute at least: who put them right does not wait."""
    with SimulatedBackend() as backend:
        backend.fail("status", status=401)
        config = write_modemless_config(tmp_path)
        config.write_text(
            config.read_text().replace("https://aduan.example/api", backend.complaints_url)
        )
        with closing(build_store(load(config, environ={}), SystemClock())) as store:
            store.open(create=True)
            file_complaints(store, 1)
        release = ["forwards", "release", "--backend", "kota", "--config", str(config)]

        with running_daemon(config):
            wait_until(lambda: "backend_held" in events(config))
            backend.fail("none")
            assert cli.invoke(release) == 0
            wait_until(lambda: "complaint_forwarded" in events(config))

    held_at, forwarded_at = (
        datetime.fromisoformat(events(config)[name]["timestamp"])
        for name in ("backend_held", "complaint_forwarded")
    )
    assert (forwarded_at - held_at).total_seconds() < RetryPolicy().held_delay_s
