"""One line whose store cannot be used for a while: nothing is deleted, nothing that was sent is forgotten."""

from contextlib import suppress

import pytest
from line_bench import Bench, a_reply, a_slot

from hardware.errors import LinkDown
from smsgate.errors import StoreError, StoreUnavailable
from smsgate.records import ReplyState


@pytest.fixture
def bench():
    return Bench()


def test_nothing_is_deleted_when_the_store_cannot_commit(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.store.fail_next["receive"] = StoreUnavailable("The disk is full.")

    bench.settle()

    assert "delete" not in bench.modem.names()
    assert bench.alarms["store"] == "The disk is full."


def test_status_shows_what_waits_on_the_modem_while_the_store_cannot_commit(bench):
    """Whoever reads 0 there takes the SIM out, as README says, and with it what is stored nowhere else."""
    bench.modem.slots = {1: a_slot(1), 2: a_slot(2)}
    bench.store.fail_next["receive"] = StoreUnavailable("The disk is full.")

    bench.settle()

    assert bench.line.record.held == 2


def test_receiving_goes_on_by_itself_when_the_store_works_again(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.store.fail_next["receive"] = StoreUnavailable("The disk is full.")
    bench.settle()

    bench.pass_time(1.0)

    assert bench.store.committed
    assert not bench.alarms
    assert bench.line.record.state == "ready"


def test_the_stores_alarm_ends_on_a_line_that_lost_its_modem_meanwhile(bench):
    bench.modem.slots = {1: a_slot(1)}
    bench.store.fail_next["receive"] = StoreUnavailable("The disk is full.")
    bench.settle()
    bench.modem.fail_next["list"] = bench.modem.fail_always["open"] = LinkDown("The link is down.")
    bench.store.fail_always["save_line"] = StoreUnavailable("Still full.")
    bench.pass_time(5)
    assert bench.line.record.state == "closed"
    assert "store" in bench.alarms

    bench.store.fail_always.clear()
    bench.pass_time(30)

    assert bench.line.record.state == "closed"
    assert "store" not in bench.alarms


def test_what_the_network_took_is_written_down_when_the_store_works_again(bench):
    bench.store.replies = [a_reply(5), a_reply(6)]
    bench.store.fail_next["settle"] = StoreUnavailable("The disk is full.")

    bench.pass_time(5)

    assert [state for number, state in bench.store.settled if number == 5][-1:] == [
        ReplyState.SUBMITTED
    ]
    assert bench.modem.names().count("submit") == 2
    assert sorted(bench.store.parts) == [(5, 1, 7), (6, 1, 7)]


@pytest.mark.parametrize(
    "mistake", [StoreError("The store failed."), KeyError("state")], ids=["store", "ours"]
)
def test_an_outcome_that_can_never_be_written_stops_no_receiving(bench, mistake):
    """Its lease makes the reply `unconfirmed`."""
    bench.store.replies = [a_reply(5)]
    bench.store.fail_always["settle"] = mistake
    with suppress(KeyError):  # the runner logs it and goes on
        bench.settle()

    bench.modem.slots[1] = a_slot(1)
    bench.pass_time(5)

    assert bench.store.committed == [a_slot(1).pdu]
    assert bench.modem.names().count("submit") == 1


def test_what_the_network_took_is_written_down_also_while_the_link_is_away(bench):
    """Its lease runs out meanwhile, and a reply that surely went out would be in doubt."""
    bench.store.replies = [a_reply(5)]
    bench.store.fail_next["settle"] = StoreUnavailable("The disk is full.")
    bench.settle()
    bench.modem.fail_next["list"] = LinkDown("Unplugged.")
    bench.clock.move(5)
    bench.line.step()
    bench.modem.fail_next["open"] = LinkDown("Still unplugged.")
    bench.clock.move(5)

    bench.line.step()

    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_what_the_network_took_is_written_down_before_the_line_ends(bench):
    bench.store.replies = [a_reply(5)]
    bench.store.fail_next["settle"] = StoreUnavailable("The disk is full.")
    bench.settle()

    bench.line.close()

    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_a_line_ends_also_when_its_store_does_not_work(bench):
    bench.store.replies = [a_reply(5)]
    bench.store.fail_next["settle"] = StoreUnavailable("The disk is full.")
    bench.settle()
    bench.store.fail_next["settle"] = StoreUnavailable("Still full.")

    bench.line.close()

    assert not bench.modem.is_open
