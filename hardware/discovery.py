"""Which program holds a serial port."""

from __future__ import annotations

import os
from pathlib import Path


def holders(path: str | Path, *, proc: Path = Path("/proc")) -> list[tuple[int, str]]:
    """Return (pid, name) of the processes that have the port open, as far as we may look; ours is left out.

    So is the program at the other end of a pseudo-terminal, which is no rival but the modem (a simulator, a bridge).
    The one that holds the lock on it comes first.
    """
    try:
        target = os.stat(path)
    except OSError:
        return []
    locked_by = _lock_pids(proc, target.st_ino)
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        if _has_open(entry, target) and not _has_other_end(entry, path):
            found.append((int(entry.name), _name(entry)))
    return sorted(found, key=lambda held: (held[0] not in locked_by, held[0]))


def _has_open(process: Path, target: os.stat_result) -> bool:
    """Say whether one of the process's descriptors is that device; a process we may not look into has none."""
    try:
        for descriptor in (process / "fd").iterdir():
            try:
                seen = os.stat(descriptor)
            except OSError:
                continue  # closed meanwhile
            if seen.st_rdev == target.st_rdev and seen.st_ino == target.st_ino:
                return True
    except OSError:
        return False
    return False


def _has_other_end(process: Path, path: str | Path) -> bool:
    """Say whether the process has the master of this pseudo-terminal open."""
    terminal = Path(os.path.realpath(path))
    if terminal.parent != Path("/dev/pts"):
        return False
    try:
        for descriptor in (process / "fd").iterdir():
            if not os.readlink(descriptor).endswith("ptmx"):
                continue
            facts = (process / "fdinfo" / descriptor.name).read_text()
            if f"tty-index:\t{terminal.name}\n" in facts:
                return True
    except OSError:
        return False
    return False


def _name(process: Path) -> str:
    """Return the program's name as the kernel keeps it."""
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"


def _lock_pids(proc: Path, inode: int) -> set[int]:
    """Return the pids in /proc/locks that lock this inode."""
    try:
        lines = (proc / "locks").read_text().splitlines()
    except OSError:
        return set()
    fields = [line.split() for line in lines]
    return {int(f[4]) for f in fields if len(f) > 5 and f[5].rpartition(":")[2] == str(inode)}
