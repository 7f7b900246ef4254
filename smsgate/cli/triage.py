"""`smsgate triage`: SMS that only a person can sort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.messages import find_message, messages_as_shown, show_sender
from smsgate.cli.opening import open_ruled_store, open_store, wake_daemon
from smsgate.cli.options import (
    ID_MAX,
    LIST_MAX,
    ConfigOption,
    JsonOption,
    PersonOption,
    RevealOption,
)
from smsgate.cli.output import (
    mask_number,
    print_fields,
    print_json,
    print_table,
    print_text,
    say,
    shorten,
    show_moment,
    visible,
)
from smsgate.cli.person import actor_of
from smsgate.records import Dismissal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate.rules import Rules
    from smsgate.settings import Settings
    from smsgate.store import Store
    from smsgate.store.messages import MessageRecord
    from smsgate.store.triage import Destination

TEXT_WIDTH = 60

app = typer.Typer(no_args_is_help=True, help="Sort the SMS that only a person can.")

SmsArgument = Annotated[
    int, typer.Argument(max=ID_MAX, metavar="ID", help="As `triage list` says it.")
]
AgainOption = Annotated[
    bool, typer.Option("--again", help="Take up again what somebody dismissed.")
]


@app.command("list")
def list_unsorted(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    limit: Annotated[
        int, typer.Option(min=1, max=LIST_MAX, help="How many, the oldest first.")
    ] = 50,
    is_dismissed: Annotated[
        bool, typer.Option("--dismissed", help="Those that somebody dismissed, the newest first.")
    ] = False,
    is_revealing: RevealOption = False,
) -> None:
    """List the SMS that wait for a person, the oldest first."""
    from smsgate.config import load

    with open_store(load(config, are_secrets_needed=False)) as store:
        found = store.unsorted(limit=limit, is_dismissed=is_dismissed)
        shown = messages_as_shown(store, found, is_revealing=is_revealing)
    if is_json:
        print_json([_plain(message) for message in shown])
        return
    print_table(
        ("id", "received", "service", "sender", "why", "text"),
        [
            (
                message.id,
                show_moment(message.received_at),
                message.service,
                show_sender(message),
                message.reason,
                shorten(visible(message.text or ""), TEXT_WIDTH),
            )
            for message in shown
        ],
    )


@app.command()
def show(
    sms_id: SmsArgument,
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_revealing: RevealOption = False,
) -> None:
    """Show one of them whole, and the sender's complaints that it may belong to."""
    from smsgate.config import load

    with open_store(load(config, are_secrets_needed=False)) as store:
        found = find_message(store, sms_id, see="smsgate triage list")
        [shown] = messages_as_shown(store, [found], is_revealing=is_revealing)
        candidates = store.candidates(sms_id)
    picture_from = _show_picture_sender(found, is_revealing=is_revealing)
    if is_json:
        print_json({**_plain(shown), "picture_from": picture_from, "candidates": candidates})
        return
    print_fields(
        [
            ("id", shown.id),
            ("became", shown.disposition),
            ("why", shown.reason),
            ("service", shown.service),
            ("sender", show_sender(shown)),
            ("received", show_moment(shown.received_at)),
            *([("picture from", picture_from)] if picture_from else []),
        ]
    )
    print_text(shown.text or "")
    print()
    print_table(
        ("complaint of the same sender", "status", "received"),
        [(c.reference, c.status, show_moment(c.received_at)) for c in candidates],
    )


@app.command("file")
def file_sms(
    sms_id: SmsArgument,
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_rahasia: Annotated[
        bool, typer.Option("--rahasia", help="It is confidential, though the text does not say so.")
    ] = False,
    is_anonim: Annotated[
        bool, typer.Option("--anonim", help="It is anonymous, though the text does not say so.")
    ] = False,
    to_service: Annotated[
        str | None,
        typer.Option(
            "--service", metavar="NAME", help="It is for another service of this gateway."
        ),
    ] = None,
    is_again: AgainOption = False,
    person: PersonOption = None,
) -> None:
    """File an SMS as a complaint: it is forwarded, and the sender gets the receipt."""
    from parsers.meaning import Privacy
    from smsgate.config import load
    from smsgate.rules import new_reference

    wish = Privacy.RAHASIA if is_rahasia else Privacy.PLAIN
    wish = Privacy.ANONIM if is_anonim else wish
    settings = load(config, are_secrets_needed=False)
    with open_ruled_store(settings) as (store, rules):
        service = _service_of(store, rules, sms_id) if to_service is None else to_service
        to = None if to_service is None else _destination(store, settings, sms_id, to_service)
        intake = rules[service].intake
        reference = store.triage(actor_of(person), new_reference, is_again=is_again).file(
            sms_id,
            lambda sms, known, ref: intake.file_by_person(sms, known, ref, wish),
            to,
        )
    wake_daemon(settings)
    sentence = f"SMS {sms_id} is complaint {reference}"
    if to is not None:
        sentence += f" of the service {service}; its receipt leaves by {to.line}"
    _tell(is_json, sms_id, "filed", f"{sentence}.", reference, service=service)


