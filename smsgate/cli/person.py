"""Who gives a command, for the record of who did what; and whom its files belong to."""

from __future__ import annotations

import os
import re
from pathlib import Path

import typer

from smsgate.errors import SmsgateError

_NAME = re.compile(r"[\w][\w .@-]{0,63}")


class BadName(SmsgateError):
    """A name for the record must be a short word: give another with `--as NAME`."""

    exit_code = 2


def actor_of(name: str | None) -> str:
    """Return the actor that is recorded: `person:NAME`; without a name, that of the login."""
    name = name or _login()
    if not _NAME.fullmatch(name):
        raise BadName(
            "the name for the record must be at most 64 letters, digits, spaces, . @ - and _"
        )
    return f"person:{name}"


class NotTheOwner(SmsgateError):
    """Root cannot go on as the owner of the folder: run the command as that user."""

    exit_code = 77


def become_owner(folder: Path) -> None:
    """As root, go on for good as the user whom this folder belongs to: the daemon could not open what
    root makes there, and that user could have root write through a link.
    """
    import pwd

    if os.geteuid() != 0:
        return
    try:
        owner = folder.stat()
    except OSError:
        return  # whoever opens something there says what is wrong
    if owner.st_uid == 0:
        return
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
    except KeyError:
        name = str(owner.st_uid)
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    needed = (__file__, os.__file__, str(typer.__file__))  # more of each is imported later
    unreadable = [file for file in needed if not os.access(file, os.R_OK)]
    if unreadable:
        raise NotTheOwner(
            f"{folder} belongs to {name}, who may not read this program's {unreadable[0]}: "
            f"install it where {name} may, and run this as {name}"
        )


def _login() -> str:
    import pwd

    try:
        return os.getlogin()  # behind sudo it is the person who counts, not root
    except OSError:
        pass  # no terminal
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
