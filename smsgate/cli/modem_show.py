"""`smsgate modem info` and `watch`: who the modem is, and how signal, network and memory are doing, once or live."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate.cli.modem_target import (
    BaudOption,
    NameArgument,
    PortOption,
    find_target,
    open_channel,
)
from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import print_fields, print_json, visible

if TYPE_CHECKING:
    from hardware.facts import Usage
    from hardware.inspection import Network
    from hardware.terminal import Channel

BARS = "▁▂▃▄▅▆▇█"
RSSI_MAX = 31
SPARKS_MAX = 40


def info(
    name: NameArgument = None,
    port: PortOption = None,
    baud: BaudOption = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
) -> None:
    """Show which modem and SIM it is, and how network, memory and SMSC stand.

    Of the numbers of the SIM only the last four digits are shown.
    """
    target = find_target(name, port, config, baud=baud)
    with open_channel(target, config) as channel:
        found = collect(channel)
    if is_json:
        print_json({"port": target.port, **found})
        return
    print_fields([("port", target.port), *_shown(found)])


def collect(channel: Channel) -> dict[str, Any]:
    """Return everything as plain values."""
    from hardware import inspection

    device = inspection.read_device(channel)
    card = inspection.read_card(channel, device)
    network = inspection.read_network(channel)
    is_ready = card.state == "READY"
    return {
        "manufacturer": device.manufacturer or None,
        "model": device.model or None,
        "revision": device.revision or None,
        "imei": device.imei or None,
        "sim": card.state,
        "pin_tries_left": card.tries_left,
        "imsi": inspection.mask(card.imsi),
        "iccid": inspection.mask(card.iccid),
        "registration": network.registration.word,
        "operator": network.registration.operator,
        "signal_rssi": network.signal.rssi,
        "signal_dbm": network.signal.dbm,
        "smsc": inspection.read_smsc(channel) if is_ready else None,
        "storage": [
            {"memory": usage.memory, "used": usage.used, "total": usage.total}
            for usage in (inspection.read_storage(channel) if is_ready else ())
        ],
    }


def _shown(found: dict[str, Any]) -> list[tuple[str, object]]:
    model = " ".join(found[key] for key in ("manufacturer", "model", "revision") if found[key])
    tries = found["pin_tries_left"]
    signal = found["signal_dbm"]
    return [
        ("modem", model or None),
        ("IMEI", found["imei"]),
        ("SIM", found["sim"] if tries is None else f"{found['sim']} ({tries} tries left)"),
        ("IMSI", found["imsi"]),
        ("ICCID", found["iccid"]),
        ("network", found["registration"]),
        ("operator", found["operator"]),
        ("signal", None if signal is None else f"{signal} dBm ({found['signal_rssi']} of 31)"),
        ("SMSC", found["smsc"]),
        ("memory", ", ".join(f"{m['memory']} {m['used']}/{m['total']}" for m in found["storage"])
         or None),
    ]  # fmt: skip


def watch(
    name: NameArgument = None,
    port: PortOption = None,
    baud: BaudOption = None,
    every_s: Annotated[
        float,
        typer.Option("--every", min=0.2, max=3600, metavar="S", help="Seconds between looks."),
    ] = 2.0,
    count: Annotated[
        int, typer.Option(min=0, metavar="N", help="Look so often, then end; 0: until Ctrl-C.")
    ] = 0,
    config: ConfigOption = None,
) -> None:
    """Watch signal, registration and memory live, and what the modem says unasked.

    For aligning an antenna. On a terminal the line is renewed in place; elsewhere each look is a line.
    """
    target = find_target(name, port, config, baud=baud)
    with open_channel(target, config) as channel:
        seen, _ = channel.heard(0)
        history: list[int | None] = []
        looks = 0
        while True:
            history = [*history, _look(channel, history)][-SPARKS_MAX:]
            looks += 1
            if looks == count:
                break
            seen = _listen(channel, seen, every_s)
        if sys.stdout.isatty():
            print()


def _look(channel: Channel, history: Sequence[int | None]) -> int | None:
    """Look once and print it; return the signal."""
    from hardware.inspection import read_network, read_storage

    network, storage = read_network(channel), read_storage(channel)
    rssi = network.signal.rssi
    line = show_look(time.strftime("%H:%M:%S"), network, storage, [*history, rssi])
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="", flush=True)
    else:
        print(line, flush=True)
    return rssi


def show_look(
    at: str, network: Network, storage: Sequence[Usage], history: Sequence[int | None]
) -> str:
    """Return one look as a line."""
    dbm = network.signal.dbm
    parts = [
        at,
        sparkline(history),
        "no signal" if dbm is None else f"{dbm} dBm",
        network.registration.word,
        visible(network.registration.operator or "-"),
        " ".join(f"{usage.memory} {usage.used}/{usage.total}" for usage in storage) or "-",
    ]
    return "  ".join(parts)


def sparkline(history: Sequence[int | None]) -> str:
    """Return signal strengths as bars; a dot where there was none."""
    top = len(BARS) - 1
    return "".join(
        "·" if rssi is None else BARS[min(top, rssi * len(BARS) // (RSSI_MAX + 1))]
        for rssi in history
    )


def _listen(channel: Channel, seen: int, for_s: float) -> int:
    """Print what the modem says unasked for so long; return the number of the last line."""
    give_up_at = time.monotonic() + for_s
    while (left_s := give_up_at - time.monotonic()) > 0:
        seen, lines = channel.heard(seen, wait_s=left_s)
        for line in lines:
            start = "\r\x1b[K" if sys.stdout.isatty() else ""
            print(f"{start}{time.strftime('%H:%M:%S')}  said  {visible(line)}", flush=True)
    return seen
