"""Which modem a command means, and the way to it: the port itself, or the daemon that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from smsgate.cli.output import say
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from hardware.errors import ModemError
    from hardware.terminal import Channel, Limits
    from smsgate.settings import ModemSettings, Settings

BAUD = 115200
HEAR_MARGIN_S = 5.0
SEND_S = 180.0
ASK_MARGIN_S = 25.0
LENT_S = 120.0
LEAVING_S = 40.0  # how long the daemon's try to open the port is waited for
_LOOK_EVERY_S = 0.3

NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", show_default=False, help="A [[modem]] of the configuration."),
]
PortOption = Annotated[
    str | None,
    typer.Option(
        "--port", metavar="/dev/…", show_default=False, help="A port, with no configuration."
    ),
]
BaudOption = Annotated[
    int | None,
    typer.Option("--baud", min=300, show_default=False, help="Bits per second; else 115200."),
]


class ModemTrouble(SmsgateError):
    """The modem, its SIM, its port or its network did not do what was asked."""

    exit_code = 74


class ModemRefused(ModemTrouble):
    """The daemon did not do it on a line that it holds."""

    exit_code = 1


class ModemBusy(ModemTrouble):
    """Another program has the port."""

    exit_code = 69


class ModemDenied(ModemTrouble):
    """This user may not open the port."""

    exit_code = 77


class Target(Struct, frozen=True):
    """One modem: its port, and what the configuration says of it, if it was asked."""

    port: str
    baud: int
    modem: ModemSettings | None = None
    settings: Settings | None = None

    @property
    def name(self) -> str | None:
        """Its name in the configuration."""
        return self.modem.name if self.modem is not None else None

    @property
    def control(self) -> Path | None:
        """Where the daemon listens, if there is a configuration."""
        return self.settings.gateway.control if self.settings is not None else None


def find_target(
    name: str | None, port: str | None, config: Path | None, *, baud: int | None = None
) -> Target:
    """Return the modem that is meant. With a port alone no configuration is read."""
    if port is not None:
        if name is not None:
            raise typer.BadParameter("give a NAME or --port, not both")
        return Target(port, baud or BAUD)
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    modem = _choose(settings, name)
    baud = baud or modem.baud
    return Target(_find_place(settings, modem, baud), baud, modem, settings)


def _find_place(settings: Settings, modem: ModemSettings, baud: int) -> str:
    """Return the port of a modem; of one that is known by its IMEI where the daemon has it, else where it is found."""
    if modem.imei is None:
        return str(modem.port)
    from hardware.binding import PortFinder
    from hardware.errors import ModemError
    from smsgate.cli.modem_scan import ask_port
    from smsgate.control import ControlDenied, DaemonNotRunning

    first = () if modem.port is None else (str(modem.port),)
    try:
        told = DaemonChannel(settings.gateway.control, modem.name).tell()
        if told["is_open"]:
            return str(told["line"]["port"])
    except (DaemonNotRunning, ControlDenied, ModemError):
        pass
    places = (*first, *modem.ports)
    found = PortFinder().find(
        modem.imei, lambda port: ask_port(port, baud=baud)[0] or None, places=places
    )
    if found is None and not first:
        raise ModemTrouble(
            f"the modem with the IMEI of {modem.name} is on no free port: see `smsgate modem scan`"
        )
    return found or str(modem.port)


def _choose(settings: Settings, name: str | None) -> ModemSettings:
    names = [modem.name for modem in settings.modems]
    if name is None and len(names) == 1:
        return settings.modems[0]
    if name not in names:
        known = ", ".join(names) or "none"
        raise typer.BadParameter(f"expected a NAME of the configuration ({known}), or --port")
    return settings.modems[names.index(name)]


def find_configured(target: Target, config: Path | None) -> Target:
    """Return the target with the configuration, where there is one, and with its modem, where one has this port."""
    if target.settings is not None:
        return target
    from smsgate.config import load
    from smsgate.errors import ConfigError

    try:
        settings = load(config, are_secrets_needed=False)
    except ConfigError:
        return target
    here = os.path.realpath(target.port)
    for modem in settings.modems:
        if modem.port is not None and os.path.realpath(modem.port) == here:
            return Target(target.port, target.baud, modem, settings)
    return Target(target.port, target.baud, None, settings)


class DaemonChannel:
    """A modem over the daemon that holds it (`hardware.terminal.Channel`)."""

    def __init__(self, control: Path, line: str) -> None:
        self._control = control
        self._line = line

    def _ask(self, op: str, *, limit_s: float, **fields: Any) -> dict[str, Any]:
        from hardware.terminal import ChannelRefused
        from smsgate.control import ControlError, ask

        try:
            return ask(self._control, op, timeout_s=limit_s, line=self._line, **fields)
        except ControlError as error:
            raise ChannelRefused(f"The daemon says: {error}.") from None

    def ask(self, command: str, *, timeout_s: float = 10.0) -> list[str]:
        """Have the daemon send a command between its own."""
        limit_s = timeout_s + ASK_MARGIN_S
        found = self._ask("modem.at", limit_s=limit_s, command=command, answer_s=timeout_s)
        return [str(line) for line in found["lines"]]

    def heard(self, since: int, *, wait_s: float = 0.0) -> tuple[int, list[str]]:
        """Return what the modem said unasked."""
        limit_s = wait_s + HEAR_MARGIN_S
        found = self._ask("modem.heard", limit_s=limit_s, since=since, wait_s=wait_s)
        return int(found["number"]), [str(line) for line in found["lines"]]

    def send(self, number: str, text: str) -> int:
        """Have the daemon submit one SMS; return its TP-MR."""
        return int(self._ask("modem.send", limit_s=SEND_S, number=number, text=text)["reference"])

    def tell(self) -> dict[str, Any]:
        """Return how the line is."""
        return self._ask("modem.info", limit_s=HEAR_MARGIN_S)

    def lend(self, for_s: float) -> dict[str, Any]:
        """Have the daemon leave a port alone that it has not open; return how the line is."""
        return self._ask("modem.lend", limit_s=HEAR_MARGIN_S, for_s=for_s)

    def close(self) -> None:
        """Nothing is kept open."""


def ask_daemon(
    target: Target, config: Path | None, *, is_busy: bool = False
) -> DaemonChannel | None:
    """Return the way over the daemon if it runs and has this port open, else None.

    A daemon that has it not open leaves it to us for a while: until `give_back`, or LENT_S. While it tries to open the
    port it is waited for.
    """
    import time

    from hardware.terminal import ChannelRefused
    from smsgate.control import ControlDenied, DaemonNotRunning

    target = find_configured(target, config)
    if target.control is None or target.name is None:
        return None
    channel = DaemonChannel(target.control, target.name)
    give_up_at = time.monotonic() + LEAVING_S
    try:
        while True:
            found = channel.lend(LENT_S)
            if found["is_open"]:
                return channel
            if found["line"]["state"] != "opening" or time.monotonic() >= give_up_at:
                return None
            time.sleep(_LOOK_EVERY_S)
    except (DaemonNotRunning, ChannelRefused):
        return None
    except ControlDenied:
        from hardware.discovery import holders

        if is_busy or holders(target.port):  # others' processes may not be looked into
            raise
        return None


def give_back(target: Target, config: Path | None) -> None:
    """Tell a daemon that left the port to us that it may have it again."""
    from hardware.terminal import ChannelRefused
    from smsgate.control import ControlDenied, DaemonNotRunning

    target = find_configured(target, config)
    if target.control is not None and target.name is not None:
        with suppress(DaemonNotRunning, ControlDenied, ChannelRefused):
            DaemonChannel(target.control, target.name).lend(0.0)


@contextmanager
def open_channel(
    target: Target, config: Path | None = None, *, limits: Limits | None = None
) -> Iterator[Channel]:
    """Open the way to the modem, and close it afterwards; says so when it leads over the daemon."""
    from hardware.errors import ModemError

    try:
        channel = _choose_way(target, config, limits)
        try:
            yield channel
        finally:
            channel.close()
            if target.settings is not None and not isinstance(channel, DaemonChannel):
                give_back(target, config)
    except ModemError as error:
        raise explain(error) from None


def _choose_way(target: Target, config: Path | None, limits: Limits | None) -> Channel:
    """Return the daemon's way where the configuration is known or the port is busy, else the port's own, opened."""
    from hardware.errors import PortBusy
    from hardware.terminal import Terminal

    channel = ask_daemon(target, config) if target.settings is not None else None
    if channel is None:
        terminal = Terminal(target.port, baud=target.baud, limits=limits)
        try:
            terminal.open()
        except PortBusy:
            channel = ask_daemon(target, config, is_busy=True)
            if channel is None:
                raise
        else:
            terminal.ask("AT+CMEE=1")  # errors with their reason; until the modem is switched off
            return terminal
    name = find_configured(target, config).name
    say(f"The daemon holds {target.port} (line {name}): it is asked, between its own commands.")
    return channel


def explain(error: ModemError) -> ModemTrouble:
    """Return the error of a command for an error of a modem."""
    from hardware import errors
    from hardware.terminal import ChannelRefused

    kinds: dict[type[ModemError], type[ModemTrouble]] = {
        ChannelRefused: ModemRefused,
        errors.PortBusy: ModemBusy,
        errors.PortDenied: ModemDenied,
    }
    return kinds.get(type(error), ModemTrouble)(str(error).rstrip("."))
