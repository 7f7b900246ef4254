"""The GSM 7 bit default alphabet of the simulator (23.038 section 6.2): its own table and packing.

The driver has another one on purpose: were they shared, a mistake in the table would cancel itself out in every test.
"""

from __future__ import annotations

from collections.abc import Sequence

ESCAPE = 0x1B

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
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
_SEPTETS = {character: bytes([code]) for code, character in enumerate(_BASIC) if code != ESCAPE} | {
    character: bytes([ESCAPE, code]) for code, character in _EXTENSION.items()
}
_BITS = [f"{septet:07b}" for septet in range(0x80)]


def encode_septets(text: str) -> list[int] | None:
    """Return the septets of `text`, an extension character as two; None when the alphabet lacks a character."""
    try:
        return list(b"".join(map(_SEPTETS.__getitem__, text)))
    except KeyError:
        return None


def decode_septets(septets: Sequence[int]) -> str:
    """Return the text; an escape before an unknown code shows the basic character, as 23.038 asks of a receiver."""
    characters: list[str] = []
    is_escaped = False
    for septet in septets:
        if is_escaped:
            characters.append(_EXTENSION.get(septet, _BASIC[septet]))
            is_escaped = False
        elif septet == ESCAPE:
            is_escaped = True
        else:
            characters.append(_BASIC[septet])
    if is_escaped:
        characters.append(" ")
    return "".join(characters)


def pack_septets(septets: Sequence[int], fill_bits: int = 0) -> bytes:
    """Return septets as octets (23.038 section 6.1.2.1), after `fill_bits` zero bits that end a user data header."""
    packed = int("".join([_BITS[septet] for septet in reversed(septets)]) or "0", 2)
    width = fill_bits + 7 * len(septets)
    return (packed << fill_bits).to_bytes((width + 7) // 8, "little")


def unpack_septets(octets: bytes, count: int, fill_bits: int = 0) -> list[int]:
    """Return `count` septets; missing octets read as zero, the caller checks lengths."""
    packed = int.from_bytes(octets, "little") >> fill_bits
    return [(packed >> (7 * position)) & 0x7F for position in range(count)]
