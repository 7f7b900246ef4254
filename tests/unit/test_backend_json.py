"""The generic JSON backend: what it sends, and what it makes of the answers."""

from __future__ import annotations

import hashlib
import hmac
import json

import httpx2
import pytest
from forwarding import SENDER, TEXT, StillClock, make_complaint

from smsgate.backends import Accepted, Found, Held, NotFound, Refused, TryLater, Unknown
from smsgate.backends.json import JsonBackend, JsonContract
from smsgate.errors import ConfigError
from smsgate.http import HttpClient

URL = "https://kota.example/api/complaints"


class City:
    """The other side: keeps the requests, answers as told."""

    def __init__(self, *answers):
        self.requests = []
        self._answers = list(answers)

    def __call__(self, request):
        self.requests.append(request)
        reply = self._answers.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    @property
    def body(self):
        return json.loads(self.requests[-1].content)


def make_backend(city, **contract):
    clock = StillClock()
    http = HttpClient(clock=clock, transport=httpx2.MockTransport(city))
    return JsonBackend(JsonContract(name="kota", url=URL, **contract), http=http, clock=clock)


def taken(tracking_id="A-1", status=201):
    return httpx2.Response(status, json={"tracking_id": tracking_id})


def forward(city, **contract):
    return make_backend(city, **contract).forward(make_complaint(), idempotency_key="key-1")


def test_a_complaint_goes_with_every_agreed_field():
    city = City(taken())

    forward(city)

    assert city.body == {
        "kind": "complaint",
        "reference": "12345678",
        "text": TEXT,
        "received_at": "2026-08-17T05:00:00+00:00",
        "sent_at": "2026-08-17T11:59:58+07:00",
        "sender": SENDER,
        "confidential": False,
        "anonymous": False,
        "urgent": False,
        "prefix": "BTM",
        "service": "btm",
        "service_number": "1708",
    }
    assert city.requests[0].headers["Idempotency-Key"] == "key-1"
    assert city.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"is_confidential": True}, id="RAHASIA"),
        pytest.param({"is_anonymous": True}, id="ANONIM"),
        pytest.param({"sender": None}, id="the store left it out"),
    ],
)
def test_the_number_of_a_protected_sender_never_leaves(changes):
    """Even if the store handed it over by mistake."""
    city = City(taken())

    make_backend(city).forward(make_complaint(**changes), idempotency_key="k")

    assert "sender" not in city.body
    assert SENDER not in str(city.requests[0].content)
    assert SENDER not in str(city.requests[0].headers)


def test_fields_get_the_citys_names():
    city = City(httpx2.Response(201, json={"data": {"nomor": 77}}))
    names = {
        "text": "isi",
        "sender": "pelapor.telepon",
        "reference": "pelapor.ref",
        "urgent": "",
    }

    outcome = forward(city, fields=names, tracking_field="data.nomor")

    assert city.body["isi"] == TEXT
    assert city.body["pelapor"] == {"telepon": SENDER, "ref": "12345678"}
    assert not {"text", "sender", "reference", "urgent"} & set(city.body)
    assert outcome == Accepted("77")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"txt": "isi"}, id="a field we do not have"),
        pytest.param({"text": "reference"}, id="a name that is taken"),
        pytest.param({"text": "a", "sender": "a.b"}, id="a place inside a text"),
    ],
)
def test_a_renaming_that_loses_a_field_is_refused(fields):
    with pytest.raises(ConfigError, match="fields"):
        JsonContract(name="kota", url=URL, fields=fields)


@pytest.mark.parametrize("url", ["kota.example", "ftp://kota.example/", "https:///x", "http://[::"])
def test_an_address_that_is_not_http_is_refused(url):
    with pytest.raises(ConfigError, match="url"):
        JsonContract(name="kota", url=url)


def test_a_find_url_that_asks_for_nothing_is_refused():
    """It would be answered with everybody's complaints, or none: both are taken for an answer."""
    with pytest.raises(ConfigError, match="find_url"):
        JsonContract(name="kota", url=URL, find_url=URL)


@pytest.mark.parametrize("token", ["", "two words", "kunci\n", "kunci\u00e9"])
def test_a_token_that_no_header_can_hold_is_refused_without_showing_it(token):
    with pytest.raises(ConfigError, match="token") as refusal:
        JsonContract(name="kota", url=URL, token=token)

    assert "kunci" not in str(refusal.value)


