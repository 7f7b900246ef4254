"""The serial line of a history: the real driver and the simulated modem in one thread, on the virtual clock.

The driver's commands go straight into the modem's dialogue; what the modem says comes back when the driver waits for
it, and waiting moves the clock. So nothing here takes real time, and the same seed always tells the same story.
"""

from __future__ import annotations

import errno
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from simulation.clock import VirtualClock
from simulation.faults import Faults
from simulation.trace import Trace

from hardware.dialogue import Exchange
from hardware.engine import ModemEngine
from hardware.errors import CommandTimeout, NotAModem
from hardware.facts import ModemOptions
from hardware.link import ModemLink
from hardware.modem import Modem
from hardware.pdu import tpdu_key
from hardware.simulator import SimulatedModem

UNREAD_OCTETS_MAX = 4096  # what a terminal keeps for a program that is not there
LONG_WAIT_S = 0.25  # from here on others are let run meanwhile
WRITE_S = 0.002  # what a write takes
CMGS = "+CMGS"
CTRL_Z = b"\x1a"

_COMMAND = re.compile(rb"AT([+^]?[A-Z]+)")
_LONG_HEX = re.compile(rb"[0-9A-F]{40,}")

# by what was written: which faults may strike it
_AT_ANY_COMMAND = (
    "serial: command lost",
    "serial: answer lost",
    "serial: answer late",
    "serial: answer doubled",
    "serial: answer cut",
    "serial: answer garbled",
    "serial: noise around an answer",
    "modem: busy for a while",
    "modem: unplugged in the middle of a command",
    "modem: unplugged while it answers",
    "modem: restarts at a command",
    "modem: restarts while it answers",
    "modem: falls silent",
    "modem: back in text mode",
)
_AT_PROMPT = ("serial: prompt late", "serial: prompt lost")
_AT_BODY = (
    "submit: refused (38, 500, 21)",
    "submit: no answer, but sent",
    "submit: no answer, not sent",
    "modem: restarts with the SMS in its hands",
)
_AT_LISTING = ("modem: lists a slot twice",)
_AT_DELETE = ("modem: says OK to a delete and keeps it",)


class Others(Protocol):
    """Whoever else there is while a driver waits."""

    def run_until(self, moment: float) -> None:
        """Let everybody else go on up to this moment; the clock then stands there."""
        ...

    def kill(self) -> NoReturn:
        """The process dies here."""
        ...

    def check_alive(self) -> None:
        """Raise Killed once the process is dead."""
        ...


@dataclass(frozen=True, slots=True)
class AtDelete:
    """What happens right before, or after, the modem is told to free a slot."""

    index: int
    is_done: bool
    act: Callable[[], None]


