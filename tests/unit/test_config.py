"""The configuration: what loads, and what every mistake is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from config_files import MINIMAL, Load, Problems

from smsgate import wording
from smsgate.config import ENVIRONMENT, find_path, load
from smsgate.config_example import EXAMPLE
from smsgate.errors import ConfigError
from smsgate.records import ReplyKind


def test_the_minimal_file_gets_its_defaults(load_text: Load) -> None:
    settings = load_text(MINIMAL)

    assert settings.gateway.control == Path("/run/smsgate/control.sock")
    assert settings.modems[0].memories == ("SM", "ME")
    assert settings.modems[0].poll_s == 15
    assert settings.services[0].limits.per_sender_day == 10
    assert settings.status.address == ("127.0.0.1", 9178)
    assert settings.backends[0].timeout_s == 20


def test_with_one_service_a_modem_need_not_name_it(load_text: Load) -> None:
    assert load_text(MINIMAL).modems[0].service == "btm"


def test_settings_cannot_be_changed(load_text: Load) -> None:
    settings = load_text(MINIMAL)

    with pytest.raises(ValueError, match="frozen"):
        settings.gateway.name = "other"


ONE_MISTAKE = [
    pytest.param(
        'name = "m1"',
        'name = "m1"\nbaud = "fast"',
        "modem[0].baud: expected 9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600 "
        '(got "fast")',
        id="a word where a number belongs",
    ),
    pytest.param(
        'name = "m1"',
        'name = "m1"\nbuad = 9600',
        'modem[0].buad: unknown key (did you mean "baud"?)',
        id="a key that is nearly right",
    ),
    pytest.param(
        "[[modem]]",
        "[[modems]]",
        'modems: unknown table (did you mean "modem"?)',
        id="a table that is nearly right",
    ),
    pytest.param(
        "[[modem]]",
        "[modem]",
        "modem: expected a list of tables: write [[modem]] instead of [modem]",
        id="one table where a list belongs",
    ),
    pytest.param(
        'backends = ["kota"]',
        'backends = ["kotta"]',
        'service[0].backends[0]: expected the name of a [[backend]] (got "kotta") '
        '(did you mean "kota"?)',
        id="a backend that does not exist",
    ),
    pytest.param(
        "#modem#",
        'service = "bmt"',
        'modem[0].service: expected the name of a [[service]] (got "bmt") (did you mean "btm"?)',
        id="a service that does not exist",
    ),
    pytest.param(
        "#modem#",
        '[[modem]]\nname = "m1"\nport = "/dev/zero"',
        'modem[1].name: expected one that modem[0] does not have (got "m1")',
        id="a name twice",
    ),
    pytest.param(
        "#modem#",
        '[[modem]]\nname = "m2"\nport = "/dev/../dev/null"',
        'modem[1].port: expected one that modem[0] does not have (got "/dev/../dev/null")',
        id="a port twice, by two names",
    ),
    pytest.param(
        'port = "/dev/null"',
        'port = "ttyUSB0"',
        'modem[0].port: expected a path that begins with / (got "ttyUSB0")',
        id="a port that is no path",
    ),
    pytest.param(
        "#modem#",
        'memories = ["MT"]',
        'modem[0].memories[0]: expected "SM" or "ME" (other memories hold no messages, or show '
        'these) (got "MT")',
        id="a memory that shows others",
    ),
    pytest.param(
        "#modem#",
        "poll_s = nan",
        "modem[0].poll_s: expected a finite number (got NaN)",
        id="a number that is none",
    ),
    pytest.param(
        "#modem#",
        "poll_s = true",
        "modem[0].poll_s: expected a number (got true)",
        id="a boolean is no number",
    ),
    pytest.param(
        'prefixes = ["BTM"]',
        "prefixes = []",
        "service[0].prefixes: expected at least 1 in the list (got [])",
        id="no prefix",
    ),
    pytest.param(
        'prefixes = ["BTM"]',
        'prefixes = ["BTM", "btm"]',
        "service[0].prefixes: expected each one once",
        id="a prefix twice",
    ),
    pytest.param(
        'prefixes = ["BTM"]',
        'prefixes = ["B M"]',
        'service[0].prefixes[0]: expected 2 to 12 letters and digits, a letter first (got "B M")',
        id="a prefix of two words",
    ),
    pytest.param(
        "#service#",
        'timezone = "Asia/Jakrta"',
        'service[0].timezone: expected a time zone such as "Asia/Jakarta" (got "Asia/Jakrta")',
        id="a zone that does not exist",
    ),
    pytest.param(
        "#service#",
        '[service.replies]\nack = "No. {reff}"',
        "service[0].replies.ack: expected only the fields {ref}, {prefix}, {number}, "
        "{our_institution}, found {reff}",
        id="a field that this reply does not have",
    ),
    pytest.param(
        "#service#",
        '[service.replies]\nack = "Aduan “{ref}”"',
        "service[0].replies.ack: expected only characters of GSM-7, found '\\u201c', '\\u201d'",
        id="typographic quotes are not in GSM-7",
    ),
    pytest.param(
        "#service#",
        f'[service.replies]\nanswer = "{"x" * 101} {{answer}}"',
        "service[0].replies.answer: expected at most 160 septets with the longest values, this "
        "takes 162",
        id="a text that leaves too little room",
    ),
    pytest.param(
        "#service#",
        '[service.replies]\nak = "x"',
        'service[0].replies.ak: unknown key (did you mean "ack"?)',
        id="a reply that does not exist",
    ),
    pytest.param(
        "#backend#",
        'token = "geheim"',
        "backend[0].token: secrets are not kept in this file: expected token_credential or "
        "token_file",
        id="a secret in the file",
    ),
    pytest.param(
        "#backend#",
        'fields = { txet = "isi" }',
        'backend[0].fields.txet: unknown key (did you mean "text"?)',
        id="a field that complaints do not have",
    ),
    pytest.param(
        "#backend#",
        'find_url = "https://aduan.example/api"',
        "backend[0]: expected {reference} in find_url",
        id="a lookup that does not say what for",
    ),
    pytest.param(
        'url = "https://aduan.example/api"',
        'url = "http://aduan.example/api"',
        "backend[0]: expected https: plain http shows complaints to the network "
        "(is_plain_http_allowed = true permits it)",
        id="complaints in the clear",
    ),
    pytest.param(
        'kind = "json"',
        'kind = "jso"',
        'backend[0].kind: expected "json" (got "jso") (did you mean "json"?)',
        id="a kind that does not exist",
    ),
    pytest.param(
        "#backend#",
        'ca_file = "/nowhere/ca.pem"',
        'backend[0].ca_file: expected a readable file of certificates (got "/nowhere/ca.pem")',
        id="certificates that are not there",
    ),
    pytest.param(
        'url = "sqlite:////var/lib/smsgate/smsgate.db"',
        'url = "sqlite:///smsgate.db"',
        'store.url: expected "sqlite:////ABSOLUTE/PATH" or '
        '"postgresql+psycopg://USER@HOST/DATABASE" (got "sqlite:///smsgate.db")',
        id="a store that depends on where one stands",
    ),
    pytest.param(
        "[store]",
        '[status]\nlisten = "9178"\n[store]',
        'status.listen: expected "ADDRESS:PORT" such as "127.0.0.1:9178", or "off" (got "9178")',
        id="a port without an address",
    ),
    pytest.param(
        "[store]",
        '[status]\nlisten = "127.0.0.1:70000"\n[store]',
        'status.listen: expected "ADDRESS:PORT" such as "127.0.0.1:9178", or "off" '
        '(got "127.0.0.1:70000")',
        id="a port that cannot be",
    ),
    pytest.param(
        'name = "batam-1"',
        "",
        "gateway.name: expected, but it is missing",
        id="something left out",
    ),
    pytest.param(
        'name = "batam-1"',
        f'name = "batam-1"\nrun_dir = "/{"x" * 100}"',
        "gateway: expected a shorter run_dir: its control socket's path is too long",
        id="a folder too deep for a socket",
    ),
    pytest.param(
        "[gateway]",
        "gateway = 3\n[other]",
        "gateway: expected a table (got 3)",
        id="a number where a table belongs",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), ONE_MISTAKE)
def test_a_mistake_is_named_with_its_place_and_what_is_expected(
    problems_of: Problems, right: str, wrong: str, expected: str
) -> None:
    assert right in MINIMAL

    assert expected in problems_of(MINIMAL.replace(right, wrong, 1))


def test_one_mistake_is_one_problem(problems_of: Problems) -> None:
    """A wrong entry must not make the names that others use look wrong too."""
    problems = problems_of(MINIMAL.replace('kind = "json"', 'kind = "soap"'))

    assert len(problems) == 1


def test_every_mistake_is_reported_at_once(problems_of: Problems) -> None:
    text = (
        MINIMAL.replace('port = "/dev/null"', 'port = "null"')
        .replace('kind = "json"', 'kind = "soap"')
        .replace('"1708"', '"seventeen"')
        .replace('backends = ["kota"]', 'backends = ["kota", "kota"]')
    )

    problems = problems_of(text, {"SMSGATE_LOGLEVEL": "debug"})

    places = [problem.split(":")[0] for problem in problems]
    assert places == [
        "environment variable SMSGATE_LOGLEVEL",
        "service[0].number",
        "modem[0].port",
        "backend[0].kind",
    ]


def test_a_service_needs_to_be_named_where_there_are_two(problems_of: Problems) -> None:
    second = '[[service]]\nname = "b"\nnumber = "1709"\nprefixes = ["XY"]\n'
    second += 'institution = "X"\nbackends = ["kota"]\n[[modem]]'

    problems = problems_of(MINIMAL.replace("[[modem]]", second))

    assert problems == ["modem[0].service: expected, for there are several services"]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"[gateway\nname = 1", "line 1, column 9: ", id="a bracket left open"),
        pytest.param(b'[gateway]\nname = "a"\nname = "b"\nx = 1', "line 3", id="a key twice"),
        pytest.param(b"[gateway]\nname = \xff", "line 2: expected UTF-8", id="not UTF-8"),
        pytest.param(b"a = " + b"[" * 5000, "fewer brackets", id="nested to death"),
        pytest.param(b"#" * (1024 * 1024 + 1), "at most 1048576 bytes", id="too long"),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_line(
    tmp_path: Path, octets: bytes, expected: str
) -> None:
    path = tmp_path / "smsgate.toml"
    path.write_bytes(octets)

    with pytest.raises(ConfigError) as raised:
        load(path, environ={})

    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(f"{path}: ")
    assert expected in raised.value.problems[0]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file: make one with `smsgate config example`"):
        load(tmp_path / "none.toml", environ={})


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, environ={})


# --- environment --------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file(load_text: Load) -> None:
    environ = {
        "SMSGATE_STORE_URL": "postgresql+psycopg://smsgate@db/smsgate",
        "SMSGATE_GATEWAY_NAME": "batam-2",
        "SMSGATE_LOG_LEVEL": "debug",
        "SMSGATE_STATUS_LISTEN": "off",
        "PATH": "/bin",
    }

    settings = load_text(MINIMAL, environ)

    assert settings.store.url == "postgresql+psycopg://smsgate@db/smsgate"
    assert settings.gateway.name == "batam-2"
    assert settings.logs.level == "debug"
    assert settings.status.address is None


def test_a_mistyped_variable_is_a_problem(problems_of: Problems) -> None:
    """Silence would mean that an override which somebody relies on does nothing."""
    problems = problems_of(MINIMAL, {"SMSGATE_STORE_ULR": "x"})

    assert problems == [
        'environment variable SMSGATE_STORE_ULR: unknown (did you mean "SMSGATE_STORE_URL"?)'
    ]


def test_the_file_is_the_one_given_then_the_variable_then_the_usual_place() -> None:
    environ = {"SMSGATE_CONFIG": "/a.toml"}

    assert find_path(Path("/b.toml"), environ=environ) == Path("/b.toml")
    assert find_path(None, environ=environ) == Path("/a.toml")
    assert find_path(None, environ={}) == Path("/etc/smsgate/smsgate.toml")


# --- replies ------------------------------------------------------------------------------------


def test_every_reply_kind_has_a_text_and_its_fields() -> None:
    kinds = {kind.value for kind in ReplyKind}

    assert set(wording.DEFAULT_TEXTS) == kinds
    assert set(wording.REPLY_FIELDS) == kinds


def test_the_service_s_own_words_are_in_the_replies(load_text: Load) -> None:
    text = MINIMAL.replace('["BTM"]', '["TANGKAB", "TGR"]').replace("Pemko Batam", "Pemkab X")

    replies = load_text(text).services[0].replies

    assert replies.ack == (
        "Aduan diterima Pemkab X, no. {ref}. Kami verifikasi maks 3 hari kerja. "
        "Cek: ketik TANGKAB STATUS {ref}. Jangan SMS NIK/KTP. Darurat telp 112"
    )
    assert "BTM" not in replies.model_dump_json()
    assert replies.text(ReplyKind.POINTER).count("TANGKAB") == 1
    assert "1708" in replies.pointer


def test_an_institution_too_long_for_the_default_texts_says_so(problems_of: Problems) -> None:
    text = MINIMAL.replace("Pemko Batam", "Pemerintah Kabupaten Kepulauan Anambas")

    problems = problems_of(text)

    assert problems
    assert all("this is the default text" in problem for problem in problems)


# --- the example --------------------------------------------------------------------------------


def test_the_example_loads(load_text: Load) -> None:
    assert load_text(EXAMPLE).services[0].prefixes == ("BTM",)


def test_the_example_s_commented_values_are_the_defaults(load_text: Load) -> None:
    """What the file says of a default is what the program does without the line."""
    lines = EXAMPLE.splitlines()
    uncommented = [
        line[1:] if line.startswith("#") and line[1:2].islower() else line for line in lines
    ]

    assert uncommented != lines
    assert load_text("\n".join(uncommented)) == load_text(EXAMPLE)


def test_the_example_has_every_key_and_only_keys_that_exist(load_text: Load) -> None:
    shown = {
        line.lstrip("#? ").split(" = ")[0]
        for line in EXAMPLE.splitlines()
        if " = " in line and not line.startswith("# ")
    }
    tables: list[object] = [load_text(EXAMPLE).model_dump()]
    known: set[str] = set()
    while tables:
        table = tables.pop()
        if isinstance(table, dict):
            known |= {key for key, value in table.items() if not _holds_tables(value)}
            tables += table.values()
        elif isinstance(table, list | tuple):
            tables += table

    # the right sides of [backend.fields] are the agency's own
    assert shown - {"text", "sender"} == known - {"fields"}


def _holds_tables(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and bool(value)


def test_the_shipped_example_is_the_one_that_is_printed() -> None:
    shipped = Path(__file__).parents[2] / "systemd" / "smsgate.toml.example"

    assert shipped.read_bytes() == EXAMPLE.encode("utf-8")


def test_the_example_names_every_variable() -> None:
    for variable in ("SMSGATE_CONFIG", *ENVIRONMENT):
        assert variable in EXAMPLE


def test_reading_the_configuration_imports_no_database_and_no_modem() -> None:
    program = (
        "import sys, smsgate.config;"
        "print([m for m in ('sqlalchemy', 'sqlmodel', 'gsmmodem', 'serial', 'httpx2', 'structlog',"
        " 'typer', 'rich') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"
