"""What backends say by themselves, over real HTTP: who is believed, and what is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from config_files import write_config

from smsgate import callbacks
from smsgate.backends.json import JsonContract, sign
from smsgate.backends.progress import AskedComplaint, Heard, NotHereYet, Progress
from smsgate.callbacks import CallbackError, CallbackServer, Desk, Speaker, open_callbacks
from smsgate.config import load
from smsgate.errors import StoreUnavailable
from smsgate.records import ComplaintStatus as Status

NOW = datetime(2026, 8, 17, 3, 0, tzinfo=UTC)
SECRET = "rahasia-antara-kita"
REFERENCE = "10000000"
WORDS = JsonContract(
    "kota", "http://127.0.0.1:1/", status_field="data.keadaan", statuses={"beres": Status.CLOSED}
)


class FakeStore:
    """One complaint, and what was said of it."""

    def __init__(self) -> None:
        self.noted: list[Progress] = []
        self.trouble: Exception | None = None
        self.heard = Heard(is_news=True, has_due_replies=True)

    def told_of(self, backend: str, reference: str, **_: datetime) -> AskedComplaint | None:
        if self.trouble is not None:
            raise self.trouble
        is_known = (backend, reference) == ("kota", REFERENCE)
        return AskedComplaint(1, 5, reference, "K-1") if is_known else None

    def note_progress(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        self.noted.append(progress)
        return self.heard


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Town:
    """A server under test, and a backend that speaks to it."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.clock = FakeClock()
        self.clock.at -= timedelta(hours=1)
        self.woken = 0
        self.open()
        self.clock.at = NOW

    def open(self) -> None:
        """Begin to listen, as after a start of the daemon."""
        desk = Desk(
            self.store,
            {"kota": Speaker("kota", SECRET, WORDS)},
            clock=self.clock,
            age_max=timedelta(days=180),
            on_replies=self._wake,
        )
        self.server = CallbackServer(("127.0.0.1", 0), desk)
        self.server.start()

    def _wake(self) -> None:
        self.woken += 1

    def post(
        self, body: bytes, *, path: str = "/answers/kota", method: str = "POST", **headers: str
    ) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = urlsplit(self.server.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=20)
        try:
            connection.request(method, path, body, named)
            return connection.getresponse().status
        finally:
            connection.close()

    def say(self, content: Any, *, late_s: int = 0, **how: Any) -> int:
        body = json.dumps(content).encode()
        return self.post(body, **signed(body, int(self.clock.at.timestamp()) - late_s), **how)

    def exchange(self, octets: bytes) -> bytes:
        address = urlsplit(self.server.url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as sock:
            sock.sendall(octets)
            received = b""
            while more := sock.recv(65536):
                received += more
        return received


def signed(body: bytes, timestamp: int, secret: str = SECRET) -> dict[str, str]:
    # Computed here, not by the verifier's own function, so that a mistake there is seen.
    said = f"answer.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()
    return {"X_Smsgate_Timestamp": str(timestamp), "X_Smsgate_Signature": f"sha256={digest}"}


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town()
    yield town
    town.server.close()


def said(word: str = "Proses", **more: str) -> dict[str, Any]:
    return {"reference": REFERENCE, "data": {"keadaan": word}, **more}


def test_what_is_signed_is_taken_and_the_lines_are_woken(town: Town) -> None:
    assert town.say(said("Beres", answer="Sudah ditambal.", unit="Dinas", private="x")) == 204

    assert town.store.noted == [Progress(Status.CLOSED, "Beres", "Sudah ditambal.", "Dinas")]
    assert town.woken == 1


def test_the_same_callback_again_is_taken_and_changes_nothing(town: Town) -> None:
    """Its answer may have been lost; or somebody plays it again, when something newer was said."""
    body = json.dumps(said("Proses")).encode()
    headers = signed(body, int(NOW.timestamp()))

    statuses = [town.post(body, **headers)]
    statuses.append(town.say(said("Beres")))
    town.clock.at += timedelta(seconds=callbacks.SKEW_S_MAX)
    statuses.append(town.post(body, **headers))

    assert statuses == [204, 204, 204]
    assert [progress.raw for progress in town.store.noted] == ["Proses", "Beres"]


def test_what_was_signed_before_we_began_is_to_be_signed_anew(town: Town) -> None:
    """What the process before us took is not known any more: an old word must not undo a newer one."""
    town.server.close()
    town.open()

    assert town.say(said("Proses"), late_s=1) == 503
    assert town.say(said("Proses")) == 503  # within the same second
    assert town.store.noted == []

    town.clock.at += timedelta(seconds=1)
    assert town.say(said("Beres")) == 204


@pytest.mark.parametrize("moved_s", [-callbacks.SKEW_S_MAX - 1, callbacks.SKEW_S_MAX + 1])
def test_a_callback_of_another_time_is_refused(town: Town, moved_s: int) -> None:
    assert town.say(said(), late_s=moved_s) == 401

    assert town.store.noted == []


BODY = json.dumps(said()).encode()
AT = int(NOW.timestamp())


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no signature"),
        pytest.param(signed(BODY, AT, "another"), id="another secret"),
        pytest.param(signed(BODY + b" ", AT), id="another body"),
        pytest.param(
            {**signed(BODY, AT), "X_Smsgate_Timestamp": str(AT + 1)}, id="another time than signed"
        ),
        pytest.param(
            {
                "X_Smsgate_Timestamp": str(AT),
                "X_Smsgate_Signature": sign(SECRET, str(AT), BODY),
            },
            id="our own signature, sent back",
        ),
        pytest.param({"X_Smsgate_Timestamp": "x", "X_Smsgate_Signature": "sha256="}, id="nonsense"),
        pytest.param(
            {"X_Smsgate_Timestamp": "9" * 40, "X_Smsgate_Signature": "\xff"}, id="not ASCII"
        ),
    ],
)
def test_what_is_not_signed_is_refused(town: Town, headers: dict[str, str]) -> None:
    assert town.post(BODY, **headers) == 401

    assert town.store.noted == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param({"data": {"keadaan": "Proses"}}, 422, id="no reference"),
        pytest.param({**said(), "reference": 10000000}, 422, id="a reference that is a number"),
        pytest.param({**said(), "reference": "1" * 99}, 422, id="a long reference"),
        pytest.param({"reference": REFERENCE}, 422, id="no status"),
        pytest.param(said("  "), 422, id="an empty status"),
        pytest.param(["x"], 422, id="a list"),
        pytest.param(None, 422, id="null"),
        pytest.param({**said(), "reference": "20000000"}, 404, id="no complaint of theirs"),
    ],
)
def test_what_fits_no_contract_is_refused(town: Town, content: Any, status: int) -> None:
    assert town.say(content) == status

    assert town.store.noted == []


