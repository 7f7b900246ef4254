"""`smsgate sim`: a simulated modem on a pseudo-terminal, SMS to it, and a simulated backend."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from smsgate.cli import sim_backend

EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_IO = 74
_NUMBER = "+6281170001708"

app = typer.Typer(no_args_is_help=True, help="Simulated modem, citizens and backend to test with.")
app.command("backend")(sim_backend.run)

Control = Annotated[Path, typer.Option(help="Unix socket over which the simulator is told things.")]


@app.command("modem")
def run_modem(
    link: Annotated[Path, typer.Option(help="Link to make; it points to the modem's terminal.")],
    control: Control,
    slots: Annotated[int, typer.Option(min=1, help="SMS the SIM has room for.")] = 50,
    me_slots: Annotated[
        int, typer.Option(min=0, help="SMS the memory ME has room for; 0: it has none.")
    ] = 0,
    no_urc: Annotated[bool, typer.Option("--no-urc", help="Never announce an SMS.")] = False,
    baud: Annotated[
        int | None, typer.Option(min=300, help="Pace the line; by default it takes no time.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Class of device: generic, sim800, huawei.")] = (
        "generic"
    ),
    number: Annotated[str, typer.Option(help="The SIM's number.")] = _NUMBER,
    seed: Annotated[int, typer.Option(help="Seed of everything left to chance.")] = 0,
) -> None:
    """Be a modem until SIGTERM; print `ready PATH` once its port is there."""
    from hardware.simulator import Network, PtyServer, SimulatedModem
    from hardware.simulator.control import Control, ControlServer
    from hardware.simulator.profiles import PROFILES

    if profile not in PROFILES:
        typer.echo(f"No profile {profile!r}; there are: {', '.join(PROFILES)}.", err=True)
        raise typer.Exit(EXIT_USAGE)
    stopping = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stopping.set())
    network = Network(seed=seed)
    modem = SimulatedModem(
        network,
        number=number,
        profile=profile,
        memories={"SM": slots, "ME": me_slots},
        urc=not no_urc,
        baud=baud,
    )
    control_server = ControlServer(Control(network, modem, stopping.set), control)
    try:
        with PtyServer(modem, link) as port, control_server:
            typer.echo(f"ready {port.path}")
            stopping.wait()
    except OSError as error:
        typer.echo(f"Cannot make {link} or {control}: {error}. Choose other paths.", err=True)
        raise typer.Exit(EXIT_IO) from None


@app.command("send")
def send(
    text: Annotated[str, typer.Argument(help="What the citizen types.")],
    control: Control,
    sender: Annotated[str, typer.Option("--from", metavar="NUMBER", help="The citizen's number.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Send an SMS to a simulated modem, split and encoded as a phone would; done once the SMSC took it."""
    from hardware.simulator.control import ControlClient, ControlError

    try:
        with ControlClient(control) as client:
            parts = client.send(sender, text)
    except ControlError as error:
        typer.echo(f"Not sent: {error}.", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from None
    if as_json:
        typer.echo(json.dumps({"parts": parts}))
    else:
        typer.echo(f"taken by the network in {parts} part{'s' if parts > 1 else ''}")
