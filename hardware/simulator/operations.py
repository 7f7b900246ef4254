"""What a simulated site can be told: over its control socket, and by the events of a scenario.

A request is an object with `op`, the operation's parameters, and `modem` (a name or number) where there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct, field

from .codec import Shape
from .faults import KINDS
from .modem import SimulatedModem
from .network import Network, Received
from .params import INTEGER, NUMBER, NUMBERS, OBJECTS, TEXT, TRUTH, Kind, Problem, find_problems

_WAIT_S_MAX = 600.0
_SHAPE = {
    "reference_width": INTEGER,
    "is_cutting_pairs": TRUTH,
    "is_shuffled": TRUTH,
    "lost": NUMBERS,
    "doubled": NUMBERS,
    "message_class": INTEGER,
    "protocol_id": INTEGER,
}
Request = Mapping[str, Any]
Answer = dict[str, Any]


class Site(Struct, frozen=True):
    """A network and the modems on it, by name; the first one is meant where none is named."""

    network: Network
    modems: Mapping[str, SimulatedModem]

    def modem(self, name: str | None) -> SimulatedModem:
        """Return a modem by name or number; raises ValueError when there is none."""
        if name is None:
            return next(iter(self.modems.values()))
        by_number = (modem for modem in self.modems.values() if modem.number == name)
        found = self.modems.get(name) or next(by_number, None)
        if found is None:
            raise ValueError(f"no modem named {name!r}; there are: {', '.join(self.modems)}")
        return found


CarryOut = Callable[[Site, SimulatedModem, Request], Answer]


class Operation(Struct, frozen=True):
    """One thing a site can be told, with its parameters."""

    carry_out: CarryOut
    needs: Mapping[str, Kind] = field(default_factory=dict)
    takes: Mapping[str, Kind] = field(default_factory=dict)


OPERATIONS: dict[str, Operation] = {}


def _operation(
    needs: Mapping[str, Kind] | None = None, takes: Mapping[str, Kind] | None = None
) -> Callable[[CarryOut], CarryOut]:
    def enter(carry_out: CarryOut) -> CarryOut:
        OPERATIONS[carry_out.__name__.strip("_")] = Operation(carry_out, needs or {}, takes or {})
        return carry_out

    return enter


def carry_out(site: Site, request: Request) -> Answer:
    """Carry out a request; raises ValueError with all that is wrong with it."""
    if problems := find_request_problems(request):
        raise ValueError("; ".join(f"{key}: {message}" for key, message in problems))
    modem = site.modem(request.get("modem"))
    return OPERATIONS[request["op"]].carry_out(site, modem, request)


def find_request_problems(request: Request) -> list[Problem]:
    """Return what is wrong with a request, by key."""
    name = request.get("op")
    operation = OPERATIONS.get(name) if isinstance(name, str) else None
    if operation is None:
        return [("op", f"there is no operation {name!r}; there are: {', '.join(OPERATIONS)}")]
    needs = {"op": TEXT, **operation.needs}
    takes = {"modem": TEXT, **operation.takes}
    if name == "fault":
        return _find_fault_problems(request, needs, takes)
    return find_problems(request, needs, takes)


def _find_fault_problems(
    request: Request, needs: Mapping[str, Kind], takes: Mapping[str, Kind]
) -> list[Problem]:
    own = {key: value for key, value in request.items() if key in needs or key in takes}
    problems = find_problems(own, needs, takes)
    fault = request.get("name")
    if not isinstance(fault, str):
        return problems if request.get("clear") else [*problems, ("name", "is missing")]
    kind = KINDS.get(fault)
    if kind is None:
        return [*problems, ("name", f"there is no fault named {fault!r}; {_NAMES_HINT}")]
    return problems + kind.find_problems({k: v for k, v in request.items() if k not in own})


_NAMES_HINT = "`smsgate sim fault` lists them"


# -- SMS


def _message(modem: SimulatedModem, site: Site, request: Request) -> int:
    shape = {key: request[key] for key in _SHAPE if key in request}
    for key in ("lost", "doubled"):
        if key in shape:
            shape[key] = frozenset(shape[key])
    recipient = request.get("to", modem.number)
    return site.network.send(request["from"], recipient, request["text"], shape=Shape(**shape))


@_operation(needs={"from": TEXT, "text": TEXT}, takes={"to": TEXT, **_SHAPE})
def send(site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """A phone sends an SMS."""
    return {"parts": _message(modem, site, request)}


@_operation(takes={"messages": OBJECTS, "from": TEXT, "text": TEXT, "count": INTEGER, "to": TEXT})
def send_many(site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """Phones send the `messages`; or one sends `text`, numbered, `count` times."""
    messages = request.get("messages")
    if messages is None:
        count = request.get("count", 1)
        to = {"to": request["to"]} if "to" in request else {}
        texts = (f"{request['text']} {number}" for number in range(1, count + 1))
        messages = [{"from": request["from"], "text": text, **to} for text in texts]
    return {"parts": sum(_message(modem, site, message) for message in messages)}


@_operation(needs={"pdu": TEXT}, takes={"to": TEXT})
def deliver(site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """The network brings octets of one's own making."""
    octets = bytes.fromhex(request["pdu"])
    site.network.submit_deliver(request.get("to", modem.number), octets)
    return {}


