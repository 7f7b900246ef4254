"""Notices of an MMS: what comes in the place of an SMS when a phone sends a picture, and from whom.

A WAP push of binary data (WAP-230 WSP, OMA-MMS-ENC section 7), which an SMS without letters is given as in hexadecimal.
The picture itself stays at the operator, where only a phone with a data connection could fetch it.
"""

from __future__ import annotations

import re

_HEX = re.compile(r"(?:[0-9a-f]{2}){4,}", re.IGNORECASE)
_CONTENT_TYPE = b"application/vnd.wap.mms-message"
_PUSH = 0x06  # second octet: the WSP PDU's type
_NOTIFICATION = b"\x8c\x82"  # X-Mms-Message-Type: m-notification-ind
# From: its length, address-present, a character set where one is named, and who
_FROM = re.compile(rb"\x89.\x80(?:.\xea)?(\+?[0-9]{3,20})(?:/TYPE=PLMN)?\0", re.DOTALL)


def is_mms_notice(text: str) -> bool:
    """Whether the text of an SMS is such a notice."""
    octets = _read(text)
    return _CONTENT_TYPE in octets or (octets[1:2] == bytes([_PUSH]) and _NOTIFICATION in octets)


def read_mms_sender(text: str) -> str | None:
    """Return the number that the picture came from; None where the text is no such notice or tells none."""
    found = _FROM.search(_read(text)) if is_mms_notice(text) else None
    return None if found is None else found[1].decode("ascii")


def _read(text: str) -> bytes:
    return bytes.fromhex(text) if _HEX.fullmatch(text) else b""
