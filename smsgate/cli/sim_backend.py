"""`smsgate sim backend`: a complaint backend to test against, in a process of its own."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

EXIT_UNAVAILABLE = 69
EXIT_IO = 74


def run(
    listen: Annotated[
        str, typer.Option(help="Address and port; port 0 takes any free one.")
    ] = "127.0.0.1:0",
    secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret that signatures are checked with.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token that must come.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Keep what it holds in this file, one JSON object a line.")
    ] = None,
    ignore_keys: Annotated[
        bool, typer.Option("--ignore-keys", help="Do not honour idempotency keys.")
    ] = False,
) -> None:
    """Answer complaints over real HTTP until SIGTERM; print `ready URL`, the URL to POST to, once it listens."""
    from smsgate.backends.simulated import SimulatedBackend, SimulatedContract

    contract = SimulatedContract(
        secret=read_secret(secret_file),
        token=read_secret(token_file),
        honours_idempotency_keys=not ignore_keys,
    )
    address = parse_listen(listen)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        backend = SimulatedBackend(contract, address=address, file=file)
    except OSError as error:
        typer.echo(
            f"Cannot listen on {listen}: {error.strerror}. Choose another --listen.", err=True
        )
        raise typer.Exit(EXIT_UNAVAILABLE) from None
    with backend:
        typer.echo(f"ready {backend.complaints_url}")
        while not stopping.wait(3600.0):
            pass


def parse_listen(listen: str) -> tuple[str, int]:
    """Return address and port of `127.0.0.1:0`; a usage error where it is none."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter(f"expected ADDRESS:PORT, got {listen!r}", param_hint="--listen")
    return host, int(port)


def read_secret(file: Path | None) -> str | None:
    """Return what a secret file holds, without the line end."""
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        typer.echo(f"Cannot read {file}: {error.strerror}.", err=True)
        raise typer.Exit(EXIT_IO) from None
