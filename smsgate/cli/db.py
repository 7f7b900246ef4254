"""`smsgate db`: bring the store's schema up to date, look for damage, copy it, release a copy put back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from smsgate.cli.options import ConfigOption, JsonOption, PersonOption
from smsgate.cli.output import print_json, say, visible
from smsgate.cli.person import actor_of, become_owner
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
    """Make the store, or bring its tables up to what this program needs. Stop the daemon first.

    A SQLite store is copied before. As root, what is made belongs to the owner of the store's folder.
    """
    store = _store(config, is_making=True)
    try:
        store.is_older()  # refuses another program's file before a lock lies beside it
        store.own()  # a daemon that runs would trip over the change
        done = store.upgrade()
    finally:
        store.close()
    if done.before is None:
        say(f"The store was made, with schema {done.now}.")
    elif done.before == done.now:
        say(f"The store has schema {done.now} already.")
    else:
        kept = "" if done.copy is None else f" As it was, it is kept in {done.copy}."
        say(f"The store was brought from schema {done.before} to {done.now}.{kept}")


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
            print(visible(problem))
    if problems:
        raise StoreHasProblems(f"the store has problems: {len(problems)}")
    say("The store is sound.")


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
    say(f"The store was copied to {file}; only its owner can read it.")


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
        say("The store is not held: there is nothing to release.")
        return
    wake_daemon(load(config, are_secrets_needed=False))
    say("The store was released: what is due goes out now.")


def _store(config: Path | None, *, is_making: bool = False) -> Store:
    """Return the store of the configuration, with nothing opened; ready to make files where `is_making`."""
    from smsgate.config import load
    from smsgate.store import Store

    settings = load(config, are_secrets_needed=False)
    if is_making and settings.store.url.startswith("sqlite:"):
        become_owner(Path(urlsplit(settings.store.url).path[1:]).parent)
    return Store(settings.store_url(), settings.gateway.name)
