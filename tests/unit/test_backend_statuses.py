"""What an HTTP status means for a complaint."""

from __future__ import annotations

import pytest

from smsgate.backends import Accepted, Held, Refused, TryLater, Unknown
from smsgate.backends.statuses import classify, doubt


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        pytest.param(200, Accepted(), id="taken"),
        pytest.param(202, Accepted(), id="any 2xx is taken over"),
        pytest.param(400, Refused("HTTP 400"), id="the complaint itself is wrong"),
        pytest.param(413, Refused("HTTP 413"), id="it is too long for them"),
        pytest.param(422, Refused("HTTP 422"), id="they cannot use it"),
        pytest.param(401, Held("HTTP 401"), id="our credentials are wrong: hold the backend"),
        pytest.param(403, Held("HTTP 403"), id="we may not"),
        pytest.param(404, Held("HTTP 404"), id="the address is wrong"),
        pytest.param(405, Held("HTTP 405"), id="so is this"),
        pytest.param(302, Held("HTTP 302"), id="moved or a login page: never followed"),
        pytest.param(307, Held("HTTP 307"), id="moved"),
        pytest.param(408, TryLater("HTTP 408"), id="they waited too long for us"),
        pytest.param(409, TryLater("HTTP 409"), id="the first request with this key is in work"),
        pytest.param(425, TryLater("HTTP 425"), id="too early"),
        pytest.param(429, TryLater("HTTP 429"), id="too many"),
        pytest.param(500, TryLater("HTTP 500"), id="they have a bug today"),
        pytest.param(503, TryLater("HTTP 503"), id="they are away"),
        pytest.param(599, TryLater("HTTP 599"), id="any 5xx"),
    ],
)
def test_status_decides_the_outcome(status, outcome):
    assert classify(status, retry_after_s=None) == outcome


def test_a_wish_to_wait_is_passed_on():
    assert classify(503, retry_after_s=120.0) == TryLater("HTTP 503", 120.0)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        pytest.param(409, Unknown("HTTP 409"), id="it may be there already"),
        pytest.param(500, Unknown("HTTP 500"), id="the error may have come after the taking"),
        pytest.param(502, Unknown("HTTP 502"), id="the proxy lost the answer"),
        pytest.param(504, Unknown("HTTP 504"), id="the proxy gave up on the answer"),
        pytest.param(429, TryLater("HTTP 429"), id="turned away at the door"),
        pytest.param(503, TryLater("HTTP 503"), id="nobody was there to take it"),
        pytest.param(401, Held("HTTP 401"), id="not even looked at"),
        pytest.param(422, Refused("HTTP 422"), id="looked at and refused"),
    ],
)
def test_without_idempotency_keys_only_what_was_surely_not_taken_is_sent_again(status, outcome):
    assert doubt(status, classify(status, retry_after_s=None)) == outcome
