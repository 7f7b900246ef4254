"""Every named fault of the simulated modem against the real line and driver, on the virtual clock.

Each lasts for a while, with SMS arriving amid it and at its end, and a draft that is nobody's to touch. Then the line
must be receiving again by itself, soon, with nothing lost and nothing stored twice.
"""

import random

import pytest
from fault_bench import FaultBench
from fault_cases import AT_LAST_S, OF_THE_PORT, SOON_S, FaultCase, all_names, case_of

from hardware.simulator.faults import FOR_EVER, KINDS
from smsgate.records import ReplyState

DURATIONS_S = (2.0, 10.0, 45.0, 700.0)
HERE = [name for name in all_names() if name not in OF_THE_PORT]


def started(**options):
    bench = FaultBench(**options)
    bench.arrive()
    bench.strike("draft_stored")
    bench.run_for(3)
    assert bench.has_all()
    return bench


def outlived(bench, case):
    """Let the fault strike and end; return seconds from its end until all is stored, and check what must hold."""
    seconds = bench.outlive(case.name, for_s=case.for_s, **case.params)
    bench.run_for(20)
    assert bench.has_all(), f"lost amid {case.name}; {bench.trace.lines[-30:]}"
    # what the fault itself sends may be the same several times: it is what came, not what was stored twice
    assert all(bench.store.texts[text] == 1 for text in bench.sent)
    return seconds


@pytest.mark.parametrize("name", HERE)
def test_line_outlives_the_fault(name):
    bench = started()
    case = case_of(name)

    seconds = outlived(bench, case)

    assert seconds <= case.soon_s
    has_draft = 0 if name == "sim_swapped" else 2 if name == "draft_stored" else 1
    assert bench.drafts() == has_draft
    assert bench.line.record.state == "ready"


@pytest.mark.parametrize("for_s", DURATIONS_S)
@pytest.mark.parametrize(
    "name", [name for name in HERE if case_of(name).soon_s == SOON_S and name != "garbage"]
)
def test_line_is_back_soon_however_long_it_lasted(name, for_s):
    assert outlived(started(), case_of(name, for_s)) <= SOON_S


# Shapes that a fault has besides its usual one; each cost some other program a message.
VARIANTS = {
    "late answer, amid the next command": ("late_answer", {"delay_s": 12.0}),
    "announcement between header and PDU": ("urc_in_answer", {"command": "+CMGL", "count": 1}),
    "announcement behind the PDU": ("urc_in_answer", {"command": "+CMGL", "count": 2}),
    "SMS arrives between listing and delete": ("arrival_in_answer", {"command": "+CMGD", "times": 5}),
    "SMS arrives amid a listing": ("arrival_in_answer", {"command": "+CMGL", "times": 5}),
    "busy (515) for ever": ("cme_error", {"code": 515, "times": FOR_EVER}),
    "busy (14) for ever": ("cme_error", {"code": 14, "times": FOR_EVER}),
    "busy (+CMS ERROR 314) for ever": ("cms_error", {"code": 314, "times": FOR_EVER}),
    "no delete works": ("cms_error", {"command": "+CMGD", "code": 500, "times": FOR_EVER}),
    "listing of many seconds": ("slow_answer", {"command": "+CMGL", "delay_s": 3.0, "times": FOR_EVER}),
    "listing cut in half": ("cut_answer", {"command": "+CMGL", "times": FOR_EVER}),
    "delete whose answer is lost": ("lost_answer", {"command": "+CMGD", "times": FOR_EVER}),
    "restart into text mode": ("reboot_at_command", {"delay_s": 3.0, "text": "text mode"}),
    "restart amid a listing": ("reboot_in_answer", {"command": "+CMGL", "delay_s": 3.0}),
    "port gone amid a listing": ("port_gone_in_answer", {"command": "+CMGL", "delay_s": 10.0}),
    "port gone amid a delete": ("port_gone_at_command", {"command": "+CMGD", "delay_s": 10.0}),
    "mute amid a listing": ("mute_at_command", {"command": "+CMGL", "delay_s": 10.0}),
    "SIM not ready": ("sim_state", {"text": "NOT READY"}),
    "SIM out and in again": ("sim_state", {"text": "ABSENT"}),
    "not on the network: idle": ("registration", {"code": 0}),
    "not on the network: searching": ("registration", {"code": 2}),
    "not on the network: denied": ("registration", {"code": 3, "count": 15}),
    "roaming": ("registration", {"code": 5}),
}  # fmt: skip


@pytest.mark.parametrize("for_s", [10.0, 45.0])
@pytest.mark.parametrize("variant", VARIANTS)
def test_line_outlives_each_shape_of_a_fault(variant, for_s):
    bench = started()
    name, params = VARIANTS[variant]

    seconds = outlived(bench, FaultCase(name, for_s, AT_LAST_S, params))

    assert seconds <= AT_LAST_S
    assert bench.drafts() == 1
    assert bench.line.record.state == "ready"


def test_line_outlives_a_full_memory_of_which_it_is_told_nothing():
    bench = started()
    bench.strike("urc_withheld")

    seconds = outlived(bench, case_of("memory_full"))

    assert seconds <= SOON_S


