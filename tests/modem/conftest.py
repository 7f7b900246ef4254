"""The modem that does what a test tells it, our driver on it, and a patient for the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from patients import NUMBER, Patient
from scripted_modem import ScriptedModem, driven

from hardware.modem import Modem
from hardware.simulator import Network, PtyServer, SimulatedModem


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


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Patient]:
    """A simulated modem for the doctor."""
    modem = SimulatedModem(Network(seed=7), number=NUMBER, memories={"SM": 4})
    with ExitStack() as stack:
        server = stack.enter_context(PtyServer(modem, tmp_path / "tty"))
        yield Patient(modem, str(server.path), stack, tmp_path)
