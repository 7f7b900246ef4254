"""`smsgate forwards`: what complaints wait for at the backends, and what a person does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.opening import open_ruled_store, open_store, wake_daemon
from smsgate.cli.options import (
    ID_MAX,
    LIST_MAX,
    ConfigOption,
    JsonOption,
    LimitOption,
    PersonOption,
)
from smsgate.cli.outbox import say_below
from smsgate.cli.output import print_json, print_table, say, shorten, show_age, show_moment
from smsgate.cli.person import actor_of
from smsgate.errors import SmsgateError
from smsgate.records import ForwardState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smsgate.settings import Settings
    from smsgate.store import Store
    from smsgate.store.forward_care import ListedForward

AT_ONCE_MAX = 100  # in one transaction: receiving waits for it
REASON_WIDTH = 60
_NEXT_STEPS: Mapping[str, str] = {
    ForwardState.UNCONFIRMED: "look for the complaint's number at the backend. It is there: `smsgate forwards "
    "by-hand ID`. It is missing: `smsgate forwards retry --missing ID`.",
    ForwardState.REFUSED: "enter it at the backend, then `smsgate forwards by-hand ID`; or, once the backend would "
    "take it, `smsgate forwards retry ID`.",
    ForwardState.HELD_BY_PERSON: "`smsgate forwards release ID` lets it go out.",
}

app = typer.Typer(no_args_is_help=True, help="Look after what goes to the backends.")

IdsOrNone = Annotated[
    list[int] | None,
    typer.Argument(
        max=ID_MAX, metavar="ID", show_default=False, help="As `forwards list` says it."
    ),
]
BackendOption = Annotated[
    str | None,
    typer.Option("--backend", metavar="NAME", show_default=False, help="A whole backend instead."),
]


class WrongChoice(SmsgateError):
    """What is meant was not said, or said twice: numbers of forwards, or one backend."""

    exit_code = 2


@app.command("list")
def list_forwards(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    limit: LimitOption = 50,
    state: Annotated[
        list[ForwardState] | None, typer.Option(help="Only those in this state; may be repeated.")
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Those that are done, too (forwarded, by hand).")
    ] = False,
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those to this backend.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="REFERENCE", help="Only those of this complaint.")
    ] = None,
) -> None:
    """List the forwards that are not done: first those that wait for a person, then the oldest."""
    from smsgate.clock import SystemClock
    from smsgate.config import load
    from smsgate.store.forward_care import OPEN

    settings = load(config, are_secrets_needed=False)
    states = state or (tuple(ForwardState) if is_all or reference else OPEN)
    with open_store(settings) as store:
        if backend is not None:
            _demand_backend(settings, store, backend)
        found = store.forwards(states=states, backend=backend, reference=reference, limit=limit + 1)
        if not is_json:
            _tell_of_backends(store)
    shown, now = found[:limit], SystemClock().now()
    if is_json:
        print_json(shown)
        return
    print_table(
        ("id", "complaint", "to", "kind", "state", "since", "tried", "next", "reason"),
        [
            (
                forward.id,
                forward.reference,
                forward.backend,
                forward.kind,
                forward.state,
                show_age(forward.created_at),
                forward.attempts,
                _next(forward, now),
                shorten(forward.reason or forward.tracking_id or "-", REASON_WIDTH),
            )
            for forward in shown
        ],
    )
    say_below(found, limit, _NEXT_STEPS)


@app.command()
def retry(
    ids: IdsOrNone = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="You looked at the backend, and what is unconfirmed is not there."
        ),
    ] = False,
    refused_by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", show_default=False, help="Instead, all that this backend refused."
        ),
    ] = None,
    person: PersonOption = None,
) -> None:
    """Send forwards now that were refused, or that are due later."""
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    _demand_one_of(ids, refused_by, option="--refused-by")
    with open_store(settings) as store:
        if refused_by is not None:
            _demand_backend(settings, store, refused_by)
        named = ids or _refused(store, refused_by)
        care = store.forward_care(actor_of(person))
        for place in range(0, len(named), AT_ONCE_MAX):
            care.retry(named[place : place + AT_ONCE_MAX], is_missing=is_missing)
        if not is_json:
            _tell_of_backends(store)
    wake_daemon(settings)
    _tell(is_json, "retried", named, f"{_count(named)} due now.")


@app.command()
def hold(
    ids: IdsOrNone = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
    backend: BackendOption = None,
    reason: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", show_default=False, help="Why the backend is held; `status` shows it."
        ),
    ] = None,
    person: PersonOption = None,
) -> None:
    """Keep forwards that are due from going out, or all to a backend, until `forwards release`.

    Complaints are received and filed as before. A request that is under way is not taken back.
    """
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    _demand_one_of(ids, backend, option="--backend")
    with open_store(settings) as store:
        care = store.forward_care(actor_of(person))
        if backend is not None:
            _demand_backend(settings, store, backend)
            care.hold_backend(backend, reason)
        else:
            care.hold(ids or ())
    held = f"Backend {backend} is" if backend is not None else _count(ids or [])
    _tell(is_json, "held", ids or [], f"{held} held until `smsgate forwards release`.", backend)


@app.command()
def release(
    ids: IdsOrNone = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
    backend: BackendOption = None,
    person: PersonOption = None,
) -> None:
    """Let go out what somebody held; with --backend, ask that backend again at once.

    Also after its credentials or its address were put right, so that nobody waits for the next try.
    """
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    _demand_one_of(ids, backend, option="--backend")
    with open_store(settings) as store:
        care = store.forward_care(actor_of(person))
        if backend is not None:
            _demand_backend(settings, store, backend)
            due = care.release_backend(backend)
            sentence = f"Backend {backend} is asked again now; what is due to it: {due}."
        else:
            care.release(ids or ())
            sentence = f"{_count(ids or [])} due now."
        if not is_json:
            _tell_of_backends(store)
    wake_daemon(settings)
    _tell(is_json, "released", ids or [], sentence, backend)


@app.command("by-hand")
def by_hand(
    forward_id: Annotated[
        int, typer.Argument(max=ID_MAX, metavar="ID", help="As `forwards list` says it.")
    ],
    config: ConfigOption = None,
    is_json: JsonOption = False,
    tracking_id: Annotated[
        str | None,
        typer.Option(
            "--tracking-id",
            metavar="WORD",
            show_default=False,
            help="What the backend calls it; with it additions follow, and answers are asked for.",
        ),
    ] = None,
    person: PersonOption = None,
) -> None:
    """Record that the backend has it: you entered it there, or found it there."""
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    with open_ruled_store(settings) as (store, _):
        store.forward_care(actor_of(person)).enter_by_hand(forward_id, tracking_id)
    wake_daemon(settings)
    _tell(is_json, "by_hand", [forward_id], f"Forward {forward_id} is done.")


def _next(forward: ListedForward, now: datetime) -> str:
    """Return when it is tried, as briefly as the others' age."""
    if forward.next_at is None:
        return "after another" if forward.state is ForwardState.DUE else "-"
    return "now" if forward.next_at <= now else f"in {show_age(now, now=forward.next_at)}"


