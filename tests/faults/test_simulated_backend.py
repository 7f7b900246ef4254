"""The real JSON backend and forwarder against the simulated backend, over real HTTP, through each
of its faults."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest
import structlog
from forward_store import ForwardMemory
from forwarding import SENDER, TEXT, ScriptedServer, answer, make_complaint, read_request

from smsgate.backends import Accepted, Found, Held, NotFound, Refused, TryLater, Unknown
from smsgate.backends.json import JsonContract, open_json_backend
from smsgate.backends.simulated import Fault, SimulatedBackend, SimulatedContract
from smsgate.clock import SystemClock
from smsgate.forwarder import Forwarder
from smsgate.records import ForwardState
from smsgate.retry import RetryPolicy

SECRET = "rahasia kota"
TOKEN = "t0ken"
DEADLINE_S = 0.4


@pytest.fixture
def city():
    with SimulatedBackend(SimulatedContract(secret=SECRET, token=TOKEN)) as city:
        yield city


@pytest.fixture
def connect():
    """Make backends that are closed when the test ends."""
    backends = []

    def make(city, **changes):
        contract = {
            "name": "kota",
            "url": city.complaints_url,
            "find_url": city.complaints_url + "?reference={reference}",
            "secret": SECRET,
            "token": TOKEN,
            "settle_s": 0.05,
            **changes,
        }
        timeout_s = contract.pop("timeout_s", 5.0)
        backends.append(
            open_json_backend(JsonContract(**contract), clock=SystemClock(), timeout_s=timeout_s)
        )
        return backends[-1]

    yield make
    for backend in backends:
        backend.close()


def forward(backend, key="key-1", **changes):
    return backend.forward(make_complaint(**changes), idempotency_key=key)


def get(city, path):
    host = city.url.removeprefix("http://")
    connection = HTTPConnection(host, timeout=5)
    connection.request("GET", path)
    content = json.loads(connection.getresponse().read())
    connection.close()
    return content


def test_a_complaint_arrives_whole(city, connect):
    assert forward(connect(city)) == Accepted("SIM-000001")

    (held,) = get(city, "/complaints")["complaints"]
    assert held["text"] == TEXT
    assert held["sender"] == SENDER
    assert held["idempotency_key"] == "key-1"
    assert get(city, "/counts") == {"complaints": 1, "additions": 0, "requests": 1, "refused": 0}


def test_the_same_key_again_is_the_same_complaint(city, connect):
    backend = connect(city)

    assert [forward(backend), forward(backend)] == [Accepted("SIM-000001")] * 2
    assert city.register.counts()["complaints"] == 1


def test_the_same_key_with_another_content_is_refused(city, connect):
    backend = connect(city)
    forward(backend)

    assert forward(backend, text="lain") == Refused("HTTP 422")


def test_where_keys_are_ignored_the_same_key_doubles(connect):
    """So that a test can see a doubling at all."""
    with SimulatedBackend(SimulatedContract(honours_idempotency_keys=False)) as city:
        backend = connect(city)
        forward(backend)
        forward(backend)

        assert city.register.counts()["complaints"] == 2


def test_additions_are_counted_apart(city, connect):
    backend = connect(city)
    forward(backend)

    added = backend.add(
        make_complaint(), "sudah 3 hari", tracking_id="SIM-000001", idempotency_key="key-2"
    )

    assert isinstance(added, Accepted)
    assert city.register.counts()["complaints"] == 1
    assert city.register.counts()["additions"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"secret": "wrong"}, id="a wrong secret"),
        pytest.param({"secret": None}, id="no signature"),
        pytest.param({"token": "wrong"}, id="a wrong token"),
        pytest.param({"token": None}, id="no token"),
    ],
)
def test_wrong_credentials_hold_complaints_back(city, connect, changes):
    assert forward(connect(city, **changes)) == Held("HTTP 401")
    assert city.register.counts() == {"complaints": 0, "additions": 0, "requests": 1, "refused": 1}


def test_an_old_signature_is_a_replay(city, connect):
    class LateClock(SystemClock):
        def now(self):
            return super().now().replace(year=2020)

    late = open_json_backend(
        JsonContract(name="kota", url=city.complaints_url, secret=SECRET, token=TOKEN),
        clock=LateClock(),
    )

    assert forward(late) == Held("HTTP 401")
    late.close()


def test_a_reference_is_found_or_not(city, connect):
    backend = connect(city)
    forward(backend)

    assert backend.find("12345678") == Found("SIM-000001")
    assert backend.find("87654321") == NotFound()


@pytest.mark.parametrize(
    ("mode", "fields", "outcome", "held"),
    [
        pytest.param("status", {"status": 503}, TryLater("HTTP 503"), 0, id="away"),
        pytest.param(
            "status",
            {"status": 429, "retry_after": "9"},
            TryLater("HTTP 429", 9.0),
            0,
            id="too many",
        ),
        pytest.param(
            "status", {"status": 500, "takes": True}, TryLater("HTTP 500"), 1, id="taken, then 500"
        ),
        pytest.param("refuse", {}, Refused("HTTP 422"), 0, id="refuse"),
        pytest.param("hang", {}, Unknown("no answer in time"), 0, id="hang"),
        pytest.param("take_and_hang", {}, Unknown("no answer in time"), 1, id="take and hang"),
        pytest.param(
            "drop",
            {},
            Unknown("the connection ended without an HTTP answer"),
            0,
            id="drop",
        ),
        pytest.param(
            "take_and_drop",
            {},
            Unknown("the connection ended without an HTTP answer"),
            1,
            id="take and drop",
        ),
        pytest.param("slow", {"seconds": 0.02}, Unknown("no answer in time"), 1, id="slow"),
        pytest.param("delay", {"seconds": 0.8}, Unknown("no answer in time"), 1, id="delay"),
        pytest.param(
            "garbage", {}, Held("HTTP 200: the answer does not fit the contract"), 1, id="garbage"
        ),
        pytest.param(
            "huge", {}, Held("HTTP 200: the answer does not fit the contract"), 1, id="huge"
        ),
    ],
)
def test_each_fault_is_seen_for_what_it_is(city, connect, mode, fields, outcome, held):
    backend = connect(city, timeout_s=DEADLINE_S)
    city.fail(mode, count=1, **fields)
    started = time.monotonic()

    assert forward(backend) == outcome
    assert time.monotonic() - started < DEADLINE_S + 0.6
    wait_until(lambda: city.register.counts()["complaints"] == held)


@pytest.mark.parametrize("keys", [True, False], ids=["keys honoured", "asked instead"])
@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        pytest.param("none", {}, id="no fault"),
        pytest.param("status", {"status": 503}, id="away"),
        pytest.param("status", {"status": 500, "takes": True}, id="taken, then 500"),
        pytest.param("hang", {}, id="hang"),
        pytest.param("take_and_hang", {}, id="take and hang"),
        pytest.param("drop", {}, id="drop"),
        pytest.param("take_and_drop", {}, id="take and drop"),
        pytest.param("slow", {"seconds": 0.02}, id="slow"),
        pytest.param("garbage", {}, id="garbage"),
    ],
)
def test_through_every_fault_the_backend_has_each_complaint_once(connect, mode, fields, keys):
    contract = SimulatedContract(secret=SECRET, token=TOKEN, honours_idempotency_keys=keys)
    with SimulatedBackend(contract) as city:
        backend = connect(city, timeout_s=DEADLINE_S, honours_idempotency_keys=keys)
        clock = SystemClock()
        store = ForwardMemory(clock)
        rows = [store.add(make_complaint(reference=str(10**7 + number))) for number in range(4)]
        policy = RetryPolicy(0.01, delay_s_max=0.05, held_delay_s=0.05)
        forwarder = Forwarder(store, backend, clock=clock, chance=lambda: 0.0, policy=policy)
        city.fail(mode, count=2, **fields)
        with structlog.testing.capture_logs() as events:
            step_until(forwarder, lambda: all(r.state is ForwardState.FORWARDED for r in rows))

        references = sorted(entry["reference"] for entry in city.register.list())
        assert references == sorted(row.complaint.reference for row in rows)
        assert SENDER[3:] not in str(events)
        assert TEXT not in str(events)


@pytest.mark.parametrize(
    ("keys", "connections"),
    [
        pytest.param(True, 1, id="with keys one connection serves all"),
        pytest.param(False, 3, id="without keys none is used twice: it may be just closing"),
    ],
)
def test_only_a_backend_with_keys_is_sent_to_over_a_used_connection(connect, keys, connections):
    body = b'{"tracking_id":"A-1"}'

    def script(connection, ended):
        while not ended.is_set():
            connection.sendall(answer(201, body))
            read_request(connection)

    with ScriptedServer(script) as city:
        city.complaints_url = city.url
        backend = connect(city, honours_idempotency_keys=keys)
        outcomes = [forward(backend, key=str(number)) for number in range(3)]
        backend.close()

    assert outcomes == [Accepted("A-1")] * 3
    assert city.connections == connections


def test_a_fault_counts_down_and_ends(city, connect):
    backend = connect(city)
    city.fail("status", status=503, count=2)

    outcomes = [forward(backend) for _ in range(3)]

    assert outcomes == [TryLater("HTTP 503"), TryLater("HTTP 503"), Accepted("SIM-000001")]


@pytest.mark.parametrize("content", [{"mode": "nonsense"}, {"mod": "hang"}, [], "hang"])
def test_a_fault_that_does_not_exist_is_refused(content):
    with pytest.raises(ValueError):
        Fault.read(content)


def test_a_stopped_backend_is_gone_at_once(connect):
    with SimulatedBackend() as city:
        backend = connect(city)
        forward(backend)

    assert isinstance(forward(backend), TryLater)


def test_what_it_holds_survives_its_own_restart(tmp_path, connect):
    file = tmp_path / "city.jsonl"
    with SimulatedBackend(file=file) as city:
        forward(connect(city))
    with SimulatedBackend(file=file) as city:
        assert forward(connect(city)) == Accepted("SIM-000001")
        assert len(city.register.list()) == 1


# --- the command ---------------------------------------------------------------------------------

COMMAND = "import typer; from smsgate.cli.sim_backend import run; typer.run(run)"


@pytest.fixture
def command(tmp_path):
    """Run `sim backend` as a program; its URL and its process."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    arguments = ["--secret-file", str(tmp_path / "secret")]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.wait(5)
    process.stdout.close()


