"""How each named fault of the simulated modem is put to a line: its parameters, and how soon it must be over."""

from __future__ import annotations

from dataclasses import dataclass, field

from hardware.simulator.faults import FOR_EVER, KINDS, Stage

SOON_S = 3.0  # after the end of a mute, a restart, an unplugging, a new name, garbage
AT_LAST_S = 30.0
# These end with the port, so a serial line that a test holds in its hands cannot have them.
OF_THE_PORT = ("port_renamed", "unplugged")
_LASTING = (
    "mute",
    "mute_at_command",
    "reboot",
    "reboot_at_command",
    "reboot_in_answer",
    "port_gone",
    "port_gone_at_command",
    "port_gone_in_answer",
)
_PROMISED_SOON = (*_LASTING, "garbage", *OF_THE_PORT)
_SEVERAL_TIMES = {  # each strike brings more to list, or more noise than is ever without end
    "arrival_in_answer": 5,
    "urc_burst": 5,
    "urc_in_answer": 5,
    "flipped_bits": 1,
}


@dataclass(frozen=True)
class FaultCase:
    """One fault: set for `for_s`; `soon_s` after its end everything must be stored."""

    name: str
    for_s: float
    soon_s: float
    params: dict[str, float] = field(default_factory=dict)


def case_of(name: str, for_s: float = 10.0) -> FaultCase:
    """Return how this fault is put to a line."""
    params: dict[str, float] = {}
    if name in _LASTING:
        params["delay_s"] = for_s
    elif name in _SEVERAL_TIMES:
        params["times"] = _SEVERAL_TIMES[name]
    elif KINDS[name].stage is not Stage.NOW:
        params["times"] = FOR_EVER
    return FaultCase(name, for_s, SOON_S if name in _PROMISED_SOON else AT_LAST_S, params)


def all_names() -> list[str]:
    """Return the names of all faults."""
    return sorted(KINDS)
