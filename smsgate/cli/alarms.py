"""`smsgate alarms`: what needs a person, and who knows of it already."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate.cli.opening import open_store
from smsgate.cli.options import ConfigOption, JsonOption, PersonOption
from smsgate.cli.output import print_json, print_table, say, show_age, show_moment
from smsgate.cli.person import actor_of
from smsgate.cli.status import ask_daemon
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate.settings import Settings
    from smsgate.store import AlarmRecord, Store

app = typer.Typer(no_args_is_help=True, help="See what needs a person.")


class NothingNamed(SmsgateError):
    """Neither an alarm nor --all was named, or both."""

    exit_code = 2


@app.command("list")
def list_alarms(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_new: Annotated[
        bool, typer.Option("--new", help="Only those that nobody has acknowledged.")
    ] = False,
) -> None:
    """List the alarms that stand, the most severe first, each with the next thing to do."""
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    found = _find(settings)
    if is_new:
        found = [alarm for alarm in found if alarm.acknowledged_at is None]
    if is_json:
        print_json(found)
        return
    if not found:
        say("No alarm stands that nobody has acknowledged." if is_new else "No alarm stands.")
        return
    print_table(
        ("severity", "since", "alarm", "known to", "what to do"),
        [
            (
                alarm.severity,
                show_age(alarm.raised_at),
                _label(alarm, settings.gateway.name),
                _who(alarm),
                alarm.text,
            )
            for alarm in found
        ],
    )


@app.command()
def ack(
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ALARM", show_default=False, help="As `alarms list` says it: `line.m1.link`."
        ),
    ] = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_all: Annotated[
        bool, typer.Option("--all", help="Every alarm of this gateway that stands.")
    ] = False,
    person: PersonOption = None,
) -> None:
    """Say that you know of an alarm and look after it: others see so. It ends when its cause does."""
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    own, actor = settings.gateway.name, actor_of(person)
    if bool(keys) == is_all:
        raise NothingNamed("say which alarm, as `smsgate alarms list` names it, or `--all`")
    with open_store(settings) as store:
        if is_all:
            named = [(own, alarm.key) for alarm in _standing(store) if alarm.gateway == own]
        else:
            others = {_label(alarm, own): (alarm.gateway, alarm.key) for alarm in _standing(store)}
            named = [others.get(key, (own, key)) for key in keys or ()]
        known = [store.acknowledge_alarm(gateway, key, actor) for gateway, key in named]
    if is_json:
        print_json(known)
        return
    if not known:
        say("No alarm stands.")
    for alarm in known:
        say(
            f"{_label(alarm, own)} is known to {_who(alarm)} since {show_moment(alarm.acknowledged_at)}."
        )


def _find(settings: Settings) -> list[AlarmRecord]:
    """Return the alarms that stand; while the store cannot be read, which is one of them, as the daemon says."""
    from smsgate.errors import StoreError

    told, own = ask_daemon(settings), settings.gateway.name
    try:
        with open_store(settings) as store:
            found = _standing(store)
    except StoreError as error:
        if told is None:
            raise
        say(f"{error} This is what the daemon says; who knows of it is in the store.")
        return [_as_told(alarm, own) for alarm in told["alarms"]]
    if told is None:
        say(
            f"No daemon of gateway {own} answers: is it running? These alarms are those it noted last."
        )
    return found


def _as_told(alarm: Mapping[str, Any], gateway: str) -> AlarmRecord:
    from smsgate.store import AlarmRecord

    since_at = datetime.fromisoformat(alarm["since_at"])
    return AlarmRecord(
        gateway=gateway,
        key=alarm["key"],
        text=alarm["text"],
        severity=alarm["severity"],
        times=alarm["count"],
        raised_at=since_at,
        last_at=since_at,
    )


def _standing(store: Store) -> list[AlarmRecord]:
    from smsgate.alarms import Severity

    order = [severity.value for severity in reversed(Severity)]
    return sorted(store.alarms(), key=lambda a: (order.index(a.severity), a.raised_at, a.key))


def _label(alarm: AlarmRecord, own: str) -> str:
    """Return the alarm's name; in a store that gateways share, another's has that gateway before it."""
    return alarm.key if alarm.gateway == own else f"{alarm.gateway}/{alarm.key}"


def _who(alarm: AlarmRecord) -> str:
    return (
        "nobody yet"
        if alarm.acknowledged_by is None
        else alarm.acknowledged_by.removeprefix("person:")
    )
