"""The corpus of invented citizens' messages, and how a meaning is compared with what is expected.

Each line of `tests/data/messages.jsonl` has `text`, `expect` (the kind) and `note`; further what that
kind is made of: `body`, `reference`, `privacy`, `urgent`, `named`, `empty`, `doubt`. What is left
out is expected to be nothing, false, or plain. For a follow-up, `privacy` and `urgent` are those of the
complaint that it becomes when the number is not the sender's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parsers.meaning import (
    Complaint,
    FollowUp,
    Help,
    Meaning,
    OptIn,
    OptOut,
    StatusQuery,
    Test,
    Unrecognised,
)

CORPUS = Path(__file__).parent.parent / "data" / "messages.jsonl"
KINDS = {
    Complaint: "complaint",
    FollowUp: "follow-up",
    StatusQuery: "status",
    Help: "help",
    OptOut: "opt-out",
    OptIn: "opt-in",
    Test: "test",
    Unrecognised: "unrecognised",
}
_DESCRIPTIVE = {"text", "note"}


def read_messages(path: Path = CORPUS) -> list[dict[str, Any]]:
    """Every message with what is expected of it; ValueError names a line that is none."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [_read_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _read_row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} line {number}: no JSON, {error.msg}") from None
    is_row = isinstance(row, dict) and isinstance(row.get("text"), str)
    if not is_row or row.get("expect") not in KINDS.values():
        kinds = ", ".join(KINDS.values())
        raise ValueError(f"{path} line {number}: expected text, and expect out of {kinds}")
    return dict(row)


def describe(meaning: Meaning) -> dict[str, Any]:
    """A meaning in the words of the corpus."""
    found: dict[str, Any] = {"expect": KINDS[type(meaning)]}
    match meaning:
        case Complaint():
            found |= {"body": meaning.body, **_describe_manner(meaning)}
        case FollowUp():
            found |= {"reference": meaning.reference, "body": meaning.body}
            found |= {"named": meaning.is_named, **_describe_manner(meaning.otherwise)}
        case StatusQuery():
            found |= {"reference": meaning.reference}
        case Test():
            found |= {"empty": meaning.is_empty}
        case Unrecognised():
            found |= {"doubt": meaning.doubt.value, "urgent": meaning.is_urgent}
    return {key: value for key, value in found.items() if value}


def expected(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of the corpus expects, in the same form."""
    return {key: value for key, value in row.items() if key not in _DESCRIPTIVE}


def _describe_manner(complaint: Complaint) -> dict[str, Any]:
    privacy = complaint.privacy.value
    return {"privacy": "" if privacy == "plain" else privacy, "urgent": complaint.is_urgent}
