"""The real daemon on a store that was put back from a backup: it receives, and sends nothing by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gateway import read_status, run_smsgate, running_gateway

from smsgate.rehearsal import Rehearsal

CITIZEN, NEIGHBOUR = "+6281234567890", "+6281300000001"
LIMIT_S = 80.0  # the housekeeper looks once a minute


def has_alarm(gateway: Rehearsal) -> bool:
    return "store.restored" in [alarm["key"] for alarm in read_status(gateway)["alarms"]]


def complaints_filed(gateway: Rehearsal) -> int:
    with gateway.store() as store:
        return len(store.complaints())


def put_back(gateway: Rehearsal, backup: Path) -> None:
    """Do what README tells an operator to do."""
    gateway.programs["daemon"].stop()
    path = Path(gateway.store_url.removeprefix("sqlite:///"))
    for name in ("", "-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    shutil.copy(backup, path)
    gateway.start_daemon()


def receipts(gateway: Rehearsal, number: str) -> int:
    with gateway.network() as network:
        return len(network.inbox(number))


@pytest.mark.timeout(300)
def test_a_restored_gateway_receives_but_sends_only_when_it_is_released() -> None:
    with running_gateway() as gateway:
        config = ("--config", str(gateway.config))
        gateway.set_backend_faults({"mode": "status", "status": 503})
        with gateway.network() as network:
            network.send(CITIZEN, "BTM jalan rusak di Sekupang")
        gateway.wait_until(lambda: receipts(gateway, CITIZEN) == 1, LIMIT_S, "the receipt")
        backup = gateway.folder / "backup.db"
        done = run_smsgate("db", "backup", str(backup), *config)
        assert done.returncode == 0, done.stderr
        gateway.set_backend_faults({"mode": "none"})
        gateway.wait_until(lambda: len(gateway.backend_complaints()) == 1, LIMIT_S, "the forward")

        put_back(gateway, backup)
        with gateway.network() as network:
            network.send(NEIGHBOUR, "BTM lampu jalan mati di Nagoya")
        gateway.wait_until(lambda: complaints_filed(gateway) == 2, LIMIT_S, "the new complaint")
        gateway.wait_until(lambda: has_alarm(gateway), LIMIT_S, "the alarm")

        assert len(gateway.backend_complaints()) == 1
        assert receipts(gateway, NEIGHBOUR) == 0
        done = run_smsgate("db", "release", "--as", "sari", *config)
        assert done.returncode == 0, done.stderr
        gateway.wait_until(lambda: len(gateway.backend_complaints()) == 2, LIMIT_S, "the forwards")
        gateway.wait_until(lambda: receipts(gateway, NEIGHBOUR) == 1, LIMIT_S, "the receipt")
        gateway.wait_until(lambda: not has_alarm(gateway), LIMIT_S, "the end of the alarm")

        # The old complaint went again under the key that the backend had seen before.
        assert len({c["reference"] for c in gateway.backend_complaints()}) == 2
        assert receipts(gateway, CITIZEN) == 1
