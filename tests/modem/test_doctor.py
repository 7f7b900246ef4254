"""The doctor: for each trouble, seeded on the simulator, the one right thing to do next."""

from __future__ import annotations

import fcntl
import json
import re
import string
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from patients import BALANCE, NUMBER, WAITS, Patient, plug_in, stand_aside, write
from scripted_modem import ScriptedModem, ok

from hardware import diagnosis, diagnosis_words
from hardware.diagnosis import Expected, Finding, Level, choose_next
from hardware.probes import Doctor, Surroundings, look_at
from hardware.simulator import Network, PtyServer, SimulatedModem
from smsgate import cli


def run_modem_manager(patient: Patient) -> None:
    plug_in(patient, "null")
    write(patient.root / "proc/4711/comm", "ModemManager")


def hold(patient: Patient, name: str) -> None:
    """Have another program keep the port open, with a lock on it."""
    program = f"import time; time.sleep(60)  # {name}"
    with open(patient.path, "rb+", buffering=0) as port:
        fcntl.flock(port, fcntl.LOCK_EX)
        process = subprocess.Popen([sys.executable, "-c", program], pass_fds=(port.fileno(),))
    patient.stack.callback(process.wait)
    patient.stack.callback(process.kill)


def fault(name: str, **params: Any) -> Callable[[Patient], None]:
    return lambda patient: patient.modem.faults.set(name, **params)


def lock_sim(tries: int = 3, *, has_pin: bool = False) -> Callable[[Patient], None]:
    def lock(patient: Patient) -> None:
        patient.modem.faults.set("sim_state", text="SIM PIN", count=tries)
        patient.expect(has_pin=has_pin)

    return lock


def swap_sim(patient: Patient) -> None:
    patient.expect(iccid="8962100000000000001")


def let_clock_go(patient: Patient) -> None:
    patient.expect(is_host_clock_right=False)
    patient.clock_shift = timedelta(hours=3)


def unwatch_clock(patient: Patient) -> None:
    patient.expect(is_host_clock_right=False)


def lose_port(patient: Patient) -> None:
    patient.path += "-gone"


def deny(patient: Patient) -> None:
    patient.may_open = False


def name_a_file(patient: Patient) -> None:
    patient.path = str(patient.folder / "file")
    Path(patient.path).write_text("")


def expect_another(patient: Patient) -> None:
    patient.expect(imei="350000000000001")


def change_smsc(patient: Patient) -> None:
    patient.expect(smsc="+6281100009")


def loop_nowhere(patient: Patient) -> None:
    patient.expect(loop_number="+6281234567890")


def loop_refused(patient: Patient) -> None:
    patient.expect(loop_number=NUMBER)
    patient.modem.faults.set("submit_error", code=38)


