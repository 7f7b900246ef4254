"""Logging: structlog, natively to journald, or as JSON or for a terminal on standard error.

The last net for privacy is here: whatever a caller passes by mistake, no field that may hold a
message or a number leaves, and telephone numbers in other fields are cut to their last digits.
What was caught is named in `masked`, so that the mistake is seen and mended.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog

Event = MutableMapping[str, Any]
Processor = Callable[[Any, str, Event], Any]

VALUE_LENGTH_MAX = 1000  # characters of a field, tracebacks excepted
CAUSES_MAX = 5
DEPTH_MAX = 4

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
# syslog(3) priorities
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

# a field is refused when one of these is a word of its name: `text`, `reply_text`, `sender`
_PERSONAL_WORDS = frozenset(
    (
        *("sender", "senders", "recipient", "recipients", "caller", "msisdn", "phone", "telephone"),
        *("number", "numbers", "nik", "kk"),
        *("text", "texts", "body", "content", "message", "messages", "answer", "template"),
        *("pdu", "tpdu", "raw", "octets"),
        *("token", "secret", "password", "pin", "puk", "authorization"),
    )
)
# these names hold such a word and nothing personal
_HARMLESS = frozenset(
    ("part_number", "message_id", "message_class", "message_count", "text_length", "pdu_length")
)
_TELEPHONE = re.compile(r"(?<![\w.:+-])(?:\+[1-9]\d{4,11}|(?:62|0)8\d{4,9})(\d{3})(?!\d)")


def configure(*, level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:
    """Set up structlog and what the standard library's loggers say, once, at the start.

    `format`: "journal", "json", "console", or "auto": the journal where systemd connected standard
    error to it, the console on a terminal, JSON elsewhere.
    """
    set_level(level)
    stream = sys.stderr if stream is None else stream
    chosen = choose_format(stream) if format == "auto" else format
    structlog.configure(
        processors=[
            _drop_below_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            format_exception,
            guard_privacy,
            *_renderers(chosen, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS["debug"]),
        logger_factory=lambda *_: _SafeLogger(stream),
        cache_logger_on_first_use=False,
    )
    _take_over_standard_logging()
    _take_over_exceptions()


def set_level(level: str) -> None:
    """Log from this level on, from now on: loggers that were bound before follow."""
    _threshold.value = LEVELS[level]


class _Threshold:
    """The level in force; a reload of the configuration changes it."""

    value = LEVELS["info"]


_threshold = _Threshold()


class _SafeLogger(structlog.PrintLogger):
    """Writes a line, or loses it: a full disk or a closed pipe under the log must not stop the gateway."""

    def msg(self, message: str) -> None:
        """Write one line."""
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def _drop_below_level(_logger: Any, method: str, event: Event) -> Event:
    if LEVELS.get(method, LEVELS["error"]) < _threshold.value:
        raise structlog.DropEvent
    return event


def choose_format(stream: TextIO) -> str:
    """Return how to write to `stream`: "journal", "console" or "json"."""
    if stream is sys.stderr and _is_journal():
        return "journal"
    return "console" if stream.isatty() else "json"


def _is_journal() -> bool:
    from logging_journald import check_journal_stream

    try:
        return bool(check_journal_stream())
    except (OSError, ValueError):  # no standard error, or a JOURNAL_STREAM that is none
        return False


def _renderers(chosen: str, stream: TextIO) -> list[Processor]:
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if chosen == "console":
        return [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    encoder = json.JSONEncoder(default=str)  # made once, not for each line
    to_json = structlog.processors.JSONRenderer(lambda event, **_: encoder.encode(event))
    if chosen == "journal":
        return [JournalSender(), stamp, to_json]
    return [stamp, to_json]


class JournalSender:
    """A processor that gives events to journald with native fields and ends them there.

    Where journald does not take one, it goes on to the next processor instead of being lost.
    """

    def __init__(self, socket_path: Path | None = None) -> None:
        from logging_journald import JournaldTransport

        self._transport = JournaldTransport(socket_path=socket_path, connected=False)
        # A journald that does not read must not hold up a line: what it does not take goes to standard error.
        self._transport.socket.setblocking(False)

    def __call__(self, _logger: Any, method: str, event: Event) -> Event:
        """Send the event; raise DropEvent when journald has it."""
        try:
            self._transport.send(list(_journal_fields(method, event).items()))
        except OSError:
            return event
        raise structlog.DropEvent

    def close(self) -> None:
        """Free the socket."""
        self._transport.socket.close()


def _journal_fields(method: str, event: Event) -> dict[str, Any]:
    level = str(event.get("level", method))
    details = {key: value for key, value in event.items() if key not in ("event", "level")}
    shown = " ".join(f"{key}={value}" for key, value in details.items() if key != "exception")
    fields: dict[str, Any] = {
        "MESSAGE": f"{event.get('event', '')} {shown}".rstrip(),
        "PRIORITY": _PRIORITIES.get(level, 6),
        "SYSLOG_IDENTIFIER": "smsgate",
        "SMSGATE_EVENT": str(event.get("event", "")),
    }
    for key, value in details.items():
        name = re.sub(r"[^A-Z0-9_]", "_", key.upper())[:50]
        fields[f"SMSGATE_{name}"] = value if isinstance(value, int | float) else str(value)
    return fields


# --- privacy ------------------------------------------------------------------------------------


def guard_privacy(_logger: Any, _method: str, event: Event) -> Event:
    """Drop fields that may hold personal data, mask telephone numbers; say which in `masked`."""
    masked: list[str] = []
    for key in list(event):
        if _is_personal(key):
            del event[key]
            masked.append(key)
            continue
        cleaned = _clean(event[key], long=key == "exception")
        if cleaned is not event[key] and cleaned != event[key]:
            event[key] = cleaned
            masked.append(key)
    if masked:
        event["masked"] = masked
    return event


@lru_cache(maxsize=512)  # the names of fields are few, and there are seven to a line
def _is_personal(key: str) -> bool:
    lowered = key.lower()
    return lowered not in _HARMLESS and not _PERSONAL_WORDS.isdisjoint(lowered.split("_"))


def _clean(value: Any, *, long: bool = False, depth: int = 0) -> Any:
    """Return a value that may be written: the same one, or one with what is personal taken out."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} octets>"  # a PDU is its sender and text
    if isinstance(value, dict):
        if depth >= DEPTH_MAX:
            return "<nested too deep>"
        return {
            str(key): _clean(item, depth=depth + 1)
            for key, item in value.items()
            if not _is_personal(str(key))
        }
    if isinstance(value, list | tuple | set | frozenset):
        if depth >= DEPTH_MAX:
            return "<nested too deep>"
        return [_clean(item, depth=depth + 1) for item in value]
    text = value if isinstance(value, str) else str(value)
    text = mask_numbers(text)
    if not long and len(text) > VALUE_LENGTH_MAX:
        text = f"{text[:VALUE_LENGTH_MAX]}…"
    return text


