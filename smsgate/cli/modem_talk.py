"""`smsgate modem send`, `at` and `ussd`: one SMS, AT commands, a USSD code, from a technician's own hand."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.modem_target import (
    BaudOption,
    PortOption,
    find_target,
    open_channel,
)
from smsgate.cli.options import ConfigOption
from smsgate.cli.output import say, visible
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from hardware.terminal import Channel, Terminal

PATIENT_S = 180.0  # looking for networks takes so long
LISTEN_S = 1.0
SETTLE_S = 0.3  # what a modem says right after an answer
EXIT_REFUSED = 1

ModemOption = Annotated[
    str | None,
    typer.Option(
        "--modem", metavar="NAME", show_default=False, help="A [[modem]] of the configuration."
    ),
]


def send(
    number: Annotated[str, typer.Argument(help="Digits, with or without +.")],
    text: Annotated[str, typer.Argument(help="At most one SMS long.")],
    modem: ModemOption = None,
    port: PortOption = None,
    baud: BaudOption = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Send one SMS from the modem, past the store, and print the reference (TP-MR) the network gave it.

    It costs what an SMS costs.
    """
    target = find_target(modem, port, config, baud=baud)
    _check(number, text)
    if not is_sure:
        typer.confirm(
            f"Send {len(text)} characters to {number} from {target.port}?", abort=True, err=True
        )
    with open_channel(target, config) as channel:
        reference = channel.send(number, text)
    print(f"the network took it: TP-MR {reference}")


def _check(number: str, text: str) -> None:
    from hardware.pdu import EncodeError, encode_submit

    try:
        pdus = encode_submit(number, text, reference=0)
    except EncodeError as error:
        raise typer.BadParameter(str(error)) from None
    if len(pdus) != 1:
        raise typer.BadParameter(f"the text takes {len(pdus)} SMS: make it fit into one")


def ussd(
    code: Annotated[str, typer.Argument(help="For example *888#.")],
    modem: ModemOption = None,
    port: PortOption = None,
    baud: BaudOption = None,
    config: ConfigOption = None,
) -> None:
    """Dial a USSD code and print what the network answers."""
    from hardware.ussd import CODE, ask_ussd

    if CODE.fullmatch(code) is None:
        raise typer.BadParameter(f"expected digits, *, # and + (got {code!r})")
    target = find_target(modem, port, config, baud=baud)
    with open_channel(target, config) as channel:
        print(visible(ask_ussd(channel, code), keep_lines=True))


def at(
    commands: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]…", show_default=False,
                                         help="AT commands; none: a console.")
    ] = None,
    modem: ModemOption = None,
    port: PortOption = None,
    baud: BaudOption = None,
    config: ConfigOption = None,
) -> int:  # fmt: skip
    """Send AT commands and print their answers; without any, be a console.

    In the console each line is a command. Where the modem asks for a body it shows its prompt: end the body
    with Ctrl-Z (or a line with nothing but ^Z), leave it with ESC (or ^[). Ctrl-D ends the console.

    On a line that the daemon holds, what could cost messages is refused.
    """
    target = find_target(modem, port, config, baud=baud)
    with open_channel(target, config) as channel:
        if not commands:
            _converse(channel)
            return 0
        seen, _ = channel.heard(0)
        is_good = True
        for command in commands:
            lines = _ask(channel, command)
            is_good = is_good and lines[-1:] == ["OK"]
        _print_heard(channel, seen, wait_s=SETTLE_S)
    return 0 if is_good else EXIT_REFUSED


def _ask(channel: Channel, command: str) -> list[str]:
    """Send one command, with the body that it may ask for; print the answer and return it."""
    from hardware.terminal import PROMPT, Terminal

    if not isinstance(channel, Terminal):
        lines = channel.ask(command)
    else:
        lines = channel.begin(command, PATIENT_S if command.endswith("=?") else 30.0)
        if lines[-1] == PROMPT:
            lines = [*lines[:-1], *_answer_prompt(channel)]
    for line in lines:
        print(visible(line), flush=True)
    return lines


def _answer_prompt(terminal: Terminal) -> list[str]:
    """Read the body that the modem asks for, up to Ctrl-Z; ESC, Ctrl-C or the end of the input leaves it."""
    body: list[str] = []
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "")
        except (EOFError, KeyboardInterrupt):
            line = "\x1b"
        typed, has_end, _ = line.replace("^Z", "\x1a").partition("\x1a")
        if "\x1b" in typed or "^[" in typed:
            say("left without sending")
            return terminal.finish(None) or ["OK"]
        if typed or not has_end:
            body.append(typed)
        if has_end:
            return terminal.finish("\r".join(body))


def _converse(channel: Channel) -> None:
    """Be a console until the end of the input; what the modem says unasked is shown when it comes."""
    if sys.stdin.isatty():
        say("AT console: a command a line; Ctrl-D ends it.")
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - gives input() its history
    is_over = threading.Event()
    listener = threading.Thread(target=_print_while, args=(channel, is_over), daemon=True)
    listener.start()
    try:
        _take_commands(channel)
        time.sleep(SETTLE_S)  # what is said right after the last answer
    finally:
        is_over.set()
        listener.join(LISTEN_S + 1.0)


def _take_commands(channel: Channel) -> None:
    from hardware.errors import CommandTimeout
    from hardware.terminal import ChannelRefused

    while True:
        try:
            command = input("AT> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            break
        if not command:
            continue
        try:
            _ask(channel, command)
        except (CommandTimeout, ChannelRefused) as trouble:
            say(str(trouble))


def _print_while(channel: Channel, is_over: threading.Event) -> None:
    from hardware.errors import ModemError

    with contextlib.suppress(ModemError, SmsgateError):  # the console says so itself
        seen, _ = channel.heard(0)
        while not is_over.is_set():
            seen = _print_heard(channel, seen, wait_s=LISTEN_S)


def _print_heard(channel: Channel, seen: int, *, wait_s: float = 0.0) -> int:
    """Print what the modem said unasked; return the number of the last line."""
    seen, lines = channel.heard(seen, wait_s=wait_s)
    for line in lines:
        print(f"said: {visible(line)}", flush=True)
    return seen
