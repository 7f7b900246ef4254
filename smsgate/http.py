"""The one HTTP client: a total deadline for each request, TLS, limits, results instead of
exceptions.

What a caller must know after a failure is one thing: can the server have taken the request? So
there are three results: `Answer` (it answered), `NeverSent` (it surely did not get it),
`PerhapsTaken` (it may have it; the answer was lost).

httpx2's timeouts are per read: a server that drips one octet at a time keeps a request going for
ever, past the lease that covers it. Here every wait on the socket (resolving, connecting, TLS, each
read and write) is cut to what is left of the request's own deadline. Redirects are never followed,
no proxy or netrc is read from the environment, no cookie is kept.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
from msgspec import Struct

from smsgate.clock import Clock
from smsgate.http_network import Deadline, DeadlineNetwork

# At INFO httpx2 logs each URL, and at DEBUG httpcore2 each header: tokens and references. We log
# outcomes ourselves.
logging.getLogger("httpx2").setLevel(logging.WARNING)
logging.getLogger("httpcore2").setLevel(logging.WARNING)

DELAY_SECONDS = re.compile(r"[0-9]{1,9}")  # RFC 9110 section 10.2.3


class BodyEnd(StrEnum):
    """How the body of an answer ended."""

    WHOLE = "whole"
    CUT = "cut"  # the connection or the time ended first
    TOO_LARGE = "too large"  # more than the limit; what was read is thrown away


class Answer(Struct, frozen=True):
    """The server answered.

    `body` is empty unless `body_end` is WHOLE; `retry_after_s` is the server's own wish, if any.
    """

    status: int
    body: bytes
    body_end: BodyEnd = BodyEnd.WHOLE
    retry_after_s: float | None = None


class NeverSent(Struct, frozen=True):
    """No octet of the request reached the server."""

    reason: str


class PerhapsTaken(Struct, frozen=True):
    """Octets were sent and no answer came back."""

    reason: str


HttpResult = Answer | NeverSent | PerhapsTaken


class HttpLimits(Struct, frozen=True):
    """What bounds one request. `total_s` bounds all of it, and must be shorter than its lease.

    `keep_alive_s` is how long a connection may idle before it is used again: under the 5 s after
    which common servers close theirs, since a request sent into a closing connection is a request
    in doubt. 0 uses none twice.
    """

    connect_s: float = 5.0
    read_s: float = 15.0
    write_s: float = 10.0
    total_s: float = 20.0
    body_octets_max: int = 256 * 1024
    keep_alive_s: float = 4.0


def make_tls(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a TLS context that trusts the system's authorities, and those of `ca_file` besides.

    Raises OSError (ssl.SSLError is one) where the file cannot be read or is no certificate. Costs
    milliseconds: build it once.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class HttpClient:
    """Requests to one server, by one thread, over one connection that is kept alive.

    Only `abort` may be called from another thread. Without `tls` no server is trusted, so only
    plain http works. `transport` takes the place of the network in tests.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: HttpLimits | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.limits = limits or HttpLimits()
        self._clock = clock
        self._deadline = Deadline()
        self._transport = transport or _DeadlineTransport(self.limits, tls, self._deadline)
        self._url_text, self._url = "", httpx2.URL("")
        self._timeouts = {
            "connect": self.limits.connect_s,
            "read": self.limits.read_s,
            "write": self.limits.write_s,
            "pool": self.limits.connect_s,
        }

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> HttpResult:
        """Make one request and return what came of it, within `limits.total_s`."""
        self._deadline.start(self.limits.total_s)
        request = httpx2.Request(
            method,
            self._parse(url),
            headers=headers,
            content=body,
            extensions={"timeout": self._timeouts},
        )
        try:
            response = self._transport.handle_request(request)
        except httpx2.TransportError as error:
            return self._failure(error)
        try:
            content, end = self._read(response)
        finally:
            response.close()
        return Answer(response.status_code, content, end, self._retry_after_s(response.headers))

    def abort(self) -> None:
        """End the request in hand, from any thread; it returns as what it then is.

        Later requests are not made.
        """
        self._deadline.abort()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _parse(self, url: str) -> httpx2.URL:
        """Return a URL, taken apart once: nearly all requests go to the same one."""
        if url != self._url_text:
            self._url, self._url_text = httpx2.URL(url), url
        return self._url

    def _read(self, response: httpx2.Response) -> tuple[bytes, BodyEnd]:
        """Return the body as sent (never decompressed: we ask for none, and a bomb stays small)."""
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)
        chunks: list[bytes] = []
        size = 0
        try:
            for chunk in stream:
                size += len(chunk)
                if size > self.limits.body_octets_max:
                    return b"", BodyEnd.TOO_LARGE
                chunks.append(chunk)
        except httpx2.TransportError:
            return b"", BodyEnd.CUT
        return b"".join(chunks), BodyEnd.WHOLE

    def _failure(self, error: httpx2.TransportError) -> NeverSent | PerhapsTaken:
        reason = describe(error)
        if self._deadline.is_aborted:
            reason = "stopped by us"
        if isinstance(error, NEVER_SENT):
            return NeverSent(reason)
        return PerhapsTaken(reason)

    def _retry_after_s(self, headers: httpx2.Headers) -> float | None:
        wish = headers.get("Retry-After")
        if wish is None:
            return None
        # The server's own clock, where it tells it: ours may be wrong.
        now = parse_http_date(headers.get("Date", "")) or self._clock.now()
        return parse_retry_after(wish, now=now)


