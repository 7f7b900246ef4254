"""What backends say of a complaint: into history, status and one SMS, once; never to who wants none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from config_files import write_config
from inbound import NOON, HandClock, inbound, references
from stores import StoreMaker, rows

from smsgate.backends import Accepted
from smsgate.backends.progress import AskedComplaint, Heard, Progress
from smsgate.config import load
from smsgate.records import ComplaintStatus
from smsgate.rules import Rules
from smsgate.store import ServiceFacts, Store

LONG_AGO = NOON - timedelta(days=30)
ANSWERED = Progress(ComplaintStatus.ANSWERED, "proses", "Sudah ditambal.", "Dinas Bina Marga")
CLOSED = Progress(ComplaintStatus.CLOSED, "Selesai", "Sudah ditambal.", "Dinas Bina Marga")


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return Rules(load(write_config(tmp_path), environ={}).services[0])


@pytest.fixture
def store(make_store: StoreMaker, rules: Rules) -> Store:
    """A store with a complaint that a backend has."""
    facts = ServiceFacts(number="1708", backends=("kota",), compose=rules)
    store = make_store(services={"btm": facts})
    store.receive("m1", "btm", [inbound("BTM jalan rusak di Sekupang")], rules, references())
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    assert store.settle_forward(claim, Accepted("K-1"), next_at=None)
    return store


def next_to_ask(store: Store, after: int = 0) -> AskedComplaint | None:
    return store.next_to_ask("kota", after=after, since=LONG_AGO)


def note(store: Store, progress: Progress) -> Heard:
    asked = next_to_ask(store)
    assert asked is not None
    return store.note_progress("kota", asked, progress)


def told(store: Store) -> list[tuple[str, str, str]]:
    """Return kind, state and text of what was made due of answers."""
    query = "SELECT kind, state, text FROM reply WHERE kind NOT IN ('ack', 'optout') ORDER BY id"
    return [(str(kind), str(state), str(text)) for kind, state, text in rows(store, query)]


def status(store: Store) -> str:
    [(word,)] = rows(store, "SELECT status FROM complaint")
    return str(word)


def test_a_complaint_that_a_backend_has_is_asked_for_once_a_round(store: Store) -> None:
    asked = next_to_ask(store)

    assert asked is not None
    assert (asked.reference, asked.tracking_id) == ("10000000", "K-1")
    assert next_to_ask(store, after=asked.place) is None
    assert store.next_to_ask("lapor", after=0, since=LONG_AGO) is None
    assert store.next_to_ask("kota", after=0, since=NOON + timedelta(days=1)) is None


def test_an_answer_is_told_and_stands_in_the_history(store: Store) -> None:
    heard = note(store, ANSWERED)

    assert heard.is_news
    assert status(store) == "dijawab"
    [(kind, state, text)] = told(store)
    assert (kind, state) == ("answer", "due")
    assert text == "Jawaban Dinas Bina Marga utk aduan 10000000: Sudah ditambal."
    complaint = store.complaint("10000000")
    assert complaint is not None
    [event] = [event for event in complaint.events if event.event == "progressed"]
    assert event.actor == "backend:kota"
    assert (event.detail["status"], event.detail["raw"]) == ("dijawab", "proses")
    assert "ditambal" not in str(event.detail)


def test_the_same_answer_seen_again_changes_nothing(store: Store) -> None:
    """Every round sees it, and so does the first one after a restart."""
    note(store, ANSWERED)

    assert note(store, ANSWERED) == Heard(is_news=False)
    assert len(told(store)) == 1


def test_an_answer_that_comes_back_after_another_is_not_told_twice(store: Store) -> None:
    note(store, ANSWERED)
    note(store, Progress(ComplaintStatus.IN_PROGRESS, "proses"))
    note(store, ANSWERED)

    assert [kind for kind, _, _ in told(store)] == ["answer"]
    assert status(store) == "dijawab"


def test_a_closed_complaint_says_so_after_its_answer_and_is_not_asked_for_again(
    store: Store,
) -> None:
    note(store, CLOSED)

    assert [kind for kind, _, _ in told(store)] == ["answer", "closed"]
    assert status(store) == "selesai"
    assert next_to_ask(store) is None


@pytest.mark.parametrize(
    ("progress", "kinds", "part"),
    [
        pytest.param(Progress(ComplaintStatus.RECEIVED, "open"), [], "", id="nothing new"),
        pytest.param(Progress(ComplaintStatus.IN_PROGRESS, "proses"), [], "", id="in work"),
        pytest.param(Progress(None, "aneh"), [], "", id="a word that nobody knows"),
        pytest.param(
            Progress(ComplaintStatus.NEEDS_MORE, "ditunda"), ["need_more"], "10000000", id="more"
        ),
        pytest.param(
            Progress(ComplaintStatus.NEEDS_MORE, "ditunda", "RT berapa?"),
            ["answer"],
            "RT berapa?",
            id="a question of theirs",
        ),
        pytest.param(
            Progress(ComplaintStatus.NOT_OURS, "bukan wewenang", None, "PLN Batam"),
            ["passed_on"],
            "PLN Batam",
            id="passed on",
        ),
        pytest.param(
            Progress(ComplaintStatus.CANCELLED, "Dibatalkan", "bukan keluhan"),
            ["rejected"],
            "bukan keluhan",
            id="rejected",
        ),
        pytest.param(
            Progress(ComplaintStatus.ANSWERED, "proses", "NIK 2171012345678901 sudah benar"),
            ["answer"],
            "sudah benar",
            id="identity numbers are masked",
        ),
        pytest.param(
            Progress(ComplaintStatus.ANSWERED, "proses", "sudah 🙏 " * 60),
            ["answer"],
            "sudah ? sudah",
            id="a long answer is one part of GSM-7",
        ),
    ],
)
def test_each_status_is_told_in_its_own_words(
    store: Store, progress: Progress, kinds: list[str], part: str
) -> None:
    note(store, progress)

    found = told(store)
    assert [kind for kind, _, _ in found] == kinds
    assert all(part in text and len(text) <= 160 for _, _, text in found)
    assert not any("2171012345678901" in text for _, _, text in found)


def test_a_citizen_who_wants_no_sms_gets_none(store: Store, rules: Rules) -> None:
    store.receive("m1", "btm", [inbound("BTM STOP", 2)], rules, references(20_000_000))

    heard = note(store, ANSWERED)

    assert heard == Heard(is_news=True)
    assert [state for _, state, _ in told(store)] == ["suppressed"]
    assert status(store) == "dijawab"


def test_answers_that_keep_changing_are_no_flood(store: Store, clock: HandClock) -> None:
    for number in range(6):
        note(store, Progress(ComplaintStatus.ANSWERED, "proses", f"Dilihat {number} kali"))
    assert len(told(store)) == 3

    clock.advance(days=1, seconds=1)

    assert note(store, Progress(ComplaintStatus.ANSWERED, "proses", "Dilihat 5 kali")).is_news
    assert len(told(store)) == 4


def test_what_the_gateway_has_no_room_for_is_told_later(
    make_store: StoreMaker, tmp_path: Path, clock: HandClock
) -> None:
    """A backend that closes thousands at once."""
    config = write_config(tmp_path)
    config.write_text(
        config.read_text().replace("#service#", "[service.limits]\ngateway_hour = 1\n")
    )
    rules = Rules(load(config, environ={}).services[0])
    facts = ServiceFacts(number="1708", backends=("kota",), compose=rules)
    store = make_store(services={"btm": facts})
    store.receive("m1", "btm", [inbound("BTM jalan rusak di Sekupang")], rules, references())
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    store.settle_forward(claim, Accepted("K-1"), next_at=None)

    assert note(store, ANSWERED) == Heard(is_news=False)
    assert (told(store), status(store)) == ([], "diterima")
    clock.advance(hours=1, seconds=1)

    assert note(store, ANSWERED).is_news
    assert [state for _, state, _ in told(store)] == ["due"]
