"""What is freed on the SIM, and acknowledged to the network: only what nothing else can have taken the place of."""

from __future__ import annotations

import pytest
from scripted_modem import PDU, PDU_LENGTH, ScriptedModem, driven, eventually, ok, pdu_of, places

from hardware.errors import SettingsLost
from hardware.modem import Modem


def test_a_slot_may_be_replaced_until_its_own_deletion(script, modem):
    """Freeing one slot makes room, and what the network then brings may take the place of another."""
    newer = pdu_of(7, pid=0x41)

    def bring(_modem, _line):
        script.put("SM", 2, newer)
        return "\r\nOK\r\n"

    script.put("SM", 2, pdu_of(2, pid=0x41))
    script.put("SM", 3, pdu_of(3, pid=0x42))
    listed = modem.list_held().slots
    script.once(r"AT\+CMGD=3", bring)

    modem.delete(sorted(listed, key=lambda slot: -slot.index))

    assert script.stores["SM"].slots[2] == (0, newer)


def test_a_slot_that_half_a_deletion_freed_may_hold_another_message(script):
    """The rest is deleted one by one, and what came into a slot that is free by then is in no store."""
    newer = pdu_of(9)

    def half(_modem, _line):
        script.put("SM", 2, newer)
        return "\r\n+CMS ERROR: 500\r\n"

    script.on(r"AT\+CGMI", ok("SIMCOM_Ltd"))
    script.on(r"AT\+CGMM", ok("SIMCOM_SIM800C"))
    script.on(r"AT\+CMGL=4,1", lambda modem, _line: modem._healthy("AT+CMGL=4"))
    script.on(r"AT\+CMGD=.*;.*", half)
    for index in range(1, 5):
        script.put("SM", index, pdu_of(index))
    with driven(script, memories=("SM",)) as modem:
        deleted = modem.delete(modem.list_held().slots)

    assert [slot.index for slot in deleted] == [1, 3, 4]
    assert script.stores["SM"].slots == {2: (0, newer)}


def test_what_came_on_an_earlier_connection_is_not_acknowledged(script, modem):
    """AT+CNMA names no message: by now it would be taken for another one, which nobody has stored yet."""
    script.say(f"\r\n+CMT: ,{PDU_LENGTH}\r\n{PDU}\r\n")
    assert modem.wait(5)
    modem.close()
    modem.open()
    slots = modem.list_held().slots

    assert modem.delete(slots) == list(slots)

    assert not script.count(r"AT\+CNMA")
    assert modem.list_held().slots == ()


def test_what_was_handed_over_in_text_mode_is_not_acknowledged(script, modem):
    """Its octets are kept, but they are no PDU: the network brings it again, and then it can be read."""
    script.say('\r\n+CMT: "+62811",,"26/11/22,10:00:00+28"\r\nBTM lampu mati\r\n')
    assert modem.wait(5)
    slots = modem.list_held().slots

    assert modem.delete(slots) == list(slots)

    assert not script.count(r"AT\+CNMA")
    assert modem.list_held().slots == ()


def hand_over(script: ScriptedModem, modem: Modem, pdu: str) -> None:
    """Have the modem show a message that no memory holds, and wait until the driver has it."""
    held = len(modem.list_held().slots)
    script.say(f"\r\n+CMT: ,{len(pdu) // 2 - 8}\r\n{pdu}\r\n")
    assert eventually(lambda: len(modem.list_held().slots) > held)


def test_nothing_is_acknowledged_while_a_newer_message_is_in_no_store(script, modem):
    """AT+CNMA is taken for the message shown last: sent for the first, it would give up the second."""
    hand_over(script, modem, pdu_of(1))
    committed = modem.list_held().slots
    hand_over(script, modem, pdu_of(2))

    assert modem.delete(committed) == list(committed)

    assert not script.count(r"AT\+CNMA")
    assert places(modem.list_held().slots) == [("CMT", 2, pdu_of(2))]


