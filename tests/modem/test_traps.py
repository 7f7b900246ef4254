"""Every trap of the modem library that concerns what we use of it: reproduced on a pseudo-terminal, and shown harmless.

The rows are those of the library survey's tables (receive path, link, send); codec rows are tested with `hardware.pdu`.

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
import time
from collections.abc import Callable, Iterator

import pytest
from scripted_modem import PDU, PDU_LENGTH, ScriptedModem, driven, eventually, ok, pdu_of

from hardware.engine import CLOSED_PATHS
from hardware.errors import (
    CommandError,
    CommandTimeout,
    LinkDown,
    ModemError,
    ModemRebooted,
    NotAModem,
    SettingsLost,
    SubmitRejected,
    SubmitUnknown,
)
from hardware.modem import EventKind, Modem, ModemOptions
from hardware.sms import Slot, SubmitPdu

SUBMIT = SubmitPdu(bytes.fromhex("0001000B911346610089F60000"), 12)
CMTI = '\r\n+CMTI: "SM",7\r\n'


@pytest.fixture
def script() -> Iterator[ScriptedModem]:
    with ScriptedModem() as script:
        yield script


@pytest.fixture
def modem(script: ScriptedModem) -> Iterator[Modem]:
    with driven(script) as modem:
        yield modem


def places(slots: tuple[Slot, ...]) -> list[tuple[str, int, str]]:
    return [(slot.memory, slot.index, slot.pdu.hex().upper()) for slot in slots]


def kinds(modem: Modem) -> list[EventKind]:
    return [event.kind for event in modem.take_events()]


def silent(_modem: ScriptedModem, _line: str) -> None:
    """Let a command go unanswered."""


def drain(modem: Modem) -> list[str]:
    """List and delete until a listing brings nothing; return the PDUs in the order found."""
    found: list[str] = []
    while slots := modem.list_held().slots:
        found += [slot.pdu.hex().upper() for slot in slots]
        modem.delete(slots)
    return found


# -- receiving ---------------------------------------------------------------------------------------------------------


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

    assert script.count(r"AT\+CMGD=\d+") == 16
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


def test_a_listing_may_take_longer_than_a_command(script, modem):
    """As long as it goes on: here three times the command timeout, and longer than the silence allowed."""
    for index in range(1, 5):
        script.put("SM", index, pdu_of(index))

    def slowly(said: ScriptedModem, _line: str) -> str:
        for line in said.listing():
            said.say(f"\r\n{line}")
            threading.Event().wait(0.15)
        return ok()

    script.once(r"AT\+CMGL=4", slowly)

    assert len(modem.list_held().slots) == 4


def test_a_listing_that_says_nothing_at_all_is_given_up(script, modem):
    script.put("SM", 1)
    script.once(r"AT\+CMGL=4", silent)
    started_at = time.monotonic()

    with pytest.raises(CommandTimeout):
        modem.list_held()

    assert time.monotonic() - started_at < 3
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


# -- the link ----------------------------------------------------------------------------------------------------------


def test_line_noise_does_not_end_the_reader(script, modem):
    script.say(bytes(range(256)) + b"\xff\xfe\r\n")
    script.once(r"AT\+CSQ", "\xff\x80\r\n\xfe+CSQ: 12,99\xff\r\n\xffOK\xfe\r\n")

    assert modem.signal().rssi == 12


def test_a_late_answer_is_never_believed(script, modem):
    """The answer to AT+CSQ comes after its timeout; the next question must not get it."""
    release = threading.Event()

    def late(said: ScriptedModem, _line: str) -> None:
        threading.Thread(target=lambda: (release.wait(5), said.say(ok("+CSQ: 3,99")))).start()

    script.once(r"AT\+CSQ", late)
    with pytest.raises(CommandTimeout):
        modem.signal()
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
    with pytest.raises(CommandTimeout):
        modem.signal()

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

    started_at = time.monotonic()
    modem.open()
    modem.close()

    assert time.monotonic() - started_at < 0.4


def test_a_modem_that_remembers_nothing_still_opens(script):
    script.on(r"ATS\d+.*", "\r\nERROR\r\n")
    script.on(r"AT\+CMEE.*", "\r\nERROR\r\n")
    modem = Modem(ModemOptions(script.path))

    modem.open()

    assert modem.list_held().slots == ()
    modem.close()


def test_a_device_that_vanishes_amid_a_command_is_noticed_at_once(script):
    with driven(script, command_timeout_s=20) as modem:
        script.on(r"AT\+CSQ", lambda said, _line: threading.Thread(target=said.hang_up).start())
        started_at = time.monotonic()

        with pytest.raises(LinkDown):
            modem.signal()

        assert time.monotonic() - started_at < 2


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
    assert time.monotonic() - started_at < 0.5


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
    assert time.monotonic() - started_at < 0.3


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

    assert time.monotonic() - started_at < 1


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

    assert time.monotonic() - started_at < 1.5


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
    assert time.monotonic() - started_at < 5


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
    with pytest.raises(CommandTimeout):
        modem.signal()

    with pytest.raises(LinkDown, match="Another modem"):
        modem.signal()


def test_a_modem_that_falls_silent_is_given_up_after_its_limit(script):
    with driven(script, silence_limit_s=0.5, command_timeout_s=0.1) as modem:
        script.is_mute = True
        with pytest.raises(CommandTimeout):
            modem.signal()
        with pytest.raises(LinkDown):
            modem.signal()


def test_a_modem_that_was_mute_for_a_moment_comes_back(script, modem):
    script.is_mute = True
    with pytest.raises(CommandTimeout):
        modem.signal()
    threading.Timer(0.3, lambda: setattr(script, "is_mute", False)).start()

    assert modem.signal().rssi == 17


# -- what an earlier process left --------------------------------------------------------------------------------------


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


# -- submitting --------------------------------------------------------------------------------------------------------


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

        assert eventually(lambda: not script.in_body, 1.0)


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
            lambda said, _body: threading.Thread(target=said.hang_up).start(),
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


def test_a_link_that_fails_before_the_body_is_no_doubt(script, modem):
    script.on(r"AT\+CMGS=.*", lambda said, _line: threading.Thread(target=said.hang_up).start())

    with pytest.raises(LinkDown):
        modem.submit(SUBMIT)


# -- deleting ----------------------------------------------------------------------------------------------------------


def test_a_delete_that_is_refused_is_not_returned(script, modem):
    script.put("SM", 1, pdu_of(1))
    script.put("SM", 2, pdu_of(2))
    script.on(r"AT\+CMGD=1", "\r\n+CMS ERROR: 320\r\n")

    assert [slot.index for slot in modem.delete(modem.list_held().slots)] == [2]


def test_a_delete_that_goes_unanswered_is_tried_no_further_and_what_was_done_is_told(script, modem):
    for index in (1, 2, 3):
        script.put("SM", index, pdu_of(index))
    script.once(r"AT\+CMGD=2", lambda said, _line: threading.Thread(target=said.hang_up).start())

    assert [slot.index for slot in modem.delete(modem.list_held().slots)] == [1]
    with pytest.raises(LinkDown):
        modem.list_held()
