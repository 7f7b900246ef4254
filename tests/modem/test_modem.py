"""The driver's work over a good line, an octet at a time, a slow and a lossy one: open, list, delete, submit, ask."""

from __future__ import annotations

import random
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_modem import IMEI, SUBMIT, ScriptedModem, driven, eventually, hurry, ok, pdu_of

from hardware.errors import (
    CommandError,
    LinkDown,
    ModemError,
    NotAModem,
    PortBusy,
    PortDenied,
    PortMissing,
    SubmitRejected,
)
from hardware.modem import EventKind, Modem, ModemOptions

LINES = {"good": None, "octet by octet": 0.0, "slow": 0.0003}


@pytest.fixture(params=LINES)
def script(request: pytest.FixtureRequest) -> Iterator[ScriptedModem]:
    with ScriptedModem(octet_pause_s=LINES[request.param]) as script:
        yield script


def test_opening_tells_who_the_modem_is(script):
    with driven(script) as modem:
        identity = modem.identity

    assert (identity.manufacturer, identity.model, identity.imei) == ("Scripted", "S1", IMEI)
    assert identity.iccid == "8962101234567890123"
    assert identity.smsc == "+62811000000"


def test_opening_leaves_the_modem_with_our_settings(script):
    with driven(script):
        assert script.settings["CMGF"] == "0"
        assert script.settings["CNMI"] == "2,1,0,0,0"
        assert script.memories == ["SM", "SM", "SM"]
        assert not script.is_echo_on


def test_an_identity_does_not_show_who_it_is(script):
    with driven(script) as modem:
        shown = repr(modem.identity)

    assert IMEI not in shown
    assert "510100123456789" not in shown


def test_every_memory_is_listed_and_messages_keep_memory_and_index(script):
    script.put("SM", 3, pdu_of(1))
    script.put("SM", 12, pdu_of(2), stat=1)
    script.put("ME", 3, pdu_of(3))

    with driven(script) as modem:
        listing = modem.list_held()

    assert [
        (slot.memory, slot.index, slot.stat, slot.pdu.hex().upper()) for slot in listing.slots
    ] == [
        ("SM", 3, 0, pdu_of(1)),
        ("SM", 12, 1, pdu_of(2)),
        ("ME", 3, 0, pdu_of(3)),
    ]
    assert [(usage.memory, usage.used, usage.total) for usage in listing.usage] == [
        ("SM", 2, 20),
        ("ME", 1, 20),
    ]


def test_deleting_frees_exactly_what_was_named(script):
    for index in range(1, 6):
        script.put("SM", index, pdu_of(index))
        script.put("ME", index, pdu_of(10 + index))

    with driven(script) as modem:
        chosen = [slot for slot in modem.list_held().slots if slot.index in (2, 4)]
        deleted = modem.delete(chosen)

    assert sorted((slot.memory, slot.index) for slot in deleted) == [
        ("ME", 2),
        ("ME", 4),
        ("SM", 2),
        ("SM", 4),
    ]
    assert sorted(script.stores["SM"].slots) == [1, 3, 5]
    assert sorted(script.stores["ME"].slots) == [1, 3, 5]


def test_a_submitted_sms_gets_its_reference(script):
    script.submit_answer = ok("+CMGS: 217")

    with driven(script) as modem:
        reference = modem.submit(SUBMIT)

    assert reference == 217
    assert script.bodies == [SUBMIT.octets.hex().upper()]


def test_signal_registration_and_usage_are_told(script):
    with driven(script) as modem:
        signal, registration, usage = modem.signal(), modem.registration(), modem.usage()

    assert (signal.rssi, signal.dbm) == (17, -79)
    assert (registration.word, registration.is_registered, registration.operator) == (
        "home",
        True,
        "Telkomsel",
    )
    assert {each.memory: each.total for each in usage} == {"SM": 20, "ME": 20}


def test_an_announcement_rings(script):
    with driven(script) as modem:
        assert not modem.wait(0)

        script.say('\r\n+CMTI: "SM",3\r\n')

        assert modem.wait(5)
        assert [event.kind for event in modem.take_events()] == [EventKind.ARRIVED]


