"""The parser against the corpus: every invented message is sorted as a careful clerk would."""

from __future__ import annotations

from collections import Counter

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
