"""The driver on every class of simulated device: who it is, bring-up, an arrival, a restart that loses the settings."""

from __future__ import annotations

import pytest
from simulated_line import CITIZEN, NUMBER, ask, make_modem, wait_until

from hardware.errors import ModemError
from hardware.inspection import read_tries_left
from hardware.modem import EventKind, Modem, ModemOptions
from hardware.pdu import SmsDeliver, decode, encode_submit
from hardware.profiles import profile_for
from hardware.simulator import Network, PtyServer, SimulatedModem
from hardware.simulator.profiles import PROFILES

# which of the driver's profiles a class falls under
_DRIVEN_AS = {
    "generic": "generic",
    "sim800": "sim800",
    "sim900": "sim900",
    "ec25": "quectel",
    "m95": "quectel",
    "huawei": "huawei",
    "huawei-e3": "huawei",
    "zte": "zte",
    "u-blox": "u-blox",
    "wavecom": "wavecom",
}


@pytest.fixture(params=PROFILES)
def simulated(request):
    memories = {"SM": 5, "ME": 5}
    return SimulatedModem(Network(seed=1), number=NUMBER, profile=request.param, memories=memories)


@pytest.fixture
def driver(simulated, tmp_path):
    with PtyServer(simulated, tmp_path / "tty") as port:
        driver = Modem(ModemOptions(str(port.path), memories=("SM", "ME")))
        driver.open()
        yield driver
        driver.close()


def test_every_class_is_known_to_the_driver(simulated, driver):
    identity = driver.identity

    assert (
        profile_for(identity.manufacturer, identity.model).name
        == _DRIVEN_AS[simulated.profile.name]
    )
    assert (identity.imei, identity.iccid) == (simulated.imei, simulated.card.iccid)


def test_an_arrival_is_announced_brought_in_and_deleted_and_a_reply_submitted(simulated, driver):
    simulated.network.send(CITIZEN, NUMBER, "BTM jalan rusak")

    wait_until(lambda: EventKind.ARRIVED in [event.kind for event in driver.take_events()])
    (slot,) = driver.list_held().slots
    message = decode(slot.pdu, slot.length)
    driver.delete([slot])
    (reply,) = encode_submit(CITIZEN, "Terima kasih", reference=1)
    driver.submit(reply)

    assert isinstance(message, SmsDeliver)
    assert message.text == "BTM jalan rusak"
    assert driver.list_held().slots == ()
    assert [sms.text for sms in simulated.network.subscriber(CITIZEN).inbox] == ["Terima kasih"]


class _Direct:
    """A channel to a simulated modem without a line."""

    def __init__(self, modem: SimulatedModem) -> None:
        self._modem = modem

    def ask(self, command: str, *, timeout_s: float | None = None) -> list[str]:
        """Return the lines said to a command."""
        return [line for line in ask(self._modem, command).decode().split("\r\n") if line]


@pytest.mark.parametrize("profile", [name for name, known in PROFILES.items() if known.pin_counter])
def test_a_technician_reads_the_tries_left_wherever_a_class_tells_them(profile):
    modem = make_modem(profile=profile)
    modem.faults.set("sim_state", text="SIM PIN", count=2)

    assert read_tries_left(_Direct(modem)) == 2


def test_a_restart_is_noticed_by_its_lines_or_by_the_settings_that_are_gone(simulated, driver):
    simulated.reboot(0.0)
    wait_until(lambda: not simulated.is_off)

    def is_noticed() -> bool:
        if EventKind.RESTARTED in [event.kind for event in driver.take_events()]:
            return True
        try:
            driver.check_settings()
        except ModemError:
            return True
        return False

    wait_until(is_noticed)
