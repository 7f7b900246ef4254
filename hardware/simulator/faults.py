"""Everything that goes wrong on a serial line with a modem, by name; set and cleared at run time.

A fault strikes at a stage: *now* (when it is set), before a *command*, at a *body* (the text of AT+CMGS), or reshapes
a *prompt*, an *answer* or a *urc*. It strikes from the `at`-th matching event on, `times` times (0: until cleared).
`KINDS` is the table; `describe()` prints it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from .outgoing import Chunk
from .params import COUNT, INTEGER, NUMBER, TEXT, Problem, find_problems

if TYPE_CHECKING:
    from .modem import SimulatedModem


class Swallowed(Exception):
    """Not an error: the command gets no answer at all."""


class Skipped(Exception):
    """Not an error: the modem says OK to the command and does nothing."""


class Stage(Enum):
    """When a fault strikes."""

    NOW = "now"
    COMMAND = "command"
    BODY = "body"
    PROMPT = "prompt"
    ANSWER = "answer"
    URC = "urc"


class Fault(Struct, frozen=True):
    """One fault with its parameters; what each means is in the table's text."""

    name: str
    command: str = ""  # "+CMGL": only this command; empty: any
    at: int = 1
    times: int = 1
    delay_s: float = 0.0
    code: int = 0
    count: int = 0
    text: str = ""


Chunks = list[Chunk]
# (modem, fault) at NOW; (modem, fault, command name) at COMMAND and BODY; (modem, fault, chunks) -> chunks else
Strike = Callable[..., Chunks | None]
Lift = Callable[["SimulatedModem", Fault], None]


class FaultKind(Struct, frozen=True):
    """A row of the table: what the fault does, its usual parameters, and how it ends when it is cleared."""

    stage: Stage
    summary: str
    usual: Fault
    strike: Strike
    lift: Lift | None = None
    texts: frozenset[str] | None = None  # what the parameter text may be; None: anything

    def find_problems(self, params: Mapping[str, object]) -> list[Problem]:
        """Return what is wrong with these parameters."""
        problems = find_problems(params, {}, PARAMS)
        text = params.get("text", self.usual.text)
        if self.texts is not None and text not in self.texts:
            problems.append(("text", f"must be one of {', '.join(sorted(self.texts))}"))
        return problems


PARAMS = {
    "command": TEXT,
    "at": INTEGER,
    "times": COUNT,
    "delay_s": NUMBER,
    "code": INTEGER,
    "count": COUNT,
    "text": TEXT,
}
KINDS: dict[str, FaultKind] = {}
FOR_EVER = 0  # `times` of a fault that lasts until it is cleared
_AnyStrike = TypeVar("_AnyStrike", bound=Strike)


def enter_fault(
    stage: Stage,
    *,
    lift: Lift | None = None,
    texts: Iterable[str] | None = None,
    **usual: str | float,
) -> Callable[[_AnyStrike], _AnyStrike]:
    """Enter a function in the table under its own name; its docstring says there what it does."""

    def enter(strike: _AnyStrike) -> _AnyStrike:
        name = strike.__name__
        fault = Fault(name=name, **usual)  # type: ignore[arg-type]
        KINDS[name] = FaultKind(
            stage, strike.__doc__ or name, fault, strike, lift, frozenset(texts) if texts else None
        )
        return strike

    return enter


def enter_flag(name: str, summary: str, **usual: str | float) -> None:
    """Enter a fault that lasts until cleared and is looked for by name (`Faults.find`)."""
    fault = Fault(name=name, times=FOR_EVER, **usual)  # type: ignore[arg-type]
    KINDS[name] = FaultKind(Stage.NOW, summary, fault, _only_be_set, _only_be_set)


def _only_be_set(_modem: SimulatedModem, _fault: Fault) -> None:
    """Whoever is concerned asks whether the fault is set."""


def describe() -> str:
    """Return the table of faults, one a line."""
    width = max(map(len, KINDS))
    return "\n".join(
        f"{name:<{width}}  {kind.stage.value:<7}  {kind.summary}"
        for name, kind in sorted(KINDS.items())
    )


