"""The status server: what it says, and that nobody can hang it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import MappingProxyType

import pytest
from forwarding import StillClock
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from smsgate import status as status_module
from smsgate.alarms import Alarm, Severity
from smsgate.errors import StoreUnavailable
from smsgate.listener import url_of
from smsgate.records import BackendRecord, LineRecord, StatusCounts
from smsgate.status import GatewayStatus, StatusError, StatusServer, expose

NOW = datetime(2026, 8, 17, 3, 0, tzinfo=UTC)
STATUS = GatewayStatus(
    gateway="batam-1",
    version="0.1.0",
    started_at=NOW,
    lines=(
        LineRecord(
            gateway="batam-1",
            name="m1",
            service="btm",
            state="ready",
            operator='TEL"KOM\\SEL\n',
            signal_dbm=-71,
            held=3,
            capacity=50,
            last_received_at=NOW,
        ),
    ),
    backends=(
        BackendRecord(
            name="kota",
            state="ok",
            reason=None,
            due=2,
            oldest_due_at=NOW,
            retry_at=None,
            last_forwarded_at=None,
        ),
    ),
    counts=StatusCounts(
        sms=MappingProxyType({"complaint": 4, "operator notice": 1}),
        complaints={"diterima": 4},
        forwards={"due": 2},
        replies={"submitted": 4},
        parts=6,
        sightings=1,
    ),
)
CRITICAL = Alarm("line.m1.link", Severity.CRITICAL, "Line m1: plug it in.", NOW)
WARNING = Alarm("backend.kota.failing", Severity.WARNING, "Backend kota fails.", NOW)


class Source:
    """A snapshot that a test can change."""

    def __init__(self) -> None:
        self.status = STATUS
        self.error: Exception | None = None
        self.calls = 0

    def __call__(self) -> GatewayStatus:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.status


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def server(source: Source) -> Iterator[StatusServer]:
    with StatusServer(("127.0.0.1", 0), source) as server:
        yield server


def fetch(server: StatusServer, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(*server.address, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def exchange(server: StatusServer, octets: bytes) -> bytes:
    """Send octets, and return all that comes until the server closes."""
    with socket.create_connection(server.address, timeout=10) as sock:
        sock.sendall(octets)
        received = b""
        while more := sock.recv(65536):
            received += more
        return received


def test_port_zero_is_any_port_and_the_real_one_is_known(server: StatusServer) -> None:
    assert server.address[1] > 0
    assert server.url == f"http://127.0.0.1:{server.address[1]}"


def test_an_address_with_colons_stands_in_brackets() -> None:
    assert url_of(("::1", 9178)) == "http://[::1]:9178"


def test_health_does_not_look_into_the_store(server: StatusServer, source: Source) -> None:
    """A store that is away must not make systemd or a load balancer end the gateway."""
    source.error = StoreUnavailable("locked")

    response, body = fetch(server, "/healthz")

    assert (response.status, body) == (200, b"ok\n")
    assert source.calls == 0


def test_it_is_ready_while_no_critical_alarm_stands(server: StatusServer, source: Source) -> None:
    source.status = replace(STATUS, alarms=(WARNING,))

    response, body = fetch(server, "/readyz")

    assert (response.status, body) == (200, b"ready\n")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param(replace(STATUS, alarms=(CRITICAL,)), b"line.m1.link\n", id="critical alarm"),
        pytest.param(replace(STATUS, counts=None), b"store\n", id="the store cannot be asked"),
    ],
)
def test_it_is_not_ready_and_says_why(
    server: StatusServer, source: Source, changed: GatewayStatus, reason: bytes
) -> None:
    source.status = changed

    response, body = fetch(server, "/readyz")

    assert (response.status, body) == (503, reason)


def test_a_status_that_cannot_be_had_is_503_without_details(
    server: StatusServer, source: Source
) -> None:
    source.error = StoreUnavailable("secret details")

    for path in ("/readyz", "/metrics", "/status.json"):
        response, body = fetch(server, path)
        assert response.status == 503
        assert b"secret" not in body


def test_the_status_as_json_has_everything(server: StatusServer) -> None:
    response, body = fetch(server, "/status.json")

    found = json.loads(body)
    assert response.getheader("Content-Type") == "application/json"
    assert found["ready"] is True
    assert found["gateway"] == "batam-1"
    assert found["started_at"] == "2026-08-17T03:00:00+00:00"
    assert found["lines"][0]["signal_dbm"] == -71
    assert found["backends"][0]["due"] == 2
    assert found["counts"]["sms"] == {"complaint": 4, "operator notice": 1}
    assert found["alarms"] == []


def test_the_metrics_are_read_by_prometheus(server: StatusServer, source: Source) -> None:
    source.status = replace(STATUS, alarms=(CRITICAL,))

    response, body = fetch(server, "/metrics")

    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    line = (("gateway", "batam-1"), ("line", "m1"), ("service", "btm"))
    assert "version=0.0.4" in str(response.getheader("Content-Type"))
    assert samples[("smsgate_info", (("gateway", "batam-1"), ("version", "0.1.0")))] == 1
    assert samples[("smsgate_ready", ())] == 0
    assert samples[("smsgate_line_state", (*line, ("state", "ready")))] == 1
    assert samples[("smsgate_line_signal_dbm", line)] == -71
    assert samples[("smsgate_backend_due", (("backend", "kota"),))] == 2
    assert samples[("smsgate_sms", (("disposition", "operator notice"),))] == 1
    assert samples[("smsgate_alarm", (("alarm", "line.m1.link"), ("severity", "critical")))] == 1
    # what is not known is left out, never a zero
    assert not any("last_forwarded" in name for name, _ in samples)


def test_labels_of_any_content_stay_labels() -> None:
    odd = replace(STATUS.lines[0], name='m"1\\\n')

    families = text_string_to_metric_families(expose(replace(STATUS, lines=(odd,))).decode())

    names = {s.labels["line"] for f in families for s in f.samples if "line" in s.labels}
    assert names == {'m"1\\\n'}


def test_head_has_no_body_and_the_length_of_one(server: StatusServer) -> None:
    response, body = fetch(server, "/healthz", "HEAD")

    assert (response.status, response.getheader("Content-Length"), body) == (200, "3", b"")


@pytest.mark.parametrize(
    ("request_octets", "status"),
    [
        pytest.param(b"POST /metrics HTTP/1.1\r\n\r\n", b"405", id="another method"),
        pytest.param(b"GET /etc/passwd HTTP/1.1\r\n\r\n", b"404", id="another path"),
        pytest.param(b"GET /healthz?x=1 HTTP/1.0\r\n\r\n", b"200", id="a query is ignored"),
        pytest.param(b"\r\n\r\n", b"400", id="nothing"),
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", b"400", id="TLS"),
        pytest.param(b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"404", id="octets beyond ASCII"),
    ],
)
def test_every_request_has_its_answer(
    server: StatusServer, request_octets: bytes, status: bytes
) -> None:
    assert exchange(server, request_octets).split(b" ", 2)[1] == status


def test_an_endless_request_is_cut_off(server: StatusServer) -> None:
    with socket.create_connection(server.address, timeout=10) as sock, pytest.raises(OSError):
        sock.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 50_000_000)

    assert fetch(server, "/healthz")[0].status == 200


def test_slow_clients_keep_no_room_for_long(
    monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    """A byte now and then resets a time limit for each read; the limit here is for the whole."""
    monkeypatch.setattr(status_module, "CONNECTION_S", 0.5)
    with StatusServer(("127.0.0.1", 0), source) as server:
        slow = [socket.create_connection(server.address, timeout=10) for _ in range(20)]
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                for sock in slow:
                    try:
                        sock.send(b"x")
                    except OSError:
                        continue

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert eventually(lambda: is_served(server), limit_s=10)
        finally:
            stop.set()
            thread.join(10)
            for sock in slow:
                sock.close()


def is_served(server: StatusServer) -> bool:
    try:
        return fetch(server, "/healthz")[0].status == 200
    except (OSError, HTTPException):  # cut off, for want of room
        return False


def eventually(condition: Callable[[], bool], *, limit_s: float) -> bool:
    ends_at = time.monotonic() + limit_s
    while time.monotonic() < ends_at:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_many_scrapers_cost_one_look_a_second(server: StatusServer, source: Source) -> None:
    began_at = time.monotonic()
    for _ in range(10):
        fetch(server, "/status.json")
    took_s = time.monotonic() - began_at

    assert source.calls <= 1 + took_s


def test_a_look_that_takes_long_is_believed_longer() -> None:
    """In a store of years: else scrapers would keep a processor busy with looking alone."""
    clock, looks = StillClock(), []

    def look() -> GatewayStatus:
        looks.append(clock.monotonic())
        clock.advance(2.0)
        return STATUS

    with StatusServer(("127.0.0.1", 0), look, clock=clock) as server:
        for _ in range(30):
            fetch(server, "/readyz")
            clock.advance(1.0)

    assert [later - looks[0] for later in looks] == [0.0, 11.0, 22.0, 33.0]


def test_a_port_in_use_is_named(server: StatusServer, source: Source) -> None:
    second = StatusServer(server.address, source)

    with pytest.raises(StatusError, match=f"{server.address[1]} .*in use.*choose another"):
        second.start()


def test_a_host_that_is_not_ours_is_named(source: Source) -> None:
    with pytest.raises(StatusError, match="choose another address"):
        StatusServer(("192.0.2.1", 0), source).start()


def test_closing_takes_no_time_while_a_client_hangs(source: Source) -> None:
    server = StatusServer(("127.0.0.1", 0), source)
    server.start()
    with socket.create_connection(server.address, timeout=10) as sock:
        sock.send(b"GET")
        began_at = time.monotonic()

        server.close()
        server.close()

        assert time.monotonic() - began_at < 3
    names = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("status") for name in names)
