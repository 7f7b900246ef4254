"""The command line: quick, lazy, and every error one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from config_files import write_config
from tpdu import deliver, gsm7, gsm7_user_data

from hardware.pdu import decode, tpdu_key
from hardware.sms import Slot
from smsgate import cli
from smsgate.alarms import Alarm, Severity
from smsgate.clock import SystemClock
from smsgate.control import ControlServer
from smsgate.errors import StoreBusy
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    Decision,
    Disposition,
    LineRecord,
    NewComplaint,
    NewReply,
    ReceivedPart,
    ReplyKind,
    SenderKnowledge,
    StatusCounts,
)
from smsgate.status import GatewayStatus, StatusServer
from smsgate.store import ServiceFacts, Store

HEAVY = ("sqlalchemy", "sqlmodel", "alembic", "httpx2", "gsmmodem", "serial", "rich", "structlog",
         "prometheus_client")  # fmt: skip
TEXT = "BTM jalan \x1b[2J rusak, NIK 2171012345678901"


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


# --- quick --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["nonsense"]])
def test_talking_about_itself_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys; from smsgate.cli import invoke;"
        f"invoke({words!r});"
        f"print('imported', [m for m in {HEAVY!r} if m in sys.modules])"
    )

    done = run_python(program)

    assert done.stdout.splitlines()[-1] == "imported []", done.stdout + done.stderr


@pytest.mark.parametrize("name", ["config", "sim", "status", "complaints", "demo", "modem"])
def test_help_of_a_command_imports_no_database(name: str) -> None:
    program = (
        f"import sys; from smsgate.cli import invoke; invoke([{name!r}, '--help']);"
        "print('imported', [m for m in ('sqlalchemy', 'sqlmodel') if m in sys.modules])"
    )

    done = run_python(program)

    assert done.stdout.splitlines()[-1] == "imported []", done.stdout + done.stderr


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_of_the_table_is_there(name: str) -> None:
    command = cli.load_command(name)

    assert command.help


def test_completion_knows_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = os.environ | {
        "_SMSGATE_COMPLETE": "complete_bash",
        "COMP_WORDS": "smsgate config ex",
        "COMP_CWORD": "2",
    }

    done = subprocess.run(
        [sys.executable, "-m", "smsgate"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.split() == ["example"], done.stderr


# --- errors -------------------------------------------------------------------------------------


def test_a_mistyped_command_is_a_usage_error_with_a_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.invoke(["stats"]) == 2
    assert capsys.readouterr().err == (
        "smsgate: No such command 'stats'. Did you mean 'status'? (see `smsgate --help`)\n"
    )


def test_no_command_shows_the_help_as_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_a_usage_error_points_to_the_help_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.invoke(["complaints", "list", "--limit", "0"]) == 2
    assert "(see `smsgate complaints list --help`)" in capsys.readouterr().err


def test_an_error_of_ours_is_its_sentence_and_its_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_busy(*_: object, **__: object) -> None:
        raise StoreBusy("another daemon has the store: stop it first")

    monkeypatch.setattr("smsgate.config.load", be_busy)

    assert cli.invoke(["status"]) == 69
    assert capsys.readouterr().err == "smsgate: another daemon has the store: stop it first\n"


def test_an_unexpected_error_says_how_to_see_more_and_nothing_of_its_content(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("+6281234567890")

    monkeypatch.setattr("smsgate.config.load", fail)

    assert cli.invoke(["status"]) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "unexpected KeyError" in printed
    assert "--traceback" in printed
    assert "62812" not in printed
    assert cli.invoke(["--traceback", "status"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("smsgate.config.load", interrupt)

    assert cli.invoke(["status"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", ["config example", "--help"])
def test_a_reader_that_goes_away_is_no_error(words: str) -> None:
    """`smsgate config example | head -1` must not end in a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "smsgate", *words.split()],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)

    assert done.stderr == b""


# --- configuration ------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in [name for name in os.environ if name.startswith("SMSGATE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return write_config(tmp_path, backend='token_credential = "kota-token"')


def test_a_good_configuration_is_said_to_be_good(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["config", "check", "--config", str(config)]) == 0

    printed = capsys.readouterr()
    first, second = printed.out.splitlines()
    assert first == f"{config}: ok (1 service, 1 modem, 1 backend)"
    assert "21 Indonesian replies fit one SMS" in second
    assert "Not checked here: kota-token" in printed.err


