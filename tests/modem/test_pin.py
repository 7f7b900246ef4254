"""The SIM's PIN: sent once, only where it is asked for, and never again once it was refused."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_modem import ScriptedModem, ok

from hardware import durable
from hardware.errors import (
    PinNotRecorded,
    PinRejected,
    PinRequired,
    PukRequired,
    SimMissing,
    SimNotReady,
)
from hardware.modem import Modem, ModemOptions
from hardware.pin import PinLedger

PIN = "4711"


class LockedSim:
    """A SIM that asks for its PIN, and counts what it was told."""

    def __init__(
        self, script: ScriptedModem, right: str = PIN, refusal: str = "+CME ERROR: 16"
    ) -> None:
        self.state = "SIM PIN"
        self.right = right
        self.refusal = refusal
        self.told: list[str] = []
        script.on(r"AT\+CPIN\?", lambda _modem, _line: ok(f"+CPIN: {self.state}"))
        script.on(r'AT\+CPIN=".*"', self._enter)

    def _enter(self, _modem: ScriptedModem, line: str) -> str:
        self.told.append(line[9:-1])
        if self.told[-1] != self.right:
            return f"\r\n{self.refusal}\r\n"
        self.state = "READY"
        return ok()


@pytest.fixture
def script() -> Iterator[ScriptedModem]:
    with ScriptedModem() as script:
        yield script


def open_once(script: ScriptedModem, ledger: Path | None = None, pin: str | None = PIN) -> None:
    modem = Modem(ModemOptions(script.path, pin=pin, pin_ledger=ledger))
    try:
        modem.open()
    finally:
        modem.close()


def test_a_sim_without_a_lock_is_told_nothing(script, tmp_path):
    open_once(script, tmp_path / "pins")

    assert not script.count(r"AT\+CPIN=.*")
    assert not (tmp_path / "pins").exists()


def test_a_pin_that_is_asked_for_is_entered(script, tmp_path):
    sim = LockedSim(script)

    open_once(script, tmp_path / "pins")

    assert sim.told == [PIN]


def test_a_pin_may_be_asked_for_by_an_error(script):
    sim = LockedSim(script)
    script.on(
        r"AT\+CPIN\?",
        lambda _m, _l: (
            ok("+CPIN: READY") if sim.state == "READY" else "\r\n+CME ERROR: SIM PIN required\r\n"
        ),
    )

    open_once(script)

    assert sim.told == [PIN]


def test_a_sim_that_is_slow_after_its_pin_is_waited_for(script):
    LockedSim(script)
    states = iter(["SIM PIN", "NOT READY", "SIM BUSY", "READY"])
    script.on(r"AT\+CPIN\?", lambda _m, _l: ok(f"+CPIN: {next(states)}"))

    open_once(script)


@pytest.mark.parametrize("answer", [
    pytest.param("+CPIN: SIM PIN2", id="PIN2"),
    pytest.param("+CPIN: SIM PUK2", id="PUK2"),
    pytest.param("+CME ERROR: 17", id="PIN2 as an error"),
    pytest.param("+CME ERROR: SIM PUK2 required", id="PUK2 as an error in words"),
])  # fmt: skip
def test_what_pin2_guards_stops_no_sms(script, answer):
    """Fixed dialling and charges: the SIM is as good as ready, and its PIN is not the one that is asked for."""
    script.on(r"AT\+CPIN\?", ok(answer) if answer.startswith("+CPIN") else f"\r\n{answer}\r\n")

    open_once(script)

    assert not script.count(r"AT\+CPIN=.*")


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ("+CPIN: SIM PUK", PukRequired, "PUK"),
        ("+CPIN: PH-NET PIN", PinRequired, "another operator"),
        ("+CPIN: PH-NETSUB PUK", PinRequired, "another operator"),
        ("+CPIN: PH-SP PIN", PinRequired, "another operator"),
        ("+CPIN: PH-CORP PIN", PinRequired, "another operator"),
        ("+CPIN: PH-SIM PIN", PinRequired, "another SIM"),
        ("+CPIN: PH-FSIM PUK", PinRequired, "another SIM"),
        ("+CPIN: BLOCKED", PinRequired, "a code that we never enter"),
        ("+CME ERROR: 5", PinRequired, "another SIM"),
        ("+CME ERROR: 40", PinRequired, "another operator"),
        ("+CME ERROR: service provider personalization PUK required", PinRequired, "PH-SP PUK"),
        ("+CME ERROR: 12", PukRequired, "PUK"),
        ("+CME ERROR: 10", SimMissing, "insert"),
        ("+CME ERROR: 13", SimMissing, "insert"),
        ("+CME ERROR: SIM not inserted", SimMissing, "insert"),
    ],
)
def test_the_pin_is_not_sent_to_anything_else(script, answer, error, said):
    script.on(r"AT\+CPIN\?", ok(answer) if answer.startswith("+CPIN") else f"\r\n{answer}\r\n")

    with pytest.raises(error, match=said):
        open_once(script)
    assert not script.count(r"AT\+CPIN=.*")


def test_a_lock_of_the_modem_that_shows_behind_the_pin_is_said(script):
    states = iter(["SIM PIN", "PH-NET PIN"])
    script.on(r"AT\+CPIN\?", lambda _m, _l: ok(f"+CPIN: {next(states)}"))
    script.on(r'AT\+CPIN=".*"', ok())

    with pytest.raises(PinRequired, match="another operator"):
        open_once(script)
    assert script.count(r"AT\+CPIN=.*") == 1


def test_a_sim_that_never_becomes_ready_is_said_to_be_so(script):
    class FastClock:
        def monotonic(self) -> float:
            return time.monotonic() * 20

    script.on(r"AT\+CPIN\?", ok("+CPIN: NOT READY"))
    modem = Modem(ModemOptions(script.path, pin=PIN), clock=FastClock())

    with pytest.raises(SimNotReady):
        modem.open()
    assert not script.count(r"AT\+CPIN=.*")


def test_without_a_pin_a_locked_sim_says_what_to_do(script):
    sim = LockedSim(script)

    with pytest.raises(PinRequired, match="configure"):
        open_once(script, pin=None)
    assert sim.told == []


@pytest.mark.parametrize(
    "refusal", ["+CME ERROR: 16", "+CME ERROR: incorrect password", "ERROR", "+CME ERROR: 12"]
)
def test_a_refused_pin_is_never_sent_again(script, tmp_path, refusal):
    """In a loop of reconnections three tries take a minute, and then the SIM is locked."""
    sim = LockedSim(script, right="0000", refusal=refusal)

    for _ in range(4):
        with pytest.raises(PinRejected):
            open_once(script, tmp_path / "pins")

    assert sim.told == [PIN]


def test_a_refusal_is_remembered_also_without_a_file(script):
    sim = LockedSim(script, right="0000")
    modem = Modem(ModemOptions(script.path, pin=PIN))

    for _ in range(3):
        with pytest.raises(PinRejected):
            modem.open()

    assert sim.told == [PIN]


def test_another_pin_or_another_sim_may_be_tried(script, tmp_path):
    sim = LockedSim(script, right="0000")
    with pytest.raises(PinRejected):
        open_once(script, tmp_path / "pins")

    open_once(script, tmp_path / "pins", pin="0000")
    sim.state = "SIM PIN"
    script.on(r"AT\+CCID", ok("+CCID: 8962109999999999999"))
    with pytest.raises(PinRejected):
        open_once(script, tmp_path / "pins")

    assert sim.told == [PIN, "0000", PIN]


def test_the_attempt_is_on_disk_before_the_pin_leaves(script, tmp_path):
    seen: list[bytes] = []
    sim = LockedSim(script)
    enter = sim._enter
    script.on(
        r'AT\+CPIN=".*"',
        lambda modem, line: seen.append((tmp_path / "pins").read_bytes()) or enter(modem, line),
    )

    open_once(script, tmp_path / "pins")

    assert b": 1" in seen[0]
    assert (tmp_path / "pins").read_bytes() == b"{}"


def test_an_attempt_whose_outcome_nobody_saw_may_be_repeated_once(script, tmp_path):
    """Power fails at the wrong moment: the third try belongs to a person."""
    sim = LockedSim(script)
    ledger = PinLedger(tmp_path / "pins")
    ledger.note_attempt("8962101234567890123", PIN)
    ledger.note_attempt("8962101234567890123", PIN)

    with pytest.raises(PinRejected):
        open_once(script, tmp_path / "pins")
    assert sim.told == []
    ledger.forget()
    assert ledger.may_try("8962101234567890123", PIN)


def test_the_file_holds_neither_pin_nor_sim_and_is_ours_alone(tmp_path):
    ledger = PinLedger(tmp_path / "pins")

    ledger.note_attempt("8962101234567890123", PIN)

    content = (tmp_path / "pins").read_text()
    assert PIN not in content
    assert "89621" not in content
    assert os.stat(tmp_path / "pins").st_mode & 0o777 == 0o600


def test_a_damaged_file_forbids_the_attempt(script, tmp_path):
    sim = LockedSim(script)
    (tmp_path / "pins").write_text("{")

    with pytest.raises(PinNotRecorded):
        open_once(script, tmp_path / "pins")
    assert sim.told == []


def test_a_file_that_cannot_be_written_forbids_the_attempt(script, tmp_path):
    sim = LockedSim(script)

    with pytest.raises(PinNotRecorded):
        open_once(script, tmp_path / "no such folder" / "pins")
    assert sim.told == []


def test_a_pin_never_shows(script, tmp_path):
    LockedSim(script, right="0000")
    modem = Modem(ModemOptions(script.path, pin=PIN))

    with pytest.raises(PinRejected) as caught:
        modem.open()

    assert PIN not in repr(ModemOptions(script.path, pin=PIN))
    assert PIN not in str(caught.value)
    assert PIN not in repr(caught.value.__cause__)


def test_a_folder_that_another_process_keeps_forbids_the_attempt(script, tmp_path, monkeypatch):
    """One that was stopped in the middle of its change: a PIN that is not written down is not sent."""
    monkeypatch.setattr(durable, "LOCK_LIMIT_S", 0.05)
    sim = LockedSim(script)
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    with pytest.raises(PinNotRecorded):
        open_once(script, tmp_path / "pins")

    os.close(folder)
    assert sim.told == []


def test_a_refusal_that_cannot_be_written_down_is_still_told_as_one(script, tmp_path):
    """The attempt is written down, so it is not repeated for ever; who looks must not look at the port."""
    pins = tmp_path / "state" / "pins"
    pins.parent.mkdir()
    LockedSim(script, right="0000")
    enter = script.table[0][1]

    def lose_the_folder(modem, line):
        shutil.rmtree(pins.parent)
        return enter(modem, line)

    script.on(r'AT\+CPIN=".*"', lose_the_folder)

    with pytest.raises(PinRejected):
        open_once(script, pins)


def test_a_damaged_file_is_forgotten_when_a_person_says_so(tmp_path):
    (tmp_path / "pins").write_text("[]")
    ledger = PinLedger(tmp_path / "pins")
    with pytest.raises(ValueError, match="expected a table"):
        ledger.may_try("sim", PIN)

    ledger.forget()

    assert ledger.may_try("sim", PIN)
