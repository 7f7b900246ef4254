"""The HTTP client's results: what was surely not sent, and what was perhaps taken."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest
from forwarding import NOON, StillClock

from smsgate.http import (
    Answer,
    BodyEnd,
    HttpClient,
    HttpLimits,
    NeverSent,
    PerhapsTaken,
    describe,
    parse_http_date,
    parse_retry_after,
)

URL = "http://kota.example/complaints"


def ask(respond, **limits):
    """Make one request to a transport that responds so."""
    client = HttpClient(
        clock=StillClock(), limits=HttpLimits(**limits), transport=httpx2.MockTransport(respond)
    )
    return client.request("POST", URL, headers={}, body=b"{}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(httpx2.ConnectError, NeverSent, id="refused"),
        pytest.param(httpx2.ConnectTimeout, NeverSent, id="no connection in time"),
        pytest.param(httpx2.PoolTimeout, NeverSent, id="no free connection"),
        pytest.param(httpx2.ReadTimeout, PerhapsTaken, id="no answer in time"),
        pytest.param(httpx2.ReadError, PerhapsTaken, id="reset while waiting"),
        pytest.param(httpx2.WriteError, PerhapsTaken, id="reset while sending"),
        pytest.param(httpx2.WriteTimeout, PerhapsTaken, id="not read in time"),
        pytest.param(httpx2.RemoteProtocolError, PerhapsTaken, id="ended without an answer"),
    ],
)
def test_a_failure_says_whether_the_server_can_have_it(error, kind):
    def respond(request):
        raise error("x")

    assert isinstance(ask(respond), kind)


def test_a_redirect_is_an_answer_and_is_not_followed():
    seen = []

    def respond(request):
        seen.append(request)
        return httpx2.Response(302, headers={"Location": "http://elsewhere.example/"})

    assert ask(respond) == Answer(302, b"")
    assert len(seen) == 1


def test_a_body_beyond_the_limit_is_thrown_away():
    result = ask(lambda _: httpx2.Response(200, content=b"x" * 101), body_octets_max=100)

    assert result == Answer(200, b"", BodyEnd.TOO_LARGE)


def test_a_body_at_the_limit_is_kept():
    result = ask(lambda _: httpx2.Response(200, content=b"x" * 100), body_octets_max=100)

    assert result == Answer(200, b"x" * 100)


def test_retry_after_as_a_date_is_counted_on_the_servers_own_clock():
    """Our clock may be wrong by hours on a box without a battery."""
    headers = {
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Retry-After": "Sun, 06 Nov 1994 08:51:37 GMT",
    }
    result = ask(lambda _: httpx2.Response(503, headers=headers))

    assert result == Answer(503, b"", retry_after_s=120.0)


def test_retry_after_as_a_date_is_counted_on_our_clock_where_the_server_tells_none():
    headers = {"Retry-After": "Mon, 17 Aug 2026 05:01:00 GMT"}
    result = ask(lambda _: httpx2.Response(503, headers=headers))

    assert result == Answer(503, b"", retry_after_s=60.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120.0, id="seconds"),
        pytest.param(" 0 ", 0.0, id="none, with spaces"),
        pytest.param("Mon, 17 Aug 2026 05:00:30 GMT", 30.0, id="a date"),
        pytest.param("Monday, 17-Aug-26 05:00:30 GMT", 30.0, id="the obsolete form"),
        pytest.param("Mon, 17 Aug 2026 04:00:00 GMT", 0.0, id="a date that has passed"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="a word"),
        pytest.param("", None, id="nothing"),
        pytest.param("1" * 5000, None, id="a number that int() refuses"),
        pytest.param("Mon, 99 Foo 2026 05:00:30 GMT", None, id="no such date"),
        pytest.param("٣", None, id="a digit that is not ASCII"),
    ],
)
def test_retry_after_has_two_forms(value, seconds):
    assert parse_retry_after(value, now=NOON) == seconds


def test_an_http_date_is_aware():
    assert parse_http_date("Sun, 06 Nov 1994 08:49:37 -0000") == datetime(
        1994, 11, 6, 8, 49, 37, tzinfo=UTC
    )


def test_a_reason_never_quotes_what_was_said():
    error = httpx2.RemoteProtocolError("illegal status line: 'BTM jalan rusak +6281234567890'")

    assert describe(error) == "the connection ended without an HTTP answer"
