"""Which SIM belongs into which line: remembered at first sight, compared at each opening, changed only by a person.

A stranger's SIM would answer citizens from another number, at another's cost; a changed SMSC may swallow every reply.
The file is read anew each time, since a technician's command changes it while the daemon runs.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .durable import replace_durably
from .facts import Identity

SIM_PINS_FILE = "sims.json"  # in the folder of small files that outlive a restart


@dataclass(frozen=True, slots=True)
class SimIdentity:
    """What tells one SIM from another, and where its SMS go. None where the modem does not tell."""

    iccid: str | None = field(default=None, repr=False)
    imsi: str | None = field(default=None, repr=False)
    smsc: str | None = field(default=None, repr=False)

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
        self._path = path
        self._lines: dict[str, dict[str, dict[str, str | None]]] = {}
        self._lock = threading.Lock()  # from reading to writing: a line writes the others' too

    def check(self, line: str, seen: SimIdentity) -> str | None:
        """Return what of the line's SIM changed ("SIM" or "SMSC"), or None. A first sight is remembered."""
        with self._lock:
            return self._check(line, seen)

    def _check(self, line: str, seen: SimIdentity) -> str | None:
        lines = self._read()
        entry = lines.get(line, {})
        pinned = _identity(entry.get("pinned"))
        change = None if pinned is None else pinned.change_to(seen)
        wanted = {"pinned": asdict(seen)}
        if pinned is not None and change is None:
            # the modem may have told more this time; what it told before stays
            told = {name: value for name, value in asdict(pinned).items() if value}
            wanted = {"pinned": asdict(seen) | told}
        elif pinned is not None:
            wanted = {"pinned": asdict(pinned), "seen": asdict(seen)}
        if wanted != entry:
            self._write(lines | {line: wanted})
        return change

    def is_accepted(self, line: str, seen: SimIdentity) -> bool:
        """Say whether this SIM may be answered from, changing nothing: a person may have accepted it by now."""
        pinned = _identity(self._read().get(line, {}).get("pinned"))
        return pinned is None or pinned.change_to(seen) is None

    def accept(self, line: str) -> bool:
        """Take the SIM that the line has now for the right one; before a change, take whatever comes next.

        Return whether there was anything to change.
        """
        with self._lock:
            lines = self._read()
            entry = lines.pop(line, None)
            if entry is None:
                return False
            if "seen" in entry:
                lines[line] = {"pinned": entry["seen"]}
            self._write(lines)
            return True

    def pinned(self, line: str) -> SimIdentity | None:
        """Return the SIM that belongs into the line; None where none was seen yet."""
        return _identity(self._read().get(line, {}).get("pinned"))

    def strange(self, line: str) -> SimIdentity | None:
        """Return the other SIM that was seen in the line and is not accepted; None where there is none."""
        return _identity(self._read().get(line, {}).get("seen"))

    def _read(self) -> dict[str, dict[str, dict[str, str | None]]]:
        if self._path is None:
            return dict(self._lines)
        try:
            known = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        if not isinstance(known, dict) or not all(isinstance(e, dict) for e in known.values()):
            raise ValueError("expected a table of lines")
        return known

    def _write(self, lines: dict[str, dict[str, dict[str, str | None]]]) -> None:
        self._lines = lines
        if self._path is not None:
            replace_durably(self._path, json.dumps(lines).encode())


def _identity(entry: object) -> SimIdentity | None:
    if not isinstance(entry, dict):
        return None
    known = (entry.get(name) for name in ("iccid", "imsi", "smsc"))
    return SimIdentity(*(value if isinstance(value, str) else None for value in known))


def _digits(number: str | None) -> str:
    return "".join(filter(str.isdigit, number or ""))
