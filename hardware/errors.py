"""What can go wrong with a modem. Each message is one sentence with the next step; never a number, a PIN or a text."""

from __future__ import annotations

from collections.abc import Sequence


class ModemError(Exception):
    """The root: the modem, its SIM, its port or its network did not do what was asked."""


class PortMissing(ModemError):
    """There is no such port: unplugged, renamed, or mistyped. Heals when the device is back."""


class PortDenied(ModemError):
    """We may not open the port. A person has to grant it."""


class PortBusy(ModemError):
    """Another program holds the port; `holders` has (pid, name) of those we could see."""

    def __init__(self, message: str, holders: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.holders = tuple(holders)


class LinkDown(ModemError):
    """The port failed or the modem stopped making sense: close, and open again after a pause."""


class CommandTimeout(ModemError):
    """The modem did not answer in time. The link resynchronises by itself before its next command."""

    def __init__(self, command: str, timeout_s: float, lines: Sequence[str] = ()) -> None:
        super().__init__(f"{command} was not answered within {timeout_s:g} s; it is tried again.")
        self.command = command
        self.lines = tuple(lines)  # what had come by then; may hold content, so it is never shown


class CommandError(ModemError):
    """The modem refused a command; `code` is None where it gave none (a bare ERROR)."""

    def __init__(self, command: str, code: int | None, sense: str) -> None:
        shown = sense if code is None else f"{code}, {sense}"
        super().__init__(f"{command} was refused ({shown}); the modem's manual says what it wants.")
        self.command = command
        self.code = code
        self.sense = sense


class CardBusy(ModemError):
    """The SIM was busy and nothing was done; asking it for the next thing would only take as long again."""


class SettingsLost(ModemError):
    """The modem no longer has the settings we gave it: close, and open again."""


class ModemRebooted(SettingsLost):
    """The modem says that it has just started: close, and open again."""


class SimMissing(ModemError):
    """There is no SIM, or it has failed. A person has to look."""


class SimNotReady(ModemError):
    """The SIM was not ready within the time for bringing the modem up. Heals, or is a bad contact."""


class PinRequired(ModemError):
    """The SIM asks for a PIN and none is configured; or the modem is locked to an operator or to another SIM."""


class PinRejected(ModemError):
    """This PIN was refused by this SIM. It is not tried again until a person says so."""


class PinNotRecorded(ModemError):
    """The file that remembers PIN attempts cannot be used, so no PIN is sent. A person has to repair it."""


class PukRequired(ModemError):
    """The SIM is locked and asks for its PUK. Only a person may enter it."""


class NotAModem(ModemError):
    """Whatever is on the port does not speak as a modem does: wrong port, wrong speed, or no power."""


class WrongModem(ModemError):
    """Another modem than the one configured by its IMEI is on the port, and never used; `imei` is what it told."""

    def __init__(self, message: str, imei: str = "") -> None:
        super().__init__(message)
        self.imei = imei


class SubmitRejected(ModemError):
    """The SMS was certainly not sent; `code` and `sense` say why, `code` is None when the modem gave none."""

    def __init__(self, code: int | None, sense: str) -> None:
        shown = sense if code is None else f"{code}, {sense}"
        super().__init__(f"The SMS was not sent ({shown}).")
        self.code = code
        self.sense = sense


class SubmitUnknown(ModemError):
    """The SMS was handed over and no clear answer came: it may have been sent. Never send it again by itself."""


# What says, after the body of an AT+CMGS, that the SMS was certainly not sent. Below 128: the SMSC's own refusal
# (24.011 annex E-2, 23.040 section 9.2.3.22). The others are found out before anything goes on the air (27.005 section
# 3.2.5, 27.007 section 9.2). What is left, a bare ERROR and 500 among it, is said by modems that lost the SMSC's answer
# too: taken for a refusal, it would send a citizen the same SMS twice.
_NOT_SENT = {
    "S": {*range(128), *range(301, 306), *range(310, 319), *range(320, 323), 330, 331, 515},
    "E": {3, 4, 5, *range(10, 19), *range(20, 24), 30, 32, 50, 515},
}


def is_surely_unsent(family: str, code: int | None) -> bool:
    """Say whether this refusal of a handed-over SMS proves that it was not sent."""
    return code in _NOT_SENT.get(family, ())


# 3GPP TS 27.007 section 9.2, those that a gateway can meet
CME_SENSES = {
    0: "phone failure",
    3: "operation not allowed",
    4: "operation not supported",
    5: "PH-SIM PIN required",
    6: "PH-FSIM PIN required",
    7: "PH-FSIM PUK required",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    17: "SIM PIN2 required",
    18: "SIM PUK2 required",
    20: "memory full",
    21: "invalid index",
    22: "not found",
    23: "memory failure",
    30: "no network service",
    31: "network timeout",
    32: "network not allowed, emergency calls only",
    40: "network personalization PIN required",
    41: "network personalization PUK required",
    42: "network subset personalization PIN required",
    43: "network subset personalization PUK required",
    44: "service provider personalization PIN required",
    45: "service provider personalization PUK required",
    46: "corporate personalization PIN required",
    47: "corporate personalization PUK required",
    50: "incorrect parameters",
    100: "unknown",
    515: "initialising, please wait",
}

# 3GPP TS 27.005 section 3.2.5 and TS 24.011 annex E-2 (below 128)
CMS_SENSES = {
    1: "unassigned number",
    8: "operator determined barring",
    10: "call barred",
    21: "short message transfer rejected",
    27: "destination out of service",
    28: "unidentified subscriber",
    29: "facility rejected",
    30: "unknown subscriber",
    38: "network out of order",
    41: "temporary failure",
    42: "congestion",
    47: "resources unavailable",
    50: "requested facility not subscribed",
    69: "requested facility not implemented",
    81: "invalid short message transfer reference value",
    95: "invalid message",
    96: "invalid mandatory information",
    97: "message type not implemented",
    98: "message not compatible with protocol state",
    99: "information element not implemented",
    111: "protocol error",
    127: "interworking",
    300: "modem failure",
    301: "SMS service reserved",
    302: "operation not allowed",
    303: "operation not supported",
    304: "invalid PDU mode parameter",
    305: "invalid text mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    312: "PH-SIM PIN required",
    313: "SIM failure",
    314: "SIM busy",
    315: "SIM wrong",
    316: "SIM PUK required",
    320: "memory failure",
    321: "invalid memory index",
    322: "memory full",
    330: "SMSC address unknown",
    331: "no network service",
    332: "network timeout",
    340: "no acknowledgement expected",
    500: "unknown error",
    512: "initialising, or manufacturer's own error",
    515: "initialising, please wait",
}
