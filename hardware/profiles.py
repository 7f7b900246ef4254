"""What we know of models beyond the standards, as data. Only facts with a source; what is unknown stays generic."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Profile:
    """How one family of modems differs."""

    name: str
    makers: tuple[str, ...] = ()  # what the lower-case answer to AT+CGMI contains
    models: tuple[
        str, ...
    ] = ()  # what the lower-case answer to AT+CGMM contains; empty: all of the maker
    lists_without_marking: bool = (
        False  # AT+CMGL=4,1 leaves REC UNREAD as it is, and spares the SIM a write
    )
    chains_deletes: bool = False  # AT+CMGD=1;+CMGD=2 deletes both
    iccid_commands: tuple[str, ...] = ("AT+CCID",)
    notifications: tuple[str, ...] = ("2,1,0,0,0", "1,1,0,0,0", "2,1")  # AT+CNMI, best first


GENERIC = Profile("generic")

PROFILES = (
    # SIM800 Series AT Command Manual V1.09, section 4.2.2: AT+CMGL=<stat>[,<mode>], mode 1 does not change the status
    replace(GENERIC, name="sim800", makers=("simcom",), models=("sim800", "sim900"), lists_without_marking=True),
    # Quectel GSM/UMTS/LTE AT Commands Manuals: AT+QCCID beside AT+CCID
    replace(GENERIC, name="quectel", makers=("quectel",), iccid_commands=("AT+QCCID", "AT+CCID")),
    # Huawei UMTS datacard AT command interface specification: AT^ICCID?
    replace(GENERIC, name="huawei", makers=("huawei",), iccid_commands=("AT^ICCID?", "AT+CCID")),
    # ZTE data cards have AT+ZGETICCID (ModemManager, plugins/zte); not all know AT+CCID
    replace(GENERIC, name="zte", makers=("zte",), iccid_commands=("AT+ZGETICCID", "AT+CCID")),
    # u-blox AT Commands Manual: AT+CCID, and AT+CNMI <mode> 1 where 2 is not supported
    replace(GENERIC, name="u-blox", makers=("u-blox", "ublox")),
    # Wavecom AT Commands Interface Guide: AT+CCID
    replace(GENERIC, name="wavecom", makers=("wavecom", "sierra wireless")),
)  # fmt: skip


def profile_for(manufacturer: str, model: str) -> Profile:
    """Return the first profile that knows this maker and model, else GENERIC."""
    maker, model = manufacturer.lower(), model.lower()
    for profile in PROFILES:
        is_maker = any(word in maker for word in profile.makers)
        if is_maker and (not profile.models or any(word in model for word in profile.models)):
            return profile
    return GENERIC
