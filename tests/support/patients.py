"""A simulated modem for the doctor, in a machine that is made of files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from hardware.diagnosis import Balance, Expected, Finding
from hardware.probes import Doctor, Surroundings, Waits
from hardware.simulator import Network, PtyServer, SimulatedModem
from hardware.terminal import Limits, Terminal

NUMBER = "+6281170001708"
WAITS = Waits(
    silence_s=1.5,
    other_silence_s=0.7,
    answer_s=3.0,
    steady_s=0.05,
    breakdown_s=1.5,
    ussd_s=1.0,
    loop_s=3.0,
)
BALANCE = Balance("*888#", r"Rp\.?\s*([\d.,]+)", 10_000)


@dataclass
class Patient:
    """A modem in surroundings of its own; a trouble changes either."""

    modem: SimulatedModem
    path: str
    stack: ExitStack
    folder: Path
    expected: Expected = field(default_factory=lambda: Expected(name="m1", balance=BALANCE))
    may_open: bool = True
    root: Path = Path("/")
    doors: dict[str, str] = field(default_factory=dict)  # names that lead to another port
    opened: list[str] = field(default_factory=list)
    clock_shift: timedelta = timedelta()

    def expect(self, **changes: Any) -> None:
        self.expected = replace(self.expected, **changes)

    def examine(self) -> list[Finding]:
        around = Surroundings(
            root=self.root,
            waits=WAITS,
            may_open=lambda _path: self.may_open,
            open_terminal=self._open,
            now=lambda: datetime.now(UTC) + self.clock_shift,
        )
        return list(Doctor(self.path, self.expected, around=around).examine())

    def _open(self, path: str, baud: int, limits: Limits) -> Terminal:
        self.opened.append(path)
        return Terminal(self.doors.get(path, path), baud=baud, limits=limits)


# --- machines made of files -----------------------------------------------------------------------


def write(path: Path, text: str) -> None:
    """Make a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def plug_in(patient: Patient, *ttys: str, driver: str | None = None) -> None:
    """Put the patient into a machine where it is an interface of a USB modem."""
    root = patient.folder / "root"
    patient.root = root
    (root / "proc").mkdir(parents=True)
    device = root / "sys/devices/pci0000:00/0000:00:14.0/usb1/1-2"
    write(device / "idVendor", "12d1")
    write(device / "idProduct", "1001")
    for number, tty in enumerate(ttys):
        interface = device / f"1-2:1.{number}"
        write(interface / "bInterfaceNumber", f"{number:02d}")
        (interface / tty).mkdir()
        if driver is not None:
            (root / "sys/bus/usb-serial/drivers" / driver).mkdir(parents=True, exist_ok=True)
            (interface / tty / "driver").symlink_to(root / "sys/bus/usb-serial/drivers" / driver)
        entry = root / f"sys/class/tty/{tty}"
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(interface / tty)
        (root / "dev").mkdir(exist_ok=True)
        (root / "dev" / tty).symlink_to(f"/dev/{tty}")
    patient.doors = {f"/dev/{ttys[0]}": patient.path}
    patient.path = f"/dev/{ttys[0]}"


def stand_aside(patient: Patient, *, driver: str | None = None) -> None:
    """Configure an interface of the device that says nothing; its sibling answers."""
    deaf = SimulatedModem(Network(seed=8), number="+6281170001709")
    deaf.faults.set("mute")
    server = patient.stack.enter_context(PtyServer(deaf, patient.folder / "deaf"))
    answering = patient.path
    plug_in(patient, "null", "zero", driver=driver)
    patient.doors = {"/dev/null": str(server.path), "/dev/zero": answering}


def add_built_in(patient: Patient, tty: str) -> None:
    """Give the machine a port of its own, with a UART behind it."""
    write(patient.root / f"sys/class/tty/{tty}/type", "4")
    device = patient.root / "sys/devices/platform/serial8250"
    device.mkdir(parents=True)
    (patient.root / f"sys/class/tty/{tty}/device").symlink_to(device)
    (patient.root / "dev" / tty).symlink_to(f"/dev/{tty}")
