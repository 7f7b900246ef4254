"""A power cut at any instant: what was deleted from the modem is on the disk.

SIGKILL proves nothing about power, since the kernel keeps what a dead process wrote. So the daemon's system calls are
traced, and before the first octet of each `AT+CMGD` the disk is looked at as a power cut would leave it then: whatever
was not synced is gone.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon_nursery import ROOT, DaemonNursery
from killed_gateway import KilledGateway, Letter
from power_cut import Disk, Step, read_trace, tracing

from smsgate.rehearsal import Program, smsgate_command

DATABASE, LOG = "smsgate.db", "smsgate.db-wal"
WAVES = 2
LIMIT_S = 60.0
_DELETE = re.compile(rb"\+CMGD=(\d+)")

# The daemon as it is, but with a store that does not wait for the disk: the tracing must see it.
CARELESS = """
import sys
from sqlalchemy import event
from sqlalchemy.pool import Pool
from smsgate.cli import invoke

@event.listens_for(Pool, "checkout")
def lower(connection, *_):
    if type(connection).__module__ == "sqlite3":
        connection.execute("PRAGMA synchronous=NORMAL")

sys.exit(invoke(sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Traced:
    """One run of the daemon: its calls, and for each wave the PDU in each slot."""

    steps: list[Step]
    waves: list[dict[int, bytes]]
    folder: Path

    def deletions(self) -> Iterator[tuple[int, bytes]]:
        """Yield the step that is the first octet of an AT+CMGD, and the PDU that it deletes."""
        waves = [dict(wave) for wave in self.waves]
        for at, step in enumerate(self.steps):
            if step.call == "write" and not step.is_done and step.place.startswith("/dev/pts/"):
                for slot in _DELETE.findall(step.octets):
                    wave = next(wave for wave in waves if wave)
                    yield at, wave.pop(int(slot))
        assert not any(waves), "not every SMS was deleted"


def letters(wave: int) -> list[Letter]:
    """Return SMS of one wave: single ones and one of two parts."""
    road = f"BTM jalan rusak {wave} di depan pasar, " + "berlubang dalam sekali " * 8
    single = [
        Letter(f"+62812345678{wave}{number}", f"BTM lampu {wave}{number} mati", "complaint")
        for number in range(3)
    ]
    return [*single, Letter(f"+62812345670{wave}0", road, "complaint", parts=2)]


def run_traced(trace: Path, command: list[str]) -> Traced:
    """Let a daemon receive two waves of SMS, traced; it is stopped in the end."""
    waves: list[dict[int, bytes]] = []
    with DaemonNursery() as nursery, KilledGateway(nursery) as gateway:
        arguments = [*command, "run", "--config", str(gateway.config)]
        program = Program(
            "daemon", tracing(trace, arguments), gateway.folder, {"PYTHONPATH": str(ROOT)}
        )
        for wave in range(WAVES):
            with gateway.citizens.lock:  # so that nothing is deleted before its slot was seen
                gateway.send(letters(wave))
                slots = gateway.modem.memories["SM"].slots.items()
                waves.append({slot: bytes.fromhex(held.pdu.hex) for slot, held in slots})
            gateway.wait_until(
                lambda: program.process.poll() is not None or gateway.is_done(), LIMIT_S
            )
        assert program.stop() == 0, program.last_words()
        assert gateway.violations() == []
        folder = gateway.folder / "state"
        return Traced(read_trace(trace, below=folder), waves, folder)


def missing_after_power_cut(traced: Traced, tmp_path: Path) -> list[str]:
    """Return what a power cut at some deletion would lose."""
    disk = Disk(traced.folder, DATABASE)
    played, missing = 0, []
    deleted: list[bytes] = []
    for number, (at, pdu) in enumerate(traced.deletions(), start=1):
        for step in traced.steps[played:at]:
            disk.play(step)
        played = at
        deleted.append(pdu)
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        disk.leave(folder)
        stored = stored_pdus(folder / DATABASE)
        missing += [f"at deletion {number}: {lost.hex()}" for lost in set(deleted) - stored]
    return missing


def stored_pdus(database: Path) -> set[bytes]:
    """Return the parts of a store; none where there are no tables."""
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {row[0] for row in connection.execute("SELECT pdu FROM part")}
    except sqlite3.OperationalError:
        return set()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """The calls of the daemon as it is."""
    return run_traced(tmp_path_factory.mktemp("trace") / "trace", smsgate_command())


def test_what_was_deleted_outlives_a_power_cut(traced: Traced, tmp_path: Path) -> None:
    assert missing_after_power_cut(traced, tmp_path) == []


def test_the_log_is_synced_between_the_commit_and_the_deletion(traced: Traced) -> None:
    """The octets of a part were written to the write-ahead log, and a sync that began later was completed."""
    for at, pdu in traced.deletions():
        earlier = traced.steps[:at]
        log = [(n, step) for n, step in enumerate(earlier) if Path(step.place).name == LOG]
        written = [n for n, step in log if step.call == "pwrite64" and pdu in step.octets]
        syncs = [(n, step.is_done) for n, step in log if step.call == "sync"]
        covering = [n for n, is_done in syncs if not is_done and n > min(written, default=at)]
        assert any(n > min(covering, default=at) for n, is_done in syncs if is_done)


def test_a_store_that_does_not_wait_for_the_disk_is_seen(tmp_path: Path) -> None:
    """The test of the test: with PRAGMA synchronous lowered, a power cut loses what was deleted."""
    traced = run_traced(tmp_path / "trace", [sys.executable, "-c", CARELESS])

    assert missing_after_power_cut(traced, tmp_path) != []
