"""The traps of the link (the table is in test_traps): noise, lateness, silence, restarts, and what others left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from scripted_modem import (
    CMTI,
    PDU,
    PDU_LENGTH,
    ScriptedModem,
    driven,
    eventually,
    hurry,
    kinds,
    ok,
    pdu_of,
    places,
    silent,
)

from hardware.errors import (
    CommandError,
    CommandTimeout,
    LinkDown,
    ModemError,
    ModemRebooted,
    NotAModem,
    SettingsLost,
)
from hardware.modem import EventKind, Modem, ModemOptions


def test_line_noise_does_not_end_the_reader(script, modem):
    script.say(bytes(range(256)) + b"\xff\xfe\r\n")
    script.once(r"AT\+CSQ", "\xff\x80\r\n\xfe+CSQ: 12,99\xff\r\n\xffOK\xfe\r\n")

    assert modem.signal().rssi == 12


def test_a_late_answer_is_never_believed(script, modem):
    """The answer to AT+CSQ comes after its timeout; the next question must not get it."""
    release = threading.Event()

    def late(said: ScriptedModem, _line: str) -> None:
        threading.Thread(target=lambda: (release.wait(60), said.say(ok("+CSQ: 3,99")))).start()

    script.once(r"AT\+CSQ", late)
    hurry(modem)
    with pytest.raises(CommandTimeout):
        modem.signal()
    hurry(modem, command_s=10.0)
    release.set()

    assert modem.signal().rssi == 17
    assert modem.registration().stat == 1


def test_a_late_answer_amid_the_proof_does_not_pass_for_it(script, modem):
    """A CMGR that was given up is answered just when the link is being proven; index 2 is not read as index 1."""
    script.put("SM", 1, pdu_of(1))
    script.put("SM", 2, pdu_of(2))
    stale = script._healthy("AT+CMGR=1")
    script.once(r"AT\+CSQ", silent)
    script.once(r"ATS7=\d+", lambda said, line: stale + said._healthy(line))
    hurry(modem)
    with pytest.raises(CommandTimeout):
        modem.signal()

    hurry(modem, command_s=10.0)
    engine = modem._engine
    assert engine is not None
    assert engine.read(2).pdu.hex().upper() == pdu_of(2)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(script, modem):
    script.say("\r\nOK\r\n")
    assert eventually(lambda: modem._engine._dialogue.is_dirty)

    assert modem.signal().rssi == 17
    assert modem.registration().stat == 1


def lag_by_one(script: ScriptedModem) -> Callable[[object, str], None]:
    """From now on give each command the answer of the one before."""
    answer, held = script._answer, [ok()]

    def answer_the_one_before(said: object, line: str) -> None:
        said = said(script, line) if callable(said) else said
        held.append(str(said or ""))
        answer(held.pop(0), line)

    return answer_the_one_before


@pytest.mark.parametrize("has_registers", [True, False])
def test_a_modem_that_is_always_one_answer_behind_is_not_believed(script, has_registers):
    """With S-registers and without."""
    script._answer = lag_by_one(script)  # type: ignore[method-assign, assignment]
    if not has_registers:
        script.on(r"ATS\d+.*", "\r\nERROR\r\n")

    modem = Modem(ModemOptions(script.path, command_timeout_s=0.3, silence_limit_s=1.5))
    with pytest.raises(ModemError):
        modem.open()

    assert not script.count("ATZ")


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(r"ATS7.*", id="no S7"),
        pytest.param(r"ATS\d+.*", id="no S-registers"),
        pytest.param(r"ATS.*\?", id="S-registers that cannot be read"),
    ],
)
def test_a_modem_without_the_first_means_of_proof_opens_as_quickly(script, unknown):
    script.on(unknown, "\r\nERROR\r\n")
    modem = Modem(ModemOptions(script.path))

    modem.open()
    modem.close()

    assert bytes(script.octets_heard).count(b"\x1b") == 1, "one try to make sure of the line"


def test_a_modem_that_remembers_nothing_still_opens(script):
    script.on(r"ATS\d+.*", "\r\nERROR\r\n")
    script.on(r"AT\+CMEE.*", "\r\nERROR\r\n")
    modem = Modem(ModemOptions(script.path))

    modem.open()

    assert modem.list_held().slots == ()
    modem.close()


def test_a_device_that_vanishes_amid_a_command_is_noticed_at_once(script):
    with driven(script, command_timeout_s=20) as modem:
        script.on(r"AT\+CSQ", lambda said, _line: said.hang_up())
        started_at = time.monotonic()

        with pytest.raises(LinkDown):
            modem.signal()

        assert time.monotonic() - started_at < 10


def test_a_device_that_vanishes_idle_rings_and_can_be_closed(script, modem):
    script.hang_up()

    assert modem.wait(5)
    assert kinds(modem) == [EventKind.LINK_DOWN]
    with pytest.raises(LinkDown):
        modem.signal()
    modem.close()
    assert not modem.is_open


class FastClock:
    """A monotonic clock on which half a minute passes in a third of a second."""

    def monotonic(self) -> float:
        return time.monotonic() * 100


@pytest.mark.parametrize(
    "busy", ["+CME ERROR: 14", "+CME ERROR: 515", "+CME ERROR: SIM busy", "+CMS ERROR: 314"]
)
def test_busy_is_waited_for_and_leaves_no_trace(script, modem, busy):
    for _ in range(2):
        script.once(r"AT\+CSQ", f"\r\n{busy}\r\n")

    assert modem.signal().rssi == 17
    assert script.count(r"AT\+CSQ") == 3
    started_at = time.monotonic()
    for _ in range(20):
        modem.signal()
    assert time.monotonic() - started_at < 3, "the package would wait before each command"


def test_busy_for_ever_ends(script):
    script.on(r"AT\+CSQ", "\r\n+CME ERROR: 515\r\n")
    modem = Modem(ModemOptions(script.path), clock=FastClock())
    modem.open()

    with pytest.raises(CommandError) as caught:
        modem.signal()
    modem.close()

    assert caught.value.code == 515
    assert script.count(r"AT\+CSQ") < 20


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("+CME ERROR: SIM failure", 13),
        ("+CMS ERROR: memory failure", 320),
        ("+CME ERROR: odd", None),
        ("COMMAND NOT SUPPORT", None),
    ],
)
def test_errors_in_words_end_an_answer(script, modem, said, code):
    script.on(r"AT\+CSQ", f"\r\n{said}\r\n")
    started_at = time.monotonic()

    with pytest.raises(CommandError) as caught:
        modem.signal()

    assert caught.value.code == code
    assert time.monotonic() - started_at < 5


def test_echo_harms_nothing_and_is_noticed(script, modem):
    script.put("SM", 1)
    script.is_echo_on = True

    assert places(modem.list_held().slots) == [("SM", 1, PDU)]
    with pytest.raises(SettingsLost):
        modem.check_settings()


@pytest.mark.parametrize("sign", ["RDY", "^SYSSTART", "NORMAL POWER DOWN"])
def test_a_restart_is_noticed_at_the_next_use(script, modem, sign):
    script.say(f"\r\n{sign}\r\n")
    assert modem.wait(5)

    with pytest.raises(ModemRebooted):
        modem.list_held()
    assert EventKind.RESTARTED in kinds(modem)


def test_a_restart_amid_a_listing_is_noticed_at_once(script, modem):
    script.on(r"AT\+CMGL=4", f"\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU[:20]}\r\nRDY\r\n")
    started_at = time.monotonic()

    with pytest.raises(ModemRebooted):
        modem.list_held()

    assert time.monotonic() - started_at < 5


@pytest.mark.parametrize(
    "sign", ["+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready", "^SIMST:1"]
)
def test_signs_that_may_be_a_restart_are_looked_into(script, modem, sign):
    script.settings.update(CMGF="1", CNMI="0,0,0,0,0")
    script.say(f"\r\n{sign}\r\n")
    assert eventually(lambda: modem._is_unsettled)

    with pytest.raises(ModemRebooted):
        modem.list_held()


def test_signs_that_may_be_a_restart_and_are_none_are_passed_over(script, modem):
    for _ in range(5):
        script.say("\r\n^BOOT:20952548,0,0,0,75\r\n")
        assert modem.list_held().slots == ()

    assert script.count(r"AT\+CMGF\?") <= 1


@pytest.mark.parametrize("setting", [{"CMGF": "1"}, {"CNMI": "0,0,0,0,0"}, {"CNMI": "2,2,0,0,0"}])
def test_lost_settings_are_found_when_looked_for(script, modem, setting):
    modem.check_settings()
    script.settings.update(setting)

    with pytest.raises(SettingsLost):
        modem.check_settings()


def test_another_place_for_new_messages_is_found_when_looked_for(script, modem):
    script.memories[2] = "ME"

    with pytest.raises(SettingsLost):
        modem.check_settings()


def test_what_never_ends_is_cut_off(script, modem):
    for _ in range(20):
        script.say(b"x" * 50_000)
    script.say("\r\n")

    assert modem.signal().rssi == 17
    assert len(modem._engine._dialogue._rest) < 20_000


def test_an_answer_without_end_is_given_up(script, modem):
    script.once(r"AT\+CMGL=4", "\r\nnoise\r\n" * 20_100)

    with pytest.raises(CommandTimeout):
        modem.list_held()
    assert modem.list_held().slots == ()


def test_no_announcement_starts_a_thread(script, modem):
    threads = threading.active_count()
    script.say(CMTI * 500 + "\r\nRING\r\n" * 500 + '\r\n+CUSD: 0,"hello",15\r\n' * 500)
    assert modem.signal().rssi == 17

    assert threading.active_count() == threads


def test_calls_are_swallowed(script, modem):
    for _ in range(5):
        script.say('\r\n+CRING: VOICE\r\n\r\n+CLIP: "+62811",145\r\n')
    script.say("\r\nNO CARRIER\r\n")

    assert modem.signal().rssi == 17
    assert set(kinds(modem)) == {EventKind.CALL}
    assert modem._engine.activeCalls == {}


def test_a_mute_thing_is_given_up_soon(script):
    script.is_mute = True
    started_at = time.monotonic()

    with pytest.raises(NotAModem, match="speed"):
        Modem(ModemOptions(script.path, silence_limit_s=0.6)).open()

    assert time.monotonic() - started_at < 10


def test_something_that_chatters_is_no_modem(script):
    """A GPS receiver, say."""
    script.is_mute = True
    stop = threading.Event()

    def chatter() -> None:
        while not stop.wait(0.01):
            script.say("$GPGGA,092750.000,5321.6802,N\r\n")

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        with pytest.raises(NotAModem):
            Modem(ModemOptions(script.path, silence_limit_s=0.6)).open()
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param(r"AT\+CFUN\?", ok(), id="CFUN? says only OK"),
        pytest.param(
            r"AT\+CPMS=\?", ok('+CPMS:("SM","ME"),("SM"),("SM")'), id="no space behind +CPMS:"
        ),
        pytest.param(r"AT\+CPMS=\?", ok('+CPMS: ("MT"),("MT"),("MT")'), id="only MT offered"),
        pytest.param(r"AT\+CPMS=\?", "\r\nERROR\r\n", id="no test form"),
        pytest.param(r"AT\+CLAC", silent, id="CLAC goes unanswered"),
        pytest.param(r"AT\+CLAC", ok("+CLAC: +CMGF,+WIND,+CSCS"), id="WIND listed but unknown"),
        pytest.param(r"AT\+WIND.*", ok("+WIND:"), id="WIND without a number"),
        pytest.param(r"AT\+CSCA\?", "\r\n+CMS ERROR: 330\r\n", id="no SMSC"),
        pytest.param(r"AT\+CSMS=1", "\r\nERROR\r\n", id="no phase 2+"),
        pytest.param(r"AT\+CNMI\?", "\r\nERROR\r\n", id="CNMI cannot be read"),
        pytest.param(r"AT\+CNMI=2,1,0,0,0", "\r\nERROR\r\n", id="CNMI mode 2 refused"),
        pytest.param(r"AT\+CNMI=.*", "\r\nERROR\r\n", id="no CNMI: the poll finds them"),
        pytest.param(
            r'AT\+CPMS="ME".*', "\r\n+CMS ERROR: 302\r\n", id="one of the memories is not there"
        ),
        pytest.param(
            r"AT\+CGM[IMR]|AT\+CCID|AT\+CIMI", "\r\nERROR\r\n", id="says nothing about itself"
        ),
        pytest.param(r"ATZ", "\r\nOK\r\n\r\nOK\r\n", id="says OK twice"),
    ],
)
def test_odd_answers_do_not_keep_a_modem_out(script, command, answer):
    script.put("SM", 1)
    script.on(command, answer)
    started_at = time.monotonic()

    with driven(script) as modem:
        slots = modem.list_held().slots

    assert places(slots) == [("SM", 1, PDU)]
    assert time.monotonic() - started_at < 9, "no command ran into its limit"


def test_a_modem_that_insists_on_direct_delivery_is_refused(script):
    script.on(r"AT\+CNMI\?", ok("+CNMI: 2,2,0,0,0"))

    with pytest.raises(SettingsLost), driven(script):
        pass


def test_a_modem_with_none_of_the_memories_is_refused(script):
    with pytest.raises(SettingsLost, match="memories"), driven(script, memories=("BM",)):
        pass


def test_a_modem_that_sleeps_is_woken(script):
    script.settings["CFUN"] = "4"

    with driven(script):
        assert script.settings["CFUN"] == "1"


def test_another_device_behind_the_port_is_noticed(script, modem):
    script.once(r"AT\+CSQ", silent)
    script.on(r"AT\+CGSN", ok("111111111111111"))
    hurry(modem)
    with pytest.raises(CommandTimeout):
        modem.signal()

    hurry(modem, command_s=10.0)
    with pytest.raises(LinkDown, match="Another modem"):
        modem.signal()


def test_a_modem_that_falls_silent_is_given_up_after_its_limit(script, modem):
    hurry(modem, silence_s=0.5)
    script.is_mute = True
    with pytest.raises(CommandTimeout):
        modem.signal()
    with pytest.raises(LinkDown):
        modem.signal()


def test_a_modem_that_was_mute_for_a_moment_comes_back(script, modem):
    script.is_mute = True
    hurry(modem)
    with pytest.raises(CommandTimeout):
        modem.signal()
    hurry(modem, command_s=10.0)
    threading.Timer(0.3, lambda: setattr(script, "is_mute", False)).start()

    assert modem.signal().rssi == 17


def test_answers_for_an_earlier_process_are_not_believed(script):
    """The rest of a listing, and its OK, come while the new process makes its first steps."""
    script.put("SM", 1)
    rest = f"{PDU}\r\n+CMGL: 9,0,,{PDU_LENGTH}\r\n{PDU}\r\n\r\nOK\r\n"
    script.once(r"ATS7=\d+", lambda said, line: rest + said._healthy(line))

    with driven(script) as modem:
        assert places(modem.list_held().slots) == [("SM", 1, PDU)]
        assert modem.signal().rssi == 17


def test_a_modem_left_at_the_prompt_sends_nothing(script):
    script.in_body = True

    with driven(script) as modem:
        assert modem.signal().rssi == 17

    assert script.bodies == []


def test_half_a_command_left_behind_is_not_completed(script):
    """A delete of slot 12, cut behind the 1, must not become a delete of slot 1."""
    script.put("SM", 1)
    with driven(script) as modem:
        modem.close()
        script.half_line("AT+CMGD=1")
        modem.open()

        assert places(modem.list_held().slots) == [("SM", 1, PDU)]


def test_a_number_from_before_does_not_pass_for_the_proof(script):
    """An earlier process asked for S7 too: its answer comes first, ours behind it."""
    stale = ok("001")
    script.once(r"ATS7\?", lambda said, line: stale + said._healthy(line))

    with driven(script) as modem:
        assert modem.signal().rssi == 17
        assert modem.registration().stat == 1

    assert script.registers.keys() - {"7"}  # it was proven in another way
