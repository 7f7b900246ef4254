"""`smsgate modem scan`: the ports of this machine, who has each, and which interface of which device is the modem."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from hardware.discreet import Discreet
from smsgate.cli.modem_target import BAUD
from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.ports import Port

SILENCE_S = 1.5  # of a port that answers no AT; a modem answers at once
ANSWER_S = 3.0
RULES_FILE = "/etc/udev/rules.d/70-smsgate.rules"


class Found(Discreet, frozen=True):
    """One port: what is known of it without opening it, and what the modem on it says."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imei"})

    port: Port
    holders: tuple[tuple[int, str], ...] = ()
    answers: bool | None = None  # None: not asked
    imei: str = ""
    model: str = ""
    note: str = ""
    rules: tuple[str, ...] = ()


def scan(
    port: Annotated[
        list[str] | None,
        typer.Option("--port", metavar="/dev/…", show_default=False,
                     help="Ask this port, too; may be repeated."),
    ] = None,
    is_quiet: Annotated[
        bool, typer.Option("--no-ask", help="Open no port: only look at what the system knows.")
    ] = False,
    root: Annotated[Path, typer.Option(help="Where sys, dev and run are.", hidden=True)] = Path("/"),
    config: ConfigOption = None,
    is_json: JsonOption = False,
) -> None:  # fmt: skip
    """List serial ports: who has each, which interface of which USB device answers AT, and the udev rule to paste.

    Ports on USB that nobody has open are asked by `AT`; others only where --port names them, or without --port
    the configuration.
    """
    bauds = dict.fromkeys(port, BAUD) if port else _read_configured(config)
    speeds = {os.path.realpath(path): baud for path, baud in bauds.items()}

    def ask(path: str) -> tuple[str, str, str]:
        return ask_port(path, baud=speeds.get(os.path.realpath(path), BAUD))

    found = look(root, tuple(bauds), ask=None if is_quiet else ask)
    if is_json:
        print_json([_plain(each) for each in found])
        return
    if not found:
        say("There is no serial port here: plug the modem in, and see `dmesg | tail`.")
        return
    _print_found(found)


def _read_configured(config: Path | None) -> dict[str, int]:
    """Return the ports of the configuration and their speeds; one that is missing or damaged names none."""
    from smsgate.config import load
    from smsgate.errors import ConfigError

    try:
        settings = load(config, are_secrets_needed=False)
    except ConfigError:
        if config is not None:
            raise
        return {}
    return {str(modem.port): modem.baud for modem in settings.modems if modem.port is not None}


def look(
    root: Path, extra: Sequence[str], *, ask: Callable[[str], tuple[str, str, str]] | None
) -> list[Found]:
    """Return the ports below `root` and those named, each asked if nobody has it.

    `ask` returns IMEI, model, and what went wrong.
    """
    from hardware.discovery import holders
    from hardware.ports import Port, find_port, list_ports, udev_rules

    named = [find_port(path, root) or Port(path) for path in extra]
    ports = list(dict.fromkeys([*list_ports(root), *named]))
    serials = Counter(
        serial for _, serial in {(p.usb.device, p.usb.serial) for p in ports if p.usb is not None}
    )
    found = []
    for number, port in enumerate(ports, start=1):
        held = tuple(holders(root / port.path.lstrip("/"), proc=root / "proc"))
        is_asked = not held and (port.usb is not None or port in named)
        if ask is None or not is_asked:
            found.append(Found(port, held))
            continue
        imei, model, trouble = ask(port.path)
        has_twin = port.usb is not None and serials[port.usb.serial] > 1
        rules = () if trouble else udev_rules(port, name=f"m{number}", has_twin=has_twin)
        found.append(Found(port, held, not trouble, imei, model, trouble, tuple(rules)))
    return found


def ask_port(path: str, *, baud: int = BAUD) -> tuple[str, str, str]:
    """Ask a port whether a modem is on it; return its IMEI, its model, and what went wrong."""
    from hardware.errors import ModemError, NotAModem
    from hardware.inspection import read_device
    from hardware.terminal import Limits, Terminal

    try:
        with Terminal(path, baud=baud, limits=Limits(SILENCE_S, ANSWER_S)) as terminal:
            device = read_device(terminal)
    except NotAModem:
        return "", "", "answers no AT"
    except ModemError as error:
        return "", "", str(error)
    return device.imei, f"{device.manufacturer} {device.model}".strip(), ""


def _plain(found: Found) -> dict[str, Any]:
    from smsgate.plain import to_plain

    return {
        "port": found.port.path,
        "links": list(found.port.links),
        "driver": found.port.driver,
        "usb": to_plain(found.port.usb),
        "holders": [{"pid": pid, "name": name} for pid, name in found.holders],
        "is_ignored_by_modem_manager": found.port.is_ignored_by_modem_manager,
        "answers": found.answers,
        "imei": found.imei or None,
        "model": found.model or None,
        "note": found.note or None,
        "udev_rules": list(found.rules),
    }


def _print_found(found: list[Found]) -> None:
    rows = []
    for each in found:
        usb = each.port.usb
        rows.append((
            each.port.path,
            None if usb is None else f"{usb.vendor}:{usb.product} {usb.description}".strip(),
            None if usb is None else usb.interface,
            ", ".join(f"{name} (pid {pid})" for pid, name in each.holders) or None,
            {None: "not asked", True: "yes", False: "no"}[each.answers],
            each.imei or None,
            each.model or each.note or None,
        ))  # fmt: skip
    columns = ("port", "USB device", "interface", "held by", "AT", "IMEI", "model")
    print_table(columns, rows)
    _print_names(found)


def _print_names(found: list[Found]) -> None:
    """Print, for each modem, the name to configure and the rules to paste."""
    rules = list(dict.fromkeys(rule for each in found for rule in each.rules))
    for each in found:
        if each.answers and each.port.links:
            print(
                f"\n{each.port.path} is also {each.port.links[0]}: a name that stays, for `port =`"
            )
    if rules:
        print(
            f"\nTo keep ModemManager away and have short names that stay, put into {RULES_FILE}:\n"
        )
        for rule in rules:
            print(f"  {rule}")
        print("\nand run `udevadm control --reload && udevadm trigger`.")
