"""Several deletes in one command line: only of a modem that was seen to do it, in no longer a line than all take."""

from __future__ import annotations

import re
import time

import pytest
from scripted_modem import ScriptedModem, driven, hurry, ok, pdu_of, silent

from hardware.errors import ModemError
from hardware.modem import Modem

FILLED = 14


@pytest.fixture
def held(script: ScriptedModem) -> ScriptedModem:
    """A generic modem that holds more SMS than go into a line."""
    script.stores["SM"].total = 300
    fill(script)
    return script


def fill(script: ScriptedModem, *, turn: int = 0) -> None:
    """Bring SMS; in another turn others."""
    for index in range(1, FILLED + 1):
        script.put("SM", index, pdu_of(20 * turn + index))


def free_all(modem: Modem) -> int:
    return len(modem.delete(modem.list_held().slots))


def delete_lines(script: ScriptedModem) -> list[str]:
    lines = [line for line in script.heard if line.startswith("AT+CMGD")]
    script.heard.clear()
    return lines


def test_a_pair_goes_first_and_many_only_after_a_listing_that_shows_neither(held) -> None:
    with driven(held, memories=("SM",)) as modem:
        assert free_all(modem) == FILLED
        assert [line.count("CMGD") for line in delete_lines(held)] == [2] + [1] * (FILLED - 2)

        fill(held, turn=1)
        assert free_all(modem) == FILLED

        lines = delete_lines(held)
        assert [line.count("CMGD") for line in lines] == [5, 5, 4]
        assert not held.stores["SM"].slots
        assert max(map(len, lines)) <= len("AT") + 40


def test_indices_of_three_digits_make_no_line_longer(held) -> None:
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        for index in range(201, 209):
            held.put("SM", index, pdu_of(index % 100))
        delete_lines(held)

        assert free_all(modem) == 8

        assert max(map(len, delete_lines(held))) <= len("AT") + 40


def test_a_modem_that_deletes_only_the_first_is_told_one_by_one(held) -> None:
    """It says OK all the same: only the listing shows it."""

    def delete_first(modem: ScriptedModem, line: str) -> str:
        first = re.findall(r"\d+", line)[0]
        return modem._healthy(f"AT+CMGD={first}")

    held.on(r"AT\+CMGD=.*;.*", delete_first)
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        assert len(held.stores["SM"].slots) == 1
        modem.list_held()
        fill(held, turn=1)
        delete_lines(held)

        assert free_all(modem) == FILLED

        assert [line.count("CMGD") for line in delete_lines(held)] == [1] * FILLED
        assert not held.stores["SM"].slots


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("\r\nERROR\r\n", id="refused"),
        pytest.param("\r\n+CMS ERROR: 302\r\n", id="refused with a code"),
        pytest.param("\r\nOK\r\n\r\nOK\r\n", id="answered twice"),
    ],
)
def test_a_modem_that_answers_a_pair_otherwise_is_told_one_by_one(held, answer) -> None:
    held.on(r"AT\+CMGD=.*;.*", answer)
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        fill(held, turn=1)
        delete_lines(held)

        assert free_all(modem) == FILLED

        assert [line.count("CMGD") for line in delete_lines(held)] == [1] * FILLED
        assert not held.stores["SM"].slots


@pytest.mark.parametrize("delay_s", [0.02, 0.3])
def test_a_modem_that_answers_each_delete_in_its_own_time_is_told_one_by_one(held, delay_s) -> None:
    """Its second OK would be taken for the answer to the listing, which then shows nothing, and proves it."""

    def answer_each(modem: ScriptedModem, line: str) -> None:
        for index in re.findall(r"\d+", line):
            time.sleep(delay_s)
            modem._healthy(f"AT+CMGD={index}")
            modem.say(ok())

    held.on(r"AT\+CMGD=.*;.*", answer_each)
    with driven(held, memories=("SM",)) as modem:
        modem.delete([slot for slot in modem.list_held().slots if slot.index <= 2])
        listed = {slot.index for slot in modem.list_held().slots}
        assert listed == set(range(3, FILLED + 1))
        delete_lines(held)

        assert free_all(modem) == FILLED - 2

        assert [line.count("CMGD") for line in delete_lines(held)] == [1] * (FILLED - 2)


