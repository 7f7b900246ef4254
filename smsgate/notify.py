"""Telling systemd how the daemon is doing: sd_notify(3) over its datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(*states: str, environ: Mapping[str, str] | None = None) -> bool:
    """Send `READY=1`, `WATCHDOG=1`, `STATUS=…` in one datagram; return whether it was sent.

    False, and never an exception, where systemd did not start us or does not listen: the daemon's
    work does not hang on being watched.
    """
    address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)  # a full queue must not hold up the watchdog's feeder
            sender.sendto("\n".join(states).encode("utf-8", "replace"), address)
    except (OSError, ValueError):
        return False
    return True


def watchdog_interval_s(*, environ: Mapping[str, str] | None = None) -> float | None:
    """Return how often to say `WATCHDOG=1`: half of the limit; None when systemd does not watch."""
    environ = os.environ if environ is None else environ
    try:
        limit_us = int(environ.get("WATCHDOG_USEC", "0"))
        pid = int(environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return limit_us / 2_000_000 if limit_us > 0 and pid == os.getpid() else None
