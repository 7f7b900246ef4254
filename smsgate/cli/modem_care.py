"""`smsgate modem forget-pin`: what only a person may say about a SIM."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from smsgate.cli.modem_target import find_target
from smsgate.cli.options import ConfigOption
from smsgate.errors import SmsgateError

ConfiguredArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A [[modem]] of the configuration.")
]


class PinFileTrouble(SmsgateError):
    """The file that remembers PIN attempts cannot be written."""

    exit_code = 77


def forget_pin(name: ConfiguredArgument, config: ConfigOption = None) -> None:
    """Forget the PIN attempts that failed, so that the PIN of the configuration is tried once more.

    Correct the PIN first: three wrong ones lock a SIM. The record is that of all lines of this gateway.
    """
    from hardware.pin import PinLedger

    target = find_target(name, None, config)
    assert target.settings is not None
    path = target.settings.gateway.state_dir / "pin-attempts.json"
    if not path.exists():
        print("There was nothing to forget.")
        return
    owner = path.stat()
    try:
        PinLedger(path).forget()
        with suppress(PermissionError):
            import os

            os.chown(path, owner.st_uid, owner.st_gid)  # run by root, it stays the daemon's
    except OSError as error:
        raise PinFileTrouble(
            f"cannot write {path} ({error.strerror}): run as the user smsgate, or as root"
        ) from None
    print(f"Forgotten. Line {name} tries its PIN once, at the next opening.")
