"""The technician's commands on a simulated modem, with the port to themselves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from config_files import write_config

from hardware.errors import CommandError
from hardware.facts import Registration, Signal, Usage
from hardware.inspection import Network
from hardware.simulator import Network as SimulatedNetwork
from hardware.simulator import PtyServer, SimulatedModem
from hardware.terminal import PROMPT, Terminal
from hardware.ussd import ask_ussd, read_text
from smsgate import cli
from smsgate.cli.modem_show import show_look, sparkline
from smsgate.cli.modem_talk import _print_while
from smsgate.control import DaemonNotRunning

NUMBER = "+6281170001708"
CITIZEN = "+6281234567890"


@pytest.fixture
def modem() -> SimulatedModem:
    return SimulatedModem(SimulatedNetwork(seed=7), number=NUMBER, memories={"SM": 5})


@pytest.fixture
def port(modem: SimulatedModem) -> Iterator[str]:
    with PtyServer(modem) as server:
        yield str(server.path)


# --- the terminal -------------------------------------------------------------------------------


def test_opening_changes_no_setting(modem: SimulatedModem, port: str) -> None:
    before = (modem.settings.is_text_mode, modem.settings.echo, modem.settings.notification)

    with Terminal(port) as terminal:
        assert terminal.ask("AT+CSQ") == ["+CSQ: 21,99", "OK"]

    assert (modem.settings.is_text_mode, modem.settings.echo, modem.settings.notification) == before


def test_what_comes_unasked_is_kept(modem: SimulatedModem, port: str) -> None:
    with Terminal(port) as terminal:
        terminal.ask("AT+CNMI=2,1,0,0,0")
        number, _ = terminal.heard(0)
        modem.network.send(CITIZEN, NUMBER, "BTM halo")

        _, lines = terminal.heard(number, wait_s=10)

    assert lines == ['+CMTI: "SM",1']


def test_a_prompt_is_shown_and_a_body_sent(modem: SimulatedModem, port: str) -> None:
    with Terminal(port) as terminal:
        terminal.ask("AT+CMGF=1")
        assert terminal.begin(f'AT+CMGS="{CITIZEN}"') == [PROMPT]

        assert terminal.finish("satu\rdua")[-1] == "OK"

    assert [sms.text for sms in modem.network.subscriber(CITIZEN).inbox] == ["satu\ndua"]


def test_a_prompt_that_is_left_sends_nothing(modem: SimulatedModem, port: str) -> None:
    with Terminal(port) as terminal:
        terminal.ask("AT+CMGF=1")
        terminal.begin(f'AT+CMGS="{CITIZEN}"')
        terminal.finish(None)

        assert terminal.ask("AT+CSQ")[-1] == "OK"

    assert modem.network.submitted_count == 0


def test_a_modem_that_will_not_be_quiet_is_found_out(modem: SimulatedModem, port: str) -> None:
    with Terminal(port) as terminal:
        assert terminal.silence_echo()

    modem.settings.echo = True
    modem.faults.set("delete_lies", command="E", times=0)
    with Terminal(port) as terminal:
        assert not terminal.silence_echo()


# --- USSD ---------------------------------------------------------------------------------------


def test_a_ussd_code_is_answered(port: str) -> None:
    with Terminal(port) as terminal:
        assert ask_ussd(terminal, "*888#").startswith("Sisa pulsa Rp25.000")


def test_a_network_that_refuses_ussd_says_so(modem: SimulatedModem, port: str) -> None:
    modem.faults.set("cme_error", command="+CUSD", code=30)

    modem.settings.error_detail = 1
    with Terminal(port) as terminal, pytest.raises(CommandError, match="no network service"):
        ask_ussd(terminal, "*888#")


@pytest.mark.parametrize(
    ("said", "coding", "text"),
    [
        pytest.param("Sisa pulsa Rp5.000", 15, "Sisa pulsa Rp5.000", id="as it is"),
        pytest.param("00530069007300610020", 72, "Sisa ", id="UCS2"),
        pytest.param("00530069007300610020", None, "Sisa ", id="UCS2 that is not said to be"),
        pytest.param("D3F43C0C82D7D9F330", 15, "Sisa pulsa", id="packed septets"),
        pytest.param("81170001708", 15, "81170001708", id="a number"),
    ],
)
def test_a_ussd_answer_is_read_in_each_way_of_writing_it(said, coding, text) -> None:
    assert read_text(said, coding).startswith(text[:8])


# --- commands -----------------------------------------------------------------------------------


def test_info_shows_who_it_is_and_hides_whose_sim_it_is(modem, port, capsys) -> None:
    assert cli.invoke(["modem", "info", "--port", port]) == 0

    shown = capsys.readouterr().out
    assert modem.imei in shown
    assert "TELKOMSEL" in shown
    assert "-71 dBm" in shown
    assert "SM 0/5" in shown
    assert modem.card.iccid not in shown
    assert modem.card.imsi not in shown


def test_info_of_a_locked_sim_tells_what_it_wants(modem, port, capsys) -> None:
    modem.faults.set("sim_state", text="SIM PUK")

    assert cli.invoke(["modem", "info", "--port", port, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["sim"] == "SIM PUK"


def test_watch_ends_after_so_many_looks(port, capsys) -> None:
    words = ["modem", "watch", "--port", port, "--count", "2", "--every", "0.2"]

    assert cli.invoke(words) == 0

    assert len(capsys.readouterr().out.splitlines()) == 2


def test_send_prints_the_reference_of_the_network(modem, port, capsys) -> None:
    assert cli.invoke(["modem", "send", "--port", port, "--yes", CITIZEN, "halo"]) == 0

    assert capsys.readouterr().out == "the network took it: TP-MR 0\n"
    assert [sms.text for sms in modem.network.subscriber(CITIZEN).inbox] == ["halo"]


def test_send_asks_first(modem, port, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    assert cli.invoke(["modem", "send", "--port", port, CITIZEN, "halo"]) == 1

    assert modem.network.submitted_count == 0


def test_at_prints_answers_and_fails_where_the_modem_refuses(port, capsys) -> None:
    assert cli.invoke(["modem", "at", "--port", port, "AT+CSQ"]) == 0
    assert capsys.readouterr().out.splitlines() == ["+CSQ: 21,99", "OK"]

    assert cli.invoke(["modem", "at", "--port", port, "AT+NIX"]) == 1


def test_the_console_knows_the_prompt(modem, port, capsys, monkeypatch) -> None:
    typed = f'AT+CMGF=1\nAT+CMGS="{CITIZEN}"\nhalo^Z\nAT+CMGS="{CITIZEN}"\n^[\nAT+CSQ\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    assert cli.invoke(["modem", "at", "--port", port]) == 0

    assert "+CMGS: 0" in capsys.readouterr().out
    assert [sms.text for sms in modem.network.subscriber(CITIZEN).inbox] == ["halo"]


def test_a_port_that_is_not_there_is_said_in_a_sentence(capsys) -> None:
    assert cli.invoke(["modem", "info", "--port", "/dev/ttyNONE"]) == 74

    assert "There is no port /dev/ttyNONE" in capsys.readouterr().err


def test_scan_asks_a_port_that_is_named(modem, port, tmp_path, capsys) -> None:
    assert cli.invoke(["modem", "scan", "--port", port, "--root", str(tmp_path), "--json"]) == 0

    (found,) = json.loads(capsys.readouterr().out)
    assert (found["port"], found["answers"], found["imei"]) == (port, True, modem.imei)


def test_scan_asks_a_port_that_the_configuration_names(modem, port, tmp_path, capsys) -> None:
    config = write_config(tmp_path, port=port)
    words = ["modem", "scan", "--config", str(config), "--root", str(tmp_path), "--json"]

    assert cli.invoke(words) == 0, capsys.readouterr()

    (found,) = json.loads(capsys.readouterr().out)
    assert (found["port"], found["imei"]) == (port, modem.imei)


def test_a_daemon_that_ends_under_the_console_is_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Gone:
        def heard(self, _since: int, **_wait: float) -> tuple[int, list[str]]:
            raise DaemonNotRunning("the daemon does not run")

    _print_while(Gone(), threading.Event())

    assert capsys.readouterr() == ("", "")


def test_a_terminal_without_unicode_gets_help_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "smsgate", "modem", "watch", "--help"],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "/dev/\\u2026" in done.stdout


COMMANDS = (
    "scan --no-ask --port {port}", "info --port {port}", "watch --count 1 --port {port}", "at --port {port} AT",
    "send --yes --port {port} +6281234567890 halo", "ussd --port {port} *888#",
)  # fmt: skip


def test_no_command_imports_the_database_nor_with_a_port_the_configuration(port: str) -> None:
    lines = [command.format(port=port).split() for command in COMMANDS]
    program = (
        "import sys\nfrom smsgate.cli import invoke\n"
        f"for words in {lines!r}:\n"
        "    code = invoke(['modem', *words])\n"
        "    found = [m for m in ('sqlalchemy', 'sqlmodel', 'smsgate.config', 'httpx2') if m in sys.modules]\n"
        "    print('imported', words[0], code, found)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    said = [line for line in done.stdout.splitlines() if line.startswith("imported")]
    assert said == [f"imported {words[0]} 0 []" for words in lines], done.stdout + done.stderr


# --- what is shown ------------------------------------------------------------------------------


def test_a_look_is_one_line() -> None:
    network = Network(Registration(1, "home", True, False, "X\x1b[2J"), Signal(21, -71))

    shown = show_look("12:00:00", network, [Usage("SM", 1, 5)], [0, None, 31])

    assert shown == "12:00:00  ▁·█  -71 dBm  home  X\\x1b[2J  SM 1/5"


def test_a_sparkline_spans_the_whole_scale() -> None:
    assert sparkline(range(0, 32, 4)) == "▁▂▃▄▅▆▇█"
