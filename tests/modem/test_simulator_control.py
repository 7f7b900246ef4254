"""The simulator told what to do over its control socket, in process and as `smsgate sim`."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from simulated_line import CITIZEN, NUMBER, RawPeer, ask, make_modem, tell, wait_until

from hardware.simulator.codec import encode_submit
from hardware.simulator.control import Control, ControlClient, ControlError, ControlServer
from hardware.simulator.operations import Site
from smsgate import cli

_SIM = [sys.executable, "-c", "from smsgate.cli.sim import app; app()"]
_LIMIT_S = 30


@pytest.fixture
def modem():
    return make_modem(memories={"SM": 3})


@pytest.fixture
def stops():
    return []


@pytest.fixture
def client(modem, stops, tmp_path):
    control = Control(Site(modem.network, {"m1": modem}), lambda: stops.append(True))
    with (
        ControlServer(control, tmp_path / "control"),
        ControlClient(tmp_path / "control") as client,
    ):
        yield client


def submit(modem, text):
    tpdu = encode_submit(CITIZEN, text)
    ask(modem, f"AT+CMGS={len(tpdu)}")
    return tell(modem, b"00" + tpdu.hex().encode() + b"\x1a")


def test_sent_sms_are_in_the_modem_or_wait_for_it(client):
    assert client.send(CITIZEN, "BTM satu") == 1
    assert client.send_many([(CITIZEN, "x" * 161), (CITIZEN, "lagi")]) == 3

    state = client.state()
    assert state.slots == {"SM": (3, 3)}
    assert state.queued == 1
    assert client.left_for_modem() == 4


def test_parts_are_shaped_as_asked(client):
    assert client.send(CITIZEN, "x" * 400, lost={2}, is_shuffled=True) == 2


def test_raw_octets_are_delivered(client, modem):
    client.deliver(bytes.fromhex("00FFEE"))

    assert modem.memories["SM"].slots[1].pdu.hex == "00FFEE"


def test_inbox_is_waited_for(client, modem):
    submit(modem, "Aduan diterima")

    (received,) = client.inbox(CITIZEN, count=1, timeout_s=5)

    assert (received.text, received.sender) == ("Aduan diterima", NUMBER)
    assert client.inboxes() == {CITIZEN: [received]}
    assert client.state().submitted == 1


def test_waiting_for_an_inbox_ends(client):
    assert client.inbox(CITIZEN, count=1, timeout_s=0.05) == []


def test_faults_are_set_and_cleared(client, modem):
    client.fault("cme_error", code=14, times=0)
    assert client.state().faults == ["cme_error"]
    assert b"CME ERROR: 14" in ask(modem, "AT")

    client.clear_fault("cme_error")

    assert client.state().faults == []
    assert client.state().struck == {"cme_error": 1}


def test_call_rings(client, modem):
    client.call(CITIZEN)

    assert modem.caller == CITIZEN


def test_stop_is_passed_on(client, stops):
    client.stop()

    wait_until(lambda: stops == [True])


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"op": "fly"}',
        b'{"op": "send"}',
        b'{"op": "send", "from": 1, "text": "x"}',
        b'{"op": "send", "from": "an endless name", "text": "x"}',
        b'{"op": "deliver", "pdu": "xyz"}',
        b'{"op": "fault", "name": "none"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_nonsense_is_refused_in_one_line(modem, line):
    answer = json.loads(Control(Site(modem.network, {"m1": modem}), lambda: None).answer(line))

    assert answer["ok"] is False
    assert answer["error"]


def test_refusal_reaches_the_caller(client):
    with pytest.raises(ControlError, match="no fault named"):
        client.fault("none")


def test_simulator_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ControlError, match="sim modem"):
        ControlClient(tmp_path / "nobody")


def test_socket_of_a_killed_simulator_is_replaced(modem, tmp_path):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "control"))
    control = Control(Site(modem.network, {"m1": modem}), lambda: None)

    with (
        ControlServer(control, tmp_path / "control"),
        ControlClient(tmp_path / "control") as client,
    ):
        assert client.state().number == NUMBER

    assert not (tmp_path / "control").exists()


def test_socket_of_a_living_simulator_is_not_taken(modem, client, tmp_path):
    control = Control(Site(modem.network, {"m1": modem}), lambda: None)

    with (
        pytest.raises(OSError, match="another simulator"),
        ControlServer(control, tmp_path / "control"),
    ):
        pass

    assert client.state().number == NUMBER


def test_a_file_is_not_taken_for_the_socket_of_a_killed_simulator(modem, tmp_path):
    """It would be deleted: a configuration named by mistake, say."""
    file = tmp_path / "control"
    file.write_text("mine")
    control = Control(Site(modem.network, {"m1": modem}), lambda: None)

    with pytest.raises(OSError, match="no socket"), ControlServer(control, file):
        pass

    assert file.read_text() == "mine"


# -- as a program


@pytest.fixture
def program(tmp_path):
    """`smsgate sim modem` with options of one's own; ended at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*_SIM, "modem", "--link", tmp_path / "tty", "--control", tmp_path / "c", *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {tmp_path / 'tty'}\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(_LIMIT_S)
        assert process.stdout is not None
        process.stdout.close()


