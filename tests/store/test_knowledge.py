"""What a decision is told about the sender."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from inbound import CITIZEN, NOON, OTHER_CITIZEN, HandClock, decide, inbound, references
from stores import StoreMaker, write

from smsgate.records import (
    Decision,
    Disposition,
    KnowledgeLimits,
    NewReply,
    ReplyKind,
    ReplyState,
    SenderKnowledge,
)
from smsgate.store import Store


class Witness:
    """Decides like everybody, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[SenderKnowledge] = []

    def __call__(self, sms: Any, known: SenderKnowledge, reference: str) -> Decision:
        self.told.append(known)
        if sms.text in ("STOP", "MULAI"):
            is_out = sms.text == "STOP"
            disposition = Disposition.OPT_OUT if is_out else Disposition.OPT_IN
            return Decision(disposition, optout=is_out)
        if sms.text in ("limit", "empty"):
            reply = NewReply(ReplyKind(sms.text), sms.sender, "text")
            return Decision(Disposition.TEST, replies=(reply,))
        return decide(sms, known, reference)


@pytest.fixture
def witness() -> Witness:
    """A witness."""
    return Witness()


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store that looks back a day for replies, a hundred days for complaints."""
    limits = KnowledgeLimits(reply_window_s=86400.0, complaints_window_s=100 * 86400.0)
    return make_store(limits={"btm": limits})


def tell(store: Store, witness: Witness, *texts: str, **how: Any) -> SenderKnowledge:
    """Let a citizen send texts, each in a batch of its own; return what was known at the last."""
    for text in texts:
        minute = len(witness.told)
        at = store._room.now() + timedelta(seconds=minute)
        part = inbound(text, minute + 1, sent_at=at, **how)
        store.receive("m1", "btm", [part], witness, references(minute + 1))
    return witness.told[-1]


def test_nothing_is_known_of_a_new_sender(store: Store, witness: Witness) -> None:
    tell(store, witness, "BTM banjir", "BTM lampu", sender=OTHER_CITIZEN)

    known = tell(store, witness, "BTM jalan", sender=CITIZEN)

    assert known == SenderKnowledge(gateway_replies_hour=2, gateway_replies_day=2)


def test_complaints_come_newest_first(store: Store, witness: Witness) -> None:
    known = tell(store, witness, "BTM satu", "BTM dua", "halo")

    assert [c.reference for c in known.complaints] == ["2", "1"]
    assert known.complaints[0].is_open
    assert known.complaints[0].status == "diterima"


def test_a_complaint_is_known_by_when_it_was_sent_within_its_batch_and_after_it(
    store: Store, witness: Witness
) -> None:
    """Two that come together after an outage were sent hours apart: no burst of a robot."""
    batch = [
        inbound(f"BTM {hour}", hour, sent_at=NOON - timedelta(hours=3 - hour)) for hour in (1, 2)
    ]

    store.receive("m1", "btm", batch, witness, references())
    tell(store, witness, "halo")

    within, after = witness.told[1:3]
    assert [c.sent_at for c in within.complaints] == [NOON - timedelta(hours=2)]
    assert [c.sent_at for c in after.complaints] == [NOON - timedelta(hours=n) for n in (1, 2)]


def test_at_most_fifty_complaints_are_told(store: Store, witness: Witness) -> None:
    batch = [inbound(f"BTM {n}", n, sent_at=NOON + timedelta(seconds=n)) for n in range(1, 71)] + [
        inbound("BTM lain", 99, sender=OTHER_CITIZEN)
    ]
    store.receive("m1", "btm", batch, witness, references())
    again = [inbound("halo", 1), inbound("halo", 2, sender=OTHER_CITIZEN)]

    store.receive("m1", "btm", again, witness, references())

    assert [len(known.complaints) for known in witness.told[-2:]] == [50, 1]
    assert max(len(known.complaints) for known in witness.told) == 50


def test_old_complaints_are_not_told(store: Store, witness: Witness, clock: HandClock) -> None:
    tell(store, witness, "BTM satu")
    clock.advance(days=101)

    assert tell(store, witness, "halo").complaints == ()


def test_sms_and_replies_are_counted_in_the_window(
    store: Store, witness: Witness, clock: HandClock
) -> None:
    known = tell(store, witness, "BTM satu", "halo", "halo", "halo")
    assert (known.sms_today, known.same_text_in_window, known.replies_in_window) == (3, 2, 1)

    clock.advance(days=2)
    known = tell(store, witness, "halo")
    assert (known.sms_today, known.same_text_in_window, known.replies_in_window) == (0, 0, 0)


def test_counts_within_one_batch_are_those_between_batches(store: Store, witness: Witness) -> None:
    batch = [
        inbound(text, n, sent_at=NOON + timedelta(seconds=n))
        for n, text in enumerate(["BTM satu", "halo", "halo", "halo"], 1)
    ]
    store.receive("m1", "btm", batch, witness, references())

    known = witness.told[-1]

    assert (known.sms_today, known.same_text_in_window, known.replies_in_window) == (3, 2, 1)
    assert known.gateway_replies_hour == 1


@pytest.mark.parametrize(
    ("kind", "field"), [("limit", "limit_said_in_window"), ("empty", "empty_said_in_window")]
)
def test_what_was_said_is_known(store: Store, witness: Witness, kind: str, field: str) -> None:
    assert not getattr(tell(store, witness, kind), field)
    assert getattr(tell(store, witness, "halo"), field)


def test_the_last_word_on_opting_out_counts(store: Store, witness: Witness) -> None:
    assert tell(store, witness, "STOP", "halo").has_opted_out
    assert not tell(store, witness, "MULAI", "halo").has_opted_out


def test_our_own_words_are_known_once_they_may_have_been_sent(
    store: Store, witness: Witness
) -> None:
    tell(store, witness, "BTM satu")
    assert not tell(store, witness, "received as 1", sender=OTHER_CITIZEN).is_own_reply
    claim = store.claim_reply("btm", "m1", lease_s=60)
    assert claim is not None
    store.settle_reply(claim, ReplyState.UNCONFIRMED)

    assert tell(store, witness, " received as 1\n", sender=OTHER_CITIZEN).is_own_reply


def test_the_gateways_budget_counts_the_hour_and_the_day(
    store: Store, witness: Witness, clock: HandClock
) -> None:
    tell(store, witness, "BTM satu")
    clock.advance(hours=2)
    tell(store, witness, "BTM dua", sender=OTHER_CITIZEN)

    known = tell(store, witness, "halo", sender="+6281555555555")

    assert (known.gateway_replies_hour, known.gateway_replies_day) == (1, 2)


def test_far_from_its_limits_the_budget_is_not_counted_and_never_told_too_small(
    make_store: StoreMaker, witness: Witness, clock: HandClock
) -> None:
    limits = KnowledgeLimits(counted_from_hour=4, counted_from_day=100)
    store = make_store(limits={"btm": limits})
    tell(store, witness, "BTM satu")
    clock.advance(hours=2)
    tell(store, witness, "BTM dua", "BTM tiga", "BTM empat", sender=OTHER_CITIZEN)
    write(store, "UPDATE reply SET is_counted = (id <> 3)")

    known = tell(store, witness, "halo", sender="+6281555555555")
    assert (known.gateway_replies_hour, known.gateway_replies_day) == (3, 4)  # at most

    store.set_limits({"btm": KnowledgeLimits(counted_from_hour=3, counted_from_day=100)})
    known = tell(store, witness, "halo", sender="+6281555555556")
    assert (known.gateway_replies_hour, known.gateway_replies_day) == (2, 3)  # counted

    store.set_limits({"btm": limits})
    clock.advance(days=2)
    known = tell(store, witness, "halo", sender="+6281555555557")
    assert (known.gateway_replies_hour, known.gateway_replies_day) == (0, 0)


def test_another_service_knows_nothing(store: Store, witness: Witness) -> None:
    tell(store, witness, "BTM satu")
    part = inbound("BTM satu", 50, sent_at=NOON + timedelta(hours=1))

    store.receive("m2", "tangkab", [part], witness, references(500))

    assert witness.told[-1].complaints == ()
    assert witness.told[-1].sms_today == 0
