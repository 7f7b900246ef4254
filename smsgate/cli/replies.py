"""`smsgate replies`: what citizens were to be told and were not, or perhaps not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from smsgate.cli.opening import open_store, wake_daemon
from smsgate.cli.options import ID_MAX, ConfigOption, JsonOption, LimitOption, PersonOption
from smsgate.cli.outbox import say_below
from smsgate.cli.output import (
    mask_number,
    print_json,
    print_table,
    say,
    shorten,
    show_moment,
    visible,
)
from smsgate.cli.person import actor_of
from smsgate.records import ReplyKind, ReplyState

if TYPE_CHECKING:
    from smsgate.store.reply_care import ListedReply

TEXT_WIDTH = 40
REASON_WIDTH = 40
_MEANS = {
    ReplyState.UNCONFIRMED: "the network may have taken it or not",
    ReplyState.UNDELIVERED: "the network gave it up: the phone was off for long, or the number is no more",
    ReplyState.EXPIRED: "it could not go out before it was too old",
}
_RESEND = "`smsgate replies resend ID` sends it again."

app = typer.Typer(no_args_is_help=True, help="Look after what citizens are told.")


@app.command("list")
def list_replies(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    limit: LimitOption = 50,
    state: Annotated[
        list[ReplyState] | None, typer.Option(help="Only those in this state; may be repeated.")
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Those that went out or were kept back, too.")
    ] = False,
    kind: Annotated[ReplyKind | None, typer.Option(help="Only this kind of text.")] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="REFERENCE", help="Only those about this complaint.")
    ] = None,
) -> None:
    """List the replies that did not go out: first those in doubt or given up, then those that wait.

    Numbers are masked; `messages show SMS --reveal` shows whose it is.
    """
    from smsgate.config import load
    from smsgate.store.reply_care import OPEN, Choice

    states = state or (tuple(ReplyState) if is_all or reference else OPEN)
    with open_store(load(config, are_secrets_needed=False)) as store:
        found = store.replies(Choice(states, reference, kind), limit=limit + 1)
        restored = store.watch_restored()
    shown = [_conceal(reply) for reply in found[:limit]]
    if is_json:
        print_json(shown)
        return
    _print_replies(shown)
    if restored is not None:
        say(restored.sentence)
    say_below(found, limit, {state: f"{why}. {_RESEND}" for state, why in _MEANS.items()})


@app.command()
def resend(
    ids: Annotated[
        list[int], typer.Argument(max=ID_MAX, metavar="ID", help="As `replies list` says it.")
    ],
    config: ConfigOption = None,
    is_json: JsonOption = False,
    person: PersonOption = None,
) -> None:
    """Send replies again that are unconfirmed, undelivered or expired: all of these, or none.

    If one that is unconfirmed did arrive, the citizen gets it twice.
    """
    from smsgate.config import load

    settings = load(config, are_secrets_needed=False)
    with open_store(settings) as store:
        store.reply_care(actor_of(person)).resend(ids)
        restored = store.watch_restored()
    wake_daemon(settings)
    if is_json:
        print_json({"done": "resent", "replies": ids})
        return
    say(f"Reply {ids[0]} is due again." if len(ids) == 1 else f"{len(ids)} replies are due again.")
    if restored is not None:
        say(restored.sentence)


def _conceal(reply: ListedReply) -> ListedReply:
    """Return it with the number cut. Its text was masked when it was written."""
    return (
        reply if reply.recipient is None else replace(reply, recipient=mask_number(reply.recipient))
    )


def _print_replies(replies: list[ListedReply]) -> None:
    columns = ("id", "made", "line", "to", "kind", "state", "complaint", "sms", "reason", "text")
    print_table(
        columns,
        [
            (
                reply.id,
                show_moment(reply.created_at),
                reply.line,
                reply.recipient or "(withheld)",
                reply.kind,
                reply.state,
                reply.reference,
                reply.sms_id,
                None if reply.reason is None else shorten(reply.reason, REASON_WIDTH),
                shorten(visible(reply.text), TEXT_WIDTH),
            )
            for reply in replies
        ],
    )
