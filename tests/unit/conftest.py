"""Fixtures of several unit tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from config_files import Load, Problems

from smsgate.config import load
from smsgate.errors import ConfigError
from smsgate.settings import Settings


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load a configuration given as text."""
    path = tmp_path / "smsgate.toml"

    def load_it(text: str, environ: Mapping[str, str] | None = None, **options: bool) -> Settings:
        path.write_text(text, encoding="utf-8")
        return load(path, environ=environ or {}, **options)

    return load_it


@pytest.fixture
def problems_of(load_text: Load, tmp_path: Path) -> Problems:
    """The problems of a configuration given as text, without the file's name."""

    def find(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load_text(text, environ)
        prefix = f"{tmp_path / 'smsgate.toml'}: "
        return [problem.removeprefix(prefix) for problem in raised.value.problems]

    return find
