"""Every trap of the modem library that concerns what we use of it: reproduced on a pseudo-terminal, and shown harmless.

The rows are those of the library survey's tables: the receive path (tested here), the link (test_traps_link) and
sending (test_traps_submit). The codec's rows are tested with `hardware.pdu`.

| trap | test |
| --- | --- |
| several +CMTI in one burst: one handled | test_a_burst_of_announcements_loses_none |
| +CMTI while a command is out spoils its answer | test_an_announcement_inside_an_answer_rings_and_spoils_nothing |
| under load most are lost | test_announcements_amid_every_answer_lose_none |
| +CMTI with a blank line, half a line or CR CR LF after it | test_an_announcement_in_any_dress_rings |
| +CMTI in one burst with RING | test_an_announcement_in_any_dress_rings |
| wrong message deleted: memory switched by another thread | test_a_message_is_deleted_in_the_memory_it_was_listed_in |
| index shift after an undecodable PDU | test_a_bad_neighbour_does_not_shift_an_index, test_a_lost_header_... |
| listStoredSms, processStoredSms, sendSms … | test_the_package_s_own_paths_are_closed |
| AT+CMGD=1,4 wipes what was never read | test_nothing_is_ever_deleted_by_flag |
| callback raised: nobody reads the message again | test_a_message_stays_until_it_is_deleted |
| undecodable PDU stays for ever | test_an_undecodable_pdu_is_listed_as_it_is_and_can_be_deleted |
| +CDSI: deleted before looking | test_a_report_announcement_only_rings |
| +CMT not handled | test_a_message_handed_over_directly_..., test_unacknowledged_... |
| a draft makes every listing fail | test_drafts_are_counted_and_left_alone |
| text mode: empty listing, or a wipe | test_text_mode_is_an_error_... |
| CMGL longer than the command timeout | test_a_listing_may_take_longer_than_a_command |
| a line beginning with OK ends the answer | test_a_line_that_begins_with_ok_ends_nothing |
| killed between commit and delete | test_a_message_stays_until_it_is_deleted |
| only the first of ME, SM, SR is ever read; odd +CPMS | test_odd_answers_do_not_keep_a_modem_out |
| one non-UTF-8 octet kills the reader | test_line_noise_does_not_end_the_reader |
| response desync after a timeout | test_a_late_answer_is_never_believed, test_a_late_answer_amid_the_proof_... |
| device vanishes while a command waits | test_a_device_that_vanishes_amid_a_command_is_noticed_at_once |
| device vanishes idle; close() raises | test_a_device_that_vanishes_idle_rings_and_can_be_closed |
| failed open leaves port and thread | test_modem.test_a_failed_opening_leaves_nothing_open |
| 515 / 14 for ever: endless recursion | test_busy_is_waited_for..., test_busy_for_ever_ends |
| +CME ERROR with text is no terminator | test_errors_in_words_end_an_answer |
| rtscts and dsrdtr hard-wired | test_modem.test_flow_control_is_off_unless_asked_for |
| no write timeout | test_modem.test_closing_does_not_wait_for_octets_that_the_device_never_takes |
| not exclusive | test_modem.test_a_port_that_another_program_holds_is_named_with_its_holder |
| echo back on | test_echo_harms_nothing_and_is_noticed |
| a reboot goes unnoticed | test_a_restart_is_noticed..., test_signs_that_may_be_a_restart_... |
| buffers without bound | test_what_never_ends_is_cut_off |
| a thread per burst | test_no_announcement_starts_a_thread |
| connect() takes minutes, or fails | test_a_mute_thing_is_given_up_soon, test_odd_answers_do_not_keep_a_modem_out |
| PIN sent whatever is asked | tests of test_pin |
| waitForNetworkCoverage raises on 0 and 3 | test_modem.test_registration_is_read_in_all_its_forms |
| incoming calls: threads, growing tables | test_calls_are_swallowed |
| a command between prompt and body | test_nothing_comes_between_prompt_and_body |
| late prompt: modem stays in body mode | test_a_late_prompt_swallows_no_command |
| AT+CSCS left at UCS2 | test_submitting_leaves_the_character_set_alone |
| body timeout: sent or not? | test_no_answer_to_a_body_is_unknown..., test_a_late_answer_to_a_body_... |
| a new process inherits old answers | test_answers_for_an_earlier_process_are_not_believed |
| modem left at the prompt | test_a_modem_left_at_the_prompt_sends_nothing |
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

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

from hardware.engine import CLOSED_PATHS
from hardware.errors import (
    CommandTimeout,
    LinkDown,
    SettingsLost,
)
from hardware.modem import EventKind, Modem


@pytest.fixture
def modem(script: ScriptedModem) -> Iterator[Modem]:
    # Long enough for a busy machine: a command that times out is asked again, and its scripted answer is gone.
    with driven(script, command_timeout_s=20.0, silence_limit_s=30.0) as modem:
        yield modem


def drain(modem: Modem) -> list[str]:
    """List and delete until a listing brings nothing; return the PDUs in the order found."""
    found: list[str] = []
    while slots := modem.list_held().slots:
        found += [slot.pdu.hex().upper() for slot in slots]
        modem.delete(slots)
    return found


def test_a_burst_of_announcements_loses_none(script, modem):
    script.stores["SM"].total = 300
    for index in range(1, 201):
        script.put("SM", index, pdu_of(index))
    script.say("".join(f'\r\n+CMTI: "SM",{index}\r\n' for index in range(1, 201)))

    assert modem.wait(5)
    assert sorted(drain(modem)) == sorted(pdu_of(index) for index in range(1, 201))
    assert not script.stores["SM"].slots


@pytest.mark.parametrize(
    "urc",
    [CMTI, "\r\n^RSSI:17\r\n", "\r\nRING\r\n", '\r\n+CREG: 1,"00C3"\r\n', "\r\n+CTZV: 28\r\n"],
)
@pytest.mark.parametrize(
    "place", ["before the header", "before the PDU", "after the PDU", "before OK"]
)
def test_an_announcement_inside_an_answer_rings_and_spoils_nothing(script, modem, urc, place):
    header, header_2 = f"\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n", f"+CMGL: 2,0,,{PDU_LENGTH}\r\n"
    pieces = {"before the header": 0, "before the PDU": 1, "after the PDU": 2, "before OK": 4}
    answer = [header, PDU + "\r\n", header_2, PDU + "\r\n", "\r\nOK\r\n"]
    answer.insert(pieces[place], urc)
    script.once(r"AT\+CMGL=4", "".join(answer))

    slots = modem.list_held().slots

    assert places(slots) == [("SM", 1, PDU), ("SM", 2, PDU)]
    assert not script.count(r"AT\+CMGR=.*")
    assert modem.wait(0) is (urc in (CMTI, "\r\nRING\r\n"))


def test_an_announcement_inside_a_reading_of_one_slot_spoils_nothing(script, modem):
    script.put("SM", 1)
    script.once(r"AT\+CMGL=4", f"\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU[:-4]}\r\n\r\nOK\r\n")
    script.once(
        r"AT\+CMGR=1", f"\r\n^RSSI:9\r\n\r\n+CMGR: 0,,{PDU_LENGTH}\r\n{CMTI}{PDU}\r\n\r\nOK\r\n"
    )

    assert places(modem.list_held().slots) == [("SM", 1, PDU)]
    assert modem.wait(0)


def test_announcements_amid_every_answer_lose_none(script, modem):
    """A new SMS arrives, and says so, in the middle of the answer to each command that we send."""
    script.stores["SM"].total = 400
    arrived = 0
    answer = script._answer

    def arrive_and_answer(said: object, line: str) -> None:
        nonlocal arrived
        if arrived < 100:
            arrived += 1
            script.put("SM", max(script.stores["SM"].slots, default=0) + 1, pdu_of(arrived))
            script.say('\r\n+CMTI: "SM",1\r\n')
        answer(said, line)  # type: ignore[arg-type]

    script._answer = arrive_and_answer  # type: ignore[method-assign, assignment]
    found: list[str] = []
    while arrived < 100:
        found += drain(modem)
    found += drain(modem)

    assert sorted(found) == sorted(pdu_of(number) for number in range(1, 101))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param('\r\n+CMTI: "SM",7\r\n\r\n\r\n', id="blank lines after it"),
        pytest.param('\r\n+CMTI: "SM",7\r\n+CM', id="half a line after it"),
        pytest.param('\r\n+CMTI: "SM",7\r\r\n', id="CR CR LF"),
        pytest.param('\r\nRING\r\n\r\n+CMTI: "SM",7\r\n', id="behind a RING"),
        pytest.param('\r\n+CMTI: "SM",7\n', id="no CR"),
        pytest.param('\xff\xfe+CMTI: "SM",7\x00\r\n', id="in noise"),
        pytest.param('\r\n+CMTI: "SM",\r\n', id="without its index"),
    ],
)
def test_an_announcement_in_any_dress_rings(script, modem, said):
    script.say(said)

    assert eventually(lambda: EventKind.ARRIVED in kinds(modem))
    assert modem.wait(0)
    assert modem.signal().rssi == 17


def test_a_message_is_deleted_in_the_memory_it_was_listed_in(script, modem):
    script.put("SM", 3, pdu_of(1))
    listed = modem.list_held().slots
    script.put("ME", 3, pdu_of(2))
    script.put("ME", 5, pdu_of(3))
    script.say('\r\n+CMTI: "ME",3\r\n\r\n+CMTI: "ME",5\r\n')

    modem.delete(listed)

    assert not script.stores["SM"].slots
    assert sorted(script.stores["ME"].slots) == [3, 5]


def test_a_bad_neighbour_does_not_shift_an_index(script, modem):
    """The first cannot be decoded, or is no PDU at all; the others keep their places."""
    for first in ("0791" + "F" * 40, "this is no hex"):
        good = f"+CMGL: 2,0,,{PDU_LENGTH}\r\n{PDU}\r\n+CMGL: 3,0,,21\r\n{pdu_of(3)}\r\n"
        answer = f"\r\n+CMGL: 1,0,,24\r\n{first}\r\n{good}\r\nOK\r\n"
        script.once(r"AT\+CMGL=4", answer)
        script.once(r"AT\+CMGR=1", f"\r\n+CMGR: 0,,24\r\n{first}\r\n\r\nOK\r\n")

        slots = modem.list_held().slots

        assert {slot.index: slot.pdu.hex().upper() for slot in slots if not slot.is_damaged} == {
            2: PDU,
            3: pdu_of(3),
        }
        damaged = next(slot for slot in slots if slot.is_damaged)
        assert (damaged.index, damaged.pdu) == (1, first.encode())


def test_a_lost_header_does_not_give_its_pdu_to_the_one_before(script, modem):
    """The PDU of slot 1 was cut and the header of slot 2 lost: what is slot 2's must not be deleted as slot 1."""
    script.put("SM", 1, pdu_of(1))
    script.put("SM", 2, pdu_of(2))
    script.once(
        r"AT\+CMGL=4",
        f"\r\n+CMGL: 1,0,,21\r\n{pdu_of(1)[:-2]}\r\nCMGL: 2,0,,21\r\n{pdu_of(2)}\r\n\r\nOK\r\n",
    )

    assert places(modem.list_held().slots) == [("SM", 1, pdu_of(1)), ("SM", 2, pdu_of(2))]


