"""Named parameters out of a file or a request, checked: every problem at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from msgspec import Struct

Problem = tuple[str, str]  # the key, and what is wrong with it


class Kind(Struct, frozen=True):
    """What a value must be."""

    words: str
    is_right: Callable[[object], bool]


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


TEXT = Kind("a string", lambda value: isinstance(value, str))
TRUTH = Kind("true or false", lambda value: isinstance(value, bool))
INTEGER = Kind("a whole number", _is_integer)
COUNT = Kind("a whole number, 0 or more", lambda value: _is_integer(value) and value >= 0)  # type: ignore[operator]
NUMBER = Kind("a number", _is_number)
SECONDS = Kind("seconds, 0 or more", lambda value: _is_number(value) and value >= 0)  # type: ignore[operator]
SPAN = Kind("seconds, more than 0", lambda value: _is_number(value) and value > 0)  # type: ignore[operator]
NUMBERS = Kind(
    "a list of whole numbers",
    lambda value: isinstance(value, list) and all(map(_is_integer, value)),
)
TEXTS = Kind(
    "a list of strings",
    lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
)
TABLE = Kind("a table", lambda value: isinstance(value, dict))
OBJECTS = Kind(
    "a list of tables",
    lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
)


def one_of(names: Mapping[str, object]) -> Kind:
    """Return the kind of value that is one of these names."""
    return Kind(
        f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names
    )


def find_problems(
    given: Mapping[str, object], needs: Mapping[str, Kind], takes: Mapping[str, Kind]
) -> list[Problem]:
    """Return what is wrong with the parameters given: unknown, missing, of the wrong kind."""
    known = {**needs, **takes}
    problems = [(key, "is missing") for key in needs if key not in given]
    for key, value in given.items():
        kind = known.get(key)
        if kind is None:
            problems.append((key, f"is not known; there are: {', '.join(known)}"))
        elif not kind.is_right(value):
            problems.append((key, f"must be {kind.words}"))
    return problems
