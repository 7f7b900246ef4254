"""Stores that close themselves after the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from inbound import HandClock
from stores import SERVICES, StoreMaker

from smsgate.store import Store


@pytest.fixture
def clock() -> HandClock:
    """A clock at noon."""
    return HandClock()


@pytest.fixture
def make_store(store_url: str, clock: HandClock) -> Iterator[StoreMaker]:
    """Open stores on one database: another gateway name, clock or service where a test says so."""
    opened: list[Store] = []

    def make(gateway: str = "batam-1", **how: Any) -> Store:
        store = Store(store_url, gateway, **({"clock": clock, "services": SERVICES} | how))
        opened.append(store)
        store.open()
        return store

    yield make
    for store in opened:
        store.close()