def test_the_signature_is_the_hmac_of_timestamp_and_body():
    city = City(taken())

    forward(city, secret="rahasia kota")

    request = city.requests[0]
    timestamp = request.headers["X-Smsgate-Timestamp"]
    expected = hmac.new(
        b"rahasia kota", timestamp.encode() + b"." + request.content, hashlib.sha256
    )
    assert timestamp == "1786942800"
    assert request.headers["X-Smsgate-Signature"] == f"sha256={expected.hexdigest()}"


def test_the_signature_agrees_with_a_known_one():
    """Computed with `printf '1786942800.{}' | openssl dgst -sha256 -hmac kunci`."""
    from smsgate.backends.json import sign

    assert sign("kunci", "1786942800", b"{}") == (
        "sha256=b62387752654891cc58b18befe8542fbadaa0cd6f43e3800774c6e781b85d35b"
    )


def test_the_token_goes_as_a_bearer():
    city = City(taken())

    forward(city, token="t0ken")

    assert city.requests[0].headers["Authorization"] == "Bearer t0ken"


def test_secrets_are_not_in_the_repr():
    contract = JsonContract(name="kota", url=URL, token="t0ken", secret="s3cret")

    assert "t0ken" not in repr(contract)
    assert "s3cret" not in repr(contract)


def test_every_attempt_carries_the_same_key_and_content():
    city = City(httpx2.Response(503), taken())
    backend = make_backend(city)

    first = backend.forward(make_complaint(), idempotency_key="key-1")
    second = backend.forward(make_complaint(), idempotency_key="key-1")

    assert (first, second) == (TryLater("HTTP 503"), Accepted("A-1"))
    assert city.requests[0].content == city.requests[1].content
    assert city.requests[1].headers["Idempotency-Key"] == "key-1"


def test_a_lone_surrogate_does_not_stop_a_complaint():
    city = City(taken())

    make_backend(city).forward(make_complaint(text="a\ud83db"), idempotency_key="k")

    assert city.body["text"] == "a\ud83db"


OUT_OF_CONTRACT = "the answer does not fit the contract"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        pytest.param(taken("A-1"), Accepted("A-1"), id="taken"),
        pytest.param(taken(4711), Accepted("4711"), id="a number is an id, too"),
        pytest.param(taken(None), Accepted(), id="taken, the id comes later"),
        pytest.param(httpx2.Response(202), Accepted(), id="an empty 202"),
        pytest.param(httpx2.Response(204), Accepted(), id="an empty 204"),
        pytest.param(
            httpx2.Response(200), Held(f"HTTP 200: {OUT_OF_CONTRACT}"), id="an empty 200 is no yes"
        ),
        pytest.param(
            httpx2.Response(200, text="<html>"),
            Held(f"HTTP 200: {OUT_OF_CONTRACT}"),
            id="somebody's login page",
        ),
        pytest.param(
            httpx2.Response(200, json={"ok": True}),
            Held(f"HTTP 200: {OUT_OF_CONTRACT}"),
            id="no tracking id",
        ),
        pytest.param(taken(True), Held(f"HTTP 201: {OUT_OF_CONTRACT}"), id="true is no id"),
        pytest.param(taken(""), Held(f"HTTP 201: {OUT_OF_CONTRACT}"), id="nor is nothing"),
        pytest.param(taken("x" * 65), Held(f"HTTP 201: {OUT_OF_CONTRACT}"), id="nor a novel"),
        pytest.param(taken("a\nb"), Held(f"HTTP 201: {OUT_OF_CONTRACT}"), id="nor two lines"),
        pytest.param(
            httpx2.Response(200, content=b"[" * 100_000),
            Held(f"HTTP 200: {OUT_OF_CONTRACT}"),
            id="JSON too deep to read",
        ),
        pytest.param(
            httpx2.Response(200, content=b" " * 300_000),
            Held(f"HTTP 200: {OUT_OF_CONTRACT}"),
            id="more than we read",
        ),
        pytest.param(httpx2.Response(422), Refused("HTTP 422"), id="refused"),
        pytest.param(httpx2.Response(401), Held("HTTP 401"), id="wrong token"),
        pytest.param(
            httpx2.Response(429, headers={"Retry-After": "7"}),
            TryLater("HTTP 429", 7.0),
            id="too many, with a wish",
        ),
        pytest.param(httpx2.ConnectError("x"), TryLater("no connection"), id="nobody there"),
        pytest.param(httpx2.ReadTimeout("x"), Unknown("no answer in time"), id="no answer"),
    ],
)
def test_the_answer_decides_the_outcome(reply, outcome):
    assert forward(City(reply)) == outcome


