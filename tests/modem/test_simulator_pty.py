"""The simulated modem as a device: its terminal, its link, its speed, its way of vanishing."""

from __future__ import annotations

import errno
import os
import re
import select
import termios
import time

import pytest
from simulated_line import CITIZEN, NUMBER, RawPeer, make_modem, wait_until

from hardware.simulator import Network, PtyServer, SimulatedModem
from hardware.simulator.rack import ModemPlan, Rack

OK = b"\r\nOK\r\n"


@pytest.fixture
def modem():
    return make_modem(memories={"SM": 50})


@pytest.fixture
def port(modem, tmp_path):
    with PtyServer(modem, tmp_path / "tty") as port:
        yield port


def test_commands_are_answered_over_the_link(port):
    with RawPeer(port.path) as peer:
        assert peer.ask("AT+CSQ") == b"\r\n+CSQ: 21,99\r\n" + OK


def test_device_outlives_peers_that_come_and_go(port):
    for _ in range(5):
        with RawPeer(port.path) as peer:
            assert peer.ask("AT") == OK


def test_peer_inherits_what_the_last_one_left_unread(port):
    with RawPeer(port.path) as first:
        first.write(b"AT+CSQ\r")
        wait_until(lambda: bool(port_has_said(first)))

    with RawPeer(port.path) as second:
        assert second.read_until(OK).endswith(b"21,99\r\n" + OK)


def port_has_said(peer: RawPeer) -> bool:
    return bool(select.select([peer.descriptor], [], [], 0)[0])


def test_sms_rings_at_the_peer_that_waits(port, modem):
    with RawPeer(port.path) as peer:
        modem.network.send(CITIZEN, NUMBER, "satu")

        assert peer.read_until(b"1\r\n") == b'\r\n+CMTI: "SM",1\r\n'


def test_long_answers_reach_a_slow_reader_whole(port, modem):
    """More than a terminal buffers: the server goes on when the peer reads."""
    modem.faults.set("memory_full", text="x" * 130)
    with RawPeer(port.path) as peer:
        peer.write(b"AT+CMGL=4\r" * 3)
        wait_until(lambda: port_has_said(peer))

        answers = [peer.read_until(OK) for _ in range(3)]

    assert {answer.count(b"+CMGL:") for answer in answers} == {50}


def test_link_is_gone_afterwards(modem, tmp_path):
    with PtyServer(modem, tmp_path / "tty") as port:
        assert os.readlink(port.path).startswith("/dev/pts/")

    assert list(tmp_path.iterdir()) == []


def test_link_of_a_killed_server_is_replaced(modem, tmp_path):
    (tmp_path / "tty").symlink_to("/dev/pts/none")

    with PtyServer(modem, tmp_path / "tty") as port, RawPeer(port.path) as peer:
        assert peer.ask("AT") == OK


def test_file_that_is_no_link_is_left_alone(modem, tmp_path):
    (tmp_path / "tty").write_text("mine")

    with pytest.raises(FileExistsError, match="not ours"):
        PtyServer(modem, tmp_path / "tty").start()

    assert (tmp_path / "tty").read_text() == "mine"


def test_link_of_a_server_that_runs_is_not_taken(port):
    """Two modems behind one name: a daemon that opens it again after a fault meets the other one."""
    with pytest.raises(OSError, match=r"another simulator that runs has .*tty") as refused:
        PtyServer(make_modem(), port.path).start()

    assert refused.value.errno == errno.EADDRINUSE
    with RawPeer(port.path) as peer:
        assert peer.ask("AT") == OK


def test_link_is_the_same_by_whichever_way_it_is_named(port, tmp_path):
    (tmp_path / "detour").symlink_to(tmp_path)

    with pytest.raises(OSError, match="another simulator"):
        PtyServer(make_modem(), tmp_path / "detour" / port.path.name).start()


def test_modem_comes_back_once_its_name_is_free(port, modem):
    """A name is free while its port is unplugged: modems may change places."""
    modem.unplug()
    wait_until(lambda: not port.path.is_symlink())
    with PtyServer(make_modem(), port.path) as other:
        modem.replug()
        with RawPeer(other.path) as peer:
            assert peer.ask("AT") == OK

    wait_until(lambda: port.path.exists() and not modem.is_off)
    with RawPeer(port.path) as peer:
        assert peer.ask("ATE0").endswith(OK)


def test_server_without_a_link_makes_its_own(modem):
    with PtyServer(modem) as port, RawPeer(port.path) as peer:
        assert peer.ask("AT") == OK

    assert not port.path.parent.exists()


def test_no_descriptor_is_left_behind(modem, tmp_path):
    before = set(os.listdir("/proc/self/fd"))

    for _ in range(3):
        with PtyServer(modem, tmp_path / "tty"):
            modem.faults.set("port_gone", delay_s=0)

    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_port_vanishes_and_is_back_under_its_link(port, modem):
    with RawPeer(port.path) as peer:
        peer.ask("AT")
        modem.faults.set("port_gone", delay_s=0.05, text="still powered")

        wait_until(lambda: is_hung_up(peer))
        wait_until(port.path.exists)

    with RawPeer(port.path) as peer:
        assert peer.ask("AT") == OK


def is_hung_up(peer: RawPeer) -> bool:
    try:
        return os.read(peer.descriptor, 100) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_port_vanishes_in_the_middle_of_an_answer(port, modem):
    modem.network.send(CITIZEN, NUMBER, "satu")
    modem.faults.set("port_gone_in_answer", command="+CMGL", delay_s=0.05)
    with RawPeer(port.path) as peer:
        peer.write(b"AT+CMGL=4\r")

        wait_until(lambda: is_hung_up(peer))

    wait_until(port.path.exists)
    wait_until(lambda: not modem.is_off)
    with RawPeer(port.path) as peer:
        peer.write(b"ATE0\r")
        assert peer.read_until(OK).endswith(b"ATE0\r" + OK)


