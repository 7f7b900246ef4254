"""`smsgate messages`: the SMS as they came, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from smsgate.cli.opening import (
    as_shown,
    note_revealed,
    open_ruled_store,
    open_store,
    wake_daemon,
)
from smsgate.cli.options import (
    ID_MAX,
    ConfigOption,
    JsonOption,
    NewestOption,
    PersonOption,
    RevealOption,
)
from smsgate.cli.output import (
    mask_number,
    print_fields,
    print_json,
    print_table,
    print_text,
    shorten,
    show_moment,
    visible,
)
from smsgate.cli.person import actor_of
from smsgate.errors import SmsgateError
from smsgate.plain import to_plain
from smsgate.records import Disposition, SmsState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate.store import Store
    from smsgate.store.messages import MessageRecord

TEXT_WIDTH = 48

app = typer.Typer(no_args_is_help=True, help="List SMS, show one, read again what nobody could.")


class NoSuchMessage(SmsgateError):
    """No SMS has this number: look in `smsgate messages list`."""


@app.command("list")
def list_messages(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    limit: NewestOption = 50,
    disposition: Annotated[
        Disposition | None, typer.Option(help="Only those that became this.")
    ] = None,
    state: Annotated[SmsState | None, typer.Option(help="Only those in this state.")] = None,
    is_revealing: RevealOption = False,
) -> None:
    """List SMS, the newest first."""
    from smsgate.config import load

    with open_store(load(config, are_secrets_needed=False)) as store:
        found = store.messages(limit=limit, disposition=disposition, state=state)
        shown = messages_as_shown(store, found, is_revealing=is_revealing)
    if is_json:
        print_json([_plain(message) for message in shown])
        return
    print_table(
        ("id", "received", "line", "sender", "became", "complaint", "text"),
        [
            (
                message.id,
                show_moment(message.received_at),
                message.line,
                show_sender(message),
                message.disposition or f"waiting ({message.missing} missing)",
                message.reference,
                None if message.text is None else shorten(visible(message.text), TEXT_WIDTH),
            )
            for message in shown
        ],
    )


@app.command()
def show(
    message_id: Annotated[
        int, typer.Argument(max=ID_MAX, metavar="ID", help="As `messages list` says it.")
    ],
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_revealing: RevealOption = False,
    is_showing_pdu: Annotated[
        bool,
        typer.Option("--pdu", help="Show the octets, too; number and text can be read in them."),
    ] = False,
) -> None:
    """Show one SMS: who sent it, what became of it, its text, its parts."""
    from smsgate.config import load

    with open_store(load(config, are_secrets_needed=False)) as store:
        found = find_message(store, message_id, see="smsgate messages list")
        if is_showing_pdu and not is_revealing:
            note_revealed(store, [f"sms:{found.id}"])
        [shown] = messages_as_shown(store, [found], is_revealing=is_revealing)
    if is_json:
        print_json(_plain(shown, has_pdu=is_showing_pdu))
    else:
        _print_message(shown, has_pdu=is_showing_pdu)


@app.command()
def redecode(
    config: ConfigOption = None, is_json: JsonOption = False, person: PersonOption = None
) -> None:
    """Read again what was undecodable or in quarantine, and file what can be read now.

    After an upgrade. The daemon may run. A receipt that is too old by now is not sent.
    """
    from smsgate.config import load
    from smsgate.rules import new_reference

    settings = load(config, are_secrets_needed=False)
    with open_ruled_store(settings) as (store, rules):
        done = store.redecode(rules, new_reference, actor_of(person))
    if done.filed or done.joined:
        wake_daemon(settings)
    if is_json:
        print_json(done)
        return
    print_fields(
        [
            ("filed", done.filed),
            ("wait for their other parts", done.joined),
            ("were known already", done.seen),
            ("stay as they are", done.stays),
        ]
    )


def find_message(store: Store, sms_id: int, *, see: str) -> MessageRecord:
    """Return one SMS whole; raise NoSuchMessage where there is none, with the command to look in."""
    found = store.message(sms_id)
    if found is None:
        raise NoSuchMessage(f"no SMS has the number {sms_id}: see `{see}`")
    return found


def messages_as_shown(
    store: Store, found: Sequence[MessageRecord], *, is_revealing: bool
) -> list[MessageRecord]:
    """Return SMS as a person may see them; whole ones are put on record first."""
    return as_shown(
        store, found, _conceal, name=lambda message: f"sms:{message.id}", is_revealing=is_revealing
    )


def _conceal(message: MessageRecord) -> MessageRecord:
    """Return the SMS with the sender's number cut and identity numbers in its text masked."""
    from parsers.sensitive import mask

    return replace(
        message,
        sender=None if message.sender is None else mask_number(message.sender),
        text=None if message.text is None else mask(message.text),
    )


def show_sender(message: MessageRecord) -> str | None:
    """Return who sent it, as far as that is shown."""
    return "(withheld)" if message.is_withheld else message.sender


def _plain(message: MessageRecord, *, has_pdu: bool = False) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(message)
    if not has_pdu:
        for part in plain["parts"]:
            del part["pdu"]
    return plain


def _print_message(message: MessageRecord, *, has_pdu: bool) -> None:
    print_fields(
        [
            ("id", message.id),
            ("became", message.disposition or f"waiting ({message.missing} missing)"),
            ("state", message.state),
            ("reason", message.reason),
            ("complaint", message.reference),
            ("service", f"{message.service}, line {message.line} of {message.gateway}"),
            ("sender", show_sender(message)),
            ("received", show_moment(message.received_at)),
            ("sent", show_moment(message.sent_at)),
        ]
    )
    if message.text is not None:
        print_text(message.text)
    print()
    print_table(
        ("part", "slot", "received", "on the modem", "seen"),
        [
            (
                f"{part.number or 1}/{message.part_count}",
                f"{part.memory} {part.slot_index}",
                show_moment(part.received_at),
                "gone" if part.state == "deleted" else "perhaps",
                part.seen_count,
            )
            for part in message.parts
        ],
    )
    if has_pdu:
        print()
        for part in message.parts:
            print(part.pdu or "(withheld)")
