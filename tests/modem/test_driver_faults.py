"""The driver against the simulator's faults: each strikes at command 1, 2, 3 … of a run; nothing is lost or sent twice.

The run: open, bring the SMS in, submit one, all with the patience of a line worker that opens again after an error.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from hardware.errors import ModemError, SubmitUnknown
from hardware.modem import Modem, ModemOptions
from hardware.pdu import SmsDeliver, decode, encode_submit
from hardware.simulator import Network, PtyServer, SimulatedModem
from hardware.simulator.profiles import PROFILES

NUMBER, CITIZEN = "+6281170001708", "+6281234567890"
TEXTS = {f"BTM jalan rusak {number}" for number in range(4)}
ARRIVING = "BTM datang di tengah"
LIMIT_S = 20.0

FAULTS: dict[str, dict[str, Any]] = {
    "lost_answer": {},
    "late_answer": {"delay_s": 0.25},
    "cut_answer": {},
    "doubled_answer": {},
    "mute_at_command": {"delay_s": 0.25},
    "reboot_at_command": {"delay_s": 0.05},
    "reboot_in_answer": {"delay_s": 0.05, "text": "text mode"},
    "port_gone_at_command": {"delay_s": 0.05},
    "port_gone_in_answer": {"delay_s": 0.05},
    "cme_error": {"code": 14},
    "cms_error": {"code": 500},
    "delete_lies": {},
    "garbage": {},
    "listed_twice": {},
    "arrival_in_answer": {"text": ARRIVING},
    "urc_in_answer": {},
    "no_prompt": {},
    "late_prompt": {"delay_s": 0.5},
    "submit_error": {},
}


class Run:
    """One line worker's day, and what came of it."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self.kept: list[str] = []
        self.seen: set[bytes] = set()
        self.outcome = ""
        self.errors: list[str] = []

    def finish(self) -> None:
        """Work until everything is in and the reply is settled, opening again after every error."""
        give_up_at = time.monotonic() + LIMIT_S
        while time.monotonic() < give_up_at:
            try:
                if self._is_done():
                    return
            except SubmitUnknown:
                self.outcome = "unknown"
            except ModemError as error:
                self.errors.append(type(error).__name__)
                self.modem.close()
                time.sleep(0.02)  # what a worker's back-off is for: the port may still be away

    def _is_done(self) -> bool:
        if not self.modem.is_open:
            self.modem.open()
        slots = self.modem.list_held().slots
        for slot in slots:
            message = decode(slot.pdu, slot.length)
            if slot.pdu not in self.seen and isinstance(message, SmsDeliver):
                self.seen.add(slot.pdu)
                self.kept.append(message.text)
        self.modem.delete(slots)
        if not self.outcome:
            (pdu,) = encode_submit(CITIZEN, "Terima kasih", reference=1)
            self.modem.submit(pdu)
            self.outcome = "submitted"
        return not slots and len(self.kept) >= len(TEXTS)


# without a fault every error is one, so a busy machine must not make any
NO_HURRY = {
    "command_timeout_s": 10.0,
    "silence_limit_s": 30.0,
    "prompt_timeout_s": 10.0,
    "submit_timeout_s": 30.0,
}


def make_run(
    tmp_path: Path, profile: str, **patience: float
) -> tuple[Network, SimulatedModem, PtyServer, Run]:
    network = Network(seed=1)
    simulated = SimulatedModem(network, number=NUMBER, profile=profile, memories={"SM": 3, "ME": 3})
    server = PtyServer(simulated, link=tmp_path / "tty")
    limits = {
        "command_timeout_s": 0.15,
        "silence_limit_s": 3.0,
        "prompt_timeout_s": 0.2,
        "submit_timeout_s": 0.25,
        **patience,
    }
    return network, simulated, server, Run(Modem(ModemOptions(str(tmp_path / "tty"), **limits)))


def check(network: Network, simulated: SimulatedModem, run: Run, told: str) -> None:
    replies = [received.text for received in network.subscriber(CITIZEN).inbox]
    assert set(run.kept) - {ARRIVING} == TEXTS, told
    assert not network.waiting(NUMBER), told
    left = sum(memory.used for memory in simulated.memories.values())
    came_last = (
        told.startswith("arrival") and ARRIVING not in run.kept
    )  # amid the very last listing
    assert left <= int(came_last), told
    assert len(replies) == 1 if run.outcome == "submitted" else len(replies) <= 1, told


@pytest.mark.parametrize("profile", PROFILES)
def test_a_run_without_a_fault_has_no_error(tmp_path, profile):
    network, simulated, server, run = make_run(tmp_path, profile, **NO_HURRY)
    for text in TEXTS:
        network.send(CITIZEN, NUMBER, text)
    with server:
        run.finish()
        run.modem.close()

    check(network, simulated, run, profile)
    assert run.errors == []
    assert run.outcome == "submitted"


WORK_ONLY = ("delete_lies", "listed_twice", "no_prompt", "late_prompt", "submit_error")
CASES = [
    *((fault, "at work") for fault in FAULTS),
    *((fault, "while opening") for fault in FAULTS if fault not in WORK_ONLY),
]


@pytest.mark.parametrize(("fault", "stage"), CASES)
def test_no_fault_loses_a_message_or_sends_one_twice(tmp_path, fault, stage):
    positions = range(1, 9) if stage == "at work" else range(1, 60, 9)
    for position in positions:
        network, simulated, server, run = make_run(tmp_path, "generic")
        for text in TEXTS:
            network.send(CITIZEN, NUMBER, text)
        with server:
            if stage == "at work":
                run.modem.open()
            simulated.faults.set(fault, at=position, **FAULTS[fault])
            run.finish()
            run.modem.close()

        check(network, simulated, run, f"{fault} at command {position}: {run.errors}")
