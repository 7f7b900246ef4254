"""What is measured. Every measure starts its own simulated modem and daemon, and has a limit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks.contenders import Contender, Smsgate
from benchmarks.faults import bind_by_imei, measure_faults, measure_renaming
from benchmarks.figures import Figure
from benchmarks.probe import measure_listing_octets, percentile, read_cpu_s, read_resident_mib
from hardware.simulator.control import ControlClient
from smsgate.rehearsal import Plan, Program, Rehearsal, wait_until

SLOTS = 50
# How exactly an arrival is timed; finer would take the processor from what is measured.
LOOK_EVERY_S = 0.0003
LOOK_AT_DRAIN_EVERY_S = 0.01
SERIAL_OCTETS_PER_S = 115_200 / 10  # 8N1: ten bits an octet
LISTED_FOR_MEASURE = 10
LOST_SUBMISSION_S = 150.0  # a reply whose answer a fault swallowed is waited for two minutes
DELETE_COMMAND = b"AT+CMGD=10\r"
DELETE_ANSWER = b"\r\nOK\r\n"
TEXT_LENGTH = 100


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    drained: int
    paced: int
    sent_singly: int
    starts: int
    idle_s: float
    limit_s: float  # of any one measure
    fault_s: float  # how long each fault of the modem lasts


MEASURES = ("start", "latency", "unannounced", "drain", "line_share", "footprint", "faults")
FULL = Scale(
    drained=2000, paced=300, sent_singly=60, starts=5, idle_s=60.0, limit_s=240.0, fault_s=10.0
)
QUICK = Scale(
    drained=550, paced=150, sent_singly=15, starts=2, idle_s=10.0, limit_s=90.0, fault_s=4.0
)


def measure_drain(contender: Contender, count: int, limit_s: float) -> list[Figure]:
    """Measure how fast waiting SMS are stored and deleted, the line itself costing nothing."""
    with _rehearse(contender) as rehearsal:
        _send(rehearsal, count)
        contender.start(rehearsal)
        rate = _time_drain(rehearsal, contender, count, limit_s)
    context = {"sms": count, "slots": SLOTS, "settings": contender.settings}
    return [Figure(f"{contender.name}.drain", rate, "SMS/s", context)]


def measure_line_share(contender: Contender, count: int, limit_s: float) -> list[Figure]:
    """Measure what share of a line at 115200 baud is used, with a delete for each SMS."""
    with _rehearse(contender) as rehearsal:
        _send(rehearsal, LISTED_FOR_MEASURE)
        listed = measure_listing_octets(rehearsal.link) / LISTED_FOR_MEASURE
    octets = listed + len(DELETE_COMMAND) + len(DELETE_ANSWER)
    most = SERIAL_OCTETS_PER_S / octets
    with _rehearse(contender, "--baud", "115200") as rehearsal:
        _send(rehearsal, count)
        contender.start(rehearsal)
        rate = _time_drain(rehearsal, contender, count, limit_s)
    context = {
        "sms": count,
        "rate_per_s": round(rate, 2),
        "line_allows_per_s": round(most, 2),
        "octets_per_sms": round(octets, 1),
    }
    return [Figure(f"{contender.name}.line_share", 100 * rate / most, "%", context)]


def measure_latency(
    contender: Contender, count: int, limit_s: float, *, is_announced: bool = True
) -> list[Figure]:
    """Measure how soon an arriving SMS is stored, and how soon its receipt is with the citizen."""
    chance = random.Random(1708)
    stored_ms: list[float] = []
    receipt_ms: list[float] = []
    deadline = time.monotonic() + limit_s
    with _rehearse(contender, *([] if is_announced else ["--no-urc"])) as rehearsal:
        contender.start(rehearsal)
        counter = contender.counter(rehearsal)
        with rehearsal.network() as network:
            _send(rehearsal, 1, first=count)
            wait_until(lambda: counter() >= 1, limit_s, "the first SMS")
            wait_until(lambda: bool(network.inbox(_sender(count))), limit_s, "the first receipt")
            for number in range(count):
                time.sleep(chance.uniform(0.2, 1.2))  # not in step with anybody's polling
                before = counter()
                arrived = time.monotonic()
                network.send(_sender(number), _text(number))
                _wait_for_more(counter, before, deadline)
                stored_ms.append(1000 * (time.monotonic() - arrived))
                _wait_for_more(partial(_count_inbox, network, number), 0, deadline)
                receipt_ms.append(1000 * (time.monotonic() - arrived))
    context = {"sms": count, "settings": contender.settings}
    begin = "arrival" if is_announced else "unannounced_arrival"
    return [
        Figure(
            f"{contender.name}.{begin}_{name}.p{share}",
            percentile(values, share / 100),
            "ms",
            context,
        )
        for name, values in (("to_stored", stored_ms), ("to_receipt", receipt_ms))
        for share in (50, 95)
    ]


def measure_start(contender: Contender, starts: int, limit_s: float) -> list[Figure]:
    """Measure how long after its start a daemon has stored an SMS that was waiting."""
    taken_s: list[float] = []
    with _rehearse(contender) as rehearsal:
        counter = contender.counter(rehearsal)
        for number in range(starts + 1):
            before = counter()
            _send(rehearsal, 1, first=number)
            program = contender.start(rehearsal)
            deadline = program.started_at + limit_s
            _wait_for_more(counter, before, deadline)
            taken_s.append(time.monotonic() - program.started_at)
            program.stop()
    # the first start also makes the store and is not counted
    first, *later = taken_s
    context = {"starts": starts, "slowest_s": round(max(later), 3), "first_s": round(first, 3)}
    return [Figure(f"{contender.name}.start_to_stored", percentile(later, 0.5), "s", context)]


def measure_footprint(contender: Contender, scale: Scale) -> list[Figure]:
    """Measure memory after some work, and processor time while nothing happens."""
    with _rehearse(contender) as rehearsal:
        count = scale.paced
        _send(rehearsal, count)
        program = contender.start(rehearsal)
        counter = contender.counter(rehearsal)
        what = f"{contender.name} storing {count} SMS"
        wait_until(lambda: counter() >= count, scale.limit_s, what)
        _let_settle(program, scale.limit_s)
        before = read_cpu_s(program.process.pid)
        time.sleep(scale.idle_s)
        spent = read_cpu_s(program.process.pid) - before
        memory = read_resident_mib(program.process.pid)
    return [
        Figure(f"{contender.name}.resident_memory", memory, "MiB", {"after_sms": count}),
        Figure(
            f"{contender.name}.idle_cpu",
            spent * 60 / scale.idle_s,
            "s/min",
            {"watched_s": scale.idle_s},
        ),
    ]


def measure_all(contender: Contender, scale: Scale, only: str | None) -> Iterator[Figure]:
    """Take every measure of a contender, or those whose name contains `only`."""
    measures: dict[str, Callable[[], list[Figure]]] = {
        "start": lambda: measure_start(contender, scale.starts, scale.limit_s),
        "latency": lambda: measure_latency(contender, scale.sent_singly, scale.limit_s),
        "unannounced": lambda: measure_latency(
            contender, scale.sent_singly, scale.limit_s, is_announced=False
        ),
        "drain": lambda: measure_drain(contender, _load(contender, scale), scale.limit_s),
        "line_share": lambda: measure_line_share(contender, scale.paced, scale.limit_s),
        "footprint": lambda: measure_footprint(contender, scale),
    }
    for name, measure in measures.items():
        if only in (None, name):
            yield from measure()
    if only == "faults" and isinstance(contender, Smsgate):  # minutes: only where it is asked for
        with _rehearse(contender) as rehearsal:
            contender.start(rehearsal)
            counter = contender.counter(rehearsal)
            limit_s = max(scale.limit_s, LOST_SUBMISSION_S)
            yield from measure_faults(rehearsal, counter, for_s=scale.fault_s, limit_s=limit_s)
        with _rehearse(contender) as rehearsal:
            bind_by_imei(rehearsal)
            contender.start(rehearsal)
            counter = contender.counter(rehearsal)
            yield measure_renaming(rehearsal, counter, for_s=scale.fault_s, limit_s=scale.limit_s)


def _load(contender: Contender, scale: Scale) -> int:
    # the peers need 30 ms to 1 s for each SMS: the same number would take them minutes
    return scale.drained if isinstance(contender, Smsgate) else scale.paced


@contextmanager
def _rehearse(contender: Contender, *modem_arguments: str) -> Iterator[Rehearsal]:
    plan = Plan(modem_arguments=("--slots", str(SLOTS), *modem_arguments))
    with Rehearsal(plan) as rehearsal:
        rehearsal.start_modem()
        contender.prepare(rehearsal)
        yield rehearsal


def _sender(number: int) -> str:
    return f"+62812{number:08d}"


def _text(number: int) -> str:
    return f"BTM lampu jalan mati nomor {number} di Sekupang".ljust(TEXT_LENGTH, ".")


def _send(rehearsal: Rehearsal, count: int, first: int = 0) -> None:
    with rehearsal.network() as network:
        network.send_many([(_sender(n), _text(n)) for n in range(first, first + count)])


def _time_drain(rehearsal: Rehearsal, contender: Contender, count: int, limit_s: float) -> float:
    """Return SMS a second: stored, and their slots seen free.

    Timed from the moment the first SIM full is gone, so that each SMS that counts is listed, stored
    and deleted within the time taken; start-up is not.
    """
    counter = contender.counter(rehearsal)
    with rehearsal.network() as network:

        def wait_for_left(most: int) -> int:
            deadline = time.monotonic() + limit_s
            while (left := network.left_for_modem()) > most:
                rehearsal.check_alive()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{left} of {count} SMS were left after {limit_s:g} s")
                time.sleep(LOOK_AT_DRAIN_EVERY_S)
            return left

        at_begin = wait_for_left(count - SLOTS)
        began = time.monotonic()
        wait_for_left(0)
        taken_s = time.monotonic() - began
    wait_until(lambda: counter() >= count, limit_s, f"{contender.name} storing {count} SMS")
    return at_begin / taken_s


def _count_inbox(network: ControlClient, number: int) -> int:
    return len(network.inbox(_sender(number)))


def _wait_for_more(count: Callable[[], int], before: int, deadline: float) -> None:
    while count() <= before:
        if time.monotonic() > deadline:
            raise TimeoutError("the measure's limit is over")
        time.sleep(LOOK_EVERY_S)


def _let_settle(program: Program, limit_s: float) -> None:
    """Wait until a second costs next to nothing: receipts out, complaints forwarded."""

    def is_quiet() -> bool:
        before = read_cpu_s(program.process.pid)
        time.sleep(1)
        return read_cpu_s(program.process.pid) - before < 0.01

    wait_until(is_quiet, limit_s, "rest")
