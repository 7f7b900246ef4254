"""Reading secrets from files, and refusing those that others could read or that cannot be right."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SECRET_SIZE_MAX = 64 * 1024


class SecretError(Exception):
    """A secret cannot be had; the message is a sentence without it."""


def read_secret(path: Path, *, is_ours: bool) -> str:
    """Return what a secret file holds, without the line end.

    `is_ours`: refuse it when others could read it. Raises SecretError when it cannot be had.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        hint = "" if is_ours else f": the unit needs LoadCredential={path.name}:/PATH"
        raise SecretError(f'expected the file "{path}", but it is missing{hint}') from None
    except OSError as error:
        raise SecretError(f'expected "{path}" to be readable: {error.strerror}') from None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SecretError(f'expected "{path}" to be a file')
        if is_ours and status.st_mode & 0o077:
            raise SecretError(
                f'expected "{path}" to be readable by its owner only, its mode is '
                f"{stat.S_IMODE(status.st_mode):04o}: chmod 600 it"
            )
        octets = file.read(SECRET_SIZE_MAX + 1)
    try:
        value = octets.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f'expected "{path}" to hold UTF-8 text') from None
    if not value.strip() or len(octets) > SECRET_SIZE_MAX:
        raise SecretError(f'expected "{path}" to hold 1 to {SECRET_SIZE_MAX} bytes')
    return value


def check_secret(key: str, value: str) -> None:
    """Refuse a secret that cannot be right, without showing it."""
    if key == "pin" and not (value.isascii() and value.isdigit() and 4 <= len(value) <= 8):
        raise SecretError("expected a PIN of 4 to 8 digits")
    if key == "token" and not (value.isascii() and value.isprintable()):
        raise SecretError("expected a token of printable ASCII characters on one line")
