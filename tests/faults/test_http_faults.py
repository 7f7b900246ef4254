"""The HTTP client against servers that misbehave, over real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from forwarding import ScriptedServer, StillClock, answer

from smsgate.http import (
    Answer,
    BodyEnd,
    HttpClient,
    HttpLimits,
    NeverSent,
    PerhapsTaken,
    make_tls,
)

DEADLINE_S = 0.5
SLACK_S = 0.4  # for a busy machine
TLS = Path(__file__).parent.parent / "data" / "tls"
BODY = b'{"text":"BTM jalan rusak"}'
NO_FAMILY = 250  # of addresses: no kernel has so many


@pytest.fixture
def make_client():
    """Make clients that are closed when the test ends."""
    clients = []

    def make(tls=None, **limits):
        limits = {"connect_s": 5.0, "read_s": 5.0, "write_s": 5.0, "total_s": DEADLINE_S, **limits}
        clients.append(HttpClient(clock=StillClock(), limits=HttpLimits(**limits), tls=tls))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def post(client, url, body=BODY):
    """Return the result and how long it took."""
    started = time.monotonic()
    result = client.request("POST", url, headers={"Idempotency-Key": "k"}, body=body)
    return result, time.monotonic() - started


def server_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.crt", TLS / "localhost.key")
    return context


def drip(octets):
    """One octet every 50 ms: no single read is ever slow."""

    def script(connection, ended):
        for place in range(len(octets)):
            connection.sendall(octets[place : place + 1])
            if ended.wait(0.05):
                return

    return script


def hang(_connection, ended):
    ended.wait(10)


def test_an_answer_that_drips_its_headers_ends_with_the_deadline(make_client):
    """Each read takes 50 ms; with a limit of 5 s for each the request would take 500 s."""
    with ScriptedServer(drip(answer(200, b"x" * 10_000))) as server:
        result, took_s = post(make_client(), server.url)

    assert isinstance(result, PerhapsTaken)
    assert took_s < DEADLINE_S + SLACK_S


def test_an_answer_that_drips_its_body_ends_with_the_deadline_and_keeps_its_status(make_client):
    def script(connection, ended):
        connection.sendall(answer(422, b"x" * 1000)[:-1000])
        drip(b"x" * 1000)(connection, ended)

    with ScriptedServer(script) as server:
        result, took_s = post(make_client(), server.url)

    assert result == Answer(422, b"", BodyEnd.CUT)
    assert took_s < DEADLINE_S + SLACK_S


def test_endless_interim_answers_end_with_the_deadline(make_client):
    def script(connection, ended):
        while not ended.wait(0.02):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    with ScriptedServer(script) as server:
        result, took_s = post(make_client(), server.url)

    assert isinstance(result, PerhapsTaken)
    assert took_s < DEADLINE_S + SLACK_S


def test_a_server_that_never_answers_may_have_taken_it(make_client):
    with ScriptedServer(hang) as server:
        result, took_s = post(make_client(), server.url)

    assert result == PerhapsTaken("no answer in time")
    assert took_s < DEADLINE_S + SLACK_S


def test_a_server_that_does_not_read_ends_with_the_deadline(make_client):
    with ScriptedServer(hang, reads_request=False) as server:
        result, took_s = post(make_client(), server.url, body=b"x" * 50_000_000)

    assert isinstance(result, PerhapsTaken)
    assert took_s < DEADLINE_S + 2 * SLACK_S


def test_a_tls_handshake_that_hangs_was_never_a_request(make_client):
    with ScriptedServer(hang, reads_request=False) as server:
        url = server.url.replace("http:", "https:")
        result, took_s = post(make_client(make_tls()), url)

    assert result == NeverSent("no connection in time")
    assert took_s < DEADLINE_S + SLACK_S


def test_a_closed_port_was_never_sent_to(make_client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result, _ = post(make_client(), f"http://127.0.0.1:{port}/")

    assert result == NeverSent("no connection: Connection refused")


def test_a_host_that_does_not_exist_was_never_sent_to(make_client):
    result, _ = post(make_client(total_s=10.0, connect_s=10.0), "http://kota.invalid/")

    assert isinstance(result, NeverSent)


def test_a_resolver_that_hangs_ends_with_the_deadline(make_client, monkeypatch):
    """getaddrinfo has no limit of its own; what cannot be passed in is the system's resolver."""
    ended = threading.Event()
    real = socket.getaddrinfo

    def resolve(host, port, **options):
        if options["flags"] == socket.AI_NUMERICHOST:
            return real(host, port, **options)
        ended.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "ended")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    result, took_s = post(make_client(), "http://kota.example/")
    ended.set()

    assert result == NeverSent("no connection in time")
    assert took_s < DEADLINE_S + SLACK_S


