"""A scenario file (TOML): modems, what happens to them and when, and misery left to chance.

`[[modem]]` has the fields of ModemPlan; `[[event]]` has `at_s`, or `every_s`, and a request of operations.py;
`[misery]` has `seed`, `every_s`, `lasts_s` and, where not all are wanted, `faults`. Everything is checked before
anything starts.
"""

from __future__ import annotations

import heapq
import random
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from .faults import KINDS
from .network import DEFAULT_SMSC, USSD
from .operations import Request, find_request_problems
from .params import (
    COUNT,
    INTEGER,
    OBJECTS,
    SECONDS,
    SPAN,
    TABLE,
    TEXT,
    TEXTS,
    TRUTH,
    Kind,
    Problem,
    find_problems,
    one_of,
)
from .profiles import PROFILES
from .rack import ModemPlan

_FIRST_NUMBER = 81170001708
_MODEM: Mapping[str, Kind] = {
    "name": TEXT,
    "number": TEXT,
    "profile": one_of(PROFILES),
    "slots": COUNT,
    "me_slots": COUNT,
    "has_urcs": TRUTH,
    "baud": INTEGER,
    "speed": INTEGER,
    "imei": TEXT,
    "iccid": TEXT,
    "pin": TEXT,
    "faults": OBJECTS,
}
_MISERY = {"seed": INTEGER, "lasts_s": SPAN, "faults": TEXTS}
_NETWORK = {"smsc": TEXT, "ussd": TABLE}
# what strikes an unlucky modem for a while; parameters other than the usual ones
MISERY: Mapping[str, Mapping[str, float]] = {
    "mute": {},
    "mute_at_command": {},
    "reboot": {},
    "reboot_in_answer": {},
    "reboot_at_command": {},
    "unplugged": {},
    "port_gone_in_answer": {},
    "settings_lost": {},
    "text_mode": {},
    "echo_on": {},
    "registration": {"code": 2},
    "signal": {},
    "garbage": {"times": 0},
    "flipped_bits": {"times": 3},
    "late_answer": {},
    "lost_answer": {},
    "doubled_answer": {},
    "cut_answer": {},
    "late_prompt": {},
    "no_prompt": {},
    "urc_lost": {"times": 0},
    "urc_withheld": {},
    "urc_in_answer": {},
    "storage_refuses": {},
    "delete_lies": {},
    "cme_error": {"times": 0, "code": 14},
    "submit_error": {},
}


class ScenarioError(Exception):
    """The file cannot be played; `problems` has all that is wrong, each with its key."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{key}: {message}" for key, message in problems))
        self.problems = tuple(problems)


class Event(Struct, frozen=True):
    """A request and when it is carried out: once, or again every so many seconds."""

    at_s: float
    request: Request
    every_s: float | None = None

    def moments(self) -> Iterator[tuple[float, Request]]:
        """Return its moments."""
        if self.every_s is None:
            yield self.at_s, self.request
            return
        for turn in count():
            yield self.at_s + turn * self.every_s, self.request


class Misery(Struct, frozen=True):
    """Faults left to chance: about every `every_s` one strikes one modem and ends after `lasts_s`."""

    every_s: float
    seed: int = 0
    lasts_s: float = 2.0
    faults: tuple[str, ...] = tuple(MISERY)

    def moments(self, names: Sequence[str]) -> Iterator[tuple[float, Request]]:
        """Return the faults that strike these modems, and their ends; the same for the same seed."""
        chance = random.Random(self.seed)
        now_s = 0.0
        while True:
            now_s += self.every_s * chance.uniform(0.5, 1.5)
            target = {"op": "fault", "modem": chance.choice(names)}
            fault = chance.choice(self.faults)
            yield now_s, {**target, "name": fault, **MISERY[fault]}
            end_s = now_s + min(self.lasts_s, 0.4 * self.every_s)  # before the next one
            yield end_s, {**target, "name": fault, "clear": True}


class Scenario(Struct, frozen=True):
    """What a file says."""

    modems: tuple[ModemPlan, ...]
    events: tuple[Event, ...] = ()
    misery: Misery | None = None
    seed: int = 0
    smsc: str = DEFAULT_SMSC
    ussd: Mapping[str, str] = field(default_factory=lambda: dict(USSD))
    stop_after_s: float | None = None

    def schedule(self) -> Schedule:
        """Return everything that will happen."""
        streams = [event.moments() for event in self.events]
        if self.misery is not None:
            streams.append(self.misery.moments([plan.name for plan in self.modems]))
        if self.stop_after_s is not None:
            streams.append(Event(self.stop_after_s, {"op": "stop"}).moments())
        return Schedule(streams)


class Schedule:
    """Requests in the order of their moments; time is passed in."""

    def __init__(self, streams: Sequence[Iterator[tuple[float, Request]]]) -> None:
        self._all = heapq.merge(*streams, key=_moment)
        self._next = next(self._all, None)

    def next_due_s(self) -> float | None:
        """Return when the next request is due; None when there are no more."""
        return None if self._next is None else self._next[0]

    def take(self, elapsed_s: float) -> Iterator[Request]:
        """Return the requests that are due."""
        while self._next is not None and self._next[0] <= elapsed_s:
            yield self._next[1]
            self._next = next(self._all, None)


def _moment(item: tuple[float, Request]) -> float:
    return item[0]


# -- reading


def read_scenario(text: str) -> Scenario:
    """Return the scenario a file holds; raises ScenarioError with every problem."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([("toml", str(error))]) from None
    except ValueError:  # Python reads no number that is longer
        digits_max = sys.get_int_max_str_digits()
        raise ScenarioError([("toml", f"a number of more than {digits_max} digits")]) from None
    except RecursionError:
        raise ScenarioError([("toml", "too many brackets within brackets")]) from None
    takes = {
        "seed": INTEGER,
        "stop_after_s": SPAN,
        "network": TABLE,
        "event": OBJECTS,
        "misery": TABLE,
    }
    problems = find_problems(found, {"modem": OBJECTS}, takes)
    if problems:
        raise ScenarioError(problems)
    modems, events, network = found["modem"], found.get("event", []), found.get("network", {})
    problems += _modem_problems(modems)
    problems += _event_problems(events, modems)
    problems += _within("network", find_problems(network, {}, _NETWORK))
    problems += _misery_problems(found.get("misery"))
    if problems:
        raise ScenarioError(problems)
    return Scenario(
        modems=tuple(_read_modem(place, modem) for place, modem in enumerate(modems)),
        events=tuple(map(_read_event, events)),
        misery=_read_misery(found["misery"]) if "misery" in found else None,
        seed=found.get("seed", 0),
        smsc=network.get("smsc", DEFAULT_SMSC),
        ussd=network.get("ussd", dict(USSD)),
        stop_after_s=found.get("stop_after_s"),
    )


