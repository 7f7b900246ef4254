"""Noise at the moments where it would cost a message. Found by simulated histories (scripts/simulate)."""

from __future__ import annotations

import re

from scripted_modem import PDU, PDU_LENGTH, ScriptedModem, driven, places


def test_noise_in_the_second_reading_too_costs_no_message(script, modem):
    """Kept as damaged and deleted, it would be a complaint that nobody can read."""
    script.put("SM", 1)
    script.once(r"AT\+CMGL=4", f"\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU[:-4]}\r\n\r\nOK\r\n")
    script.once(r"AT\+CMGR=1", f"\r\n+CMGR: 0,,{PDU_LENGTH}\r\n\xb0{PDU[1:]}\r\n\r\nOK\r\n")

    (slot,) = modem.list_held().slots

    assert not slot.is_damaged
    assert slot.pdu.hex().upper() == PDU


def test_a_slot_that_reads_otherwise_each_time_is_left_for_the_next_listing(script, modem):
    script.once(r"AT\+CMGL=4", f"\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU[:-4]}\r\n\r\nOK\r\n")
    for cut in (6, 8, 10):
        script.once(r"AT\+CMGR=1", f"\r\n+CMGR: 0,,{PDU_LENGTH}\r\n{PDU[:-cut]}\r\n\r\nOK\r\n")

    assert modem.list_held().slots == ()


def test_noise_does_not_hide_a_memory_and_what_it_holds(script):
    """Taken for one that is not there, it would not be listed as long as the connection lasts."""
    script.put("SM", 1)

    def garbled(said: ScriptedModem, line: str) -> str:
        return said._set_memories(re.match(".*", line)).replace("+CPMS:", "\xabCPMS\xba")

    script.once(r'AT\+CPMS="SM".*', garbled)

    with driven(script) as modem:
        slots = modem.list_held().slots

    assert places(slots) == [("SM", 1, PDU)]


def test_noise_that_looks_like_a_digit_is_none(script):
    """`0²2` is digits to Python, and no number: the line's worker fell over it."""
    script.put("SM", 1)
    script.once(r"ATS7\?", "\r\n0\xb22\r\n\r\nOK\r\n")

    with driven(script) as modem:
        slots = modem.list_held().slots

    assert places(slots) == [("SM", 1, PDU)]