def test_a_dead_first_address_leaves_time_for_the_second(make_client, monkeypatch):
    """A city's host with an IPv6 address that goes nowhere is common."""
    with ScriptedServer(lambda connection, _: connection.sendall(answer(204))) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with full_listener() as dead:
            addresses = [
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", dead.getsockname()),
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
            result, took_s = post(make_client(), "http://kota.example/")

    assert result == Answer(204, b"")
    assert took_s < DEADLINE_S + SLACK_S


def test_an_address_of_a_kind_that_this_host_lacks_leaves_its_turn_to_the_next(
    make_client, monkeypatch
):
    """A kernel without IPv6, and a city's host that has an IPv6 address first."""
    with ScriptedServer(lambda connection, _: connection.sendall(answer(204))) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        addresses = [
            (NO_FAMILY, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        result, _ = post(make_client(), "http://kota.example/")

    assert result == Answer(204, b"")


def test_without_a_socket_nothing_was_sent(make_client, monkeypatch):
    """Nor with too many open files: a complaint that never left must not be one in doubt."""
    addresses = [(NO_FAMILY, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

    result, _ = post(make_client(), "http://kota.example/")

    assert result == NeverSent("no connection: Address family not supported by protocol")


def test_a_resolver_that_no_thread_is_left_for_sent_nothing(make_client, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    result, _ = post(make_client(), "http://kota.example/")

    assert result == NeverSent("no connection")


class full_listener:  # noqa: N801  (used as a context manager)
    """A listener whose queue is full, so that a connection to it is neither made nor refused."""

    def __enter__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self._listener.getsockname())
            self._fillers.append(filler)
        return self._listener

    def __exit__(self, *_):
        for open_socket in (*self._fillers, self._listener):
            open_socket.close()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda connection, _: connection.close(), id="closed without an answer"),
        pytest.param(
            lambda connection, _: connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
            ),
            id="reset",
        ),
        pytest.param(
            lambda connection, _: connection.sendall(b"BTM jalan rusak\r\n\r\n"), id="no HTTP"
        ),
        pytest.param(
            lambda connection, _: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
            id="cut in the headers",
        ),
        pytest.param(
            lambda connection, _: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50_000),
            id="headers without end",
        ),
    ],
)
def test_whatever_comes_instead_of_an_answer_it_may_have_been_taken(make_client, script):
    with ScriptedServer(script) as server:
        result, _ = post(make_client(total_s=5.0), server.url)

    assert isinstance(result, PerhapsTaken)
    assert "rusak" not in result.reason


def test_an_answer_cut_in_its_body_keeps_its_status(make_client):
    with ScriptedServer(lambda c, _: c.sendall(answer(201, b"x" * 100)[:-1])) as server:
        result, _ = post(make_client(), server.url)

    assert result == Answer(201, b"", BodyEnd.CUT)


def test_a_body_without_end_is_not_read_to_its_end(make_client):
    def script(connection, ended):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not ended.is_set():
            connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    with ScriptedServer(script) as server:
        result, took_s = post(make_client(total_s=5.0), server.url)

    assert result == Answer(200, b"", BodyEnd.TOO_LARGE)
    assert took_s < 4.0


# --- connections ---------------------------------------------------------------------------------