def test_what_was_committed_together_gets_one_acknowledgement(script, modem):
    """The network waits for one answer at a time; a second one could be taken for a message that is on its way."""
    hand_over(script, modem, pdu_of(1))
    hand_over(script, modem, pdu_of(2))

    modem.delete(modem.list_held().slots)

    assert script.count(r"AT\+CNMA") == 1


def test_the_last_to_be_committed_brings_the_acknowledgement(script, modem):
    """Whatever the order: a commit may leave the older one out."""
    hand_over(script, modem, pdu_of(1))
    hand_over(script, modem, pdu_of(2))
    older, newer = modem.list_held().slots
    modem.delete([newer])
    assert not script.count(r"AT\+CNMA")

    modem.delete([older])

    assert script.count(r"AT\+CNMA") == 1


@pytest.mark.parametrize("lost", [
    pytest.param('\r\n+CMT: "+62811",,"26/11/22,10:00:00+28"\r\nBTM lampu mati\r\n', id="it came as text"),
    pytest.param("\r\n+CMT: ,24\r\n\r\n", id="it came without its PDU"),
])  # fmt: skip
def test_a_readable_message_is_no_reason_to_acknowledge_a_newer_one_that_was_lost(
    script, modem, lost
):
    hand_over(script, modem, pdu_of(1))
    script.once(r"AT\+CSQ", f"{lost}\r\n+CSQ: 11,99\r\n\r\nOK\r\n")
    modem.signal()

    modem.delete(modem.list_held().slots)

    assert not script.count(r"AT\+CNMA")


def test_a_message_that_comes_after_a_lost_one_is_acknowledged(script, modem):
    script.once(r"AT\+CSQ", "\r\n+CMT: ,24\r\n\r\n+CSQ: 11,99\r\n\r\nOK\r\n")
    modem.signal()
    hand_over(script, modem, pdu_of(1))

    modem.delete(modem.list_held().slots)

    assert script.count(r"AT\+CNMA") == 1


UNREAD = pdu_of(9)


def restart_unheard(script, modem):
    """Another memory is selected then, with an SMS at the same index that nobody has stored."""
    script.put("SM", 1, UNREAD)
    script.memories = ["SM", "SM", "SM"]
    modem._engine.mark_dirty()  # as after an answer that did not come


def test_slots_of_a_modem_that_restarted_unheard_are_not_deleted(script):
    """Its selected memory is another one then, and the same index there is an SMS that nobody has stored."""
    script.put("ME", 1, pdu_of(1))
    with driven(script, memories=("SM", "ME")) as modem:
        [slot] = modem.list_held().slots
        restart_unheard(script, modem)

        with pytest.raises(SettingsLost):
            modem.delete([slot])
        with pytest.raises(SettingsLost):
            modem.list_held()  # also by who goes on as if nothing were

    assert script.stores["SM"].slots == {1: (0, UNREAD)}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("\r\n+CMS ERROR: 314\r\n", id="SIM busy"),
        pytest.param("\r\n+CME ERROR: 515\r\n", id="please wait"),
        pytest.param('\r\n+CPM\x80: "SM",1,20,"SM",1,20\r\n\r\nOK\r\n', id="noise"),
    ],
)
def test_a_modem_that_does_not_tell_its_memory_any_more_is_set_up_again(script, answer):
    script.put("ME", 1, pdu_of(1))
    with driven(script, memories=("SM", "ME")) as modem:
        [slot] = modem.list_held().slots
        restart_unheard(script, modem)
        script.once(r"AT\+CPMS\?", answer)

        with pytest.raises(SettingsLost):
            modem.delete([slot])

    assert script.stores["SM"].slots == {1: (0, UNREAD)}


def test_a_modem_that_never_tells_its_memory_is_worked_with(script):
    script.on(r"AT\+CPMS\?", "\r\nERROR\r\n")
    script.put("ME", 1, pdu_of(1))
    with driven(script, memories=("SM", "ME")) as modem:
        slots = modem.list_held().slots
        modem._engine.mark_dirty()

        assert modem.delete(slots) == list(slots)
