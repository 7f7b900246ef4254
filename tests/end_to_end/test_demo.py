"""The demo: the whole gateway by one command, seen from where a citizen and an operator stand."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway import run_smsgate, running_gateway

from smsgate.citizen import Citizen
from smsgate.cli.demo import show
from smsgate.rehearsal import Rehearsal, smsgate_command, wait_until

SENDER = "+6281234567890"
LONG = "BTM " + "jalan rusak parah sekali " * 30
LINES = [
    "BTM jalan rusak di Sekupang",
    "BTM jalan rusak di Sekupang",
    "BTM STATUS",
    "BTM BANTUAN",
    "BTM",
    "BTM RAHASIA pungli di kantor lurah",
    "BTM 😀 lampu jalan mati 🌙",
    LONG,
    "BTM air PDAM keruh di Tiban",
    "BTM sampah menumpuk di Bengkong",
    "BTM selokan mampet di Nagoya",
]
START_LIMIT_S = 60.0


@pytest.fixture
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the demo makes its folder: short, since Unix sockets will lie below it."""
    folder = Path(tempfile.mkdtemp(prefix="d", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What one run of the demo prints, one block for each SMS."""
    done = run_smsgate("demo", given="\n".join([*LINES, ""]), limit_s=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().split("\n\n")


def test_every_line_is_an_exchange(told: list[str]) -> None:
    heads = [block.splitlines()[0] for block in told]

    assert heads == [f"SMS from {SENDER}: {line}" for line in LINES]


def test_a_complaint_is_forwarded_and_its_receipt_names_the_reference(told: list[str]) -> None:
    filed = re.search(r"filed as complaint (\d{8})\n", told[0])

    assert filed is not None
    assert re.search(r"forwarded to kota, tracking id \S+\n", told[0])
    assert f"answered: Aduan diterima Pemko Batam, no. {filed[1]}." in told[0]


def test_the_same_words_again_are_answered_with_the_first_reference(told: list[str]) -> None:
    reference = re.findall(r"\d{8}", told[0].split("filed as complaint ")[1])[0]

    assert "filed as repeat" in told[1]
    assert f"sudah tercatat dgn no. {reference}" in told[1]


@pytest.mark.parametrize(
    ("place", "filed", "answered"),
    [
        pytest.param(2, "filed as query", "diterima", id="the status is asked"),
        pytest.param(3, "filed as query", "Ketik BTM", id="help is asked"),
        pytest.param(4, "filed as test", "belum berisi aduan", id="the keyword alone"),
        pytest.param(5, "filed as complaint", "Aduan RAHASIA diterima", id="confidential"),
        pytest.param(6, "filed as complaint", "Aduan diterima", id="emoji, in UCS-2"),
        pytest.param(7, "filed as complaint", "Aduan diterima", id="a text of several parts"),
        pytest.param(10, "filed as complaint", "Aduan diterima", id="more than one sends at home"),
    ],
)
def test_each_kind_is_filed_and_answered_as_what_it_is(
    told: list[str], place: int, filed: str, answered: str
) -> None:
    assert filed in told[place]
    assert answered in told[place].split("answered: ")[1]


def test_what_no_phone_could_send_is_missing_and_the_rest_goes_on() -> None:
    hostile = b"BTM \xff\xfe rusak\x00\x1b[31m\n"

    done = run_smsgate("demo", given=b"BTM " + b"a" * 40_000 + b"\n\n" + hostile, limit_s=100)

    assert done.returncode == 1
    refused, taken = done.stdout.strip().split("\n\n")
    assert "MISSING: not sent" in refused
    assert "filed as complaint" in taken
    assert "\x1b" not in taken
    assert "2 SMS sent; 1 went the whole way" in done.stderr


def test_without_any_sms_it_says_so() -> None:
    done = run_smsgate("demo")

    assert (done.returncode, done.stdout) == (0, "")
    assert "No SMS came" in done.stderr


def _count_processes_in(folder: Path) -> int:
    count = 0
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += str(folder) in entry.read_text(errors="replace")
        except OSError:
            continue  # it ended while we looked
    return count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_in_the_middle_it_leaves_nothing_behind(
    temporary_folder: Path, number: signal.Signals
) -> None:
    """The folder holds a citizen's words, and a process left over would hold the port."""
    demo = subprocess.Popen(
        smsgate_command("demo"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _count_processes_in(temporary_folder) >= 3, START_LIMIT_S, "the start")

        demo.send_signal(number)

        assert demo.wait(START_LIMIT_S) != 0
        assert list(temporary_folder.iterdir()) == []
        assert _count_processes_in(temporary_folder) == 0
    finally:
        demo.kill()
        demo.wait()
        assert demo.stdin is not None
        demo.stdin.close()


def test_killed_it_leaves_no_process_behind(temporary_folder: Path) -> None:
    demo = subprocess.Popen(
        smsgate_command("demo"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert demo.stdin is not None
    with demo.stdin:
        wait_until(lambda: _count_processes_in(temporary_folder) >= 3, START_LIMIT_S, "the start")

        demo.kill()
        demo.wait()

        wait_until(lambda: _count_processes_in(temporary_folder) == 0, 10, "the end of all")


class _Terminal:
    """The demo on a pseudo-terminal: type, and read until something shows."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.seen = ""
        self._process = subprocess.Popen(
            smsgate_command("demo"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "COLUMNS": "160", "LINES": "50", "TERM": "xterm"},
        )
        os.close(slave)

    def wait_for(self, words: str, limit_s: float = START_LIMIT_S) -> str:
        """Return what was shown since the last call, up to and with these words."""
        deadline = time.monotonic() + limit_s
        while words not in self.seen:
            assert time.monotonic() < deadline, f"no {words!r} in: {self.seen[-3000:]}"
            if select.select([self._master], [], [], 0.5)[0]:
                self.seen += os.read(self._master, 65536).decode("utf-8", errors="replace")
        shown, _, self.seen = self.seen.partition(words)
        return shown + words

    def type(self, line: str) -> None:
        os.write(self._master, line.encode() + b"\n")

    def end(self) -> int:
        """Wait for its end; return the exit code."""
        try:
            return self._process.wait(START_LIMIT_S)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._master)


def test_on_a_terminal_the_phone_the_store_and_the_backend_are_seen_together() -> None:
    terminal = _Terminal()
    terminal.wait_for("to 1708>")

    terminal.type("BTM pohon tumbang di Batu Ampar")
    view = terminal.wait_for("/quit").partition("on its way")[2]
    terminal.type("/quit")

    assert terminal.end() == 0
    assert "Aduan diterima" in view
    assert "forwarded to kota" in view
    assert "SIM-000001" in view


@pytest.fixture(scope="module")
def gateway() -> Iterator[Rehearsal]:
    with running_gateway() as rehearsal:
        yield rehearsal


def test_a_complaint_that_the_backend_does_not_take_is_missing_there(gateway: Rehearsal) -> None:
    """What exit code 0 of the demo says must be able to be false."""
    gateway.set_backend_faults({"mode": "status", "status": 503})
    try:
        with gateway.store() as store, gateway.network() as network:
            exchange = Citizen(gateway, store, network, SENDER).exchange("BTM banjir", limit_s=2)
    finally:
        gateway.set_backend_faults({"mode": "none"})

    assert exchange.disposition == "complaint"
    assert any("its forward to kota is due" in missing for missing in exchange.missing)
    assert any("holds it 0 times" in missing for missing in exchange.missing)


def test_an_answer_that_never_reaches_the_phone_is_missing(gateway: Rehearsal) -> None:
    with gateway.store() as store, gateway.network() as network:
        network.fault("submit_error", code=38)
        try:
            exchange = Citizen(gateway, store, network, SENDER).exchange("BTM BANTUAN", limit_s=2)
        finally:
            network.clear_fault()

    assert exchange.disposition == "query"
    assert exchange.missing
    assert not exchange.answers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("jalan\x1b[2J rusak", "jalan\\x1b[2J rusak", id="terminal control"),
        pytest.param("dua\nbaris", "dua\\nbaris", id="line break"),
        pytest.param("lampu 😀 mati", "lampu 😀 mati", id="emoji stay"),
        pytest.param("\u202eterbalik", "\\u202eterbalik", id="text direction"),
    ],
)
def test_a_text_is_shown_as_one_harmless_line(text: str, shown: str) -> None:
    assert show(text) == shown