NEVER_SENT = (
    httpx2.ConnectError,  # TLS included: no request goes out before the handshake ends
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)

FAILURES: Mapping[type[Exception], str] = {
    httpx2.ConnectTimeout: "no connection in time",
    httpx2.ConnectError: "no connection",
    httpx2.PoolTimeout: "no free connection",
    httpx2.ReadTimeout: "no answer in time",
    httpx2.WriteTimeout: "the request was not read in time",
    httpx2.ReadError: "the connection broke before the answer",
    httpx2.WriteError: "the connection broke while sending",
    httpx2.RemoteProtocolError: "the connection ended without an HTTP answer",
    httpx2.LocalProtocolError: "our request was no valid HTTP",
    httpx2.UnsupportedProtocol: "the address is neither http nor https",
}


def describe(error: Exception) -> str:
    """Return fixed words for a failure, with the system's or OpenSSL's own where they help.

    Never the exception's text as it is: protocol errors quote what the server or we sent.
    """
    words = FAILURES.get(type(error), "the request failed")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{words}: certificate: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"{words}: TLS: {cause.reason or 'handshake failed'}"
        if isinstance(cause, socket.gaierror):
            return f"{words}: {cause.strerror}"
        if isinstance(cause, OSError) and cause.errno is not None:
            return f"{words}: {os.strerror(cause.errno)}"
        cause = _cause_of(cause)
    return words


def _cause_of(error: BaseException) -> BaseException | None:
    """Return what an error came from. httpcore2's pool cuts the chain, but not the arguments."""
    if error.args and isinstance(error.args[0], BaseException):
        return error.args[0]
    return error.__cause__ or error.__context__


def parse_http_date(value: str) -> datetime | None:
    """Return the moment an HTTP date names, or None where it is none (RFC 9110 section 5.6.7)."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def parse_retry_after(value: str, *, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for; None where it has neither of its forms."""
    value = value.strip()
    if DELAY_SECONDS.fullmatch(value):
        return float(value)
    moment = parse_http_date(value)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


CORE_ERRORS: Mapping[type[Exception], type[httpx2.TransportError]] = {
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.UnsupportedProtocol: httpx2.UnsupportedProtocol,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
}


class _DeadlineTransport(httpx2.BaseTransport):
    """httpx2's own transport, but over our network: it has no public way to be given one."""

    def __init__(self, limits: HttpLimits, tls: ssl.SSLContext | None, deadline: Deadline) -> None:
        is_kept_alive = limits.keep_alive_s > 0
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            max_connections=1,
            max_keepalive_connections=1 if is_kept_alive else 0,
            keepalive_expiry=limits.keep_alive_s,
            network_backend=DeadlineNetwork(deadline),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        try:
            response = self._pool.handle_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except tuple(CORE_ERRORS) as error:
            raise CORE_ERRORS[type(error)](type(error).__name__) from error
        return httpx2.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """The body of an answer as it comes, with httpx2's exceptions."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Any:
        assert isinstance(self._response.stream, Iterable)
        try:
            yield from self._response.stream
        except tuple(CORE_ERRORS) as error:
            raise CORE_ERRORS[type(error)](type(error).__name__) from error

    def close(self) -> None:
        self._response.close()
