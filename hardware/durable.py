"""Small files that must survive a power cut: replaced whole, so that the old or the new is there, and synced."""

from __future__ import annotations

import os
from pathlib import Path


def replace_durably(path: Path, octets: bytes) -> None:
    """Replace a file; once this returns the new content outlives a power failure. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        rest = octets
        while rest:  # a disk that is nearly full takes a part, and says no the next time
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
