"""Records as plain dicts, lists, texts and numbers: what JSON can say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


def to_plain(value: Any) -> Any:
    """Return the value made of dicts, lists, texts, numbers, booleans and None only.

    Moments become ISO 8601 with their offset. Octets are refused: nothing that is shown has any.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Struct):
        return {name: to_plain(item) for name, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [to_plain(item) for item in items]
    raise TypeError(f"{type(value).__name__} has no plain form")