@pytest.mark.parametrize("seed", range(6))
def test_a_lossy_line_never_gives_a_message_another_place(seed):
    """Octets are lost and changed; what is listed all the same is where it says, and in the end all is read."""
    chance = random.Random(seed)
    held = {index: pdu_of(index) for index in range(1, 13)}
    found: dict[int, str] = {}
    with ScriptedModem() as script, driven(script) as modem:
        script.stores["SM"].slots = {index: (0, pdu) for index, pdu in held.items()}
        hurry(modem)
        spoil_writes(script, chance)

        for _ in range(60):
            try:
                slots = modem.list_held().slots
            except ModemError:
                if script.master < 0 or not modem.is_open:
                    break
                continue
            for slot in slots:
                if not slot.is_damaged:
                    assert held[slot.index] == slot.pdu.hex().upper() or differs_in_content(
                        slot.pdu, held
                    ), seed
                    found[slot.index] = slot.pdu.hex().upper()
            if len(found) == len(held):
                break

    assert sorted(found) == sorted(held), f"seed {seed}"


def spoil_writes(script: ScriptedModem, chance: random.Random) -> None:
    """Lose about one octet in 400 of what the modem writes from now on."""
    write = script._write
    script._write = lambda octets: write(
        bytes(octet for octet in octets if chance.random() > 1 / 400)
    )


def differs_in_content(pdu: bytes, held: dict[int, str]) -> bool:
    """A changed octet inside a PDU of the right length cannot be seen by anyone."""
    return pdu.hex().upper() not in held.values()


# -- opening and closing -----------------------------------------------------------------------------------------------


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_opening_a_healthy_modem_takes_well_under_four_tenths_of_a_second():
    with ScriptedModem() as script:
        script.put("SM", 1)
        modem = Modem(ModemOptions(script.path))
        quickest_s = 9.0
        for _ in range(3):  # the machine may be busy with something else
            started_at = time.monotonic()
            modem.open()
            assert modem.list_held().slots
            quickest_s = min(quickest_s, time.monotonic() - started_at)
            modem.close()

    assert quickest_s < 0.3


def test_a_port_that_is_not_there_is_named_so(tmp_path):
    with pytest.raises(PortMissing, match="no port"):
        Modem(ModemOptions(str(tmp_path / "ttyUSB9"))).open()


def test_a_port_we_may_not_open_is_named_so(tmp_path, monkeypatch):
    """As root nothing is forbidden, so the refusal is made."""

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(PortDenied, match="dialout"):
        Modem(ModemOptions("/dev/null")).open()


def test_a_file_is_no_modem(tmp_path):
    path = tmp_path / "file"
    path.write_text("")

    with pytest.raises(NotAModem):
        Modem(ModemOptions(str(path))).open()


