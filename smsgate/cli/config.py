"""`smsgate config`: check a configuration, show what it comes to, print one to begin with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import typer

from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import print_json, say, visible

if TYPE_CHECKING:
    from smsgate.settings import ServiceSettings

app = typer.Typer(no_args_is_help=True, help="Check, show or begin a configuration.")


@app.command()
def check(config: ConfigOption = None, is_json: JsonOption = False) -> None:
    """Check the whole configuration and print every problem; exit code 78 when there is one.

    Credentials are checked only where systemd provides them. Nothing is opened.
    """
    from smsgate.config import find_path, load
    from smsgate.errors import ConfigError

    path = find_path(config)
    has_credentials = bool(os.environ.get("CREDENTIALS_DIRECTORY"))
    try:
        settings = load(path, are_credentials_needed=has_credentials)
    except ConfigError as error:
        if is_json:
            print_json({"file": path, "problems": error.problems, "not_checked": []})
        raise
    not_checked = [] if has_credentials else settings.credential_names
    if is_json:
        print_json({"file": path, "problems": [], "not_checked": not_checked})
    else:
        count = len(settings.services), len(settings.modems), len(settings.backends)
        print(f"{path}: ok ({_count(count[0], 'service')}, {_count(count[1], 'modem')}, "
              f"{_count(count[2], 'backend')})")  # fmt: skip
        for service in settings.services:
            print(f"service {service.name}: {_replies(service)}")
    if not_checked:
        say(
            f"Not checked here: {', '.join(not_checked)} (credentials exist only in "
            "the service that systemd starts)."
        )
    if not settings.modems:
        say("There is no [[modem]]: nothing will be received.")


def _replies(service: ServiceSettings) -> str:
    """Return that every reply is one SMS, and how near the longest comes to it."""
    from smsgate.wording import SEPTETS_PER_SMS, longest_septets

    languages = {"Indonesian": service.replies}
    if service.is_english_answered:
        languages["English"] = service.replies_en
    said = []
    for language, texts in languages.items():
        lengths = {kind: longest_septets(text) for kind, text in texts.model_dump().items()}
        longest = max(lengths, key=lambda kind: lengths[kind])
        said.append(
            f"{len(lengths)} {language} replies fit one SMS, the longest ({longest}) takes "
            f"{lengths[longest]} of {SEPTETS_PER_SMS} septets"
        )
    return "; ".join(said)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


@app.command()
def show(config: ConfigOption = None, is_json: JsonOption = False) -> None:
    """Print the configuration with every default and override filled in, without secrets."""
    from smsgate.config import find_path, load

    path = find_path(config)
    settings = load(path, are_secrets_needed=False)
    plain = settings.model_dump(mode="json", by_alias=False)
    renamed = {
        {"services": "service", "modems": "modem", "backends": "backend"}.get(key, key): value
        for key, value in plain.items()
    }
    if is_json:
        print_json(renamed)
        return
    print(f"# {path}, with all defaults")
    for key, value in renamed.items():
        for table in value if isinstance(value, list) else [value]:
            _print_table(key, table, is_entry=isinstance(value, list))


def _print_table(name: str, table: dict[str, Any], *, is_entry: bool) -> None:
    print(f"\n[[{name}]]" if is_entry else f"\n[{name}]")
    for key, value in table.items():
        if value is not None and not isinstance(value, dict):
            print(f"{key} = {_toml(value)}")
    for key, value in table.items():
        if isinstance(value, dict) and value:
            _print_table(f"{name}.{key}", value, is_entry=False)


def _toml(value: Any) -> str:
    import json

    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    # a JSON string, number or boolean is a TOML one too, once what a terminal acts on is escaped
    return visible(json.dumps(value, ensure_ascii=False))


@app.command()
def example() -> None:
    """Print a complete example: every key, what it does, its unit, its default and why."""
    from smsgate.config_example import EXAMPLE

    print(EXAMPLE, end="")
