"""Healing a line: how soon it looks again, which remedy comes when, and what is left alone for ever."""

import itertools
import os

import pytest
from line_bench import Bench, a_slot

from hardware.errors import (
    CommandTimeout,
    LinkDown,
    NotAModem,
    PinRejected,
    PinRequired,
    PortBusy,
    PortDenied,
    PortMissing,
    PukRequired,
    SettingsLost,
    SimMissing,
    WrongModem,
)
from hardware.modem import Event, EventKind
from smsgate.errors import StoreUnavailable
from smsgate.healing import (
    Healing,
    PowerCycling,
    Remedy,
    Trouble,
    alarm_of,
    look_again_in,
    trouble_of,
)
from smsgate.power import KILLED, cycle_power

DAY_S = 24 * 3600.0


def remedies(trouble, *, for_s, has_power=True, every_s=10.0, healing=None):
    """Let an outage last; return (second, remedy) of all that was done to the modem."""
    healing = healing or Healing(PowerCycling(has_power))
    done = []
    now = 0.0
    while now < for_s:
        healing.note_fault(now)
        remedy = healing.choose(trouble, now)
        if remedy is not Remedy.REOPEN:
            done.append((now, remedy))
        now += every_s
    return done


@pytest.mark.parametrize(
    ("error", "trouble", "alarm"),
    [
        pytest.param(PortMissing("."), Trouble.PERSON, "link", id="unplugged"),
        pytest.param(PortDenied("."), Trouble.PERSON, "link", id="not permitted"),
        pytest.param(PortBusy("."), Trouble.PERSON, "link", id="held by another program"),
        pytest.param(WrongModem("."), Trouble.PERSON, "imei", id="another modem"),
        pytest.param(PinRequired("."), Trouble.PERSON, "pin", id="PIN not configured"),
        pytest.param(PinRejected("."), Trouble.PERSON, "pin", id="PIN refused"),
        pytest.param(PukRequired("."), Trouble.PERSON, "puk", id="PUK"),
        pytest.param(SimMissing("."), Trouble.UNREACHED, "sim", id="no SIM"),
        pytest.param(SettingsLost("."), Trouble.SICK, "settings", id="settings lost"),
        pytest.param(NotAModem("."), Trouble.SICK, "link", id="silent"),
        pytest.param(CommandTimeout("AT", 1), Trouble.SICK, "link", id="no answer"),
    ],
)
def test_error_says_whose_turn_it_is(error, trouble, alarm):
    assert (trouble_of(error), alarm_of(error)) == (trouble, alarm)


def test_what_a_person_must_mend_is_never_restarted():
    assert remedies(Trouble.PERSON, for_s=30 * DAY_S, every_s=600) == []


def test_a_sick_modem_is_restarted_first_and_then_its_power_is_cut():
    done = remedies(Trouble.SICK, for_s=600)

    assert done == [(20.0, Remedy.RESTART), (140.0, Remedy.POWER_CYCLE)]


def test_without_a_command_for_its_power_it_is_restarted_again():
    done = remedies(Trouble.SICK, for_s=600, has_power=False)

    assert [remedy for _, remedy in done] == [Remedy.RESTART, Remedy.RESTART]


def test_remedies_of_a_sick_modem_come_ever_more_seldom_and_never_end():
    done = remedies(Trouble.SICK, for_s=7 * DAY_S, every_s=60)

    pauses = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(done)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == DAY_S


@pytest.mark.parametrize("trouble", [Trouble.UNREACHED, Trouble.DEAF])
def test_a_modem_that_answers_is_not_restarted_for_ever(trouble):
    assert len(remedies(trouble, for_s=30 * DAY_S, every_s=600)) == 4


def test_a_missing_network_has_a_quarter_of_an_hour():
    assert remedies(Trouble.UNREACHED, for_s=1000)[0] == (900.0, Remedy.RESTART)


def test_power_is_cut_no_oftener_than_configured():
    done = remedies(Trouble.SICK, for_s=3 * DAY_S, every_s=60)
    healing = Healing(PowerCycling(is_configured=True, pause_s=DAY_S))
    seldom = remedies(Trouble.SICK, for_s=3 * DAY_S, every_s=60, healing=healing)

    cut = [at for at, remedy in seldom if remedy is Remedy.POWER_CYCLE]
    assert all(later - earlier >= DAY_S for earlier, later in itertools.pairwise(cut))
    assert len(cut) < len([at for at, remedy in done if remedy is Remedy.POWER_CYCLE])


def test_a_modem_that_fails_again_soon_after_its_restart_gets_no_fresh_start():
    healing = Healing(PowerCycling())
    assert len(remedies(Trouble.SICK, for_s=60, healing=healing)) == 1
    healing.note_well(60.0)
    healing.note_well(130.0)  # it was well for a minute

    for now in (131.0, 141.0, 151.0):
        healing.note_fault(now)
        last = healing.choose(Trouble.SICK, now)

    assert last is Remedy.RESTART, "two minutes after the first"
    assert healing._remedies == 2


