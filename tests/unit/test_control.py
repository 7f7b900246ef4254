"""The control socket: who may open it, what is answered, and what a dead daemon leaves behind."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from simulated_line import wait_until
from users import as_nobody

from smsgate.control import (
    CONNECTIONS_MAX,
    ControlBusy,
    ControlDenied,
    ControlError,
    ControlServer,
    DaemonNotRunning,
    ask,
)
from smsgate.errors import StoreUnavailable


def fail(_request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise KeyError("jalan rusak")


def refuse(_request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise StoreUnavailable("the store is locked: try again")


OPERATIONS = {
    "echo": lambda request: {"said": request["text"]},
    "fail": fail,
    "refuse": refuse,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def server(path: Path) -> Iterator[ControlServer]:
    with ControlServer(path, OPERATIONS) as server:
        yield server


@pytest.mark.usefixtures("server")
def test_an_operation_is_answered(path: Path) -> None:
    assert ask(path, "echo", text="halo 山\n") == {"said": "halo 山\n"}


@pytest.mark.usefixtures("server")
def test_only_the_owner_can_open_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("server")
def test_a_long_answer_comes_whole(path: Path) -> None:
    text = "x" * 60_000

    assert ask(path, "echo", text=text) == {"said": text}


@pytest.mark.usefixtures("server")
def test_several_requests_go_over_one_connection(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
        sock.settimeout(10)
        sock.connect(str(path))
        for n in range(3):
            lines.write(json.dumps({"op": "echo", "text": n}) + "\n")
            lines.flush()
            assert json.loads(lines.readline()) == {"ok": True, "said": n}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        pytest.param("refuse", "the store is locked: try again", id="our own sentence"),
        pytest.param("fail", "the daemon failed to do that; its log says why", id="a mistake"),
        pytest.param("ecko", "unknown operation; this daemon knows echo, fail, refuse", id="no op"),
    ],
)
def test_a_refusal_is_a_sentence(path: Path, op: str, sentence: str) -> None:
    with pytest.raises(ControlError) as raised:
        ask(path, op)

    assert str(raised.value) == sentence


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    "line", [b"nonsense", b"[]", b'{"op": 3}', b"\xff\xfe", b"[" * 10_000, b""]
)
def test_what_is_no_request_is_refused_and_the_next_one_answered(path: Path, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as answers:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(line + b'\n{"op": "echo", "text": 1}\n')

        assert json.loads(answers.readline())["ok"] is False
        assert json.loads(answers.readline()) == {"ok": True, "said": 1}


@pytest.mark.usefixtures("server")
def test_an_endless_line_is_cut_off(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        with pytest.raises(OSError):
            sock.sendall(b"x" * 50_000_000)

    assert ask(path, "echo", text=1) == {"said": 1}


def test_nobody_there_is_said_in_a_sentence(path: Path) -> None:
    with pytest.raises(DaemonNotRunning, match=r"no daemon answers on .*: is it running"):
        ask(path, "echo")


def test_a_second_daemon_on_the_same_socket_is_refused(server: ControlServer, path: Path) -> None:
    with pytest.raises(ControlBusy, match="another daemon answers"):
        ControlServer(path, OPERATIONS).start()

    assert server is not None
    assert ask(path, "echo", text=1) == {"said": 1}


def test_a_socket_that_a_dead_daemon_left_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    with ControlServer(path, OPERATIONS):
        assert ask(path, "echo", text=1) == {"said": 1}


def test_a_file_in_its_place_is_left_alone(path: Path) -> None:
    path.write_text("mine")

    with pytest.raises(ControlError, match="cannot make the control socket"):
        ControlServer(path, OPERATIONS).start()

    assert path.read_text() == "mine"
    assert os.listdir(path.parent) == ["control.sock"]


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"make its folder, .* or set gateway.run_dir"):
        ControlServer(tmp_path / "none" / "control.sock", OPERATIONS).start()


def test_closing_removes_the_socket(path: Path) -> None:
    server = ControlServer(path, OPERATIONS)
    server.start()

    server.close()
    server.close()

    assert os.listdir(path.parent) == []


def test_closing_leaves_a_successor_s_socket(path: Path) -> None:
    """The old daemon may end after the new one began: by hand, or with a unit renamed."""
    old = ControlServer(path, OPERATIONS)
    old.start()
    path.unlink()
    with ControlServer(path, OPERATIONS):
        old.close()

        assert ask(path, "echo", text=1) == {"said": 1}


@pytest.mark.usefixtures("server")
def test_a_socket_of_another_user_is_said_so(path: Path) -> None:
    path.chmod(0)

    with as_nobody(), pytest.raises(ControlDenied, match="run as the user of the daemon"):
        ask(path, "echo")


def test_an_answer_that_never_comes_has_a_limit(path: Path) -> None:
    ended = threading.Event()

    def wait(_request: Mapping[str, Any]) -> Mapping[str, Any]:
        ended.wait(10)
        return {}

    with ControlServer(path, {"wait": wait}):
        with pytest.raises(ControlError, match="gave no answer"):
            ask(path, "wait", timeout_s=0.2)
        ended.set()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"op": "ec', id="half a request"),
        pytest.param(b'{"op": "echo", "text": 1}\n', id="a request, and nothing after it"),
        pytest.param(
            json.dumps({"op": "echo", "text": "x" * 60_000}).encode() + b"\n",
            id="requests whose answers are not read",
        ),
    ],
)
def test_who_takes_all_the_room_and_is_silent_has_it_for_moments(path: Path, octets: bytes) -> None:
    """Not for as long as an SMS may take the network: commands find the daemon busy meanwhile."""
    with ControlServer(path, OPERATIONS, patience_s=0.2), ExitStack() as stack:
        for _ in range(CONNECTIONS_MAX):
            silent = stack.enter_context(socket.socket(socket.AF_UNIX))
            silent.connect(str(path))
            silent.setblocking(False)
            with suppress(BlockingIOError):
                for _ in range(20 if len(octets) > 10_000 else 1):
                    silent.send(octets)

        wait_until(lambda: is_echoing(path))


def is_echoing(path: Path) -> bool:
    try:
        return ask(path, "echo", text=1, timeout_s=2) == {"said": 1}
    except ControlError:
        return False


def test_an_operation_may_take_longer_than_a_request(path: Path) -> None:
    """An SMS may take the network two minutes."""
    patience_s = 0.5

    def take_long(_request: Mapping[str, Any]) -> Mapping[str, Any]:
        threading.Event().wait(1.2 * patience_s)
        return {"reference": 7}

    with ControlServer(path, {"send": take_long}, patience_s=patience_s):
        assert ask(path, "send") == {"reference": 7}
