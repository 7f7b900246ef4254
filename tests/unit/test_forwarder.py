"""The forwarder: every outcome, every doubt, and how much a failing backend costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog
from forward_store import ForwardMemory
from forwarding import SENDER, TEXT, StillClock, make_complaint

from smsgate.backends import (
    Accepted,
    Found,
    Held,
    NotFound,
    Refused,
    TryLater,
    Unknown,
)
from smsgate.forwarder import IDLE_S_MAX, Forwarder
from smsgate.records import ForwardState
from smsgate.retry import RetryPolicy

POLICY = RetryPolicy(first_delay_s=1.0, delay_s_max=60.0, spread=0.0)


class ScriptedBackend:
    """A backend that says what it was told to say, and remembers what it was asked."""

    name = "kota"
    settle_s = 30.0
    request_deadline_s = 20.0

    def __init__(self, *answers, keys=True, asked=False):
        self.honours_idempotency_keys = keys
        self.can_be_asked = asked
        self.calls = []
        self._answers = list(answers)

    def forward(self, complaint, *, idempotency_key):
        return self._answer("forward", complaint.reference, idempotency_key)

    def add(self, complaint, text, *, tracking_id, idempotency_key):
        return self._answer("add", complaint.reference, idempotency_key)

    def find(self, reference):
        return self._answer("find", reference, None)

    def close(self):
        self.calls.append("close")

    def _answer(self, *call):
        self.calls.append(call[0])
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


class Bench:
    """A forwarder with its backend and a store in memory, on a clock that stands still."""

    def __init__(self, *answers, **backend):
        self.clock = StillClock()
        self.store = ForwardMemory(self.clock)
        self.backend = ScriptedBackend(*answers, **backend)
        self.forwarder = Forwarder(
            self.store, self.backend, clock=self.clock, chance=lambda: 0.0, policy=POLICY
        )

    def file(self, **changes):
        kind = changes.pop("kind", "create")
        return self.store.add(make_complaint(**changes), kind=kind)

    def run(self, seconds):
        """Step as the runner would, for so long on the clock."""
        left = seconds
        while left >= 0:
            delay_s = self.forwarder.step()
            self.clock.advance(delay_s)
            left -= delay_s


def test_an_accepted_complaint_is_forwarded_with_its_tracking_id():
    bench = Bench(Accepted("A-1"))
    row = bench.file()

    assert bench.forwarder.step() == 0.0
    assert (row.state, row.tracking_id) == (ForwardState.FORWARDED, "A-1")


def test_a_refused_complaint_waits_for_a_person():
    bench = Bench(Refused("HTTP 422"))
    row = bench.file()

    bench.run(3600)

    assert (row.state, row.reason) == (ForwardState.REFUSED, "HTTP 422")
    assert bench.backend.calls == ["forward"]


def test_an_addition_goes_by_add():
    bench = Bench(Accepted())
    row = bench.file(kind="add")

    bench.forwarder.step()

    assert bench.backend.calls == ["add"]
    assert row.state is ForwardState.FORWARDED


def test_with_nothing_to_do_it_waits_to_be_woken():
    assert Bench(Accepted()).forwarder.step() == IDLE_S_MAX


def test_it_sleeps_until_the_next_forward_is_due():
    bench = Bench(Accepted())
    bench.file().next_at = bench.clock.now() + timedelta(seconds=7)

    assert bench.forwarder.step() == 7.0


# --- a backend that fails ------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [TryLater("HTTP 503"), Held("HTTP 401")])
def test_a_complaint_is_tried_for_ever(failure):
    bench = Bench(*[failure] * 500, Accepted("A-1"))
    row = bench.file()

    bench.run(500 * 61)

    assert row.state is ForwardState.FORWARDED
    assert row.attempts == 501


def test_a_failing_backend_costs_one_request_a_pause_however_many_wait():
    bench = Bench(TryLater("HTTP 503"))
    for number in range(100):
        bench.file(reference=str(number))

    bench.run(3600)

    # pauses of 1, 2, 4, 8, 16, 32 s, then one a minute
    assert len(bench.backend.calls) == pytest.approx(6 + 3600 / 60, abs=2)


def test_when_the_backend_is_back_all_go_at_once():
    bench = Bench(*[TryLater("HTTP 503")] * 20, Accepted())
    rows = [bench.file(reference=str(number)) for number in range(100)]

    bench.run(20 * 61 + 120)

    assert {row.state for row in rows} == {ForwardState.FORWARDED}
    assert len(bench.backend.calls) == 20 + 100


def test_one_complaint_that_always_fails_does_not_stand_before_the_others():
    bench = Bench(Accepted())
    poison = bench.file(reference="0")
    send = bench.backend.forward
    bench.backend.forward = lambda complaint, *, idempotency_key: (
        TryLater("HTTP 500")
        if complaint.reference == "0"
        else send(complaint, idempotency_key=idempotency_key)
    )
    rows = [bench.file(reference=str(number)) for number in range(1, 50)]

    bench.run(5)

    assert {row.state for row in rows} == {ForwardState.FORWARDED}
    assert poison.state is ForwardState.DUE


def test_one_complaint_that_always_fails_is_tried_ever_more_rarely():
    """Though the others, going through between, end each pause of the backend."""
    bench = Bench(Accepted())
    poison = bench.file(reference="0")
    bench.backend.forward = lambda complaint, *, idempotency_key: (
        TryLater("HTTP 500") if complaint.reference == "0" else Accepted()
    )

    started = bench.clock.monotonic()
    for number in range(60):
        bench.file(reference=f"1{number}")
        bench.run(45)

    # after 1, 2, 4, 8, 16, 32 s, then one a minute, the ceiling
    minutes = (bench.clock.monotonic() - started) / 60
    assert poison.attempts == pytest.approx(6 + minutes, abs=3)


def test_a_new_complaint_does_not_wait_for_one_that_always_fails():
    """Alone in the night it fails on and on: that is no reason to believe that the backend is
    away."""
    bench = Bench(TryLater("HTTP 500"))
    bench.file(reference="0")
    bench.run(3600)
    bench.backend.forward = lambda complaint, *, idempotency_key: (
        TryLater("HTTP 500") if complaint.reference == "0" else Accepted()
    )
    row = bench.file(reference="1")

    bench.run(2)

    assert row.state is ForwardState.FORWARDED


def test_a_success_makes_the_pauses_short_again():
    bench = Bench(*[TryLater("HTTP 503")] * 5, Accepted(), TryLater("HTTP 503"))
    bench.file(reference="1")
    bench.run(31)
    bench.file(reference="2")

    assert bench.forwarder.step() == 1.0


def test_a_person_ends_the_pause():
    """They put something right, and made what failed due again: nobody waits out the pause."""
    bench = Bench(Held("HTTP 401"), Accepted())
    row = bench.file()
    assert bench.forwarder.step() > 1
    row.next_at = bench.clock.now()
    bench.forwarder.step()
    assert row.state is ForwardState.DUE

    bench.forwarder.hurry()
    bench.forwarder.step()

    assert row.state is ForwardState.FORWARDED


def test_a_servers_wish_is_kept_for_the_whole_backend():
    bench = Bench(TryLater("HTTP 429", 40.0), Accepted())
    bench.file(reference="1")
    bench.file(reference="2")

    assert bench.forwarder.step() == 40.0
    bench.clock.advance(39.9)
    bench.forwarder.step()
    assert bench.backend.calls == ["forward"]
    bench.clock.advance(0.2)
    bench.forwarder.step()
    assert bench.backend.calls == ["forward", "forward"]


def test_wrong_credentials_are_not_tried_every_second():
    bench = Bench(Held("HTTP 401"))
    bench.file()

    assert bench.forwarder.step() == 30.0


# --- a lost answer -------------------------------------------------------------------------------


def test_a_backend_with_keys_gets_it_again_with_the_same_key():
    keys = []
    bench = Bench(Unknown("no answer in time"), Accepted("A-1"))
    send = bench.backend.forward

    def forward(complaint, *, idempotency_key):
        keys.append(idempotency_key)
        return send(complaint, idempotency_key=idempotency_key)

    bench.backend.forward = forward
    row = bench.file()

    bench.run(10)

    assert keys == ["key-1", "key-1"]
    assert row.state is ForwardState.FORWARDED


def test_a_backend_that_can_be_asked_is_asked_before_anything_is_sent_again():
    bench = Bench(Unknown("lost"), Found("A-1"), keys=False, asked=True)
    row = bench.file()

    bench.run(120)

    assert bench.backend.calls == ["forward", "find"]
    assert (row.state, row.tracking_id) == (ForwardState.FORWARDED, "A-1")


def test_it_is_sent_again_only_after_two_lookups_a_settle_time_apart():
    times = []
    bench = Bench(
        Unknown("lost"), NotFound(), NotFound(), Accepted("A-2"), Found("A-2"),
        keys=False, asked=True,
    )  # fmt: skip
    answer = bench.backend._answer
    bench.backend._answer = lambda *call: (
        times.append((call[0], bench.clock.monotonic() - 1000)) or answer(*call)
    )
    row = bench.file()

    bench.run(300)

    assert [call for call, _ in times] == ["forward", "find", "find", "forward", "find"]
    sent, first, second, *_ = (at for _, at in times)
    assert first - sent >= 30
    assert second - first >= 30
    assert (row.state, row.tracking_id) == (ForwardState.FORWARDED, "A-2")


def test_a_complaint_that_came_through_twice_is_flagged():
    bench = Bench(
        Unknown("lost"), NotFound(), NotFound(), Accepted("A-2"), Found("A-1"),
        keys=False, asked=True,
    )  # fmt: skip
    row = bench.file()

    bench.run(300)

    assert row.state is ForwardState.UNCONFIRMED
    assert "twice" in row.reason


@pytest.mark.parametrize("trouble", [TryLater("HTTP 503"), Held("HTTP 401 from find_url")])
def test_a_backend_that_does_not_answer_the_question_gets_nothing_sent(trouble):
    bench = Bench(Unknown("lost"), trouble, keys=False, asked=True)
    bench.file()

    bench.run(3600)

    assert bench.backend.calls.count("forward") == 1


def test_a_second_lost_answer_is_looked_up_again_before_a_third_sending():
    bench = Bench(
        Unknown("lost"), NotFound(), NotFound(), Unknown("lost"), NotFound(), Found("A-1"),
        keys=False, asked=True,
    )  # fmt: skip
    row = bench.file()

    bench.run(600)

    assert bench.backend.calls == ["forward", "find", "find", "forward", "find", "find"]
    assert row.state is ForwardState.FORWARDED


def test_where_nobody_can_be_asked_a_person_decides():
    bench = Bench(Unknown("no answer in time"), keys=False)
    row = bench.file()

    bench.run(3600)

    assert bench.backend.calls == ["forward"]
    assert row.state is ForwardState.UNCONFIRMED
    assert row.reason.startswith("no answer in time")


def test_what_an_earlier_process_left_in_doubt_is_not_sent_by_this_one():
    bench = Bench(Accepted(), keys=False)
    row = bench.file()
    row.was_unknown = True

    bench.run(60)

    assert bench.backend.calls == []
    assert row.state is ForwardState.UNCONFIRMED


def test_an_addition_in_doubt_is_parked_since_it_cannot_be_asked_for():
    bench = Bench(Unknown("lost"), keys=False, asked=True)
    row = bench.file(kind="add")

    bench.run(60)

    assert bench.backend.calls == ["add"]
    assert row.state is ForwardState.UNCONFIRMED


# --- the store -----------------------------------------------------------------------------------


def test_the_lease_is_longer_than_all_requests_it_covers():
    bench = Bench(Accepted())
    leases = []
    claim = bench.store.claim_forward
    bench.store.claim_forward = lambda backend, *, lease_s: (
        leases.append(lease_s) or claim(backend, lease_s=lease_s)
    )

    bench.forwarder.step()

    assert leases[0] > 2 * bench.backend.request_deadline_s


def test_an_answer_that_could_not_be_written_is_written_before_anything_else_is_sent():
    bench = Bench(Accepted("A-1"))
    row = bench.file(reference="1")
    bench.file(reference="2")

    def answer():
        bench.store.failures = 3
        return Accepted("A-1")

    bench.backend._answers = [answer, Accepted("A-2")]
    bench.run(0)
    assert row.state is ForwardState.CLAIMED
    bench.run(10)

    assert bench.backend.calls == ["forward", "forward"]
    assert (row.state, row.tracking_id) == (ForwardState.FORWARDED, "A-1")


@pytest.mark.parametrize(
    ("failures", "state"), [(0, ForwardState.FORWARDED), (1, ForwardState.CLAIMED)]
)
def test_an_answer_that_could_not_be_written_is_tried_once_more_at_the_end(failures, state):
    """Else a stop makes a doubt of it; a store that still does not work keeps nobody from stopping."""
    bench = Bench(Accepted("A-1"))
    row = bench.file()

    def answer():
        bench.store.failures = 3
        return Accepted("A-1")

    bench.backend._answers = [answer]
    bench.run(0)
    assert row.state is ForwardState.CLAIMED
    bench.store.failures = failures

    bench.forwarder.close()

    assert row.state is state
    assert bench.backend.calls[-1] == "close"


def test_a_claim_that_expired_meanwhile_is_not_written_over():
    """Somebody else has it by now; for him the answer is unknown."""
    bench = Bench(Accepted("A-1"))
    row = bench.file()

    def answer():
        bench.clock.advance(3600)
        bench.store._expire(bench.clock.now())
        bench.store.claim_forward("kota", lease_s=1)
        return Accepted("A-1")

    bench.backend._answers = [answer]
    with structlog.testing.capture_logs() as events:
        bench.forwarder.step()

    assert row.state is ForwardState.CLAIMED
    assert [event["event"] for event in events] == ["forward_claim_lost"]


def test_a_store_that_is_away_does_not_stop_the_worker():
    bench = Bench(Accepted())
    bench.file()
    bench.store.failures = 5

    bench.run(30)

    assert bench.store.rows[0].state is ForwardState.FORWARDED


def test_a_complaint_that_trips_our_own_code_does_not_stop_those_behind_it():
    bench = Bench(KeyError("x"), Accepted())
    rows = [bench.file(reference=str(number)) for number in range(3)]

    bench.run(30)

    assert {row.state for row in rows} == {ForwardState.FORWARDED}


# --- privacy -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Accepted("A-1"),
        Refused("HTTP 422"),
        TryLater("HTTP 503"),
        Held("HTTP 401"),
        Unknown("lost"),
        KeyError("x"),
    ],
)
@pytest.mark.parametrize("keys", [True, False])
def test_no_event_holds_the_number_or_the_text(answer, keys):
    bench = Bench(answer, keys=keys, asked=True)
    bench.file()

    with structlog.testing.capture_logs() as events:
        bench.forwarder.step()

    assert events
    assert SENDER[3:] not in str(events)
    assert TEXT not in str(events)