def run_send(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_SIM, "send", "--control", str(folder / "c"), "--from", CITIZEN, *arguments],
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def test_modems_of_one_process_reach_each_other(program, tmp_path):
    """Two ports, each with a number of its own; what one submits, the other receives."""
    process = program("--link", tmp_path / "two", "--profile", "generic", "--profile", "sim800")
    assert process.stdout.readline() == f"ready {tmp_path / 'two'}\n"
    second = "+6281170001709"

    with RawPeer(tmp_path / "tty") as peer, RawPeer(tmp_path / "two") as other:
        for each in (peer, other):
            each.ask("ATE0")
            each.ask("AT+CMGF=1")
        assert b"SIM800" in other.ask("AT+CGMM")
        peer.write(f'AT+CMGS="{second}"\r'.encode())
        peer.read_until(b"> ")
        peer.write(b"Halo\x1a")
        peer.read_until(b"OK")
        other.read_until(b"+CMTI")
        said = other.ask("AT+CMGR=1")

    assert NUMBER.encode() in said
    assert b"Halo" in said


def test_an_sms_is_sent_to_the_modem_that_is_named(program, tmp_path):
    process = program("--link", tmp_path / "two")
    process.stdout.readline()

    run_send(tmp_path, "--to", "+6281170001709", "BTM satu")

    with ControlClient(tmp_path / "c", modem="m2") as client:
        assert client.state().slots == {"SM": (1, 50)}
    with ControlClient(tmp_path / "c", modem=NUMBER) as client:
        assert client.state().slots == {"SM": (0, 50)}