def test_a_modem_that_falls_silent_at_a_pair_gets_none_again(held) -> None:
    """On no connection: it would be opened for ever, and its SIM stay full."""
    held.on(r"AT\+CMGD=.*;.*", silent)
    with driven(held, memories=("SM",)) as modem:
        hurry(modem)
        with pytest.raises(ModemError):
            free_all(modem)
        modem.close()
        modem.open()

        assert free_all(modem) == FILLED

        assert not held.stores["SM"].slots


@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize("refusal", ["ERROR", "+CMS ERROR: 320", "+CMS ERROR: 314"])
def test_a_second_answer_behind_a_refusal_is_no_empty_listing(held, refusal, count) -> None:
    """A modem that answers each delete is a step behind also when it refuses the first."""

    def answer_each(modem: ScriptedModem, line: str) -> None:
        modem.say(f"\r\n{refusal}\r\n")
        for index in re.findall(r"\d+", line)[1:]:
            time.sleep(0.3)
            modem.say(modem._healthy(f"AT+CMGD={index}"))

    def take_time(modem: ScriptedModem, line: str) -> str:
        time.sleep(0.05)
        return modem._healthy(line)

    held.once(r"AT\+CMGD=.*;.*", answer_each)
    held.on(r"AT\+CM(GL|GR).*", take_time)
    held.stores["SM"].slots = {index: (0, pdu_of(index)) for index in range(1, count + 1)}
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)

        listed = {slot.index for slot in modem.list_held().slots}

        assert listed == set(held.stores["SM"].slots)


def test_a_refused_pair_with_a_slot_that_cannot_be_read_closes_nothing(held) -> None:
    held.on(r"AT\+CMGD=.*;.*", "\r\nERROR\r\n")
    held.on(r"AT\+CMGR=1", "\r\n+CMS ERROR: 320\r\n")
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        assert set(held.stores["SM"].slots) == {1}

        assert free_all(modem) == 1  # by itself, without being read


def test_a_modem_that_falls_silent_after_a_delete_gets_no_pair_again(held) -> None:
    """Also on this connection, which goes on for what was deleted before."""
    held.on(r"AT\+CMGD=.*;.*", silent)
    held.put("SM", 1, pdu_of(1, pid=0x41))  # read again and deleted first
    with driven(held, memories=("SM",)) as modem:
        hurry(modem)
        assert free_all(modem) == 1

        free_all(modem)

        assert not held.stores["SM"].slots
        assert max(line.count("CMGD") for line in delete_lines(held)[2:]) == 1


def test_a_line_of_many_has_as_much_time_as_they_have_singly(held) -> None:
    def take_time(modem: ScriptedModem, line: str) -> str:
        time.sleep(0.15 * line.count("CMGD"))
        return modem._healthy(line)

    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        fill(held, turn=1)
        slots = modem.list_held().slots[:5]
        held.on(r"AT\+CMGD=.*", take_time)
        hurry(modem, command_s=0.25)  # a delete may take twice that

        assert len(modem.delete(slots)) == 5

        assert delete_lines(held)[-1].count("CMGD") == 5


def test_a_listing_cut_by_noise_proves_nothing(held) -> None:
    """What it does not show may be there: the proof waits for one that is whole."""
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        fill(held, turn=1)
        held.once(r"AT\+CMGL=4", "\r\n+CMGL: 1,1,,2\x80\r\n0791\r\n\r\nOK\r\n")
        modem.list_held()
        delete_lines(held)
        slots = [slot for slot in modem.list_held().slots if slot.index <= 4]

        modem.delete(slots)

        assert [line.count("CMGD") for line in delete_lines(held)] == [4]


def test_another_connection_begins_anew(held) -> None:
    """It may be another modem on the port."""
    with driven(held, memories=("SM",)) as modem:
        free_all(modem)
        fill(held, turn=1)
        modem.list_held()
        modem.close()
        modem.open()
        delete_lines(held)

        free_all(modem)

        assert delete_lines(held)[0].count("CMGD") == 2