class SerialLine:
    """The line between one simulated modem and whichever driver has it open."""

    def __init__(
        self,
        modem: SimulatedModem,
        *,
        clock: VirtualClock,
        faults: Faults,
        trace: Trace,
        others: Others,
    ) -> None:
        self.modem = modem
        self.name = modem.number[-4:]
        self.clock = clock
        self.altered: list[tuple[bytes, bytes]] = []  # keys of TPDUs: as sent, as read
        self.at_delete: AtDelete | None = None
        self._faults = faults
        self._trace = trace
        self._others = others
        self._link: VirtualLink | None = None
        self._unread = b""
        self._gone_until = 0.0
        modem.monotonic = clock.monotonic
        modem.vanish = self._vanish

    # -- the driver's side

    def plug(self, link: VirtualLink) -> None:
        """Open the port. Raises OSError while it is unplugged."""
        self._others.check_alive()
        if self.clock.monotonic() < self._gone_until:
            raise OSError(errno.ENODEV, "no such device")
        self._link = link
        unread, self._unread = self._unread, b""
        self._give(unread)

    def unplug(self, link: VirtualLink) -> None:
        """Close the port."""
        if self._link is link:
            self._link = None

    def drop(self) -> None:
        """The process that had it open is dead: its port is closed, and what comes now is left unread."""
        self._link = None

    def write(self, link: VirtualLink, octets: bytes, timeout_s: float) -> None:
        """Take octets from the driver."""
        self._others.check_alive()
        if self._link is not link:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self._faults.strikes("process: dies before a write to the port"):
            self._others.kill()
        self.clock.advance_to(self.clock.monotonic() + WRITE_S)
        self._trace.say(self.name, f"< {octets!r}")
        self._meet_delete(octets, is_done=False)
        if self._strike(octets, timeout_s) and not self.modem.is_off:
            self.modem.receive(octets)
        self._meet_delete(octets, is_done=True)
        if octets.endswith(CTRL_Z) and self._faults.strikes(
            "process: dies with a reply handed over"
        ):
            self._others.kill()
        if self._faults.strikes("process: dies after a write to the port"):
            self._others.kill()

    def _meet_delete(self, octets: bytes, *, is_done: bool) -> None:
        wanted = self.at_delete
        if wanted is None or wanted.is_done != is_done or not octets.startswith(b"AT+CMGD"):
            return
        if wanted.index in map(int, re.findall(rb"CMGD=(\d+)", octets)):
            self.at_delete = None
            wanted.act()

    def hear_until(self, moment: float, is_over: Callable[[], bool]) -> bool:
        """Hear the modem until it is over, or until the moment; return whether it is over."""
        while True:
            self.hear()
            if is_over():
                return True
            now = self.clock.monotonic()
            if now >= moment:
                return False
            due = self.modem.next_due()
            until = moment if due is None else min(max(due, now), moment)
            if until - now >= LONG_WAIT_S:
                # in paces, so that an answer which somebody else's doing brings is heard in time
                self._others.run_until(min(until, now + 30.0))
            else:
                self.clock.advance_to(until)
            self._others.check_alive()

    def hear(self) -> None:
        """Give what the modem says by now to the driver; whoever is not there does not hear it."""
        for chunk in self.modem.run_due(self.clock.monotonic()):
            if chunk.octets:
                self._give(self._read(chunk.octets))
            if chunk.act is not None:
                chunk.act()

    def _give(self, octets: bytes) -> None:
        if not octets:
            return
        self._trace.say(self.name, f"> {octets!r}")
        if self._link is None:
            if self.clock.monotonic() >= self._gone_until:
                self._unread = (self._unread + octets)[:UNREAD_OCTETS_MAX]
        else:
            self._link.hear(octets)

    # -- faults

    def _strike(self, octets: bytes, timeout_s: float) -> bool:
        """Draw what happens to this write; return whether the modem gets it."""
        found = _COMMAND.match(octets)
        if octets.endswith(CTRL_Z):
            fault = self._faults.one_of(_AT_BODY)
        elif found is None:
            return True
        elif found[1] == b"+CMGS":
            fault = self._faults.one_of(_AT_PROMPT)
        else:
            special = {b"+CMGL": _AT_LISTING, b"+CMGD": _AT_DELETE}.get(found[1], ())
            fault = self._faults.one_of(special + _AT_ANY_COMMAND)
        if fault in ("serial: command lost", "submit: no answer, not sent"):
            return False
        if fault is not None:
            self._set(fault, timeout_s)
        return True

    def _set(self, fault: str, timeout_s: float) -> None:
        name, params = self._as_modem_fault(fault, timeout_s)
        self.modem.faults.set(name, **params)

    def _as_modem_fault(self, fault: str, timeout_s: float) -> tuple[str, dict[str, Any]]:
        draw = self._faults
        away: dict[str, Any] = {
            "delay_s": draw.spread(0.5, 20.0),
            "text": "" if draw.choose(0, 1) else "still powered",
        }
        boot: dict[str, Any] = {"delay_s": draw.spread(0.2, 8.0)}
        return {
            "serial: answer lost": ("lost_answer", {}),
            "serial: answer late": ("late_answer", {"delay_s": timeout_s * draw.spread(0.2, 2.5)}),
            "serial: answer doubled": ("doubled_answer", {}),
            "serial: answer cut": ("cut_answer", {}),
            "serial: answer garbled": ("flipped_bits", {"count": draw.choose(1, 2, 5)}),
            "serial: noise around an answer": ("garbage", {}),
            "serial: prompt late": ("late_prompt", {"delay_s": draw.choose(1.0, 11.0, 25.0)}),
            "serial: prompt lost": ("no_prompt", {}),
            "submit: refused (38, 500, 21)": ("submit_error", {"code": draw.choose(38, 500, 21)}),
            "submit: no answer, but sent": ("lost_answer", {"command": CMGS}),
            "modem: busy for a while": ("cme_error", {"code": draw.choose(14, 515)}),
            "modem: unplugged in the middle of a command": ("port_gone_at_command", away),
            "modem: unplugged while it answers": ("port_gone_in_answer", away),
            "modem: restarts at a command": ("reboot_at_command", boot),
            "modem: restarts while it answers": ("reboot_in_answer", boot),
            "modem: restarts with the SMS in its hands": ("reboot_in_body", boot),
            "modem: falls silent": ("mute_at_command", {"delay_s": draw.spread(2.0, 60.0)}),
            "modem: back in text mode": ("text_mode", {}),
            "modem: lists a slot twice": ("listed_twice", {}),
            "modem: says OK to a delete and keeps it": ("delete_lies", {}),
        }[fault]

    def _read(self, octets: bytes) -> bytes:
        """Change one hex digit of a listed PDU, if that fault strikes: what is read still looks whole."""
        found = _LONG_HEX.search(octets)
        is_listing = b"+CMGL:" in octets or b"+CMGR:" in octets
        if (
            found is None
            or not is_listing
            or not self._faults.strikes("serial: a digit of a PDU changed")
        ):
            return octets
        place = found.start() + int(self._faults.spread(0, found.end() - found.start() - 0.001))
        digit = b"0123456789ABCDEF"[(int(octets[place : place + 1], 16) + 1) % 16]
        changed = octets[:place] + bytes([digit]) + octets[place + 1 :]
        before, after = found[0], changed[found.start() : found.end()]
        if len(before) % 2 == 0:
            sent, read = (tpdu_key(bytes.fromhex(pdu.decode())) for pdu in (before, after))
            if sent != read:  # a digit of the SMSC's number changes no message
                self.altered.append((sent, read))
        return changed

    def _vanish(self, seconds: float) -> None:
        self._gone_until = self.clock.monotonic() + seconds
        self._unread = b""
        link, self._link = self._link, None
        self._trace.say(self.name, f"unplugged for {seconds:.1f} s")
        if link is not None:
            link.lose()


