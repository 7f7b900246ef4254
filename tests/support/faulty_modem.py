"""A simulated modem to set faults on, and what it says to one line."""

from __future__ import annotations

from simulated_line import CITIZEN, NUMBER, ask, hear, make_modem, run_acts

from hardware.simulator.codec import encode_submit

OK = b"\r\nOK\r\n"
CMTI = b'\r\n+CMTI: "SM",1\r\n'


def with_sms(*texts: str, **options):
    modem = make_modem(**options)
    for text in texts:
        modem.network.send(CITIZEN, NUMBER, text)
    hear(modem)
    return modem


def writes(modem, line: str) -> list[bytes]:
    """Give a line; return what is said, each write by itself."""
    modem.receive(line.encode() + b"\r")
    return [chunk.octets for chunk in run_acts(modem)]


def prompt(modem, text="Halo") -> tuple[bytes, bytes]:
    """Give AT+CMGS; return what is said and the body that would follow."""
    tpdu = encode_submit(CITIZEN, text)
    return ask(modem, f"AT+CMGS={len(tpdu)}"), b"00" + tpdu.hex().encode() + b"\x1a"
