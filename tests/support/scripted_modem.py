"""A modem on a pseudo-terminal that does byte for byte what a test tells it, the wrong things included.

It is not the simulator: it has no network and no card that could be right by themselves. It answers from a table; a
test replaces entries, delays, cuts, injects, or hangs up.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from hardware.engine import CARD_PATIENCE
from hardware.modem import EventKind, Modem, ModemOptions
from hardware.sms import Slot, SubmitPdu

Answer = str | Callable[["ScriptedModem", str], "str | None"]

IMEI = "356938035643809"
PDU = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"  # "How are you?", octets 8..: 30
PDU_LENGTH = len(PDU) // 2 - 8
SUBMIT = SubmitPdu(bytes.fromhex("0001000B911346610089F60000"), 12)
CMTI = '\r\n+CMTI: "SM",7\r\n'
ESC, CTRL_Z = 0x1B, 0x1A


def ok(*lines: str) -> str:
    """Return an answer with these lines and OK."""
    return "".join(f"\r\n{line}\r\n" for line in (*lines, "OK"))


def pdu_of(text_octet: int, *, pid: int = 0) -> str:
    """Return a small SMS-DELIVER that differs from the others in its SCTS minute and user data."""
    return f"07911326040000F0040B911346610089F6{pid:02X}00208062917{text_octet % 10}1408{2:02X}{text_octet:02X}37"


def eventually(holds: Callable[[], bool], limit_s: float = 5.0) -> bool:
    """Wait until a condition holds; return whether it came to."""
    give_up_at = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(0.002)
    return True


def places(slots: Iterable[Slot]) -> list[tuple[str, int, str]]:
    """Return where each message lies, and its PDU."""
    return [(slot.memory, slot.index, slot.pdu.hex().upper()) for slot in slots]


def kinds(modem: Modem) -> list[EventKind]:
    """Return what the modem said unasked since the last time."""
    return [event.kind for event in modem.take_events()]


def silent(_modem: ScriptedModem, _line: str) -> None:
    """Let a command go unanswered."""


def hurry(modem: Modem, *, command_s: float = 0.2, silence_s: float = 30.0) -> None:
    """From now on give up a command so soon, and a modem that makes no sense: on a machine that has other work the
    bring-up needs longer.
    """
    engine = modem._engine
    assert engine is not None
    engine._options = replace(
        engine._options, command_timeout_s=command_s, silence_limit_s=silence_s
    )
    engine._card_timeout_s = CARD_PATIENCE * command_s


@contextmanager
def driven(script: ScriptedModem, **options: Any) -> Iterator[Modem]:
    """Open our driver on a scripted modem, and close both in the end. `hurry` shortens a limit that a test is about."""
    modem = Modem(ModemOptions(script.path, **{"silence_limit_s": 30.0, **options}))
    with script:
        modem.open()
        script.heard.clear()
        script.octets_heard.clear()
        try:
            yield modem
        finally:
            modem.close()


@dataclass
class Store:
    """One message memory: PDU and stat by index."""

    total: int = 20
    slots: dict[int, tuple[int, str]] = field(default_factory=dict)


class ScriptedModem:
    """Serves one pty until closed. `heard` has every command line; `table` is what a test changes."""

    def __init__(self, *, octet_pause_s: float | None = None) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        tty.setraw(self.master)
        self.path = os.ttyname(self._slave)
        self.octet_pause_s = (
            octet_pause_s  # None: whole writes; else one octet at a time, with that pause
        )
        self.heard: list[str] = []
        self.bodies: list[str] = []
        self.octets_heard = bytearray()
        self.stores = {"SM": Store(), "ME": Store()}
        self.memories = ["SM", "SM", "SM"]
        self.registers: dict[str, int] = {}
        self.settings = {"CMGF": "1", "CNMI": "0,0,0,0,0", "CMEE": "0", "CFUN": "1", "CSMS": "0"}
        self.is_echo_on = True
        self.is_mute = False
        self.prompt = "\r\n> "
        self.in_body = False
        self.submit_answer: Answer = lambda modem, _body: ok(f"+CMGS: {len(modem.bodies)}")
        self.table: list[tuple[re.Pattern[str], Answer]] = []
        self._wake_read, self._wake_write = os.pipe()
        self._is_running = True
        self._pending = bytearray()
        self._write_lock = threading.RLock()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> ScriptedModem:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what a test says ----------------------------------------------------------------------------------------------

    def on(self, pattern: str, answer: Answer) -> None:
        """Answer matching command lines so from now on; the latest entry wins. None from a function is silence."""
        self.table.insert(0, (re.compile(pattern + "$"), answer))

    def once(self, pattern: str, answer: Answer) -> None:
        """Answer so the next time only."""

        def first(modem: ScriptedModem, line: str) -> str | None:
            modem.table.remove(entry)
            return answer(modem, line) if callable(answer) else answer

        entry = (re.compile(pattern + "$"), first)
        self.table.insert(0, entry)

    def say(self, text: str | bytes) -> None:
        """Write now, whatever is going on: a URC, garbage, half an answer."""
        octets = text.encode("latin-1") if isinstance(text, str) else text
        with self._write_lock:
            if self.octet_pause_s is None:
                self._write(octets)
                return
            for octet in octets:
                self._write(bytes([octet]))
                time.sleep(self.octet_pause_s)

    def half_line(self, text: str) -> None:
        """Have heard the beginning of a command from somebody who was then killed."""
        self._pending += text.encode()

    def put(self, memory: str, index: int, pdu: str = PDU, stat: int = 0) -> None:
        """Lay a message into a slot without a word."""
        self.stores[memory].slots[index] = (stat, pdu)

    def count(self, pattern: str) -> int:
        """Return how many command lines so far match."""
        return sum(1 for line in self.heard if re.fullmatch(pattern, line))

    def hang_up(self) -> None:
        """Vanish, as an unplugged device does: also as the answer to a command, in the thread that answers."""
        self._stop()  # whoever else calls waits here for that thread, and finds nothing left to close
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1

    def stop_reading(self) -> None:
        """Take no octet any more, so that the line fills up."""
        self._stop()

    def close(self) -> None:
        """End the thread and free the pty."""
        if self.master >= 0:
            self.hang_up()
        if self._wake_read >= 0:
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_read = -1

    def _stop(self) -> None:
        self._is_running = False
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            os.write(self._wake_write, b"x")
            self._thread.join(5)

    # -- serving -------------------------------------------------------------------------------------------------------

    def _write(self, octets: bytes) -> None:
        while octets and self.master >= 0:
            octets = octets[os.write(self.master, octets) :]

    def _serve(self) -> None:
        pending = self._pending
        while self._is_running:
            readable, _, _ = select.select([self.master, self._wake_read], [], [], 30)
            if not self._is_running or self.master not in readable:
                continue
            octets = os.read(self.master, 4096)
            self.octets_heard += octets
            if self.is_mute:
                continue
            for octet in octets:
                self._take(pending, octet)

    def _take(self, pending: bytearray, octet: int) -> None:
        if self.in_body:
            if octet == CTRL_Z:
                self.in_body = False
                self.bodies.append(pending.decode("latin-1"))
                pending.clear()
                self._answer(self.submit_answer, self.bodies[-1])
            elif octet == ESC:
                self.in_body = False
                pending.clear()
                self.say("\r\nOK\r\n")
            else:
                pending.append(octet)
        elif octet == 0x0D:
            line = pending.decode("latin-1")
            pending.clear()
            if self.is_echo_on:
                self.say(line + "\r")
            start = line.upper().find("AT")
            if start >= 0:
                self._command(line[start:])
        elif octet != ESC:
            pending.append(octet)

    def _command(self, line: str) -> None:
        self.heard.append(line)
        for pattern, answer in self.table:
            if pattern.match(line):
                self._answer(answer, line)
                return
        self._answer(self._healthy(line), line)

    def _answer(self, answer: Answer | None, line: str) -> None:
        said = answer(self, line) if callable(answer) else answer
        if said:
            self.say(said)

    def _healthy(self, line: str) -> str:
        """Answer as a modem in good health does."""
        for pattern, method in _HEALTHY:
            if found := pattern.fullmatch(line):
                return method(self, found)
        return "\r\nERROR\r\n"

    def listing(self, memory: str | None = None) -> list[str]:
        """Return the lines of AT+CMGL=4, headers and PDUs."""
        lines = []
        for index, (stat, pdu) in sorted(self.stores[memory or self.memories[0]].slots.items()):
            lines += [f"+CMGL: {index},{stat},,{len(pdu) // 2 - 8}", pdu]
        return lines

    def _list(self, _found: re.Match[str]) -> str:
        if self.settings["CMGF"] != "0":
            return "\r\n+CMS ERROR: 305\r\n"
        lines = self.listing()
        pairs = "".join(f"\r\n{lines[n]}\r\n{lines[n + 1]}" for n in range(0, len(lines), 2))
        return f"{pairs}\r\n\r\nOK\r\n"

    def _read(self, found: re.Match[str]) -> str:
        held = self.stores[self.memories[0]].slots.get(int(found[1]))
        if held is None:
            return "\r\n+CMS ERROR: 321\r\n"
        return f"\r\n+CMGR: {held[0]},,{len(held[1]) // 2 - 8}\r\n{held[1]}\r\n\r\nOK\r\n"

    def _delete(self, found: re.Match[str]) -> str:
        for index in re.findall(r"\+CMGD=(\d+)", found[0]):
            if self.stores[self.memories[0]].slots.pop(int(index), None) is None:
                return "\r\n+CMS ERROR: 321\r\n"
        return ok()

    def _usage(self, names: bool) -> str:
        parts = []
        for memory in self.memories:
            store = self.stores[memory]
            parts.append(f'"{memory}",' * names + f"{len(store.slots)},{store.total}")
        return ok("+CPMS: " + ",".join(parts))

    def _set_memories(self, found: re.Match[str]) -> str:
        chosen = re.findall(r'"(\w+)"', found[0])
        if any(memory not in self.stores for memory in chosen):
            return "\r\n+CMS ERROR: 302\r\n"
        self.memories[: len(chosen)] = chosen
        return self._usage(names=False)

    def _set_register(self, found: re.Match[str]) -> str:
        self.registers[found[1]] = int(found[2])
        return ok()

    def _set(self, found: re.Match[str]) -> str:
        self.settings[found[1]] = found[2]
        return ok()

    def _echo(self, found: re.Match[str]) -> str:
        self.is_echo_on = found[1] == "1"
        return ok()

    def _ask_for_body(self, _found: re.Match[str]) -> str:
        self.in_body = True
        return self.prompt


def _fixed(*lines: str) -> Callable[[ScriptedModem, re.Match[str]], str]:
    return lambda _modem, _found: ok(*lines)


_HEALTHY = [
    (re.compile(pattern), method)
    for pattern, method in (
        (r"AT|ATZ|AT\+CO.*=3,0|AT\+CL[IA].*=1|AT\+CRC=1|AT\+CVHU=0|AT\+CSMP=.*|AT\+CNMA", _fixed()),
        (r"ATE([01])", ScriptedModem._echo),
        (r"ATS(\d+)=(\d+)", ScriptedModem._set_register),
        (r"ATS(\d+)\?", lambda modem, found: ok(f"{modem.registers.get(found[1], 0):03d}")),
        (r"AT\+CPIN\?", _fixed("+CPIN: READY")),
        (
            r"AT\+(CMGF|CNMI|CMEE|CFUN)\?",
            lambda modem, found: ok(f"+{found[1]}: {modem.settings[found[1]]}"),
        ),
        (r"AT\+CSMS=(.*)", _fixed("+CSMS: 1,1,1")),
        (r"AT\+(CMGF|CNMI|CMEE|CFUN)=([\d,]+)", ScriptedModem._set),
        (r"AT\+CSCA\?", _fixed('+CSCA: "+62811000000",145')),
        (r"AT\+CPMS=\?", _fixed('+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")')),
        (r"AT\+CPMS\?", lambda modem, _found: modem._usage(names=True)),
        (r"AT\+CPMS=.*", ScriptedModem._set_memories),
        (r"AT\+CGMI", _fixed("Scripted")),
        (r"AT\+CGMM", _fixed("S1")),
        (r"AT\+CGMR", _fixed("1.0")),
        (r"AT\+CGSN", _fixed(IMEI)),
        (r"AT\+CIMI", _fixed("510100123456789")),
        (r"AT\+CCID", _fixed("+CCID: 8962101234567890123")),
        (r"AT\+CSQ", _fixed("+CSQ: 17,99")),
        (r"AT\+CREG\?", _fixed("+CREG: 0,1")),
        (r"AT\+COPS\?", _fixed('+COPS: 0,0,"Telkomsel"')),
        (r"AT\+CMGL=4", ScriptedModem._list),
        (r"AT\+CMGR=(\d+)", ScriptedModem._read),
        (r"AT(\+CMGD=\d+;?)+", ScriptedModem._delete),
        (r"AT\+CMGS=(\d+)", ScriptedModem._ask_for_body),
    )
]
