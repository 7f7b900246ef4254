"""The example configuration: it loads, and tells the truth about every key."""

from __future__ import annotations

from pathlib import Path

from config_files import Load

from smsgate.config import ENVIRONMENT
from smsgate.config_example import EXAMPLE


def test_the_example_loads(load_text: Load) -> None:
    assert load_text(EXAMPLE).services[0].prefixes == ("BTM",)


def test_the_example_s_commented_values_are_the_defaults(load_text: Load) -> None:
    """What the file says of a default is what the program does without the line."""
    lines = EXAMPLE.splitlines()
    uncommented = [
        line[1:] if line.startswith("#") and line[1:2].islower() else line for line in lines
    ]

    assert uncommented != lines
    assert load_text("\n".join(uncommented)) == load_text(EXAMPLE)


def test_the_example_has_every_key_and_only_keys_that_exist(load_text: Load) -> None:
    shown = {
        line.lstrip("#? ").split(" = ")[0]
        for line in EXAMPLE.splitlines()
        if " = " in line and not line.startswith("# ")
    }
    tables: list[object] = [load_text(EXAMPLE).model_dump()]
    known: set[str] = set()
    while tables:
        table = tables.pop()
        if isinstance(table, dict):
            known |= {key for key, value in table.items() if not _holds_tables(value)}
            tables += table.values()
        elif isinstance(table, list | tuple):
            tables += table

    # the right sides of [backend.fields] are the agency's own
    assert shown - {"text", "sender", "beres"} == known - {"fields", "statuses"}


def _holds_tables(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and bool(value)


def test_the_shipped_example_is_the_one_that_is_printed() -> None:
    shipped = Path(__file__).parents[2] / "systemd" / "smsgate.toml.example"

    assert shipped.read_bytes() == EXAMPLE.encode("utf-8")


def test_the_example_names_every_variable() -> None:
    for variable in ("SMSGATE_CONFIG", *ENVIRONMENT):
        assert variable in EXAMPLE
