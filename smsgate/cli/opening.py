"""Opening the store for a command, and telling the daemon that it was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from smsgate.cli.output import say, show_times_of
from smsgate.cli.person import actor_of

if TYPE_CHECKING:
    from smsgate.rules import Rules
    from smsgate.settings import Settings
    from smsgate.store import Store

Record = TypeVar("Record")


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """Open the store of this configuration, without owning it; close it afterwards."""
    from smsgate.clock import SystemClock
    from smsgate.store import ServiceFacts, Store

    services = {
        service.name: ServiceFacts(number=service.number, backends=service.backends)
        for service in settings.services
    }
    show_times_of(settings)
    store = Store(
        settings.store_url(), settings.gateway.name, clock=SystemClock(), services=services
    )
    store.open()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_ruled_store(settings: Settings) -> Iterator[tuple[Store, dict[str, Rules]]]:
    """Open the store as the daemon has it, and the decisions of every service: for who files SMS."""
    from smsgate.clock import SystemClock
    from smsgate.rules import build_rules, build_store

    show_times_of(settings)
    rules = build_rules(settings)
    store = build_store(settings, SystemClock(), rules)
    store.open()
    try:
        yield store, rules
    finally:
        store.close()


def as_shown(
    store: Store,
    found: Sequence[Record],
    conceal: Callable[[Record], Record],
    *,
    name: Callable[[Record], str],
    is_revealing: bool,
) -> list[Record]:
    """Return the records as a person may see them: concealed, or whole and on record by their names."""
    if not is_revealing:
        return [conceal(record) for record in found]
    note_revealed(store, [name(record) for record in found])
    return list(found)


def note_revealed(store: Store, subjects: Sequence[str]) -> None:
    """Put on record who is about to be shown these in full. What cannot be recorded is not shown."""
    if subjects:
        store.note_revealed(actor_of(None), subjects)


def wake_daemon(settings: Settings) -> None:
    """Let the daemon look at once, if it lets us; else it looks by itself before long. Say if none runs here."""
    from smsgate.control import ControlDenied, ControlError, DaemonNotRunning, ask

    try:
        with suppress(ControlDenied, ControlError):
            ask(settings.gateway.control, "wake")
    except DaemonNotRunning:
        say("No daemon answers here: what is due goes out when one runs.")
