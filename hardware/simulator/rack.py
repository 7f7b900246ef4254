"""Several simulated modems on one network, each on a terminal of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec import Struct

from .modem import SimulatedModem
from .network import Network
from .operations import Site
from .pty import PtyServer


class ModemPlan(Struct, frozen=True):
    """One modem to simulate. What is None follows from the number; `faults` are set before it is plugged in."""

    name: str
    link: Path
    number: str
    profile: str = "generic"
    slots: int = 50
    me_slots: int = 0
    has_urcs: bool = True
    baud: int | None = None
    speed: int | None = None
    imei: str | None = None
    iccid: str | None = None
    pin: str | None = None
    faults: tuple[Mapping[str, Any], ...] = ()


class Rack:
    """Modems and their ports; usable as a context manager. What one submits to the number of another reaches it."""

    def __init__(self, network: Network, plans: Sequence[ModemPlan]) -> None:
        self.site = Site(network, {plan.name: _make(network, plan) for plan in plans})
        self.ports = {
            plan.name: PtyServer(self.site.modems[plan.name], plan.link) for plan in plans
        }
        self._open = ExitStack()

    def __enter__(self) -> Rack:
        with ExitStack() as opening:  # closes those that are open when one cannot be opened
            for port in self.ports.values():
                opening.enter_context(port)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()


def _make(network: Network, plan: ModemPlan) -> SimulatedModem:
    modem = SimulatedModem(
        network,
        number=plan.number,
        profile=plan.profile,
        memories={"SM": plan.slots, "ME": plan.me_slots},
        urc=plan.has_urcs,
        baud=plan.baud,
        speed=plan.speed,
    )
    modem.imei = plan.imei or modem.imei
    modem.card.iccid = plan.iccid or modem.card.iccid
    modem.card.pin = plan.pin
    modem.card.power_on()
    for fault in plan.faults:
        params = dict(fault)
        modem.faults.set(params.pop("name"), **params)
    return modem
