"""The history of a complaint: every change has a line that says who, what and when; and no line ever changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from inbound import CITIZEN, NOON, HandClock, decide, inbound, parts_of, received, references
from msgspec.structs import replace
from stores import SERVICES, StoreMaker, rows, write

from smsgate.backends import Accepted, Found, Held, Outcome, Refused, TryLater, Unknown
from smsgate.errors import StoreError
from smsgate.records import ForwardClaim, ReplyClaim, ReplyState
from smsgate.store import Store

History = list[tuple[str, str]]


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one complaint, its forward and its receipt."""
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM jalan rusak")], decide, references(1))
    return store


def history(store: Store) -> History:
    """Return who did what to the first complaint, after its filing."""
    shown = store.complaint("1")
    assert shown is not None
    lines = [(event.actor, event.event) for event in shown.events]
    assert lines[0] == ("line:m1", "filed")
    return lines[1:]


def forward(store: Store) -> ForwardClaim:
    """Claim the forward."""
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    return claim


def reply(store: Store) -> ReplyClaim:
    """Claim the receipt."""
    claim = store.claim_reply("btm", "m1", lease_s=60)
    assert claim is not None
    return claim


@pytest.mark.parametrize(
    ("outcome", "lines"),
    [
        pytest.param(Accepted("T-1"), ["forwarded"], id="accepted"),
        pytest.param(Refused("HTTP 422"), ["refused"], id="refused"),
        pytest.param(Held("HTTP 401"), ["held"], id="held"),
        pytest.param(Unknown("no answer"), ["unknown"], id="unknown"),
        pytest.param(
            TryLater("HTTP 503"), [], id="tried again, for ever: a line each would be endless"
        ),
    ],
)
def test_outcomes_of_a_forward(store: Store, outcome: Outcome, lines: list[str]) -> None:
    store.settle_forward(forward(store), outcome, next_at=NOON + timedelta(minutes=1))

    assert history(store) == [("backend:kota", line) for line in lines]


def test_a_forward_left_to_a_person(store: Store) -> None:
    store.park_forward(forward(store), "the answer was lost")

    assert history(store) == [("backend:kota", "unconfirmed")]


def test_a_forward_found_at_the_backend(store: Store) -> None:
    store.settle_forward(forward(store), Unknown("no answer"), next_at=NOON)
    store.note_lookup(forward(store), Found("T-1"), next_at=None)

    assert history(store) == [("backend:kota", "unknown"), ("backend:kota", "forwarded")]


@pytest.mark.parametrize(
    ("state", "line"),
    [
        pytest.param(ReplyState.SUBMITTED, "replied", id="submitted"),
        pytest.param(ReplyState.UNCONFIRMED, "reply_unconfirmed", id="unconfirmed"),
        pytest.param(ReplyState.SUPPRESSED, "reply_suppressed", id="suppressed"),
        pytest.param(ReplyState.EXPIRED, "reply_expired", id="expired"),
        pytest.param(ReplyState.UNDELIVERED, "reply_undelivered", id="undelivered"),
    ],
)
def test_ends_of_a_reply(store: Store, state: ReplyState, line: str) -> None:
    store.settle_reply(reply(store), state, reason="so it was")

    assert history(store) == [("line:m1", line)]


def test_a_receipt_that_expired_by_itself(store: Store, clock: HandClock) -> None:
    clock.advance(days=2)

    store.recover()

    assert history(store) == [("line:m1", "reply_expired")]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        pytest.param("00", "reply_delivered", id="delivered"),
        pytest.param("41", "reply_undelivered", id="undelivered"),
    ],
)
def test_what_the_network_reports_of_a_reply(store: Store, status: str, line: str) -> None:
    claim = reply(store)
    store.record_part(claim, 1, 7)
    store.settle_reply(claim, ReplyState.SUBMITTED)
    report = received(bytes.fromhex("0006070D91261832547698F0" + "62302021000000" * 2 + status), 2)

    for _ in range(2):
        store.receive("m1", "btm", [report], decide, references(9))

    assert history(store) == [("line:m1", "replied"), ("line:m1", line)]