def mask_numbers(text: str) -> str:
    """Return `text` with every telephone number in it cut to its last three digits."""
    return _TELEPHONE.sub(r"…\1", text)


def format_exception(_logger: Any, _method: str, event: Event) -> Event:
    """Turn `exc_info` into the text `exception`: where and what, without any variable's value."""
    info = event.pop("exc_info", None)
    if not info:
        return event
    if isinstance(info, BaseException):
        error: BaseException | None = info
    elif isinstance(info, tuple):
        error = info[1]
    else:
        error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = describe_exception(error)
    return event


def describe_exception(error: BaseException) -> str:
    """Return a traceback with the causes, the first line alone of each message.

    Database drivers put the statement's values, a citizen's text among them, on the lines below.
    """
    blocks: list[str] = []
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen and len(blocks) < CAUSES_MAX:
        seen.add(id(current))
        frames = "".join(traceback.format_tb(current.__traceback__))
        first_line = next(iter(str(current).splitlines()), "")[:300]
        blocks.append(f"{frames}{type(current).__qualname__}: {first_line}".rstrip(": "))
        suppressed = current.__suppress_context__
        current = current.__cause__ or (None if suppressed else current.__context__)
    return "\nbecause of\n".join(blocks)


# --- what does not go through structlog ---------------------------------------------------------


class _StandardHandler(logging.Handler):
    """Passes on warnings of libraries: the programmer's words, never the values put into them."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        template = record.msg if isinstance(record.msg, str) and record.args else ""
        structlog.get_logger().log(
            LEVELS[level], "library_warning", logger=record.name, said=template[:200]
        )


def _take_over_standard_logging() -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _StandardHandler):
            root.removeHandler(handler)
    root.addHandler(_StandardHandler(logging.WARNING))
    root.setLevel(logging.WARNING)


def _take_over_exceptions() -> None:
    """Log what nobody caught, in any thread, by the same rules as all else."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            return
        structlog.get_logger().critical("uncaught_exception", exc_info=(kind, error, trace))

    def thread_hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or issubclass(args.exc_type, SystemExit):
            return
        structlog.get_logger().critical(
            "uncaught_exception",
            exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
            thread=args.thread.name if args.thread else None,
        )

    sys.excepthook = hook
    threading.excepthook = thread_hook
