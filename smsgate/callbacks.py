"""Where backends say by themselves how far our complaints are: signed callbacks over HTTP.

    POST /answers/BACKEND
    Content-Type: application/json
    X-Smsgate-Timestamp: 1767225600       seconds, UTC
    X-Smsgate-Signature: sha256=HEX       HMAC-SHA256 with the backend's secret, over "answer." TIMESTAMP "." BODY

    {"reference": "12345674", "status": "Proses", "answer": "…", "unit": "…"}

The status, the answer and the unit stand where `status_field`, `answer_field` and `unit_field` say; nothing else is
looked at. What is answered says what the backend is to do:

- 204: taken. The same again is taken again and changes nothing.
- 400, 404, 405, 411, 413, 422: wrong as it is; no such backend, or no such complaint that it has.
- 401: not signed as above, or the time is more than five minutes from ours.
- 503: not now: say it again, signed anew, when Retry-After says. The store is away, the citizen had notices enough for
  now, or it was signed before we began.

"answer." keeps one of our own signed requests, which the same secret signs, from being sent back to us. Played again,
a callback that was taken changes nothing: this process knows its signature until its time has run out, and takes none
from before its own time. Behind a proxy with TLS.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Protocol

import structlog

from hardware.discreet import Discreet
from smsgate.answers import ENDED_DAYS_MAX, age_max
from smsgate.backends.json import pick, read_progress
from smsgate.backends.progress import AskedComplaint, Heard, NotHereYet, Progress, ProgressWords
from smsgate.clock import Clock
from smsgate.errors import SmsgateError, StoreError
from smsgate.listener import Connection, Listener, bind, url_of
from smsgate.settings import Settings

log = structlog.get_logger(__name__)

HEAD_OCTETS_MAX = 8 * 1024
BODY_OCTETS_MAX = 16 * 1024
CONNECTIONS_MAX = 16
CONNECTION_S = 10.0
SKEW_S_MAX = 300
TAKEN_MAX = 10_000  # signatures that are known at once: more in ten minutes is a flood
RETRY_AFTER_S = 60
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_REFERENCE = re.compile(r"[0-9]{1,32}")


class CallbackError(SmsgateError):
    """The address for callbacks cannot be had: choose another, or free it."""


class CallbackStore(Protocol):
    """What callbacks need of the store."""

    def told_of(
        self, backend: str, reference: str, *, since: datetime, closed_since: datetime
    ) -> AskedComplaint | None:
        """Return the complaint that a backend speaks of; None where it has no such one."""
        ...

    def note_progress(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        """Write down what the backend said, and make due what the citizen is told, if it is news."""
        ...


class Speaker(Discreet, frozen=True):
    """A backend that may speak: how it signs, and where it says what."""

    hidden: ClassVar[frozenset[str]] = frozenset({"secret"})

    name: str
    secret: str
    words: ProgressWords


class Request(Discreet, frozen=True):
    """One HTTP request; header names in lower case."""

    hidden: ClassVar[frozenset[str]] = frozenset({"body"})

    method: bytes
    path: bytes
    headers: Mapping[bytes, bytes]
    body: bytes = b""


class _Refusal(Exception):
    """What the backend is answered in the place of "taken"."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Desk:
    """Takes callbacks, from any thread."""

    def __init__(
        self,
        store: CallbackStore,
        speakers: Mapping[str, Speaker],
        *,
        clock: Clock,
        age_max: timedelta,
        on_replies: Callable[[], None],
    ) -> None:
        self._store = store
        self._speakers = speakers
        self._clock = clock
        self._age_max = age_max
        self._on_replies = on_replies
        self._lock = threading.Lock()
        self._began_at = clock.monotonic()
        self._taken: dict[tuple[str, bytes], float] = {}

    def speaker(self, path: bytes) -> Speaker:
        """Return whose door a path is; refuse any other."""
        _, _, name = path.partition(b"/answers/")
        found = self._speakers.get(name.decode("latin-1"))
        if found is None or path != b"/answers/" + name:
            raise _Refusal(HTTPStatus.NOT_FOUND, "no such backend, or it has no secret")
        return found

    def take(self, speaker: Speaker, request: Request) -> None:
        """Write down what a request says; refuse what cannot be."""
        signature = self._verify(speaker, request)
        taken = (speaker.name, signature)
        if self._is_taken(taken):
            return
        reference, progress = _read(speaker, request.body)
        try:
            self._note(speaker.name, reference, progress)
        except (StoreError, NotHereYet) as trouble:
            log.warning("callback_postponed", backend=speaker.name, reason=type(trouble).__name__)
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not now") from None
        with self._lock:
            self._taken[taken] = self._clock.monotonic()

    def _verify(self, speaker: Speaker, request: Request) -> bytes:
        """Return the signature where it is right and of our time."""
        timestamp = request.headers.get(b"x-smsgate-timestamp", b"")
        given = request.headers.get(b"x-smsgate-signature", b"").lower()
        is_time = _TIMESTAMP.fullmatch(timestamp) is not None
        expected = b"sha256=" + sign(speaker.secret, timestamp, request.body).encode()
        is_signed = hmac.compare_digest(expected, given)
        if not (is_time and is_signed):
            raise _Refusal(HTTPStatus.UNAUTHORIZED, "not signed")
        age_s = self._clock.now().timestamp() - int(timestamp)
        if abs(age_s) > SKEW_S_MAX:
            raise _Refusal(HTTPStatus.UNAUTHORIZED, "not of this time")
        if age_s >= self._clock.monotonic() - self._began_at:
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "signed before we began: sign it anew")
        return given

    def _is_taken(self, taken: tuple[str, bytes]) -> bool:
        """Whether this very callback was taken before. Forgotten is only what the time refuses by now."""
        now = self._clock.monotonic()
        with self._lock:
            for old, at in list(self._taken.items()):  # oldest first
                if now - at <= 2 * SKEW_S_MAX:
                    break
                del self._taken[old]
            if taken in self._taken:
                return True
            if len(self._taken) >= TAKEN_MAX:
                raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many")
        return False

    def _note(self, backend: str, reference: str, progress: Progress) -> None:
        now = self._clock.now()
        asked = self._store.told_of(
            backend,
            reference,
            since=now - self._age_max,
            closed_since=now - timedelta(days=ENDED_DAYS_MAX),
        )
        if asked is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, "no such complaint at this backend")
        heard = self._store.note_progress(backend, asked, progress)
        if heard.is_postponed:
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "enough for now")
        if heard.is_news:
            word = progress.status and progress.status.value
            log.info("complaint_progressed", backend=backend, reference=reference, status=word)
        if heard.has_due_replies:
            self._on_replies()


