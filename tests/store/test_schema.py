"""The schema: made, upgraded, checked; the tables and the migrations are the same."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from databases import PostgresqlServer
from stores import StoreMaker, write

from smsgate.errors import SchemaMismatch, StoreError
from smsgate.store import Store, schema
from smsgate.store.database import Database
from smsgate.store.schema import Upgraded
from smsgate.store.tables import METADATA


@pytest.fixture
def empty(new_database: Callable[[], str]) -> Iterator[Store]:
    """A store that is not made yet."""
    store = Store(new_database(), "batam-1")
    yield store
    store.close()


def definitions(url: str) -> list[tuple[object, ...]]:
    """Return everything the database says about its tables, indices, constraints and triggers."""
    database = Database(url)
    with database.read() as connection:
        if database.is_sqlite:
            query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
        else:
            query = (
                "SELECT 'column', table_name, column_name, data_type || is_nullable "
                "|| coalesce(column_default, '') FROM information_schema.columns "
                "WHERE table_schema = 'public' UNION ALL "
                "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes "
                "WHERE schemaname = 'public' UNION ALL "
                "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
                "FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL "
                "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) "
                "FROM pg_trigger WHERE NOT tgisinternal"
            )
        found = connection.execute(sa.text(query)).all()
    database.close()
    described = []
    for kind, *names, text in found:
        if "alembic_version" not in names and "alembic_version_pkc" not in names:
            # The order of a table's columns and constraints says nothing.
            described.append((kind, *names, *sorted(re.findall(r"[\w']+", str(text)))))
    return sorted(described, key=str)


def test_migrations_make_the_very_tables(new_database: Callable[[], str]) -> None:
    migrated, made = new_database(), new_database()
    by_migrations, at_once = Store(migrated, "batam-1"), Store(made, "batam-1")
    by_migrations.upgrade()
    at_once.open(create=True)
    by_migrations.close()
    at_once.close()

    assert definitions(migrated) == definitions(made)


def test_alembic_finds_no_drift(empty: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    empty.upgrade()

    with empty._database.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_programs_version_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "smsgate:store/migrations")
    scripts = ScriptDirectory.from_config(config)

    assert scripts.get_current_head() == schema.HEAD
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(revisions)) == schema.VERSIONS


def test_a_store_that_is_not_made_says_how_to_make_it(empty: Store) -> None:
    with pytest.raises(SchemaMismatch, match="run `smsgate db upgrade`"):
        empty.open()


def test_a_missing_store_is_made_when_the_daemon_opens_it(empty: Store) -> None:
    empty.open(create=True)

    assert empty.check() == []
    assert empty.counts().parts == 0


def test_upgrade_makes_a_store_and_says_from_what_to_what(empty: Store) -> None:
    assert empty.upgrade() == Upgraded(None, schema.HEAD)
    assert empty.upgrade() == Upgraded(schema.HEAD, schema.HEAD)
    empty.open()


@pytest.mark.parametrize("version", ["9999", "0000"])
def test_another_programs_schema_is_refused(empty: Store, version: str) -> None:
    store = empty
    store.open(create=True)
    write(store, "UPDATE alembic_version SET version_num = :version", version=version)

    with pytest.raises(SchemaMismatch, match="newer smsgate"):
        store.open()
    assert store.check() != []
    with pytest.raises(SchemaMismatch):
        store.upgrade()


def test_a_postgresql_database_is_shared_with_other_programs(
    postgresql_server: PostgresqlServer,
) -> None:
    store = Store(postgresql_server.make_empty(), "batam-1")
    write(store, "CREATE TABLE inbox (id INTEGER)")

    store.open(create=True)

    assert store.check() == []
    store.close()


def test_a_postgresql_database_whose_schemas_another_program_numbers_is_refused(
    postgresql_server: PostgresqlServer,
) -> None:
    """There can be one such table: with our number in it that program would be lost, and we with its."""
    store = Store(postgresql_server.make_empty(), "batam-1")
    write(store, "CREATE TABLE alembic_version (version_num TEXT)")
    write(store, "INSERT INTO alembic_version VALUES ('0001')")

    for use in (store.open, store.upgrade, store.check, lambda: store.open(create=True)):
        with pytest.raises(SchemaMismatch, match="give smsgate a database of its own"):
            use()
    store.close()


def test_an_older_schema_names_the_command(
    make_store: StoreMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store()
    monkeypatch.setattr(schema, "VERSIONS", (*schema.VERSIONS, "next"))
    monkeypatch.setattr(schema, "HEAD", "next")

    with pytest.raises(SchemaMismatch, match="run `smsgate db upgrade`"):
        store.open()


def test_a_lost_table_is_found(empty: Store) -> None:
    empty.open(create=True)
    write(empty, "DROP TABLE inlet_message")

    assert empty.check() == ["table inlet_message is missing"]


def test_a_sound_store_has_no_problems(make_store: StoreMaker) -> None:
    assert make_store().check() == []


def test_states_are_held_to_their_values(make_store: StoreMaker) -> None:
    store = make_store()

    with pytest.raises(StoreError):
        write(
            store,
            "INSERT INTO backend_state (name, state, updated_at) "
            "VALUES ('kota', 'tired', CURRENT_TIMESTAMP)",
        )


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    store = Store(f"sqlite:///{path}", "batam-1")

    with pytest.raises(StoreError, match="no SQLite database"):
        store.open()
    store.close()


def test_damage_inside_the_file_is_found(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_sms_disposition'"
        ).fetchall()
    connection.close()
    octets = bytearray(path.read_bytes())
    octets[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(octets)
    store = Store(sqlite_url, "batam-1")

    assert store.check() != []
    store.close()


def test_what_goes_through_a_whole_store_may_take_its_time(
    postgresql_server: PostgresqlServer,
) -> None:
    """A migration or a ledger that PostgreSQL ends after thirty seconds is ended at each try."""
    store = Store(postgresql_server.make_empty(), "batam-1")
    limits: dict[str, str] = {}

    def note(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        with connection.connection.cursor() as own:
            limits[statement] = own.execute("SHOW statement_timeout").fetchone()[0]

    sa.event.listen(store._database.writer, "before_cursor_execute", note)
    store.upgrade()
    made = {limit for statement, limit in limits.items() if "CREATE" in statement}
    limits.clear()
    store.ledger()
    balanced = {limit for statement, limit in limits.items() if "seen_count" in statement}
    limits.clear()
    store.counts()
    store.close()

    assert (made, balanced, set(limits.values())) == ({"0"}, {"0"}, {"30s"})
