"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ID_MAX = 2**63 - 1  # the greatest number of a row that either database can be asked for
LIST_MAX = 10_000  # rows of one list

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        show_default=False,
        help="The configuration; else SMSGATE_CONFIG, else /etc/smsgate/smsgate.toml.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
LimitOption = Annotated[int, typer.Option(min=1, max=LIST_MAX, help="How many.")]
NewestOption = Annotated[int, typer.Option(min=1, max=LIST_MAX, help="How many, the newest first.")]
PersonOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        show_default=False,
        help="Who does this, for the record; else the name you are logged in under.",
    ),
]
RevealOption = Annotated[
    bool,
    typer.Option(
        "--reveal", help="Show the sender's number, and identity numbers in the text, in full."
    ),
]