def test_a_person_sets_faults_and_tells_operations(program, tmp_path):
    program("--fault", "signal,code=9")
    said = [
        subprocess.run(
            [*_SIM, *arguments, "--control", tmp_path / "c"],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        for arguments in (
            ["fault", "registration", "code=3", "count=6"],
            ["fault", "--clear", "signal"],
            ["fault", "mutte"],
            ["tell", "swap_sim", "number=+6281170009999"],
            ["tell", "state"],
        )
    ]

    assert said[0].stdout.split() == ["registration", "signal"]
    assert said[1].stdout.split() == ["registration"]
    assert said[2].returncode == 69
    assert "no fault named 'mutte'" in said[2].stderr
    assert json.loads(said[4].stdout)["number"] == "+6281170009999"


_SCENARIO = """
stop_after_s = 0.3

[[modem]]
link = "{folder}/one"

[[modem]]
link = "{folder}/two"

[[event]]
at_s = 0.1
op = "send"
modem = "m2"
from = "{citizen}"
text = "BTM satu"

[[event]]
at_s = 0.1
op = "unplug"

[misery]
every_s = 0.1
lasts_s = 0.02
faults = ["signal"]
"""


def run_scenario(folder, text, *options):
    (folder / "s.toml").write_text(text)
    return subprocess.run(
        [*_SIM, "scenario", folder / "s.toml", "--control", folder / "c", *options],
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def test_scenario_is_played_to_its_end(tmp_path):
    ended = run_scenario(tmp_path, _SCENARIO.format(folder=tmp_path, citizen=CITIZEN))

    assert ended.returncode == 0, ended.stderr
    happened = [line.split(" ", 1)[1] for line in ended.stdout.splitlines()]
    assert happened[:2] == [f"{tmp_path}/one", f"{tmp_path}/two"]
    assert {"send m2", "unplug", "stop"} <= set(happened)
    assert any(line.endswith("signal ends") for line in happened)
    assert CITIZEN not in ended.stdout


def test_bad_scenario_is_refused_with_everything_that_is_wrong(tmp_path):
    bad = _SCENARIO.replace("text =", "txet =").replace('"signal"', '"fire"')
    bad = bad.replace('at_s = 0.1\nop = "unplug"', 'op = "unplug"')

    ended = run_scenario(tmp_path, bad.format(folder=tmp_path, citizen=CITIZEN), "--check")

    assert ended.returncode == 2
    keys = [
        line.removeprefix(f"{tmp_path}/s.toml:").split(":")[0] for line in ended.stderr.splitlines()
    ]
    assert keys == ["event[0].text", "event[0].txet", "event[1].at_s", "misery.faults"]


@pytest.mark.parametrize(
    ("file", "said"),
    [("/dev/zero", "more than"), ("/", "Is a directory"), (sys.executable, "UTF-8|more than")],
)
def test_what_is_no_scenario_at_all_is_a_sentence(capsys, file, said):
    assert cli.invoke(["sim", "scenario", file, "--check", "--control", "/nowhere"]) == 2

    assert re.search(f"Cannot read {file}: .*({said})", capsys.readouterr().err)


def test_command_serves_a_modem_that_send_feeds(program, tmp_path):
    program("--slots", "2", "--no-urc", "--profile", "huawei")

    sent = run_send(tmp_path, "--json", "BTM " + "x" * 160)

    assert json.loads(sent.stdout) == {"parts": 2}
    with RawPeer(tmp_path / "tty") as peer:
        peer.ask("ATE0")
        assert peer.ask("AT+CPMS?").startswith(b'\r\n+CPMS: "SM",2,2,')


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_command_and_removes_its_files(program, tmp_path, number):
    process = program()

    process.send_signal(number)

    assert process.wait(_LIMIT_S) == 0
    assert list(tmp_path.iterdir()) == []


def test_stop_over_the_socket_ends_the_command(program, tmp_path):
    process = program()

    with ControlClient(tmp_path / "c") as client:
        client.stop()

    assert process.wait(_LIMIT_S) == 0


def test_send_without_a_simulator_says_what_to_do(tmp_path):
    sent = run_send(tmp_path, "BTM satu")

    assert sent.returncode == 69
    assert "smsgate sim modem" in sent.stderr


def run_second(link: Path, control: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_SIM, "modem", "--link", str(link), "--control", str(control)],
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def test_a_second_simulator_leaves_the_link_of_the_first_alone(program, tmp_path):
    program()

    ended = run_second(tmp_path / "tty", tmp_path / "other")

    assert (ended.returncode, ended.stdout) == (69, "")
    assert ended.stderr == (
        f"Cannot simulate this: another simulator that runs has {tmp_path}/tty. Stop it, or choose another path.\n"
    )
    with RawPeer(tmp_path / "tty") as peer:
        assert b"OK" in peer.ask("AT")


def test_a_simulator_takes_the_link_of_a_killed_one(program, tmp_path):
    """Nothing is left that a person would have to remove."""
    killed = program()
    killed.kill()
    killed.wait(_LIMIT_S)
    assert (tmp_path / "tty").is_symlink()

    program()

    with RawPeer(tmp_path / "tty") as peer:
        assert b"OK" in peer.ask("AT")


def test_unwritable_place_is_named(tmp_path):
    ended = run_second(tmp_path / "no/tty", tmp_path / "c")

    assert ended.returncode == 74
    assert "no/tty" in ended.stderr
