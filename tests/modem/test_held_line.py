"""The technician's commands on a line that the daemon holds: over the real control socket, to the real driver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from config_files import write_config

from hardware.modem import Modem, ModemOptions
from hardware.simulator import Network, PtyServer, SimulatedModem
from smsgate import cli
from smsgate.clock import SystemClock
from smsgate.control import ControlServer
from smsgate.line_commands import line_operations
from smsgate.line_requests import LineRequests
from smsgate.records import LineRecord

NUMBER = "+6281170001708"
CITIZEN = "+6281234567890"


@dataclass
class HeldLine:
    """What a line is to these commands: an open modem, and a thread that answers between its passes."""

    modem: Modem | None
    record: LineRecord = field(
        default_factory=lambda: LineRecord(
            gateway="batam-1", name="m1", service="btm", state="ready"
        )
    )

    def __post_init__(self) -> None:
        self.rung = threading.Event()
        self.is_over = False
        self.requests = LineRequests(self.rung.set, SystemClock())
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.is_over:
            self.rung.wait(10)
            self.rung.clear()
            if self.modem is not None:
                self.requests.answer_one(self.modem)

    def stop(self) -> None:
        self.is_over = True
        self.rung.set()
        self.thread.join(10)


@pytest.fixture
def simulated() -> SimulatedModem:
    return SimulatedModem(Network(seed=7), number=NUMBER, memories={"SM": 5})


@pytest.fixture
def line(simulated: SimulatedModem, tmp_path: Path, monkeypatch) -> Iterator[HeldLine]:
    with PtyServer(simulated, tmp_path / "tty") as server:
        config = write_config(tmp_path, modem='balance_ussd = "*888#"', port=str(server.path))
        monkeypatch.setenv("SMSGATE_CONFIG", str(config))
        modem = Modem(ModemOptions(str(server.path), memories=("SM",)))
        modem.open()
        line = HeldLine(modem)
        with ControlServer(tmp_path / "control.sock", line_operations({"m1": line})):
            yield line
        line.stop()
        modem.close()


def test_info_asks_the_daemon_and_says_so(line, simulated, capsys) -> None:
    assert cli.invoke(["modem", "info", "m1"]) == 0

    said = capsys.readouterr()
    assert "The daemon holds" in said.err
    assert simulated.imei in said.out


def test_a_port_leads_to_the_daemon_too(line, simulated, capsys) -> None:
    """The lock would refuse it anyway; but whoever names the port wants an answer, not a reason."""
    port = Path(line.modem._options.port).resolve()

    assert cli.invoke(["modem", "info", "--port", str(port)]) == 0

    assert "The daemon holds" in capsys.readouterr().err


def test_what_could_cost_messages_is_refused(line, simulated, capsys) -> None:
    simulated.network.send(CITIZEN, NUMBER, "BTM jalan rusak")

    assert cli.invoke(["modem", "at", "--modem", "m1", "AT+CMGD=1"]) == 1

    assert "could cost messages" in capsys.readouterr().err
    assert simulated.memories["SM"].used == 1


def test_send_goes_through_the_daemon(line, simulated, capsys) -> None:
    assert cli.invoke(["modem", "send", "--modem", "m1", "--yes", CITIZEN, "halo"]) == 0

    assert capsys.readouterr().out.endswith("the network took it: TP-MR 0\n")
    assert [sms.text for sms in simulated.network.subscriber(CITIZEN).inbox] == ["halo"]


def test_ussd_waits_for_the_network_and_not_in_the_line_s_thread(line, simulated, capsys) -> None:
    assert cli.invoke(["modem", "ussd", "--modem", "m1", "*888#"]) == 0

    assert "Rp25.000" in capsys.readouterr().out


def test_the_doctor_examines_through_the_daemon(line, simulated, capsys, monkeypatch) -> None:
    monkeypatch.setattr("smsgate.clock.SystemClock.is_synchronised", lambda _clock: True)

    assert cli.invoke(["modem", "doctor", "m1", "--lang", "en"]) == 0, capsys.readouterr()

    said = capsys.readouterr().out
    assert "the daemon is asked" in said
    assert "Rp25.000" in said
    assert said.splitlines()[-1] == "Next: Nothing: the line is in order."


def test_the_doctor_finds_trouble_through_the_daemon(line, simulated, capsys) -> None:
    simulated.faults.set("registration", code=3, count=2)

    assert cli.invoke(["modem", "doctor", "m1", "--lang", "en"]) == 1

    assert "Next: Call the operator" in capsys.readouterr().out


def test_a_line_that_is_closed_leaves_its_port(line, simulated, capsys) -> None:
    """While the daemon waits to try again, the technician has the port."""
    line.modem.close()
    line.modem = None

    assert cli.invoke(["modem", "at", "--modem", "m1", "AT+CSQ"]) == 0

    assert "+CSQ: 21,99" in capsys.readouterr().out


def test_forgetting_a_pin_lets_it_be_tried_again(line, tmp_path, capsys) -> None:
    from hardware.pin import PinLedger

    ledger = PinLedger(tmp_path / "pin-attempts.json")
    ledger.note_refused("sim", "1234")
    assert not ledger.may_try("sim", "1234")

    assert cli.invoke(["modem", "forget-pin", "m1"]) == 0

    assert ledger.may_try("sim", "1234")


@pytest.mark.usefixtures("line")
def test_accepting_a_sim_takes_the_one_that_is_there(tmp_path, capsys) -> None:
    from hardware.sim_pins import SimIdentity, SimPins

    pins = SimPins(tmp_path / "sims.json")
    pins.check("m1", SimIdentity(iccid="8962100000000000001"))
    assert pins.check("m1", SimIdentity(iccid="8962100000000000002")) == "SIM"

    assert cli.invoke(["modem", "accept-sim", "m1"]) == 0

    assert "Accepted" in capsys.readouterr().out
    assert pins.check("m1", SimIdentity(iccid="8962100000000000002")) is None


@pytest.mark.usefixtures("line")
def test_the_doctor_knows_which_sim_belongs_into_the_line(tmp_path, capsys) -> None:
    from hardware.sim_pins import SimIdentity, SimPins

    SimPins(tmp_path / "sims.json").check("m1", SimIdentity(iccid="8962100000000000001"))

    assert cli.invoke(["modem", "doctor", "m1", "--lang", "en"]) == 1

    assert "run `smsgate modem accept-sim m1`" in capsys.readouterr().out.splitlines()[-1]


def test_a_modem_known_by_its_imei_is_found(line, simulated, tmp_path, capsys) -> None:
    config = tmp_path / "smsgate.toml"
    text = config.read_text()
    port = f'port = "{tmp_path}/tty"'
    assert port in text
    config.write_text(text.replace(port, f'imei = "{simulated.imei}"\nports = ["{tmp_path}/tt*"]'))
    line.modem.close()
    line.modem = None

    assert cli.invoke(["modem", "info", "m1"]) == 0

    assert simulated.imei in capsys.readouterr().out