@pytest.mark.parametrize("name", ["mute", "reboot", "port_gone", "lost_answer", "text_mode"])
def test_line_outlives_it_also_without_announcements(name):
    bench = started(urc=False)

    assert outlived(bench, case_of(name)) <= SOON_S + 1.0, "it looks every second"


def test_nineteen_of_twenty_unannounced_sms_are_stored_within_a_second():
    bench = started(urc=False)
    chance = random.Random(1708)
    waited_s = []

    for _ in range(100):
        bench.run_for(chance.uniform(0.5, 120.0))
        waited_s.append(bench.seconds_to_receive(limit_s=30.0))

    assert sorted(waited_s)[94] <= 1.0


@pytest.mark.parametrize(
    ("fault", "params", "sent", "state"),
    [
        pytest.param("submit_error", {"code": 38}, 1, ReplyState.SUBMITTED, id="38, then it works"),
        pytest.param("submit_error", {"code": 21}, 1, ReplyState.SUBMITTED, id="21, then it works"),
        pytest.param(
            "submit_error", {"code": 500}, 0, ReplyState.UNCONFIRMED, id="500 proves nothing"
        ),
        pytest.param("no_prompt", {}, 1, ReplyState.SUBMITTED, id="no prompt"),
        pytest.param(
            "late_answer",
            {"command": "+CMGS", "delay_s": 45.0},
            1,
            ReplyState.SUBMITTED,
            id="the network takes 45 s",
        ),
        pytest.param(
            "lost_answer", {"command": "+CMGS"}, 1, ReplyState.UNCONFIRMED, id="answer lost"
        ),
        pytest.param("reboot_in_body", {}, 0, ReplyState.UNCONFIRMED, id="restart in AT+CMGS"),
        pytest.param(
            "port_gone_in_answer",
            {"command": "+CMGS"},
            1,
            ReplyState.UNCONFIRMED,
            id="device gone in the answer",
        ),
    ],
)
def test_reply_is_submitted_once_or_left_in_doubt(fault, params, sent, state):
    bench = started()
    bench.strike(fault, **params)
    bench.owe_reply()

    bench.run_for(900)

    assert bench.network.submitted_count == sent
    assert bench.store.settled[-1][1] is state
    assert bench.seconds_to_receive() < 60


# The network may take two minutes to answer an AT+CMGS: a modem that lost the answer looks just so. What came of the
# answer, a sign of a restart or a dead port says that nothing more will come.
@pytest.mark.parametrize(
    ("fault", "params", "limit_s"),
    [
        pytest.param("cut_answer", {"command": "+CMGS"}, 5.0, id="answer cut in half"),
        pytest.param("reboot_in_body", {}, 15.0, id="restart in AT+CMGS"),
        pytest.param("port_gone_in_answer", {"command": "+CMGS"}, 15.0, id="device gone"),
        pytest.param("no_prompt", {}, 15.0, id="no prompt"),
        pytest.param("lost_answer", {"command": "+CMGS"}, 130.0, id="answer lost"),
        pytest.param("mute_at_command", {"command": "+CMGS", "delay_s": 10.0}, 15.0, id="mute"),
    ],
)
def test_a_submission_that_fails_does_not_keep_the_line_from_receiving(fault, params, limit_s):
    bench = started()
    bench.strike(fault, **params)
    bench.owe_reply()
    bench.run_for(1)

    assert bench.seconds_to_receive(limit_s=300.0) <= limit_s


def test_hopeless_reply_is_tried_with_growing_pauses():
    bench = started()
    bench.strike("submit_error", code=38, times=0)
    bench.owe_reply()

    bench.run_for(6 * 3600)

    waits = [
        (later - earlier).total_seconds()
        for earlier, later in zip(bench.store.tried_at, bench.store.next_ats, strict=False)
        if later is not None
    ]
    assert 5 <= len(waits) <= 20
    assert waits[:6] == sorted(waits[:6])
    assert all(wait_s >= 3600 for wait_s in waits[7:])
    assert bench.network.submitted_count == 0


def test_table_of_faults_is_covered():
    assert set(HERE) | set(OF_THE_PORT) == set(KINDS)


@pytest.mark.parametrize("seed", [1, 7, 9])
@pytest.mark.parametrize("is_first", [True, False], ids=["at first sight", "later"])
@pytest.mark.parametrize("command", ["+CCID", "+CSCA"])
def test_one_garbled_answer_is_not_another_sim(command, is_first, seed):
    """Replies would wait until a person accepts a SIM that was there all the time."""
    bench = FaultBench(seed=seed)
    bench.run_for(0 if is_first else 3)
    bench.strike("flipped_bits", command=command)
    bench.run_for(30 if is_first else 0)
    bench.strike("reboot")
    bench.run_for(30)

    bench.owe_reply()
    bench.run_for(60)

    assert bench.network.submitted_count == 1


@pytest.mark.parametrize("seed", [7, 9, 13])
def test_a_garbled_smsc_number_is_not_written_to_the_sim(seed):
    """The package puts back the number that it read first, where it reads another one later."""
    bench = FaultBench(seed=seed)
    number = bench.device.card.smsc
    bench.strike("flipped_bits", command="+CSCA")

    bench.run_for(30)

    assert bench.device.card.smsc == number
    assert bench.line.record.state == "ready"