class _Signal:
    """Stands where an exchange has its lock: to wait for it is to hear the modem on the virtual clock."""

    def __init__(self, line: SerialLine) -> None:
        self._line = line
        self._is_released = False

    def release(self) -> None:
        self._is_released = True

    def acquire(self, timeout: float) -> bool:
        line = self._line
        return line.hear_until(line.clock.monotonic() + timeout, lambda: self._is_released)


class VirtualLink(ModemLink):
    """The driver's link without a port, a thread or a real second: all else in it is the real one."""

    line: SerialLine
    _timeout_s = 1.0

    def connect(self) -> None:
        """Take the line, and prove that answers belong to our commands."""
        try:
            self.line.plug(self)
        except OSError as exc:
            raise self._explain_open(exc) from None
        self.alive = True
        try:
            self._synchronise()
        except CommandTimeout:
            raise NotAModem(f"Nothing on {self.port} answers as a modem does.") from None

    def close(self) -> None:
        """Give the line back."""
        super().close()
        self.line.unplug(self)

    def pause(self, seconds: float) -> None:
        """Let time pass, as long as the link lives."""
        until = self.line.clock.monotonic() + seconds
        self.line.hear_until(until, lambda: self._fault is not None)

    def hear(self, octets: bytes) -> None:
        """Take what the modem said."""
        self._heard_at = self._clock.monotonic()
        self._dialogue.feed(octets.decode("latin-1"))

    def lose(self) -> None:
        """The device is gone."""
        self._fail(OSError(errno.EIO, "the device is gone"))

    def _transact(self, exchange: Exchange, timeout_s: float, **how: Any) -> Exchange:
        exchange.signal = _Signal(self.line)  # type: ignore[assignment]
        self._timeout_s = how.get("silence_s") or timeout_s
        return super()._transact(exchange, timeout_s, **how)

    def _send(self, octets: bytes) -> None:
        try:
            self.line.write(self, octets, self._timeout_s)
        except OSError as exc:
            self._fail(exc)
            raise self._down() from None


class VirtualEngine(ModemEngine, VirtualLink):
    """The real engine over the virtual link."""


class VirtualModem(Modem):
    """The real driver over a serial line of a history. `on_ring` is called where its owner would be woken."""

    def __init__(
        self,
        options: ModemOptions,
        line: SerialLine,
        *,
        chance: random.Random,
        trace: Trace,
        on_ring: Callable[[], None],
    ) -> None:
        super().__init__(options, clock=line.clock, log=trace.hear_modem(line.name), chance=chance)
        self._line = line
        self._on_ring = on_ring

    def _new_engine(self) -> ModemEngine:
        engine = VirtualEngine(self._surroundings, ledger=self._ledger, on_fault=self._hear_fault)
        engine.line = self._line
        return engine

    def _hear(self, urc: Any) -> None:
        super()._hear(urc)
        self._ring()

    def _hear_fault(self) -> None:
        super()._hear_fault()
        self._ring()

    def _ring(self) -> None:
        if self._bell.is_set():
            self._on_ring()