def test_an_index_that_was_changed_on_the_line_is_read_again(script, modem):
    for index in (10, 12, 13):
        script.put("SM", index, pdu_of(index))
    lines = script.listing()
    lines[2] = lines[2].replace("12,", "2,")
    script.once(r"AT\+CMGL=4", "\r\n" + "\r\n".join(lines) + "\r\n\r\nOK\r\n")

    assert places(modem.list_held().slots) == [("SM", 10, pdu_of(10)), ("SM", 13, pdu_of(13))]
    assert [slot.index for slot in modem.list_held().slots] == [10, 12, 13]


def test_listings_without_order_are_given_up(script, modem):
    script.on(r"AT\+CMGL=4", f"\r\n{PDU}\r\n\r\nOK\r\n")

    with pytest.raises(SettingsLost):
        modem.list_held()


@pytest.mark.parametrize("path", CLOSED_PATHS)
def test_the_package_s_own_paths_are_closed(modem, path):
    with pytest.raises(NotImplementedError):
        getattr(modem._engine, path)()


def test_the_package_cannot_be_put_into_text_mode(modem):
    with pytest.raises(NotImplementedError):
        modem._engine.smsTextMode = True


def test_nothing_is_ever_deleted_by_flag(script, modem):
    for index in range(1, 9):
        script.put("SM", index, pdu_of(index))
        script.put("ME", index, pdu_of(index))
    drain(modem)

    assert sum(line.count("+CMGD=") for line in script.heard) == 16
    assert not script.count(r".*CMGD=\d+,.*")


