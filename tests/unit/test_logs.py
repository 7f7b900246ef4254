"""Logging: what is written, where, and what never is."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from smsgate import logs


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Give back what `configure` takes over."""
    hooks = sys.excepthook, threading.excepthook
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level="info", format="json", stream=stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_fields(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("sms_filed", sms_id=7, line="m1")

    (event,) = events(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "sms_filed", "level": "info", "sms_id": 7, "line": "m1"}


PERSONAL_FIELDS = ["sender", "recipient", "number", "text", "body", "pdu", "reply_text", "TPDU",
                   "raw", "token", "from_number", "pin", "message"]  # fmt: skip


@pytest.mark.parametrize("key", PERSONAL_FIELDS)
def test_a_field_that_may_be_personal_is_dropped_and_named(stream: io.StringIO, key: str) -> None:
    structlog.get_logger().info("x", **{key: "BTM jalan rusak", "line": "m1"})

    (event,) = events(stream)
    assert key not in event
    assert event["masked"] == [key]
    assert event["line"] == "m1"
    assert "rusak" not in stream.getvalue()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("to +6281234567890 now", "to …890 now", id="international"),
        pytest.param("081234567890", "…890", id="national"),
        pytest.param("6281234567890", "…890", id="without the plus"),
        pytest.param("+6591234567", "…567", id="Singapore"),
        pytest.param(["a", {"to": "+6281234567890"}], ["a", {"to": "…890"}], id="within a list"),
        pytest.param({"sender": "x", "n": 1}, {"n": 1}, id="a personal key within a field"),
        pytest.param(b"\x00\x01", "<2 octets>", id="octets may be a PDU"),
        pytest.param("x" * 2000, "x" * 1000 + "…", id="endless"),
    ],
)
def test_a_value_is_written_without_what_is_personal(
    stream: io.StringIO, written: object, shown: object
) -> None:
    structlog.get_logger().info("x", reason=written)

    (event,) = events(stream)
    assert event["reason"] == shown
    assert event["masked"] == ["reason"]


@pytest.mark.parametrize(
    "value", ["861234567890123", "2026-08-17T10:00:00+07:00", "+CMS ERROR: 500", "12345674", "1708"]
)
def test_what_is_no_telephone_number_stays(stream: io.StringIO, value: str) -> None:
    """An IMEI, a moment, a reference: technicians need them."""
    structlog.get_logger().info("x", reason=value)

    assert events(stream)[0]["reason"] == value


def refuse_row(text: str) -> None:
    raise ValueError(f"bad row\n[parameters: {text!r}]")


def fail_with_personal_data() -> None:
    text = "BTM jalan rusak"  # a local that a careless traceback would show
    try:
        refuse_row(text)
    except ValueError as error:
        raise RuntimeError("cannot file for +6281234567890") from error


def test_an_exception_is_logged_without_locals_parameters_and_numbers(stream: io.StringIO) -> None:
    try:
        fail_with_personal_data()
    except RuntimeError:
        structlog.get_logger().exception("worker_crashed", worker="line m1")

    (event,) = events(stream)
    assert "RuntimeError: cannot file for …890" in event["exception"]
    assert "ValueError: bad row" in event["exception"]
    assert "fail_with_personal_data" in event["exception"]
    assert "jalan rusak'" not in event["exception"]


def test_what_a_thread_did_not_catch_is_logged(stream: io.StringIO) -> None:
    thread = threading.Thread(target=fail_with_personal_data, name="line m1")
    thread.start()
    thread.join(10)

    (event,) = events(stream)
    assert event["event"] == "uncaught_exception"
    assert event["level"] == "critical"
    assert event["thread"] == "line m1"
    assert "6281234567" not in stream.getvalue()


def test_what_nobody_caught_is_logged(stream: io.StringIO) -> None:
    try:
        fail_with_personal_data()
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    assert events(stream)[0]["event"] == "uncaught_exception"


