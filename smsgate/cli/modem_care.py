"""`smsgate modem forget-pin` and `accept-sim`: what only a person may say about a SIM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.options import ConfigOption
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from smsgate.settings import Settings

ConfiguredArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A [[modem]] of the configuration.")
]


class StateTrouble(SmsgateError):
    """A small file of the daemon's cannot be read or written."""

    exit_code = 77


def forget_pin(name: ConfiguredArgument, config: ConfigOption = None) -> None:
    """Forget the PIN attempts that failed, so that the PIN of the configuration is tried once more.

    Correct the PIN first: three wrong ones lock a SIM. The record is that of all lines of this gateway.
    """
    from hardware.pin import PinLedger

    path = _settings(name, config).gateway.state_dir / "pin-attempts.json"
    if not path.exists():
        print("There was nothing to forget.")
        return
    with _changing(path):
        PinLedger(path).forget()
    print(f"Forgotten. Line {name} tries its PIN once, at the next opening.")


def accept_sim(name: ConfiguredArgument, config: ConfigOption = None) -> None:
    """Take the SIM that the line has now for the right one, after a change that was meant; replies go on.

    Before a planned change: take whatever SIM the line finds next.
    """
    from hardware.sim_pins import SIM_PINS_FILE, SimPins
    from smsgate.cli.opening import wake_daemon

    settings = _settings(name, config)
    path = settings.gateway.state_dir / SIM_PINS_FILE
    was_changed = is_known = False
    if path.exists():
        with _changing(path):
            pins = SimPins(path)
            was_changed = pins.strange(name) is not None
            is_known = pins.accept(name)
        wake_daemon(settings)
    if was_changed:
        print(f"Accepted. The SIM that is in line {name} belongs there now.")
    elif is_known:
        print(f"Line {name} takes the SIM that it finds at its next opening.")
    else:
        print(f"There was nothing to accept: line {name} takes the first SIM it sees.")


def _settings(name: str, config: Path | None) -> Settings:
    """Return the settings, in which there is such a modem; it need not be there."""
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    names = [modem.name for modem in settings.modems]
    if name not in names:
        raise typer.BadParameter(f"expected one of the configuration: {', '.join(names) or 'none'}")
    return settings


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """Change one of the daemon's small files, which may be damaged or another's."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise StateTrouble(
            f"cannot change {path} ({reason}): run as the user smsgate, or as root"
        ) from None
