"""What backends say of a complaint: into history, status and one SMS, once; never to who wants none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from config_files import write_config
from inbound import NOON, HandClock, inbound, references
from stores import StoreMaker, rows

from smsgate.backends import Accepted
from smsgate.backends.progress import AskedComplaint, Heard, NotHereYet, Progress
from smsgate.config import load
from smsgate.records import ComplaintStatus, ReplyState
from smsgate.rules import Rules
from smsgate.store import ServiceFacts, Store

LONG_AGO = NOON - timedelta(days=30)
ANSWERED = Progress(ComplaintStatus.ANSWERED, "proses", "Sudah ditambal.", "Dinas Bina Marga")
CLOSED = Progress(ComplaintStatus.CLOSED, "Selesai", "Sudah ditambal.", "Dinas Bina Marga")


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    settings = load(write_config(tmp_path), environ={})
    return Rules(settings.services[0], settings)


@pytest.fixture
def store(make_store: StoreMaker, rules: Rules) -> Store:
    """A store with a complaint that a backend has."""
    return forwarded_to(make_store, rules, "kota")


def forwarded_to(make_store: StoreMaker, rules: Rules, *backends: str) -> Store:
    facts = ServiceFacts(number="1708", backends=backends, compose=rules)
    store = make_store(services={"btm": facts})
    store.receive("m1", "btm", [inbound("BTM jalan rusak di Sekupang")], rules, references())
    for backend in backends:
        claim = store.claim_forward(backend, lease_s=60)
        assert claim is not None
        assert store.settle_forward(claim, Accepted("K-1"), next_at=None)
    return store


def next_to_ask(store: Store, after: int = 0) -> AskedComplaint | None:
    return store.next_to_ask("kota", after=after, since=LONG_AGO)


def note(store: Store, progress: Progress, backend: str = "kota") -> Heard:
    asked = store.next_to_ask(backend, after=0, since=LONG_AGO, closed_since=LONG_AGO)
    assert asked is not None
    return store.note_progress(backend, asked, progress)


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
    config = write_config(tmp_path, service="[service.limits]\ngateway_hour = 1\n")
    settings = load(config, environ={})
    rules = Rules(settings.services[0], settings)
    facts = ServiceFacts(number="1708", backends=("kota",), compose=rules)
    store = make_store(services={"btm": facts})
    store.receive("m1", "btm", [inbound("BTM jalan rusak di Sekupang")], rules, references())
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    store.settle_forward(claim, Accepted("K-1"), next_at=None)

    assert note(store, ANSWERED) == Heard(is_news=False, is_postponed=True)
    assert (told(store), status(store)) == ([], "diterima")
    clock.advance(hours=1, seconds=1)

    assert note(store, ANSWERED).is_news
    assert [state for _, state, _ in told(store)] == ["due"]


def test_an_old_answer_is_not_told_again_after_a_reopening(store: Store, rules: Rules) -> None:
    note(store, CLOSED)
    reopening = inbound("BTM 10000000 masih rusak", 2)
    store.receive("m1", "btm", [reopening], rules, references(20_000_000))

    note(store, ANSWERED)
    note(store, CLOSED)

    assert [kind for kind, _, _ in told(store)] == ["answer", "closed", "added", "closed"]


def test_what_a_slow_backend_says_last_is_not_how_far_the_complaint_is(
    make_store: StoreMaker, rules: Rules
) -> None:
    store = forwarded_to(make_store, rules, "kota", "lapor")
    note(store, ANSWERED)

    assert note(store, Progress(ComplaintStatus.IN_PROGRESS, "proses"), "lapor").is_news

    assert status(store) == "dijawab"
    note(store, Progress(ComplaintStatus.CLOSED, "closed"), "lapor")
    assert status(store) == "selesai"


def test_two_backends_with_the_same_word_are_one_sms(make_store: StoreMaker, rules: Rules) -> None:
    store = forwarded_to(make_store, rules, "kota", "lapor")

    note(store, ANSWERED)
    note(store, ANSWERED, "lapor")
    note(store, Progress(ComplaintStatus.NEEDS_MORE, "ditunda"))
    note(store, Progress(ComplaintStatus.NEEDS_MORE, "pending"), "lapor")

    assert [kind for kind, _, _ in told(store)] == ["answer", "need_more"]


def test_a_unit_that_takes_a_closed_complaint_up_again_opens_it(
    make_store: StoreMaker, rules: Rules
) -> None:
    """Only the one that closed it: the other was never further."""
    store = forwarded_to(make_store, rules, "kota", "lapor")
    note(store, Progress(ComplaintStatus.IN_PROGRESS, "proses"), "lapor")
    note(store, CLOSED)

    assert not note(store, Progress(ComplaintStatus.ANSWERED, "resolved"), "lapor").is_news
    assert (status(store), next_to_ask(store)) == ("selesai", None)
    assert note(store, Progress(ComplaintStatus.IN_PROGRESS, "dibuka lagi")).is_news
    assert status(store) == "proses"
    assert next_to_ask(store) is not None
    assert [kind for kind, _, _ in told(store)] == ["answer", "closed"]


def test_a_status_with_a_clock_in_it_does_not_fill_the_history(
    store: Store, clock: HandClock
) -> None:
    def say(minutes: int) -> Heard:
        return note(store, Progress(None, f"dilihat {minutes} menit lalu"))

    heard = [say(minutes).is_news for minutes in range(30)]
    clock.advance(days=1, seconds=1)

    assert heard.count(True) == 20
    assert say(31).is_news


def test_no_receipt_waits_behind_all_answers_there_are(
    make_store: StoreMaker, rules: Rules, clock: HandClock
) -> None:
    """A `status_url` that is set after a year finds an answer to every complaint of it."""
    facts = ServiceFacts(number="1708", backends=("kota",), compose=rules)
    store = make_store(services={"btm": facts})
    for number in range(30):
        text = f"BTM jalan rusak di Sekupang RT {number}"
        sms = inbound(text, number + 1, sender=f"62812345670{number:02}")
        store.receive("m1", "btm", [sms], rules, references(10_000_000 + number))
        claim = store.claim_forward("kota", lease_s=60)
        assert claim is not None
        store.settle_forward(claim, Accepted(f"K-{number}"), next_at=None)
    for _ in range(30):
        send_one(store)

    assert news_of_a_round(store) == 20
    assert news_of_a_round(store) == 0
    for _ in range(5):
        send_one(store)
    assert news_of_a_round(store) == 5


def send_one(store: Store) -> None:
    reply = store.claim_reply("btm", "m1", lease_s=60)
    assert reply is not None
    store.settle_reply(reply, ReplyState.SUBMITTED)


def news_of_a_round(store: Store) -> int:
    count, asked = 0, next_to_ask(store)
    while asked is not None:
        count += store.note_progress("kota", asked, ANSWERED).is_news
        asked = next_to_ask(store, after=asked.place)
    return count


# --- said by the backend itself -----------------------------------------------------------------


def told_of(store: Store, reference: str = "10000000", backend: str = "kota") -> object:
    return store.told_of(backend, reference, since=LONG_AGO, closed_since=LONG_AGO)


def test_a_backend_may_speak_of_a_complaint_that_it_has(store: Store) -> None:
    assert told_of(store) == next_to_ask(store)
    assert told_of(store, "20000000") is None
    assert told_of(store, backend="lapor") is None
    assert (
        store.told_of("kota", "10000000", since=NOON + timedelta(days=1), closed_since=NOON) is None
    )


def test_of_a_complaint_that_ended_long_ago_nobody_speaks(store: Store) -> None:
    note(store, CLOSED)

    assert told_of(store) is not None
    later = NOON + timedelta(days=31)
    assert store.told_of("kota", "10000000", since=LONG_AGO, closed_since=later) is None


def test_a_backend_that_is_quicker_than_our_record_is_heard_later(
    make_store: StoreMaker, rules: Rules
) -> None:
    """It may answer before we have settled that it took the complaint."""
    facts = ServiceFacts(number="1708", backends=("kota",), compose=rules)
    store = make_store(services={"btm": facts})
    store.receive("m1", "btm", [inbound("BTM jalan rusak di Sekupang")], rules, references())

    with pytest.raises(NotHereYet):
        told_of(store)