@_operation(needs={"number": TEXT}, takes={"count": INTEGER, "timeout_s": NUMBER})
def inbox(site: Site, _modem: SimulatedModem, request: Request) -> Answer:
    """Tell what a phone has received, once it is `count` SMS or `timeout_s` has passed."""
    phone = site.network.subscriber(request["number"])
    wanted = request.get("count", 0)
    timeout_s = min(request.get("timeout_s", 0.0), _WAIT_S_MAX)
    site.network.wait_for(lambda: len(phone.inbox) >= wanted, timeout_s)
    with site.network.lock:
        return {"inbox": [_show(received) for received in phone.inbox]}


@_operation()
def inboxes(site: Site, _modem: SimulatedModem, _request: Request) -> Answer:
    """Tell what every phone has received."""
    found = site.network.inboxes()
    return {"inboxes": {number: list(map(_show, inbox)) for number, inbox in found.items()}}


def _show(received: Received) -> dict[str, str]:
    return {"text": received.text, "sender": received.sender, "at": received.at.isoformat()}


# -- modems


@_operation()
def state(site: Site, modem: SimulatedModem, _request: Request) -> Answer:
    """Tell what a modem holds."""
    with site.network.lock:
        return {
            "number": modem.number,
            "imei": modem.imei,
            "iccid": modem.card.iccid,
            "slots": {name: [m.used, m.size] for name, m in modem.memories.items()},
            "queued": site.network.waiting(modem.number),
            "submitted": site.network.submitted_count,
            "faults": modem.faults.names(),
            "struck": dict(modem.faults.struck),
        }


@_operation()
def modems(site: Site, _modem: SimulatedModem, _request: Request) -> Answer:
    """Tell the modems' names, numbers and classes."""
    return {
        "modems": {
            name: {"number": modem.number, "profile": modem.profile.name}
            for name, modem in site.modems.items()
        }
    }


@_operation(takes={"name": TEXT, "clear": TRUTH})
def fault(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """Set a fault, or with `clear` end it (without a name: all)."""
    if request.get("clear"):
        modem.faults.clear(request.get("name"))
    else:
        params = {k: v for k, v in request.items() if k not in ("op", "name", "clear", "modem")}
        modem.faults.set(request["name"], **params)
    return {"faults": modem.faults.names()}


@_operation()
def faults(_site: Site, _modem: SimulatedModem, _request: Request) -> Answer:
    """Tell the table of faults."""
    table = {
        name: {"stage": kind.stage.value, "summary": kind.summary}
        for name, kind in sorted(KINDS.items())
    }
    return {"faults": table}


@_operation(needs={"from": TEXT})
def call(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """A phone calls."""
    modem.call(request["from"])
    return {}


@_operation()
def unplug(_site: Site, modem: SimulatedModem, _request: Request) -> Answer:
    """Pull the plug: the port is gone until `replug`."""
    modem.unplug()
    return {}


@_operation(takes={"link": TEXT})
def replug(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """Plug in again, under another name where `link` is given."""
    modem.replug(request.get("link", ""))
    return {}


@_operation()
def reboot(_site: Site, modem: SimulatedModem, _request: Request) -> Answer:
    """Restart."""
    modem.faults.set("reboot")
    return {}


@_operation(takes={"number": TEXT})
def swap_sim(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """Put another SIM in, with another number where one is given."""
    modem.swap_sim(request.get("number"))
    return {}


_SETTABLE = {
    "rssi": INTEGER,
    "operator": TEXT,
    "registration": INTEGER,
    "reject_cause": INTEGER,
    "smsc": TEXT,
    "speed": INTEGER,
    "clock_ahead_s": NUMBER,
}


@_operation(takes=_SETTABLE)
def _set(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """Set what the modem finds: signal, operator, registration, SMSC on the SIM, line speed, clock."""
    radio = modem.radio
    radio.rssi = request.get("rssi", radio.rssi)
    radio.operator_name = request.get("operator", radio.operator_name)
    radio.reject_cause = request.get("reject_cause", radio.reject_cause)
    modem.card.smsc = request.get("smsc", modem.card.smsc)
    modem.speed = request.get("speed", modem.speed)
    if "clock_ahead_s" in request:
        modem.clock_shift = timedelta(seconds=request["clock_ahead_s"])
    if "registration" in request:
        with modem.network.lock:
            modem.set_registration(request["registration"])
    modem.wake()
    return {}


# -- what the network does


@_operation(needs={"text": TEXT})
def operator_sms(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """The operator sends an SMS."""
    modem.faults.set("operator_sms", text=request["text"])
    return {}


@_operation(needs={"text": TEXT}, takes={"code": INTEGER})
def cell_broadcast(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """A cell broadcast is shown."""
    modem.faults.set("cell_broadcast", text=request["text"], code=request.get("code", 50))
    return {}


@_operation(takes={"status": INTEGER, "delay_s": NUMBER, "is_sent": TRUTH})
def report(_site: Site, modem: SimulatedModem, request: Request) -> Answer:
    """From now on delivery reports have TP-ST `status` and come `delay_s` late, or never."""
    text = "" if request.get("is_sent", True) else "none"
    delay_s = request.get("delay_s", 0.0)
    modem.faults.set("report", code=request.get("status", 0), delay_s=delay_s, text=text)
    return {}


@_operation(needs={"text": TEXT}, takes={"code": TEXT})
def balance(site: Site, _modem: SimulatedModem, request: Request) -> Answer:
    """From now on the USSD `code`, by default *888#, is answered with this text."""
    with site.network.lock:
        site.network.ussd[request.get("code", "*888#")] = request["text"]
    return {}


@_operation()
def stop(_site: Site, _modem: SimulatedModem, _request: Request) -> Answer:
    """End the simulator, once this is answered."""
    return {"stopping": True}
