"""Which SIM belongs into a line: remembered at first sight, held against every other, accepted by a person."""

import os

import pytest
from line_bench import Bench, a_reply, a_slot
from msgspec import structs
from msgspec.structs import replace

from hardware.errors import LinkDown
from hardware.modem import Identity
from hardware.sim_pins import SimIdentity, SimPins
from smsgate.records import ReplyState

OURS = SimIdentity("8962100000000000001", "510100000000001", "+6281100000")
OTHER = SimIdentity("8962100000000000002", "510100000000002", "+6281100000")
MOVED = replace(OURS, smsc="+6281199999")


@pytest.fixture
def pins(tmp_path):
    return SimPins(tmp_path / "sims.json")


@pytest.mark.parametrize(
    ("seen", "change"),
    [
        pytest.param(OURS, None, id="the same"),
        pytest.param(OTHER, "SIM", id="another ICCID"),
        pytest.param(MOVED, "SMSC", id="another SMSC"),
        pytest.param(SimIdentity(smsc="6281100000"), None, id="told otherwise, the same number"),
        pytest.param(SimIdentity(), None, id="a modem that tells nothing"),
        pytest.param(SimIdentity(imsi="510109"), "SIM", id="no ICCID told, another IMSI"),
        pytest.param(replace(OURS, imsi=None), None, id="no IMSI told"),
    ],
)
def test_what_counts_as_a_change(pins, seen, change):
    assert pins.check("m1", OURS) is None, "the first sight"

    assert pins.check("m1", seen) == change


def test_a_sim_is_remembered_by_another_process_and_by_line(tmp_path):
    SimPins(tmp_path / "sims.json").check("m1", OURS)

    again = SimPins(tmp_path / "sims.json")

    assert again.check("m1", OTHER) == "SIM"
    assert again.check("m2", OTHER) is None


def test_an_accepted_sim_is_the_right_one_from_then_on(pins):
    pins.check("m1", OURS)
    pins.check("m1", OTHER)
    assert pins.strange("m1") == OTHER

    assert pins.accept("m1")

    assert pins.check("m1", OTHER) is None
    assert pins.check("m1", OURS) == "SIM"


def test_accepting_before_the_change_takes_whatever_comes(pins):
    pins.check("m1", OURS)

    assert pins.accept("m1")

    assert pins.check("m1", OTHER) is None
    assert pins.check("m1", OURS) == "SIM"


def test_there_may_be_nothing_to_accept(pins):
    assert not pins.accept("m1")


def test_the_right_sim_put_back_needs_nobody(pins):
    pins.check("m1", OURS)
    pins.check("m1", OTHER)

    assert pins.check("m1", OURS) is None
    assert pins.strange("m1") is None


def test_what_was_told_once_is_not_forgotten(pins):
    pins.check("m1", OURS)
    pins.check("m1", SimIdentity())

    assert pins.check("m1", OTHER) == "SIM"


def test_nothing_is_written_while_nothing_changes(pins, tmp_path):
    pins.check("m1", OURS)
    before = os.stat(tmp_path / "sims.json").st_ino

    pins.check("m1", OURS)

    assert os.stat(tmp_path / "sims.json").st_ino == before


def test_the_file_is_its_owners_alone(pins, tmp_path):
    pins.check("m1", OURS)

    assert os.stat(tmp_path / "sims.json").st_mode & 0o777 == 0o600


def test_no_number_of_a_sim_is_shown_by_chance():
    assert "8962" not in repr(OURS)
    assert "5101" not in repr(OURS)


# -- the line


def a_bench(sim, *others):
    """Return a line whose modem has this SIM, and the others after each time it is opened again."""
    bench = Bench()
    sims = [sim, *others]

    def opened():
        bench.modem.is_open = True
        now = sims.pop(0) if len(sims) > 1 else sims[0]
        return Identity("Maker", "Model", "1", "350000000000000", now.imsi, now.iccid, now.smsc)

    bench.modem.open = opened
    return bench


def change_sim(bench):
    bench.modem.fail_next["list"] = LinkDown("Unplugged.")
    bench.pass_time(20)


@pytest.mark.parametrize("seen", [OTHER, MOVED])
def test_replies_wait_and_sms_are_received_while_the_sim_is_strange(seen):
    bench = a_bench(OURS, seen)
    bench.settle()
    change_sim(bench)

    bench.store.replies = [a_reply(5)]
    bench.modem.slots = {1: a_slot(1)}
    bench.pass_time(120)

    assert "accept-sim m1" in bench.alarms["line.m1.sim"]
    assert bench.store.committed
    assert "submit" not in bench.modem.names()


def test_replies_go_on_once_the_sim_is_accepted():
    bench = a_bench(OURS, OTHER)
    bench.settle()
    change_sim(bench)
    bench.store.replies = [a_reply(5)]

    bench.line._tools.sim_pins.accept("m1")
    bench.line.wake()
    bench.settle()

    assert not bench.alarms
    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_a_file_that_cannot_be_used_is_said_and_keeps_nothing_waiting(tmp_path):
    (tmp_path / "sims.json").write_text("[]")
    bench = a_bench(OURS)
    bench.line._tools = structs.replace(bench.line._tools, sim_pins=SimPins(tmp_path / "sims.json"))
    bench.store.replies = [a_reply(5)]

    bench.settle()

    assert "line.m1.sim" in bench.alarms
    assert bench.store.settled == [(5, ReplyState.SUBMITTED)]


def test_a_file_that_was_mended_ends_its_alarm_and_the_sim_is_compared_at_once(tmp_path):
    file = tmp_path / "sims.json"
    SimPins(file).check("m1", OURS)
    right = file.read_text()
    file.write_text("[]")
    bench = a_bench(OTHER)
    bench.line._tools = structs.replace(bench.line._tools, sim_pins=SimPins(file))
    bench.settle()

    file.write_text(right)
    bench.store.replies = [a_reply(5)]
    bench.line.wake()
    bench.settle()

    assert "another SIM" in bench.alarms["line.m1.sim"]
    assert not bench.store.settled

    bench.line._tools.sim_pins.accept("m1")
    bench.pass_time(60)

    assert not bench.alarms
