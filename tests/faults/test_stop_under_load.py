"""Stopping in the middle of work, a second daemon in the way, a port that cannot be had: with the real daemon."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_nursery import ROOT, DaemonNursery, NurseryDaemon
from databases import PostgresqlServer
from killed_gateway import KilledGateway, Letter
from programs import as_ordinary_user

from smsgate.rehearsal import Program, smsgate_command

SLOTS = 50
LOAD = 200
LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
PROMPT_S = 5.0
EARLY_STOPS = 20


def crowd(count: int = LOAD) -> list[Letter]:
    """Return complaints of so many people, every tenth of two parts."""
    return [
        Letter(
            f"+628123456{number:04}",
            f"BTM lampu taman {number} padam" + " sejak kemarin malam" * (10 * is_long),
            "complaint",
            parts=1 + is_long,
        )
        for number in range(count)
        for is_long in [number % 10 == 0]
    ]


@pytest.fixture(scope="module")
def nursery() -> Iterator[DaemonNursery]:
    """Where daemons come from."""
    with DaemonNursery() as nursery:
        yield nursery


@pytest.fixture
def gateway(nursery: DaemonNursery) -> Iterator[KilledGateway]:
    """A gateway of which nothing runs yet but its surroundings."""
    with KilledGateway(nursery, slots=SLOTS) as gateway:
        yield gateway


@pytest.mark.parametrize("filed", [1, LOAD // 4, LOAD // 2])
def test_a_stop_under_load_is_clean(gateway: KilledGateway, filed: int) -> None:
    """What was begun is finished and written down: after a stop no reply is in doubt, and no forward."""
    gateway.send(crowd())
    daemon = gateway.start_killable()
    gateway.wait_until(lambda: gateway.count_sms() >= filed, LIMIT_S, "the work")

    daemon.signal(signal.SIGTERM)
    code = daemon.wait(STOP_LIMIT_S)

    assert code == 0
    assert gateway.left_for_modem() > 0, "the load was over before the stop"
    for table in ("forward", "reply"):
        assert gateway.ask(f"SELECT count(*) FROM {table} WHERE owner IS NOT NULL") == [(0,)]
    gateway.finish()
    assert gateway.violations() == []  # no kill: an unconfirmed reply is one


def test_a_stop_right_after_the_start_is_heard(gateway: KilledGateway) -> None:
    """A signal at an unlucky instant was once heard ten seconds late, or never."""
    for number in range(EARLY_STOPS):
        daemon = gateway.start_killable()
        starts = number + 1
        gateway.wait_until(lambda starts=starts: gateway.count_starts() == starts, LIMIT_S)  # type: ignore[misc]
        asked_at = time.monotonic()
        daemon.signal(signal.SIGTERM)

        assert daemon.wait(STOP_LIMIT_S) == 0
        assert time.monotonic() - asked_at < PROMPT_S


# --- a second daemon ---------------------------------------------------------------------------------


def start_second(
    nursery: DaemonNursery, gateway: KilledGateway, name: str, **changes: str
) -> tuple[NurseryDaemon, Path]:
    """Start another daemon on a changed copy of the configuration; return it and its log."""
    folder = gateway.folder / name
    folder.mkdir()
    text = gateway.config.read_text()
    for old, new in {'/run"': f'/{name}"', **changes}.items():
        assert old in text
        text = text.replace(old, new)
    config, log = folder / "smsgate.toml", folder / "log"
    config.write_text(text)
    return nursery.start(["run", "--config", str(config)], log=log), log


def said_by(log: Path) -> str:
    """Return the one sentence of a daemon that was refused."""
    said = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert len(said) == 1, said
    return said[0]


def test_a_second_daemon_on_a_sqlite_store_is_refused(
    nursery: DaemonNursery, gateway: KilledGateway
) -> None:
    gateway.start_killable()
    gateway.wait_until(lambda: gateway.count_starts() == 1, LIMIT_S)

    second, log = start_second(
        nursery, gateway, "second", **{'name = "rehearsal"': 'name = "other"'}
    )

    assert second.wait(STOP_LIMIT_S) == 69
    assert f"Another daemon uses the store {gateway.database}" in said_by(log)
    gateway.send(crowd(5))
    gateway.wait_until(gateway.is_done, LIMIT_S, "the work of the first one")
    assert gateway.violations() == []


def test_a_second_daemon_under_one_name_on_postgresql_is_refused(
    nursery: DaemonNursery, postgresql_server: PostgresqlServer
) -> None:
    url = postgresql_server.url_of(postgresql_server.name).replace(":@", "@")
    with KilledGateway(nursery, store_url=url, clear_store=postgresql_server.clear) as gateway:
        gateway.start_killable()
        gateway.wait_until(lambda: gateway.count_starts() == 1, LIMIT_S)

        second, log = start_second(nursery, gateway, "second")

        assert second.wait(STOP_LIMIT_S) == 69
        assert 'the gateway name "rehearsal"' in said_by(log)


def test_a_second_daemon_of_one_folder_is_refused(
    nursery: DaemonNursery, gateway: KilledGateway
) -> None:
    gateway.start_killable()
    gateway.wait_until(lambda: gateway.count_starts() == 1, LIMIT_S)
    log = gateway.folder / "second.log"

    second = nursery.start(["run", "--config", str(gateway.config)], log=log)

    assert second.wait(STOP_LIMIT_S) == 69
    assert "control.sock" in said_by(log)
    assert gateway.status()["running"]


# --- the port ----------------------------------------------------------------------------------------


def link_alarm(gateway: KilledGateway) -> str:
    """Return what the alarm of the line's link says, once it stands."""
    gateway.wait_until(lambda: "line.m1.link" in gateway.critical_alarms(), LIMIT_S, "the alarm")
    return gateway.critical_alarms()["line.m1.link"]