def test_a_message_stays_until_it_is_deleted(script, modem):
    """Whoever is killed after the commit finds it again, as REC READ, and knows it by its TPDU."""
    script.put("SM", 1)
    first = modem.list_held().slots
    script.put("SM", 1, stat=1)
    modem.close()
    modem.open()

    second = modem.list_held().slots

    assert [slot.pdu for slot in second] == [slot.pdu for slot in first]
    assert second[0].stat == 1


def test_an_undecodable_pdu_is_listed_as_it_is_and_can_be_deleted(script, modem):
    zeros = "07911326040000F0" + "00" * 20
    script.put("SM", 4, zeros)

    slots = modem.list_held().slots

    assert places(slots) == [("SM", 4, zeros)]
    assert modem.delete(slots) == list(slots)
    assert not script.stores["SM"].slots


def test_a_report_announcement_only_rings(script, modem):
    script.put("SM", 4)
    script.say('\r\n+CDSI: "SM",4\r\n')

    assert modem.wait(5)
    assert not script.count(r"AT\+CMGD.*")
    assert places(modem.list_held().slots) == [("SM", 4, PDU)]


def test_a_message_handed_over_directly_is_kept_until_deleted_and_then_acknowledged(script, modem):
    script.say(f"\r\n+CMT: ,{PDU_LENGTH}\r\n{PDU}\r\n")
    assert modem.wait(5)

    slots = modem.list_held().slots

    assert places(slots) == [("CMT", 1, PDU)]
    assert modem.list_held().slots == slots
    assert not script.count(r"AT\+CNMA")
    assert modem.delete(slots) == list(slots)
    assert script.count(r"AT\+CNMA") == 1
    assert modem.list_held().slots == ()


