"""What people and metrics are shown: lines, backends, alarms, complaints; and how the hot queries find their rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from inbound import NOON, HandClock, decide, inbound, references
from stores import SERVICES, StoreMaker, rows

from smsgate.backends import Accepted
from smsgate.records import LineRecord, ReplyState
from smsgate.store import Store
from smsgate.store.alarms import NoSuchAlarm
from smsgate.store.prepared import Prepared


@pytest.fixture
def store(make_store: StoreMaker) -> Store:
    """An empty store."""
    return make_store()


def test_a_line_is_shown_as_it_said_last(store: Store) -> None:
    for state in ("opening", "ready"):
        store.save_line(
            LineRecord(
                "", "m1", "btm", state, operator="TELKOMSEL", signal_dbm=-71, updated_at=NOON
            )
        )

    [line] = store.lines()

    assert (line.gateway, line.name, line.state, line.signal_dbm) == ("batam-1", "m1", "ready", -71)
    assert line.updated_at == NOON


def test_the_same_name_at_two_gateways_is_two_lines(make_store: StoreMaker) -> None:
    for gateway in ("batam-1", "batam-2"):
        make_store(gateway).save_line(LineRecord("", "m1", "btm", "ready"))

    assert [line.gateway for line in make_store().lines()] == ["batam-1", "batam-2"]


def test_a_backend_without_forwards_is_shown(store: Store) -> None:
    [backend] = store.backends()

    assert (backend.name, backend.state, backend.due, backend.oldest_due_at) == (
        "kota",
        "ok",
        0,
        None,
    )


def test_a_backend_shows_how_long_the_oldest_waits(store: Store, clock: HandClock) -> None:
    for n in range(2):
        part = inbound(f"BTM {n}", n + 1, sent_at=clock.now())
        store.receive("m1", "btm", [part], decide, references(n + 1))
        clock.advance(minutes=1)

    [backend] = store.backends()

    assert (backend.due, backend.oldest_due_at) == (2, NOON)


def test_complaints_are_listed_newest_first(store: Store) -> None:
    batch = [inbound(f"BTM {n}", n, sent_at=NOON + timedelta(seconds=n)) for n in range(1, 6)]
    store.receive("m1", "btm", batch, decide, references(1))

    assert [c.reference for c in store.complaints(limit=3)] == ["5", "4", "3"]
    assert len(store.complaints(status="diterima")) == 5
    assert store.complaints(status="selesai") == []
    assert store.complaint("77") is None


def test_an_anonymous_sender_is_shown_to_nobody(store: Store) -> None:
    store.receive("m1", "btm", [inbound("BTM ANONIM pungli")], decide, references())

    assert store.complaints()[0].sender is None


def test_an_alarm_is_one_however_often_it_is_raised(store: Store, clock: HandClock) -> None:
    assert store.raise_alarm("line.m1.link", "The port is missing.", "critical")
    clock.advance(hours=1)
    assert not store.raise_alarm("line.m1.link", "The port is held.", "critical")

    [alarm] = store.alarms()

    assert (alarm.times, alarm.text, alarm.raised_at) == (2, "The port is held.", NOON)
    assert alarm.last_at == clock.now()


def test_an_alarm_that_is_over_begins_anew(store: Store, clock: HandClock) -> None:
    store.raise_alarm("line.m1.link", "The port is missing.", "critical")
    assert store.clear_alarm("line.m1.link")
    assert not store.clear_alarm("line.m1.link")
    assert store.alarms() == []

    clock.advance(hours=1)

    assert store.raise_alarm("line.m1.link", "The port is missing.", "critical")
    assert store.alarms()[0].raised_at == clock.now()


def test_an_alarm_is_known_to_who_said_so_first(store: Store, clock: HandClock) -> None:
    store.raise_alarm("line.m1.link", "The port is missing.", "critical")
    store.acknowledge_alarm("batam-1", "line.m1.link", "person:ani")
    clock.advance(minutes=5)

    known = store.acknowledge_alarm("batam-1", "line.m1.link", "person:budi")

    assert (known.acknowledged_by, known.acknowledged_at) == ("person:ani", NOON)
    assert store.alarms() == [known]
    assert rows(store, "SELECT actor, subject FROM audit") == [("person:ani", "alarm:line.m1.link")]


def test_an_alarm_that_comes_back_is_new_to_everybody(store: Store) -> None:
    store.raise_alarm("line.m1.link", "The port is missing.", "critical")
    store.acknowledge_alarm("batam-1", "line.m1.link", "person:ani")
    store.raise_alarm("line.m1.link", "The port is held.", "critical")
    assert store.alarms()[0].acknowledged_by == "person:ani", "it is the same alarm"

    store.clear_alarm("line.m1.link")
    store.raise_alarm("line.m1.link", "The port is missing.", "critical")

    assert store.alarms()[0].acknowledged_by is None


def test_only_an_alarm_that_stands_is_acknowledged(make_store: StoreMaker, store: Store) -> None:
    make_store("batam-2").raise_alarm("clock", "It is wrong.", "warning")
    store.raise_alarm("line.m1.link", "The port is missing.", "critical")
    store.clear_alarm("line.m1.link")

    for key in ("line.m1.link", "clock"):
        with pytest.raises(NoSuchAlarm, match=f"no alarm {key} stands at gateway batam-1"):
            store.acknowledge_alarm("batam-1", key, "person:ani")

    assert store.acknowledge_alarm("batam-2", "clock", "person:ani").gateway == "batam-2"


def run_everything(store: Store) -> None:
    """Use every hot path."""
    store.receive("m1", "btm", [inbound("BTM satu")], decide, references())
    store.receive("m1", "btm", [inbound("BTM satu")], decide, references(), gone=[1])
    later = [inbound("BTM satu", 2, sent_at=NOON + timedelta(minutes=1)), inbound("+ lagi", 3)]
    store.receive("m1", "btm", later, decide, references(5))
    while (claim := store.claim_forward("kota", lease_s=60)) is not None:
        store.settle_forward(claim, Accepted("T"), next_at=None)
    while (reply := store.claim_reply("btm", "m1", lease_s=60)) is not None:
        store.record_part(reply, 1, 1)
        store.settle_reply(reply, ReplyState.SUBMITTED)
    store.next_forward_at("kota")
    store.next_reply_at("btm", "m1")


def test_no_hot_query_reads_a_whole_table(
    sqlite_url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store grows for years; what is asked for every SMS must not grow with it."""
    asked: dict[str, Any] = {}
    compile_: Callable[..., Any] = Prepared._compile

    def witness(self: Prepared, dialect: Any, values: Any) -> Any:
        compiled = compile_(self, dialect, values)
        asked[compiled.sql] = compiled.bind(values)
        return compiled

    monkeypatch.setattr(Prepared, "_compile", witness)
    store = Store(sqlite_url, "batam-1", clock=clock, services=SERVICES)
    store.open()
    run_everything(store)
    store.close()

    with store._database.read() as connection:
        for sql, values in asked.items():
            if sql.startswith("INSERT"):
                continue
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(values)).all()
            scans = [row[3] for row in plan if row[3].startswith("SCAN") and "max" not in sql]
            assert scans == [], sql
    assert len(asked) > 25
    store.close()