def test_a_bad_configuration_names_every_problem_on_a_line_of_its_own(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace('"json"', '"soap"').replace('"1708"', '"x"'))

    assert cli.invoke(["config", "check", "--config", str(config)]) == 78

    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(": ")[:2] for line in printed.err.splitlines()] == [
        [str(config), "service[0].number"],
        [str(config), "backend[0].kind"],
    ]


def test_a_check_for_scripts_gives_every_problem(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["config", "check", "--json", "--config", str(config)]) == 0
    good = json.loads(capsys.readouterr().out)
    config.write_text(config.read_text().replace('"json"', '"soap"').replace('"1708"', '"x"'))
    assert cli.invoke(["config", "check", "--json", "--config", str(config)]) == 78

    bad = json.loads(capsys.readouterr().out)

    assert good == {"file": str(config), "problems": [], "not_checked": ["kota-token"]}
    assert [problem.split(": ")[1] for problem in bad["problems"]] == [
        "service[0].number",
        "backend[0].kind",
    ]


def test_what_show_prints_loads_to_the_same(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from smsgate.config import load

    assert cli.invoke(["config", "show", "--config", str(config)]) == 0

    shown = tmp_path / "shown.toml"
    shown.write_text(capsys.readouterr().out)
    again = load(shown, environ={}, are_secrets_needed=False)
    assert again == load(config, environ={}, are_secrets_needed=False)


def test_show_prints_names_of_secrets_and_no_secret(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "kota-token").write_text("geheim")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert cli.invoke(["config", "show", "--json", "--config", str(config)]) == 0

    printed = capsys.readouterr().out
    assert json.loads(printed)["backend"][0]["token_credential"] == "kota-token"
    assert "geheim" not in printed


# --- status -------------------------------------------------------------------------------------

STATUS = GatewayStatus(
    gateway="batam-1",
    version="0.1.0",
    started_at=datetime(2026, 8, 17, tzinfo=UTC),
    lines=(
        LineRecord(gateway="batam-1", name="m1", service="btm", state="ready", operator="X\x1b[2J"),
    ),
    counts=StatusCounts(sms={"complaint": 3}, complaints={}, forwards={}, replies={}),
    alarms=(Alarm("store", Severity.CRITICAL, "The disk is full.", datetime.now(UTC)),),
)


def test_the_running_daemon_is_asked(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operations = {"status": lambda _: STATUS.as_plain()}
    with ControlServer(tmp_path / "control.sock", operations):
        assert cli.invoke(["status", "--json", "--config", str(config)]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["running"] is True
    assert found["ready"] is False
    assert found["lines"][0]["state"] == "ready"


def test_a_status_for_people_shows_alarms_and_plays_no_tricks(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operations = {"status": lambda _: STATUS.as_plain()}
    with ControlServer(tmp_path / "control.sock", operations):
        assert cli.invoke(["status", "--config", str(config)]) == 0

    printed = capsys.readouterr().out
    assert "CRITICAL  store: The disk is full." in printed
    assert "X\\x1b[2J" in printed
    assert "\x1b" not in printed
    assert "3 complaint" in printed


def test_where_the_socket_is_not_ours_the_status_is_asked_over_http(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StatusServer(("127.0.0.1", 0), lambda: STATUS) as server:
        listen = f"127.0.0.1:{server.address[1]}"
        config.write_text(config.read_text().replace('"off"', f'"{listen}"'))
        assert cli.invoke(["status", "--json", "--config", str(config)]) == 0

    assert json.loads(capsys.readouterr().out)["running"] is True


def test_the_status_of_another_gateway_on_our_port_is_not_ours(
    config: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    with StatusServer(("127.0.0.1", 0), lambda: STATUS) as server:
        listen = f"127.0.0.1:{server.address[1]}"
        text = config.read_text().replace('"off"', f'"{listen}"').replace("batam-1", "batam-2")
        config.write_text(text)
        assert cli.invoke(["status", "--json", "--config", str(config)]) == 0

    assert json.loads(capsys.readouterr().out)["running"] is False


# --- store --------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one complaint, whose text tries to clear the terminal."""
    store = Store(
        f"sqlite:///{tmp_path}/smsgate.db",
        "batam-1",
        clock=SystemClock(),
        services={"btm": ServiceFacts(number="1708", backends=("kota",))},
    )
    store.open(create=True)
    octets = deliver(gsm7_user_data(gsm7("BTM jalan rusak")))
    slot = Slot("SM", 1, 0, len(octets) - 1, octets)
    part = ReceivedPart(slot, tpdu_key(octets), decode(octets))
    store.receive("m1", "btm", [part], decide, lambda: "12345674")
    store.raise_alarm("line.m1.notice", "The balance is low.", "notice")
    store.save_line(LineRecord(gateway="batam-1", name="m1", service="btm", state="closed"))
    yield store
    store.close()


def decide(sms: CompleteSms, _known: SenderKnowledge, reference: str) -> Decision:
    complaint = NewComplaint(
        reference=reference,
        body=TEXT.removeprefix("BTM "),
        raw_text=TEXT,
        prefix="BTM",
        confidentiality=Confidentiality.PLAIN,
        is_urgent=True,
        text_digest=b"x",
    )
    reply = NewReply(ReplyKind.ACK, sms.sender, f"Aduan diterima, no. {reference}.")
    return Decision(Disposition.COMPLAINT, complaint=complaint, replies=[reply])


@pytest.mark.usefixtures("store")
def test_without_a_daemon_the_store_is_read_and_that_is_said(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["status", "--json", "--config", str(config)]) == 0

    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["running"] is False
    assert found["counts"]["sms"]["complaint"] == 1
    assert found["backends"][0]["due"] == 1
    assert found["lines"][0]["name"] == "m1"
    assert found["alarms"][0]["key"] == "line.m1.notice"
    assert "No daemon of gateway batam-1 answers" in printed.err
    assert cli.invoke(["status", "--config", str(config)]) == 0
    printed_for_people = capsys.readouterr().out
    assert "stopped" in printed_for_people
    assert "NOTICE  line.m1.notice: The balance is low." in printed_for_people


def test_without_a_store_it_says_how_to_make_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["complaints", "list", "--config", str(config)]) == 78
    assert "smsgate db upgrade" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["complaints", "list", "--status"], "perlu data"),
        (["messages", "list", "--disposition"], "follow-up"),
        (["messages", "list", "--state"], "quarantined"),
        (["ledger", "--day"], "YYYY-MM-DD"),
    ],
)
def test_a_filter_that_nothing_can_match_is_refused_with_the_words_there_are(
    words: list[str], known: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty table would say that there are none."""
    assert cli.invoke([*words, "bogus", "--config", str(config)]) == 2

    assert known in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_a_list_is_narrowed_to_a_status(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def listed(status: str) -> int:
        words = ["complaints", "list", "--json", "--status", status, "--config", str(config)]
        assert cli.invoke(words) == 0
        return len(json.loads(capsys.readouterr().out))

    assert (listed("diterima"), listed("selesai")) == (1, 0)


@pytest.mark.usefixtures("store")
def test_a_list_masks_numbers_and_makes_controls_visible(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["complaints", "list", "--config", str(config)]) == 0

    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["reference", "received"]
    assert row.startswith("12345674")
    assert "…890" in row
    assert "urgent" in row
    assert "jalan \\x1b[2J rusak, NIK" in row
    assert "2171012345678901" not in row
    assert "62812" not in row


@pytest.mark.usefixtures("store")
def test_a_complaint_is_shown_with_forwards_replies_and_history(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["complaints", "show", "12345674", "--config", str(config)]) == 0

    printed = capsys.readouterr().out
    assert "kota" in printed
    assert "Aduan diterima, no. 12345674." in printed
    assert "\x1b" not in printed
    assert "2171012345678901" not in printed
    assert "62812" not in printed


@pytest.mark.usefixtures("store")
def test_the_full_number_is_shown_only_on_demand(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["complaints", "show", "12345674", "--json", "--config", str(config)]
    assert cli.invoke(words) == 0
    masked = json.loads(capsys.readouterr().out)
    assert cli.invoke([*words, "--reveal"]) == 0
    revealed = json.loads(capsys.readouterr().out)

    assert masked["sender"] == "…890"
    assert "2171012345678901" not in json.dumps(masked)
    assert revealed["sender"] == "+6281234567890"
    assert "2171012345678901" in revealed["body"]
    assert revealed["forwards"][0]["state"] == "due"
    assert revealed["replies"][0]["kind"] == "ack"


@pytest.mark.usefixtures("store")
def test_a_reference_that_nobody_has_is_a_sentence(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["complaints", "show", "1\x1b[2J", "--config", str(config)]) == 1
    assert capsys.readouterr().err == (
        "smsgate: no complaint has the reference 1\\x1b[2J: see `smsgate complaints list`\n"
    )


@pytest.mark.usefixtures("store")
def test_a_status_filter_leaves_out_the_others(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["complaints", "list", "--json", "--status", "selesai", "--config", str(config)]

    assert cli.invoke(words) == 0
    assert json.loads(capsys.readouterr().out) == []
