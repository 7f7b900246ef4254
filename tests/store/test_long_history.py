"""A store of many years: what is asked every round costs what it cost on the first day.

Counted in SQLite's own steps, which are the same on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from inbound import HandClock, decide, inbound, references
from stores import SERVICES, write

from smsgate.backends import Accepted
from smsgate.conditions import NOTICES, SUPPRESSIONS
from smsgate.records import KnowledgeLimits, Shown
from smsgate.store import Store, findings

STEPS_EACH = 50
OLD = 4000  # SMS, each a complaint that was forwarded and answered long ago

# Everything that stands in the way of a question that is not narrowed enough, all of it settled.
_HISTORY = (
    """
    INSERT INTO sms (gateway, line, service, identity, is_alphanumeric, state, disposition, reason, received_at,
                     concat_total, missing, has_gap, text_hash)
    SELECT 'batam-1', 'm1', 'btm', '+62812' || n, 0, 'filed',
           CASE n % 2 WHEN 0 THEN 'complaint' ELSE 'operator notice' END, 'promotion', '2024-01-01 00:00:00', 1, 0, 0, n
    FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :old) SELECT n FROM c)
    """,
    """
    INSERT INTO part (gateway, line, key, instance, pdu, is_damaged, memory, slot_index, stat, generation, state,
                      seen_count, received_at, sms_id)
    SELECT gateway, line, CAST(id AS BLOB), 0, x'00', 0, 'SM', 1, 0, 1, 'deleted', 1, received_at, id
    FROM sms WHERE received_at < '2025-01-01'
    """,
    """
    INSERT INTO complaint (reference, gateway, line, service, sender, identity, body, raw_text, prefix,
                           confidentiality, is_urgent, text_digest, status, received_at, had_concat, closed_at)
    SELECT 'old-' || id, gateway, line, service, identity, identity, '', '', 'BTM', 'plain', 0, x'00', 'closed',
           received_at, 0, received_at
    FROM sms WHERE received_at < '2025-01-01'
    """,
    """
    INSERT INTO forward (complaint_id, sms_id, backend, kind, revision, idempotency_key, state, created_at)
    SELECT c.id, s.id, 'kota', 'create', 0, c.reference, 'forwarded', c.received_at
    FROM complaint c JOIN sms s ON c.reference = 'old-' || s.id
    """,
    """
    INSERT INTO reply (sms_id, complaint_id, gateway, line, service, identity, recipient, kind, text, text_hash,
                       state, is_counted, reason, expires_at, created_at)
    SELECT f.sms_id, f.complaint_id, 'batam-1', 'm1', 'btm', 'x', 'x', 'ack', '', f.id,
           CASE f.id % 2 WHEN 0 THEN 'submitted' ELSE 'suppressed' END, f.id % 2 = 0, 'same text again',
           f.created_at, f.created_at
    FROM forward f
    """,
)


class Steps:
    """Counts what the store's connections do."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        for engine in (store._database.reader, store._database.writer):
            sa.event.listen(engine, "connect", self._watch)

    def of(self, work: Callable[[], Any]) -> int:
        """Return how many steps something takes."""
        before = self.count
        work()
        return self.count - before

    def _watch(self, connection: Any, _record: object) -> None:
        connection.set_progress_handler(self._step, STEPS_EACH)

    def _step(self) -> None:
        self.count += STEPS_EACH


def rounds(store: Store) -> dict[str, Callable[[], Any]]:
    """Return what the housekeeper and a line ask, again and again."""
    return {
        "recover": store.recover,
        "overdue": lambda: store.file_overdue("btm", decide, references()),
        "findings": lambda: store.findings(SUPPRESSIONS, NOTICES),
        "backends": store.backends,
        "restored": store.watch_restored,
        "alarms": store.alarms,
        "taking over": lambda: store.take_over_replies("btm", away="m1", line="m2"),
        "next reply": lambda: store.next_reply_at("btm", "m1"),
        "next forward": lambda: store.next_forward_at("kota"),
        "no reply to claim": lambda: store.claim_reply("btm", "m9", lease_s=60),
        "no forward to claim": lambda: store.claim_forward("nobody", lease_s=60),
        "absent parts": lambda: store.mark_absent("m1", Shown({}, {"SM": None})),
    }