def test_a_library_s_warning_comes_without_the_values_put_into_it(stream: io.StringIO) -> None:
    logging.getLogger("gsmmodem.modem").warning("SMS from %s: %s", "+6281234567890", "jalan rusak")
    logging.getLogger("gsmmodem.modem").info("not even this")

    (event,) = events(stream)
    assert event["event"] == "library_warning"
    assert event["logger"] == "gsmmodem.modem"
    assert event["said"] == "SMS from %s: %s"
    assert "rusak" not in stream.getvalue()


def test_a_library_s_ready_made_words_are_left_out(stream: io.StringIO) -> None:
    logging.getLogger("other").error("SMS from +6281234567890")

    assert events(stream)[0]["said"] == ""


def test_the_level_can_change_while_loggers_are_bound(stream: io.StringIO) -> None:
    bound = structlog.get_logger().bind(line="m1")
    bound.debug("before")

    logs.set_level("debug")
    bound.debug("after")

    assert [event["event"] for event in events(stream)] == ["after"]


def test_a_terminal_gets_the_console_and_a_file_json() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert logs.choose_format(Terminal()) == "console"
    assert logs.choose_format(io.StringIO()) == "json"


def test_standard_error_connected_to_the_journal_is_the_journal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("w") as file:
        status = (tmp_path / "stderr").stat()
        monkeypatch.setattr(sys, "stderr", file)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")

        assert logs.choose_format(file) == "journal"


def test_a_journal_stream_that_is_none_does_not_stop_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "nonsense")

    assert logs.choose_format(sys.stderr) in ("json", "console")


# --- the journal --------------------------------------------------------------------------------


def journal_fields(datagram: bytes) -> dict[str, str]:
    """Read journald's native format: `KEY=value`, or KEY, length and value where it has line ends."""
    fields: dict[str, str] = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        key, is_short, value = line.partition(b"=")
        if not is_short:
            length = int.from_bytes(datagram[:8], sys.byteorder)
            value, datagram = datagram[8 : 8 + length], datagram[8 + length + 1 :]
        fields[key.decode()] = value.decode()
    return fields


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "journal"))
        journal.settimeout(5)
        yield journal


@pytest.fixture
def send(tmp_path: Path, journal: socket.socket) -> Iterator[logs.JournalSender]:
    sender = logs.JournalSender(tmp_path / "journal")
    yield sender
    sender.close()


def test_the_journal_gets_native_fields(send: logs.JournalSender, journal: socket.socket) -> None:
    with pytest.raises(structlog.DropEvent):
        send(None, "warning", {"event": "line_closed", "level": "warning", "line": "m1", "n": 3,
                               "exception": "a\nb"})  # fmt: skip

    fields = journal_fields(journal.recv(65536))
    assert fields == {
        "MESSAGE": "line_closed line=m1 n=3",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "smsgate",
        "SMSGATE_EVENT": "line_closed",
        "SMSGATE_LINE": "m1",
        "SMSGATE_N": "3",
        "SMSGATE_EXCEPTION": "a\nb",
    }


def test_an_event_that_journald_does_not_take_goes_on(
    send: logs.JournalSender, journal: socket.socket
) -> None:
    journal.close()
    event = {"event": "x", "level": "info"}

    assert send(None, "info", event) is event


def test_an_event_is_one_journal_entry_and_its_values_make_no_fields(
    send: logs.JournalSender, journal: socket.socket
) -> None:
    """A line end in a value must not begin a field of the sender's choice."""
    with pytest.raises(structlog.DropEvent):
        send(None, "info", {"event": "x", "level": "info", "reason": "a\nPRIORITY=0\nMESSAGE=fake"})

    fields = journal_fields(journal.recv(65536))
    assert fields["PRIORITY"] == "6"
    assert fields["SMSGATE_REASON"] == "a\nPRIORITY=0\nMESSAGE=fake"
