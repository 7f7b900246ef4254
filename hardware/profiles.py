"""What we know of models beyond the standards, as data. Only facts with a source; what is unknown stays generic."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace


class Profile(Struct, frozen=True):
    """How one family of modems differs.

    `makers` and `models` are what the lower-case answers to AT+CGMI and AT+CGMM contain; no models means all.
    """

    name: str
    makers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    # AT+CMGL=4,1 leaves REC UNREAD as it is, and spares the SIM a write
    lists_without_marking: bool = False
    # AT+CMGD=1;+CMGD=2 deletes both, and a line may be long; of other models see `chaining`
    chains_deletes: bool = False
    iccid_commands: tuple[str, ...] = ("AT+CCID",)
    # AT+CNMI <ds>, best first: 1 hands delivery reports over, 2 stores them, maybe in a memory of their own
    report_routes: tuple[int, ...] = (1, 2)


GENERIC = Profile("generic")

PROFILES = (
    # SIM800 Series AT Command Manual V1.09: 1.4.4 (several commands in a line, 556 characters), 4.2.2 (AT+CMGL <mode>),
    # 4.2.8 (AT+CNMI: <ds> is 0 or 1)
    replace(
        GENERIC,
        name="sim800",
        makers=("simcom",),
        models=("sim800",),
        lists_without_marking=True,
        chains_deletes=True,
        report_routes=(1,),
    ),
    # SIM900 AT Commands Manual V1.07: 4.2.3 (AT+CMGL <mode>)
    replace(
        GENERIC, name="sim900", makers=("simcom",), models=("sim900",), lists_without_marking=True
    ),
    # Quectel M95 and EC2x AT Commands Manuals: AT+QCCID
    replace(GENERIC, name="quectel", makers=("quectel",), iccid_commands=("AT+QCCID", "AT+CCID")),
    # Huawei ME909 AT Command Interface Specification: AT^ICCID?
    # Huawei MU509 AT Command Interface Specification, 6.6: what +CDSI announces cannot be read, and is lost
    replace(
        GENERIC,
        name="huawei",
        makers=("huawei",),
        iccid_commands=("AT^ICCID?", "AT+CCID"),
        report_routes=(1,),
    ),
    # known by name only: nothing beyond the standards that we use and have a source for
    replace(GENERIC, name="zte", makers=("zte",)),
    replace(GENERIC, name="u-blox", makers=("u-blox", "ublox")),
    replace(GENERIC, name="wavecom", makers=("wavecom",)),
)


def profile_for(manufacturer: str, model: str) -> Profile:
    """Return the first profile that knows this maker and model, else GENERIC."""
    maker, model = manufacturer.lower(), model.lower()
    for profile in PROFILES:
        is_maker = any(word in maker for word in profile.makers)
        if is_maker and (not profile.models or any(word in model for word in profile.models)):
            return profile
    return GENERIC
