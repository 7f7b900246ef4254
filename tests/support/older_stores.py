"""Stores as an older program left them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from smsgate.store.database import Database


def make_older(path: Path, version: str = "0001") -> Path:
    """Make a SQLite store of this schema, with one line in it."""
    database = Database(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "smsgate:store/migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.exec_driver_sql(
            "INSERT INTO line (gateway, name, service, state, port, updated_at) "
            "VALUES ('batam-1', 'm1', 'btm', 'closed', '/dev/null', '2026-03-02 09:00:00')"
        )
    database.close()
    return path
