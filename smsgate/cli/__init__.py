"""The command `smsgate`: its table of commands, and what becomes of an error.

Each command lives in a module of its own that is imported only when it is used, so that `--help` and a
technician's commands do not wait for the database's libraries.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
import typer.main
from msgspec import Struct
from typer.completion import completion_init  # type: ignore[attr-defined]  # not in its __all__
from typer.core import TyperCommand, TyperGroup

from smsgate.cli.options import ConfigOption
from smsgate.errors import ConfigError, SmsgateError

if TYPE_CHECKING:
    from typer._click import Command, Context

EXIT_UNEXPECTED = 1
EXIT_INPUT_OUTPUT = 74


class Entry(Struct, frozen=True):
    """Where a command lives: a Typer `app`, or one function."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "run": Entry("smsgate.cli", "run_gateway", "Run the gateway in the foreground."),
    "demo": Entry("smsgate.cli.demo", "demo", "Try the gateway without hardware."),
    "status": Entry("smsgate.cli.status", "status", "Show how the gateway is doing."),
    "config": Entry("smsgate.cli.config", "app", "Check, show or begin a configuration."),
    "complaints": Entry("smsgate.cli.complaints", "app", "List complaints, or show one."),
    "messages": Entry("smsgate.cli.messages", "app", "List SMS, show one, read them again."),
    "triage": Entry("smsgate.cli.triage", "app", "Sort the SMS that only a person can."),
    "forwards": Entry("smsgate.cli.forwards", "app", "Look after what goes to the backends."),
    "replies": Entry("smsgate.cli.replies", "app", "Look after what citizens are told."),
    "alarms": Entry("smsgate.cli.alarms", "app", "See what needs a person."),
    "ledger": Entry("smsgate.cli.ledger", "ledger", "See that every SMS is accounted for."),
    "modem": Entry("smsgate.cli.modem", "app", "Find modems, test them, speak to them."),
    "sim": Entry("smsgate.cli.sim", "app", "Simulate a modem, a network, a complaint system."),
    "db": Entry("smsgate.cli.db", "app", "Look after the database."),
}


class LazyGroup(TyperGroup):
    """A group that lists stand-ins and imports a command when it is called, or completed into."""

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        """Return the command itself in the place of its stand-in."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and command is not None:
            command = load_command(name)
        return name, command, rest


def load_command(name: str) -> Command:
    """Import and return a command of the table."""
    entry = COMMANDS[name]
    found: Any = getattr(importlib.import_module(entry.module), entry.attribute)
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None  # plain help: importing rich costs more than all the rest
        return typer.main.get_group(found)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(found)
    return typer.main.get_command(app)


def run_gateway(config: ConfigOption = None) -> int:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    Logs go to the journal where systemd started it, else to standard error. SIGHUP reads the
    configuration again.
    """
    from smsgate.launch import run_daemon

    return run_daemon(config)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from smsgate import __version__

        print(f"smsgate {__version__}")
        raise typer.Exit


def _global_options(
    context: typer.Context,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an unexpected error came from.")
    ] = False,
    version: Annotated[  # noqa: ARG001  # its callback does it
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """SMS complaints gateway: GSM modems in, complaint systems out, receipts back."""
    context.obj["traceback"] = traceback


def build_group() -> LazyGroup:
    """Return the command `smsgate`, with a stand-in for each of its commands."""
    completion_init()  # for `_SMSGATE_COMPLETE=source_bash smsgate`
    app = typer.Typer(
        cls=LazyGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None
    )
    app.callback()(_global_options)
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    for name, entry in COMMANDS.items():
        group.commands[name] = TyperCommand(name, help=entry.summary, rich_markup_mode=None)
    return group


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    os.umask(0o077)  # what commands make may hold what citizens wrote
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no "…" is shown an escape
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_finish_output(invoke(args)))


def _finish_output(code: int) -> int:
    """Write what is left of the output; return the exit code, another one where it got lost."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # without this the interpreter tries, and complains, once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code == 0 and not isinstance(
            error, BrokenPipeError
        ):  # a reader that went away has enough
            return report(error)
    return code


def invoke(args: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code. Errors are one sentence on standard error."""
    options: dict[str, bool] = {}
    try:
        result = build_group().main(args, "smsgate", standalone_mode=False, obj=options)
    except BaseException as failure:
        return report(failure, is_traceback_wanted=options.get("traceback", False))
    return result if isinstance(result, int) else 0  # None from most commands


def report(failure: BaseException, *, is_traceback_wanted: bool = False) -> int:
    """Say on standard error, in one sentence, why a command ended; return its exit code."""
    match failure:
        case SmsgateError():
            # the problems of a configuration begin with its file, each on a line of its own
            _complain(f"{failure}" if isinstance(failure, ConfigError) else f"smsgate: {failure}")
            return failure.exit_code
        case typer.TyperException():
            _complain(_usage_sentence(failure))
            return failure.exit_code
        case typer.Abort() | BrokenPipeError():
            return 1
        case KeyboardInterrupt():
            return 130
        case OSError() if not is_traceback_wanted:
            what = failure.strerror or type(failure).__name__
            where = "" if failure.filename is None else f": {failure.filename}"
            _complain(
                f"smsgate: input or output failed ({what}{where}): see to that, and try again"
            )
            return EXIT_INPUT_OUTPUT
        case Exception():
            _complain_of_unexpected(failure, is_traceback_wanted=is_traceback_wanted)
            return EXIT_UNEXPECTED
    raise failure


def _usage_sentence(error: typer.TyperException) -> str:
    sentence = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
        return sentence
    sentence = " ".join(sentence.split())  # choices come as a list, each on a line
    sentence = sentence.replace("Value error, ", "")
    sentence = sentence.replace("the formats '%Y-%m-%d'", "the form YYYY-MM-DD")
    context: Any = getattr(error, "ctx", None)
    hint = f" (see `{context.command_path} --help`)" if context is not None else ""
    return f"smsgate: {sentence.rstrip('.')}{hint}"


def _complain(sentence: str) -> None:
    from smsgate.cli.output import visible

    with contextlib.suppress(OSError):
        print(visible(sentence, keep_lines=True), file=sys.stderr)


def _complain_of_unexpected(error: Exception, *, is_traceback_wanted: bool) -> None:
    if is_traceback_wanted:
        import traceback

        traceback.print_exception(error)
        return
    # the message is left out: it may hold what a citizen wrote
    _complain(
        f"smsgate: unexpected {type(error).__name__}, a mistake of ours: run `smsgate --traceback …` with the "
        "same words to see where, and report it"
    )