def test_a_message_handed_over_inside_a_listing_is_not_taken_for_a_slot(script, modem):
    first, last = f"+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU}\r\n", f"+CMGL: 2,0,,21\r\n{pdu_of(2)}\r\n"
    direct = f"+CMT: ,21\r\n{pdu_of(5)}\r\n"
    script.once(r"AT\+CMGL=4", f"\r\n{first}{direct}{last}\r\nOK\r\n")

    assert places(modem.list_held().slots) == [
        ("SM", 1, PDU),
        ("SM", 2, pdu_of(2)),
        ("CMT", 1, pdu_of(5)),
    ]


def test_unacknowledged_messages_outlive_their_connection(script, modem):
    """Where AT+CSMS=1 is not known the network has its acknowledgement already: nobody sends them again."""
    script.say(f"\r\n+CMT: ,{PDU_LENGTH}\r\n{PDU}\r\n")
    assert modem.wait(5)
    modem.close()
    script.on(r"AT\+CSMS=1", "\r\nERROR\r\n")
    modem.open()

    slots = modem.list_held().slots

    assert places(slots) == [("CMT", 1, PDU)]
    script.heard.clear()
    assert modem.delete(slots) == list(slots)
    assert not script.count(r"AT\+CNMA")


def test_a_message_handed_over_in_text_mode_is_kept_as_it_came(script, modem):
    script.say('\r\n+CMT: "+62811",,"26/11/22,10:00:00+28"\r\nOK, and the bridge fell down\r\n')
    assert modem.wait(5)

    (slot,) = modem.list_held().slots

    assert slot.is_damaged
    assert slot.pdu.endswith(b"OK, and the bridge fell down")


def test_a_direct_header_whose_pdu_was_lost_takes_no_line_of_an_answer(script, modem):
    script.once(r"AT\+CSQ", "\r\n+CMT: ,24\r\n\r\n+CSQ: 11,99\r\n\r\nOK\r\n")

    assert modem.signal().rssi == 11
    assert kinds(modem) == [EventKind.BODY_LOST]


def test_a_cell_broadcast_takes_its_line_along(script, modem):
    script.say(f"\r\n+CBM: 88\r\n{'00' * 88}\r\n")

    assert modem.signal().rssi == 17
    assert modem.list_held().slots == ()


