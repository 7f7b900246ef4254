"""`smsgate db`: bring the store's schema up to date, and look for damage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import print_json
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


def _store(config: Path | None) -> Store:
    """Return the store of the configuration, with nothing opened."""
    from smsgate.config import load
    from smsgate.store import Store

    settings = load(config, are_secrets_needed=False)
    return Store(settings.store_url(), settings.gateway.name)
