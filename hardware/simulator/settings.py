"""What a modem can be told and forgets when it restarts."""

from __future__ import annotations

from msgspec import Struct, field

from .profiles import DeviceProfile

# V.250 and 27.007: what the registers hold after AT&F
_REGISTERS = {0: 0, 3: 13, 4: 10, 5: 8, 6: 2, 7: 60, 8: 2, 10: 15}


class Settings(Struct):
    """The modem's volatile settings, as AT commands set them."""

    echo: bool = True
    is_verbose: bool = True
    is_quiet: bool = False
    error_detail: int = 0  # AT+CMEE
    registers: dict[int, int] = field(default_factory=lambda: dict(_REGISTERS))
    is_text_mode: bool = False  # AT+CMGF=1
    notification: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)  # AT+CNMI: mode, mt, bm, ds, bfr
    memories: tuple[str, str, str] = ("SM", "SM", "SM")  # AT+CPMS: read and delete, write, receive
    service: int = 0  # AT+CSMS: 1 means that +CMT is acknowledged by AT+CNMA
    charset: str = "IRA"  # AT+CSCS
    text_parameters: tuple[int, int, int, int] = (17, 167, 0, 0)  # AT+CSMP
    shows_text_header: bool = False  # AT+CSDH
    registration_reports: dict[str, int] = field(default_factory=dict)  # AT+CREG, +CGREG, +CEREG
    operator_format: int = 0  # AT+COPS=3,n
    plain: dict[str, str] = field(default_factory=dict)  # commands whose value is only kept

    @property
    def line_end(self) -> bytes:
        """S3 and S4: what ends a line of an answer."""
        return bytes((self.registers[3], self.registers[4]))


def settings_at_start(profile: DeviceProfile, memories: dict[str, int]) -> Settings:
    """Return what this class of modem begins with."""
    name = profile.memory_at_start if profile.memory_at_start in memories else next(iter(memories))
    return Settings(
        is_text_mode=profile.is_text_mode_at_start,
        notification=profile.notification_at_start,
        memories=(name, name, name),
    )
