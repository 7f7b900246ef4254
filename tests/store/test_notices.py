"""SMS that nobody asked for: due with what they tell, once, and behind what was due before."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from inbound import HandClock, decide, inbound, references
from stores import StoreMaker, rows

from smsgate.backends import Accepted, Found, Refused, TryLater, Unknown
from smsgate.composing import NoticeSubject
from smsgate.records import NewReply, ReplyKind, ReplyState
from smsgate.store import ServiceFacts, Store


class Words:
    """A service's notices."""

    def __init__(self, *, is_sent: bool = True, reason: str | None = None) -> None:
        self._is_sent, self._reason = is_sent, reason
        self.subjects: list[NoticeSubject] = []

    def is_sent(self, kind: ReplyKind) -> bool:
        return self._is_sent

    def compose(
        self, kind: ReplyKind, subject: NoticeSubject, values: Mapping[str, str]
    ) -> NewReply:
        self.subjects.append(subject)
        text = f"{subject.reference} is {values['tracking']}"
        return NewReply(kind, subject.recipient, text, 60.0, self._reason)


def open_store(make_store: StoreMaker, words: Words, **how: object) -> Store:
    """A store with a complaint that is due at two backends, and its receipt."""
    facts = ServiceFacts(number="1708", backends=("kota", "lapor"), compose=words)
    store = make_store(services={"btm": facts}, **how)
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    return store


def settle(store: Store, backend: str, outcome: object) -> None:
    claim = store.claim_forward(backend, lease_s=60)
    assert claim is not None
    assert store.settle_forward(claim, outcome, next_at=None)  # type: ignore[arg-type]


def registered(store: Store) -> list[tuple[object, ...]]:
    query = "SELECT text, state, next_at IS NULL FROM reply WHERE kind = 'registered'"
    return rows(store, query)


def send(store: Store) -> str:
    """Let the line submit the next reply; return its text."""
    claim = store.claim_reply("btm", "m1", lease_s=60)
    assert claim is not None
    store.settle_reply(claim, ReplyState.SUBMITTED)
    return claim.text


def test_registered_leaves_behind_the_receipt(make_store: StoreMaker) -> None:
    store = open_store(make_store, Words())

    settle(store, "kota", Accepted("K-1"))

    assert "K-1" not in send(store)
    assert send(store) == "10000000 is K-1"


def test_registered_waits_while_the_receipt_is_on_its_way(make_store: StoreMaker) -> None:
    store = open_store(make_store, Words())
    receipt = store.claim_reply("btm", "m1", lease_s=60)
    assert receipt is not None

    settle(store, "kota", Accepted("K-1"))

    assert store.claim_reply("btm", "m1", lease_s=60) is None
    store.settle_reply(receipt, ReplyState.SUBMITTED)
    assert send(store) == "10000000 is K-1"


def test_the_first_backend_with_an_id_is_quoted_and_no_other(make_store: StoreMaker) -> None:
    store = open_store(make_store, Words())

    settle(store, "kota", Accepted(None))
    settle(store, "lapor", Accepted("L-2"))

    assert [row[0] for row in registered(store)] == ["10000000 is L-2"]


def test_a_second_id_is_not_quoted(make_store: StoreMaker) -> None:
    store = open_store(make_store, Words())

    settle(store, "lapor", Accepted("L-2"))
    settle(store, "kota", Accepted("K-1"))

    assert [row[0] for row in registered(store)] == ["10000000 is L-2"]


def test_what_is_found_after_a_lost_answer_is_quoted(make_store: StoreMaker) -> None:
    store = open_store(make_store, Words())
    settle(store, "kota", Unknown("no answer"))
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None

    store.note_lookup(claim, Found("K-1"), next_at=None)

    assert [row[0] for row in registered(store)] == ["10000000 is K-1"]


@pytest.mark.parametrize(
    "outcome",
    [Accepted(None), Refused("HTTP 422"), TryLater("HTTP 503"), Unknown("no answer")],
    ids=["no id", "refused", "later", "unknown"],
)
def test_nothing_is_said_that_is_not_so(make_store: StoreMaker, outcome: object) -> None:
    store = open_store(make_store, Words())

    settle(store, "kota", outcome)

    assert registered(store) == []


def test_nothing_is_said_where_it_is_not_configured(make_store: StoreMaker) -> None:
    words = Words(is_sent=False)
    store = open_store(make_store, words)

    settle(store, "kota", Accepted("K-1"))

    assert registered(store) == []
    assert words.subjects == []  # nor is anything gathered for it


def test_an_addition_is_not_registered_again(make_store: StoreMaker) -> None:
    store = open_store(make_store, Words())
    settle(store, "kota", Accepted("K-1"))
    store.receive("m1", "btm", [inbound("+ dan parit", 2)], decide, references(20_000_000))

    settle(store, "kota", Accepted("K-9"))

    assert len(registered(store)) == 1


def test_a_suppressed_notice_is_kept_with_its_reason_in_the_history(
    make_store: StoreMaker,
) -> None:
    store = open_store(make_store, Words(reason="opted out"))

    settle(store, "kota", Accepted("K-1"))

    assert registered(store) == [("10000000 is K-1", "suppressed", 1)]
    complaint = store.complaint("10000000")
    assert complaint is not None
    last = complaint.events[-1]
    assert (last.event, last.detail["reason"]) == ("reply_suppressed", "opted out")


def test_a_lost_claim_says_nothing(make_store: StoreMaker, clock: HandClock) -> None:
    """The notice and the settling are one transaction: without the one there is none of the other."""
    store = open_store(make_store, Words())
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    store.settle_forward(claim, Unknown("no answer"), next_at=None)

    assert not store.settle_forward(claim, Accepted("K-1"), next_at=None)

    assert registered(store) == []


def test_the_line_is_woken_when_the_notice_may_go_now(make_store: StoreMaker) -> None:
    woken: list[bool] = []
    store = open_store(make_store, Words(), on_due_reply=lambda: woken.append(True))
    send(store)

    settle(store, "kota", Accepted("K-1"))

    assert woken == [True]
