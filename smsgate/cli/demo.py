"""`smsgate demo`: the whole gateway on this machine, without hardware; you are the citizen."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

if TYPE_CHECKING:  # the store and the simulator are heavy, and `--help` needs neither
    from smsgate.citizen import Citizen, Exchange
    from smsgate.records import ComplaintRecord
    from smsgate.rehearsal import Rehearsal
    from smsgate.store import Store

DEFAULT_SENDER = "+6281234567890"
# One phone plays all citizens here, and each of them gets a receipt.
LIMITS = "[service.limits]\nper_sender_day = 10000\nper_sender_burst = 10000\n"
LEAVING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LINE_LIMIT_S = 30.0  # for one SMS to be filed, forwarded and answered
# A phone sends at most 255 parts of 153 characters; more octets than these are never one SMS.
LINE_OCTETS_MAX = 255 * 153 * 4


def demo(
    sender: Annotated[
        str, typer.Option("--from", metavar="NUMBER", help="The citizen's number.")
    ] = DEFAULT_SENDER,
) -> int:
    """Try the gateway without hardware: type an SMS, see what becomes of it.

    Starts a simulated modem, a simulated complaint system and the real daemon in a temporary
    folder, and removes all of it at the end. Without a terminal, every line of standard input is
    one SMS; exit code 0 says that each was filed, forwarded where it was a complaint, and answered
    as it should be.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    is_phone = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    with _stage(sender) as (rehearsal, store, citizen):
        if is_phone:
            from smsgate.cli.phone import Phone

            Phone(rehearsal, store, citizen).run()
            code = 0
        else:
            code = run_lines(citizen, _read_lines())
    return code


def run_lines(citizen: Citizen, lines: Iterable[str | None]) -> int:
    """Send each line as an SMS and print the exchange; return the exit code."""
    from smsgate.citizen import Exchange

    count = incomplete = 0
    for line in lines:
        count += 1
        if line is None:
            exchange = Exchange("…", missing=("longer than a phone can send: not sent",))
        else:
            exchange = citizen.exchange(line, LINE_LIMIT_S)
        incomplete += bool(exchange.missing)
        for text in describe(citizen.number, exchange):
            print(text)
        print(flush=True)
    if count == 0:
        print("No SMS came: give one a line on standard input.", file=sys.stderr)
    else:
        done = "all of them" if incomplete == 0 else f"{count - incomplete}"
        print(f"{count} SMS sent; {done} went the whole way.", file=sys.stderr)
    return 1 if incomplete else 0


def describe(number: str, exchange: Exchange) -> Iterator[str]:
    """Yield the lines that tell of an exchange."""
    yield f"SMS from {number}: {show(exchange.text)}"
    complaint = exchange.complaint
    if complaint is not None:
        yield f"  filed as complaint {complaint.reference}"
        for forward in complaint.forwards:
            tracking = f", tracking id {forward.tracking_id}" if forward.tracking_id else ""
            yield f"  {forward.state} to {forward.backend}{tracking}"
    elif exchange.disposition is not None:
        yield f"  filed as {exchange.disposition}"
    for answer in exchange.answers:
        yield f"  answered: {show(answer)}"
    if not exchange.answers and not exchange.missing:
        yield f"  not answered{_why_not(complaint)}"
    for missing in exchange.missing:
        yield f"  MISSING: {missing}"


def _why_not(complaint: ComplaintRecord | None) -> str:
    reasons = [reply.reason for reply in complaint.replies if reply.reason] if complaint else []
    return f": {reasons[0]}" if reasons else ""


def show(text: str) -> str:
    """Return a text as one line, its control characters visible: it goes to a terminal."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def _read_lines() -> Iterator[str | None]:
    """Yield the lines of standard input, empty ones left out; None where no phone could send it."""
    stream: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
    while stream is not None and (line := stream.readline(LINE_OCTETS_MAX + 1)):
        if len(line) > LINE_OCTETS_MAX:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LINE_OCTETS_MAX)
            yield None
        elif text := line.rstrip(b"\r\n").decode("utf-8", errors="replace"):
            yield text


@contextlib.contextmanager
def _stage(sender: str) -> Iterator[tuple[Rehearsal, Store, Citizen]]:
    """Start everything; stop everything afterwards, in bounded time."""
    with _leaving_later():
        from smsgate.citizen import Citizen
        from smsgate.rehearsal import Plan, Rehearsal

    with Rehearsal(Plan(service_lines=LIMITS)) as rehearsal:
        print("Starting the gateway …", file=sys.stderr)
        rehearsal.start_all()
        with _leaving_later():
            import smsgate.store  # noqa: F401  # a second, in which the programs start
        with contextlib.ExitStack() as stack:
            network = stack.enter_context(rehearsal.network())
            store = stack.enter_context(rehearsal.store())
            yield rehearsal, store, Citizen(rehearsal, store, network, sender)


@contextlib.contextmanager
def _leaving_later() -> Iterator[None]:
    """Hold signals back while modules are imported: what a handler raises there may be lost.

    The import system cleans up in callbacks of weak references, out of which no exception comes.
    """
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, LEAVING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
