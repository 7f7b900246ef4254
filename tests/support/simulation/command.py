"""scripts/simulate: run histories, say what share of them met each fault, and show every one that broke a promise."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from simulation.faults import KINDS
from simulation.history import Outcome, run_history

CHUNK = 25  # seeds that one process takes at a time
COLLECT_EVERY = 100
SHOWN_MAX = 5  # traces; of further failing seeds only the violations are printed


@dataclass
class Tally:
    """What all histories came to together."""

    histories: int = 0
    sms: int = 0
    deaths: int = 0
    met: Counter[str] = field(default_factory=Counter)  # histories, by fault
    broken: list[Outcome] = field(default_factory=list)
    misread: list[tuple[int, str]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take in one history."""
        self.histories += 1
        self.sms += outcome.sms
        self.deaths += outcome.deaths
        self.met.update(set(outcome.struck))
        self.misread += [(outcome.seed, case) for case in outcome.misread]
        if outcome.violations:
            self.broken.append(outcome)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 when a promise was broken."""
    options = _parse(arguments)
    if options.replay is not None:
        outcome = run_history(options.replay, is_traced=True)
        _show(outcome)
        return 1 if outcome.violations else 0
    started_at = time.monotonic()
    tally = Tally()
    seeds = range(options.start, options.start + options.seeds)
    for outcome in _run_all(seeds, options.jobs):
        tally.add(outcome)
    _report(tally, time.monotonic() - started_at)
    for outcome in tally.broken[:SHOWN_MAX]:
        _show(run_history(outcome.seed, is_traced=True))
    return 1 if tally.broken else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description="Take the real workers through invented histories in which everything goes wrong, "
        "and look after each whether a promise was broken. The same seed always tells the same story.",
    )
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories (%(default)s)")
    parser.add_argument("--from", type=int, default=0, dest="start", help="the first seed")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes at once (%(default)s)"
    )
    parser.add_argument("--replay", type=int, metavar="SEED", help="tell one history whole")
    return parser.parse_args(arguments)


def _run_all(seeds: range, jobs: int) -> Iterator[Outcome]:
    if jobs <= 1:
        yield from map(_run, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run, seeds, chunksize=CHUNK)


def _run(seed: int) -> Outcome:
    """Run one history, and now and then clear up what none of them did: half a GiB after some thousands."""
    outcome = run_history(seed)
    if seed % COLLECT_EVERY == 0:
        gc.collect()
    return outcome


def _report(tally: Tally, took_s: float) -> None:
    print(f"{tally.histories} histories, {tally.sms} SMS, {tally.deaths} deaths of the process")
    print(f"{1000 * took_s / max(tally.histories, 1):.1f} ms each, {took_s:.0f} s in all")
    print("\nShare of histories that met each fault:")
    for name in KINDS:
        print(f"  {tally.met[name] / max(tally.histories, 1):6.1%}  {name}")
    _report_misread(tally.misread)
    print(f"\n{sum(len(o.violations) for o in tally.broken)} violations", end="")
    print(f" in {len(tally.broken)} histories" if tally.broken else "")
    for outcome in tally.broken:
        print(f"  seed {outcome.seed}: " + "; ".join(outcome.violations))


def _report_misread(cases: Iterable[tuple[int, str]]) -> None:
    cases = list(cases)
    print(f"\n{len(cases)} SMS were changed on the serial line into other valid ones", end="")
    print(" (the one exception that no gateway can see):" if cases else "")
    for seed, case in cases[:20]:
        print(f"  seed {seed}: {case}")
    if len(cases) > 20:
        print(f"  and {len(cases) - 20} more")


def _show(outcome: Outcome) -> None:
    print(f"\n===== the history of seed {outcome.seed} =====")
    print("\n".join(outcome.trace))
    print(f"===== what it broke (scripts/simulate --replay {outcome.seed}) =====")
    for violation in outcome.violations or ["nothing"]:
        print(f"  {violation}")


if __name__ == "__main__":
    sys.exit(main())