def recovers(gateway: KilledGateway) -> None:
    """See that it goes on by itself, and loses nothing."""
    gateway.wait_until(gateway.is_done, LIMIT_S, "the work")
    gateway.wait_until(lambda: not gateway.critical_alarms(), LIMIT_S, "the end of the alarm")
    assert gateway.violations() == []


def test_a_missing_port_is_named_and_waited_for(gateway: KilledGateway) -> None:
    gateway.send(crowd(3))
    hidden = gateway.link.rename(gateway.folder / "hidden")
    gateway.start_killable()

    assert f"There is no port {gateway.link}" in link_alarm(gateway)

    hidden.rename(gateway.link)
    recovers(gateway)


def test_a_port_held_by_another_daemon_is_named_and_waited_for(
    nursery: DaemonNursery, gateway: KilledGateway
) -> None:
    """Two daemons that share a port by mistake must not share its SMS."""
    gateway.send(crowd(3))
    holder, _ = start_second(
        nursery,
        gateway,
        "holder",
        **{
            'name = "rehearsal"': 'name = "other"',
            "state/smsgate.db": "holder.db",
            '/state"': '/holder"',
        },
    )
    gateway.wait_until(lambda: gateway.left_for_modem() == 0, LIMIT_S, "the holder's work")
    gateway.start_killable()

    assert f"pid {holder.pid}" in link_alarm(gateway)

    holder.signal(signal.SIGTERM)
    assert holder.wait(STOP_LIMIT_S) == 0
    gateway.letters.clear()
    gateway.wait_until(lambda: not gateway.critical_alarms(), LIMIT_S, "the end of the alarm")
    gateway.send([Letter("+6281234567899", "BTM air mati di Nongsa", "complaint")])
    gateway.wait_until(gateway.is_done, LIMIT_S, "the work")


def test_a_denied_port_is_named_and_waited_for(gateway: KilledGateway) -> None:
    gateway.send(crowd(3))
    terminal = gateway.link.resolve()
    terminal.chmod(0)
    command = [*as_ordinary_user(), *smsgate_command("run", "--config", str(gateway.config))]
    program = Program("daemon", command, gateway.folder, {"PYTHONPATH": str(ROOT)})
    try:
        assert f"We may not open {gateway.link}" in link_alarm(gateway)
        terminal.chmod(0o600)
        recovers(gateway)
    finally:
        code = program.stop()
    assert code == 0, program.last_words()