def test_a_port_that_another_program_holds_is_named_with_its_holder():
    with ScriptedModem() as script:
        code = (
            "import fcntl,os,sys; d=os.open(sys.argv[1],os.O_RDWR|os.O_NOCTTY); fcntl.flock(d,fcntl.LOCK_EX);"
            "print('held',flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, script.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()

            with pytest.raises(PortBusy) as caught:
                Modem(ModemOptions(script.path)).open()
            holder.communicate(b"")

    assert caught.value.holders[0][0] == holder.pid
    assert str(holder.pid) in str(caught.value)


def test_two_of_ours_cannot_hold_one_port(script):
    with driven(script), pytest.raises(PortBusy):
        Modem(ModemOptions(script.path)).open()


@pytest.mark.parametrize(
    "stage", ["ATS7=.*", "ATZ", r"AT\+CPIN\?", r"AT\+CPMS=.*", r"AT\+CNMI=.*", r"AT\+CGMI"]
)
def test_a_failed_opening_leaves_nothing_open(stage):
    """Whatever the stage: no descriptor, no thread, and the next try works."""
    with ScriptedModem() as script:
        threads, descriptors = threading.active_count(), open_descriptors()
        script.on(stage, lambda modem, _line: None)
        modem = Modem(ModemOptions(script.path, command_timeout_s=0.1, silence_limit_s=0.3))

        with pytest.raises(ModemError):
            modem.open()

        assert not modem.is_open
        assert threading.active_count() == threads
        assert open_descriptors() == descriptors
        script.table.clear()
        modem = Modem(ModemOptions(script.path))
        modem.open()
        modem.close()


def test_closing_is_quick_and_may_be_repeated(script):
    with driven(script) as modem:
        started_at = time.monotonic()
        modem.close()
        modem.close()

        assert time.monotonic() - started_at < 5
        assert not modem.is_open


def fill_up(modem: Modem) -> None:
    engine = modem._engine
    assert engine is not None
    engine._send(bytes(1_000_000))


def test_closing_does_not_wait_for_octets_that_the_device_never_takes():
    with ScriptedModem() as script, driven(script, write_timeout_s=0.2) as modem:
        script.stop_reading()
        with pytest.raises(LinkDown):
            fill_up(modem)
        started_at = time.monotonic()

        modem.close()

        assert time.monotonic() - started_at < 5


def test_nothing_works_on_a_closed_modem(script):
    with driven(script) as modem:
        modem.close()

        with pytest.raises(LinkDown):
            modem.list_held()


def test_each_connection_has_its_own_generation_and_deletes_only_its_own_slots(script):
    script.put("SM", 1)
    with driven(script) as modem:
        old = modem.list_held().slots
        modem.close()
        modem.open()

        assert modem.delete(old) == []
        assert script.stores["SM"].slots
        assert modem.delete(modem.list_held().slots)
        assert not script.stores["SM"].slots


def test_flow_control_is_off_unless_asked_for():
    for flow_control, expected in (("none", 0), ("rtscts", termios.CRTSCTS)):
        with ScriptedModem() as script, driven(script, flow_control=flow_control):
            assert termios.tcgetattr(script._slave)[2] & termios.CRTSCTS == expected


def test_memory_mt_is_refused():
    with pytest.raises(ValueError, match="MT"):
        ModemOptions("/dev/null", memories=("MT",))


def test_waking_ends_a_wait_from_another_thread(script):
    with driven(script) as modem:
        timer = threading.Timer(0.05, modem.wake)
        timer.start()

        assert modem.wait(10)
        timer.join()


def test_an_idle_link_uses_no_processor_time():
    with ScriptedModem() as script, driven(script) as modem:
        before = time.process_time()
        modem.wait(1.0)

        assert time.process_time() - before < 0.02


def test_one_memory_is_listed_with_one_command(script):
    script.stores["ME"].total = 0
    with driven(script) as modem:
        modem.list_held()
        modem.list_held()

        assert script.heard == ["AT+CMGL=4", "AT+CMGL=4"]


def test_a_model_that_can_is_asked_to_list_without_marking_and_deletes_many_at_once(script):
    script.on(r"AT\+CGMI", ok("SIMCOM_Ltd"))
    script.on(r"AT\+CGMM", ok("SIMCOM_SIM800C"))
    script.on(r"AT\+CMGL=4,1", lambda modem, _line: modem._healthy("AT+CMGL=4"))
    for index in range(1, 15):
        script.put("SM", index, pdu_of(index))
    with driven(script, memories=("SM",)) as modem:
        deleted = modem.delete(modem.list_held().slots)

        assert len(deleted) == 14
        assert not script.stores["SM"].slots
        deletes = [line.count("CMGD") for line in script.heard if "CMGD" in line]
        assert deletes == [1, 10, 3], "the first shows how long one takes"
        assert script.heard[0] == "AT+CMGL=4,1"


def test_a_model_that_cannot_after_all_is_served_the_plain_way(script):
    script.on(r"AT\+CGMI", ok("SIMCOM_Ltd"))
    script.on(r"AT\+CGMM", ok("SIMCOM_SIM800C"))
    script.on(r"AT\+CMGD=.*;.*", "\r\nERROR\r\n")
    script.on(r"AT\+CMGL=4,1", "\r\nERROR\r\n")
    for index in range(1, 4):
        script.put("SM", index, pdu_of(index))
    with driven(script, memories=("SM",)) as modem:
        deleted = modem.delete(modem.list_held().slots)

        assert len(deleted) == 3
        assert not script.stores["SM"].slots


def test_a_slot_whose_message_was_replaced_in_place_is_not_deleted(script):
    """TP-PID 41h to 47h: the network may put a newer SMS into the same slot between our listing and our deleting."""
    script.put("SM", 1, pdu_of(1, pid=0x41))
    script.put("SM", 2, pdu_of(2, pid=0x41))
    with driven(script) as modem:
        listed = modem.list_held().slots
        script.put("SM", 1, pdu_of(7, pid=0x41))

        deleted = modem.delete(listed)

    assert [slot.index for slot in deleted] == [2]
    assert script.stores["SM"].slots == {1: (0, pdu_of(7, pid=0x41))}


def test_an_error_names_the_command_its_code_and_its_sense_and_never_its_parameters(script):
    script.on(r"AT\+CSQ", "\r\n+CME ERROR: 30\r\n")
    with driven(script) as modem, pytest.raises(CommandError) as caught:
        modem.signal()

    assert (caught.value.command, caught.value.code, caught.value.sense) == (
        "+CSQ",
        30,
        "no network service",
    )


def test_a_refused_sms_says_why(script):
    script.submit_answer = "\r\n+CMS ERROR: 38\r\n"
    with driven(script) as modem, pytest.raises(SubmitRejected) as caught:
        modem.submit(SUBMIT)

    assert (caught.value.code, caught.value.sense) == (38, "network out of order")


@pytest.mark.parametrize(
    ("answer", "stat", "is_registered", "is_roaming"),
    [
        pytest.param("+CREG: 0,0", 0, False, False, id="normal just after start, no error"),
        pytest.param("+CREG: 0,3", 3, False, False, id="denied, no error"),
        pytest.param(
            '+CREG: 2,1,"00C3","0000A1B2",7', 1, True, False, id="extended, with access technology"
        ),
        pytest.param("+CREG: 0,5", 5, True, True, id="roaming"),
        pytest.param("+CREG: 2\r\n+CREG: 0,1", 1, True, False, id="a URC before the answer"),
    ],
)
def test_registration_is_read_in_all_its_forms(answer, stat, is_registered, is_roaming):
    with ScriptedModem() as script, driven(script) as modem:
        script.on(r"AT\+CREG\?", ok(answer))
        registration = modem.registration()

    assert (registration.stat, registration.is_registered, registration.is_roaming) == (
        stat,
        is_registered,
        is_roaming,
    )


def test_restarting_closes_and_asks_for_it(script):
    script.on(r"AT\+CFUN=1,1", ok())
    with driven(script) as modem:
        modem.restart()

        assert script.heard[-1] == "AT+CFUN=1,1"
        assert not modem.is_open


def test_a_modem_that_cannot_be_brought_up_is_restarted_all_the_same(script):
    script.on(r"AT\+CMGF=0", "\r\nERROR\r\n")
    script.on(r"AT\+CFUN=1,1", ok())
    with script:
        modem = Modem(ModemOptions(script.path))
        with pytest.raises(ModemError):
            modem.open()

        modem.restart()

        assert script.heard[-1] == "AT+CFUN=1,1"
        assert not modem.is_open


def test_what_is_logged_holds_no_content():
    logged = []
    with ScriptedModem() as script:
        modem = Modem(
            ModemOptions(script.path),
            log=lambda event, fields: logged.append((event, dict(fields))),
        )
        modem.open()
        script.put("SM", 1)
        script.once(r"AT\+CMGD=1", lambda modem, _line: None)
        script.say("\r\n+CMT: ,24\r\n" + pdu_of(1) + "\r\n")
        assert eventually(lambda: bool(modem.list_held().slots))
        script.hang_up()
        assert eventually(lambda: any(event == "modem_link_down" for event, _ in logged))
        modem.close()

    assert {event for event, _ in logged} <= {
        "modem_opened",
        "modem_link_down",
        "modem_command_timed_out",
        "modem_resync",
    }
    assert "0791" not in repr(logged)
    assert IMEI not in repr(logged)
