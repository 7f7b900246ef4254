"""What a line does about a modem that does not work: how soon it looks again, and which remedy comes next. Pure.

    open again ──> AT+CFUN=1,1 ──> power-cycle command ──> …            (never the daemon)

- What only a person can mend is never restarted: a port that is missing, held or denied, another modem, PIN and PUK.
- A modem that makes no sense is restarted once opening it again has not helped.
- Where the network or the SIM is away, the world may be at fault: it gets long first, and few remedies an outage.
- Each remedy of an outage waits longer than the one before. An outage is over after ten good minutes, so a modem that
  fails again right after its restart gets no fresh start.
- The power-cycle command keeps a pause of its own that nothing shortens.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from hardware.errors import (
    ModemError,
    PinNotRecorded,
    PinRejected,
    PinRequired,
    PortBusy,
    PortDenied,
    PortMissing,
    PukRequired,
    SettingsLost,
    SimMissing,
    SimNotReady,
    WrongModem,
)


class Trouble(StrEnum):
    """Whose turn it is."""

    PERSON = "person"  # nothing that is done to the modem helps
    SICK = "sick"  # it is silent, or makes no sense
    UNREACHED = "unreached"  # it works, and has no network or no SIM
    DEAF = "deaf"  # all looks well, and an SMS that was sent to it did not come


class Remedy(StrEnum):
    """What is done next."""

    REOPEN = "reopen"  # or nothing, where the line is open
    RESTART = "restart"
    POWER_CYCLE = "power cycle"


SICK_FAULTS = 3  # in a row, before the first remedy
FIRST_REMEDY_AFTER_S = {Trouble.SICK: 15.0, Trouble.UNREACHED: 900.0, Trouble.DEAF: 0.0}
# After the first, the second … remedy of an outage; the last for ever. A restarted modem needs two minutes to be back.
REMEDY_PAUSES_S = (120.0, 900.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
# While it answers at all, more than that only disturbs it.
REMEDIES_MAX = {Trouble.UNREACHED: 4, Trouble.DEAF: 4}
SETTLED_S = (
    60.0  # so long well, and the next fault is a new one; before, it is a modem that comes and goes
)
STEADY_S = 600.0  # so long well, and the remedies begin anew

MISSING_LOOK_S = 1.0  # a look at whether a port is there costs nothing
FIRST_LOOK_S = 0.2  # a restart, a lost link: mostly it is back at once
PERSON_LOOKS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
# how long an outage has lasted → pause: a modem that comes back is found within seconds, one that is dead costs little
LOOKS_S = ((60.0, 1.0), (6 * 3600.0, 2.0), (float("inf"), 10.0))

ALARM_AFTER_S = 15.0  # what heals sooner needs nobody

# error → trouble, and the last part of its alarm's key; the first that fits, all others are SICK and `link`
_TROUBLES: Sequence[tuple[tuple[type[ModemError], ...], Trouble, str]] = (
    ((PukRequired,), Trouble.PERSON, "puk"),
    ((PinRequired, PinRejected, PinNotRecorded), Trouble.PERSON, "pin"),
    ((WrongModem,), Trouble.PERSON, "imei"),
    ((PortMissing, PortBusy, PortDenied), Trouble.PERSON, "link"),
    ((SimMissing, SimNotReady), Trouble.UNREACHED, "sim"),
    ((SettingsLost,), Trouble.SICK, "settings"),
)
ALARMS_OF_OPENING = ("link", "sim", "pin", "puk", "imei", "settings")


def trouble_of(error: ModemError) -> Trouble:
    """Return whose turn it is after this error."""
    return next(
        (trouble for kinds, trouble, _ in _TROUBLES if isinstance(error, kinds)), Trouble.SICK
    )


def alarm_of(error: ModemError) -> str:
    """Return the last part of the key of this error's alarm."""
    return next((alarm for kinds, _, alarm in _TROUBLES if isinstance(error, kinds)), "link")


def look_again_in(error: ModemError, *, faults: int, outage_s: float) -> float:
    """Return seconds to wait before opening again: `faults` there were in a row, this one counted."""
    if isinstance(error, PortMissing | WrongModem):
        return MISSING_LOOK_S
    trouble = trouble_of(error)
    if trouble is not Trouble.SICK:
        return PERSON_LOOKS_S[min(faults, len(PERSON_LOOKS_S)) - 1]
    if faults == 1:
        return FIRST_LOOK_S
    return next(pause_s for limit_s, pause_s in LOOKS_S if outage_s < limit_s)


class PowerCycling(Struct, frozen=True):
    """Whether there is a command for it, and the least pause between two of them."""

    is_configured: bool = False
    pause_s: float = 1800.0


class Healing:
    """The outages of one line."""

    def __init__(self, power: PowerCycling) -> None:
        self._power = power
        self._began_at: float | None = None  # the outage; None: all is well
        self._well_since: float | None = None
        self._remedies = 0
        self._remedy_at = 0.0
        self._power_at: float | None = None
        self.faults = 0  # in a row

    def note_well(self, now: float) -> None:
        """It is up, and on the network."""
        if self._began_at is None:
            return
        if self._well_since is None:
            self._well_since = now
        if now - self._well_since >= SETTLED_S:
            self.faults = 0
        if now - self._well_since >= STEADY_S:
            self._began_at = self._well_since = None
            self._remedies = 0

    def note_fault(self, now: float) -> float:
        """The link failed, or did not come up; return how long it has not been well."""
        outage_s = self.outage_s(now)
        self.faults += 1
        return outage_s

    def outage_s(self, now: float) -> float:
        """Return how long it has not been well, and take note that it is not."""
        is_new = self._well_since is not None and now - self._well_since >= SETTLED_S
        if self._began_at is None or is_new:
            self._began_at, self.faults = now, 0
        self._well_since = None
        return now - self._began_at

    def choose(self, trouble: Trouble, now: float) -> Remedy:
        """Return what is to be done now; it is taken for done."""
        outage_s = self.outage_s(now)
        if trouble is Trouble.PERSON or self._remedies >= REMEDIES_MAX.get(
            trouble, self._remedies + 1
        ):
            return Remedy.REOPEN
        if outage_s < FIRST_REMEDY_AFTER_S[trouble]:
            return Remedy.REOPEN
        if trouble is Trouble.SICK and self.faults < SICK_FAULTS:
            return Remedy.REOPEN
        if self._remedies:
            pause_s = REMEDY_PAUSES_S[min(self._remedies, len(REMEDY_PAUSES_S)) - 1]
            if now - self._remedy_at < pause_s:
                return Remedy.REOPEN
        return self._next_remedy(now)

    def _next_remedy(self, now: float) -> Remedy:
        """Restart it first; from then on cut its power, where that is configured and not too soon."""
        is_power_due = self._power_at is None or now - self._power_at >= self._power.pause_s
        remedy = Remedy.RESTART
        if self._remedies and self._power.is_configured and is_power_due:
            remedy, self._power_at = Remedy.POWER_CYCLE, now
        self._remedies += 1
        self._remedy_at = now
        return remedy
