"""Classes of simulated devices, as data. What no source says of a model stays as in `generic`."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace


class DeviceProfile(Struct, frozen=True):
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
    boot_lines: tuple[str, ...] = ("RDY",)  # empty: it restarts without a word
    boot_s: float = 0.2
    ccid_command: str = "+CCID"
    ccid_answer: str = "{command}: {iccid}"
    pin_counter: str = (
        "+CPINR"  # tells how many tries of PIN and PUK are left; empty: nothing known does
    )
    # AT+CNMI: what each parameter may be
    notification_values: tuple[str, ...] = ("0123", "0123", "0123", "012", "01")
    has_packed_ussd: bool = False  # +CUSD in hexadecimal packed septets until AT^USSDMODE=0
    is_always_notifying: bool = False  # AT+CNMI modes other than 2 are accepted and act like 2

    @property
    def own_commands(self) -> frozenset[str]:
        """Which of the commands that only some classes have are this one's."""
        packed = ("^USSDMODE",) if self.has_packed_ussd else ()
        return frozenset((self.ccid_command, self.pin_counter, *packed))


GENERIC = DeviceProfile(
    name="generic",
    manufacturer="Simulated",
    model="Generic GSM modem",
    revision="1.0",
)

# SIM800 Series AT Command Manual V1.09: AT+CCID, 4.2.2 (AT+CMGL), 4.2.8 (AT+CNMI), 6.2.3 (AT+SPIC), 19.1 (URCs)
_SIM800 = replace(
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
    notification_values=("0123", "0123", "02", "01", "01"),
    boot_lines=("RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"),
    ccid_answer="{iccid}",
    pin_counter="+SPIC",
)
# Quectel EC25 & EC21 AT Commands Manual V1.3: AT+QCCID, AT+QPINC, AT+CNMI, AT+CPMS (ME at start), AT+QIND
_EC25 = replace(
    GENERIC,
    name="ec25",
    manufacturer="Quectel",
    model="EC25",
    revision="EC25EFAR06A01M4G",
    is_text_mode_at_start=False,
    notification_at_start=(2, 1, 0, 0, 0),
    memory_at_start="ME",
    has_access_technology=True,
    boot_lines=(
        "RDY",
        "+CFUN: 1",
        "+CPIN: READY",
        "+QUSIM: 1",
        "+QIND: SMS DONE",
        "+QIND: PB DONE",
    ),
    ccid_command="+QCCID",
    pin_counter="+QPINC",
    notification_values=("012", "0123", "02", "012", "01"),
)
# HUAWEI UMTS Datacard/Modem AT Command Interface Specification V2.3: ^BOOT, ^SIMST, ^SRVST, ^CPIN, +CUSD and ^USSDMODE;
# slots from 0
_HUAWEI = replace(
    GENERIC,
    name="huawei",
    manufacturer="huawei",
    model="E173",
    revision="11.126.15.00.00",
    first_index=0,
    is_text_mode_at_start=False,
    has_access_technology=True,
    boot_lines=("^BOOT:20952548,0,0,0,75", "^SIMST:1", "^SRVST:2", "^RSSI:18"),
    ccid_command="^ICCID",
    pin_counter="^CPIN",
    has_packed_ussd=True,
    notification_values=("012", "0123", "02", "012", "01"),
)

PROFILES = {
    profile.name: profile
    for profile in (
        GENERIC,
        _SIM800,
        # SIM900 AT Commands Manual V1.07: what is used here is as with SIM800, the last boot line excepted
        replace(
            _SIM800,
            name="sim900",
            model="SIMCOM_SIM900",
            revision="Revision:1137B02SIM900M64_ST",
            boot_lines=("RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready"),
        ),
        _EC25,
        # Quectel M95 AT Commands Manual V3.2: AT+QCCID; tries left under a name of its own, whose form we do not know
        replace(
            GENERIC,
            name="m95",
            manufacturer="Quectel_Ltd",
            model="Quectel_M95",
            revision="M95FAR02A08",
            is_text_mode_at_start=False,
            boot_lines=("RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready"),
            ccid_command="+QCCID",
            ccid_answer="{iccid}",
            pin_counter="",
        ),
        _HUAWEI,
        # E3xx in stick firmware: known to differ in identity and by having no ^BOOT
        replace(
            _HUAWEI,
            name="huawei-e3",
            model="E3372",
            revision="22.200.09.01.00",
            boot_lines=("^SIMST:1", "^SRVST:2", "^RSSI:18"),
        ),
        # AT Command Set for ZTE Wireless Data Product V1.8: +ZUSIMR, +ZDONR, +ZPASR come by themselves
        replace(
            GENERIC,
            name="zte",
            manufacturer="ZTE INCORPORATED",
            model="MF190",
            revision="BD_P671A1V1.0.0B06",
            is_text_mode_at_start=False,
            boot_lines=(
                "+ZUSIMR:2",
                '+ZDONR: "TELKOMSEL",510,10,"CS_PS","ROAM_OFF"',
                '+ZPASR: "UMTS"',
            ),
            pin_counter="",
        ),
        # u-blox AT Commands Manual UBX-13002752: AT+CCID, AT+UPINCNT; no greeting (AT+CSGT) unless set
        replace(
            GENERIC,
            name="u-blox",
            manufacturer="u-blox",
            model="SARA-U201",
            revision="23.60",
            is_text_mode_at_start=False,
            boot_lines=(),
            pin_counter="+UPINCNT",
        ),
        # Wavecom AT Commands Interface Guide for X41, X55 and OS 6.57: AT+CCID in quotes, AT+CNMI acts as in mode 2
        replace(
            GENERIC,
            name="wavecom",
            manufacturer="WAVECOM MODEM",
            model="MULTIBAND  900E  1800",
            revision="657e09gg.Q2406B",
            has_clac=False,
            boot_lines=(),
            ccid_answer='{command}: "{iccid}"',
            pin_counter="",
            is_always_notifying=True,
        ),
    )
}
