"""Questions to a modem that a line holds: asked in the line's thread, answered to the asker, with limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from line_bench import Bench, a_slot

from hardware.errors import CommandTimeout
from smsgate.clock import SystemClock
from smsgate.line_commands import CommandRefused, line_operations
from smsgate.line_requests import WAITING_MAX, LineAway, LineRequests


@contextmanager
def line_thread(requests: LineRequests, rung: threading.Event, modem: Any) -> Iterator[None]:
    """Answer what is asked, as a line does between its passes."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            rung.wait(10)
            rung.clear()
            requests.answer_one(modem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        rung.set()
        thread.join(10)


def ask(requests: LineRequests, work: Callable[[Any], Any], **limits: float) -> Any:
    return requests.ask(work, **{"start_s": 10.0, "answer_s": 10.0, **limits})


def test_the_line_s_own_thread_asks_and_the_asker_hears() -> None:
    rung = threading.Event()
    requests = LineRequests(rung.set, SystemClock())
    threads: list[str] = []

    with line_thread(requests, rung, "modem"):
        answer = ask(
            requests, lambda modem: threads.append(threading.current_thread().name) or modem
        )

    assert answer == "modem"
    assert threads != [threading.current_thread().name]


def test_what_the_modem_refuses_is_the_asker_s_to_hear() -> None:
    rung = threading.Event()
    requests = LineRequests(rung.set, SystemClock())

    def fail(_modem: Any) -> None:
        raise CommandTimeout("+CSQ", 1.0)

    with line_thread(requests, rung, None), pytest.raises(CommandTimeout):
        ask(requests, fail)


def test_a_question_that_was_given_up_is_never_asked() -> None:
    """Else a command would reach the modem long after its technician went home."""
    requests = LineRequests(lambda: None, SystemClock())
    done: list[object] = []

    with pytest.raises(LineAway, match="no time"):
        ask(requests, done.append, start_s=0.01)
    requests.answer_one(None)  # type: ignore[arg-type]

    assert done == []


def test_too_many_questions_at_once_are_refused() -> None:
    requests = LineRequests(lambda: None, SystemClock())
    for _ in range(WAITING_MAX):
        threading.Thread(target=_ask_quietly, args=(requests,), daemon=True).start()
    _wait_until(lambda: len(requests._waiting) == WAITING_MAX)

    with pytest.raises(LineAway, match="too much"):
        ask(requests, lambda _modem: None)

    for _ in range(WAITING_MAX):
        requests.answer_one(None)  # type: ignore[arg-type]


def _ask_quietly(requests: LineRequests) -> None:
    ask(requests, lambda _modem: None)


def _wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if holds():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it did not happen")


def _ask_in_thread(bench: Bench, work: Callable[[Any], Any], *, waiting: int) -> None:
    requests = bench.line.requests
    threading.Thread(target=lambda: ask(requests, work), daemon=True).start()
    _wait_until(lambda: len(requests._waiting) == waiting)


def test_receiving_waits_for_one_question_at_most() -> None:
    bench = Bench()
    bench.settle()
    order: list[str] = []
    bench.modem.slots = {1: a_slot(1)}
    _ask_in_thread(bench, lambda _modem: order.append("first"), waiting=1)
    _ask_in_thread(bench, lambda _modem: order.append("second"), waiting=2)
    list_held = bench.modem.list_held
    bench.modem.list_held = lambda: order.append("listing") or list_held()  # type: ignore[method-assign]

    bench.clock.move(1.0)
    bench.line.step()
    bench.line.step()

    assert order[:3] == ["first", "listing", "second"]


@pytest.fixture
def operations() -> tuple[Bench, dict[str, Any]]:
    bench = Bench()
    return bench, line_operations({"m1": bench.line})


def test_how_a_line_is_can_be_asked_while_it_is_closed(operations) -> None:
    _, known = operations

    told = known["modem.info"]({"line": "m1"})

    assert told["is_open"] is False
    assert told["line"]["state"] == "closed"


@pytest.mark.parametrize(
    ("op", "request_", "sentence"),
    [
        pytest.param("modem.at", {"line": "m9"}, "no such line; it has m1", id="unknown line"),
        pytest.param("modem.at", {"line": "m1", "command": "AT"}, "port not open", id="closed"),
        pytest.param("modem.send", {"line": "m1"}, "port not open", id="closed for sending"),
        pytest.param("modem.heard", {"line": "m1"}, "port not open", id="closed for hearing"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(operations, op, request_, sentence) -> None:
    _, known = operations

    with pytest.raises(CommandRefused, match=sentence):
        known[op](request_)


@pytest.mark.parametrize(
    ("op", "request_", "sentence"),
    [
        pytest.param("modem.at", {"command": "AT+CMGD=1"}, "could cost messages", id="delete"),
        pytest.param("modem.send", {"number": "x", "text": "y"}, "cannot be sent", id="number"),
        pytest.param(
            "modem.send", {"number": "1", "text": "y" * 161}, "longer than one", id="long"
        ),
    ],
)
def test_a_harmful_or_impossible_wish_does_not_reach_the_modem(operations, op, request_, sentence):
    bench, known = operations
    bench.settle()
    bench.modem.done.clear()

    with pytest.raises(CommandRefused, match=sentence):
        known[op]({"line": "m1", **request_})

    assert bench.modem.done == []


def test_a_closed_line_leaves_its_port_to_a_technician_and_takes_it_again(operations) -> None:
    """Else the daemon opens the port in the middle of an examination, which then finds it held."""
    bench, known = operations

    known["modem.lend"]({"line": "m1", "for_s": 60.0})
    bench.line.step()
    assert "open" not in bench.modem.names()

    known["modem.lend"]({"line": "m1", "for_s": 0.0})
    bench.line.step()
    assert "open" in bench.modem.names()


def test_an_open_line_lends_nothing(operations) -> None:
    bench, known = operations
    bench.settle()

    assert known["modem.lend"]({"line": "m1", "for_s": 60.0})["is_open"]

    assert bench.line.requests.lent_s == 0
