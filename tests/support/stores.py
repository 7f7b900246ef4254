"""Opening stores in tests, and looking into them with SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from smsgate.store import ServiceFacts, Store

SERVICES = {"btm": ServiceFacts(number="1708", backends=("kota",))}

StoreMaker = Callable[..., Store]


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """Return what a query says, past every method of the store; octets as bytes."""
    with store._database.read() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(query))]
    return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found]


def write(store: Store, statement: str, **values: Any) -> None:
    """Change the store behind its back."""
    with store._database.write() as connection:
        connection.execute(sa.text(statement), values)