def test_what_is_no_json_is_refused(town: Town) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 10_000):
        assert town.post(body, **signed(body, AT)) == 400


@pytest.mark.parametrize(
    "trouble", [StoreUnavailable("away"), NotHereYet()], ids=["store away", "not settled yet"]
)
def test_what_cannot_be_written_now_is_to_be_said_again(town: Town, trouble: Exception) -> None:
    town.store.trouble = trouble
    first = town.say(said())
    town.store.trouble = None

    assert (first, town.say(said())) == (503, 204)


def test_who_had_enough_notices_is_told_later(town: Town) -> None:
    town.store.heard = Heard(is_news=False, is_postponed=True)
    first = town.say(said())
    town.store.heard = Heard(is_news=True)

    assert (first, town.say(said())) == (503, 204)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/answers/kota", 405),
        ("POST", "/answers/lapor", 404),
        ("POST", "/answers/", 404),
        ("POST", "/", 404),
        ("POST", "/x/answers/kota", 404),
        ("POST", "/answers/kota/", 404),
    ],
)
def test_there_is_one_door(town: Town, method: str, path: str, status: int) -> None:
    assert town.say(said(), method=method, path=path) == status


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"POST /answers/kota HTTP/1.1\r\nHost: x\r\n\r\n", 411, id="no length"),
        pytest.param(
            b"POST /answers/kota HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413, id="too long"
        ),
        pytest.param(
            b"POST /answers/kota HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411, id="a minus"
        ),
        pytest.param(
            b"POST /answers/kota HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            411,
            id="chunked",
        ),
        pytest.param(
            b"POST /answers/kota HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
            400,
            id="two lengths",
        ),
        pytest.param(
            b"POST /answers/kota HTTP/1.1\r\nContent-Length : 2\r\n\r\n", 400, id="a space"
        ),
    ],
)
def test_http_that_two_could_read_in_two_ways_is_refused(
    town: Town, octets: bytes, status: int
) -> None:
    assert town.exchange(octets).startswith(f"HTTP/1.1 {status} ".encode())


def test_who_waits_to_be_told_to_go_on_is_told(town: Town) -> None:
    """curl does where a body is long."""
    answered = town.exchange(
        b"POST /answers/kota HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}"
    )

    assert answered.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 ")


def test_what_is_known_of_callbacks_is_bounded(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "TAKEN_MAX", 2)
    statuses = [town.say(said(str(n))) for n in range(3)]
    town.clock.at += timedelta(seconds=2 * callbacks.SKEW_S_MAX + 1)

    assert statuses == [204, 204, 503]
    assert town.say(said("3")) == 204


def test_an_address_that_is_taken_is_said(town: Town) -> None:
    port = urlsplit(town.server.url).port or 0

    with pytest.raises(CallbackError, match=r"callbacks\.listen: cannot listen on 127\.0\.0\.1"):
        CallbackServer(("127.0.0.1", port), town.server._desk)


def test_callbacks_that_nobody_could_sign_are_said(tmp_path: Path) -> None:
    config = write_config(tmp_path, backend='[callbacks]\nlisten = "127.0.0.1:0"')
    settings = load(config, environ={})

    with pytest.raises(CallbackError, match="no backend has a secret"):
        open_callbacks(settings, FakeStore(), FakeClock(), lambda: None)
