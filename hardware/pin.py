"""The SIM's lock and the memory of PIN attempts: three wrong ones lock it, and a reconnect loop makes them in a minute.

An attempt is written down, and synced, before the PIN leaves. A PIN that was refused is never tried again on that SIM;
one whose outcome nobody saw (power failed meanwhile) may be tried once more, which leaves a person the third.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from .answers import read_digits
from .durable import DurableTable
from .errors import (
    CommandError,
    CommandTimeout,
    ModemError,
    PinNotRecorded,
    PinRejected,
    PinRequired,
    PukRequired,
    SimMissing,
    SimNotReady,
)

SIM_LIMIT_S = 20.0  # from power on to READY; slow cards take ten
SIM_POLL_S = 0.3
ENTER_TIMEOUT_S = 15.0
UNSETTLED = ("NOT READY", "SIM BUSY")
# PIN2 guards what a gateway never does (fixed dialling, charges); it is not to stop a modem's work (27.007, 8.3)
USABLE = ("READY", "SIM PIN2", "SIM PUK2")
CARD_LOCKS = ("PH-SIM PIN", "PH-FSIM PIN", "PH-FSIM PUK")  # the modem takes one SIM only
OPERATOR_LOCKS = (
    tuple(  # the modem takes the SIMs of one operator only, or of a part of its customers
        f"PH-{lock} {code}" for lock in ("NET", "NETSUB", "SP", "CORP") for code in ("PIN", "PUK")
    )
)
STATE_OF_ERROR = {  # +CME ERROR codes that say what AT+CPIN? should have said
    **dict(zip((5, 6, 7), CARD_LOCKS, strict=True)),
    11: "SIM PIN",
    12: "SIM PUK",
    14: "SIM BUSY",
    17: "SIM PIN2",
    18: "SIM PUK2",
    **dict(zip(range(40, 48), OPERATOR_LOCKS, strict=True)),
    515: "SIM BUSY",
}

# a command and its time limit (None: the usual one); raises CommandError, CommandTimeout
Ask = Callable[[str, float | None], Sequence[str]]


class Waiting(Protocol):
    """Time, and a way to let it pass that ends with the link."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait."""
        ...


UNSEEN_ATTEMPTS_MAX = 2
REFUSED = -1  # in the place of the number of unseen attempts


class PinLedger:
    """Attempts by SIM and PIN, of all modems. Without a path it lasts as long as the object."""

    def __init__(self, path: Path | None = None) -> None:
        self._attempts = DurableTable(path)

    def may_try(self, sim: str, pin: str) -> bool:
        """Say whether the PIN may be sent to this SIM. Raises OSError and ValueError: then it must not be sent."""
        attempts = self._attempts.read().get(_key(sim, pin), 0)
        return isinstance(attempts, int) and 0 <= attempts < UNSEEN_ATTEMPTS_MAX

    def note_attempt(self, sim: str, pin: str) -> None:
        """Write down, durably, that the PIN is about to be sent. Raises OSError: then it must not be sent."""
        key = _key(sim, pin)
        with self._attempts.change() as attempts:
            attempts[key] = attempts.get(key, 0) + 1

    def note_refused(self, sim: str, pin: str) -> None:
        """Write down that the SIM refused it."""
        key = _key(sim, pin)
        with self._attempts.change() as attempts:
            attempts[key] = REFUSED

    def note_accepted(self, sim: str, pin: str) -> None:
        """Forget the attempt: the SIM has set its counter back."""
        key = _key(sim, pin)
        with self._attempts.change() as attempts:
            attempts.pop(key, None)

    def forget(self) -> None:
        """Forget every attempt, because a person says that the PIN or the SIM is another now."""
        self._attempts.clear()


def _key(sim: str, pin: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=sim.encode(), n=2**12, r=8, p=1, dklen=16).hex()


