"""The configuration's secrets: where they come from, what is refused, and that nobody sees them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from config_files import MINIMAL, Load, Problems

from smsgate.errors import ConfigError


def with_secret(line: str) -> str:
    return MINIMAL.replace("#backend#", line)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("geheim\n")
    path.chmod(0o600)
    return path


def test_a_credential_comes_from_the_credentials_directory(
    load_text: Load, tmp_path: Path, secret_file: Path
) -> None:
    secret_file.chmod(0o440)  # as systemd makes them

    settings = load_text(
        with_secret('token_credential = "token"'), {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    )

    token = settings.secret("backend.kota.token")
    assert token is not None
    assert token.get_secret_value() == "geheim"
    assert settings.secret("backend.kota.secret") is None


def test_a_secret_comes_from_a_file_of_its_owner(load_text: Load, secret_file: Path) -> None:
    settings = load_text(with_secret(f'token_file = "{secret_file}"'))

    token = settings.secret("backend.kota.token")
    assert token is not None
    assert token.get_secret_value() == "geheim"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_file_open_to_others_is_refused(
    problems_of: Problems, secret_file: Path, mode: int
) -> None:
    secret_file.chmod(mode)

    problems = problems_of(with_secret(f'token_file = "{secret_file}"'))

    assert problems == [
        f'backend[0].token_file: expected "{secret_file}" to be readable by its owner only, its '
        f"mode is {mode:04o}: chmod 600 it"
    ]


def test_a_missing_credential_is_named(problems_of: Problems, tmp_path: Path) -> None:
    problems = problems_of(
        with_secret('token_credential = "kota-token"'), {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    )

    assert problems == [
        f'backend[0].token_credential: expected the file "{tmp_path / "kota-token"}", but it is '
        "missing: the unit needs LoadCredential=kota-token:/PATH"
    ]


def test_without_a_credentials_directory_it_says_who_makes_one(problems_of: Problems) -> None:
    problems = problems_of(with_secret('token_credential = "kota-token"'))

    assert len(problems) == 1
    assert "LoadCredential=kota-token:/PATH" in problems[0]


def test_a_credential_and_a_file_for_one_secret_are_refused(
    problems_of: Problems, secret_file: Path
) -> None:
    text = with_secret(f'token_file = "{secret_file}"\ntoken_credential = "token"')

    assert problems_of(text) == [
        "backend[0].token_file: expected either token_credential or token_file, not both"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "to hold 1 to 65536 bytes", id="empty"),
        pytest.param(b"\n\n", "to hold 1 to 65536 bytes", id="only line ends"),
        pytest.param(b"\xff\xfe", "to hold UTF-8 text", id="binary"),
        pytest.param(b"two\nlines", "a token of printable ASCII characters", id="two lines"),
    ],
)
def test_a_secret_that_cannot_be_right_is_refused_unseen(
    problems_of: Problems, secret_file: Path, content: bytes, expected: str
) -> None:
    secret_file.write_bytes(content)

    problems = problems_of(with_secret(f'token_file = "{secret_file}"'))

    assert len(problems) == 1
    assert expected in problems[0]
    assert "lines" not in problems[0]


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "１２３４"])
def test_a_pin_has_4_to_8_digits(problems_of: Problems, secret_file: Path, pin: str) -> None:
    """A PIN that cannot be right must never be tried: three wrong ones block the SIM."""
    secret_file.write_text(pin)

    problems = problems_of(MINIMAL.replace("#modem#", f'pin_file = "{secret_file}"'))

    assert problems == ["modem[0].pin_file: expected a PIN of 4 to 8 digits"]


def test_a_pipe_is_no_secret_file_and_does_not_block(problems_of: Problems, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)

    assert problems_of(with_secret(f'token_file = "{pipe}"')) == [
        f'backend[0].token_file: expected "{pipe}" to be a file'
    ]


def test_a_person_may_load_it_without_the_daemon_s_secrets(load_text: Load) -> None:
    settings = load_text(with_secret('token_credential = "token"'), are_secrets_needed=False)

    assert settings.secret("backend.kota.token") is None
    assert settings.credential_names == ("token",)


def test_a_check_outside_the_service_still_looks_at_secret_files(
    load_text: Load, secret_file: Path
) -> None:
    secret_file.chmod(0o644)
    text = with_secret(f'token_file = "{secret_file}"\nsecret_credential = "s"')

    with pytest.raises(ConfigError) as raised:
        load_text(text, are_credentials_needed=False)

    assert len(raised.value.problems) == 1
    assert "token_file" in raised.value.problems[0]


def test_secrets_are_in_no_repr(load_text: Load, secret_file: Path) -> None:
    settings = load_text(with_secret(f'token_file = "{secret_file}"'))

    assert "geheim" not in repr(settings)
    assert "geheim" not in repr(settings.secret("backend.kota.token"))
    assert "geheim" not in settings.model_dump_json()


def test_a_password_in_the_store_s_address_is_refused_and_not_shown(problems_of: Problems) -> None:
    text = MINIMAL.replace(
        "sqlite:////var/lib/smsgate/smsgate.db", "postgresql+psycopg://u:geheim@db/smsgate"
    )

    problems = problems_of(text)

    assert len(problems) == 1
    assert "password_credential" in problems[0]
    assert "geheim" not in problems[0]


def test_the_store_s_password_is_put_into_its_address_quoted(
    load_text: Load, secret_file: Path
) -> None:
    secret_file.write_text("p@ss/w:rd")
    text = MINIMAL.replace(
        'url = "sqlite:////var/lib/smsgate/smsgate.db"',
        f'url = "postgresql+psycopg://u@db:5433/smsgate"\npassword_file = "{secret_file}"',
    )

    settings = load_text(text)

    assert settings.store_url() == "postgresql+psycopg://u:p%40ss%2Fw%3Ard@db:5433/smsgate"
    assert "p@ss" not in repr(settings)
