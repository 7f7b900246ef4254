"""What commands print: JSON, tables, moments, and texts of strangers that cannot play tricks on a terminal."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from smsgate.plain import to_plain

if TYPE_CHECKING:
    from smsgate.settings import Settings

# control, format (bidirectional overrides, zero-width), surrogate, private, unassigned, line and
# paragraph separators: what a terminal may act on, or a person cannot see
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
DIGITS_SHOWN = 3
CELL_WIDTH_MIN = 6  # narrower, the words of a column would stand one letter below the other
CELL_PADDING = 3
_zone: ContextVar[tzinfo | None] = ContextVar("_zone", default=None)


def print_json(value: Any) -> None:
    """Print any record, or plain value, as JSON on standard output. ASCII only: safe on any terminal."""
    print(json.dumps(to_plain(value), ensure_ascii=True, indent=2))


def say(sentence: str) -> None:
    """Say something to the person, on standard error."""
    print(visible(sentence, keep_lines=True), file=sys.stderr)


def visible(text: str, *, keep_lines: bool = False) -> str:
    """Return the text with everything that a terminal would act on, or hide, written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if (keep_lines and character == "\n") or unicodedata.category(character) not in _INVISIBLE
        else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def mask_number(number: str | None) -> str:
    """Return a sender as it is shown: the last three digits of a number, a name as it is."""
    if number is None:
        return "(withheld)"
    digits = number.removeprefix("+")
    # short codes and names are no persons
    return f"…{digits[-DIGITS_SHOWN:]}" if digits.isdigit() and len(digits) > 6 else number


def show_times_of(settings: Settings) -> None:
    """Show every moment from now on as the citizens' clock has it: servers often run on UTC."""
    from zoneinfo import ZoneInfo

    _zone.set(ZoneInfo(settings.services[0].timezone))


def show_moment(moment: datetime | str | None) -> str:
    """Return a moment in the first service's zone (else this machine's), to the second, with its offset."""
    if moment is None:
        return "-"
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return parsed.astimezone(_zone.get()).strftime("%Y-%m-%d %H:%M:%S%z")


def show_age(moment: datetime | str | None, *, now: datetime | None = None) -> str:
    """Return how long ago, roughly: `5 s`, `3 min`, `2 h`, `4 d`."""
    if moment is None:
        return "-"
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = max(0.0, ((now or _now()) - parsed).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _now() -> datetime:
    from smsgate.clock import SystemClock

    return SystemClock().now().astimezone(UTC)


def shorten(text: str, length: int) -> str:
    """Return the text on one line, at most so long."""
    return text if len(text) <= length else text[: length - 1] + "…"


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = ""
) -> None:
    """Print a table: with rules on a terminal, plain columns elsewhere. Cells are made harmless here."""
    cells = [[visible("-" if cell is None else str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        if _least_width(columns, cells) <= _terminal_width():
            _print_rich_table(columns, cells, title)
        else:
            _print_blocks(columns, cells, title)
        return
    if title:
        print(title)
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in (list(columns), *cells):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _least_width(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """Return how wide a terminal must be for a table of these that can still be read."""
    longest = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    return sum(min(width, CELL_WIDTH_MIN) + CELL_PADDING for width in longest)


def _terminal_width() -> int:
    from rich.console import Console

    return Console().width


def _print_blocks(columns: Sequence[str], cells: Sequence[Sequence[str]], title: str) -> None:
    """Print a field a line, for the terminal of a telephone."""
    if title:
        print(title)
    for number, row in enumerate(cells):
        if number:
            print()
        print_fields(list(zip(columns, row, strict=True)))


def _print_rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]], title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))  # Text: brackets are no markup
    Console(highlight=False).print(table)


def print_text(text: str) -> None:
    """Print what a person wrote, line by line, below a heading."""
    print("\ntext")
    for line in text.split("\n"):
        print(f"  {visible(line)}")


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one a line, aligned."""
    width = max((len(name) for name, _ in fields), default=0)
    for name, value in fields:
        print(f"{name.ljust(width)}  {visible('-' if value is None else str(value))}")
