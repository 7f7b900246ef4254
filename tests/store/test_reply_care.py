"""A reply that a person sends again: once, in order, whole, and never to who wants none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inbound import CITIZEN, NOON, HandClock, decide, inbound, references
from stores import StoreMaker, rows, write

from smsgate.records import ReplyClaim, ReplyKind, ReplyState
from smsgate.store import Store
from smsgate.store.reply_care import OPEN, Choice, ReplyCare, WrongReply

ANI = "person:ani"
ALL = tuple(ReplyState)


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store in which one receipt is due, as reply 1."""
    store = make_store()
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())
    return store


@pytest.fixture
def care(store: Store) -> ReplyCare:
    """Ani, at the outbox."""
    return store.reply_care(ANI)


def claim(store: Store) -> ReplyClaim:
    """Claim what must be there."""
    claimed = store.claim_reply("btm", "m1", lease_s=150)
    assert claimed is not None
    return claimed


def settle(store: Store, state: ReplyState, reason: str | None = None) -> ReplyClaim:
    """Let the next reply end so."""
    claimed = claim(store)
    assert store.settle_reply(claimed, state, reason=reason)
    return claimed


def ask(store: Store, minute: int) -> None:
    """Let the citizen ask about the complaint."""
    part = inbound("?", minute + 1, sent_at=NOON + timedelta(minutes=minute))
    store.receive("m1", "btm", [part], decide, references())


def test_those_in_doubt_are_listed_first(store: Store) -> None:
    settle(store, ReplyState.UNCONFIRMED, "no answer")
    ask(store, 1)

    found = store.replies(Choice())

    assert [(r.id, r.reference, r.kind, r.state) for r in found] == [
        (1, "10000000", ReplyKind.ACK, ReplyState.UNCONFIRMED),
        (2, "10000000", ReplyKind.STATUS, ReplyState.DUE),
    ]
    assert [r.id for r in store.replies(Choice(kind=ReplyKind.STATUS))] == [2]
    assert store.replies(Choice(reference="1")) == []


@pytest.mark.parametrize(
    ("text", "recipient"), [("BTM banjir", CITIZEN), ("BTM ANONIM pungli", None)]
)
def test_whoever_asked_for_anonim_is_shown_to_nobody(
    make_store: StoreMaker, text: str, recipient: str | None
) -> None:
    store = make_store()
    store.receive("m1", "btm", [inbound(text)], decide, references())

    assert store.replies(Choice())[0].recipient == recipient


@pytest.mark.parametrize(
    "state", [ReplyState.UNCONFIRMED, ReplyState.UNDELIVERED, ReplyState.EXPIRED]
)
def test_one_that_did_not_arrive_is_sent_again(
    store: Store, care: ReplyCare, clock: HandClock, state: ReplyState
) -> None:
    settle(store, state)
    clock.advance(days=9)  # longer than it had to live

    care.resend([1])

    again = claim(store)
    assert (again.id, again.text) == (1, "received as 10000000")
    assert again.expires_at == clock.now() + timedelta(days=1)
    complaint = store.complaint("10000000")
    assert complaint is not None
    assert (complaint.events[-1].actor, complaint.events[-1].event) == (ANI, "reply_resent")
    assert rows(store, "SELECT actor, action, subject FROM audit") == [
        (ANI, "reply_resent", "reply:1")
    ]
    store.settle_reply(again, ReplyState.SUBMITTED)
    assert store.ledger().imbalances == ()


def test_what_the_network_gave_up_is_sent_again_and_nothing_else(
    store: Store, care: ReplyCare
) -> None:
    claimed = claim(store)
    for part in (1, 2, 3):
        store.record_part(claimed, part, 40 + part)
    store.settle_reply(claimed, ReplyState.UNDELIVERED)
    write(store, "UPDATE reply_part SET state = 'undelivered' WHERE number = 2")

    care.resend([1])

    assert claim(store).parts_submitted == {1, 3}


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (ReplyState.SUBMITTED, "the network took it"),
        (ReplyState.SUPPRESSED, r"it is suppressed \(opted out\), it was kept back on purpose"),
        (None, "it goes out by itself"),
    ],
)
def test_others_are_not_sent_again(
    store: Store, care: ReplyCare, state: ReplyState | None, why: str
) -> None:
    if state is not None:
        settle(store, state, "opted out")

    with pytest.raises(WrongReply, match=why):
        care.resend([1])
    with pytest.raises(WrongReply, match="no reply has the number 9"):
        care.resend([9])


def test_of_several_all_are_sent_again_or_none(store: Store, care: ReplyCare) -> None:
    settle(store, ReplyState.UNCONFIRMED)
    ask(store, 1)
    settle(store, ReplyState.SUBMITTED)

    with pytest.raises(WrongReply, match="reply 2 is not sent again"):
        care.resend([1, 2])

    assert [r.id for r in store.replies(Choice((ReplyState.UNCONFIRMED,)))] == [1]


def test_those_after_it_wait_for_it(store: Store, care: ReplyCare) -> None:
    settle(store, ReplyState.UNCONFIRMED)
    ask(store, 1)

    care.resend([1])

    assert claim(store).id == 1
    assert store.claim_reply("btm", "m1", lease_s=150) is None


@pytest.mark.parametrize(
    ("kind", "is_sent"),
    [
        pytest.param("ack", True, id="a receipt answers what they sent"),
        pytest.param("closed", False, id="a notice is what they want no more"),
    ],
)
def test_nobody_who_opted_out_gets_a_notice(
    store: Store, care: ReplyCare, kind: str, is_sent: bool
) -> None:
    settle(store, ReplyState.UNCONFIRMED)
    write(store, "UPDATE reply SET kind = :kind", kind=kind)
    write(store, "UPDATE sms SET optout = :yes", yes=True)

    if is_sent:
        care.resend([1])
    else:
        with pytest.raises(WrongReply, match="wants no notices"):
            care.resend([1])

    assert (claim_or_none(store) is not None) is is_sent


def claim_or_none(store: Store) -> ReplyClaim | None:
    """Claim what may be there."""
    return store.claim_reply("btm", "m1", lease_s=150)


def test_the_usual_list_leaves_out_what_went_out(store: Store) -> None:
    settle(store, ReplyState.SUBMITTED)

    assert store.replies(Choice()) == []
    assert len(store.replies(Choice(ALL))) == 1
    assert ReplyState.SUPPRESSED not in OPEN