def test_ten_good_minutes_end_an_outage():
    healing = Healing(PowerCycling())
    remedies(Trouble.SICK, for_s=60, healing=healing)
    healing.note_well(60.0)
    healing.note_well(661.0)

    assert healing.faults == 0
    assert healing._remedies == 0


@pytest.mark.parametrize(
    ("error", "faults", "outage_s", "wait_s"),
    [
        pytest.param(LinkDown("."), 1, 0.0, 0.2, id="mostly it is back at once"),
        pytest.param(NotAModem("."), 3, 20.0, 1.0, id="in the first minute"),
        pytest.param(NotAModem("."), 30, 500.0, 2.0, id="in the first hours"),
        pytest.param(NotAModem("."), 99, 86400.0, 10.0, id="dead for a day"),
        pytest.param(PortMissing("."), 999, 86400.0, 1.0, id="looking for a port costs nothing"),
        pytest.param(PukRequired("."), 9, 86400.0, 60.0, id="a person's turn"),
    ],
)
def test_how_soon_it_looks_again(error, faults, outage_s, wait_s):
    assert look_again_in(error, faults=faults, outage_s=outage_s) == wait_s


def test_a_line_restarts_a_modem_that_does_not_come_up_and_then_cuts_its_power():
    bench = Bench(power=PowerCycling(is_configured=True))
    bench.modem.fail_always["open"] = NotAModem("Nothing answers.")

    bench.pass_time(400)

    assert bench.modem.names().count("restart") == 1
    assert len(bench.power_cycles) == 1
    assert bench.alarms == {"line.m1.link": "Nothing answers."}
    assert bench.line.record.state == "closed"


def test_a_line_that_is_healed_goes_on_receiving_and_says_so():
    bench = Bench()
    bench.modem.fail_always["open"] = SettingsLost("It keeps nothing.")
    bench.pass_time(60)
    assert "line.m1.settings" in bench.alarms

    bench.modem.fail_always.clear()
    bench.pass_time(5)

    assert bench.line.record.state == "ready"
    assert not bench.alarms


@pytest.mark.parametrize("error", [PortBusy("Held."), PukRequired("Locked."), PortMissing("Gone.")])
def test_a_line_leaves_alone_what_a_person_must_mend(error):
    bench = Bench(power=PowerCycling(is_configured=True))
    bench.modem.fail_always["open"] = error

    bench.pass_time(7200)

    assert "restart" not in bench.modem.names()
    assert not bench.power_cycles


def test_a_line_without_a_network_is_restarted_late_and_seldom():
    bench = Bench(poll_s=3600.0, poll_unproven_s=3600.0, health_degraded_s=60.0)
    bench.modem.is_registered = False

    bench.pass_time(850)
    assert "restart" not in bench.modem.names()
    bench.pass_time(DAY_S)

    assert 2 <= bench.modem.names().count("restart") <= 4
    assert "line.m1.network" in bench.alarms


def test_a_restart_that_fails_keeps_the_line_trying():
    bench = Bench()
    bench.modem.fail_always |= {"open": NotAModem("."), "restart": NotAModem(".")}
    bench.pass_time(60)

    bench.modem.fail_always.clear()
    bench.pass_time(5)

    assert bench.line.record.state == "ready"


def test_trouble_with_the_store_is_no_reason_to_restart_a_modem():
    bench = Bench()
    bench.modem.slots = {1: a_slot(1)}
    for _ in range(100):
        bench.store.fail_next["receive"] = StoreUnavailable("The disk is full.")
        bench.modem.events = [Event(EventKind.ARRIVED)]
        bench.pass_time(20)

    assert "restart" not in bench.modem.names()


def test_power_cycle_command_gets_its_arguments_as_they_are(tmp_path):
    mark = tmp_path / "mark; touch other"

    assert cycle_power(["/usr/bin/touch", str(mark)], line="m1") == 0

    assert os.listdir(tmp_path) == [mark.name]


def test_power_cycle_command_that_hangs_is_ended_with_all_it_started():
    command = ["/bin/sh", "-c", "sleep 60 & sleep 60"]

    assert cycle_power(command, line="m1", limit_s=0.3) == KILLED


def test_power_cycle_command_that_is_not_there_is_said_and_survived():
    assert cycle_power(["/nowhere/at/all"], line="m1") is None


def test_only_the_present_trouble_is_alarmed():
    bench = Bench()
    bench.modem.fail_always["open"] = NotAModem("Nothing answers.")
    bench.pass_time(60)

    bench.modem.fail_always["open"] = PinRequired("It asks for its PIN.")
    bench.pass_time(5)

    assert bench.alarms == {"line.m1.pin": "It asks for its PIN."}


def test_the_command_is_not_told_how_our_own_interpreter_runs(tmp_path, monkeypatch):
    """The unit leaves out our assertions; a script in Python that cuts the power keeps its own."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    seen = tmp_path / "seen"

    assert (
        cycle_power(["/bin/sh", "-c", f'echo "${{PYTHONOPTIMIZE-none}} $PATH" > {seen}'], line="m1")
        == 0
    )

    said = seen.read_text().split(maxsplit=1)
    assert said[0] == "none"
    assert said[1].strip() == os.environ["PATH"]
