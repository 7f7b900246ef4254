"""What a line is handed, and the limits it keeps: time, chance, waits, whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec import Struct, field

from hardware.sim_pins import SimPins
from smsgate.canary import CanaryBoard, no_canaries
from smsgate.clock import Clock
from smsgate.healing import PowerCycling
from smsgate.retry import RetryPolicy


class LinePolicy(Struct, frozen=True):
    """Every wait and limit of a line."""

    poll_s: float = 15.0  # at most, while URCs are seen to work
    poll_unproven_s: float = 0.5  # until they are
    poll_unannounced_s: float = 1.0  # once a message came without one
    health_s: float = 30.0
    health_degraded_s: float = 5.0
    settings_s: float = 60.0
    save_s: float = 60.0
    # Long enough for several parts of 130 s each: a reply whose lease ran out is never sent again, so waiting costs
    # nothing.
    reply_lease_s: float = 600.0
    busy_share: float = 0.5  # of the memory: above it no reply is submitted
    power: PowerCycling = field(default_factory=PowerCycling)
    # A rejected reply: soon again at first, then ever more seldom, until it expires.
    retry: RetryPolicy = field(
        default_factory=lambda: RetryPolicy(first_delay_s=30.0, delay_s_max=3600.0)
    )


def _no_command() -> None:
    """Where no power-cycle command is configured, nobody asks for one."""


class LineTools(Struct, frozen=True):
    """Time, chance, limits, and whom to tell."""

    clock: Clock
    chance: Callable[[], float]  # from 0 to 1, for jitter
    policy: LinePolicy
    new_reference: Callable[[], str]
    on_work: Callable[[Collection[str]], None]  # these backends have work now
    raise_alarm: Callable[[str, str], None]
    clear_alarm: Callable[[str], object]
    cycle_power: Callable[[], object] = _no_command
    away_lines: Callable[[], Collection[str]] = tuple  # whose replies leave by this line meanwhile
    canaries: CanaryBoard = field(default_factory=no_canaries)
    sim_pins: SimPins = field(default_factory=SimPins)

    def spread(self, delay_s: float) -> float:
        """Return `delay_s` with a little chance in it, so that lines that failed together do not return together."""
        return delay_s * (1.0 + 0.2 * self.chance())


class Polling:
    """How soon to list without being rung: the worse the doorbell, the sooner."""

    def __init__(self, policy: LinePolicy) -> None:
        self._policy = policy
        self.interval_s = min(policy.poll_unproven_s, policy.poll_s)

    def note_pass(self, *, has_rung: bool, has_found: bool) -> None:
        """Learn from one pass: a ring shows that URCs work, a find without one that they do not."""
        if has_rung:
            self.interval_s = self._policy.poll_s
        elif has_found:
            self.interval_s = min(self._policy.poll_unannounced_s, self._policy.poll_s)