class _Active(Struct):
    fault: Fault
    kind: FaultKind
    seen: int = 0
    struck: int = 0

    def is_due(self, name: str) -> bool:
        """Count a matching event and tell whether the fault strikes at it."""
        fault = self.fault
        if fault.command and fault.command != name:
            return False
        self.seen += 1
        if self.seen < fault.at or (fault.times and self.struck >= fault.times):
            return False
        self.struck += 1
        return True

    @property
    def is_over(self) -> bool:
        return bool(self.fault.times) and self.struck >= self.fault.times


class Faults(Struct):
    """The faults that are set on one modem."""

    modem: SimulatedModem
    is_armed: bool = False
    struck: Counter[str] = field(default_factory=Counter)
    _active: list[_Active] = field(default_factory=list)
    _names: frozenset[str] = frozenset()

    def set(self, name: str, **params: str | float) -> None:
        """Set a fault; raises ValueError for a name or a parameter that does not exist."""
        kind = KINDS.get(name)
        if kind is None:
            raise ValueError(f"no fault named {name!r}; there are: {', '.join(sorted(KINDS))}")
        fault = _with_params(kind.usual, name, params)
        with self.modem.network.lock:
            if kind.stage is Stage.NOW:
                self.struck[name] += 1
                kind.strike(self.modem, fault)
                if kind.lift is None:
                    self.modem.wake()
                    return
            self._active = [active for active in self._active if active.fault.name != name]
            self._active.append(_Active(fault, kind))
            self._refresh()
        self.modem.wake()

    def clear(self, name: str | None = None) -> None:
        """End one fault, or all of them; what a fault has put into a memory stays there."""
        with self.modem.network.lock:
            for active in [a for a in self._active if name in (None, a.fault.name)]:
                self._active.remove(active)
                if active.kind.lift is not None:
                    active.kind.lift(self.modem, active.fault)
            self._refresh()
        self.modem.wake()

    def names(self) -> list[str]:
        """Return the names of the faults that are set."""
        return sorted(self._names)

    def is_set(self, name: str) -> bool:
        """Whether this fault is set."""
        return name in self._names

    def find(self, name: str) -> Fault | None:
        """Return this fault with its parameters while it is set."""
        return next((active.fault for active in self._active if active.fault.name == name), None)

    # -- called by the dialogue and the modem

    def before_command(self, name: str) -> None:
        """Strike before a command; may raise AtError, Swallowed or Skipped."""
        self._strike_command(Stage.COMMAND, name)

    def before_body(self, name: str) -> None:
        """Strike when the body of a command is complete; may raise AtError or Swallowed."""
        self._strike_command(Stage.BODY, name)

    def shape_prompt(self, name: str, octets: bytes) -> Chunks:
        """Return what is said instead of a prompt."""
        return self._reshape(Stage.PROMPT, name, octets)

    def shape_answer(self, name: str, octets: bytes) -> Chunks:
        """Return what is said instead of an answer."""
        return self._reshape(Stage.ANSWER, name, octets)

    def shape_urc(self, name: str, octets: bytes) -> Chunks:
        """Return what is said instead of a URC."""
        return self._reshape(Stage.URC, name, octets)

    def _strike_command(self, stage: Stage, name: str) -> None:
        for active in self._due(stage, name):
            active.kind.strike(self.modem, active.fault, name)

    def _reshape(self, stage: Stage, name: str, octets: bytes) -> Chunks:
        chunks = [Chunk(octets)]
        for active in self._due(stage, name):
            chunks = active.kind.strike(self.modem, active.fault, chunks) or []
        return chunks

    def _due(self, stage: Stage, name: str) -> list[_Active]:
        due = [a for a in self._active if a.kind.stage is stage and a.is_due(name)]
        for active in due:
            self.struck[active.fault.name] += 1
        if any(active.is_over for active in due):
            self._active = [active for active in self._active if not active.is_over]
            self._refresh()
        return due

    def _refresh(self) -> None:
        self._names = frozenset(active.fault.name for active in self._active)
        self.is_armed = bool(self._active)


def _with_params(usual: Fault, name: str, params: Mapping[str, Any]) -> Fault:
    if problems := KINDS[name].find_problems(params):
        raise ValueError("; ".join(f"{key} {message}" for key, message in problems))
    return replace(usual, name=name, **params)
