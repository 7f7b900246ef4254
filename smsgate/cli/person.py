"""Who gives a command, for the record of who did what."""

from __future__ import annotations

import os
import re

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
