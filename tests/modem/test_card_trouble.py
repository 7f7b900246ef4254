"""A SIM that is busy or late: what it holds is read, and nothing waits for what can be done later."""

import time

import pytest
from scripted_modem import PDU, driven, ok, pdu_of

from hardware.modem import Modem, ModemOptions

BUSY = "\r\n+CMS ERROR: 314\r\n"


def test_a_busy_card_keeps_nobody_from_receiving(script):
    """A modem insists on nothing: thirty seconds for each of thirty slots would be a quarter of an hour."""
    script.stores["SM"].slots = {index: (0, pdu_of(index)) for index in range(1, 9)}
    with driven(script) as modem:
        slots = modem.list_held().slots
        script.heard.clear()
        script.on(r"AT\+CMGD=.*", BUSY)
        began_at = time.monotonic()

        assert modem.delete(slots) == []

        assert time.monotonic() - began_at < 5
        assert len([line for line in script.heard if "CMGD" in line]) == 1


def test_what_was_deleted_before_the_card_was_busy_is_told(script):
    script.stores["SM"].slots = {index: (0, pdu_of(index)) for index in range(1, 5)}
    with driven(script) as modem:
        slots = modem.list_held().slots
        script.on(r"AT\+CMGD=3.*", BUSY)

        assert [slot.index for slot in modem.delete(slots)] == [1, 2]


def test_a_memory_that_was_refused_at_the_start_is_found_later(script):
    script.on(r'AT\+CPMS="SM".*', "\r\n+CMS ERROR: 310\r\n")
    modem = Modem(ModemOptions(script.path))
    modem.open()
    assert {usage.memory for usage in modem.list_held().usage} == {"ME"}
    script.table = [entry for entry in script.table if 'CPMS="SM"' not in str(entry)]
    script.stores["SM"].slots = {3: (0, PDU)}

    modem.check_settings()

    assert [(slot.memory, slot.index) for slot in modem.list_held().slots] == [("SM", 3)]
    modem.close()


def test_a_memory_that_is_not_there_is_asked_for_ever_more_seldom(script):
    script.on(r'AT\+CPMS="ME".*', "\r\n+CMS ERROR: 302\r\n")
    with driven(script) as modem:
        for _ in range(16):
            modem.check_settings()
        asked = [line for line in script.heard if 'CPMS="ME"' in line]

        assert len(asked) == 5, "the 1st, 2nd, 4th, 8th and 16th time"
        assert modem.list_held().slots == ()


@pytest.mark.parametrize("knows", ["AT+CHUP", "ATH"])
def test_a_call_is_rejected_by_the_command_that_the_modem_knows(script, knows):
    script.on(r"AT\+CHUP", ok() if knows == "AT+CHUP" else "\r\nERROR\r\n")
    script.on(r"ATH", ok())
    with driven(script) as modem:
        modem.reject_call()

        assert script.heard[-1] == knows
