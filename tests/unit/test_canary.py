"""Canaries: sent when due, known again, never a complaint; one that does not come means a deaf line."""

from itertools import count

import pytest
from config_files import MINIMAL
from fault_bench import CITIZEN, NUMBER, FaultBench
from line_bench import Bench
from msgspec import structs

from hardware.errors import SubmitRejected
from smsgate.canary import FIRST_AFTER_S, LATE_S, CanaryBoard, CanaryRoute
from smsgate.config import load
from smsgate.daemon import canary_routes
from smsgate.errors import ConfigError
from smsgate.records import CompleteSms, Decision, Disposition, SenderKnowledge

HOUR_S = 3600.0
ROUTE = CanaryRoute("m1", "m1", NUMBER, 6 * HOUR_S)


def a_board(now=0.0):
    tokens = count(1)
    return CanaryBoard([ROUTE], now=now, new_token=lambda: f"{next(tokens):08X}")


@pytest.fixture
def bench():
    """A line that sends itself canaries."""
    bench = FaultBench(traced=False)
    board = a_board(bench.clock.monotonic())
    line = bench.line
    line._tools = structs.replace(line._tools, canaries=board)
    filed = []

    def note(sms, text):
        filed.append((text, board.recognise(text, sms.sender.number)))

    bench.filed = filed
    receive = bench.store.receive

    def receive_and_recognise(line, service, batch, *rest, **more):
        for part in batch:
            note(part.decoded, part.decoded.text)
        return receive(line, service, batch, *rest, **more)

    bench.store.receive = receive_and_recognise
    bench.run_for(1)
    bench.arrive()  # announcements are seen to work: it looks seldom from now on
    bench.run_for(1)
    filed.clear()
    return bench


def test_canary_arrives_and_nothing_is_said(bench):
    bench.run_for(FIRST_AFTER_S + 120)

    assert bench.filed == [("smsgate canary 00000001", True)]
    bench.run_for(LATE_S)
    assert not bench.alarms


def test_canaries_are_sent_as_often_as_configured():
    board = a_board()
    sent_at = [hour for hour in range(25) if board.take_due("m1", hour * HOUR_S)]

    assert sent_at == [1, 7, 13, 19]


def test_deaf_line_is_said_restarted_and_heard_again(bench):
    """It answers and is registered, and nothing comes until it is restarted."""
    bench.run_for(FIRST_AFTER_S - 60)
    bench.strike("storage_refuses")
    restarts = []
    reboot = bench.device.reboot

    def reboot_and_hear(*rest):
        restarts.append(bench.clock.monotonic())
        bench.clear("storage_refuses")
        reboot(*rest)

    bench.device.reboot = reboot_and_hear
    bench.run_for(LATE_S + 30)
    assert not restarts

    bench.run_until(lambda: bool(restarts), limit_s=300)
    bench.run_until(lambda: not bench.alarms and bench.filed, limit_s=300)

    assert restarts
    assert bench.filed
    assert bench.line.record.state == "ready"


def test_deaf_line_is_an_alarm_with_the_next_thing_to_do(bench):
    bench.run_for(FIRST_AFTER_S - 60)
    bench.strike("storage_refuses")

    bench.run_for(LATE_S + 240)

    assert "by hand" in bench.alarms["line.m1.deaf"]


def test_only_our_own_canary_is_one():
    board = a_board()

    assert not board.recognise("BTM smsgate canary 00000001", NUMBER), "a complaint that quotes one"
    assert not board.recognise("smsgate canary 00000001", CITIZEN), "a stranger's"
    assert board.recognise("smsgate canary 0000FFFF", NUMBER), "from before a restart"


def test_canary_that_comes_late_or_again_is_still_one():
    """As a complaint it would be answered, from one line of ours to the other."""
    board = CanaryBoard(
        [CanaryRoute("m1", "m2", NUMBER, HOUR_S, from_number="+6281170001709")],
        now=0.0,
        new_token=map("{:08X}".format, count(1)).__next__,
    )
    texts = [board.take_due("m1", FIRST_AFTER_S + n * HOUR_S)[1] for n in range(2)]

    for text in [*texts, *texts]:
        assert board.recognise(text, "+6281170000000"), (
            "in whatever form the network gives its number"
        )
    assert board.recognise("smsgate canary 0000FFFF", "+6281170001709"), "from before a restart"
    assert not board.recognise("smsgate canary 0000FFFF", CITIZEN)


def test_canary_is_a_test_and_all_else_is_decided_as_ever():
    triage = Decision(Disposition.TRIAGE)
    decide = a_board().watch(lambda *_: triage)
    sms = CompleteSms(
        service="btm",
        line="m1",
        sender=NUMBER,
        is_alphanumeric=False,
        text="smsgate canary 00000001",
        sent_at=None,
        received_at=None,
    )

    assert decide(sms, SenderKnowledge(), "1").disposition is Disposition.TEST
    assert decide(structs.replace(sms, text="halo"), SenderKnowledge(), "1") is triage


def test_rejected_canary_makes_nobody_deaf():
    board = a_board()
    assert board.take_due("m1", FIRST_AFTER_S)

    board.note_rejected("m1", FIRST_AFTER_S)

    assert not board.is_deaf("m1", FIRST_AFTER_S + LATE_S)
    assert board.take_due("m1", FIRST_AFTER_S + 700)


def test_rejected_canary_closes_no_line():
    """A SIM without credit still receives."""
    bench = Bench()
    tools = bench.line._tools
    bench.line._tools = structs.replace(tools, canaries=a_board(bench.clock.monotonic()))
    bench.modem.fail_always["submit"] = SubmitRejected(38, "network out of order")

    bench.pass_time(FIRST_AFTER_S + 60)

    assert bench.modem.names().count("submit") == 1
    assert "close" not in bench.modem.names()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        pytest.param("canary_every_h = 6", "sim_number", id="to itself, without its number"),
        pytest.param(
            'canary_every_h = 6\ncanary_to = "m9"', "canary_to", id="to a modem that is not there"
        ),
    ],
)
def test_canary_that_cannot_be_sent_is_refused_with_the_configuration(tmp_path, lines, problem):
    file = tmp_path / "smsgate.toml"
    file.write_text(MINIMAL.replace("#modem#", lines))

    with pytest.raises(ConfigError) as caught:
        load(file, environ={})

    assert problem in "\n".join(caught.value.problems)


def test_canary_goes_to_the_line_itself_where_no_other_is_named(tmp_path):
    file = tmp_path / "smsgate.toml"
    file.write_text(MINIMAL.replace("#modem#", f'canary_every_h = 6\nsim_number = "{NUMBER}"'))

    assert canary_routes(load(file, environ={})) == [structs.replace(ROUTE, from_number=NUMBER)]
