"""The gateway's status: what it is, and the small HTTP server that shows it.

`/healthz` says that the process lives, `/readyz` that citizens' SMS are received, kept and forwarded
(no critical alarm stands), `/metrics` is for Prometheus, `/status.json` for people and scripts. No
answer holds anything of a message or a sender.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import structlog
from msgspec import Struct

from smsgate.alarms import Alarm, Severity
from smsgate.clock import Clock, SystemClock
from smsgate.errors import SmsgateError
from smsgate.listener import Connection, Listener, bind, url_of
from smsgate.plain import to_plain
from smsgate.records import BackendRecord, LineRecord, StatusCounts

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

log = structlog.get_logger(__name__)

REQUEST_OCTETS_MAX = 8192
CONNECTIONS_MAX = 8
CONNECTION_S = 5.0
SNAPSHOT_AGE_S_MAX = 1.0  # many scrapers cost one look into the store a second
LOOKS_APART = 4  # nor more than a fifth of the time: in a store of years one look takes a second

_TEXT = "text/plain; charset=utf-8"


class StatusError(SmsgateError):
    """The status server cannot listen: change `status.listen`, or end the program that has the port."""

    exit_code = 69


class GatewayStatus(Struct, frozen=True):
    """Everything that `status`, the metrics and the health checks show, at one moment.

    `counts` is None when the store cannot be asked; `lines` and `alarms` are then all that is known.
    """

    gateway: str
    version: str
    started_at: datetime
    lines: tuple[LineRecord, ...] = ()
    backends: tuple[BackendRecord, ...] = ()
    counts: StatusCounts | None = None
    alarms: tuple[Alarm, ...] = ()

    @property
    def reasons_not_ready(self) -> tuple[str, ...]:
        """Why SMS are not received, kept or forwarded now; empty when they are."""
        reasons = [a.key for a in self.alarms if a.severity is Severity.CRITICAL]
        if self.counts is None and "store" not in reasons:
            reasons.append("store")
        return tuple(reasons)

    def as_plain(self) -> dict[str, Any]:
        """Return it as `/status.json` and `smsgate status --json` print it."""
        plain: dict[str, Any] = to_plain(self)
        return {"ready": not self.reasons_not_ready, **plain}


class StatusServer:
    """Serves `snapshot()` over HTTP. Slow, greedy or many clients cost it nothing but their own answers."""

    def __init__(
        self,
        address: tuple[str, int],
        snapshot: Callable[[], GatewayStatus],
        *,
        clock: Clock | None = None,
    ) -> None:
        self._address = address
        self._snapshot = snapshot
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._seen: GatewayStatus | None = None
        self._seen_until = 0.0
        self._listener: Listener | None = None

    def start(self) -> None:
        """Listen; raise StatusError when the address cannot be had."""
        host, port = self._address
        try:
            sock = bind(self._address)
        except OSError as error:
            raise StatusError(
                f"status.listen: cannot listen on {host}:{port} ({error.strerror}): choose another address "
                "or port, 0 for any"
            ) from None
        self._address = (host, sock.getsockname()[1])
        self._listener = Listener(
            sock,
            self._serve,
            name="status",
            connections_max=CONNECTIONS_MAX,
            connection_s=CONNECTION_S,
        )
        self._listener.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the real one where 0 was asked for."""
        return self._address

    @property
    def url(self) -> str:
        """The address as one types it."""
        return url_of(self._address)

    def close(self) -> None:
        """Stop, in bounded time."""
        if self._listener is not None:
            self._listener.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- answering ------------------------------------------------------------------------------

    def _serve(self, connection: Connection) -> None:
        head = connection.read_until(b"\r\n\r\n", octets_max=REQUEST_OCTETS_MAX)
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            status, kind, body = HTTPStatus.BAD_REQUEST, _TEXT, b"not an HTTP request\n"
        elif words[0] not in (b"GET", b"HEAD"):
            status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"only GET and HEAD\n"
        else:
            status, kind, body = self._answer(words[1].split(b"?", 1)[0].decode("latin-1"))
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "Connection: close",
        ]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            lines.append("Allow: GET, HEAD")
        answer = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
        connection.send(answer if words[0] == b"HEAD" else answer + body)

    def _answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        if path == "/healthz":
            return HTTPStatus.OK, _TEXT, b"ok\n"
        if path not in ("/readyz", "/metrics", "/status.json"):
            known = b"see /healthz /readyz /metrics /status.json\n"
            return (HTTPStatus.OK if path == "/" else HTTPStatus.NOT_FOUND), _TEXT, known
        try:
            status = self._look()
        except Exception:
            log.exception("status_failed")
            return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, b"the status cannot be had now\n"
        if path == "/metrics":
            from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

            return HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, expose(status)
        if path == "/status.json":
            body = json.dumps(status.as_plain(), ensure_ascii=True, indent=2) + "\n"
            return HTTPStatus.OK, "application/json", body.encode("ascii")
        reasons = status.reasons_not_ready
        if reasons:
            return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, ("\n".join(reasons) + "\n").encode()
        return HTTPStatus.OK, _TEXT, b"ready\n"

    def _look(self) -> GatewayStatus:
        with self._lock:
            now = self._clock.monotonic()
            if self._seen is None or now > self._seen_until:
                self._seen = self._snapshot()
                seen_at = self._clock.monotonic()
                self._seen_until = seen_at + max(SNAPSHOT_AGE_S_MAX, LOOKS_APART * (seen_at - now))
            return self._seen


