"""The configuration: one frozen `Settings`, from defaults, file and environment, checked whole.

`load` reports every problem at once, each with its place in the file, what was expected and what
was there. Secrets are never in the file: a key names a credential (systemd's
`$CREDENTIALS_DIRECTORY`) or a file that only its owner can read. This module is imported by every
command, so it imports nothing heavier than pydantic. No other module reads the environment.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from smsgate.config_report import Place, describe, join_path, show_value, suggest
from smsgate.config_rules import backend_problems, modem_problems, service_problems
from smsgate.config_secrets import SecretError, check_secret, read_secret
from smsgate.errors import ConfigDenied, ConfigError
from smsgate.settings import (
    BackendSettings,
    CallbackSettings,
    GatewaySettings,
    LimitSettings,
    LogSettings,
    ModemSettings,
    ServiceSettings,
    Settings,
    StatusSettings,
    StoreSettings,
)

__all__ = [
    "DEFAULT_PATH",
    "ENVIRONMENT",
    "BackendSettings",
    "GatewaySettings",
    "LimitSettings",
    "LogSettings",
    "ModemSettings",
    "ServiceSettings",
    "Settings",
    "StatusSettings",
    "StoreSettings",
    "find_path",
    "load",
]

DEFAULT_PATH = Path("/etc/smsgate/smsgate.toml")
FILE_SIZE_MAX = 1024 * 1024

# environment variable → the key it overrides; SMSGATE_CONFIG is the file itself
ENVIRONMENT: Mapping[str, tuple[str, str]] = {
    "SMSGATE_GATEWAY_NAME": ("gateway", "name"),
    "SMSGATE_RUN_DIR": ("gateway", "run_dir"),
    "SMSGATE_STATE_DIR": ("gateway", "state_dir"),
    "SMSGATE_STORE_URL": ("store", "url"),
    "SMSGATE_STATUS_LISTEN": ("status", "listen"),
    "SMSGATE_LOG_LEVEL": ("logs", "level"),
    "SMSGATE_LOG_FORMAT": ("logs", "format"),
}
_CONFIG_VARIABLE = "SMSGATE_CONFIG"
# what the project's own scripts are told by
_FOR_SCRIPTS = ("SMSGATE_PYTHON", "SMSGATE_REQUIRE_PROGRAMS")

_TABLES: Mapping[str, type[BaseModel]] = {
    "gateway": GatewaySettings,
    "store": StoreSettings,
    "status": StatusSettings,
    "callbacks": CallbackSettings,
    "logs": LogSettings,
}
_LISTS: Mapping[str, type[BaseModel]] = {
    "service": ServiceSettings,
    "modem": ModemSettings,
    "backend": BackendSettings,
}
# table → the secrets it may name, each by `*_credential` or `*_file`
_SECRETS: Mapping[str, tuple[str, ...]] = {
    "store": ("password",),
    "modem": ("pin",),
    "backend": ("token", "secret"),
}

_Model = TypeVar("_Model", bound=BaseModel)


def find_path(given: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """Return the file to read: the one given, else `SMSGATE_CONFIG`, else the usual place."""
    environ = os.environ if environ is None else environ
    return given or Path(environ.get(_CONFIG_VARIABLE) or DEFAULT_PATH)


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    are_secrets_needed: bool = True,
    are_credentials_needed: bool = True,
) -> Settings:
    """Read and check the whole configuration; raise ConfigError with every problem.

    With `are_secrets_needed` false a secret that cannot be read here is left out without a word:
    commands run by a person do not have the daemon's credentials, and most need none. With
    `are_credentials_needed` false that goes for credentials alone.
    """
    environ = os.environ if environ is None else environ
    path = find_path(path, environ=environ)
    unknown = _unknown_variables(environ)
    try:
        checker = _Checker(_read_toml(path), environ)
    except ConfigError as error:
        raise type(error)([*unknown, *error.problems]) from None
    needed = frozenset(
        suffix
        for suffix, is_needed in (("file", True), ("credential", are_credentials_needed))
        if is_needed and are_secrets_needed
    )
    settings = checker.check(needed)
    problems = [*unknown, *checker.problems(path)]
    if settings is None or problems:
        raise ConfigError(problems)
    return settings


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = (_CONFIG_VARIABLE, *ENVIRONMENT)
    return [
        f"environment variable {variable}: unknown{suggest(variable, known)}"
        for variable in sorted(environ)
        if variable.startswith("SMSGATE_") and variable not in (*known, *_FOR_SCRIPTS)
    ]


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_SIZE_MAX + 1)
    except FileNotFoundError:
        problem = (
            "no such file: make one with `smsgate config example`, or name another by --config"
        )
    except PermissionError:
        problem = "not readable by this user: run as the user smsgate, or as root"
        raise ConfigDenied([f"{path}: {problem}"]) from None
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    else:
        if len(octets) > FILE_SIZE_MAX:
            raise ConfigError([f"{path}: expected at most {FILE_SIZE_MAX} bytes"])
        return _parse_toml(octets, path)
    raise ConfigError([f"{path}: {problem}"])


def _parse_toml(octets: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(octets.decode("utf-8-sig"))  # some editors begin a file with a mark
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}: line {line}: expected UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        # "Expected '=' after a key in a key/value pair (at line 3, column 5)"
        what, _, where = str(error).rpartition(" (at ")
        where = where.rstrip(")") or "somewhere"
        raise ConfigError([f"{path}: {where}: {what or error}"]) from None
    except ValueError:  # Python reads no number that is longer
        digits_max = sys.get_int_max_str_digits()
        raise ConfigError([f"{path}: expected numbers of at most {digits_max} digits"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: expected fewer brackets within brackets"]) from None


class _Checker:
    """One reading of one file: collects what is valid and every problem of what is not."""

    def __init__(self, data: dict[str, Any], environ: Mapping[str, str]) -> None:
        self._data = data
        self._environ = environ
        self._found: list[tuple[Place, str]] = []
        self._overridden: dict[Place, str] = {}  # key → the variable that won over the file

    def check(self, needed_secrets: Collection[str]) -> Settings | None:
        """Return the settings, or None when there are problems.

        `needed_secrets`: which of "file" and "credential" must be there.
        """
        self._override()
        self._check_top()
        tables = {key: self._table(key, model) for key, model in _TABLES.items()}
        services = self._list("service", ServiceSettings)
        modems = self._list("modem", ModemSettings)
        backends = self._list("backend", BackendSettings)
        self._check_unique()
        self._check_references()
        self._check_rules()
        self._check_files()
        secrets = dict(self._secrets(needed_secrets))
        if self._found:
            return None
        only = services[0].name if services and services[0] is not None else ""
        settings = Settings(
            services=services,
            modems=tuple(
                m if m.service else m.model_copy(update={"service": only}) for m in modems if m
            ),
            backends=backends,
            **tables,
        )
        settings._secrets = secrets
        return settings

    def problems(self, path: Path) -> list[str]:
        """Return every problem of the last check, those of one table together."""
        tables = [*_TABLES, *_LISTS]
        return [
            f"environment variable {self._overridden[place]}: {problem}"
            if place in self._overridden
            else f"{path}: {join_path(place)}: {problem}"
            for place, problem in sorted(
                self._found,
                key=lambda found: (
                    tables.index(str(found[0][0])) if found[0][0] in tables else -1,
                    found[0][1] if found[0][0] in _LISTS and len(found[0]) > 1 else -1,
                ),
            )
        ]

    def _say(self, place: Place, problem: str) -> None:
        self._found.append((place, problem))

    # --- the environment --------------------------------------------------------------------------

    def _override(self) -> None:
        for variable, (table, key) in ENVIRONMENT.items():
            section = self._data.setdefault(table, {}) if variable in self._environ else None
            if isinstance(section, dict):
                section[key] = self._environ[variable]
                self._overridden[table, key] = variable

    # --- tables -----------------------------------------------------------------------------------

    def _check_top(self) -> None:
        known = (*_TABLES, *_LISTS)
        for key in self._data:
            if key not in known:
                self._say((key,), f"unknown table{suggest(key, known)}")

    def _table(self, key: str, model: type[BaseModel]) -> BaseModel | None:
        if key not in self._data and key in ("gateway", "store"):
            self._say((key,), f"expected a table [{key}], but it is missing")
            return None
        return self._validate(model, self._data.get(key, {}), (key,))

    def _list(self, key: str, model: type[_Model]) -> tuple[_Model | None, ...]:
        """Return one entry for each table in the file; None stands for one that is wrong."""
        tables = self._data.get(key, [])
        if isinstance(tables, dict):
            self._say((key,), f"expected a list of tables: write [[{key}]] instead of [{key}]")
            return ()
        if not isinstance(tables, list):
            self._say((key,), f"expected tables [[{key}]] (got {show_value(key, tables)})")
            return ()
        if not tables and key == "service":
            self._say((key,), "expected at least one table [[service]]")
        return tuple(self._validate(model, table, (key, i)) for i, table in enumerate(tables))

    def _validate(self, model: type[_Model], table: object, place: Place) -> _Model | None:
        if not isinstance(table, dict):
            self._say(place, f"expected a table (got {show_value(str(place[0]), table)})")
            return None
        try:
            return model.model_validate(table)
        except ValidationError as error:
            self._found += describe(error, model, place)
            return None

    # --- what one table says of another -----------------------------------------------------------

    def _raw(self, key: str) -> Iterator[tuple[Place, dict[str, Any]]]:
        # as they stand in the file: the wrong ones, too, have names that others use
        tables = self._data.get(key, [])
        for i, table in enumerate(tables if isinstance(tables, list) else []):
            if isinstance(table, dict):
                yield (key, i), table

    def _names(self, key: str) -> list[str]:
        return [table["name"] for _, table in self._raw(key) if isinstance(table.get("name"), str)]

    def _check_unique(self) -> None:
        for key in _LISTS:
            self._check_unique_key(key, "name")
        self._check_unique_key("modem", "port")

    def _check_unique_key(self, table_key: str, key: str) -> None:
        seen: dict[str, Place] = {}
        for place, table in self._raw(table_key):
            value = table.get(key)
            if not isinstance(value, str):
                continue
            # two links to one tty are one port
            sameness = os.path.realpath(value) if key == "port" else value
            first = seen.setdefault(sameness, place)
            if first != place:
                taken = f"expected one that {join_path(first)} does not have"
                self._say((*place, key), f"{taken} (got {show_value(key, value)})")

    def _check_references(self) -> None:
        service_names, backend_names = self._names("service"), self._names("backend")
        for place, service in self._raw("service"):
            named = service.get("backends")
            for n, name in enumerate(named if isinstance(named, list) else []):
                self._check_known((*place, "backends", n), name, backend_names)
        for place, modem in self._raw("modem"):
            if "service" in modem:
                self._check_known((*place, "service"), modem["service"], service_names)
            elif len(list(self._raw("service"))) > 1:
                self._say((*place, "service"), "expected, for there are several services")
        self._check_canaries()

    def _check_canaries(self) -> None:
        numbers = {modem.get("name"): modem.get("sim_number") for _, modem in self._raw("modem")}
        for place, modem in self._raw("modem"):
            to = modem.get("canary_to", modem.get("name"))
            if "canary_to" in modem and to not in numbers:
                self._say((*place, "canary_to"), "expected the name of a [[modem]]")
            elif modem.get("canary_every_h") and numbers.get(to) is None:
                self._say((*place, "canary_every_h"), f"expected the sim_number of modem {to}, too")

    def _check_known(self, place: Place, name: object, known: Sequence[str]) -> None:
        is_malformed = any(found == place for found, _ in self._found)
        if is_malformed or not isinstance(name, str) or name in known:
            return
        key = "backend" if "backends" in place else "service"
        self._say(
            place,
            f"expected the name of a [[{key}]] (got {show_value(key, name)}){suggest(name, known)}",
        )

    def _check_rules(self) -> None:
        rules = {
            "service": service_problems,
            "modem": modem_problems,
            "backend": backend_problems,
        }
        for key, problems_of in rules.items():
            for place, table in self._raw(key):
                for below, problem in problems_of(table):
                    self._say((*place, *below), problem)

    # --- files and secrets ------------------------------------------------------------------------

    def _check_files(self) -> None:
        for place, backend in self._raw("backend"):
            file = backend.get("ca_file")
            if isinstance(file, str) and not os.access(file, os.R_OK):
                got = show_value("ca_file", file)
                self._say(
                    (*place, "ca_file"), f"expected a readable file of certificates (got {got})"
                )

    def _secrets(self, needed: Collection[str]) -> Iterator[tuple[str, SecretStr]]:
        tables: list[tuple[Place, dict[str, Any]]] = []
        store = self._data.get("store")
        if isinstance(store, dict):
            tables.append((("store",), store))
        tables += [*self._raw("modem"), *self._raw("backend")]
        for place, table in tables:
            for key in _SECRETS[str(place[0])]:
                secret = self._secret(table, key, place, needed)
                if secret is not None:
                    name = [str(place[0]), str(table.get("name", "")), key]
                    yield ".".join(part for part in name if part), secret

    def _secret(
        self, table: Mapping[str, Any], key: str, place: Place, needed: Collection[str]
    ) -> SecretStr | None:
        credential, file = table.get(f"{key}_credential"), table.get(f"{key}_file")
        if isinstance(credential, str) and isinstance(file, str):
            self._say(
                (*place, f"{key}_file"), f"expected either {key}_credential or {key}_file, not both"
            )
            return None
        try:
            if isinstance(credential, str):
                where = f"{key}_credential"
                value = self._read_credential(credential)
            elif isinstance(file, str):
                where = f"{key}_file"
                value = read_secret(Path(file), is_ours=True)
            else:
                return None
            check_secret(key, value)
        except SecretError as problem:
            if where.removeprefix(f"{key}_") in needed:
                self._say((*place, where), str(problem))
            return None
        return SecretStr(value)

    def _read_credential(self, name: str) -> str:
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise SecretError(
                f'expected the credential "{name}", but there is no credentials directory: start '
                f"it by systemd with LoadCredential={name}:/PATH, or use the key ending in _file"
            )
        # systemd guards the directory; an ACL mask may make its files look group-readable
        return read_secret(Path(directory) / Path(name).name, is_ours=False)