def test_the_command_says_where_it_listens_and_ends_on_sigterm(command, connect):
    ready = command.stdout.readline()
    assert re.fullmatch(r"ready http://127\.0\.0\.1:[0-9]+/complaints\n", ready)
    url = ready.split()[1]
    contract = JsonContract(name="kota", url=url, secret=SECRET)
    backend = open_json_backend(contract, clock=SystemClock())
    assert forward(backend) == Accepted("SIM-000001")

    command.send_signal(signal.SIGTERM)

    assert command.wait(10) == 0
    backend.close()


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_a_usage_error(listen):
    process = subprocess.run(
        [sys.executable, "-c", COMMAND, "--listen", listen], capture_output=True, timeout=30
    )

    assert process.returncode == 2


def test_an_address_in_use_is_said_in_one_sentence(city):
    listen = city.url.removeprefix("http://")
    process = subprocess.run(
        [sys.executable, "-c", COMMAND, "--listen", listen],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert process.returncode == 69
    assert process.stderr.startswith(f"Cannot listen on {listen}: Address already in use.")


def wait_until(condition, limit_s=5.0):
    """Wait for a condition; fail when it does not come."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "did not come"
        time.sleep(0.01)


def step_until(forwarder, condition, limit_s=20.0):
    """Step as the runner would."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "did not come"
        forwarder.wait(min(forwarder.step() or 0.0, 0.05))
