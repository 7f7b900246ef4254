"""Asking a backend how far complaints are: the round, the pauses, and what is believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from forwarding import StillClock

from smsgate.answers import PAUSE_S, Answers, AnswerTools
from smsgate.backends import Held, NotFound, TryLater
from smsgate.backends.json import JsonContract, open_json_backend
from smsgate.backends.progress import (
    AskedComplaint,
    Heard,
    Progress,
    ProgressOutcome,
    read_status,
)
from smsgate.backends.simulated import SimulatedBackend
from smsgate.clock import SystemClock
from smsgate.errors import StoreUnavailable
from smsgate.records import ComplaintStatus as Status

POLL_S = 300.0


@pytest.mark.parametrize(
    ("raw", "has_answer", "expected"),
    [
        ("Submitted", False, Status.RECEIVED),
        (" belum TERVERIFIKASI ", False, Status.RECEIVED),
        ("ditunda", False, Status.NEEDS_MORE),
        ("Feedback", False, Status.NEEDS_MORE),
        ("Proses", False, Status.IN_PROGRESS),
        ("Proses", True, Status.ANSWERED),
        ("open", True, Status.ANSWERED),
        ("Resolved", False, Status.ANSWERED),
        ("closed", True, Status.CLOSED),
        ("bukan wewenang", False, Status.NOT_OURS),
        ("Dibatalkan", True, Status.CANCELLED),
        ("BERES", False, Status.CLOSED),
        ("aneh", True, None),
    ],
)
def test_their_word_becomes_ours(raw: str, has_answer: bool, expected: Status | None) -> None:
    assert read_status(raw, {"beres": Status.CLOSED}, has_answer=has_answer) is expected


# --- the worker -----------------------------------------------------------------------------------


class FakeStore:
    """Two complaints, and what was said of them."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] = []
        self.is_away = False
        self.rounds: list[datetime | None] = []

    def next_to_ask(
        self, backend: str, *, after: int, since: datetime, closed_since: datetime | None = None
    ) -> AskedComplaint | None:
        self.rounds.append(closed_since)
        if self.is_away:
            raise StoreUnavailable("away")
        left = [place for place in (1, 2) if place > after]
        return AskedComplaint(left[0], left[0], f"1000000{left[0]}", None) if left else None

    def note_progress(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        self.noted.append((asked.reference, progress.raw))
        return Heard(is_news=True, has_due_replies=True)


class FakeBackend:
    """Says what it is told to, to every question."""

    name = "kota"

    def __init__(self) -> None:
        self.outcome: ProgressOutcome = Progress(Status.IN_PROGRESS, "proses")

    def look_up_progress(self, reference: str, tracking_id: str | None) -> ProgressOutcome:
        return self.outcome

    def abort(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing is open."""


class Desk:
    """The worker with everything around it."""

    def __init__(self) -> None:
        self.store, self.backend, self.clock = FakeStore(), FakeBackend(), StillClock()
        self.woken = 0
        self.alarms: dict[str, str] = {}
        tools = AnswerTools(
            clock=self.clock,
            poll_s=POLL_S,
            age_max=timedelta(days=180),
            on_replies=self._wake,
            raise_alarm=lambda key, text: self.alarms.update({key: text}),
            clear_alarm=lambda key: self.alarms.pop(key, None),
        )
        self.worker = Answers(self.store, self.backend, tools)

    def _wake(self) -> None:
        self.woken += 1

    def step(self) -> float:
        """One step, and the pause it asks for."""
        pause_s = self.worker.step()
        assert pause_s is not None
        self.clock.advance(pause_s)
        return pause_s


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_round_asks_for_each_complaint_and_then_rests(desk: Desk) -> None:
    pauses = [desk.step() for _ in range(4)]

    assert pauses == [PAUSE_S, PAUSE_S, POLL_S, PAUSE_S]
    assert [reference for reference, _ in desk.store.noted] == ["10000001", "10000002", "10000001"]
    assert desk.woken == 3


def test_once_a_day_a_round_has_what_ended_not_long_ago(desk: Desk) -> None:
    for _ in range(6):
        desk.step()
    assert set(desk.store.rounds) == {None}
    desk.clock.advance(86400.0)
    desk.store.rounds.clear()

    for _ in range(9):
        desk.step()

    assert [ended is not None for ended in desk.store.rounds] == [False] * 3 + [True] * 3 + [
        False
    ] * 3


def test_being_woken_early_asks_for_nothing(desk: Desk) -> None:
    desk.worker.step()

    assert desk.worker.step() == pytest.approx(PAUSE_S)
    assert len(desk.store.noted) == 1


def test_a_failure_is_waited_out_and_does_not_stand_before_the_others(desk: Desk) -> None:
    desk.backend.outcome = TryLater("HTTP 503", 120.0)
    assert desk.step() == 120.0
    desk.backend.outcome = Progress(Status.CLOSED, "selesai")

    desk.step()

    assert desk.store.noted == [("10000002", "selesai")]


def test_a_contract_that_does_not_fit_is_an_alarm_until_it_does(desk: Desk) -> None:
    desk.backend.outcome = Held("HTTP 401 from status_url")
    assert desk.step() == POLL_S
    assert "HTTP 401" in desk.alarms["backend.kota.answers"]

    desk.backend.outcome = NotFound()
    desk.step()

    assert desk.alarms == {}


def test_a_store_that_is_away_is_waited_for(desk: Desk) -> None:
    desk.store.is_away = True
    desk.step()
    desk.store.is_away = False

    desk.step()

    assert len(desk.store.noted) == 1


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[SimulatedBackend]:
    with SimulatedBackend() as server:
        server.register.post(
            {"idempotency-key": "k"}, b'{"reference": "10000001", "text": "jalan rusak"}'
        )
        yield server


def ask(server: SimulatedBackend, path: str = "", **contract: Any) -> ProgressOutcome:
    url = server.complaints_url
    backend = open_json_backend(
        JsonContract("kota", url, status_url=path or f"{url}?reference={{reference}}", **contract),
        clock=SystemClock(),
    )
    try:
        return backend.look_up_progress("10000001", "SIM-000001")
    finally:
        backend.close()


def test_what_the_backend_says_is_read_and_its_private_notes_are_not(
    server: SimulatedBackend,
) -> None:
    said = {"status": "Proses", "answer": " Sudah. ", "unit": "Dinas A", "private_note": "rahasia"}
    server.register.answer({"reference": "10000001", **said})

    assert ask(server) == Progress(Status.ANSWERED, "Proses", "Sudah.", "Dinas A")


def test_a_complaint_that_nobody_looked_at_has_no_news(server: SimulatedBackend) -> None:
    assert ask(server) == NotFound()


def test_an_entry_is_known_by_its_tracking_id_too(server: SimulatedBackend) -> None:
    server.register.answer({"reference": "10000001", "status": "selesai"})

    found = ask(server, fields={"reference": "tracking_id_of_ours"})

    assert found == Progress(Status.CLOSED, "selesai")


def test_somebody_else_s_answer_is_not_believed(server: SimulatedBackend) -> None:
    """A server that ignores the question answers with everybody's."""
    server.register.post({"idempotency-key": "m"}, b'{"reference": "99999999"}')
    server.register.answer({"reference": "99999999", "status": "selesai"})

    assert ask(server, f"{server.complaints_url}?{{reference}}") == NotFound()


@pytest.mark.parametrize("word", [7, "", ["x"]])
def test_a_status_that_is_no_word_is_out_of_contract(server: SimulatedBackend, word: Any) -> None:
    server.register.answer({"reference": "10000001", "status": word})

    assert isinstance(ask(server), Held)


def test_an_address_that_is_wrong_holds(server: SimulatedBackend) -> None:
    assert ask(server, f"{server.url}/counts?{{reference}}") == NotFound()
    assert isinstance(ask(server, "http://127.0.0.1:9/{reference}"), TryLater)
