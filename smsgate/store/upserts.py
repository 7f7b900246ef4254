"""`INSERT … ON CONFLICT` of the database in use; the other one's dialect is never imported."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def insert_into(dialect: str, table: Any) -> Any:
    """Return an INSERT into `table` that knows `on_conflict_do_update`. `dialect`: `sqlite` or `postgresql`."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
