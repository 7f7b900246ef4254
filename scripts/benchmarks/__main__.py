"""`scripts/bench`: print figures as JSON lines; --peers adds other daemons and the ratios."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Sequence

from benchmarks.contenders import PEERS, Contender, Smsgate, find_program
from benchmarks.figures import Figure
from benchmarks.machine import measure_machine
from benchmarks.measures import FULL, MEASURES, QUICK, Scale, measure_all
from smsgate.errors import SmsgateError

DESCRIPTION = "Measure the gateway on a simulated modem; print figures as JSON lines."  # docstrings are left out here

# what the project wants to reach on two shared cores: figure, bound, and whether more is better
GOALS: dict[str, tuple[float, bool]] = {
    "drain": (1000, True),
    "line_share": (95, True),
    "arrival_to_stored.p50": (5, False),
    "arrival_to_receipt.p50": (20, False),
    "unannounced_arrival_to_stored.p95": (1000, False),
    "start_to_stored": (1.0, False),
    "resident_memory": (72, False),
    "idle_cpu": (0.02, False),
}


def _print_figure(figure: Figure) -> None:
    row = {
        "name": figure.name,
        "value": float(f"{figure.value:.4g}"),
        "unit": figure.unit,
        "context": figure.context,
    }
    contender, _, measure = figure.name.partition(".")
    if contender == Smsgate.name and measure in GOALS:
        bound, is_more_better = GOALS[measure]
        row["goal"] = bound
        row["is_reached"] = figure.value >= bound if is_more_better else figure.value <= bound
    print(json.dumps(row), flush=True)


Figures = dict[str, Figure]


def _measure(contender: Contender, scale: Scale, only: str | None) -> tuple[Figures, bool]:
    """Print the figures of one contender as they come; return them, and whether all were taken."""
    figures: Figures = {}
    try:
        for figure in measure_all(contender, scale, only):
            _print_figure(figure)
            figures[figure.name.partition(".")[2]] = figure
    except (SmsgateError, TimeoutError, OSError) as error:
        print(f"bench: {contender.name}: {error}", file=sys.stderr)
        return figures, False
    return figures, True


def _print_ratios(ours: Figures, peers: Iterable[Figures]) -> None:
    """Say for each figure how many times better than the best peer we are."""
    taken = list(peers)
    for measure, figure in ours.items():
        is_more_better = GOALS.get(measure, (0.0, False))[1]
        others = [peer[measure] for peer in taken if measure in peer]
        if not others or figure.value <= 0:
            continue
        best = (max if is_more_better else min)(others, key=lambda other: other.value)
        ratio = figure.value / best.value if is_more_better else best.value / figure.value
        context = {"best_peer": best.name.partition(".")[0], "peer": best.value, "unit": best.unit}
        _print_figure(Figure(f"ratio.{measure}", ratio, "times better", context))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and return the exit code: 0 when every measure was taken."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="smaller numbers, about a minute")
    parser.add_argument("--peers", action="store_true", help="measure gammu-smsd and smstools too")
    parser.add_argument("--peers-only", action="store_true", help="measure only these")
    parser.add_argument("--only", choices=MEASURES, help="take this measure alone")
    parser.add_argument("measure", nargs="?", choices=MEASURES, help="the same as --only")
    options = parser.parse_args(arguments)
    only = options.measure or options.only
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # stop what we started
    scale = QUICK if options.quick else FULL
    for figure in measure_machine():
        _print_figure(figure)
    ours: Figures = {}
    is_whole = True
    if not options.peers_only:
        ours, is_whole = _measure(Smsgate(), scale, only)
    peers = []
    for peer in PEERS if options.peers or options.peers_only else ():
        if find_program(peer.name) is None:
            print(f"bench: {peer.name} is not installed: apt install {peer.name}", file=sys.stderr)
            is_whole = False
            continue
        figures, is_complete = _measure(peer(), scale, only)
        peers.append(figures)
        is_whole = is_whole and is_complete
    _print_ratios(ours, peers)
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
