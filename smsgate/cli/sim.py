"""`smsgate sim`: simulated modems on pseudo-terminals, SMS to them, faults, scenarios, and a simulated backend."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from smsgate.cli import sim_backend, sim_tell

if TYPE_CHECKING:
    from hardware.simulator.network import Network
    from hardware.simulator.operations import Request, Site
    from hardware.simulator.rack import ModemPlan
    from hardware.simulator.scenario import Schedule
    from smsgate.signals import Signals

EXIT_USAGE = 2
EXIT_IO = 74
_WAIT_S_MAX = 3600.0
_FILE_OCTETS_MAX = 1024 * 1024
_Value = TypeVar("_Value")

app = typer.Typer(no_args_is_help=True, help="Simulated modems, citizens and backend to test with.")
app.command("backend")(sim_backend.run)
app.command("send")(sim_tell.send)
app.command("fault")(sim_tell.fault)
app.command("tell")(sim_tell.tell)


@app.command("modem")
def run_modem(
    link: Annotated[
        list[Path], typer.Option(help="Link to make to a modem's terminal; once for each modem.")
    ],
    control: sim_tell.ControlSocket,
    slots: Annotated[int, typer.Option(min=1, help="SMS the SIM has room for.")] = 50,
    me_slots: Annotated[
        int, typer.Option(min=0, help="SMS the memory ME has room for; 0: it has none.")
    ] = 0,
    no_urc: Annotated[bool, typer.Option("--no-urc", help="Never announce an SMS.")] = False,
    baud: Annotated[
        int | None, typer.Option(min=300, help="Pace the line; by default it takes no time.")
    ] = None,
    speed: Annotated[
        int | None, typer.Option(help="Speed at which the port is understood; by default any.")
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(help="Class of device (a wrong one lists them); once, or for each modem."),
    ] = None,
    number: Annotated[list[str] | None, typer.Option(help="Number of each modem's SIM.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,KEY=VALUE]…", help="Fault that every modem begins with."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything left to chance.")] = 0,
) -> None:
    """Be one or several modems of one network until SIGTERM; print `ready PATH` for each port that is there."""
    from hardware.simulator import Network
    from hardware.simulator.profiles import PROFILES
    from hardware.simulator.rack import ModemPlan
    from hardware.simulator.scenario import Schedule, usual_name, usual_number

    unknown = [name for name in profile or [] if name not in PROFILES]
    if unknown:
        typer.echo(f"No profile {unknown[0]!r}; there are: {', '.join(PROFILES)}.", err=True)
        raise typer.Exit(EXIT_USAGE)
    faults = tuple(sim_tell.read_fault(*text.split(",")) for text in fault or [])
    plans = [
        ModemPlan(
            name=usual_name(place),
            link=path,
            number=_pick(number, place) or usual_number(place),
            profile=_pick(profile, place) or (profile or ["generic"])[-1],
            slots=slots,
            me_slots=me_slots,
            has_urcs=not no_urc,
            baud=baud,
            speed=speed,
            faults=faults,
        )
        for place, path in enumerate(link)
    ]
    _serve(Network(seed=seed), plans, control, Schedule([]))


@app.command("scenario")
def run_scenario(
    file: Annotated[Path, typer.Argument(help="TOML: modems, events, misery.")],
    control: sim_tell.ControlSocket,
    check: Annotated[bool, typer.Option("--check", help="Only check the file.")] = False,
) -> None:
    """Play a scenario until its end, or until SIGTERM; print `ready PATH` for each port, then what happens."""
    from hardware.simulator import Network
    from hardware.simulator.scenario import ScenarioError, read_scenario

    try:
        scenario = read_scenario(_read_text(file))
    except OSError as error:
        typer.echo(f"Cannot read {file}: {error.strerror}.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    except UnicodeDecodeError:
        typer.echo(f"Cannot read {file}: it is no UTF-8 text.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    except ScenarioError as error:
        for key, message in error.problems:
            typer.echo(f"{file}:{key}: {message}", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    if check:
        return
    network = Network(seed=scenario.seed, smsc=scenario.smsc)
    network.ussd = dict(scenario.ussd)
    _serve(network, scenario.modems, control, scenario.schedule())


def _read_text(file: Path) -> str:
    """Return a scenario's text; raises OSError, or UnicodeDecodeError."""
    with file.open("rb") as opened:
        octets = opened.read(_FILE_OCTETS_MAX + 1)
    if len(octets) > _FILE_OCTETS_MAX:
        raise OSError(errno.EFBIG, f"it has more than {_FILE_OCTETS_MAX} octets")
    return octets.decode("utf-8-sig")


def _pick(values: Sequence[_Value] | None, place: int) -> _Value | None:
    return values[place] if values and place < len(values) else None


def _serve(network: Network, plans: Sequence[ModemPlan], control: Path, schedule: Schedule) -> None:
    """Plug the modems in and let happen what is due, until a signal or the end."""
    from hardware.simulator.control import Control, ControlServer
    from hardware.simulator.rack import Rack
    from smsgate.signals import Signals

    signals = Signals({signal.SIGTERM, signal.SIGINT})
    try:
        rack = Rack(network, plans)
        control_of_site = Control(rack.site, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with rack, ControlServer(control_of_site, control):
            for port in rack.ports.values():
                typer.echo(f"ready {port.path}")
            _play(rack.site, schedule, signals)
    except ValueError as error:
        typer.echo(f"Cannot simulate this: {error}.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            typer.echo(
                f"Cannot simulate this: {error.strerror}. Stop it, or choose another path.",
                err=True,
            )
            raise typer.Exit(sim_tell.EXIT_UNAVAILABLE) from None
        places = ", ".join(str(plan.link) for plan in plans)
        typer.echo(f"Cannot make {places} or {control}: {error}. Choose other paths.", err=True)
        raise typer.Exit(EXIT_IO) from None
    finally:
        signals.close()


def _play(site: Site, schedule: Schedule, signals: Signals) -> None:
    from hardware.simulator.operations import carry_out

    started_at = time.monotonic()
    while True:
        elapsed_s = time.monotonic() - started_at
        for request in schedule.take(elapsed_s):
            typer.echo(f"{elapsed_s:.1f} {_show(request)}")
            try:
                if carry_out(site, request).get("stopping"):
                    return
            except ValueError as error:
                typer.echo(f"{elapsed_s:.1f} not done: {error}", err=True)
        due_s = schedule.next_due_s()
        wait_s = _WAIT_S_MAX if due_s is None else max(due_s - elapsed_s, 0.0)
        if signals.wait(min(wait_s, _WAIT_S_MAX)):
            return


def _show(request: Request) -> str:
    """Return what happens, without numbers and texts."""
    shown = [request["op"], *(str(request[key]) for key in ("modem", "name") if key in request)]
    return " ".join([*shown, "ends"] if request.get("clear") else shown)
