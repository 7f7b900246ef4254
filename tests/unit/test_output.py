"""What commands print: nothing that a stranger wrote may act on the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest
from config_files import MINIMAL, Load
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from smsgate.cli import output
from smsgate.plain import to_plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("jalan rusak 100%", "jalan rusak 100%", id="plain"),
        pytest.param("\x1b[2Jgone", "\\x1b[2Jgone", id="an escape sequence"),
        pytest.param("\x9b2J", "\\x9b2J", id="an eight-bit control"),
        pytest.param("a\rb\nc\td\x00\x07", "a\\rb\\nc\\td\\x00\\x07", id="controls"),
        pytest.param("abc\u202edef", "abc\\u202edef", id="text turned round"),
        pytest.param("a\u200bb", "a\\u200bb", id="nothing to see"),
        pytest.param("\ud83d", "\\ud83d", id="half a character"),
        pytest.param("\U000e0041", "\\U000e0041", id="a tag"),
        pytest.param("Jl. Rāja 山路 🙏", "Jl. Rāja 山路 🙏", id="any script"),
    ],
)
def test_what_a_terminal_acts_on_is_made_visible(text: str, shown: str) -> None:
    assert output.visible(text) == shown


@given(st.text())
def test_visible_text_can_be_printed(text: str) -> None:
    shown = output.visible(text)

    shown.encode("utf-8")
    assert shown.isprintable() or not set(shown) & {"\x1b", "\n", "\r", "\x9b"}


def test_lines_are_kept_where_asked() -> None:
    assert output.visible("a\nb\x1b", keep_lines=True) == "a\nb\\x1b"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+6281234567890", "…890"),
        ("081234567890", "…890"),
        ("1708", "1708"),
        ("TELKOMSEL", "TELKOMSEL"),
        (None, "(withheld)"),
    ],
)
def test_of_a_number_the_last_three_digits_are_shown(number: str | None, shown: str) -> None:
    assert output.mask_number(number) == shown


def test_a_moment_is_shown_as_the_citizens_clock_has_it(load_text: Load) -> None:
    """Servers often run on UTC."""
    evening = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)

    output.show_times_of(load_text(MINIMAL))

    assert output.show_moment(evening) == "2026-03-03 01:30:00+0700"
    assert output.show_moment("2026-03-02T18:30:00+00:00") == "2026-03-03 01:30:00+0700"
    assert output.show_moment(None) == "-"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"),
     (200_000, "2 d"), (-5, "0 s")],
)  # fmt: skip
def test_an_age_is_told_roughly(seconds: int, shown: str) -> None:
    now = datetime(2026, 8, 17, tzinfo=UTC)

    assert output.show_age(now - timedelta(seconds=seconds), now=now) == shown


def test_a_plain_table_has_aligned_columns_and_one_line_a_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_table(("name", "text"), [("kota", "a\nb"), ("x", None)])

    assert capsys.readouterr().out == "name  text\nkota  a\\nb\nx     -\n"


def test_a_table_on_a_terminal_takes_brackets_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    output.print_table(("name",), [("[bold]x[/bold]",)])

    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"text": "山\x1b\u202e"})

    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert json.loads(printed) == {"text": "山\x1b\u202e"}


class Colour(StrEnum):
    RED = "red"


class Record(Struct, frozen=True):
    """One of each."""

    at: datetime
    colour: Colour
    counts: Mapping[Colour, int]
    inner: tuple[Record, ...] = ()
    names: frozenset[str] = frozenset()
    path: Path | None = None


def test_records_become_plain() -> None:
    at = datetime(2026, 8, 17, tzinfo=UTC)
    inner = Record(at, Colour.RED, {})
    record = Record(
        at, Colour.RED, MappingProxyType({Colour.RED: 1}), (inner,), frozenset("ba"), Path("/x")
    )

    assert to_plain(record) == {
        "at": "2026-08-17T00:00:00+00:00",
        "colour": "red",
        "counts": {"red": 1},
        "inner": [
            {"at": "2026-08-17T00:00:00+00:00", "colour": "red", "counts": {}, "inner": [],
             "names": [], "path": None}
        ],
        "names": ["a", "b"],
        "path": "/x",
    }  # fmt: skip


def test_octets_have_no_plain_form() -> None:
    """A PDU in an output would be a sender and a text that nobody masked."""
    with pytest.raises(TypeError):
        to_plain({"pdu": b"\x00"})


@pytest.mark.parametrize("width", [0, 24, 40])
def test_a_table_on_a_narrow_terminal_is_a_field_a_line(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a telephone its columns would be a letter wide, or not be there."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    columns = ("line", "service", "state", "operator", "signal", "reason")
    row = ("m1", "btm", "ready", "TELKOMSEL", "-71 dBm", None)

    output.print_table(columns, [row, row])

    block = "line      m1\nservice   btm\nstate     ready\noperator  TELKOMSEL\nsignal    -71 dBm\nreason    -\n"
    assert capsys.readouterr().out == f"{block}\n{block}"


def test_a_table_that_a_terminal_has_room_for_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")  # no bold heading

    output.print_table(("line", "state"), [("m1", "ready")])

    heading, rule, row = capsys.readouterr().out.split("\n")[1:4]
    assert (heading.split(), row.split()) == (["line", "state"], ["m1", "ready"])
    assert set(rule.strip()) == {"─"}
