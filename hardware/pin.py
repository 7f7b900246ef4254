"""The memory of PIN attempts: three wrong ones lock a SIM, and a reconnect loop would make them in a minute.

An attempt is written down, and synced, before the PIN leaves. A PIN that was refused is never tried again on that SIM; one
whose outcome nobody saw (power failed meanwhile) may be tried once more, which leaves a person the third.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

UNSEEN_ATTEMPTS_MAX = 2
REFUSED = -1  # in the place of the number of unseen attempts


class PinLedger:
    """Attempts by SIM and PIN. Without a path it lasts as long as the object."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._attempts: dict[str, int] = {}

    def may_try(self, sim: str, pin: str) -> bool:
        """Say whether the PIN may be sent to this SIM."""
        attempts = self._read().get(_key(sim, pin), 0)
        return 0 <= attempts < UNSEEN_ATTEMPTS_MAX

    def note_attempt(self, sim: str, pin: str) -> None:
        """Write down, durably, that the PIN is about to be sent. Raises OSError: then it must not be sent."""
        self._change(_key(sim, pin), self._read().get(_key(sim, pin), 0) + 1)

    def note_refused(self, sim: str, pin: str) -> None:
        """Write down that the SIM refused it."""
        self._change(_key(sim, pin), REFUSED)

    def note_accepted(self, sim: str, pin: str) -> None:
        """Forget the attempt: the SIM has set its counter back."""
        self._change(_key(sim, pin), None)

    def forget(self) -> None:
        """Forget every attempt, because a person says that the PIN or the SIM is another now."""
        self._write({})

    def _change(self, key: str, attempts: int | None) -> None:
        known = self._read()
        known.pop(key, None)
        if attempts is not None:
            known[key] = attempts
        self._write(known)

    def _read(self) -> dict[str, int]:
        if self._path is None:
            return self._attempts
        try:
            known = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise OSError(
                f"{self._path} is damaged; look at it, then run `smsgate modem forget-pin`"
            ) from None
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, int]) -> None:
        """Replace the file so that after a power failure it holds the old or the new, and the new once we return."""
        self._attempts = known
        if self._path is None:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, json.dumps(known).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(fresh, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _key(sim: str, pin: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=sim.encode(), n=2**12, r=8, p=1, dklen=16).hex()
