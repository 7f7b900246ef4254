"""The forwarder on the real store, against the simulated backend: what is filed arrives once."""

from __future__ import annotations

import time

import pytest
import structlog
from filed_complaints import file_complaints

from smsgate.backends.json import JsonContract, open_json_backend
from smsgate.backends.simulated import SimulatedBackend, SimulatedContract
from smsgate.clock import SystemClock
from smsgate.forwarder import Forwarder
from smsgate.retry import RetryPolicy
from smsgate.store import ServiceFacts, Store

COMPLAINTS = 6
DEADLINE_S = 0.4
POLICY = RetryPolicy(0.01, delay_s_max=0.05, held_delay_s=0.05)


def open_store(url):
    services = {"btm": ServiceFacts(number="1708", backends=("kota",))}
    store = Store(url, "batam-1", clock=SystemClock(), services=services)
    store.open()
    store.own()
    return store


@pytest.fixture
def store(store_url):
    store = open_store(store_url)
    yield store
    store.close()


@pytest.fixture
def connect(store):
    """Make forwarders that are closed when the test ends."""
    forwarders = []

    def make(city, **contract):
        contract = JsonContract(name="kota", url=city.complaints_url, settle_s=0.05, **contract)
        clock = SystemClock()
        backend = open_json_backend(contract, clock=clock, timeout_s=DEADLINE_S)
        forwarders.append(Forwarder(store, backend, clock=clock, chance=lambda: 0.0, policy=POLICY))
        return forwarders[-1]

    yield make
    for forwarder in forwarders:
        forwarder.close()


def step_until(forwarder, condition, limit_s=30.0):
    """Step as the runner would, until a condition holds."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "did not come"
        forwarder.wait(min(forwarder.step() or 0.0, 0.05))


def references(city):
    return sorted(entry["reference"] for entry in city.register.list())


@pytest.mark.parametrize("keys", [True, False], ids=["keys honoured", "asked instead"])
@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        pytest.param("none", {}, id="no fault"),
        pytest.param("status", {"status": 503}, id="away"),
        pytest.param("take_and_hang", {}, id="take and hang"),
        pytest.param("take_and_drop", {}, id="take and drop"),
        pytest.param("status", {"status": 401}, id="wrong credentials"),
    ],
)
def test_each_complaint_arrives_once_through_every_fault(store, connect, mode, fields, keys):
    file_complaints(store, COMPLAINTS)
    with SimulatedBackend(SimulatedContract(honours_idempotency_keys=keys)) as city:
        forwarder = connect(
            city,
            honours_idempotency_keys=keys,
            find_url=None if keys else city.complaints_url + "?reference={reference}",
        )
        city.fail(mode, count=2, **fields)
        step_until(forwarder, lambda: store.counts().forwards.get("forwarded") == COMPLAINTS)

        assert references(city) == sorted(c.reference for c in store.complaints(limit=100))


def test_what_cannot_be_found_out_is_parked_for_a_person(store, connect):
    file_complaints(store, COMPLAINTS)
    with SimulatedBackend(SimulatedContract(honours_idempotency_keys=False)) as city:
        forwarder = connect(city, honours_idempotency_keys=False)
        city.fail("take_and_drop", count=2)
        settled = {"forwarded": COMPLAINTS - 2, "unconfirmed": 2}
        step_until(forwarder, lambda: store.counts().forwards == settled)

        assert len(references(city)) == COMPLAINTS
        assert len(set(references(city))) == COMPLAINTS


def test_a_claim_left_by_a_dead_process_is_taken_up_again(sqlite_url):
    """It died between the request and the commit: the backend has the complaint, we do not know."""
    with SimulatedBackend() as city:
        contract = JsonContract(name="kota", url=city.complaints_url)
        backend = open_json_backend(contract, clock=SystemClock())
        dying = open_store(sqlite_url)
        file_complaints(dying, 1)
        claim = dying.claim_forward("kota", lease_s=60)
        assert claim is not None
        backend.forward(claim.complaint, idempotency_key=claim.idempotency_key)
        dying.close()

        store = open_store(sqlite_url)
        store.recover()
        forwarder = Forwarder(store, backend, clock=SystemClock(), chance=lambda: 0.0)
        step_until(forwarder, lambda: store.counts().forwards == {"forwarded": 1})
        forwarder.close()
        store.close()

        (held,) = city.register.list()
        assert held["attempts"] == 2


def test_no_event_on_the_way_holds_a_number_or_a_text(store, connect):
    file_complaints(store, COMPLAINTS)
    with SimulatedBackend() as city, structlog.testing.capture_logs() as events:
        city.fail("take_and_drop", count=1)
        step_until(connect(city), lambda: store.counts().forwards.get("forwarded") == COMPLAINTS)

    assert any(event["event"] == "complaint_forwarded" for event in events)
    assert "62812" not in str(events)
    assert "jalan" not in str(events)
