"""The modem that does what a test tells it, and our driver on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripted_modem import ScriptedModem, driven

from hardware.modem import Modem


@pytest.fixture
def script() -> Iterator[ScriptedModem]:
    """A scripted modem in good health."""
    with ScriptedModem() as script:
        yield script


@pytest.fixture
def modem(script: ScriptedModem) -> Iterator[Modem]:
    """Our driver, open on that modem, with short limits."""
    with driven(script) as modem:
        yield modem
