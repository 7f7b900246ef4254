"""The traps of submitting (the table is in test_traps): prompts, bodies, and answers that stay out."""

from __future__ import annotations

import threading

import pytest
from scripted_modem import (
    CMTI,
    SUBMIT,
    ScriptedModem,
    driven,
    eventually,
    ok,
    silent,
)

from hardware import engine
from hardware.errors import (
    CommandTimeout,
    LinkDown,
    SettingsLost,
    SubmitRejected,
    SubmitUnknown,
)
from hardware.modem import EventKind


@pytest.mark.parametrize(
    "prompt",
    [
        ">",
        "> ",
        "\r\n> ",
        "\r\n>",
        "> \r\n",
        f"\r\n> {CMTI}",
        f"{CMTI}\r\n> ",
        "AT+CMGS=12\r\r\n> ",
    ],
)
def test_nothing_comes_between_prompt_and_body(script, modem, prompt):
    script.prompt = prompt

    assert modem.submit(SUBMIT) == 1
    assert script.bodies == [SUBMIT.octets.hex().upper()]
    assert bytes(script.octets_heard) == b"AT+CMGS=12\r" + script.bodies[0].encode() + b"\x1a"


def test_an_announcement_inside_the_answer_to_a_body_disturbs_nothing(script, modem):
    script.submit_answer = f"{CMTI}\r\n+CMGS: 9\r\n{CMTI}\r\nOK\r\n"

    assert modem.submit(SUBMIT) == 9
    assert modem.wait(0)


def test_a_late_prompt_swallows_no_command(script):
    def late(said: ScriptedModem, _line: str) -> None:
        def ask() -> None:
            threading.Event().wait(0.5)
            said.in_body = True
            said.say("\r\n> ")

        threading.Thread(target=ask).start()

    with driven(script, prompt_timeout_s=0.2) as modem:
        script.on(r"AT\+CMGS=.*", late)
        with pytest.raises(SubmitRejected) as caught:
            modem.submit(SUBMIT)
        assert caught.value.code is None
        assert eventually(lambda: script.in_body)

        assert modem.signal().rssi == 17
        assert script.bodies == []


def test_a_prompt_that_never_shows_leaves_no_body_open(script):
    """The modem awaits a body without saying so; until it is let out it could not announce anything."""
    with driven(script, prompt_timeout_s=0.1) as modem:
        script.prompt = ""
        with pytest.raises(SubmitRejected):
            modem.submit(SUBMIT)

        assert eventually(lambda: not script.in_body)


def test_a_refused_prompt_was_not_sent(script, modem):
    script.on(r"AT\+CMGS=.*", "\r\n+CMS ERROR: 304\r\n")

    with pytest.raises(SubmitRejected) as caught:
        modem.submit(SUBMIT)
    assert caught.value.code == 304


def test_submitting_leaves_the_character_set_alone(script, modem):
    modem.submit(SUBMIT)

    assert script.heard == ["AT+CMGS=12"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(silent, id="silence"),
        pytest.param("\r\nOK\r\n", id="OK without a reference"),
        pytest.param("\r\n+CMS ERROR: 332\r\n", id="the network did not answer the modem"),
        pytest.param(
            "\r\n+CMS ERROR: 500\r\n", id="unknown error, says a modem that lost the answer"
        ),
        pytest.param("\r\nERROR\r\n", id="an error without a reason"),
        pytest.param("\r\n+CME ERROR: 100\r\n", id="unknown, in the other family"),
        pytest.param(
            lambda said, _body: said.hang_up(),
            id="the device vanishes",
        ),
        pytest.param("\r\nRDY\r\n", id="the modem restarts"),
    ],
)
def test_no_answer_to_a_body_is_unknown_and_never_a_refusal(script, answer):
    with driven(script, submit_timeout_s=0.3) as modem:
        script.submit_answer = answer

        with pytest.raises(SubmitUnknown):
            modem.submit(SUBMIT)
        assert len(script.bodies) == 1


@pytest.mark.parametrize("code", [38, 21, 304, 322, 331])
def test_a_refusal_that_proves_it_unsent_is_one(script, modem, code):
    script.submit_answer = f"\r\n+CMS ERROR: {code}\r\n"

    with pytest.raises(SubmitRejected) as caught:
        modem.submit(SUBMIT)
    assert caught.value.code == code


def test_a_late_answer_amid_another_command_is_told_too(script):
    with driven(script, submit_timeout_s=0.1) as modem:
        script.submit_answer = silent
        with pytest.raises(SubmitUnknown):
            modem.submit(SUBMIT)
        script.once(r"AT\+CSQ", ok("+CMGS: 77", "+CSQ: 17,99"))

        assert modem.signal().rssi == 17
        assert (EventKind.LATE_SUBMIT, 77) in [(e.kind, e.number) for e in modem.take_events()]


