"""A complaint backend to test against: a real HTTP server that fails on request.

It speaks the contract of the generic JSON backend:

    POST /complaints                      take a complaint or an addition; token, signature and
                                          idempotency key are checked
    GET  /complaints[?reference=…]        what it holds: {"complaints": […]}
    POST /answers {"reference": …, "status": …, "answer": …, "unit": …, "private_note": …}
                                          say this of a complaint from now on
    GET  /counts                          complaints, additions, requests, refused requests
    POST /faults {"mode": …, "count": n}  fail the next n POSTs to /complaints (without `count`
                                          all); "none" ends it
    GET  /faults                          the fault in force

Modes: `status` (answers `status`, with `retry_after` where given), `refuse` (422), `hang` (no
answer), `drop` (closes), `slow` (one octet every `seconds`), `delay` (answers after `seconds`),
`garbage` (HTML), `huge` (a megabyte). With `"takes": true` the complaint is stored first.
`take_and_drop` and `take_and_hang` are short for that.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct
from msgspec.structs import asdict

BODY_OCTETS_MAX = 1024 * 1024
HEADER_LINES_MAX = 100
HEADER_OCTETS_MAX = 65536
CLOCK_SKEW_S_MAX = 300  # an older signature is a replay
HANG_S_MAX = 300.0
HUGE_OCTETS = 1024 * 1024
ANSWER_FIELDS = ("status", "answer", "unit", "private_note")
MODES = ("none", "status", "hang", "drop", "slow", "delay", "garbage", "huge")
SHORT_MODES: Mapping[str, Mapping[str, Any]] = {
    "refuse": {"mode": "status", "status": 422},
    "take_and_drop": {"mode": "drop", "takes": True},
    "take_and_hang": {"mode": "hang", "takes": True},
}


class Fault(Struct, frozen=True):
    """How the next requests fail. `count` None: until told otherwise."""

    mode: str = "none"
    count: int | None = None
    status: int = 503
    retry_after: str | None = None
    seconds: float = 0.1
    takes: bool = False

    @classmethod
    def read(cls, content: Any) -> Fault:
        """Return the fault that a request names; raise ValueError where it names none."""
        if not isinstance(content, dict):
            raise ValueError("expected an object")  # noqa: TRY004  (the caller's one kind of answer)
        fields = {**content, **SHORT_MODES.get(content.get("mode", ""), {})}
        try:
            fault = cls(**fields)
        except TypeError as error:
            raise ValueError("unknown field") from error
        if fault.mode not in MODES:
            raise ValueError(f"mode: expected one of {', '.join((*MODES, *SHORT_MODES))}")
        return fault


class SimulatedAnswer(Struct, frozen=True):
    """What the server answers."""

    status: int
    content: Any
    retry_after: str | None = None


class SimulatedContract(Struct, frozen=True):
    """What the simulated backend insists on. None: it does not look."""

    secret: str | None = None
    token: str | None = None
    honours_idempotency_keys: bool = True
    reference_field: str = "reference"


class Register:
    """What the backend holds. Every method may be called from any thread."""

    def __init__(self, contract: SimulatedContract, file: Path | None = None) -> None:
        self._contract = contract
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._by_key: dict[str, dict[str, Any]] = {}
        self._fault = Fault()
        self._counts = {"requests": 0, "refused": 0}
        self._file = None
        if file is not None:
            if file.exists():
                self._load(file)
            self._file = file.open("a", encoding="utf-8")

    def post(self, headers: Mapping[str, str], body: bytes) -> SimulatedAnswer:
        """Take a complaint or an addition, or say why not."""
        content, problem = self._check(headers, body)
        with self._lock:
            self._counts["requests"] += 1
            if problem is not None:
                self._counts["refused"] += 1
                return problem
            key = headers.get("idempotency-key", "")
            known = self._by_key.get(key) if self._contract.honours_idempotency_keys else None
            if known is None:
                return SimulatedAnswer(
                    201, {"tracking_id": self._keep(key, content)["tracking_id"]}
                )
            known["attempts"] += 1
            if known["content"] != content:
                return SimulatedAnswer(422, {"error": "this key came with another content before"})
            return SimulatedAnswer(200, {"tracking_id": known["tracking_id"]})

    def list(self, reference: str | None = None) -> list[dict[str, Any]]:
        """Return what is held, oldest first: the fields as sent, and what the backend made of
        them."""
        with self._lock:
            return [
                {**entry["content"], **{name: entry[name] for name in entry if name != "content"}}
                for entry in self._entries
                if reference is None
                or entry["content"].get(self._contract.reference_field) == reference
            ]

    def answer(self, order: Any) -> bool:
        """Say from now on of a complaint what the order says; return whether there is such a complaint."""
        if not isinstance(order, dict) or not set(order) <= {"reference", *ANSWER_FIELDS}:
            raise ValueError(f"expected an object of reference, {', '.join(ANSWER_FIELDS)}")
        name = self._contract.reference_field
        with self._lock:
            entries = [
                entry
                for entry in self._entries
                if entry["content"].get(name) == order.get("reference")
                and entry["content"].get("kind") != "addition"
            ]
            for entry in entries:
                entry.update({key: order[key] for key in ANSWER_FIELDS if key in order})
            return bool(entries)

    def counts(self) -> dict[str, int]:
        """Return how many complaints and additions are held, and how many requests came and were
        refused."""
        with self._lock:
            additions = sum(entry["content"].get("kind") == "addition" for entry in self._entries)
            complaints = len(self._entries) - additions
            return {"complaints": complaints, "additions": additions, **self._counts}

    def set_fault(self, fault: Fault) -> None:
        """Fail from now on as told."""
        with self._lock:
            self._fault = fault

    def fault(self) -> Fault:
        """Return the fault in force."""
        with self._lock:
            return self._fault

    def next_fault(self) -> Fault:
        """Return how this request is to fail, and count it."""
        with self._lock:
            fault = self._fault
            if fault.count is not None:
                left = fault.count - 1
                self._fault = Fault(**{**asdict(fault), "count": left}) if left > 0 else Fault()
            return fault

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _check(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[dict[str, Any], SimulatedAnswer | None]:
        contract = self._contract
        if contract.token is not None and not hmac.compare_digest(
            headers.get("authorization", "").encode(), f"Bearer {contract.token}".encode()
        ):
            return {}, SimulatedAnswer(401, {"error": "token"})
        if contract.secret is not None and not is_signed(contract.secret, headers, body):
            return {}, SimulatedAnswer(401, {"error": "signature"})
        if not headers.get("idempotency-key"):
            return {}, SimulatedAnswer(400, {"error": "Idempotency-Key is missing"})
        try:
            content = json.loads(body)
        except ValueError:
            return {}, SimulatedAnswer(400, {"error": "no JSON"})
        if not isinstance(content, dict) or contract.reference_field not in content:
            return {}, SimulatedAnswer(422, {"error": f"{contract.reference_field} is missing"})
        return content, None

    def _keep(self, key: str, content: dict[str, Any]) -> dict[str, Any]:
        entry = {
            "tracking_id": f"SIM-{len(self._entries) + 1:06}",
            "idempotency_key": key,
            "attempts": 1,
            "content": content,
        }
        self._entries.append(entry)
        self._by_key[key] = entry
        if self._file is not None:
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()
        return entry

    def _load(self, file: Path) -> None:
        with file.open(encoding="utf-8") as lines:
            self._entries = [json.loads(line) for line in lines]
        self._by_key = {entry["idempotency_key"]: entry for entry in self._entries}


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the signature is that of this body, and not an old one."""
    timestamp = headers.get("x-smsgate-timestamp", "")
    signature = headers.get("x-smsgate-signature", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    if abs(time.time() - int(timestamp)) > CLOCK_SKEW_S_MAX:
        return False
    # Computed here, not by the sender's own function, so that a mistake there is seen.
    expected = hmac.digest(secret.encode(), b"%s.%s" % (timestamp.encode(), body), hashlib.sha256)
    return hmac.compare_digest(f"sha256={expected.hex()}".encode(), signature.encode())


class SimulatedBackend:
    """The server, in threads of this process. As a context manager it starts, and stops with all
    its connections."""

    def __init__(
        self,
        contract: SimulatedContract | None = None,
        *,
        address: tuple[str, int] = ("127.0.0.1", 0),
        file: Path | None = None,
    ) -> None:
        self.register = Register(contract or SimulatedContract(), file)
        self._server = _Server(address, self.register)
        host, port = self._server.server_address[:2]
        self.url = f"http://{host!s}:{port}"
        self.complaints_url = f"{self.url}/complaints"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; connections that are open end at once."""
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.end_connections()
        self._thread.join(5)
        self.register.close()

    def fail(self, mode: str, **fields: Any) -> None:
        """Set a fault, as POST /faults does."""
        self.register.set_fault(Fault.read({"mode": mode, **fields}))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], register: Register) -> None:
        self.register = register
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # ended by itself

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news, and a traceback could show what it sent."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60.0
    server: _Server
    raw_requestline: bytes
    fields: dict[str, str]

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests hold personal data."""

    def parse_request(self) -> bool:
        """Read the request line and the headers. The inherited way, an e-mail parser, takes most of
        a request's time."""
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        words = self.requestline.split(" ")
        self.close_connection = True
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            self.request_version = "HTTP/1.0"
            return self._say(SimulatedAnswer(400, {"error": "request line"}))
        self.command, self.path, self.request_version = words
        self.fields = {}
        for _ in range(HEADER_LINES_MAX):
            line = self.rfile.readline(HEADER_OCTETS_MAX)
            if line in (b"\r\n", b"\n", b""):
                break
            name, _, value = line.decode("latin-1").partition(":")
            self.fields[name.strip().lower()] = value.strip()
        else:
            return self._say(SimulatedAnswer(431, {"error": "headers"}))
        is_old = self.request_version == "HTTP/1.0"
        self.close_connection = is_old or self.fields.get("connection", "").lower() == "close"
        return True

    def do_GET(self) -> None:
        """Show what is held."""
        address = urlsplit(self.path)
        register = self.server.register
        if address.path == "/complaints":
            reference = parse_qs(address.query).get("reference", [None])[0]
            self._say(SimulatedAnswer(200, {"complaints": register.list(reference)}))
        elif address.path == "/counts":
            self._say(SimulatedAnswer(200, register.counts()))
        elif address.path == "/faults":
            self._say(SimulatedAnswer(200, asdict(register.fault())))
        else:
            self._say(SimulatedAnswer(404, {"error": "no such page"}))

    def do_POST(self) -> None:
        """Take a complaint, or an order to fail."""
        body = self._read_body()
        if body is None:
            return
        if self.path == "/complaints":
            self._complaint(body)
        elif self.path == "/faults":
            self._order(body)
        elif self.path == "/answers":
            self._answer(body)
        else:
            self._say(SimulatedAnswer(404, {"error": "no such page"}))

    def _read_body(self) -> bytes | None:
        length = self.fields.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > BODY_OCTETS_MAX:
            self.close_connection = True
            self._say(SimulatedAnswer(413 if length else 411, {"error": "Content-Length"}))
            return None
        return self.rfile.read(int(length))

    def _order(self, body: bytes) -> None:
        try:
            fault = Fault.read(json.loads(body))
        except ValueError as error:
            self._say(SimulatedAnswer(422, {"error": str(error)}))
            return
        self.server.register.set_fault(fault)
        self._say(SimulatedAnswer(200, asdict(fault)))

    def _answer(self, body: bytes) -> None:
        try:
            is_known = self.server.register.answer(json.loads(body))
        except ValueError as error:
            self._say(SimulatedAnswer(422, {"error": str(error)}))
            return
        self._say(
            SimulatedAnswer(200, {})
            if is_known
            else SimulatedAnswer(404, {"error": "no such complaint"})
        )

    def _complaint(self, body: bytes) -> None:
        register = self.server.register
        fault = register.next_fault()
        if fault.mode == "none":
            self._say(register.post(self.fields, body))
            return
        if fault.mode == "delay":
            self.server.stopping.wait(fault.seconds)
        is_taken = fault.takes or fault.mode in ("delay", "slow", "garbage", "huge")
        answer = register.post(self.fields, body) if is_taken else SimulatedAnswer(503, {})
        self._fail(fault, answer)

    def _fail(self, fault: Fault, answer: SimulatedAnswer) -> None:
        ways: dict[str, Callable[[], Any]] = {
            "status": lambda: self._say(
                SimulatedAnswer(fault.status, {"error": "as told"}, fault.retry_after)
            ),
            "hang": lambda: self.server.stopping.wait(HANG_S_MAX),
            "drop": lambda: None,
            "slow": lambda: self._drip(frame(answer), fault.seconds),
            "delay": lambda: self._say(answer),
            "garbage": lambda: self.wfile.write(page(b"<html>Selamat datang</html>")),
            "huge": lambda: self.wfile.write(page(b" " * HUGE_OCTETS)),
        }
        ways[fault.mode]()
        self.close_connection = self.close_connection or fault.mode in ("hang", "drop", "slow")

    def _drip(self, octets: bytes, seconds: float) -> None:
        for place in range(len(octets)):
            self.wfile.write(octets[place : place + 1])
            if self.server.stopping.wait(seconds):
                return

    def _say(self, answer: SimulatedAnswer) -> bool:
        """Answer in one write: two would wait for each other's acknowledgement. Return False, for
        `parse_request`."""
        self.wfile.write(frame(answer, is_last=self.close_connection))
        return False


def frame(answer: SimulatedAnswer, *, is_last: bool = False) -> bytes:
    """Return an answer as octets."""
    body = json.dumps(answer.content, ensure_ascii=False).encode()
    extra = f"Retry-After: {answer.retry_after}\r\n" if answer.retry_after is not None else ""
    extra += "Connection: close\r\n" if is_last else ""
    head = (
        f"HTTP/1.1 {answer.status} \r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode("latin-1") + body


def page(body: bytes) -> bytes:
    """Return an answer 200 that is no JSON."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
    )