@app.command()
def join(
    sms_id: SmsArgument,
    reference: Annotated[str, typer.Argument(help="The complaint that it belongs to.")],
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_again: AgainOption = False,
    person: PersonOption = None,
) -> None:
    """Add an SMS to a complaint; a closed one is opened again. The sender is told if it is theirs."""
    from smsgate.config import load
    from smsgate.rules import new_reference

    settings = load(config, are_secrets_needed=False)
    with open_ruled_store(settings) as (store, rules):
        intake = rules[_service_of(store, rules, sms_id)].intake
        store.triage(actor_of(person), new_reference, is_again=is_again).join(
            sms_id, reference, intake.join_by_person
        )
    wake_daemon(settings)
    _tell(is_json, sms_id, "joined", f"SMS {sms_id} was added to {reference}.", reference)


@app.command()
def dismiss(
    sms_id: SmsArgument,
    reason: Annotated[Dismissal, typer.Option(help="Why it is no complaint.")],
    config: ConfigOption = None,
    is_json: JsonOption = False,
    person: PersonOption = None,
) -> None:
    """Set an SMS aside that is no complaint. It is kept, and can be taken up again."""
    from smsgate.config import load
    from smsgate.rules import new_reference

    with open_ruled_store(load(config, are_secrets_needed=False)) as (store, _):
        store.triage(actor_of(person), new_reference).dismiss(sms_id, reason)
    _tell(is_json, sms_id, "dismissed", f"SMS {sms_id} was dismissed.", None)


def _service_of(store: Store, rules: Mapping[str, Rules], sms_id: int) -> str:
    """Return the service that an SMS came in by."""
    from smsgate.store.triage import NotInTriage

    message = find_message(store, sms_id, see="smsgate triage list")
    if message.service not in rules:
        raise NotInTriage(
            f"SMS {sms_id} is of the service {message.service}, which is not configured any more: "
            "name another with `smsgate triage file --service`"
        )
    return message.service


def _destination(store: Store, settings: Settings, sms_id: int, service: str) -> Destination | None:
    """Return where an SMS goes that is another service's; None where it came in by that one."""
    from smsgate.store.triage import Destination

    names = [known.name for known in settings.services]
    if service not in names:
        raise typer.BadParameter(
            f"expected a service of this gateway ({', '.join(names)})", param_hint="--service"
        )
    if find_message(store, sms_id, see="smsgate triage list").service == service:
        return None
    lines = [modem.name for modem in settings.modems if modem.service == service]
    if not lines:
        raise typer.BadParameter(
            f"{service} has no modem on this gateway, by which the sender could be answered",
            param_hint="--service",
        )
    return Destination(service, lines[0])


def _tell(
    is_json: bool, sms_id: int, done: str, sentence: str, reference: str | None, **more: str
) -> None:
    if is_json:
        print_json({"sms": sms_id, "done": done, "reference": reference, **more})
    else:
        say(sentence)


def _show_picture_sender(message: MessageRecord, *, is_revealing: bool) -> str | None:
    """Return whose MMS the SMS tells of: the operator that brought the notice is its sender."""
    from parsers.pictures import read_mms_sender

    number = read_mms_sender(message.text or "")
    return number if number is None or is_revealing else mask_number(number)


def _plain(message: MessageRecord) -> dict[str, object]:
    names = (
        *("id", "service", "line", "sender", "is_withheld", "disposition", "reason", "text"),
        *("received_at", "reference"),
    )
    return {name: getattr(message, name) for name in names}