def sign(secret: str, timestamp: bytes, body: bytes) -> str:
    """Return the signature of a callback, in hexadecimal."""
    return hmac.digest(
        secret.encode("utf-8"), b"answer." + timestamp + b"." + body, hashlib.sha256
    ).hex()


def _read(speaker: Speaker, body: bytes) -> tuple[str, Progress]:
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refusal(HTTPStatus.BAD_REQUEST, "no JSON") from None
    reference = pick(content, "reference")
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise _Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "expected our reference, as text")
    progress = read_progress(content, speaker.words)
    if progress is None:
        raise _Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "expected a status")
    return reference, progress


class CallbackServer:
    """Serves a desk over HTTP. Slow, greedy or many clients cost it nothing but their own answers."""

    def __init__(self, address: tuple[str, int], desk: Desk) -> None:
        """Bind; raise CallbackError when the address cannot be had."""
        host, port = address
        try:
            sock = bind(address)
        except OSError as error:
            raise CallbackError(
                f"callbacks.listen: cannot listen on {host}:{port} ({error.strerror}): choose another address or port"
            ) from None
        self.url = url_of((host, sock.getsockname()[1]))
        self._desk = desk
        self._listener = Listener(
            sock,
            self._serve,
            name="callbacks",
            connections_max=CONNECTIONS_MAX,
            connection_s=CONNECTION_S,
        )

    def start(self) -> None:
        """Serve."""
        self._listener.start()

    def close(self) -> None:
        """Stop, in bounded time."""
        self._listener.close()

    def _serve(self, connection: Connection) -> None:
        try:
            self._take(connection)
            status, sentence = HTTPStatus.NO_CONTENT, ""
        except _Refusal as refusal:
            status, sentence = refusal.status, f"{refusal}\n"
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "Cache-Control: no-store",
            "Connection: close",
        ]
        if status is not HTTPStatus.NO_CONTENT:
            lines += ["Content-Type: text/plain", f"Content-Length: {len(sentence)}"]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            lines.append("Allow: POST")
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append(f"Retry-After: {RETRY_AFTER_S}")
        connection.send(("\r\n".join(lines) + "\r\n\r\n" + sentence).encode("ascii"))

    def _take(self, connection: Connection) -> None:
        head = read_head(connection.read_until(b"\r\n\r\n", octets_max=HEAD_OCTETS_MAX))
        speaker = self._desk.speaker(head.path)
        if head.method != b"POST":
            raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only POST")
        length = head.headers.get(b"content-length", b"")
        if not _LENGTH.fullmatch(length) or b"transfer-encoding" in head.headers:
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "expected Content-Length")
        if int(length) > BODY_OCTETS_MAX:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_OCTETS_MAX} octets")
        if head.headers.get(b"expect", b"").lower() == b"100-continue":
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = connection.read_exactly(int(length))
        self._desk.take(speaker, Request(head.method, head.path, head.headers, body))


def read_head(head: bytes) -> Request:
    """Return what the first lines of a request say; refuse what is no HTTP."""
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        raise _Refusal(HTTPStatus.BAD_REQUEST, "not an HTTP request")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        # Two of a name, or a space before the colon, is how a proxy and we are made to read differently.
        if not colon or not name or name != name.strip() or name in headers:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "headers that cannot be read")
        headers[name] = value.strip()
    return Request(words[0], words[1], headers)


def open_callbacks(
    settings: Settings, store: CallbackStore, clock: Clock, on_replies: Callable[[], None]
) -> CallbackServer:
    """Begin to listen, as configured. Raises CallbackError when the address cannot be had."""
    address = settings.callbacks.address
    assert address is not None, "callbacks.listen is not off"
    speakers = {}
    for backend in settings.backends:
        secret = settings.secret(f"backend.{backend.name}.secret")
        if secret is not None:
            speakers[backend.name] = Speaker(backend.name, secret.get_secret_value(), backend)
    if not speakers:
        raise CallbackError(
            "callbacks.listen: no backend has a secret, so that none may say anything: "
            "give it a secret_credential, or turn callbacks off"
        )
    desk = Desk(
        store, speakers, clock=clock, age_max=age_max(settings.services), on_replies=on_replies
    )
    server = CallbackServer(address, desk)
    server.start()
    return server
