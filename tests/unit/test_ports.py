"""Serial ports as /sys and udev tell of them, on machines made of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hardware.ports import Port, find_port, list_ports, siblings, udev_rules
from smsgate.cli.modem_scan import look

USB = "sys/devices/pci0000:00/0000:00:14.0/usb1"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def plug(
    root: Path,
    place: str,
    *,
    ttys: Sequence[str],
    serial: str = "0123456789ABCDEF",
    vendor: str = "12d1",
) -> None:
    """Plug in a modem with one interface for each tty."""
    device = root / USB / place
    for name, value in (("idVendor", vendor), ("idProduct", "1001"), ("manufacturer", "HUAWEI"),
                        ("product", "Mobile"), ("serial", serial), ("dev", "189:4")):  # fmt: skip
        write(device / name, value)
    for number, tty in enumerate(ttys):
        interface = device / f"{place}:1.{number}"
        write(interface / "bInterfaceNumber", f"{number:02d}")
        (interface / tty).mkdir()
        link(interface / tty / "driver", root / "sys/bus/usb-serial/drivers/option1")
        (root / "sys/bus/usb-serial/drivers/option1").mkdir(parents=True, exist_ok=True)
        write(root / f"sys/class/tty/{tty}/dev", f"188:{tty.removeprefix('ttyUSB')}")
        link(root / f"sys/class/tty/{tty}/device", interface / tty)
        write(root / f"dev/{tty}", "")
        link(
            root / f"dev/serial/by-id/usb-HUAWEI_Mobile-if{number:02d}-{place}", root / f"dev/{tty}"
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plug(tmp_path, "1-2", ttys=("ttyUSB0", "ttyUSB1", "ttyUSB2"))
    for name, kind in (("ttyS0", "4"), ("ttyS1", "0")):
        write(tmp_path / f"sys/class/tty/{name}/type", kind)
        (tmp_path / "sys/devices/platform/serial8250").mkdir(parents=True, exist_ok=True)
        link(
            tmp_path / f"sys/class/tty/{name}/device", tmp_path / "sys/devices/platform/serial8250"
        )
    write(tmp_path / "sys/class/tty/tty0/dev", "4:0")
    (tmp_path / "proc").mkdir()
    return tmp_path


def test_ports_with_hardware_behind_them_are_listed_and_usb_comes_first(root: Path) -> None:
    assert [port.path for port in list_ports(root)] == [
        "/dev/ttyUSB0", "/dev/ttyUSB1", "/dev/ttyUSB2", "/dev/ttyS0",
    ]  # fmt: skip


def test_a_port_on_usb_knows_its_device_and_interface(root: Path) -> None:
    port = list_ports(root)[1]

    assert port.usb is not None
    assert (port.usb.vendor, port.usb.product, port.usb.interface) == ("12d1", "1001", "01")
    assert (port.usb.serial, port.usb.description) == ("0123456789ABCDEF", "HUAWEI Mobile")
    assert port.usb.id_path == "pci-0000:00:14.0-usb-0:2:1.1"
    assert port.links == ("/dev/serial/by-id/usb-HUAWEI_Mobile-if01-1-2",)
    assert port.driver == "option1"


def test_udev_has_the_last_word_on_the_path(root: Path) -> None:
    write(root / "run/udev/data/c188:1", "S:serial\nE:ID_PATH=pci-0000:00:14.0-usbv2-0:2:1.1")

    port = list_ports(root)[1]

    assert port.usb is not None
    assert port.usb.id_path == "pci-0000:00:14.0-usbv2-0:2:1.1"


def test_a_device_that_modem_manager_is_kept_from_is_known(root: Path) -> None:
    assert not list_ports(root)[0].is_ignored_by_modem_manager

    write(root / "run/udev/data/c189:4", "E:ID_MM_DEVICE_IGNORE=1")

    assert list_ports(root)[0].is_ignored_by_modem_manager


def test_a_name_that_stays_leads_to_its_port(root: Path) -> None:
    found = find_port("/dev/serial/by-id/usb-HUAWEI_Mobile-if02-1-2", root)

    assert found is not None
    assert found.path == "/dev/ttyUSB2"
    assert find_port("/dev/pts/7", root) is None


def test_siblings_are_the_other_interfaces_of_the_same_device(root: Path) -> None:
    plug(root, "1-3", ttys=("ttyUSB3",))
    ports = list_ports(root)

    assert [port.path for port in siblings(ports[0], ports)] == ["/dev/ttyUSB1", "/dev/ttyUSB2"]


def test_the_rules_to_paste_name_device_and_port(root: Path) -> None:
    assert udev_rules(list_ports(root)[2], name="m1") == [
        'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="12d1", ENV{ID_MM_DEVICE_IGNORE}="1"',
        'SUBSYSTEM=="tty", ENV{ID_USB_SERIAL_SHORT}=="0123456789ABCDEF", '
        'ENV{ID_USB_INTERFACE_NUM}=="02", SYMLINK+="smsgate/m1"',
    ]


def test_modems_with_one_serial_number_are_told_apart_by_their_socket(root: Path) -> None:
    plug(root, "1-3", ttys=("ttyUSB3",))

    found = look(root, (), ask=lambda _path: ("350000000000000", "E173", ""))

    assert found[3].rules[1] == (
        'SUBSYSTEM=="tty", ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:3:1.0", SYMLINK+="smsgate/m4"'
    )


def test_only_ports_that_nobody_has_and_that_are_on_usb_or_named_are_asked(root: Path) -> None:
    asked: list[str] = []

    def ask(path: str) -> tuple[str, str, str]:
        asked.append(path)
        return "", "", "answers no AT"

    held = root / "proc/4711"
    write(held / "comm", "ModemManager")
    link(held / "fd/3", root / "dev/ttyUSB1")

    found = look(root, ("/dev/ttyS0",), ask=ask)

    assert asked == ["/dev/ttyUSB0", "/dev/ttyUSB2", "/dev/ttyS0"]
    assert found[1].holders == ((4711, "ModemManager"),)
    assert [each.answers for each in found] == [False, None, False, False]
    assert not any(each.rules for each in found)


def test_a_port_that_is_no_hardware_can_be_named(root: Path) -> None:
    found = look(root, ("/dev/pts/99",), ask=lambda _path: ("1", "M", ""))

    assert found[-1].port == Port("/dev/pts/99")
    assert found[-1].rules == ()
