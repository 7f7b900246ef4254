"""What is wrong with a configuration, in sentences: where, what was expected, what was there.

Nothing of a value is shown where it could be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]  # a key, by what leads to it

VALUE_LENGTH_MAX = 60  # characters of a wrong value that are shown

_SECRET_KEY = re.compile(r"token|secret|password|passwd|pin|key|credential", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")

_EXPECTED = {
    "missing": "expected, but it is missing",
    "string_type": "expected a text in quotes",
    "string_too_short": "expected a text that is not empty",
    "string_too_long": "expected at most {max_length} characters",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false, without quotes",
    "tuple_type": "expected a list",
    "path_type": "expected a path in quotes",
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "too_short": "expected at least {min_length} in the list",
    "too_long": "expected at most {max_length} in the list",
    "literal_error": "expected {expected}",
    "enum": "expected {expected}",
}


def is_secret_key(key: str) -> bool:
    """Tell whether a key of this name may hold something that must not be printed."""
    return _SECRET_KEY.search(key) is not None and not key.endswith(("_credential", "_file"))


def show_value(key: str, value: object) -> str:
    """Return a value as it may be shown: short, on one line, without secrets."""
    if is_secret_key(key):
        return "not shown: it may be secret"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        return "a list of tables"
    try:
        shown = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError):
        shown = ascii(str(value))
    shown = _PASSWORD_IN_URL.sub("…@", shown)
    return shown if len(shown) <= VALUE_LENGTH_MAX else shown[: VALUE_LENGTH_MAX - 1] + "…"


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "…"?)` for the nearest known word, or nothing when none is near."""
    import difflib  # for a mistake only

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""


def join_path(parts: Sequence[str | int]) -> str:
    """Return a place in the file as people write it: `modem[0].baud`."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def describe(
    error: ValidationError, model: type[BaseModel], place: Place
) -> list[tuple[Place, str]]:
    """Return the place and one sentence for each thing that `error` says about a table at `place`."""
    details: list[dict[str, Any]] = [dict(detail) for detail in error.errors(include_url=False)]
    places = [detail["loc"] for detail in details]
    return [
        _describe_one(detail, model, place)
        for detail in details
        # a list whose entries are all wrong is not also too short
        if detail["type"] != "too_short" or not _has_below(detail["loc"], places)
    ]


def _has_below(loc: Place, places: Sequence[Place]) -> bool:
    return any(len(other) > len(loc) and other[: len(loc)] == loc for other in places)


def _describe_one(
    detail: Mapping[str, Any], model: type[BaseModel], place: Place
) -> tuple[Place, str]:
    loc: Place = detail["loc"]
    kind = detail["type"]
    if loc[-1:] == ("[key]",):
        known = re.findall(r"'([^']+)'", str(detail["ctx"]["expected"]))
        return (*place, *loc[:-1]), _describe_unknown(str(loc[-2]), known)
    where = (*place, *loc)
    key = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return where, _describe_unknown(key, _keys_at(model, loc[:-1]))
    context = {name: value for name, value in (detail.get("ctx") or {}).items() if name != "error"}
    template = _EXPECTED.get(kind)
    # our own validators write the whole sentence themselves
    if template is not None:
        expected = template.format(**context).replace("'", '"')
    else:
        expected = str(detail["msg"]).removeprefix("Value error, ")
    if kind == "missing" or not loc:  # nothing is there; or the whole table is meant
        return where, expected
    hint = ""
    if kind in ("literal_error", "enum") and isinstance(detail["input"], str):
        hint = suggest(detail["input"], re.findall(r'"([^"]+)"', expected))
    return where, f"{expected} (got {show_value(key, detail['input'])}){hint}"


def _describe_unknown(key: str, known: Sequence[str]) -> str:
    kept_elsewhere = [name for name in (f"{key}_credential", f"{key}_file") if name in known]
    if kept_elsewhere:
        return f"secrets are not kept in this file: expected {' or '.join(kept_elsewhere)}"
    return f"unknown key{suggest(key, known)}"


def _keys_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Return the keys known at a place below `model`."""
    current = model
    for part in loc:
        field = current.model_fields.get(str(part))
        annotation = field.annotation if field is not None else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        current = annotation
    return list(current.model_fields)
