"""`smsgate sim send|fault|tell`: what a running simulator is told over its control socket."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hardware.simulator.control import ControlClient

EXIT_UNAVAILABLE = 69

ControlSocket = Annotated[
    Path, typer.Option(help="Unix socket over which the simulator is told things.")
]
Modem = Annotated[
    str | None, typer.Option(help="Name (m1, m2, …) or number of the modem; else the first.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def send(
    text: Annotated[str, typer.Argument(help="What the citizen types.")],
    control: ControlSocket,
    sender: Annotated[str, typer.Option("--from", metavar="NUMBER", help="The citizen's number.")],
    recipient: Annotated[
        str | None, typer.Option("--to", metavar="NUMBER", help="Whom; else the first modem.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send an SMS to a simulated modem, split and encoded as a phone would; done once the SMSC took it."""
    with _client(control, "Not sent", None) as client:
        parts = client.send(sender, text, to=recipient)
    if as_json:
        typer.echo(json.dumps({"parts": parts}))
    else:
        typer.echo(f"taken by the network in {parts} part{'s' if parts > 1 else ''}")


def fault(
    name: Annotated[str | None, typer.Argument(help="The fault; without: list them all.")] = None,
    params: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE…", help="command, at, times, delay_s, code, count, text"),
    ] = None,
    control: Annotated[
        Path | None, typer.Option(help="Unix socket over which the simulator is told things.")
    ] = None,
    modem: Modem = None,
    clear: Annotated[bool, typer.Option("--clear", help="End it; without a name: all.")] = False,
) -> None:
    """Let something go wrong with a simulated modem, or list what can; --clear ends it."""
    if control is None:
        if name or clear:
            raise typer.BadParameter("name the simulator's socket", param_hint="--control")
        from hardware.simulator.fault_table import describe

        typer.echo(describe())
        return
    with _client(control, "Not done", modem) as client:
        if clear:
            client.clear_fault(name)
        elif name:
            request = read_fault(name, *(params or []))
            client.fault(request.pop("name"), **request)
        set_now = client.state().faults
    typer.echo("\n".join(set_now) if set_now else "no faults are set")


def tell(
    op: Annotated[str, typer.Argument(help="The operation: unplug, replug, swap_sim, set, …")],
    control: ControlSocket,
    params: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE…")] = None,
    modem: Modem = None,
) -> None:
    """Carry out any operation of the control socket; print its answer as JSON."""
    with _client(control, "Not done", modem) as client:
        answer = client.tell(op, **dict(map(_read_param, params or [])))
    typer.echo(json.dumps({key: value for key, value in answer.items() if key != "ok"}))


def read_fault(name: str, *params: str) -> dict[str, Any]:
    """Return a fault as the control socket takes it."""
    return {"name": name} | dict(map(_read_param, params))


def _read_param(text: str) -> tuple[str, Any]:
    """Return a key and its value: JSON where it is some, else a string."""
    key, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE")
    if key in ("text", "from", "to", "number", "link", "command"):
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@contextlib.contextmanager
def _client(control: Path, failed: str, modem: str | None) -> Iterator[ControlClient]:
    from hardware.simulator.control import ControlClient, ControlError

    try:
        with ControlClient(control, modem=modem) as client:
            yield client
    except ControlError as error:
        typer.echo(f"{failed}: {error}.", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from None
