"""An hour in which everything goes wrong with the modem, one thing after the other and two at a time, drawn by a seed.

SMS arrive all the time; all must arrive. `--misery-hours N` makes it longer (see conftest); CI takes a part.
"""

import gc
import os
import random
import threading
import tracemalloc

import pytest
from fault_bench import FaultBench
from fault_cases import OF_THE_PORT, all_names, case_of

# A SIM changed for good takes along what lay on it; a PIN is a person's to enter; drafts fill the memory for good, and
# a message of which no octet can be relied on is kept as it was read.
LEFT_OUT = (*OF_THE_PORT, "sim_swapped", "sim_state", "draft_stored", "flipped_bits")
SHORT_S = 900.0
ARRIVAL_S = 20.0


def misery(bench, chance, *, for_s):
    """Strike and clear at random for so long, an SMS arriving every few seconds."""
    names = [name for name in all_names() if name not in LEFT_OUT]
    end = bench.clock.monotonic() + for_s
    while bench.clock.monotonic() < end:
        name = chance.choice(names)
        case = case_of(name, chance.choice((1.0, 5.0, 20.0)))
        bench.strike(name, **case.params)
        bench.after(case.for_s, lambda name=name: bench.clear(name))
        for _ in range(chance.randint(1, 3)):
            bench.after(chance.uniform(0, ARRIVAL_S), bench.arrive)
        bench.run_for(chance.uniform(1, ARRIVAL_S))
    bench.run_for(60)
    bench.clear()
    bench.run_until(bench.has_all, limit_s=600)


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_arrives_and_nothing_grows(seed, request):
    hours = request.config.getoption("--misery-hours")
    bench = FaultBench(seed=seed, traced=False)
    chance = random.Random(seed)
    misery(bench, chance, for_s=200)  # every path was taken once: caches are filled
    gc.collect()
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    tracemalloc.start()
    misery(bench, chance, for_s=SHORT_S / 3)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]

    misery(bench, chance, for_s=hours * 3600.0 or SHORT_S)

    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    lost = [text for text in bench.sent if not bench.store.texts[text]]
    assert not lost, f"seed {seed}"
    assert threading.active_count() == threads, f"seed {seed}"
    assert len(os.listdir("/proc/self/fd")) == descriptors, f"seed {seed}"
    # what the test keeps of each SMS is its own; a leak of the line would be ten times that
    assert grown < 5000 * len(bench.sent), f"seed {seed}: {grown} octets for {len(bench.sent)} SMS"
