"""What the control socket answers about a line: how it is, one AT command, one SMS, what the modem said unasked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from hardware.caution import refusal
from hardware.errors import ModemError
from hardware.modem import Modem
from hardware.pdu import EncodeError, encode_submit
from smsgate.control import Operation
from smsgate.errors import SmsgateError
from smsgate.line_requests import LineRequests
from smsgate.plain import to_plain
from smsgate.records import LineRecord

log = structlog.get_logger(__name__)

START_S = 10.0  # a line that is in the middle of a long listing is asked another time
ANSWER_S_MAX = 10.0  # so long may one command keep a line from receiving
SUBMIT_S_MAX = 140.0  # prompt and submission have limits of their own
HEAR_S_MAX = 20.0
LEND_S_MAX = 300.0  # a technician who forgets it keeps no line closed for longer
COMMAND_LENGTH_MAX = 200


class CommandRefused(SmsgateError):
    """What was asked is not done on a line that is receiving, or cannot be."""


class AskedLine(Protocol):
    """What is needed of a line."""

    record: LineRecord
    requests: LineRequests

    @property
    def modem(self) -> Modem | None:
        """The modem while it is open."""
        ...


Request = Mapping[str, Any]


def line_operations(lines: Mapping[str, AskedLine]) -> dict[str, Operation]:
    """Return the operations by name; each takes the `line` that is meant."""

    def on(act: Callable[[AskedLine, Request], Mapping[str, Any]]) -> Operation:
        def answer(request: Request) -> Mapping[str, Any]:
            line = lines.get(str(request.get("line")))
            if line is None:
                known = ", ".join(lines) or "none"
                raise CommandRefused(f"this daemon has no such line; it has {known}")
            try:
                return act(line, request)
            except ModemError as error:
                raise CommandRefused(str(error)) from None

        return answer

    return {
        "modem.info": on(_tell),
        "modem.lend": on(_lend),
        "modem.at": on(_ask),
        "modem.send": on(_submit),
        "modem.heard": on(_hear),
    }


def _tell(line: AskedLine, _request: Request) -> Mapping[str, Any]:
    """Say how the line is, and whether its port is open."""
    return {"is_open": line.modem is not None, "line": to_plain(line.record)}


def _lend(line: AskedLine, request: Request) -> Mapping[str, Any]:
    """Leave the port to a technician for a while, unless it is open."""
    if line.modem is None:
        line.requests.lend(min(float(request.get("for_s", 0.0)), LEND_S_MAX))
    return _tell(line, request)


def _opened(line: AskedLine) -> Modem:
    if line.modem is None:
        reason = line.record.reason or line.record.state
        raise CommandRefused(f"line {line.record.name} has its port not open ({reason})")
    return line.modem


def _ask(line: AskedLine, request: Request) -> Mapping[str, Any]:
    """Send one AT command; return the lines of its answer."""
    _opened(line)
    command = str(request.get("command", ""))[:COMMAND_LENGTH_MAX]
    reason = refusal(command)
    if reason is not None:
        raise CommandRefused(
            f"not on a line that is receiving: {reason}. Stop the daemon to have the port yourself"
        )
    limit_s = min(float(request.get("answer_s", ANSWER_S_MAX)), ANSWER_S_MAX)
    answer = line.requests.ask(
        lambda modem: modem.ask(command, timeout_s=limit_s),
        start_s=START_S,
        answer_s=2 * ANSWER_S_MAX,
    )
    return {"lines": answer}


def _submit(line: AskedLine, request: Request) -> Mapping[str, Any]:
    """Submit one SMS that is in no store: a technician's test."""
    _opened(line)
    try:
        pdus = encode_submit(str(request["number"]), str(request["text"]), reference=0)
    except (EncodeError, KeyError) as error:
        raise CommandRefused(f"this cannot be sent as an SMS ({error})") from None
    if len(pdus) != 1:
        raise CommandRefused("it is longer than one SMS: make it shorter")
    reference = line.requests.ask(
        lambda modem: modem.submit(pdus[0]), start_s=START_S, answer_s=SUBMIT_S_MAX
    )
    log.info("test_sms_submitted", line=line.record.name)
    return {"reference": reference}


def _hear(line: AskedLine, request: Request) -> Mapping[str, Any]:
    """Return what the modem said unasked since a number; the line is not asked for it, so it goes on receiving."""
    wait_s = min(float(request.get("wait_s", 0.0)), HEAR_S_MAX)
    number, lines = _opened(line).overheard.since(int(request.get("since", 0)), wait_s=wait_s)
    return {"number": number, "lines": lines}