def test_drafts_are_counted_and_left_alone(script, modem):
    script.put("SM", 1, "0001000B911346610089F6000002C834", stat=2)
    script.put("SM", 2)
    script.put("SM", 3, stat=3)

    listing = modem.list_held()

    assert places(listing.slots) == [("SM", 2, PDU)]
    assert listing.drafts == 2
    modem.delete(listing.slots)
    assert sorted(script.stores["SM"].slots) == [1, 3]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            '\r\n+CMGL: 1,"REC UNREAD","+62811",,"26/11/22,10:00:00+28"\r\nHello\r\n\r\nOK\r\n',
            id="a text-mode listing",
        ),
        pytest.param("\r\n+CMS ERROR: 305\r\n", id="refused as text mode refuses it"),
        pytest.param("\r\nERROR\r\n", id="refused without a reason"),
    ],
)
def test_text_mode_is_an_error_and_never_an_empty_memory(script, modem, answer):
    script.put("SM", 1)
    script.settings["CMGF"] = "1"
    script.on(r"AT\+CMGL=4", answer)

    with pytest.raises(SettingsLost):
        modem.list_held()

    assert script.stores["SM"].slots


@pytest.mark.parametrize("answer", ["\r\nOK\r\n", "\r\n+CMS ERROR: 321\r\n"])
def test_an_empty_memory_may_say_so_either_way(script, modem, answer):
    script.on(r"AT\+CMGL=4", answer)

    assert modem.list_held().slots == ()


@pytest.mark.parametrize("empty", ["\r\nOK\r\n", "\r\n+CMS ERROR: 321\r\n"])
def test_a_damaged_pair_whose_slot_is_empty_by_now_is_gone(script, modem, empty):
    script.once(r"AT\+CMGL=4", f"\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU[:-4]}\r\n\r\nOK\r\n")
    script.on(r"AT\+CMGR=1", empty)

    assert modem.list_held().slots == ()


def test_a_listing_may_take_longer_than_a_command(script):
    """As long as it goes on: here three times the command timeout, and longer than the silence allowed."""
    for index in range(1, 5):
        script.put("SM", index, pdu_of(index))

    def slowly(said: ScriptedModem, _line: str) -> str:
        for line in said.listing():
            said.say(f"\r\n{line}")
            threading.Event().wait(0.15)
        return ok()

    with driven(script) as modem:
        script.once(r"AT\+CMGL=4", slowly)

        assert len(modem.list_held().slots) == 4


def test_a_listing_that_says_nothing_at_all_is_given_up(script):
    with driven(script) as modem:
        script.put("SM", 1)
        script.once(r"AT\+CMGL=4", silent)
        hurry(modem)

        with pytest.raises(CommandTimeout):
            modem.list_held()

        hurry(modem, command_s=10.0)
        assert len(modem.list_held().slots) == 1


def test_a_slot_that_ends_every_listing_keeps_no_other_message_back(script, modem):
    """A SIM with one bad record: some modems stop the listing there, and what lies behind it would never come."""
    for index in (1, 3, 20):
        script.put("SM", index, pdu_of(index))
    script.on(r"AT\+CMGL=4", f"\r\n+CMGL: 1,0,,21\r\n{pdu_of(1)}\r\n\r\n+CMS ERROR: 320\r\n")
    script.on(r"AT\+CMGR=2", "\r\n+CMS ERROR: 320\r\n")

    assert [slot.index for slot in modem.list_held().slots if slot.memory == "SM"] == [1, 3, 20]


@pytest.mark.parametrize(
    "line", ["OK, and the bridge fell down", "ERROR of ours", "OK\x20then", "+CME trouble"]
)
def test_a_line_that_begins_with_ok_ends_nothing(script, modem, line):
    script.once(r"AT\+CMGL=4", f"\r\n{line}\r\n+CMGL: 1,0,,{PDU_LENGTH}\r\n{PDU}\r\n\r\nOK\r\n")

    assert places(modem.list_held().slots) == [("SM", 1, PDU)]


def test_a_delete_that_is_refused_is_not_returned(script, modem):
    script.put("SM", 1, pdu_of(1))
    script.put("SM", 2, pdu_of(2))
    script.on(r"AT\+CMGD=1(;.*)?", "\r\n+CMS ERROR: 320\r\n")

    assert [slot.index for slot in modem.delete(modem.list_held().slots)] == [2]


def test_a_delete_that_goes_unanswered_is_tried_no_further_and_what_was_done_is_told(script, modem):
    for index in (1, 2, 3, 4):
        script.put("SM", index, pdu_of(index))
    script.once(r"AT\+CMGD=3", lambda said, _line: said.hang_up())

    assert [slot.index for slot in modem.delete(modem.list_held().slots)] == [1, 2]
    with pytest.raises(LinkDown):
        modem.list_held()