def usual_name(place: int) -> str:
    """Return the name of a modem that was given none."""
    return f"m{place + 1}"


def usual_number(place: int) -> str:
    """Return the number of a modem that was given none."""
    return f"+62{_FIRST_NUMBER + place}"


def _within(place: str, problems: Sequence[Problem]) -> list[Problem]:
    return [(f"{place}.{key}", message) for key, message in problems]


def _modem_problems(modems: Sequence[Mapping[str, Any]]) -> list[Problem]:
    problems: list[Problem] = [] if modems else [("modem", "there must be at least one")]
    for place, modem in enumerate(modems):
        found = find_problems(modem, {"link": TEXT}, _MODEM)
        for at, fault in enumerate(modem.get("faults", [])):
            request = {"op": "fault", **fault} if isinstance(fault, dict) else {"op": "fault"}
            found += _within(f"faults[{at}]", find_request_problems(request))
        problems += _within(f"modem[{place}]", found)
    for key, usual in (("name", usual_name), ("number", usual_number), ("link", str)):
        values = [modem.get(key, usual(place)) for place, modem in enumerate(modems)]
        problems += [
            (f"modem[{place}].{key}", "is taken by another modem")
            for place, value in enumerate(values)
            if value in values[:place]
        ]
    return problems


def _event_problems(
    events: Sequence[Mapping[str, Any]], modems: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    problems: list[Problem] = []
    known = {modem.get("name", usual_name(place)) for place, modem in enumerate(modems)}
    known |= {modem.get("number", usual_number(place)) for place, modem in enumerate(modems)}
    for place, event in enumerate(events):
        when = {key: event[key] for key in ("at_s", "every_s") if key in event}
        found = find_problems(when, {}, {"at_s": SECONDS, "every_s": SPAN})
        if not when:
            found.append(("at_s", "is missing"))
        request = {key: value for key, value in event.items() if key not in when}
        found += find_request_problems(request)
        if isinstance(request.get("modem"), str) and request["modem"] not in known:
            found.append(("modem", f"there is no modem {request['modem']!r}"))
        problems += _within(f"event[{place}]", found)
    return problems


def _misery_problems(misery: Mapping[str, Any] | None) -> list[Problem]:
    if misery is None:
        return []
    found = find_problems(misery, {"every_s": SPAN}, _MISERY)
    unknown = [name for name in misery.get("faults", []) if name not in MISERY]
    if unknown:
        known = (
            "is a fault, but not one that ends by itself" if unknown[0] in KINDS else "is no fault"
        )
        found.append(("faults", f"{unknown[0]} {known}; there are: {', '.join(MISERY)}"))
    if not misery.get("faults", ["any"]):
        found.append(("faults", "must name at least one"))
    return _within("misery", found)


def _read_modem(place: int, modem: Mapping[str, Any]) -> ModemPlan:
    usual = {"name": usual_name(place), "number": usual_number(place)}
    fields = {**usual, **modem, "link": Path(modem["link"])}
    fields["faults"] = tuple(modem.get("faults", ()))
    return ModemPlan(**fields)


def _read_event(event: Mapping[str, Any]) -> Event:
    request = {key: value for key, value in event.items() if key not in ("at_s", "every_s")}
    every_s = event.get("every_s")
    return Event(event.get("at_s", every_s or 0.0), request, every_s)


def _read_misery(misery: Mapping[str, Any]) -> Misery:
    return Misery(**{**misery, "faults": tuple(misery.get("faults", MISERY))})