TROUBLES: dict[str, tuple[Callable[[Patient], None], str]] = {
    "no such port": (lose_port, "port_missing|port_missing_built_in|port_none"),
    "a file instead of a port": (name_a_file, "port_no_device"),
    "no permission": (deny, "denied|denied_to_all"),
    "port held by another program": (lambda patient: hold(patient, "minicom"), "held"),
    "ModemManager about": (run_modem_manager, "modem_manager_near"),
    "wrong interface": (stand_aside, "wrong_interface"),
    "wrong speed": (fault("wrong_speed", code=9600), "wrong_speed"),
    "dead modem": (fault("mute"), "silent"),
    "restarts again and again": (fault("reboot_loop", delay_s=0.15), "restarts"),
    "falls silent in the middle": (fault("mute_at_command", command="+CGMM"), "fell_silent"),
    "restarts in the middle": (fault("reboot_at_command", command="+CGSN"), "restarts"),
    "port gone in the middle": (
        fault("port_gone_at_command", command="+CGSN", delay_s=60.0), "vanished",
    ),
    "echo that stays": (fault("echo_stays"), "echo_stays"),
    "no PDU mode": (fault("unknown_command", command="+CMGF", times=0), "text_mode_stays"),
    "another modem than configured": (expect_another, "another_modem"),
    "no SIM": (fault("sim_state", text="ABSENT"), "sim_missing"),
    "SIM that does not get ready": (fault("sim_state", text="NOT READY"), "sim_not_ready"),
    "PIN wanted": (lock_sim(), "pin_wanted"),
    "PIN wanted and configured": (lock_sim(has_pin=True), "pin_configured"),
    "last try of the PIN": (lock_sim(1, has_pin=True), "pin_last_try"),
    "PUK": (fault("sim_state", text="SIM PUK"), "puk"),
    "swapped SIM": (swap_sim, "sim_swapped"),
    "not registered": (fault("registration", code=2), "not_registered"),
    "not registered without a signal": (
        lambda patient: [patient.modem.faults.set("registration", code=2),
                         patient.modem.faults.set("signal", code=99)], "no_signal",
    ),
    "SIM denied": (fault("registration", code=3, count=2), "denied_sim"),
    "modem denied": (fault("registration", code=3, count=6), "denied_device"),
    "denied here": (fault("registration", code=3, count=11), "denied_place"),
    "denied for another cause": (fault("registration", code=3, count=22), "denied_network"),
    "weak signal": (fault("signal", code=2), "signal_weak"),
    "no SMSC": (fault("service_centre", text=""), "smsc_missing"),
    "SMSC of another country": (fault("service_centre", text="+4917100"), "smsc_wrong"),
    "SMSC changed": (change_smsc, "smsc_changed"),
    "SIM full": (fault("memory_full"), "full"),
    "SIM filling": (fault("undecodable_pdu", times=3), "filling"),
    "loop that does not come back": (loop_nowhere, "loop_lost"),
    "network takes no SMS": (loop_refused, "loop_rejected"),
    "low balance": (fault("balance", text="Sisa pulsa Rp1.500,00."), "balance_low"),
    "balance that cannot be read": (fault("balance", text="Pulsa habis"), "balance_unreadable"),
    "no answer to the balance": (fault("ussd_error", code=5), "balance_unanswered"),
    "clock off": (let_clock_go, "clock_off"),
    "clock that nobody keeps": (unwatch_clock, "clock_unwatched"),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_ends_in_its_one_next_action(patient: Patient, trouble: str) -> None:
    seed, verdict = TROUBLES[trouble]
    seed(patient)

    findings = patient.examine()

    found = choose_next(findings)
    assert found is not None, findings
    assert found.verdict in verdict.split("|"), findings
    for language in diagnosis_words.LANGUAGES:
        assert not re.search(r"\{[a-z]+\}", diagnosis_words.action(found, language))
        assert diagnosis_words.action(found, language)


HARMLESS: dict[str, Callable[[Patient], None]] = {
    "nothing": lambda _patient: None,
    "echo and text mode that it leaves when told": fault("settings_lost"),
    "roaming": fault("registration", code=5),
    "a modem's clock that was never set": fault("clock_off"),
    "a modem's clock that is off while the host's is kept": fault("clock_off", delay_s=7200.0),
    "no announcements": fault("unknown_command", command="+CNMI", times=0),
    "a loop that works": lambda patient: patient.expect(loop_number=NUMBER),
    "errors as text": fault("textual_errors"),
    "octet by octet": fault("drip"),
}


@pytest.mark.parametrize("state", HARMLESS)
def test_what_is_no_trouble_asks_for_nothing(patient: Patient, state: str) -> None:
    HARMLESS[state](patient)

    findings = patient.examine()

    assert choose_next(findings) is None, findings
    assert findings[-1].check == "steady"


def test_nothing_is_looked_at_behind_what_ends_it(patient: Patient) -> None:
    patient.modem.faults.set("sim_state", text="ABSENT")

    assert [finding.check for finding in patient.examine()][-1] == "sim"


def test_the_sms_of_the_loop_is_deleted_again(patient: Patient) -> None:
    patient.expect(loop_number=NUMBER)

    patient.examine()

    assert patient.modem.memories["SM"].used == 0


@pytest.mark.parametrize("in_use", ["SM", "ME"])
def test_the_sms_of_the_loop_is_found_in_whichever_memory_it_lands(
    tmp_path: Path, in_use: str
) -> None:
    """Where it lands is not where it is read: a modem may store what comes in its other memory."""
    modem = SimulatedModem(Network(seed=7), number=NUMBER, memories={"SM": 4, "ME": 4})
    modem.settings.memories = (in_use, in_use, "ME" if in_use == "SM" else "SM")
    with PtyServer(modem, tmp_path / "tty") as server:
        expected = Expected(loop_number=NUMBER)
        findings = list(
            Doctor(str(server.path), expected, around=Surroundings(waits=WAITS)).examine()
        )

    assert "loop_arrived" in [finding.verdict for finding in findings]
    assert [memory.used for memory in modem.memories.values()] == [0, 0]
    assert modem.settings.memories[0] == in_use


def test_the_sms_of_the_loop_may_be_handed_over_directly(patient: Patient) -> None:
    """A modem that knows no AT+CNMI stays as it is: here it shows what comes, and stores nothing."""
    patient.modem.faults.set("unknown_command", command="+CNMI", times=0)
    patient.modem.settings.notification = (2, 2, 0, 0, 0)
    patient.expect(loop_number=NUMBER)

    assert "loop_arrived" in [finding.verdict for finding in patient.examine()]


def test_no_sms_is_paid_for_where_something_failed_before(patient: Patient) -> None:
    patient.modem.faults.set("memory_full")
    patient.expect(loop_number=NUMBER)

    verdicts = [finding.verdict for finding in patient.examine()]

    assert "loop_left_out" in verdicts
    assert patient.modem.network.submitted_count == 0


@pytest.mark.parametrize(("said", "verdict", "is_final"), [
    pytest.param("+CPIN: SIM PIN2", "pin2_wanted", False, id="PIN2 stops no SMS"),
    pytest.param("+CPIN: SIM PUK2", "pin2_wanted", False, id="nor does PUK2"),
    pytest.param("+CPIN: PH-NET PIN", "operator_lock", True, id="locked to an operator"),
    pytest.param("+CPIN: PH-SP PUK", "operator_lock", True, id="locked to a service provider"),
    pytest.param("+CPIN: PH-SIM PIN", "card_lock", True, id="locked to a SIM"),
    pytest.param("+CPIN: BLOCKED", "other_lock", True, id="a lock that we do not know"),
])  # fmt: skip
def test_each_lock_that_is_not_the_sims_pin_is_called_by_its_name(said, verdict, is_final) -> None:
    with ScriptedModem() as script:
        script.on(r"AT\+CPIN\?", ok(said))
        expected = Expected(name="m1", has_pin=True)
        findings = list(Doctor(script.path, expected, around=Surroundings(waits=WAITS)).examine())

    assert (verdict, is_final) in [(finding.verdict, finding.is_final) for finding in findings]
    assert any(finding.check == "registration" for finding in findings) is not is_final
    assert not script.count(r"AT\+CPIN=.*")


def test_nobody_is_told_to_join_the_group_of_root() -> None:
    rooted = look_at("/dev/null", Surroundings(may_open=lambda _path: False))

    assert diagnosis.judge_permission(rooted).verdict == "denied_to_all"
    ordinary = diagnosis.PortSight("/dev/ttyUSB0", may_open=False, group="dialout", user="budi")
    assert diagnosis.judge_permission(ordinary).verdict == "denied"


def test_modem_manager_on_a_port_without_usb_has_no_rule_to_paste() -> None:
    seen = diagnosis.PortSight("/dev/ttyS0", holders=((7, "ModemManager"),))

    assert diagnosis.judge_holder(seen, is_daemon=False).verdict == "held"


# --- words ----------------------------------------------------------------------------------------


def test_every_verdict_is_said_in_both_languages_with_the_same_facts() -> None:
    for verdict, (english, indonesian) in diagnosis_words.WORDS.items():
        assert bool(english.action) == bool(indonesian.action), verdict
        assert _fields(english.evidence) == _fields(indonesian.evidence), verdict
        assert _fields(english.action) == _fields(indonesian.action), verdict


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_verdict_that_the_judges_know_has_words() -> None:
    source = (
        Path(diagnosis.__file__).read_text()
        + Path(diagnosis.__file__).with_name("probes.py").read_text()
    )
    for verdict in diagnosis_words.WORDS:
        stem = verdict if not verdict.startswith("loop_") else "loop_"
        assert stem in source, f"nobody gives the verdict {verdict}"


def test_the_first_failure_goes_before_an_earlier_warning() -> None:
    warning = Finding("modem_manager", Level.WARNING, "modem_manager_near")
    failure = Finding("sim", Level.FAILURE, "sim_missing")

    assert choose_next([warning, failure]) is failure
    assert choose_next([warning]) is warning


@pytest.mark.parametrize(
    ("said", "amount"),
    [("Sisa pulsa Rp25.000 aktif s.d. 31/12/2030", 25_000), ("Rp 1.250.000,00", 1_250_000),
     ("Rp. 5.000.", 5_000), ("Rp0", 0), ("pulsa habis", None)],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(said: str, amount: int | None) -> None:
    assert diagnosis.read_amount(said, BALANCE.pattern) == amount


# --- the command ----------------------------------------------------------------------------------


def test_the_command_ends_in_one_next_action_in_the_language_asked_for(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.modem.faults.set("sim_state", text="ABSENT")

    assert cli.invoke(["modem", "doctor", "--port", patient.path, "--lang", "id"]) == 1
    assert "Selanjutnya: Pasang SIM" in capsys.readouterr().out.splitlines()[-1]
    assert cli.invoke(["modem", "doctor", "--port", patient.path, "--lang", "en"]) == 1
    assert "Next: Put the SIM in" in capsys.readouterr().out.splitlines()[-1]


def test_the_command_gives_the_same_as_json(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.modem.faults.set("sim_state", text="SIM PUK")

    assert cli.invoke(["modem", "doctor", "--port", patient.path, "--json", "--lang", "en"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert told["next"]["verdict"] == "puk"
    assert [each["check"] for each in told["findings"]][-1] == "pin"


def test_a_command_to_copy_says_which_modem() -> None:
    weak = Finding("signal", Level.WARNING, "signal_weak", {"dbm": -111})
    off = Finding("registration", Level.FAILURE, "deregistered", {"state": "idle", "cause": "?"})

    for language in diagnosis_words.LANGUAGES:
        said = [
            diagnosis_words.action(each, language, port="/dev/p", name="m2") for each in (weak, off)
        ]
        assert "`smsgate modem watch m2`" in said[0]
        assert "`smsgate modem at --modem m2 AT+COPS=0`" in said[1]
        said = [diagnosis_words.action(each, language, port="/dev/p") for each in (weak, off)]
        assert "`smsgate modem watch --port /dev/p`" in said[0]
        assert "`smsgate modem at --port /dev/p AT+COPS=0`" in said[1]


def test_a_loop_to_what_is_no_number_is_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["modem", "doctor", "--port", "/dev/null", "--loop", "Budi"]) == 2

    assert "--loop" in capsys.readouterr().err


def test_a_bundle_that_cannot_be_written_leaves_the_next_action_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "missing/bundle.json"

    assert (
        cli.invoke(
            ["modem", "doctor", "--port", "/dev/ttyNONE", "--bundle", str(bundle), "--lang", "en"]
        )
        == 74
    )

    assert "Next: Plug the modem in" in capsys.readouterr().out


def modem_numbers(patient: Patient) -> set[str]:
    card = patient.modem.card
    return {patient.modem.imei, card.imsi, card.iccid}


def test_the_bundle_names_no_device_and_no_sim(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = patient.folder / "bundle.json"

    cli.invoke(["modem", "doctor", "--port", patient.path, "--bundle", str(bundle)])

    text = bundle.read_text()
    assert json.loads(text)["findings"]
    assert {">": "AT+CGSN\r"} in json.loads(text)["dialogue"]
    assert modem_numbers(patient) & set(re.findall(r"\d{6,}", text)) == set()
    assert not re.search(r"\d{7,}", text)
    assert (
        patient.modem.imei in capsys.readouterr().out
    )  # on the screen it helps, beside the device
