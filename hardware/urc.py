"""Unsolicited result codes: which lines a modem says unasked, and what each means to us.

They are known by their content, never by whether a command is out: a `+CMTI` inside a listing is still a `+CMTI`.
"""

from __future__ import annotations

from enum import StrEnum


class UrcKind(StrEnum):
    """What an unsolicited line tells us."""

    ARRIVED = "arrived"  # an SMS or a report lies in a memory: list it
    DIRECT = "direct"  # +CMT: the next line is an SMS that no memory holds
    REPORT = "report"  # +CDS: the next line is a status report that no memory holds
    BROADCAST = "broadcast"  # +CBM: the next line is a cell broadcast, which concerns nobody here
    CALL = "call"  # somebody rings, or stopped ringing
    RESTARTED = "restarted"  # the modem has just started, or goes down: our settings are gone
    SETTLING = "settling"  # it may have restarted, or its SIM came or went: look at the settings
    FULL = "full"  # a message memory is full
    OTHER = "other"  # signal, registration, network time, USSD…: nothing we wait for


WITH_BODY = frozenset({UrcKind.DIRECT, UrcKind.REPORT, UrcKind.BROADCAST})

_BY_TOKEN = {
    "+CMTI": UrcKind.ARRIVED,
    "+CDSI": UrcKind.ARRIVED,
    "+CMT": UrcKind.DIRECT,
    "+CDS": UrcKind.REPORT,
    "+CBM": UrcKind.BROADCAST,
    "+CFUN": UrcKind.SETTLING,
    "+CPIN": UrcKind.SETTLING,
    "^BOOT": UrcKind.SETTLING,  # Huawei repeats it every few seconds, so it proves no restart
    "^SIMST": UrcKind.SETTLING,
    "+QUSIM": UrcKind.SETTLING,
    "+UUSIMSTAT": UrcKind.SETTLING,
    "^SMMEMFULL": UrcKind.FULL,
    **dict.fromkeys(
        ("+CRING", "+CLIP", "+CCWA", "+COLP", "+CDIP", "+CNAP", "+CSSU", "+CSSI", "HANGUP", "+DTMF"),
        UrcKind.CALL,
    ),
    **dict.fromkeys(
        ("+CBMI", "+CUSD", "+CREG", "+CGREG", "+CEREG", "+CIEV", "+CTZV", "+CTZE", "+CTZR", "+NITZ", "+CGEV"),
        UrcKind.OTHER,
    ),
    **dict.fromkeys(
        ("+CSQN", "+SIND", "+WIND", "+QIND", "+QNITZ", "+CSCN", "+CCALR", "+STKPCI", "+UMWI", "DST"),
        UrcKind.OTHER,
    ),
    **dict.fromkeys(
        ("+ZUSIMR", "+ZDONR", "+ZPASR", "+ZPSTM", "+ZEND", "+PBREADY", "+UUSTS", "+PACSP0", "+PACSP1"),
        UrcKind.OTHER,
    ),
}  # fmt: skip

_BY_LINE = {
    **dict.fromkeys(
        ("RDY", "^SYSSTART", "START", "MODEM:STARTUP", "NORMAL POWER DOWN", "POWERED DOWN",
         "UNDER-VOLTAGE POWER DOWN", "OVER-VOLTAGE POWER DOWN"),
        UrcKind.RESTARTED,
    ),
    **dict.fromkeys(
        ("CALL READY", "SMS READY", "AT READY", "SMS DONE", "PB DONE", "*ATREADY"), UrcKind.SETTLING
    ),
    **dict.fromkeys(("RING", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE"), UrcKind.CALL),
    "SMS FULL": UrcKind.FULL,
}  # fmt: skip

_VENDOR_MARKS = frozenset("^*%#$")  # first characters that only manufacturers' own lines have


def kind_of(line: str) -> UrcKind | None:
    """Return what the line means when it comes unasked, or None for a line that no modem says by itself."""
    token, colon, _ = line.partition(":")
    if colon:
        kind = _BY_TOKEN.get(token)
        if kind is not None:
            return kind
    kind = _BY_LINE.get(line.upper())
    if kind is not None:
        return kind
    if colon and token[:1] in _VENDOR_MARKS:
        return UrcKind.OTHER
    return None