def test_a_reply_whose_rest_was_never_taken_is_not_delivered(make_store: StoreMaker) -> None:
    """One part of two is on the phone, and what became of the other nobody knows."""
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], at_length, references())
    claim = reply(store)
    store.record_part(claim, 1, 7)
    store.settle_reply(claim, ReplyState.UNCONFIRMED)
    report = received(bytes.fromhex("0006070D91261832547698F0" + "62302021000000" * 2 + "00"), 2)

    store.receive("m1", "btm", [report], decide, references(9))

    assert store.counts().replies == {"unconfirmed": 1}


def at_length(sms: Any, known: Any, reference: str) -> Any:
    """Answer in two parts."""
    decision = decide(sms, known, reference)
    replies = [replace(reply, text=reply.text.ljust(200, ".")) for reply in decision.replies]
    return replace(decision, replies=replies)


def suppressing(sms: Any, known: Any, reference: str) -> Any:
    """Nobody is answered."""
    decision = decide(sms, known, reference)
    replies = [replace(reply, suppressed_reason="opted out") for reply in decision.replies]
    return replace(decision, replies=replies)


def test_a_reply_that_is_suppressed_from_the_start(make_store: StoreMaker) -> None:
    store = make_store()

    store.receive("m1", "btm", [inbound("BTM jalan rusak")], suppressing, references(1))

    assert history(store) == [("line:m1", "reply_suppressed")]


def receive(store: Store, *parts: Any) -> None:
    """Receive more."""
    store.receive("m1", "btm", parts, decide, references(9))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("+ di Sekupang", "followed_up", id="follow-up"),
        pytest.param("BTM jalan rusak", "repeat", id="repeat"),
        pytest.param("?", "asked", id="query"),
    ],
)
def test_what_the_citizen_sends_later(store: Store, text: str, line: str) -> None:
    receive(store, inbound(text, 2, sent_at=NOON + timedelta(minutes=1)))

    assert history(store) == [("line:m1", line)]


def test_a_late_part(make_store: StoreMaker, clock: HandClock) -> None:
    store = make_store()
    first, second = parts_of(["BTM jalan ", "rusak"])
    receive(store, first)
    clock.advance(hours=25)
    store.file_overdue("btm", decide, references(1))
    receive(store, second)

    shown = store.complaint("1")
    assert shown is not None
    assert [(e.actor, e.event) for e in shown.events] == [
        ("housekeeper", "filed"),
        ("line:m1", "completed"),
    ]


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        pytest.param(forward, ("housekeeper", "unknown"), id="forward"),
        pytest.param(reply, ("line:m1", "reply_unconfirmed"), id="reply"),
    ],
)
def test_claims_of_a_daemon_that_died(
    sqlite_url: str, clock: HandClock, claim: Callable[[Store], Any], line: tuple[str, str]
) -> None:
    died, store = (Store(sqlite_url, "batam-1", clock=clock, services=SERVICES) for _ in range(2))
    died.open()
    died.receive("m1", "btm", [inbound("BTM jalan rusak")], decide, references(1))
    claim(died)
    died.close()
    store.open()

    store.recover()

    assert history(store) == [line]
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE complaint_event SET actor = 'nobody'", id="UPDATE"),
        pytest.param("DELETE FROM complaint_event", id="DELETE"),
    ],
)
def test_the_database_refuses_to_change_history(store: Store, statement: str) -> None:
    with pytest.raises(StoreError):
        write(store, statement)

    assert rows(store, "SELECT actor FROM complaint_event") == [("line:m1",)]


def test_history_holds_nothing_that_a_citizen_wrote(store: Store) -> None:
    receive(store, inbound("+ rahasia sekali", 2, sent_at=NOON + timedelta(minutes=1)))
    store.settle_forward(forward(store), Accepted("T-1"), next_at=None)
    store.settle_reply(reply(store), ReplyState.SUBMITTED)

    said = " ".join(
        str(row) for row in rows(store, "SELECT actor, event, detail FROM complaint_event")
    )

    for secret in ("rusak", "rahasia", CITIZEN.lstrip("+")):
        assert secret not in said