def serve_for_ever(connection, ended):
    """Answer every request on one connection; the first has been read."""
    from forwarding import read_request

    while not ended.is_set():
        connection.sendall(answer(204))
        read_request(connection)


def test_requests_share_one_connection(make_client):
    with ScriptedServer(serve_for_ever) as server:
        client = make_client()
        results = [post(client, server.url)[0] for _ in range(5)]

    assert results == [Answer(204, b"")] * 5
    assert server.connections == 1


def test_without_keep_alive_each_request_has_its_own_connection(make_client):
    with ScriptedServer(serve_for_ever) as server:
        client = make_client(keep_alive_s=0.0)
        results = [post(client, server.url)[0] for _ in range(3)]

    assert results == [Answer(204, b"")] * 3
    assert server.connections == 3


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(make_client):
    closed = threading.Event()

    def script(connection, _):
        connection.sendall(answer(204))
        connection.close()
        closed.set()

    with ScriptedServer(script) as server:
        client = make_client()
        first, _ = post(client, server.url)
        assert closed.wait(5)
        second, _ = post(client, server.url)

    assert (first, second) == (Answer(204, b""), Answer(204, b""))


def test_after_a_failure_the_next_request_goes_over_a_new_connection(make_client):
    turns = iter([hang, lambda connection, _: connection.sendall(answer(204))])

    with ScriptedServer(lambda connection, ended: next(turns)(connection, ended)) as server:
        client = make_client()
        first, _ = post(client, server.url)
        second, _ = post(client, server.url)

    assert isinstance(first, PerhapsTaken)
    assert second == Answer(204, b"")


def test_a_stop_ends_the_request_in_hand(make_client):
    asked = threading.Event()

    def script(connection, ended):
        asked.set()
        hang(connection, ended)

    with ScriptedServer(script) as server:
        client = make_client(total_s=30.0, read_s=30.0)
        stopper = threading.Thread(target=lambda: asked.wait(5) and client.abort())
        stopper.start()
        result, took_s = post(client, server.url)
        stopper.join()
        later, _ = post(client, server.url)

    assert result == PerhapsTaken("stopped by us")
    assert took_s < 5
    assert later == NeverSent("stopped by us")


# --- TLS -----------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_trusts_gets_nothing(make_client):
    with ScriptedServer(serve_for_ever, tls=server_tls()) as server:
        result, _ = post(make_client(make_tls(), total_s=5.0), server.url)

    assert isinstance(result, NeverSent)
    assert "certificate" in result.reason
    assert server.requests == []


def test_the_agencys_own_authority_is_trusted_when_configured(make_client):
    with ScriptedServer(serve_for_ever, tls=server_tls()) as server:
        client = make_client(make_tls(TLS / "localhost.crt"), total_s=5.0)
        results = [post(client, server.url)[0] for _ in range(2)]

    assert results == [Answer(204, b"")] * 2
    assert server.connections == 1


def test_a_certificate_for_another_host_gets_nothing(make_client, monkeypatch):
    with ScriptedServer(serve_for_ever, tls=server_tls()) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
        client = make_client(make_tls(TLS / "localhost.crt"), total_s=5.0)
        result, _ = post(client, f"https://kota.example:{port}/")

    assert isinstance(result, NeverSent)
    assert "certificate" in result.reason


def test_a_server_that_speaks_no_tls_gets_nothing(make_client):
    def script(connection, _):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with ScriptedServer(script, reads_request=False) as server:
        url = server.url.replace("http:", "https:")
        result, _ = post(make_client(make_tls(), total_s=5.0), url)

    assert isinstance(result, NeverSent)
    assert "TLS" in result.reason


def test_a_client_without_tls_trusts_nobody(make_client):
    with ScriptedServer(serve_for_ever, tls=server_tls()) as server:
        result, _ = post(make_client(total_s=5.0), server.url)

    assert isinstance(result, NeverSent)


def test_a_ca_file_that_is_none_is_refused(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")

    with pytest.raises(OSError):
        make_tls(file)
    with pytest.raises(OSError):
        make_tls(tmp_path / "missing.pem")
