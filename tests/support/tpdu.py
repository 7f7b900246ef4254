"""A second, slow way to the octets of an SMS-DELIVER, to hold `hardware.pdu` against.

It writes what it is told to, mistakes included, with septets as strings of bits.
"""

from __future__ import annotations

import codecs

import gsmcodecs  # registers "gsm23.038": the alphabet as somebody else typed it

SENDER = bytes.fromhex("0D91261832547698F0")  # +6281234567890
SCTS = bytes.fromhex("52018051040482")  # 2025-10-08 15:40:40 +07:00

assert gsmcodecs.findCodec("gsm23.038") is not None


def gsm7(text: str) -> bytes:
    """Return the septets of `text`, one a byte."""
    return codecs.encode(text, "gsm23.038")


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Return septets as octets, behind as many bits of zero."""
    bits = "0" * fill_bits + "".join(f"{septet:07b}"[::-1] for septet in septets)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def gsm7_user_data(septets: bytes, header: bytes = b"") -> bytes:
    """Return TP-UDL and TP-UD; `header` is given without its length."""
    if not header:
        return bytes([len(septets)]) + pack(septets)
    udh = bytes([len(header)]) + header
    fill_bits = -len(udh) * 8 % 7
    udl = (len(udh) * 8 + fill_bits) // 7 + len(septets)
    return bytes([udl]) + udh + pack(septets, fill_bits)


def octet_user_data(octets: bytes, header: bytes = b"") -> bytes:
    """Return TP-UDL and TP-UD of UCS-2 or 8-bit data."""
    udh = bytes([len(header)]) + header if header else b""
    return bytes([len(udh + octets)]) + udh + octets


def deliver(
    user_data: bytes,
    *,
    first_octet: int = 0x04,
    sender: bytes = SENDER,
    data_coding: int = 0,
    scts: bytes = SCTS,
) -> bytes:
    """Return a PDU without SMSC number.

    `user_data` is TP-UDL and TP-UD; where it has a header, `first_octet` needs TP-UDHI (0x40).
    """
    return bytes([0, first_octet]) + sender + bytes([0, data_coding]) + scts + user_data


def as_delivered(submit: bytes) -> bytes:
    """Return the SMS-DELIVER that the SMSC makes of an SMS-SUBMIT without SMSC number and TP-VP."""
    first_octet, digits = submit[1], submit[3]
    rest = submit[5 + (digits + 1) // 2 :]  # TP-PID on
    return deliver(rest[2:], first_octet=0x04 | first_octet & 0x40, data_coding=rest[1])