def test_any_2xx_will_do_where_no_tracking_id_is_agreed():
    assert forward(City(httpx2.Response(200, text="OK")), tracking_field="") == Accepted()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(httpx2.Response(200, text="<html>"), id="a yes we cannot read"),
        pytest.param(httpx2.Response(500), id="an error after the taking"),
        pytest.param(httpx2.Response(409), id="it may be there already"),
    ],
)
def test_a_backend_without_keys_leaves_a_doubt_where_it_may_have_taken_it(reply):
    assert isinstance(forward(City(reply), honours_idempotency_keys=False), Unknown)


def test_an_addition_names_the_complaint_it_belongs_to():
    city = City(taken("A-1"))
    backend = make_backend(city, add_url="https://kota.example/{tracking_id}/notes?r={reference}")

    outcome = backend.add(make_complaint(), "sudah 3 hari", tracking_id="A/1", idempotency_key="k2")

    assert outcome == Accepted("A-1")
    assert str(city.requests[0].url) == "https://kota.example/A%2F1/notes?r=12345678"
    assert city.body["kind"] == "addition"
    assert city.body["text"] == "sudah 3 hari"
    assert city.body["tracking_id"] == "A/1"
    assert city.requests[0].headers["Idempotency-Key"] == "k2"


def test_an_addition_needs_no_tracking_id_in_the_answer():
    backend = make_backend(City(httpx2.Response(200)))

    assert backend.add(make_complaint(), "x", tracking_id=None, idempotency_key="k") == Accepted()


FIND_URL = "https://kota.example/api/complaints?reference={reference}"
OURS = {"reference": "12345678", "tracking_id": "A-1"}
ANOTHER = {"reference": "87654321", "tracking_id": "A-2"}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        pytest.param(httpx2.Response(200, json=[OURS]), Found("A-1"), id="a list with ours"),
        pytest.param(httpx2.Response(200, json=OURS), Found("A-1"), id="ours alone"),
        pytest.param(
            httpx2.Response(200, json={"total": 1, "complaints": [OURS]}),
            Found("A-1"),
            id="a list in an object",
        ),
        pytest.param(
            httpx2.Response(200, json=[{"reference": 12345678}]), Found(), id="as a number, no id"
        ),
        pytest.param(httpx2.Response(200, json=[]), NotFound(), id="an empty list"),
        pytest.param(
            httpx2.Response(200, json=[ANOTHER]), NotFound(), id="it ignores the question"
        ),
        pytest.param(httpx2.Response(404, json={"error": "none"}), NotFound(), id="404 in JSON"),
        pytest.param(
            httpx2.Response(404, text="<html>"),
            Held("HTTP 404 from find_url"),
            id="404 of a web server: the address is wrong",
        ),
        pytest.param(
            httpx2.Response(200, json=[{"id": 1}]),
            Held(f"find_url: {OUT_OF_CONTRACT}"),
            id="entries that name no reference",
        ),
        pytest.param(
            httpx2.Response(200, text="<html>"),
            Held(f"find_url: {OUT_OF_CONTRACT}"),
            id="a login page",
        ),
        pytest.param(httpx2.Response(401), Held("HTTP 401 from find_url"), id="may not ask"),
        pytest.param(httpx2.Response(503), TryLater("HTTP 503"), id="away"),
        pytest.param(httpx2.ReadTimeout("x"), TryLater("no answer in time"), id="no answer"),
    ],
)
def test_only_an_entry_with_our_reference_is_believed(reply, outcome):
    """`NotFound` where it is there would double the complaint; `Found` where it is not would lose
    it."""
    city = City(reply)

    assert make_backend(city, find_url=FIND_URL).find("12345678") == outcome
    assert str(city.requests[0].url) == FIND_URL.format(reference="12345678")


def test_a_backend_without_find_url_cannot_be_asked():
    assert not make_backend(City()).can_be_asked
    assert make_backend(City(), find_url=FIND_URL).can_be_asked
