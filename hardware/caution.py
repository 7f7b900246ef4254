"""Which commands a technician may have sent on a line that is receiving. Pure.

What resets the modem, deletes, changes where or how SMS are stored, or leaves PDU mode would cost messages, or the
line its settings; what asks for a body, or for minutes, would keep the line from receiving.
"""

from __future__ import annotations

import re

_QUOTED = re.compile(r'"[^"]*"')
_EXTENDED = re.compile(r"[+^*%$#][A-Z][A-Z0-9%./:_!-]*")
_VALUES = re.compile(r'=[0-9,"]*')
_HARMLESS_BASIC = re.compile(r"(?:I\d*|S\d+\?|H0?)*")
# parameters that change nothing a line relies on
_WRITABLE = frozenset(("+CREG", "+CGREG", "+CEREG", "+CUSD", "+CMGR", "+CPINR", "+QENG"))
# executed without a parameter: acknowledge, store, restore, delete, leave for data, power
_DANGEROUS_ALONE = re.compile(
    r"\+CNMA|\+CSAS|\+CRES|\+CMG[DSWC].*|\+CMSS|.*(?:RESET|BOOT|RST|P?OF|POWD|PWRD|SHDN|SHUT|HALT|SMSO|MGDA|DEL|ERASE|CGDATA).*"
)
_SLOW = "+COPS=?"  # looks for networks, for minutes


def refusal(line: str) -> str | None:
    """Return why this command line is not sent on a line that is receiving, or None where it may be."""
    bare = _QUOTED.sub('""', line).upper().replace(" ", "")
    if not bare.startswith("AT") or not bare.isprintable():
        return "it is no AT command"
    for part in bare[2:].split(";"):
        if not _is_harmless(part):
            return f"AT{part} could cost messages, or keep the line from receiving"
    return None


def _is_harmless(part: str) -> bool:
    if part == _SLOW:
        return False
    found = _EXTENDED.match(part)
    if found is None:
        return _HARMLESS_BASIC.fullmatch(part) is not None
    name, rest = found[0], part[found.end() :]
    if rest in ("?", "=?"):
        return True
    if rest.startswith("="):
        return name in _WRITABLE and _VALUES.fullmatch(rest) is not None
    return not rest and _DANGEROUS_ALONE.fullmatch(name) is None
