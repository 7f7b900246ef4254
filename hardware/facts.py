"""What a modem is told and what it tells, as values."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from msgspec import Struct, field

from .discreet import Discreet
from .sms import Slot

# where modems are looked for that are known by their IMEI
USUAL_PORTS = ("/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*")
FLOW_CONTROLS = ("none", "rtscts", "dsrdtr", "xonxoff")


class ModemOptions(Discreet, frozen=True):
    """How to reach one modem. `memories` are worked in this order; new SMS are stored in the first that has room."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imei", "pin"})

    port: str | None  # with an `imei` only where to look first
    baud: int = 115200
    imei: str | None = None  # the one modem that may be on the port
    ports: tuple[str, ...] = USUAL_PORTS  # patterns: where to look for that modem
    memories: tuple[str, ...] = ("SM", "ME")
    pin: str | None = None
    wants_reports: bool = False  # have delivery reports come in
    flow_control: str = "none"  # with CTS not wired, any other value stalls every write
    command_timeout_s: float = 10
    pin_ledger: Path | None = (
        None  # None: attempts are remembered as long as the Modem object lives
    )
    silence_limit_s: float = (
        12.0  # how long a modem may take to make sense, at the start and after a timeout
    )
    prompt_timeout_s: float = 10.0
    submit_timeout_s: float = 120.0  # networks have been seen to take 45
    write_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what could lose messages: MT shows the slots of two memories under other numbers."""
        if self.port is None and self.imei is None:
            raise ValueError("a modem is known by its port or by its imei")
        if not self.memories or "MT" in self.memories:
            raise ValueError("memories must name at least one memory, and never MT")
        if self.flow_control not in FLOW_CONTROLS:
            raise ValueError(f"flow_control must be one of {', '.join(FLOW_CONTROLS)}")


class Identity(Discreet, frozen=True):
    """Which device and which SIM. None where the modem does not tell."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imei", "imsi", "iccid", "smsc"})

    manufacturer: str
    model: str
    revision: str
    imei: str
    imsi: str | None
    iccid: str | None
    smsc: str | None

    def holder_of(self, memory: str) -> str | None:
        """Return what a memory is in: the SIM's ICCID (or IMSI), or for any memory but the SIM's the device's IMEI."""
        return (self.iccid or self.imsi if memory == "SM" else self.imei) or None


class Signal(Struct, frozen=True):
    """AT+CSQ: `rssi` 0 to 31 and what it is in dBm; None where it is not known."""

    rssi: int | None
    dbm: int | None


class Registration(Struct, frozen=True):
    """AT+CREG: the `<stat>` of 27.007 section 7.2, and what it means."""

    stat: int
    word: str
    is_registered: bool
    is_roaming: bool
    operator: str | None


class Usage(Struct, frozen=True):
    """How full a message memory is."""

    memory: str
    used: int
    total: int


class Listing(Discreet, frozen=True):
    """What the modem held when asked: received messages and reports, and how many drafts it keeps for others.

    `whole` are the memories of which nothing was passed over for noise, each with the card or device that it is in:
    what is not in their listing is not there.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"whole"})

    slots: tuple[Slot, ...]
    usage: tuple[Usage, ...]
    drafts: int
    whole: Mapping[str, str | None] = field(default_factory=dict)


class EventKind(StrEnum):
    """What a modem said unasked that its owner may want to know."""

    ARRIVED = "arrived"
    CALL = "call"
    RESTARTED = "restarted"
    MEMORY_FULL = "memory_full"
    LATE_SUBMIT = "late_submit"  # the answer to an AT+CMGS that was given up; `number` is its TP-MR
    BODY_LOST = "body_lost"  # a message handed over directly came without its PDU
    LINK_DOWN = "link_down"


class Event(Struct, frozen=True):
    """One of them."""

    kind: EventKind
    number: int | None = None
    submission: int = 0  # of a late answer: how many SMS had been submitted when it came
