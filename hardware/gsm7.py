"""The GSM 7 bit default alphabet: septets out of octets, and text out of septets (23.038)."""

from __future__ import annotations

import re
from codecs import charmap_decode

SEPTETS_MAX = 255  # what a TP-UDL of one octet can count

_ESC = "\x1b"
# Section 6.2.1, by code.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Section 6.2.1.1, by code, without the form feed; after ESC.
_SENDABLE_EXTENSION = {
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
# A second ESC is reserved for a further table, and shown as a space.
_EXTENSION = _SENDABLE_EXTENSION | {0x0A: "\f", 0x1B: " "}
_EXTENSION_BY_BASIC = {_BASIC[code]: shown for code, shown in _EXTENSION.items()}
_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)

# python-gsmmodem-new cannot send a form feed as GSM-7, so it has no septets here either.
_SEPTETS = dict.fromkeys(_BASIC.replace(_ESC, ""), 1) | dict.fromkeys(
    _SENDABLE_EXTENSION.values(), 2
)
_SINGLE = frozenset(_BASIC.replace(_ESC, ""))


def septet_count(text: str) -> int | None:
    """Return how many septets `text` takes, or None when it has to be sent as UCS-2."""
    if _SINGLE.issuperset(text):
        return len(text)
    try:
        return sum(map(_SEPTETS.__getitem__, text))
    except KeyError:
        return None


def read_text(septets: bytes) -> str:
    """Return the text of septets that come one a byte, each below 128.

    An unknown extension shows its basic character, and an ESC with nothing behind it a space.
    """
    text = charmap_decode(septets, "strict", _BASIC)[0]
    return _ESCAPED.sub(_show_extension, text) if _ESC in text else text


def _show_extension(match: re.Match[str]) -> str:
    basic = match[1]
    return _EXTENSION_BY_BASIC.get(basic, basic) or " "


def unpack(octets: bytes, count: int) -> bytes:
    """Return the first `count` septets of `octets`, one a byte; at most SEPTETS_MAX.

    All of them at once: a septet has to move up by as many bits as its index says. So those whose
    index has bit 7 set move by 128 together, then those with bit 6 by 64, down to bit 0.
    """
    bits = int.from_bytes(octets, "little") & ((1 << 7 * count) - 1)
    for distance, movers in _MOVES:
        if distance < count:
            moved = bits & movers
            bits ^= moved ^ (moved << distance)
    return bits.to_bytes(count, "little")


def _movers(distance: int) -> int:
    """Return the bits that move by `distance`, where the greater moves have left them."""
    moved_before = -2 * distance  # the index bits above this one
    return sum(
        0x7F << (7 * index + (index & moved_before))
        for index in range(SEPTETS_MAX + 1)
        if index & distance
    )


_MOVES = tuple((distance, _movers(distance)) for distance in (128, 64, 32, 16, 8, 4, 2, 1))
