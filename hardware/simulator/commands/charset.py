"""Strings in the character set that AT+CSCS chose (27.007 section 5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..at import cme

if TYPE_CHECKING:
    from ..modem import SimulatedModem


def encode_string(modem: SimulatedModem, text: str) -> str:
    """Return a string as AT+CSCS has it shown."""
    if modem.settings.charset == "UCS2":
        return text.encode("utf-16-be", "surrogatepass").hex().upper()
    return text


def decode_string(modem: SimulatedModem, shown: str) -> str:
    """Return what a string parameter means under AT+CSCS."""
    if modem.settings.charset != "UCS2":
        return shown
    try:
        return bytes.fromhex(shown).decode("utf-16-be")
    except ValueError:
        raise cme(50) from None
