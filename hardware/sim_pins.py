"""Which SIM belongs into which line: remembered at first sight, compared at each opening, changed only by a person.

A stranger's SIM would answer citizens from another number, at another's cost; a changed SMSC may swallow every reply.
The file is read anew each time, since a technician's command changes it while the daemon runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from msgspec.structs import asdict

from .discreet import Discreet
from .durable import DurableTable
from .facts import Identity

SIM_PINS_FILE = "sims.json"  # in the folder of small files that outlive a restart


class SimIdentity(Discreet, frozen=True):
    """What tells one SIM from another, and where its SMS go. None where the modem does not tell."""

    hidden: ClassVar[frozenset[str]] = frozenset({"iccid", "imsi", "smsc"})

    iccid: str | None = None
    imsi: str | None = None
    smsc: str | None = None

    def change_to(self, seen: SimIdentity) -> str | None:
        """Return what changed: "SIM", "SMSC" or None. What either side does not tell is no change."""
        for ours, theirs in ((self.iccid, seen.iccid), (self.imsi, seen.imsi)):
            if ours and theirs:
                if ours != theirs:
                    return "SIM"
                break  # the first that both tell decides
        ours, theirs = _digits(self.smsc), _digits(seen.smsc)
        return "SMSC" if ours and theirs and ours != theirs else None


def sim_of(identity: Identity) -> SimIdentity:
    """Return the part of a modem's identity that is its SIM's."""
    return SimIdentity(identity.iccid, identity.imsi, identity.smsc)


class SimPins:
    """The SIM of each line. Without a path it lasts as long as the object.

    Any thread may call. Every method raises OSError or ValueError where the file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lines = DurableTable(path)

    def check(self, line: str, seen: SimIdentity) -> str | None:
        """Return what of the line's SIM changed ("SIM" or "SMSC"), or None. A first sight is remembered."""
        with self._lines.change() as lines:
            pinned = _identity(_entry(lines, line).get("pinned"))
            change = None if pinned is None else pinned.change_to(seen)
            if pinned is None:
                lines[line] = {"pinned": asdict(seen)}
            elif change is None:
                # the modem may have told more this time; what it told before stays
                told = {name: value for name, value in asdict(pinned).items() if value}
                lines[line] = {"pinned": asdict(seen) | told}
            else:
                lines[line] = {"pinned": asdict(pinned), "seen": asdict(seen)}
            return change

    def accept(self, line: str) -> bool:
        """Take the SIM that the line has now for the right one; before a change, take whatever comes next.

        Return whether there was anything to change.
        """
        with self._lines.change() as lines:
            entry = _entry(lines, line)
            was_known = lines.pop(line, None) is not None
            if "seen" in entry:
                lines[line] = {"pinned": entry["seen"]}
            return was_known

    def pinned(self, line: str) -> SimIdentity | None:
        """Return the SIM that belongs into the line; None where none was seen yet."""
        return _identity(_entry(self._lines.read(), line).get("pinned"))

    def strange(self, line: str) -> SimIdentity | None:
        """Return the other SIM that was seen in the line and is not accepted; None where there is none."""
        return _identity(_entry(self._lines.read(), line).get("seen"))


def _entry(lines: dict[str, Any], line: str) -> dict[str, Any]:
    """Return what is known of a line; raises ValueError where the file was damaged."""
    entry = lines.get(line, {})
    if isinstance(entry, dict):
        return entry
    raise ValueError("expected a table of lines")


def _identity(entry: object) -> SimIdentity | None:
    if not isinstance(entry, dict):
        return None
    known = (entry.get(name) for name in ("iccid", "imsi", "smsc"))
    return SimIdentity(*(value if isinstance(value, str) else None for value in known))


def _digits(number: str | None) -> str:
    return "".join(filter(str.isdigit, number or ""))
