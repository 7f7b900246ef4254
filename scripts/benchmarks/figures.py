"""One measured value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value. `name`: who, a point, and what."""

    name: str
    value: float
    unit: str
    context: dict[str, Any]
