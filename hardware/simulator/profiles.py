"""Classes of simulated devices, as data. What no source says of a model stays as in `generic`."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class DeviceProfile:
    """What one class of modems answers differently from another."""

    name: str
    manufacturer: str
    model: str
    revision: str
    first_index: int = 1
    is_empty_slot_an_error: bool = True  # AT+CMGR on an empty slot: +CMS ERROR: 321, or a bare OK
    has_clac: bool = True
    has_list_mode: bool = False  # AT+CMGL=<stat>,1 lists without marking as read
    is_text_mode_at_start: bool = True  # AT+CMGF after power on
    notification_at_start: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)  # AT+CNMI
    memory_at_start: str = "SM"
    is_flash_shown_directly: bool = False  # class 0 comes as +CMT also when mt is 1
    has_access_technology: bool = False  # +CREG: …,<lac>,<ci>,<AcT>
    boot_lines: tuple[str, ...] = ("RDY",)
    boot_s: float = 0.2
    ccid_command: str = "+CCID"
    pin_counter: str = "+CPINR"  # the command that tells how many tries of PIN and PUK are left


GENERIC = DeviceProfile(
    name="generic",
    manufacturer="Simulated",
    model="Generic GSM modem",
    revision="1.0",
)

PROFILES = {
    profile.name: profile
    for profile in (
        GENERIC,
        # SIM800 Series AT Command Manual V1.09: sections 4.2.2 (AT+CMGL), 4.2.8 (AT+CNMI), 19.1 (URCs)
        replace(
            GENERIC,
            name="sim800",
            manufacturer="SIMCOM_Ltd",
            model="SIMCOM_SIM800C",
            revision="Revision:1418B05SIM800C24",
            has_clac=False,
            is_empty_slot_an_error=False,
            has_list_mode=True,
            is_text_mode_at_start=False,
            notification_at_start=(2, 1, 0, 0, 0),
            boot_lines=("RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"),
            pin_counter="+SPIC",
        ),
        # Huawei E1xx: numbering from 0, ^-URCs at start
        replace(
            GENERIC,
            name="huawei",
            manufacturer="huawei",
            model="E173",
            revision="11.126.15.00.00",
            first_index=0,
            is_text_mode_at_start=False,
            has_access_technology=True,
            boot_lines=("^BOOT:20952548,0,0,0,75", "^SIMST:1", "^SRVST:2"),
            ccid_command="^ICCID",
            pin_counter="^CPIN",
        ),
    )
}
