"""`smsgate ledger`: every SMS that was read, and what became of it, adds up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from smsgate.cli.opening import open_store
from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import print_fields, print_json
from smsgate.errors import SmsgateError
from smsgate.plain import to_plain

if TYPE_CHECKING:
    from smsgate.settings import Settings
    from smsgate.store.ledger import Days, Ledger, Span


class DoesNotAddUp(SmsgateError):
    """The ledger does not add up: each imbalance is printed. Report it, with `messages show` of the first."""

    exit_code = 1


def ledger(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Only what was read that day."
        ),
    ] = None,
) -> None:
    """Print the balance of what was read: parts, sightings, and SMS by what they became.

    A day is the service's own, and everything that came of its SMS since is counted with them. Exits 1 when it does
    not add up.
    """
    from smsgate.config import load

    if day is not None and not date.min < day.date() < date.max - timedelta(days=1):
        # its first or its last moment would lie outside the calendar in some time zone
        raise typer.BadParameter(
            "expected a day between 0001-01-02 and 9999-12-29", param_hint="'--day'"
        )
    settings = load(config, are_secrets_needed=False)
    with open_store(settings) as store:
        found = store.ledger(None if day is None else _days(settings, day))
    named = None if day is None else f"{day:%Y-%m-%d}"
    if is_json:
        print_json({"day": named, **_plain(found)})
    else:
        _print_ledger(found, named)
    if found.imbalances:
        raise DoesNotAddUp(f"the ledger does not add up: {len(found.imbalances)} imbalances")


def _days(settings: Settings, day: datetime) -> Days:
    """Return that day where each service is."""
    from smsgate.store.ledger import Days

    spans = {service.name: _span(day, service.timezone) for service in settings.services}
    return Days(spans, otherwise=next(iter(spans.values())))


def _span(day: datetime, timezone: str) -> Span:
    zone = ZoneInfo(timezone)
    begins, ends = (
        datetime.combine(at, time(), tzinfo=zone).astimezone(UTC)
        for at in (day.date(), day.date() + timedelta(days=1))
    )
    return begins, ends


def _plain(found: Ledger) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(found)
    return {"balanced": not found.imbalances, **plain}


def _print_ledger(found: Ledger, day: str | None) -> None:
    fields: list[tuple[str, object]] = [
        ("day", day or "all"),
        ("parts", found.parts),
        ("sightings", found.sightings),
        ("sms", found.sms),
        *((f"  {name}", count) for name, count in found.dispositions.items()),
        ("  waiting", found.waiting),
        ("complaints", found.complaints),
        ("forwards", sum(found.forwards.values())),
        *((f"  {state}", count) for state, count in found.forwards.items()),
        ("replies", sum(found.replies.values())),
        *((f"  {state}", count) for state, count in found.replies.items()),
    ]
    print_fields(fields)
    print()
    for imbalance in found.imbalances:
        first = "" if imbalance.first is None else f" (first: {imbalance.first})"
        print(f"IMBALANCE  {imbalance.count} {imbalance.what}{first}")
    if not found.imbalances:
        print("It adds up.")
