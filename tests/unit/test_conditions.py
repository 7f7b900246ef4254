"""What of the store becomes an alarm, in what words, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from smsgate.alarms import CATALOGUE, severity_of
from smsgate.conditions import is_ours, standing
from smsgate.findings import Findings, Left
from smsgate.records import BackendRecord

NOW = datetime(2026, 8, 17, 12, tzinfo=UTC)


def a_backend(
    state: str, *, oldest: timedelta | None = None, reason: str = "HTTP 503"
) -> BackendRecord:
    """A backend with one complaint due since `oldest` ago."""
    due_at = None if oldest is None else NOW - oldest
    return BackendRecord("kota", state, reason, 1, due_at, None, None)


@pytest.mark.parametrize(
    ("backend", "keys"),
    [
        pytest.param(a_backend("ok"), set(), id="works"),
        pytest.param(a_backend("failing", oldest=timedelta(minutes=59)), set(), id="down briefly"),
        pytest.param(
            a_backend("failing", oldest=timedelta(hours=1)),
            {"backend.kota.failing"},
            id="down for long",
        ),
        pytest.param(a_backend("failing"), set(), id="down, and nothing waits"),
        pytest.param(a_backend("held", oldest=timedelta(0)), {"backend.kota.held"}, id="held"),
    ],
)
def test_a_backend_is_alarming_when_a_person_can_do_something(
    backend: BackendRecord, keys: set[str]
) -> None:
    assert set(standing([backend], Findings(), NOW)) == keys


@pytest.mark.parametrize(
    ("retry_at", "says"),
    [
        pytest.param(None, "is held by ani; 1 of its complaints wait until `smsgate", id="person"),
        pytest.param(NOW, "is held (held by ani); 1 of its complaints wait. Put", id="outcome"),
    ],
)
def test_a_held_backend_waits_for_who_held_it_or_for_what_is_wrong(
    retry_at: datetime | None, says: str
) -> None:
    backend = replace(a_backend("held", reason="held by ani"), retry_at=retry_at)

    [text] = standing([backend], Findings(), NOW).values()

    assert says in text
    assert "`smsgate forwards release --backend kota`" in text


@pytest.mark.parametrize(
    ("findings", "key", "says"),
    [
        pytest.param(
            Findings(refused={"kota": Left(1, "12345678")}),
            "backend.kota.refused",
            "refused complaint 12345678 for good",
            id="refused",
        ),
        pytest.param(
            Findings(unconfirmed={"kota": Left(3, "12345678")}),
            "backend.kota.unconfirmed",
            "3 complaints, 12345678 the latest",
            id="unconfirmed",
        ),
        pytest.param(
            Findings(quarantined=2), "store.quarantine", "messages redecode", id="quarantined"
        ),
        pytest.param(
            Findings(limited_at=NOW - timedelta(minutes=59)),
            "replies.limit",
            "gateway_hour",
            id="limit",
        ),
        pytest.param(
            Findings(notices={"m1": ("low balance", NOW - timedelta(days=2))}),
            "line.m1.notice",
            "top it up",
            id="low balance",
        ),
        pytest.param(
            Findings(notices={"m1": ("expiry", NOW - timedelta(days=2))}),
            "line.m1.notice",
            "validity",
            id="expiry",
        ),
    ],
)
def test_what_is_found_is_said_with_the_next_thing_to_do(
    findings: Findings, key: str, says: str
) -> None:
    [(found, text)] = standing([], findings, NOW).items()

    assert found == key
    assert says in text


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param(Findings(limited_at=NOW - timedelta(hours=1)), id="replies go again"),
        pytest.param(
            Findings(notices={"m1": ("low balance", NOW - timedelta(days=3))}), id="said no more"
        ),
    ],
)
def test_what_was_not_said_again_is_over(findings: Findings) -> None:
    assert standing([], findings, NOW) == {}


def test_every_condition_is_in_the_catalogue_and_can_end() -> None:
    left = {"kota": Left(1, "12345678")}
    findings = Findings(1, left, left, NOW, {"m1": ("expiry", NOW)})
    backends = [a_backend("held"), a_backend("failing", oldest=timedelta(hours=2))]

    found = standing(backends, findings, NOW)

    assert len(found) == 7
    catalogued = {key.replace("*", name) for key in CATALOGUE for name in ("kota", "m1")}
    assert set(found) <= catalogued
    assert all(is_ours(key) for key in found)
    assert severity_of("backend.kota.held") is CATALOGUE["backend.*.held"]


@pytest.mark.parametrize("key", ["line.m1.link", "store", "store.disk", "clock", "config"])
def test_what_others_raise_is_left_to_them(key: str) -> None:
    assert not is_ours(key)
