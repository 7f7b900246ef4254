"""The serial ports of this machine, as /sys, /run/udev and /dev tell: which USB device and interface each one is.

Everything is read below `root`, so that a test can make a machine of its own. Nothing is opened.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]")
_USB_PLACE = re.compile(r"\d+-(?P<ports>[\d.]+):(?P<configuration>\d+)\.(?P<interface>\d+)")
_RULE = (
    'SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", ATTR{{idVendor}}=="{vendor}", '
    'ENV{{ID_MM_DEVICE_IGNORE}}="1"'
)
_BY_SERIAL = (
    'SUBSYSTEM=="tty", ENV{{ID_USB_SERIAL_SHORT}}=="{serial}", '
    'ENV{{ID_USB_INTERFACE_NUM}}=="{interface}", SYMLINK+="smsgate/{name}"'
)
_BY_PATH = 'SUBSYSTEM=="tty", ENV{{ID_PATH}}=="{path}", SYMLINK+="smsgate/{name}"'


class UsbPlace(Struct, frozen=True):
    """Which interface of which USB device. `device` is its folder in /sys: the same for all its interfaces."""

    device: str
    vendor: str
    product: str
    interface: str
    serial: str | None
    description: str
    id_path: str | None


class Port(Struct, frozen=True):
    """One serial port: its name below /dev, names that stay, and its place on USB, if it has one."""

    path: str
    links: tuple[str, ...] = ()
    driver: str | None = None
    usb: UsbPlace | None = None
    is_ignored_by_modem_manager: bool = False


def list_ports(root: Path = Path("/")) -> list[Port]:
    """Return every serial port that has a device behind it, those on USB first."""
    links = _links(root)
    found = []
    for entry in sorted((root / "sys/class/tty").glob("*"), key=_natural):
        if (entry / "device").exists() and _has_hardware(entry):
            found.append(_read_port(root, entry, links.get(entry.name, ())))
    return sorted(found, key=lambda port: port.usb is None)


def find_port(path: str, root: Path = Path("/")) -> Port | None:
    """Return the port that this name leads to; None when it is none of this machine's (a pseudo-terminal)."""
    name = (root / path.lstrip("/")).resolve().name
    return next((port for port in list_ports(root) if Path(port.path).name == name), None)


def siblings(port: Port, ports: list[Port]) -> list[Port]:
    """Return the other ports of the same USB device."""
    if port.usb is None:
        return []
    return [
        other
        for other in ports
        if other.usb is not None and other.usb.device == port.usb.device and other != port
    ]


def udev_rules(port: Port, *, name: str, has_twin: bool = False) -> list[str]:
    """Return the rules that keep ModemManager away from this device and give this port a name that stays.

    `has_twin`: another device has the same serial number, so only the socket tells them apart.
    """
    usb = port.usb
    if usb is None:
        return []
    rules = [_RULE.format(vendor=usb.vendor)]
    if usb.serial and not has_twin:
        rules.append(_BY_SERIAL.format(serial=usb.serial, interface=usb.interface, name=name))
    elif usb.id_path:
        rules.append(_BY_PATH.format(path=usb.id_path, name=name))
    return rules


def _natural(entry: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (0, part)
        for part in re.split(r"(\d+)", entry.name)
    ]


def _has_hardware(entry: Path) -> bool:
    """Say whether there is a UART behind it: the kernel makes ttyS0 to ttyS31 whether there is one or not."""
    kind = _text(entry / "type")
    return kind is None or kind != "0"


def _links(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the names that stay, by the name they lead to."""
    found: dict[str, list[str]] = {}
    for folder in ("dev/smsgate", "dev/serial/by-id", "dev/serial/by-path"):
        for link in sorted((root / folder).glob("*")):
            found.setdefault(link.resolve().name, []).append(f"/{folder}/{link.name}")
    return {name: tuple(links) for name, links in found.items()}


def _read_port(root: Path, entry: Path, links: tuple[str, ...]) -> Port:
    properties = _udev_properties(root, entry)
    device = (entry / "device").resolve()
    driver = device / "driver"
    return Port(
        path=f"/dev/{entry.name}",
        links=links,
        driver=driver.resolve().name if driver.exists() else None,
        usb=_usb_place(root, device, properties),
        is_ignored_by_modem_manager=_is_ignored(root, device, properties),
    )


def _usb_place(root: Path, device: Path, properties: dict[str, str]) -> UsbPlace | None:
    interface = next(
        (up for up in (device, *device.parents) if (up / "bInterfaceNumber").exists()), None
    )
    if interface is None or not (interface.parent / "idVendor").exists():
        return None
    usb = interface.parent
    names = (_text(usb / "manufacturer"), _text(usb / "product"))
    return UsbPlace(
        device=str(usb.relative_to(root.resolve())),
        vendor=_text(usb / "idVendor") or "",
        product=_text(usb / "idProduct") or "",
        interface=_text(interface / "bInterfaceNumber") or "",
        serial=_text(usb / "serial") or None,
        description=" ".join(name for name in names if name),
        id_path=properties.get("ID_PATH") or _id_path(interface),
    )


def _id_path(interface: Path) -> str | None:
    """Make the ID_PATH of a USB interface on a PCI controller, as udev's path_id does."""
    place = _USB_PLACE.fullmatch(interface.name)
    controllers = [part for part in interface.parts if _PCI.fullmatch(part)]
    if place is None or not controllers:
        return None
    where = f"{place['ports']}:{place['configuration']}.{place['interface']}"
    return f"pci-{controllers[-1]}-usb-0:{where}"


def _is_ignored(root: Path, device: Path, properties: dict[str, str]) -> bool:
    """Say whether udev tells ModemManager to leave it alone: of the port, or of a device above it."""
    if "1" in (properties.get("ID_MM_DEVICE_IGNORE"), properties.get("ID_MM_PORT_IGNORE")):
        return True
    return any(
        _udev_properties(root, up).get("ID_MM_DEVICE_IGNORE") == "1"
        for up in device.parents
        if (up / "dev").exists()
    )


def _udev_properties(root: Path, entry: Path) -> dict[str, str]:
    """Return what udev has noted of a device, from its database; nothing where there is none."""
    number = _text(entry / "dev")
    if number is None:
        return {}
    lines = (_text(root / "run/udev/data" / f"c{number}") or "").splitlines()
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {key: value for key, _, value in pairs}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