class SimLock:
    """The way from power on to a SIM that is READY, with the PIN entered at most once."""

    def __init__(
        self, ask: Ask, *, port: str, pin: str | None, ledger: PinLedger, clock: Waiting
    ) -> None:
        self._ask = ask
        self._port = port
        self._pin = pin
        self._ledger = ledger
        self._clock = clock

    def unlock(self) -> None:
        """Wait for the SIM; enter the PIN only where its own PIN is asked for. Raises what a person has to heal."""
        state = self._settled_state()
        if state in USABLE:
            return
        if state != "SIM PIN":
            raise self._explain(state)
        if self._pin is None:
            raise PinRequired(
                f"The SIM in {self._port} asks for its PIN; configure it, or take the PIN off the SIM."
            )
        self._enter(self._pin)

    def _explain(self, state: str) -> ModemError:
        """Return what a person has to do about a lock that no PIN of the SIM opens."""
        if state == "SIM PUK":
            return PukRequired(
                f"The SIM in {self._port} is locked; enter its PUK by hand in a phone."
            )
        if state in CARD_LOCKS:
            return PinRequired(
                f"The modem on {self._port} is locked to another SIM ({state}); put that one back, or take a modem "
                "without that lock."
            )
        if state in OPERATOR_LOCKS:
            return PinRequired(
                f"The modem on {self._port} is locked to another operator ({state}); put in a SIM of that one, or take "
                "a modem without that lock."
            )
        return PinRequired(
            f"The SIM in {self._port} asks for a code that we never enter; use one without that lock."
        )

    def _settled_state(self) -> str:
        """Return the SIM's state once it has one."""
        give_up_at = self._clock.monotonic() + SIM_LIMIT_S
        while (state := self._state()) in UNSETTLED:
            if self._clock.monotonic() >= give_up_at:
                raise SimNotReady(
                    f"The SIM in {self._port} does not become ready; it is tried again, check its contacts."
                )
            self._clock.pause(SIM_POLL_S)
        return state

    def _state(self) -> str:
        """Return what AT+CPIN? says, without its prefix; an error is a way to say it too."""
        try:
            lines: Sequence[str] = self._ask("AT+CPIN?", None)
        except CommandTimeout as silence:
            lines = silence.lines  # Wavecom never ends this answer, so it is waited out
            if not lines:
                raise
        except CommandError as refusal:
            if refusal.code in (10, 13, 15):
                raise SimMissing(
                    f"The modem on {self._port} finds no SIM that works ({refusal.sense}); insert one."
                ) from None
            if refusal.code is None or refusal.code not in STATE_OF_ERROR:
                raise
            return STATE_OF_ERROR[refusal.code]
        states = [line[6:].strip().upper() for line in lines if line.startswith("+CPIN:")]
        return states[-1] if states else "NOT READY"

    def _enter(self, pin: str) -> None:
        sim = self._name()
        refused = PinRejected(
            f"The PIN for the SIM in {self._port} was refused; correct it, then run `smsgate modem forget-pin`."
        )
        try:
            if not self._ledger.may_try(sim, pin):
                raise refused
            self._ledger.note_attempt(sim, pin)
        except (OSError, ValueError):
            raise PinNotRecorded(
                "PIN attempts cannot be written down; make the PIN file and its folder readable and writable."
            ) from None
        try:
            self._ask(f'AT+CPIN="{pin}"', ENTER_TIMEOUT_S)
        except CommandError:
            with suppress(OSError, ValueError):  # the attempt itself is written down
                self._ledger.note_refused(sim, pin)
            raise refused from None
        with suppress(OSError, ValueError):
            self._ledger.note_accepted(sim, pin)
        give_up_at = self._clock.monotonic() + SIM_LIMIT_S
        while (state := self._settled_state()) not in USABLE:
            if state not in ("SIM PIN", *UNSETTLED):
                raise self._explain(state)
            if self._clock.monotonic() >= give_up_at:
                raise SimNotReady(
                    f"The SIM in {self._port} does not become ready after its PIN; it is tried again."
                )
            self._clock.pause(SIM_POLL_S)

    def _name(self) -> str:
        """Return what tells this SIM from others while it is locked; the device's IMEI where it does not tell."""
        for question in ("AT+CCID", "AT+QCCID", "AT^ICCID?", "AT+CGSN"):
            try:
                digits = read_digits(self._ask(question, None))
            except CommandError:
                continue
            if digits:
                return digits
        return self._port
