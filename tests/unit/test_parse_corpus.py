"""The parser against the corpus: every invented message is sorted as a careful clerk would."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from messages import describe, expected, read_messages

from parsers import Grammar, parse

MESSAGES = read_messages()


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"line {number}") for number, row in enumerate(MESSAGES, 1)]
)
def test_every_message_of_the_corpus_means_what_it_says(row):
    meaning = parse(row["text"], Grammar())

    assert describe(meaning) == expected(row), row["note"]


def test_the_corpus_is_large_and_has_every_kind_often():
    kinds = Counter(row["expect"] for row in MESSAGES)

    assert len(MESSAGES) >= 400
    assert min(kinds.values()) >= 4
    assert len(kinds) == 8


def test_no_message_stands_in_the_corpus_twice():
    texts = Counter(row["text"] for row in MESSAGES)

    assert [text for text, count in texts.items() if count > 1] == []


SCORER = Path(__file__).parents[2] / "scripts" / "score_parser.py"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        pytest.param(b'{"text": "BTM tes", "expect": "test"}', 0, "100.0%", id="right"),
        pytest.param(b'{"text": "BTM tes", "expect": "help"}', 1, "wrong", id="a miss"),
        pytest.param(b"BTM tes", 2, "line 1: no JSON", id="no JSON"),
        pytest.param(b'{"text": "BTM tes"}', 2, "line 1: expected text", id="nothing expected"),
        pytest.param(b"\xff", 2, "score-parser: ", id="no text at all"),
        pytest.param(None, 2, "cannot be read", id="no file"),
    ],
)
def test_the_scorer_says_how_well_or_why_not(tmp_path, line, code, said):
    file = tmp_path / "own.jsonl"
    if line is not None:
        file.write_bytes(line)

    done = subprocess.run(
        [sys.executable, SCORER, file], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
