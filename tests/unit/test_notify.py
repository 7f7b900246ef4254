"""sd_notify against real datagram sockets."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

import pytest

from smsgate.notify import notify, watchdog_interval_s


def listen(address: str) -> socket.socket:
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(address)
    receiver.settimeout(5)
    return receiver


def test_states_arrive_in_one_datagram(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")

    with listen(address) as receiver:
        assert notify("READY=1", "STATUS=melayani 山", environ={"NOTIFY_SOCKET": address})

        assert receiver.recv(4096) == "READY=1\nSTATUS=melayani 山".encode()


def test_the_abstract_namespace_is_reached() -> None:
    name = f"smsgate-test-{uuid.uuid4()}"

    with listen(f"\0{name}") as receiver:
        assert notify("WATCHDOG=1", environ={"NOTIFY_SOCKET": f"@{name}"})

        assert receiver.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "x" * 200])
def test_nobody_listening_is_no_failure(address: str) -> None:
    assert notify("READY=1", environ={"NOTIFY_SOCKET": address}) is False


def test_a_full_queue_does_not_hold_us_up(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")

    with listen(address):
        sent = [notify("WATCHDOG=1", environ={"NOTIFY_SOCKET": address}) for _ in range(5000)]

    assert sent[0] is True
    assert sent[-1] is False


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, None, id="not watched"),
        pytest.param({"WATCHDOG_USEC": "30000000"}, 15.0, id="half of the limit"),
        pytest.param(
            {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0, id="us"
        ),
        pytest.param({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None, id="somebody else"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="nonsense"),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(
    environ: dict[str, str], expected: float | None
) -> None:
    assert watchdog_interval_s(environ=environ) == expected