def _refused(store: Store, backend: str | None) -> list[int]:
    states = (ForwardState.REFUSED,)
    return [f.id for f in store.forwards(states=states, backend=backend, limit=LIST_MAX)]


def _demand_one_of(ids: Sequence[int] | None, name: str | None, *, option: str) -> None:
    if bool(ids) == (name is not None):
        raise WrongChoice(f"say which: numbers from `smsgate forwards list`, or `{option} NAME`")


def _demand_backend(settings: Settings, store: Store, name: str) -> None:
    known = sorted({b.name for b in settings.backends} | {b.name for b in store.backends()})
    if name not in known:
        raise WrongChoice(f"no backend is called {shorten(name, 30)}: there is {', '.join(known)}")


def _tell_of_backends(store: Store) -> None:
    """Say why nothing may go out, whatever is due."""
    restored = store.watch_restored()
    if restored is not None:
        say(restored.sentence)
    for backend in store.backends():
        if backend.state == "held" and backend.retry_at is None:
            say(
                f"Backend {backend.name} is {backend.reason}: nothing goes to it until "
                f"`smsgate forwards release --backend {backend.name}`."
            )
        elif backend.state == "held":
            say(
                f"Backend {backend.name} is held ({backend.reason}) and is tried again at "
                f"{show_moment(backend.retry_at)}; `smsgate forwards release --backend {backend.name}` tries at once."
            )
        elif backend.state == "failing":
            say(
                f"Backend {backend.name} is failing ({backend.reason}); it is tried again by itself."
            )


def _count(ids: Sequence[int]) -> str:
    return f"Forward {ids[0]} is" if len(ids) == 1 else f"{len(ids)} forwards are"


def _tell(
    is_json: bool, done: str, ids: Sequence[int], sentence: str, backend: str | None = None
) -> None:
    if is_json:
        print_json({"done": done, "forwards": list(ids), "backend": backend})
    else:
        say(sentence)
