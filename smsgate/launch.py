"""The way in: `smsgate` and `python -m smsgate`.

`smsgate run` goes past the command line's library: the daemon that runs for years carries neither it nor `rich`,
which is 12 MiB and a seventh of a second of its start. Every other word, `run --help` and mistakes included, goes
to `smsgate.cli`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Run the command of `sys.argv`, and exit with its code."""
    _open_missing_streams()
    is_run, config = read_run(sys.argv[1:])
    if not is_run:
        from smsgate.cli import main as run_command

        run_command()
    try:
        code = run_daemon(config)
    except BaseException as failure:
        from smsgate.cli import report

        code = report(failure)
    sys.exit(code)


def _open_missing_streams() -> None:
    """Put the null device where input, output or errors are closed.

    Else the store or a port would be opened under that number, and what is printed would go there.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # for good


def read_run(words: Sequence[str]) -> tuple[bool, Path | None]:
    """Return whether the words are plainly `run [--config FILE]`, and the file."""
    match list(words):
        case ["run"]:
            return True, None
        case ["run", "--config", file] if file:
            return True, Path(file)
        case ["run", option] if option.startswith("--config=") and option != "--config=":
            return True, Path(option.removeprefix("--config="))
    return False, None


def run_daemon(config: Path | None) -> int:
    """Run the gateway until SIGTERM; return its exit code. Raises SmsgateError when it cannot start."""
    # structlog imports rich where it can, for tracebacks that we never let it draw
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    # pydantic would read the description of every installed package in search of plugins
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # what is imported stays: the collector would go through it again and again, a sixth of the start
    gc.disable()

    from smsgate import logs
    from smsgate.config import find_path, load
    from smsgate.daemon import Daemon

    os.umask(0o077)  # the store is what citizens wrote, also where no unit says so
    path = find_path(config)
    settings = load(path)
    logs.configure(level=settings.logs.level, format=settings.logs.format)
    return Daemon(settings, path).run()