def test_a_round_costs_no_more_after_years(
    sqlite_url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "LOOKED_AT_MAX", 10)
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    steps = Steps(store)
    store.open(create=True)
    store.receive("m1", "btm", [inbound("BTM satu")], decide, references())
    for work in rounds(store).values():
        work()  # what is done once is done
    young = {name: steps.of(work) for name, work in rounds(store).items()}

    for statement in _HISTORY:
        write(store, statement, **({"old": OLD} if ":old" in statement else {}))
    old = {name: steps.of(work) for name, work in rounds(store).items()}
    store.close()

    assert {name: old[name] for name in old if old[name] > young[name] + OLD / 4} == {}


# Thousands of things that a citizen added to complaint 1; to be called once for each state they are in.
_ADDED = (
    """
    INSERT INTO sms (gateway, line, service, identity, is_alphanumeric, state, disposition, complaint_id, received_at,
                     concat_total, missing, has_gap, text_hash)
    SELECT gateway, line, service, identity, 0, 'filed', 'follow-up', 1, '2024-01-01 00:00:00', 1, 0, 0, n
    FROM (SELECT * FROM sms WHERE complaint_id = 1 ORDER BY id LIMIT 1),
         (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :old) SELECT n FROM c)
    """,
    """
    INSERT INTO forward (complaint_id, sms_id, backend, kind, revision, addition, idempotency_key, state, created_at)
    SELECT 1, id, 'kota', 'add', 0, 'juga', 'old-' || id, :state, received_at
    FROM sms WHERE received_at < '2025-01-01' AND id NOT IN (SELECT sms_id FROM forward)
    """,
)


@pytest.mark.parametrize("state", ["forwarded", "due"])
def test_what_is_added_for_the_thousandth_time_costs_what_the_first_did(
    state: str, sqlite_url: str, clock: HandClock
) -> None:
    """Receiving waits for it, and a citizen may add as often as one likes."""
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    steps = Steps(store)
    store.open(create=True)
    store.receive("m1", "btm", [inbound("BTM satu")], decide, references())
    forward_next(store)

    def add() -> None:
        clock.advance(minutes=1)
        part = inbound("+ juga", sent_at=clock.now())
        store.receive("m1", "btm", [part], decide, references())

    for work in (add, lambda: forward_next(store)):
        work()  # what is done once is done
    young = [steps.of(add), steps.of(lambda: forward_next(store))]
    write(store, _ADDED[0], old=OLD)
    write(store, _ADDED[1], state=state)
    if state == "due":
        write(store, "UPDATE forward SET next_at = created_at WHERE id = (SELECT min(id) FROM forward "
                     "WHERE state = 'due')")  # fmt: skip
    old = [steps.of(add), steps.of(lambda: forward_next(store))]
    store.close()

    assert [now for now, then in zip(old, young, strict=True) if now > then + OLD / 4] == []


def test_a_receipt_of_a_busy_day_costs_what_the_first_one_did(
    sqlite_url: str, clock: HandClock
) -> None:
    """As long as the gateway's limits are far, nobody counts its replies."""
    limits = KnowledgeLimits(counted_from_hour=OLD * 2, counted_from_day=OLD * 2)
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES, limits={"btm": limits})
    steps = Steps(store)
    store.open(create=True)

    def complain(number: int) -> None:
        part = inbound(f"BTM {number}", number, sender=f"+62813{number:08}", sent_at=clock.now())
        store.receive("m1", "btm", [part], decide, references(number))

    complain(1)
    young = steps.of(lambda: complain(2))
    write(store, _REPLIES, old=OLD)
    old = steps.of(lambda: complain(3))
    store.close()

    assert old < young + OLD / 4


_REPLIES = """
    INSERT INTO reply (sms_id, complaint_id, gateway, line, service, identity, recipient, kind, text, text_hash,
                       state, is_counted, created_at)
    SELECT sms_id, complaint_id, gateway, line, service, 'x', 'x', kind, '', n, 'submitted', 1, created_at
    FROM (SELECT * FROM reply ORDER BY id LIMIT 1),
         (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :old) SELECT n FROM c)
    """


def forward_next(store: Store) -> None:
    """Let the backend take what is due the longest."""
    claimed = store.claim_forward("kota", lease_s=60)
    assert claimed is not None
    assert store.settle_forward(claimed, Accepted("4711"), next_at=None)
