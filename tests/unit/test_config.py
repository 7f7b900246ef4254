"""The configuration: what loads, and what every mistake is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from config_files import MINIMAL, Load, Problems
from users import as_nobody

from smsgate import wording
from smsgate.config import find_path, load
from smsgate.errors import ConfigDenied, ConfigError
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
        'service[0].prefixes: expected each one once (got ["BTM", "btm"])',
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
        'backend[0].find_url: expected {reference} in it (got "https://aduan.example/api")',
        id="a lookup that does not say what for",
    ),
    pytest.param(
        'url = "https://aduan.example/api"',
        'url = "http://aduan.example/api"',
        "backend[0].url: expected https: plain http shows complaints to the network "
        '(is_plain_http_allowed = true permits it) (got "http://aduan.example/api")',
        id="complaints in the clear",
    ),
    pytest.param(
        "#backend#",
        'add_url = "https://aduan.example/{id}"',
        "backend[0].add_url: expected only {reference} and {tracking_id} in braces (got "
        '"https://aduan.example/{id}")',
        id="an address with a field of its own",
    ),
    pytest.param(
        "#backend#",
        'status_url = "https://aduan.example/api"',
        "backend[0].status_url: expected {reference} or {tracking_id} in it (got "
        '"https://aduan.example/api")',
        id="a question that does not say what for",
    ),
    pytest.param(
        "#backend#",
        'statuses = { beres = "done" }',
        'backend[0].statuses.beres: expected "diterima", "perlu data", "proses", "dijawab", '
        '"selesai", "bukan wewenang" or "dibatalkan" (got "done")',
        id="a status that we do not have",
    ),
    pytest.param(
        "#backend#",
        'fields = { text = "sender.text" }',
        'backend[0].fields.text: expected a place of its own (got "sender.text", which is that of '
        "sender)",
        id="two fields in one place",
    ),
    pytest.param(
        "#modem#",
        'memories = ["SM", "SM"]',
        'modem[0].memories: expected each memory once (got ["SM", "SM"])',
        id="a memory twice",
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
        "gateway.run_dir: expected a shorter path: the control socket's would be too long (got "
        f'"/{"x" * 57}…)',
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
    """Also what one key says of another, in tables that have other mistakes."""
    text = (
        MINIMAL.replace('port = "/dev/null"', 'port = "null"\nservice = "bmt"')
        .replace("#modem#", 'memories = ["SM", "SM"]\n[[modem]]\nname = "m1"\nport = 3')
        .replace('kind = "json"', 'kind = "soap"')
        .replace('url = "https://aduan', 'url = "http://aduan')
        .replace(
            "#backend#",
            'find_url = "https://aduan.example/x"\nfields = { text = "sender" }\n'
            'ca_file = "/nowhere"\ntoken_credential = "kota-token"',
        )
        .replace('"1708"', '"seventeen"')
        .replace('backends = ["kota"]', 'backends = ["kotta", "kotta"]')
        .replace("#service#", '[service.replies]\nack = "{x}"')
    )

    problems = problems_of(text, {"SMSGATE_LOGLEVEL": "debug", "SMSGATE_LOG_LEVEL": "loud"})

    places = [problem.split(":")[0] for problem in problems]
    assert places == [
        "environment variable SMSGATE_LOGLEVEL",
        "environment variable SMSGATE_LOG_LEVEL",
        "service[0].number",
        "service[0].backends[0]",
        "service[0].backends[1]",
        "service[0].backends",
        "service[0].replies.ack",
        "modem[0].port",
        "modem[0].service",
        "modem[0].memories",
        "modem[1].port",
        "modem[1].name",
        "backend[0].kind",
        "backend[0].fields.text",
        "backend[0].url",
        "backend[0].find_url",
        "backend[0].ca_file",
        "backend[0].token_credential",
    ]


def test_a_name_that_is_no_name_is_not_looked_up_too(problems_of: Problems) -> None:
    problems = problems_of(MINIMAL.replace('backends = ["kota"]', 'backends = ["k k"]'))

    assert [problem.split(":")[0] for problem in problems] == ["service[0].backends[0]"]


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
        pytest.param(b"a = " + b"9" * 5000, "numbers of at most 4300 digits", id="a long number"),
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


def test_a_file_that_this_user_may_not_read_is_a_matter_of_permission(tmp_path: Path) -> None:
    path = tmp_path / "smsgate.toml"
    path.write_text(MINIMAL)
    path.chmod(0)

    with as_nobody(), pytest.raises(ConfigDenied, match="run as the user smsgate") as raised:
        load(path, environ={})

    assert raised.value.exit_code == 77


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


def test_a_wrong_value_of_a_variable_is_the_variable_s_fault(problems_of: Problems) -> None:
    """The file may say something else, and be right."""
    text = MINIMAL + '[logs]\nlevel = "info"\n'

    assert problems_of(text, {"SMSGATE_LOG_LEVEL": "loud"}) == [
        'environment variable SMSGATE_LOG_LEVEL: expected "debug", "info", "warning" or "error" '
        '(got "loud")'
    ]


def test_a_mistyped_variable_is_named_beside_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "none.toml", environ={"SMSGATE_X": ""})

    assert len(raised.value.problems) == 2


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
