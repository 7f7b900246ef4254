"""`smsgate status`: how the gateway is doing, as the daemon says; else what its store says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import (
    print_fields,
    print_json,
    print_table,
    say,
    show_age,
    show_moment,
    show_times_of,
)

if TYPE_CHECKING:
    from smsgate.records import Restoration
    from smsgate.settings import Settings

HTTP_S = 3.0


def status(config: ConfigOption = None, is_json: JsonOption = False) -> None:
    """Show how the gateway is doing: lines, backends, counts, alarms.

    The running daemon is asked over its control socket or, where this user may not open that, over HTTP. Where none
    answers, the store is read.
    """
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    show_times_of(settings)
    found = ask_daemon(settings)
    plain = {"running": True, **found} if found is not None else _read_store(settings)
    if is_json:
        print_json(plain)
    else:
        _print_status(plain)


def ask_daemon(settings: Settings) -> dict[str, Any] | None:
    """Return what the daemon says over its control socket, else over HTTP; None when none answers."""
    from smsgate.control import ControlDenied, DaemonNotRunning, ask

    try:
        return ask(settings.gateway.control, "status")
    except (DaemonNotRunning, ControlDenied):
        return _ask_over_http(settings)


def _ask_over_http(settings: Settings) -> dict[str, Any] | None:
    from http.client import HTTPConnection, HTTPException

    address = settings.status.address
    if address is None or address[1] == 0:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104
    connection = HTTPConnection(host, address[1], timeout=HTTP_S)
    try:
        connection.request("GET", "/status.json")
        response = connection.getresponse()
        found = json.loads(response.read(16 * 1024 * 1024)) if response.status == 200 else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    # another gateway of this host, or another program, may have the port
    is_ours = isinstance(found, dict) and found.get("gateway") == settings.gateway.name
    return found if is_ours else None


def _read_store(settings: Settings) -> dict[str, Any]:
    from smsgate.cli.opening import open_store
    from smsgate.plain import to_plain

    with open_store(settings) as store:
        say(f"No daemon of gateway {settings.gateway.name} answers; this is what its store says.")
        restored = store.watch_restored()
        return {
            "running": False,
            "ready": False,
            "gateway": settings.gateway.name,
            "version": None,
            "started_at": None,
            "lines": to_plain(store.lines()),
            "backends": to_plain(store.backends()),
            "counts": to_plain(store.counts()),
            "alarms": [
                *([] if restored is None else [_restored_alarm(restored)]),
                *to_plain([a for a in store.alarms() if a.key != "store.restored"]),
            ],
        }


def _restored_alarm(restored: Restoration) -> dict[str, Any]:
    """Say of a copy that no daemon has looked at what one would."""
    return {"key": "store.restored", "severity": "critical", "text": restored.sentence}


def _print_status(plain: Mapping[str, Any]) -> None:
    state = "ready" if plain["ready"] else "running, with alarms" if plain["running"] else "stopped"
    fields: list[tuple[str, object]] = [("gateway", plain["gateway"]), ("state", state)]
    if plain["running"]:
        since = f"{show_moment(plain['started_at'])} (version {plain['version']})"
        fields.append(("since", since))
    print_fields(fields)
    for alarm in plain["alarms"]:
        print_fields([(alarm["severity"].upper(), f"{alarm['key']}: {alarm['text']}")])
    _print_lines(plain["lines"], gateway=plain["gateway"])
    _print_backends(plain["backends"])
    _print_counts(plain.get("counts"))


def _print_lines(lines: list[Mapping[str, Any]], *, gateway: str) -> None:
    print()
    rows = [
        (
            # a shared store knows the lines of other hosts, too
            line["name"] if line["gateway"] == gateway else f"{line['gateway']}/{line['name']}",
            line["service"],
            line["state"],
            line["operator"],
            None if line["signal_dbm"] is None else f"{line['signal_dbm']} dBm",
            _of(line["held"], line["capacity"]),
            show_age(line["last_received_at"]),
            line["reason"],
        )
        for line in lines
    ]
    columns = ("line", "service", "state", "operator", "signal", "held", "last SMS", "reason")
    print_table(columns, rows)


def _of(part: int | None, whole: int | None) -> str:
    return "-" if part is None else f"{part}" if whole is None else f"{part}/{whole}"


def _print_backends(backends: list[Mapping[str, Any]]) -> None:
    print()
    rows = [
        (
            backend["name"],
            backend["state"],
            backend["due"],
            show_age(backend["oldest_due_at"]),
            show_age(backend["last_forwarded_at"]),
            backend["reason"],
        )
        for backend in backends
    ]
    print_table(("backend", "state", "due", "oldest due", "last forward", "reason"), rows)


def _print_counts(counts: Mapping[str, Any] | None) -> None:
    print()
    if counts is None:
        print("The store cannot be asked now; see the alarms.")
        return
    rows = []
    for name in ("sms", "complaints", "forwards", "replies"):
        states = {state: number for state, number in counts[name].items() if number}
        shown = ", ".join(f"{number} {state}" for state, number in states.items())
        rows.append((name, sum(states.values()), shown or "-"))
    print_table(("kept", "all", "of these"), rows)
