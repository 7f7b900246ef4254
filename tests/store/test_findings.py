"""What the store shows to those who must do something."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from inbound import NOON, HandClock, decide, inbound, references
from stores import StoreMaker, rows

from smsgate.alarms import Alarm, Severity
from smsgate.backends import Refused
from smsgate.findings import Findings, Left
from smsgate.records import Decision, Disposition, NewReply, ReplyKind
from smsgate.store import Store

LIMIT, LOW = "gateway's hourly limit", "low balance"


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """A store with one service and one backend."""
    return make_store()


def find(store: Store) -> Findings:
    return store.findings((LIMIT,), (LOW,))


def test_a_store_that_is_well_shows_nothing(store: Store) -> None:
    store.receive("m1", "btm", [inbound("BTM banjir")], decide, references())

    assert find(store) == Findings()


def test_what_backends_left_to_persons_is_counted_by_complaint(store: Store) -> None:
    batch = [inbound("BTM satu", 1), inbound("BTM dua", 2, sent_at=NOON + timedelta(minutes=1))]
    store.receive("m1", "btm", batch, decide, references(500))
    first = store.claim_forward("kota", lease_s=60)
    second = store.claim_forward("kota", lease_s=60)
    assert first is not None
    assert second is not None

    store.settle_forward(first, Refused("HTTP 422"), next_at=None)
    store.park_forward(second, "cannot be asked")

    assert find(store).refused == {"kota": Left(1, first.complaint.reference)}
    assert find(store).unconfirmed == {"kota": Left(1, second.complaint.reference)}


def test_quarantined_sms_are_counted(store: Store) -> None:
    def stumble(*_: object) -> Decision:
        raise RuntimeError("a mistake of ours")

    store.receive("m1", "btm", [inbound("BTM banjir")], stumble, references())

    assert find(store).quarantined == 1


def test_only_the_gateway_s_own_limits_count(store: Store, clock: HandClock) -> None:
    def mute(reason: str) -> Decision:
        reply = NewReply(ReplyKind.HELP, "+6281234567890", "Aduan", suppressed_reason=reason)
        return Decision(Disposition.QUERY, replies=(reply,))

    at = NOON
    for reason in (LIMIT, "abroad"):
        sms = inbound(f"BTM {reason}", sent_at=at)
        store.receive("m1", "btm", [sms], lambda *_, r=reason: mute(r), references())  # type: ignore[misc]
        clock.advance(minutes=5)
        at += timedelta(minutes=5)

    assert find(store).limited_at == NOON


def test_an_operators_notice_is_its_lines_the_latest_counts(store: Store, clock: HandClock) -> None:
    for line, reason in (("m1", LOW), ("m1", LOW), ("m2", "promotion")):
        clock.advance(minutes=5)
        sms = inbound(f"Pulsa {clock.now()}", sent_at=clock.now())
        notice = Decision(Disposition.OPERATOR_NOTICE, reason=reason)
        store.receive(line, "btm", [sms], lambda *_, n=notice: n, references())  # type: ignore[misc]

    assert find(store).notices == {"m1": (LOW, NOON + timedelta(minutes=10))}


def test_alarms_outlive_a_restart(make_store: StoreMaker, clock: HandClock) -> None:
    alarm = Alarm("line.m1.link", Severity.CRITICAL, "gone", since_at=clock.now())
    make_store().sync_alarms([alarm])
    clock.advance(minutes=5)
    store = make_store()

    store.sync_alarms([], is_ending_others=False)
    store.sync_alarms([alarm])

    assert rows(store, "SELECT count(*), count(cleared_at) FROM alarm") == [(1, 0)]
    assert [a.raised_at for a in store.alarms()] == [NOON]


def test_sms_are_counted_by_line_and_hour_from_a_moment_on(store: Store, clock: HandClock) -> None:
    """What is older than asked is left out, found by a few looks."""
    for minutes in range(0, 40 * 25, 25):
        clock.set_to(NOON + timedelta(minutes=minutes))
        for line in ("m1", "m2") if minutes % 50 == 0 else ("m1",):
            sms = inbound(f"BTM banjir {minutes}", sent_at=clock.now())
            store.receive(line, "btm", [sms], decide, references(minutes * 10 + 100))
    since = NOON + timedelta(hours=3)

    counted = store.received_by_hour(since)

    expected: dict[str, Counter[int]] = {"m1": Counter(), "m2": Counter()}
    for minutes in range(0, 40 * 25, 25):
        at = NOON + timedelta(minutes=minutes)
        if at >= since:
            expected["m1"][int(at.timestamp()) // 3600] += 1
            expected["m2"][int(at.timestamp()) // 3600] += minutes % 50 == 0
    assert counted == {line: {h: n for h, n in by.items() if n} for line, by in expected.items()}


def test_nothing_is_counted_in_an_empty_store(store: Store) -> None:
    assert store.received_by_hour(NOON) == {}
