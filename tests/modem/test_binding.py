"""A modem known by its IMEI: found again under another name, and never mistaken for another."""

import os
import time
from contextlib import ExitStack

import pytest

from hardware.binding import PortFinder
from hardware.errors import CommandError, PortBusy, PortMissing, WrongModem
from hardware.modem import Modem, ModemOptions
from hardware.simulator import Network, SimulatedModem
from hardware.simulator.pty import PtyServer

SOON_S = 10.0  # generous: the machine may be busy


class Hub:
    """Simulated modems under names in one folder, which a test plugs, unplugs and renames."""

    def __init__(self, folder):
        self.folder = folder
        self.network = Network(seed=1)
        self.modems = {}
        self.servers = {}

    def plug(self, number, name):
        modem = self.modems.get(number)
        if modem is None:
            modem = SimulatedModem(self.network, number=number, memories={"SM": 5})
            self.modems[number] = modem
        self.servers[name] = PtyServer(modem, self.folder / name)
        self.servers[name].start()
        return modem

    def unplug(self, name):
        self.servers.pop(name).stop()

    def driver(self, number, *, first=None, finder=None):
        return Modem(
            ModemOptions(
                str(self.folder / first) if first else None,
                imei=self.modems[number].imei,
                ports=(str(self.folder / "tty*"),),
                command_timeout_s=10.0,
                silence_limit_s=5.0,
            ),
            finder=finder,
        )


@pytest.fixture
def hub(tmp_path):
    hub = Hub(tmp_path)
    yield hub
    for name in list(hub.servers):
        hub.unplug(name)


@pytest.fixture
def opened():
    with ExitStack() as stack:

        def open_it(modem):
            stack.callback(modem.close)
            modem.open()
            return modem

        yield open_it


A, B = "+628110000001", "+628110000002"


def test_a_modem_is_found_by_its_imei_alone(hub, opened):
    hub.plug(A, "tty0")
    hub.plug(B, "tty1")

    assert opened(hub.driver(B)).port == str(hub.folder / "tty1")


def test_a_modem_that_comes_back_under_another_name_is_found_within_seconds(hub, opened):
    hub.plug(A, "tty0")
    modem = opened(hub.driver(A, first="tty0"))
    modem.close()
    hub.unplug("tty0")
    hub.plug(A, "tty7")
    began_at = time.monotonic()

    opened(modem)

    assert modem.port == str(hub.folder / "tty7")
    assert time.monotonic() - began_at < SOON_S


def test_two_modems_that_changed_names_are_each_found(hub, opened):
    finder = PortFinder()
    hub.plug(A, "tty0")
    hub.plug(B, "tty1")
    a = hub.driver(A, first="tty0", finder=finder)
    b = hub.driver(B, first="tty1", finder=finder)
    hub.unplug("tty0")
    hub.unplug("tty1")
    hub.plug(B, "tty0")
    hub.plug(A, "tty1")

    assert opened(a).port == str(hub.folder / "tty1")
    assert opened(b).port == str(hub.folder / "tty0")


def test_another_modem_in_its_place_is_never_used(hub):
    hub.plug(A, "tty0")
    hub.unplug("tty0")
    other = hub.plug(B, "tty0")
    heard = []
    other.carry_out, carry_out = lambda c: heard.append(c.name) or carry_out(c), other.carry_out
    modem = hub.driver(A, first="tty0")

    with pytest.raises(WrongModem, match="Another modem"):
        modem.open()
    asked = len(heard)
    with pytest.raises(WrongModem):
        modem.open()

    assert set(heard) <= {"S", "+CGSN"}, "nothing was set, no PIN entered, no SMS read"
    assert len(heard) == asked, "and it is not asked again at once"
    assert not modem.is_open


def test_a_modem_that_is_nowhere_is_said_to_be_missing(hub):
    hub.plug(A, "tty0")
    hub.unplug("tty0")

    with pytest.raises(PortMissing):
        hub.driver(A).open()


def test_a_port_that_another_line_has_open_is_left_alone(hub, opened):
    finder = PortFinder()
    hub.plug(A, "tty0")
    hub.plug(B, "tty1")
    first = opened(hub.driver(A, finder=finder))
    opened_ports = []
    real_open = os.open

    def watch(path, *rest, **more):
        opened_ports.append(str(path))
        return real_open(path, *rest, **more)

    hub.unplug("tty1")
    searching = hub.driver(B, finder=finder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", watch)
        with pytest.raises(PortMissing):
            searching.open()

    assert first.port not in opened_ports
    assert first.signal().rssi is not None, "and it works on undisturbed"


def test_two_lines_on_one_port_are_refused(hub, opened):
    finder = PortFinder()
    hub.plug(A, "tty0")
    opened(hub.driver(A, first="tty0", finder=finder))
    other = Modem(ModemOptions(str(hub.folder / "tty0")), finder=finder)

    with pytest.raises(PortBusy, match="another line"):
        other.open()


def test_a_closed_port_is_free_for_others(hub, opened):
    finder = PortFinder()
    hub.plug(A, "tty0")
    opened(hub.driver(A, finder=finder)).close()

    assert opened(Modem(ModemOptions(str(hub.folder / "tty0")), finder=finder)).is_open


def test_a_device_that_is_no_modem_is_asked_ever_more_seldom(hub, opened):
    """Somebody's other device may restart each time that its port is opened."""
    clock = FakeClock()
    finder = PortFinder(clock=clock)
    master, slave = os.openpty()
    asked = []

    def ask(port):
        asked.append(clock.now_s)

    for clock.now_s in range(0, 7200, 5):
        finder.find("356938035643809", ask, places=(os.ttyname(slave),))

    assert asked == [0, 10, 70, 670, 4270]
    os.close(slave)
    os.close(master)


class FakeClock:
    now_s = 0

    def monotonic(self):
        return self.now_s


def test_a_modem_that_tells_no_imei_is_not_used(hub):
    hub.plug(A, "tty0")
    hub.modems[A].faults.set("cme_error", command="+CGSN", code=3, times=0)

    with pytest.raises(CommandError, match="CGSN"):
        hub.driver(A, first="tty0").open()
