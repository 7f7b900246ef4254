"""One line: what is deleted when, how often it looks, and what becomes of a reply."""

import pytest
from line_bench import Bench, a_reply, a_slot
from msgspec import structs

from hardware.errors import LinkDown, SubmitRejected, SubmitUnknown
from hardware.modem import Event, EventKind
from hardware.pdu import encode_submit
from smsgate.errors import StoreUnavailable
from smsgate.records import ReplyState


@pytest.fixture
def bench():
    return Bench()


def test_only_what_was_committed_is_deleted(bench):
    bench.modem.slots = {1: a_slot(1), 2: a_slot(2)}

    bench.settle()

    assert ("delete", [1, 2]) in bench.modem.done
    assert len(bench.store.committed) == 2
    assert not bench.modem.slots


def test_a_deleted_slot_is_reported_gone_when_a_listing_no_longer_shows_it(bench):
    bench.modem.slots = {3: a_slot(3)}

    bench.settle()

    assert bench.store.gone == [103]


def test_a_slot_that_will_not_go_is_tried_with_growing_pauses_and_alarmed(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.modem.keeps_deleted = True

    bench.pass_time(60)

    assert 3 <= bench.modem.names().count("delete") <= 5
    assert "line.m1.stuck" in bench.alarms


def test_another_message_in_a_freed_slot_is_received_at_once(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.settle()
    bench.modem.slots = {1: a_slot(1, b"\x00\x01")}
    bench.modem.events = [Event(EventKind.ARRIVED)]

    bench.settle()

    assert len(bench.store.committed) == 2
    assert not bench.modem.slots


def test_looks_twice_a_second_until_urcs_are_seen_to_work(bench):
    assert bench.settle() == pytest.approx(0.5)

    bench.modem.slots = {1: a_slot(1)}
    bench.modem.events = [Event(EventKind.ARRIVED)]
    bench.settle()

    assert bench.line._polling.interval_s == 15.0


def test_looks_every_second_once_a_message_came_unannounced(bench):
    bench.modem.events = [Event(EventKind.ARRIVED)]
    bench.settle()
    bench.modem.slots = {1: a_slot(1)}

    bench.pass_time(16)

    assert bench.store.committed
    assert bench.line._polling.interval_s == 1.0


def test_a_wake_up_for_a_reply_does_not_count_as_a_doorbell(bench):
    bench.settle()

    bench.line.wake()
    bench.settle()

    assert bench.line._polling.interval_s == 0.5


def test_what_waited_at_the_start_says_nothing_about_the_doorbell(bench):
    bench.modem.slots = {1: a_slot(1)}

    bench.settle()

    assert bench.line._polling.interval_s == 0.5


def test_a_lost_link_is_opened_again_and_the_message_still_received(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.modem.fail_next["list"] = LinkDown("The link is down.")
    bench.settle()
    assert bench.line.record.state == "closed"
    assert not bench.alarms, "what heals at once needs nobody"

    bench.pass_time(3)

    assert bench.store.committed
    assert bench.line.record.state == "ready"
    assert not bench.alarms


def test_a_reply_is_submitted_once_and_its_tp_mr_recorded(bench):
    bench.store.replies = [a_reply(5)]

    bench.settle()

    assert bench.modem.names().count("submit") == 1
    assert bench.store.parts == [(5, 1, 7)]
    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_only_missing_parts_of_a_reply_are_submitted(bench):
    bench.store.replies = [a_reply(5, "panjang " * 40, parts_submitted=frozenset({1, 2}))]

    bench.settle()

    assert [number for _, number, _ in bench.store.parts] == [3]


def test_a_rejected_reply_is_due_again_later(bench):
    bench.store.replies = [a_reply(5)]
    bench.modem.fail_next["submit"] = SubmitRejected(38, "network out of order")

    bench.settle()

    assert bench.store.settled == [(5, ReplyState.DUE)]
    assert (bench.store.next_ats[0] - bench.clock.now()).total_seconds() == pytest.approx(30)


def test_a_reply_without_an_answer_is_unconfirmed_and_never_sent_again(bench):
    bench.store.replies = [a_reply(5)]
    bench.modem.fail_next["submit"] = SubmitUnknown("No answer came.")

    bench.pass_time(600)

    assert bench.store.settled == [(5, ReplyState.UNCONFIRMED)]
    assert bench.modem.names().count("submit") == 1


def test_a_reply_is_due_again_when_the_link_failed_before_its_command(bench):
    """Every other trouble of the modem says that nothing was sent; a claim left open would end as a doubt."""
    bench.store.replies = [a_reply(5)]
    bench.modem.fail_next["submit"] = LinkDown("It stopped making sense.")

    bench.settle()

    assert bench.store.settled[0] == (5, ReplyState.DUE)
    assert "close" in bench.modem.names()


def test_no_reply_is_submitted_while_the_memory_is_more_than_half_full(bench):
    bench.modem.slots = {index: a_slot(index) for index in range(1, 7)}
    bench.modem.keeps_deleted = True
    bench.store.replies = [a_reply(5)]

    bench.settle()
    assert "submit" not in bench.modem.names()

    bench.modem.slots = {}
    bench.pass_time(2)
    assert "submit" in bench.modem.names()


def test_without_a_network_the_line_is_degraded_and_submits_nothing(bench):
    bench.modem.is_registered = False
    bench.pass_time(2)
    bench.store.replies = [a_reply(5)]
    bench.line.wake()
    bench.pass_time(60)
    assert bench.line.record.state == "degraded"
    assert "submit" not in bench.modem.names()

    bench.modem.is_registered = True
    bench.pass_time(10)

    assert bench.line.record.state == "ready"
    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_an_idle_line_asks_the_modem_little(bench):
    bench.modem.events = [Event(EventKind.ARRIVED)]
    bench.settle()
    bench.modem.done.clear()

    bench.pass_time(600)

    assert bench.modem.names().count("list") <= 41
    assert bench.modem.names().count("check_settings") <= 11


def test_what_was_seen_gone_is_told_again_when_it_could_not_be_written(bench):
    bench.modem.slots = {3: a_slot(3)}
    bench.line.step()
    bench.store.fail_next["mark_gone"] = StoreUnavailable("The disk is full.")

    bench.pass_time(3)

    assert bench.store.gone == [103]


def test_drafts_of_others_are_no_backlog(bench):
    bench.modem.drafts = 6
    bench.store.replies = [a_reply(5)]

    bench.settle()

    assert "submit" in bench.modem.names()


def test_a_reply_that_another_host_made_due_is_found_within_half_a_minute(bench):
    bench.settle()
    bench.store.replies = [a_reply(5)]

    bench.pass_time(31)

    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_the_same_modem_object_is_opened_again(bench):
    made = []
    device = bench.modem
    bench.line._new_modem = lambda: made.append(device) or device
    bench.modem.fail_next["list"] = LinkDown("The link is down.")

    bench.pass_time(5)

    assert bench.modem.names().count("open") == 2
    assert len(made) == 1


def test_each_connection_compares_once_what_the_store_believes_with_what_is_there(bench):
    bench.modem.slots = {3: a_slot(3)}
    bench.settle()
    bench.pass_time(30)
    assert [set(shown.keys) for shown in bench.store.shown] == [{("SM", 3)}]

    bench.modem.fail_next["list"] = LinkDown("Unplugged.")
    bench.pass_time(30)

    assert [set(shown.keys) for shown in bench.store.shown] == [{("SM", 3)}, set()]


def test_a_listing_with_noise_proves_nothing_gone(bench):
    bench.modem.is_torn = True
    bench.settle()
    assert bench.store.shown == []

    bench.modem.is_torn = False
    bench.pass_time(1)

    assert [dict(shown.whole) for shown in bench.store.shown] == [{"SM": "8962000000000000001"}]


def test_what_could_not_be_compared_is_compared_at_the_next_pass(bench):
    bench.store.fail_next["mark_absent"] = StoreUnavailable("The disk is full.")
    bench.settle()
    assert bench.store.shown == []

    bench.pass_time(1)

    assert len(bench.store.shown) == 1


def test_a_late_answer_settles_the_reply_that_was_in_doubt(bench):
    bench.store.replies = [a_reply(5)]
    bench.modem.fail_next["submit"] = SubmitUnknown("No answer came.")
    bench.settle()

    bench.modem.events = [Event(EventKind.LATE_SUBMIT, 77, bench.modem.submissions)]
    bench.pass_time(1)

    assert bench.store.parts == [(5, 1, 77)]
    assert bench.store.settled == [(5, ReplyState.UNCONFIRMED), (5, ReplyState.SUBMITTED)]


def test_a_late_answer_to_a_part_leaves_the_reply_in_doubt(bench):
    """The parts after it were never tried, and nobody may send them again by itself."""
    bench.store.replies = [a_reply(5, "panjang " * 40)]
    bench.modem.fail_next["submit"] = SubmitUnknown("No answer came.")
    bench.settle()

    bench.modem.events = [Event(EventKind.LATE_SUBMIT, 77, bench.modem.submissions)]
    bench.pass_time(1)

    assert bench.store.parts == [(5, 1, 77)]
    assert bench.store.settled == [(5, ReplyState.UNCONFIRMED)]


def test_a_late_answer_settles_nothing_once_another_sms_was_submitted(bench):
    bench.store.replies = [a_reply(5), a_reply(6)]
    bench.modem.fail_next["submit"] = SubmitUnknown("No answer came.")
    bench.pass_time(1)

    bench.modem.events = [Event(EventKind.LATE_SUBMIT, 77, bench.modem.submissions)]
    bench.pass_time(1)

    assert bench.store.settled == [(5, ReplyState.UNCONFIRMED), (6, ReplyState.SUBMITTED)]


def test_a_late_answer_to_a_technicians_sms_settles_no_reply(bench):
    bench.store.replies = [a_reply(5)]
    bench.modem.fail_next["submit"] = SubmitUnknown("No answer came.")
    bench.settle()

    bench.modem.submit(encode_submit("+628111111111", "tes", reference=0)[0])
    bench.modem.events = [Event(EventKind.LATE_SUBMIT, 77, bench.modem.submissions)]
    bench.pass_time(1)

    assert bench.store.settled == [(5, ReplyState.UNCONFIRMED)]


def test_a_late_answer_to_the_sms_before_settles_not_the_reply_after_it(bench):
    bench.store.replies = [a_reply(5), a_reply(6)]
    bench.modem.fail_always["submit"] = SubmitUnknown("No answer came.")
    bench.pass_time(1)

    bench.modem.events = [
        Event(EventKind.LATE_SUBMIT, 77, bench.modem.submissions - 1),
        Event(EventKind.LATE_SUBMIT, 78, bench.modem.submissions),
    ]
    bench.pass_time(1)

    assert bench.store.parts == [(6, 1, 78)]


def test_an_answer_that_nobody_waits_for_is_passed_over(bench):
    bench.modem.events = [Event(EventKind.LATE_SUBMIT, 77), Event(EventKind.LATE_SUBMIT)]

    bench.settle()

    assert bench.store.settled == []


def test_a_reply_in_doubt_does_not_close_a_link_that_works(bench):
    bench.store.replies = [a_reply(5)]
    bench.modem.fail_next["submit"] = SubmitUnknown("No answer came.")

    bench.settle()

    assert "close" not in bench.modem.names()


def test_a_call_is_rejected_once_and_nobody_is_told(bench):
    bench.settle()
    bench.modem.events = [Event(EventKind.CALL), Event(EventKind.CALL)]

    bench.pass_time(1)

    assert bench.modem.names().count("reject_call") == 1
    assert not bench.alarms


def test_an_sms_whose_body_was_lost_has_the_settings_looked_at(bench):
    bench.settle()
    bench.modem.done.clear()
    bench.modem.events = [Event(EventKind.BODY_LOST)]

    bench.settle()

    assert "check_settings" in bench.modem.names()


@pytest.mark.parametrize(
    ("drafts", "alarms"),
    [
        pytest.param(4, set(), id="less than half"),
        pytest.param(5, {"line.m1.filling"}, id="half"),
        pytest.param(9, {"line.m1.full"}, id="nearly all"),
    ],
)
def test_memory_that_stays_taken_is_alarmed(bench, drafts, alarms):
    bench.modem.drafts = drafts

    bench.pass_time(2)

    assert set(bench.alarms) == alarms
    assert all("drafts" in text for text in bench.alarms.values())


def test_memory_alarms_end_by_themselves(bench):
    bench.modem.drafts = 9
    bench.pass_time(2)
    bench.modem.drafts = 0

    bench.pass_time(2)

    assert not bench.alarms


def test_a_burst_on_its_way_through_is_no_full_memory(bench):
    bench.modem.slots = {index: a_slot(index) for index in range(1, 11)}
    raised = []
    bench.alarms = type("Alarms", (dict,), {"__setitem__": lambda _s, k, _v: raised.append(k)})()

    bench.pass_time(5)

    assert bench.store.committed
    assert not raised


def test_a_slot_that_went_after_all_is_no_longer_stuck(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.modem.keeps_deleted = True
    bench.pass_time(60)
    assert "line.m1.stuck" in bench.alarms

    bench.modem.slots = {}
    bench.pass_time(2)

    assert bench.alarms == {}


def test_a_line_knows_how_long_it_is_closed(bench):
    bench.clock.move(700)
    assert bench.line.is_away(600), "it never was open"

    bench.settle()
    assert not bench.line.is_away(0)
    bench.modem.fail_always["open"] = LinkDown("Unplugged.")
    bench.modem.fail_next["list"] = LinkDown("Unplugged.")
    bench.pass_time(700)

    assert bench.line.is_away(600)
    assert not bench.line.is_away(800)


def test_replies_of_a_line_that_is_away_are_looked_for(bench):
    bench.line._submission._tools = structs.replace(bench.line._tools, away_lines=lambda: ["m2"])

    bench.settle()

    assert ("m2", "m1") in bench.store.taken_over
