"""`smsgate complaints`: list complaints, or show one with its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from smsgate.cli.opening import as_shown, open_store
from smsgate.cli.options import ConfigOption, JsonOption, NewestOption, RevealOption
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
from smsgate.errors import SmsgateError
from smsgate.records import ComplaintRecord, ComplaintStatus, Confidentiality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate.store import Store

BODY_WIDTH = 48

app = typer.Typer(no_args_is_help=True, help="List complaints, or show one.")


class NoSuchComplaint(SmsgateError):
    """No complaint has this reference: compare the digits, or look in `smsgate complaints list`."""


@app.command("list")
def list_complaints(
    config: ConfigOption = None,
    is_json: JsonOption = False,
    limit: NewestOption = 50,
    status: Annotated[
        ComplaintStatus | None, typer.Option(help="Only those with this status.")
    ] = None,
    is_revealing: RevealOption = False,
) -> None:
    """List complaints, the newest first."""
    from smsgate.config import load

    with open_store(load(config, are_secrets_needed=False)) as store:
        found = store.complaints(limit=limit, status=status)
        shown = _as_shown(store, found, is_revealing=is_revealing)
    if is_json:
        print_json(shown)
        return
    columns = ("reference", "received", "service", "sender", "status", "", "text")
    print_table(
        columns,
        [
            (
                complaint.reference,
                show_moment(complaint.received_at),
                complaint.service,
                complaint.sender or "(withheld)",
                complaint.status,
                _marks(complaint),
                shorten(visible(complaint.body), BODY_WIDTH),
            )
            for complaint in shown
        ],
    )


@app.command()
def show(
    reference: Annotated[str, typer.Argument(help="The complaint's number, 8 digits.")],
    config: ConfigOption = None,
    is_json: JsonOption = False,
    is_revealing: RevealOption = False,
) -> None:
    """Show one complaint: its text, where it was forwarded, what was replied, and its history."""
    from smsgate.config import load

    with open_store(load(config, are_secrets_needed=False)) as store:
        found = store.complaint(reference)
        if found is None:
            raise NoSuchComplaint(
                f"no complaint has the reference {shorten(reference, 20)}: see `smsgate complaints list`"
            )
        [shown] = _as_shown(store, [found], is_revealing=is_revealing)
    if is_json:
        print_json(shown)
    else:
        _print_complaint(shown)


def _as_shown(
    store: Store, found: Sequence[ComplaintRecord], *, is_revealing: bool
) -> list[ComplaintRecord]:
    return as_shown(
        store,
        found,
        _conceal,
        name=lambda complaint: f"complaint:{complaint.reference}",
        is_revealing=is_revealing,
    )


def _conceal(complaint: ComplaintRecord) -> ComplaintRecord:
    """Return the complaint with the sender's number cut and identity numbers in its text masked."""
    from parsers.sensitive import mask

    return replace(
        complaint,
        sender=None if complaint.sender is None else mask_number(complaint.sender),
        body=mask(complaint.body),  # replies were masked when they were written
    )


def _marks(complaint: ComplaintRecord) -> str:
    marks = []
    if complaint.is_urgent:
        marks.append("urgent")
    if complaint.confidentiality is not Confidentiality.PLAIN:
        marks.append(complaint.confidentiality.value)
    if complaint.repeats:
        marks.append(f"+{complaint.repeats}")
    return " ".join(marks)


def _print_complaint(complaint: ComplaintRecord) -> None:
    print_fields(
        [
            ("reference", complaint.reference),
            ("status", complaint.status),
            ("marks", _marks(complaint) or "-"),
            ("service", f"{complaint.service}, line {complaint.line}"),
            ("sender", complaint.sender or "(withheld)"),
            ("received", show_moment(complaint.received_at)),
            ("sent", show_moment(complaint.sent_at)),
        ]
    )
    print_text(complaint.body)
    print()
    print_table(
        ("forwarded to", "kind", "state", "tracking id", "attempts", "next", "reason"),
        [
            (
                forward.backend,
                forward.kind,
                forward.state.value,
                forward.tracking_id,
                forward.attempts,
                show_moment(forward.next_at),
                forward.reason,
            )
            for forward in complaint.forwards
        ],
    )
    print()
    print_table(
        ("reply", "state", "made", "submitted", "reason", "text"),
        [
            (
                reply.kind.value,
                reply.state.value,
                show_moment(reply.created_at),
                show_moment(reply.submitted_at),
                reply.reason,
                reply.text,
            )
            for reply in complaint.replies
        ],
    )
    print()
    print_table(
        ("when", "who", "what", "detail"),
        [
            (
                show_moment(event.at),
                event.actor,
                event.event,
                ", ".join(f"{key} {value}" for key, value in event.detail.items()),
            )
            for event in complaint.events
        ],
    )
