"""What a modem brings that is no ordinary SMS: each gets one disposition, or is none of ours and left alone."""

import pytest
from fault_bench import FaultBench
from simulation.gateway import _INTAKE
from stores import SERVICES, rows

from smsgate.records import Disposition
from smsgate.store import Store


@pytest.fixture
def bench(sqlite_url):
    bench = FaultBench()
    store = Store(sqlite_url, "batam-1", clock=bench.clock, services=SERVICES)
    store.open()
    store.own()
    bench.use(store, _INTAKE.decide)
    yield bench
    bench.line.close()
    store.close()


def dispositions(bench):
    return [row[0] for row in rows(bench.line._store, "SELECT disposition FROM sms ORDER BY id")]


@pytest.mark.parametrize(
    ("fault", "params", "disposition"),
    [
        pytest.param("flash_sms", {}, Disposition.COMPLAINT, id="a flash SMS is an SMS"),
        pytest.param("invalid_timestamp", {}, Disposition.COMPLAINT, id="without a time"),
        pytest.param(
            "mms_notification", {}, Disposition.TRIAGE, id="notice of an MMS, for a person"
        ),
        pytest.param("status_report_stored", {}, Disposition.REPORT, id="delivery report"),
        pytest.param("undecodable_pdu", {}, Disposition.UNDECODABLE, id="no TPDU at all"),
        pytest.param("operator_sms", {}, Disposition.OPERATOR_NOTICE, id="the operator"),
        pytest.param("cell_broadcast", {}, None, id="cell broadcast: to nobody in particular"),
        pytest.param("draft_stored", {}, None, id="a draft of somebody's"),
        pytest.param("incoming_call", {"text": "+6281200000001"}, None, id="a call"),
    ],
)
def test_everything_that_comes_has_one_disposition(bench, fault, params, disposition):
    bench.run_for(2)
    bench.strike(fault, **params)
    bench.run_for(20)

    assert dispositions(bench) == ([] if disposition is None else [disposition.value])
    assert bench.device.memories["SM"].used == (1 if fault == "draft_stored" else 0)


def test_an_sms_handed_over_directly_is_stored_and_then_acknowledged(bench):
    """Another program left AT+CNMI so; until that is noticed, what comes is not in any memory."""
    bench.run_for(2)
    bench.strike("direct_delivery")

    bench.arrive("BTM langsung")
    bench.run_for(120)
    bench.arrive("BTM disimpan")
    bench.run_for(20)

    assert dispositions(bench) == ["complaint", "complaint"]
    assert bench.device.settings.notification[1] == 1, "our setting again"


def test_a_call_is_hung_up(bench):
    bench.run_for(2)

    bench.device.call("+6281200000001")
    bench.run_for(5)

    assert bench.device.caller is None