def test_a_late_answer_to_a_body_is_told(script):
    with driven(script, submit_timeout_s=0.1) as modem:
        script.submit_answer = silent
        with pytest.raises(SubmitUnknown):
            modem.submit(SUBMIT)
        script.say(ok("+CMGS: 77"))

        assert eventually(
            lambda: (EventKind.LATE_SUBMIT, 77) in [(e.kind, e.number) for e in modem.take_events()]
        )
        assert modem.signal().rssi == 17


def test_a_late_answer_says_which_sms_it_is_about(script):
    """It may come while the next one is prepared, which is no answer to that."""
    with driven(script, submit_timeout_s=0.1) as modem:
        script.submit_answer = silent
        with pytest.raises(SubmitUnknown):
            modem.submit(SUBMIT)
        script.once(r"ATS\d+=\d+", ok("+CMGS: 77"))
        with pytest.raises(SubmitUnknown):
            modem.submit(SUBMIT)

        late = [e for e in modem.take_events() if e.kind is EventKind.LATE_SUBMIT]
        assert [(e.number, e.submission) for e in late] == [(77, 1)]
        assert modem.submissions == 2


def test_a_link_that_fails_before_the_body_is_no_doubt(script, modem):
    script.on(r"AT\+CMGS=.*", lambda said, _line: said.hang_up())

    with pytest.raises(LinkDown):
        modem.submit(SUBMIT)


@pytest.mark.parametrize("said", ["\r\n+CMGS: ", "\r\n+CMGS: 1", "\r\n+CMS ERROR: 3", "+CMGS:\r\n"])
def test_an_answer_that_ends_in_its_middle_is_not_waited_for(script, modem, said, monkeypatch):
    """The network may take two minutes to answer; the modem takes none to say what the answer was."""
    monkeypatch.setattr(engine, "ANSWER_REST_S", 0.2)
    script.submit_answer = said

    with pytest.raises(SubmitUnknown):  # the limit is two minutes, as long as a test may take
        modem.submit(SUBMIT)


def test_a_reference_without_its_ok_is_an_answer(script, modem, monkeypatch):
    """The SMSC has it: as unconfirmed a person would have to look after it."""
    monkeypatch.setattr(engine, "ANSWER_REST_S", 0.2)
    script.submit_answer = "\r\n+CMGS: 41\r\n"

    assert modem.submit(SUBMIT) == 41
    assert modem.signal().rssi == 17


def test_an_error_behind_a_reference_leaves_it_in_doubt(script, modem):
    script.submit_answer = "\r\n+CMGS: 41\r\n\r\n+CMS ERROR: 500\r\n"

    with pytest.raises(SubmitUnknown):
        modem.submit(SUBMIT)


def test_half_an_announcement_is_no_beginning_of_an_answer(script, monkeypatch):
    monkeypatch.setattr(engine, "ANSWER_REST_S", 0.2)
    with driven(script, submit_timeout_s=60.0) as modem:

        def answer(said: ScriptedModem, _body: str) -> str:
            threading.Timer(0.6, lambda: said.say('"SM",4\r\n\r\n+CMGS: 9\r\n\r\nOK\r\n')).start()
            return "\r\n+CMTI: "

        script.submit_answer = answer

        assert modem.submit(SUBMIT) == 9


def test_nothing_is_submitted_by_a_modem_that_restarted_while_the_link_was_found_again(
    script, modem
):
    """Its SIM may be another one by now."""

    def restarted(said: ScriptedModem, _line: str) -> str:
        said.settings["CNMI"] = "0,0,0,0,0"
        return "\r\n^BOOT:1,0\r\n" + ok()

    script.once(r"AT\+CSQ", silent)
    with pytest.raises(CommandTimeout):
        modem.signal()
    script.once(r"ATS7=.*", restarted)

    with pytest.raises(SettingsLost):
        modem.submit(SUBMIT)

    assert script.count(r"AT\+CMGS=.*") == 0


@pytest.mark.parametrize("sign", ["+CPIN: READY", "^SIMST: 1", "+QUSIM: 1"])
def test_nothing_is_submitted_by_another_sim_that_was_put_into_a_running_modem(script, modem, sign):
    script.on(r"AT\+CCID", ok("+CCID: 8962999999999999999"))
    script.say(f"\r\n{sign}\r\n")
    assert eventually(lambda: modem.overheard.newest > 0)

    with pytest.raises(SettingsLost, match="SIM"):
        modem.submit(SUBMIT)

    assert script.count(r"AT\+CMGS=.*") == 0


def test_a_sign_of_a_restart_that_was_none_keeps_nothing_from_being_submitted(script, modem):
    script.say("\r\n^BOOT:1,0\r\n")
    assert eventually(lambda: modem.overheard.newest > 0)

    assert modem.submit(SUBMIT) == 1