# --- metrics ------------------------------------------------------------------------------------


def expose(status: GatewayStatus) -> bytes:
    """Return the status in the Prometheus text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    class Snapshot:
        """One status, as the registry wants it."""

        def collect(self) -> Iterator[Metric]:
            yield from _metrics(status)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Snapshot())
    return generate_latest(registry)


def _metrics(status: GatewayStatus) -> Iterator[Metric]:
    yield _gauge(
        "info",
        "The gateway and its version.",
        {(status.gateway, status.version): 1},
        labels=("gateway", "version"),
    )
    yield _gauge("start_time_seconds", "When it started.", {(): status.started_at.timestamp()})
    yield _gauge("ready", "1 when no critical alarm stands.", {(): not status.reasons_not_ready})
    yield from _line_metrics(status.lines)
    yield from _backend_metrics(status.backends)
    if status.counts is not None:
        yield from _count_metrics(status.counts)
    yield _gauge(
        "alarm",
        "1 for each alarm that stands.",
        {(alarm.key, alarm.severity.value): 1 for alarm in status.alarms},
        labels=("alarm", "severity"),
    )


def _line_metrics(lines: tuple[LineRecord, ...]) -> Iterator[Metric]:
    labels = ("gateway", "line", "service")
    yield _gauge(
        "line_state",
        "1 for the state that a line is in.",
        {(line.gateway, line.name, line.service, line.state): 1 for line in lines},
        labels=(*labels, "state"),
    )
    columns: tuple[tuple[str, str, Callable[[LineRecord], float | None]], ...] = (
        ("line_signal_dbm", "Signal of the network.", lambda line: line.signal_dbm),
        ("line_held_sms", "SMS in the modem's memories.", lambda line: line.held),
        ("line_capacity_sms", "SMS that they can hold.", lambda line: line.capacity),
        (
            "line_last_received_timestamp_seconds",
            "When the last SMS was received.",
            lambda line: _seconds(line.last_received_at),
        ),
    )
    for name, text, value_of in columns:
        yield _gauge(
            name,
            text,
            {(line.gateway, line.name, line.service): value_of(line) for line in lines},
            labels=labels,
        )


def _backend_metrics(backends: tuple[BackendRecord, ...]) -> Iterator[Metric]:
    yield _gauge(
        "backend_state",
        "1 for the state that a backend is in.",
        {(backend.name, backend.state): 1 for backend in backends},
        labels=("backend", "state"),
    )
    columns: tuple[tuple[str, str, Callable[[BackendRecord], float | None]], ...] = (
        ("backend_due", "Forwards that wait.", lambda backend: backend.due),
        (
            "backend_oldest_due_timestamp_seconds",
            "Since when the oldest of them waits.",
            lambda backend: _seconds(backend.oldest_due_at),
        ),
        (
            "backend_last_forwarded_timestamp_seconds",
            "When the last complaint was forwarded.",
            lambda backend: _seconds(backend.last_forwarded_at),
        ),
    )
    for name, text, value_of in columns:
        yield _gauge(
            name,
            text,
            {(backend.name,): value_of(backend) for backend in backends},
            labels=("backend",),
        )


def _count_metrics(counts: StatusCounts) -> Iterator[Metric]:
    tables: tuple[tuple[str, str, str, Mapping[str, int]], ...] = (
        ("sms", "disposition", "SMS by what became of them.", counts.sms),
        ("complaints", "status", "Complaints by status.", counts.complaints),
        ("forwards", "state", "Forwards by state.", counts.forwards),
        ("replies", "state", "Replies by state.", counts.replies),
    )
    for name, label, text, values in tables:
        yield _gauge(name, text, {(key,): n for key, n in values.items()}, labels=(label,))
    yield _gauge("parts", "Parts stored.", {(): counts.parts})
    yield _gauge("sightings", "Further sightings of stored parts.", {(): counts.sightings})


def _gauge(
    name: str,
    text: str,
    values: Mapping[tuple[str, ...], float | None],
    *,
    labels: tuple[str, ...] = (),
) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily

    family = GaugeMetricFamily(f"smsgate_{name}", text, labels=labels)
    for key, value in values.items():
        if value is not None:
            family.add_metric([str(part) for part in key], float(value))
    return family


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
