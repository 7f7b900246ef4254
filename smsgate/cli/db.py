"""`smsgate db`: bring the store's schema up to date, look for damage, copy it, release a copy put back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.options import ConfigOption, JsonOption, PersonOption
from smsgate.cli.output import print_json
from smsgate.cli.person import actor_of
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from smsgate.store import Store

app = typer.Typer(no_args_is_help=True, help="Look after the database.")

ARE_PROBLEMS = 1  # a check found something


class StoreHasProblems(SmsgateError):
    """The store's check found something: each problem is printed, with what it is about."""

    exit_code = ARE_PROBLEMS


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Make the store, or bring its tables up to what this program needs. Stop the daemon first."""
    store = _store(config)
    try:
        store.own()  # a daemon that runs would trip over the change
        before, now = store.upgrade()
    finally:
        store.close()
    if before is None:
        typer.echo(f"The store was made, with schema {now}.", err=True)
    elif before == now:
        typer.echo(f"The store has schema {now} already.", err=True)
    else:
        typer.echo(f"The store was brought from schema {before} to {now}.", err=True)


@app.command()
def check(config: ConfigOption = None, is_json: JsonOption = False) -> None:
    """Look for damage: version, tables, SQLite's own check. Exits 1 when something is found."""
    store = _store(config)
    try:
        problems = store.check()
    finally:
        store.close()
    if is_json:
        print_json({"problems": problems})
    else:
        for problem in problems:
            typer.echo(problem)
    if problems:
        raise StoreHasProblems(f"the store has problems: {len(problems)}")
    typer.echo("The store is sound.", err=True)


@app.command()
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the copy goes; must not be there.")
    ],
    config: ConfigOption = None,
) -> None:
    """Copy a SQLite store while the daemon runs. Put back, the copy sends nothing until `db release`."""
    store = _store(config)
    try:
        store.open()
        store.back_up(file)
    finally:
        store.close()
    typer.echo(f"The store was copied to {file}; only its owner can read it.", err=True)


@app.command()
def release(
    config: ConfigOption = None,
    is_leaving_replies: Annotated[
        bool,
        typer.Option(
            "--leave-replies",
            help="Mark the replies that were due in the copy as unconfirmed, and do not send them.",
        ),
    ] = False,
    person: PersonOption = None,
) -> None:
    """Let a store that was put back from a copy send again; compare it with the backends first."""
    from smsgate.cli.opening import wake_daemon
    from smsgate.config import load

    store = _store(config)
    try:
        store.open()
        is_released = store.release_restored(actor_of(person), leave_replies=is_leaving_replies)
    finally:
        store.close()
    if not is_released:
        typer.echo("The store is not held: there is nothing to release.", err=True)
        return
    wake_daemon(load(config, are_secrets_needed=False))
    typer.echo("The store was released: what is due goes out now.", err=True)


def _store(config: Path | None) -> Store:
    """Return the store of the configuration, with nothing opened."""
    from smsgate.config import load
    from smsgate.store import Store

    settings = load(config, are_secrets_needed=False)
    return Store(settings.store_url(), settings.gateway.name)
