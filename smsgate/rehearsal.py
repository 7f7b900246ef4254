"""The whole gateway on trial: simulated modem, simulated backend, real daemon, each a process.

Everything lives in one folder that is removed afterwards. The demo, the end-to-end tests and the
benchmarks all start the gateway through here.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from msgspec import Struct, field

from hardware.simulator.control import ControlClient
from smsgate.errors import SmsgateError, StoreError

if TYPE_CHECKING:  # the benchmarks of other daemons do without
    from smsgate.store import Store

START_LIMIT_S = 20.0
STOP_LIMIT_S = 10.0
ANSWER_LIMIT_S = 5.0
LOOK_EVERY_S = 0.005
LOG_TAIL_LINES = 8
GATEWAY = "rehearsal"
# a Unix socket's path has 107 octets, and ours are the longest below the folder
FOLDER_LENGTH_MAX = 70

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)  # looked up before any fork


class RehearsalError(SmsgateError):
    """A program did not start, ended early, or was not there in time; the message says which."""


def wait_until(condition: Callable[[], bool], limit_s: float, what: str = "it") -> None:
    """Return as soon as the condition holds; raise RehearsalError after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() >= deadline:
            raise RehearsalError(f"{what} did not happen within {limit_s:g} s")
        time.sleep(LOOK_EVERY_S)


