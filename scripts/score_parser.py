"""Score the parser on a corpus of messages; called by scripts/score-parser."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from messages import CORPUS, KINDS, describe, expected, read_messages  # noqa: E402

from parsers import Grammar, parse  # noqa: E402

_COLUMN = 13


def main(arguments: Sequence[str]) -> int:
    """Score a file, or the corpus; 1 when anything is wrong, 2 when there is nothing to score."""
    asked = argparse.ArgumentParser(
        prog="score-parser",
        description="How well the parser sorts messages: accuracy by kind, a confusion table, each miss. "
        "Exits 1 below 100 %.",
    )
    asked.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=CORPUS,
        help="JSON lines in the form of tests/data/messages.jsonl (the default)",
    )
    path = asked.parse_args(arguments).file
    try:
        rows = read_messages(path)
    except OSError as error:
        print(f"score-parser: {path} cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"score-parser: {error}", file=sys.stderr)
        return 2
    grammar = Grammar()
    found = [describe(parse(row["text"], grammar)) for row in rows]
    wrong = [
        (row, result) for row, result in zip(rows, found, strict=True) if result != expected(row)
    ]
    print_accuracy(rows, [row for row, _ in wrong])
    print_confusion(
        Counter((row["expect"], result["expect"]) for row, result in zip(rows, found, strict=True))
    )
    for row, result in wrong:
        print(f"\nwrong  {row['text']!a}\n  expected {expected(row)!a}\n  found    {result!a}")
    return 1 if wrong else 0


def print_accuracy(rows: Sequence[Mapping[str, Any]], wrong: Sequence[Mapping[str, Any]]) -> None:
    """Print how many of each kind came out whole: kind, body, privacy, urgency, reference and all."""
    total = Counter(row["expect"] for row in rows)
    missed = Counter(row["expect"] for row in wrong)
    print(f"{'kind':<{_COLUMN}}{'messages':>10}{'right':>8}{'accuracy':>10}")
    for kind in (*KINDS.values(), None):
        count = len(rows) if kind is None else total[kind]
        right = count - (len(wrong) if kind is None else missed[kind])
        share = f"{right / count:.1%}" if count else "-"
        print(f"{kind or 'all':<{_COLUMN}}{count:>10}{right:>8}{share:>10}")


def print_confusion(pairs: Mapping[tuple[str, str], int]) -> None:
    """Print what was expected, line by line, against what was found, column by column."""
    kinds = list(KINDS.values())
    print(f"\n{'expected':<{_COLUMN}}" + "".join(f"{kind:>{_COLUMN}}" for kind in kinds))
    for kind in kinds:
        cells = (pairs.get((kind, other), 0) for other in kinds)
        print(f"{kind:<{_COLUMN}}" + "".join(f"{cell or '.':>{_COLUMN}}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
