"""Programs of Debian that some tests run beside ours."""

from __future__ import annotations

import os
import shutil

import pytest

# Debian keeps daemons where an ordinary user's path does not look
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def need_program(name: str, *, package: str | None = None) -> str:
    """Return a program's path; skip the test, naming the package, where it is not installed."""
    path = shutil.which(name, path=_PATH)
    if path is None:
        pytest.skip(f"{name} is not installed: apt install {package or name}")
    return path


def as_ordinary_user() -> list[str]:
    """Return what in front of a command has root heed the modes of files, as everybody else does."""
    if os.geteuid() != 0:
        return []
    setpriv = need_program("setpriv", package="util-linux")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
