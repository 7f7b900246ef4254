"""The schema's version: asked with plain SQL, so that a daemon starts without alembic; made and
changed by its migrations.

A brand-new store is made from the tables as they are and marked with the newest version: a test
holds the tables and all migrations together to be the same.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.errors import SchemaMismatch, StoreDamaged, StoreError
from smsgate.store.database import Database, give_time
from smsgate.store.tables import APPEND_ONLY, METADATA, complete_partial_indexes

# Every version there was, the oldest first; a test holds it to the migrations.
VERSIONS = ("0001", "0002", "0003", "0004", "0005")
HEAD = VERSIONS[-1]

_TELLING = frozenset({"sms", "part"})  # no store is without them
_UPGRADE_LOCK = 0x736D73676174  # "smsgat": who changes the schema of this PostgreSQL database


def version_of(connection: Connection) -> str | None:
    """Return the version of the store; None where there is no store yet.

    Raises SchemaMismatch where another program has the place: SQLite's file with its tables in it, or
    the one table that says a version. A PostgreSQL database may else hold what it likes beside ours.
    """
    tables = set(sa.inspect(connection).get_table_names())
    is_numbered = "alembic_version" in tables
    if tables.isdisjoint(_TELLING):
        if tables and connection.dialect.name == "sqlite":
            _, _, path = connection.exec_driver_sql("PRAGMA database_list").all()[0]
            raise SchemaMismatch(
                f"{path} is another program's SQLite database: let `store.url` name a file of smsgate's own."
            )
        if is_numbered:
            raise SchemaMismatch(
                "The PostgreSQL database has another program's table `alembic_version`: "
                "give smsgate a database of its own."
            )
        return None
    if not is_numbered:
        raise StoreError("The store's tables have no version: they are not ours, or damaged.")
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def newest_moments(connection: Connection) -> list[datetime | None]:
    """Return when the newest part was received and the newest reply made."""
    newest = []
    for table, moment in (("part", "received_at"), ("reply", "created_at")):
        columns = METADATA.tables[table].c
        query = sa.select(columns[moment]).order_by(columns.id.desc()).limit(1)
        newest.append(connection.execute(query).scalar())
    return newest


def demand_current(version: str | None) -> None:
    """Raise SchemaMismatch unless `version` is the one that this program works with."""
    if version == HEAD:
        return
    if version is None:
        raise SchemaMismatch("The store is empty: run `smsgate db upgrade`.")
    if version in VERSIONS:
        raise SchemaMismatch(
            f"The store has schema {version} and this program needs {HEAD}: "
            "start the daemon, or stop it and run `smsgate db upgrade`."
        )
    raise SchemaMismatch(
        f"The store has schema {version}, from a newer smsgate than this one ({HEAD}): "
        "run the newer program."
    )


class Upgraded(Struct, frozen=True):
    """What an upgrade did. `before` is None where there was no store; `copy` is the store before it."""

    before: str | None
    now: str
    copy: Path | None = None


def create(database: Database) -> None:
    """Make the tables of a store that has none; do nothing where they are."""
    with database.write() as connection:
        _lock(connection)
        if version_of(connection) is not None:
            return
        complete_partial_indexes(connection.dialect.name)
        METADATA.create_all(connection)
        for statement in APPEND_ONLY[connection.dialect.name]:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.execute(
            sa.text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD}
        )


def upgrade(database: Database) -> tuple[str | None, str]:
    """Run every migration that the store lacks, in one transaction; return its version before and
    now.
    """
    from alembic import command
    from alembic.config import Config

    with database.write() as connection:
        _lock(connection)
        give_time(connection)
        before = version_of(connection)
        if before is not None and before not in VERSIONS:
            demand_current(before)
        config = Config()
        config.set_main_option("script_location", "smsgate:store/migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, HEAD


def problems_of(database: Database) -> list[str]:
    """Return what is wrong with the store: its version, its tables and columns against ours, and
    SQLite's own check.
    """
    try:
        return _find_problems(database)
    except StoreDamaged as error:
        return [str(error)]  # where nothing else can be asked


def _find_problems(database: Database) -> list[str]:
    with database.read() as connection:
        version = version_of(connection)
        try:
            demand_current(version)
        except SchemaMismatch as error:
            return [str(error)]
        problems = _missing(connection)
        if database.is_sqlite:
            problems += _sqlite_problems(connection)
    return problems


def _missing(connection: Connection) -> list[str]:
    """Return a sentence for each table, and for each column of the others, that is not there."""
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    problems = [f"table {name} is missing" for name in sorted(set(METADATA.tables) - present)]
    for name, table in sorted(METADATA.tables.items()):
        if name in present:
            there = {column["name"] for column in inspector.get_columns(name)}
            lost = [column.name for column in table.columns if column.name not in there]
            problems += [f"table {name} has no column {column}" for column in lost]
    return problems


def _sqlite_problems(connection: Connection) -> list[str]:
    found = connection.exec_driver_sql("PRAGMA quick_check(20)").scalars().all()
    problems = [f"SQLite's check says: {line}" for line in found if line != "ok"]
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(20)
    return problems + [
        f"a row of {orphan[0]} points to a missing row of {orphan[2]}" for orphan in orphans
    ]


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