def test_pieces_of_a_dripping_answer_arrive(port, modem):
    modem.faults.set("drip", delay_s=0.001)

    with RawPeer(port.path) as peer:
        assert peer.ask("AT+CSQ") == b"\r\n+CSQ: 21,99\r\n" + OK


@pytest.mark.parametrize("baud", [9600, 115200])
def test_paced_answers_take_the_time_of_their_bits(tmp_path, baud):
    modem = make_modem(memories={"SM": 50}, baud=baud)
    modem.faults.set("memory_full", text="x" * 60)
    for index in range(1, 51 - baud // 2400 if baud == 9600 else 1):
        modem.memories["SM"].delete(index)

    with PtyServer(modem, tmp_path / "tty") as port, RawPeer(port.path) as peer:
        began = time.monotonic()
        answer = peer.ask("AT+CMGL=4")
        taken_s = time.monotonic() - began

    octets = len(answer) + len("AT+CMGL=4\r")
    assert octets * 10 / baud == pytest.approx(taken_s, rel=0.04, abs=0.02)
    assert taken_s > octets * 10 / baud - 0.001


def test_paced_line_delays_commands_too(tmp_path):
    modem = make_modem(baud=1200)

    with PtyServer(modem, tmp_path / "tty") as port, RawPeer(port.path) as peer:
        began = time.monotonic()
        peer.ask("ATS7=" + "0" * 100 + "5")
        taken_s = time.monotonic() - began

    assert taken_s > 105 * 10 / 1200


def test_thousand_sms_are_drained_quickly(port, modem):
    """Roughly: the benchmark measures. 50 slots, a listing each, a delete each."""
    for number in range(1000):
        modem.network.send(f"+62812{number:08d}", NUMBER, f"BTM jalan rusak nomor {number}")
    drained: list[bytes] = []
    began = time.monotonic()
    with RawPeer(port.path) as peer:
        peer.ask("AT+CNMI=0,0,0,0,0")
        while found := re.findall(rb"\+CMGL: (\d+),\d,,\d+\r\n(\w+)", peer.ask("AT+CMGL=4")):
            for index, pdu in found:
                peer.ask(f"AT+CMGD={int(index)}")
                drained.append(pdu)

    assert len(set(drained)) == len(drained) == 1000
    assert time.monotonic() - began < 5


def test_unplugged(modem, port):
    modem.faults.set("unplugged")
    wait_until(lambda: not port.path.is_symlink())
    modem.network.send(CITIZEN, NUMBER, "satu")

    modem.faults.clear("unplugged")
    wait_until(port.path.exists)

    with RawPeer(port.path) as peer:
        peer.read_until(b"RDY")
        assert b"+CMGL: 1" in peer.ask("AT+CMGF=0;+CMGL=4")


def test_port_renamed(modem, port):
    old = port.path

    modem.faults.set("port_renamed", text="ttyUSB7", delay_s=0.01)
    wait_until(old.with_name("ttyUSB7").exists)

    assert not old.is_symlink()
    with RawPeer(old.with_name("ttyUSB7")) as peer:
        peer.read_until(b"RDY")
        assert b"OK" in peer.ask("AT")


def test_a_port_that_is_pulled_and_put_back_at_once_comes_back(modem, port):
    for turn in range(20):
        modem.unplug()
        modem.replug(f"tty{turn}")

    wait_until(lambda: port.path.name == "tty19" and port.path.exists())
    with RawPeer(port.path) as peer:
        peer.read_until(b"RDY")


def test_modems_are_paced_each_by_itself(tmp_path):
    """A slow line does not slow the other: its answer takes the octets' time, the other's takes none."""
    network = Network()
    plans = [
        ModemPlan("slow", tmp_path / "slow", "+6281170001708", baud=1200),
        ModemPlan("fast", tmp_path / "fast", "+6281170001709"),
    ]
    with (
        Rack(network, plans),
        RawPeer(tmp_path / "slow") as slow,
        RawPeer(tmp_path / "fast") as fast,
    ):
        started_at = time.monotonic()
        slow.write(b"ATI\r")
        fast.ask("ATI")
        fast_s = time.monotonic() - started_at
        answer = slow.read_until(b"OK\r\n")
        slow_s = time.monotonic() - started_at

    assert slow_s >= (len(answer) + len("ATI\r")) * 10 / 1200 * 0.9
    assert fast_s < slow_s


def test_wrong_speed():
    """The driver's speed is read off the terminal: another than the modem's makes garbage both ways."""
    modem = SimulatedModem(Network(), number=NUMBER)
    modem.faults.set("wrong_speed", code=9600)
    with PtyServer(modem) as port, RawPeer(port.path) as peer:
        _set_speed(peer.descriptor, termios.B115200)
        peer.write(b"AT\r")
        assert select.select([peer.descriptor], [], [], 10)[0]
        assert not re.search(rb"[!-~]", os.read(peer.descriptor, 100))

        _set_speed(peer.descriptor, termios.B9600)

        peer.ask("ATE0")
        assert b"\r\n+CSQ: " in peer.ask("AT+CSQ")


def _set_speed(descriptor: int, speed: int) -> None:
    settings = termios.tcgetattr(descriptor)
    settings[4] = settings[5] = speed
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