class Program:
    """One process whose output goes to files, that ends when we end."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.output = folder / f"{name}.out"
        self.log = folder / f"{name}.log"
        self.started_at = time.monotonic()
        parent = os.getpid()
        with self.output.open("wb") as output, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=folder,
                env={**_inherited_environment(), **environment},
                start_new_session=True,  # a Ctrl-C at the terminal is ours to handle
                preexec_fn=lambda: _end_with(parent),  # noqa: PLW1509 - makes two system calls, no more
            )

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> str:
        """Wait for the line `ready WHERE` on its standard output; return WHERE."""
        found: list[str] = []

        def has_ready_line() -> bool:
            self.check_alive()
            text = self.output.read_text(encoding="utf-8", errors="replace")
            whole_lines = text.split("\n")[:-1]
            found.extend(line[6:] for line in whole_lines if line.startswith("ready "))
            return bool(found)

        wait_until(has_ready_line, limit_s, f"the start of {self.name}")
        return found[0]

    def check_alive(self) -> None:
        """Raise when the process has ended, with the last lines that it wrote."""
        code = self.process.poll()
        if code is not None:
            raise RehearsalError(f"{self.name} ended with exit code {code}: {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:]) or "it said nothing"

    def stop(self, limit_s: float = STOP_LIMIT_S) -> int:
        """Ask it to end (SIGTERM), make it end (SIGKILL) after the limit; return its exit code."""
        if self.process.poll() is None:
            self._signal_group(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(limit_s)
        return self.kill()

    def kill(self) -> int:
        """End it and what it started at once, as a power cut would; return its exit code."""
        self._signal_group(signal.SIGKILL)
        return self.process.wait(STOP_LIMIT_S)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)  # it leads a session of its own


def _end_with(parent: int) -> None:
    """In the child, before exec: be killed when the thread that started us is gone."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _inherited_environment() -> dict[str, str]:
    """Return our environment without what would configure a gateway: the rehearsal's file does."""
    ours = ("SMSGATE_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def smsgate_command(*arguments: str) -> list[str]:
    """Return the command line that runs our own `smsgate` with this interpreter."""
    return [sys.executable, "-m", "smsgate", *arguments]


CONFIG = """\
[gateway]
name = "{gateway}"
run_dir = "{folder}/run"
state_dir = "{folder}/state"

[store]
url = "{store_url}"
disk_reserve_mib = 8

[[service]]
name = "btm"
number = "1708"
prefixes = ["BTM"]
institution = "Pemko Batam"
backends = ["kota"]
{service}
[[modem]]
name = "m1"
port = "{port}"
memories = [{memories}]
{modem}
[[backend]]
name = "kota"
kind = "json"
url = "{backend}"
find_url = "{backend}?reference={{reference}}"
token_file = "{folder}/token"
secret_file = "{folder}/secret"
{backend_lines}
[status]
listen = "127.0.0.1:0"
"""


class Plan(Struct, frozen=True):
    """What differs from the ordinary rehearsal."""

    modem_arguments: Sequence[str] = ()  # more for `smsgate sim modem`
    backend_arguments: Sequence[str] = ()  # more for `smsgate sim backend`
    memories: Sequence[str] = ("SM",)
    service_lines: str = ""  # more TOML for each table
    modem_lines: str = ""
    backend_lines: str = ""  # {backend} is its address
    environment: Mapping[str, str] = field(default_factory=dict)


class Rehearsal:
    """A gateway on trial. Entering makes the folder; leaving stops everything and removes it."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or Plan()
        self.folder = Path()
        self.backend_url = ""
        self.programs: dict[str, Program] = {}

    def __enter__(self) -> Self:
        self.folder = _make_folder()
        for name in ("run", "state"):
            (self.folder / name).mkdir()
        for name in ("token", "secret"):
            _write_private(self.folder / name, secrets.token_hex(16))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:  # in the opposite order: the daemon first, the folder last
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            for name in ("backend", "modem", "daemon"):
                if name in self.programs:
                    stack.callback(self.programs[name].stop)

    @property
    def config(self) -> Path:
        """The gateway's configuration file."""
        return self.folder / "smsgate.toml"

    @property
    def store_url(self) -> str:
        """Where the gateway keeps its rows."""
        return f"sqlite:///{self.folder}/state/smsgate.db"

    @property
    def link(self) -> Path:
        """Where the simulated modem's terminal is found."""
        return self.folder / "modem"

    def start_all(self) -> None:
        """Start backend, modem and daemon."""
        self.start_backend()
        self.start_modem()
        self.write_config()
        self.start_daemon()

    def start_backend(self) -> None:
        """Start the simulated complaint system; after a stop, again on the same address."""
        port = urlsplit(self.backend_url).port or 0
        program = self._start(
            "backend",
            "sim", "backend", "--listen", f"127.0.0.1:{port}",
            "--token-file", str(self.folder / "token"),
            "--secret-file", str(self.folder / "secret"),
            *self.plan.backend_arguments,
        )  # fmt: skip
        self.backend_url = program.wait_ready()

    def start_modem(self) -> None:
        """Start the simulated modem with its network."""
        program = self._start(
            "modem",
            "sim", "modem", "--link", str(self.link), "--control", str(self.folder / "network"),
            *self.plan.modem_arguments,
        )  # fmt: skip
        program.wait_ready()

    def write_config(self) -> None:
        """Write the configuration for what has been started."""
        plan = self.plan
        text = CONFIG.format(
            folder=self.folder,
            gateway=GATEWAY,
            store_url=self.store_url,
            port=self.link,
            memories=", ".join(f'"{memory}"' for memory in plan.memories),
            backend=self.backend_url,
            service=plan.service_lines,
            modem=plan.modem_lines,
            backend_lines=plan.backend_lines.replace("{backend}", self.backend_url),
        )
        self.config.write_text(text, encoding="utf-8")

    def start_daemon(self) -> Program:
        """Start the real daemon; what was sent before it is ready waits in the network."""
        return self._start("daemon", "run", "--config", str(self.config))

    def _start(self, name: str, *arguments: str) -> Program:
        program = Program(name, smsgate_command(*arguments), self.folder, self.plan.environment)
        self.programs[name] = program
        return program

    def check_alive(self) -> None:
        """Raise when any of the programs has ended by itself."""
        for program in self.programs.values():
            program.check_alive()

    def wait_until(self, condition: Callable[[], bool], limit_s: float, what: str = "it") -> None:
        """Wait for a condition as long as every program lives."""

        def holds() -> bool:
            if condition():
                return True
            self.check_alive()
            return False

        wait_until(holds, limit_s, what)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the gateway's store to look into it, once the daemon has made it."""
        from smsgate.clock import SystemClock
        from smsgate.store import Store

        self.wait_until((self.folder / "state" / "smsgate.db").exists, START_LIMIT_S, "the store")
        store = Store(self.store_url, GATEWAY, clock=SystemClock())
        self.wait_until(lambda: _opens(store), START_LIMIT_S, "the store")
        try:
            yield store
        finally:
            store.close()

    def network(self) -> ControlClient:
        """Return the way to the simulated network: send SMS, look into phones, set faults."""
        return ControlClient(self.folder / "network")

    def backend_complaints(self) -> list[dict[str, Any]]:
        """Return what the complaint system holds."""
        complaints: list[dict[str, Any]] = self._ask_backend("GET", "/complaints")["complaints"]
        return complaints

    def set_backend_faults(self, faults: Mapping[str, Any]) -> None:
        """Make the complaint system misbehave, or behave again."""
        self._ask_backend("POST", "/faults", faults)

    def answer_complaint(self, reference: str, **said: str) -> None:
        """Have the backend say of a complaint: `status`, `answer`, `unit`, `private_note`."""
        self._ask_backend("POST", "/answers", {"reference": reference, **said})

    def _ask_backend(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        address = urlsplit(self.backend_url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_LIMIT_S)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read() or b"{}")
        finally:
            connection.close()


def _opens(store: Store) -> bool:
    try:
        store.open()
    except StoreError:
        return False  # the daemon is still making its tables
    return True


def _make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="smsgate-"))
    if len(os.fsencode(folder)) > FOLDER_LENGTH_MAX:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="smsgate-", dir="/tmp"))
    return folder


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
