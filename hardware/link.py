"""ModemLink: one serial port as commands and their answers, under python-gsmmodem-new's GsmModem in place of its own.

Rules:

- One reader thread sleeps in poll() on the port and a wake pipe. Everything else is done by the one owner thread.
- At most one command is out. Which lines are its answer is decided in `dialogue`.
- After a timeout, or an answer that nobody asked for, the link is dirty: before the next command it proves, by writing
  a value and reading it back, that answers belong to their commands again. So a late answer is never believed.
- Whatever ends the reader is a fault: it wakes whoever waits, and each further use raises LinkDown.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import select
import termios
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import serial
from gsmmodem.serial_comms import SerialComms
from msgspec import Struct

from .clock import Monotonic
from .dialogue import RESTARTED, Dialogue, Exchange, Urc
from .discovery import holders
from .errors import (
    CommandTimeout,
    LinkDown,
    ModemError,
    ModemRebooted,
    NotAModem,
    PortBusy,
    PortDenied,
    PortMissing,
)
from .facts import ModemOptions
from .patience import Patience

Log = Callable[[str, Mapping[str, object]], None]

ESC = b"\x1b"  # leaves the body of an AT+CMGS without sending it (27.005 section 3.5.1)
CHUNK_OCTETS = 64 * 1024
EMPTY_READS_MAX = 3  # poll() may be wrong once; a vanished device is ready for ever
CLOSE_LIMIT_S = 0.4  # for each of: the reader's end, the descriptor's close

# how long each try waits for an answer, and for quiet before: the first costs a healthy modem nothing
SYNC_TRIES_S = (
    (0.5, 0.0),
    (1.0, 0.1),
    (1.0, 0.3),
    (2.0, 0.5),
    (3.0, 0.5),
    (5.0, 0.5),
    *[(5.0, 0.5)] * 4,
)
# The long ones are for a modem that is late. One that says nothing at all has not heard us, and is asked again soon.
SILENT_TRY_S = 1.0
SYNC_REGISTERS = (7, 8, 10)  # V.250: waits of calls that we never make
SYNC_VALUES = (20, 250)
SYNC_PATTERN_BITS = 16
SYNC_WRONG = "AT+SMSGATE"  # no modem's command


class LinkSurroundings(Struct, frozen=True):
    """What a link is given: who hears its URCs and its log, where time and chance come from, and its limits."""

    on_urc: Callable[[Urc], None]
    log: Log
    clock: Monotonic
    chance: random.Random
    options: ModemOptions


class ModemLink(SerialComms):
    """The transport under python-gsmmodem-new's GsmModem, in place of its own."""

    def __init__(
        self,
        port: str,
        baudrate: int = 115200,
        *,
        surroundings: LinkSurroundings,
        **package: Any,
    ) -> None:
        super().__init__(port, baudrate, **package)
        self.serial: serial.Serial | None = None
        self._surroundings = surroundings
        self._log = surroundings.log
        self._clock = surroundings.clock
        self._options = surroundings.options
        self._fd = -1
        self._wake_pipe: tuple[int, int] | None = None
        self._reader: threading.Thread | None = None
        self._closer: threading.Thread | None = None
        self._ended = threading.Event()
        self._fault: str | None = None
        self._dialogue = Dialogue(surroundings.on_urc)
        self._heard_at = 0.0
        self._patience = Patience()
        self._probe: Callable[[float], bool] | None = None  # the one that worked here
        self.deadline: float | None = None  # no command of the bring-up waits past it

    # -- opening and closing -------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open the port, start the reader, and prove that answers belong to our commands.

        Answers left over from an earlier process would else be believed. The caller closes after any exception.
        """
        self.serial = self._open_port()
        self._fd = self.serial.fileno()
        self._wake_pipe = os.pipe()
        self.alive = True
        self._reader = threading.Thread(
            target=self._readLoop, name=f"reader {self.port}", daemon=True
        )
        self._reader.start()
        try:
            self._synchronise()
        except CommandTimeout as silence:
            others = holders(self.port)
            if others:
                raise self._busy(others) from silence
            raise NotAModem(
                f"Nothing on {self.port} answers as a modem does at {self.baudrate} baud; "
                "check that this is the AT port, the speed, and the modem's power."
            ) from None
        self._meet()

    def _meet(self) -> None:
        """Look who is there, before anything is said that would change it."""

    def _open_port(self) -> serial.Serial:
        try:
            return serial.Serial(
                port=self.port,
                baudrate=self.baudrate,
                timeout=0,
                write_timeout=self._options.write_timeout_s,
                exclusive=True,
                rtscts=self._options.flow_control == "rtscts",
                dsrdtr=self._options.flow_control == "dsrdtr",
                xonxoff=self._options.flow_control == "xonxoff",
            )
        except (OSError, termios.error, ValueError) as exc:  # SerialException is an OSError
            raise self._explain_open(exc) from None

    def _explain_open(self, exc: Exception) -> ModemError:
        number = exc.errno if isinstance(exc, OSError) else None
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ENOTDIR):
            return PortMissing(
                f"There is no port {self.port}; plug the modem in, or correct the name (see /dev/serial/by-id)."
            )
        if number in (errno.EACCES, errno.EPERM):
            return PortDenied(
                f"We may not open {self.port}; add this user to the group that owns it (usually dialout)."
            )
        if number in (errno.EAGAIN, errno.EBUSY):
            return self._busy(holders(self.port))
        return NotAModem(
            f"{self.port} cannot be used as a serial port; check the name and the speed."
        )

    def _busy(self, others: list[tuple[int, str]]) -> PortBusy:
        names = ", ".join(f"{name} (pid {pid})" for pid, name in others) or "another program"
        return PortBusy(
            f"{self.port} is held by {names}; stop it, or tell it to leave this port alone.", others
        )

    def close(self) -> None:
        """Stop the reader and close the port, within a second whatever the device does. May be called again.

        `is_closed` then says whether the descriptor is proven closed; a driver may keep close() for half a minute.
        """
        self.alive = False
        self._ended.set()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._wake_reader()
            self._reader.join(CLOSE_LIMIT_S)
        if self.serial is not None and self._closer is None:
            self._closer = threading.Thread(
                target=self._close_port, name=f"closer {self.port}", daemon=True
            )
            self._closer.start()
        if self._closer is not None:
            self._closer.join(CLOSE_LIMIT_S)
        if self._wake_pipe is not None and not (self._reader and self._reader.is_alive()):
            for end in self._wake_pipe:
                os.close(end)
            self._wake_pipe = None

    def _close_port(self) -> None:
        port = self.serial
        assert port is not None
        with contextlib.suppress(OSError, termios.error):
            port.reset_output_buffer()  # else the kernel may wait for octets that the device never takes
        with contextlib.suppress(OSError):
            port.close()  # Linux frees the descriptor also when it fails
        self.serial = None

    @property
    def is_closed(self) -> bool:
        """Whether the reader has ended and the descriptor is closed."""
        return self.serial is None and not (self._reader and self._reader.is_alive())

    @property
    def fault(self) -> str | None:
        """Why the link is down, or None."""
        return self._fault

    def mark_settled(self) -> None:
        """Take a restart from now on as the loss of our settings."""
        self._dialogue.is_settled = True

    def mark_dirty(self) -> None:
        """Have the next command prove first that answers belong to their commands."""
        self._dialogue.is_dirty = True

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the link lives."""
        self._ended.wait(seconds)

    # -- commands ------------------------------------------------------------------------------------------------------

    def exchange(
        self, command: str, *, timeout_s: float, silence_s: float | None = None, times: int = 1
    ) -> list[str]:
        """Send one command line and return its answer, the final result code last.

        With `silence_s` a long answer has the whole time while it goes on; a modem that says nothing for that long
        is given up. `times` is how often the command stands in the line. Raises CommandTimeout, after which the link is
        dirty, and LinkDown.
        """
        with self._txLock:
            if self._dialogue.is_dirty:
                self.resync()
            exchange = Exchange(command)
            patience_s = self._patience.limit_s(exchange.name, times)
            began_at = self._clock.monotonic()
            if silence_s is None:
                self._transact(exchange, min(timeout_s, patience_s))
            else:
                self._transact(exchange, timeout_s, silence_s=min(silence_s, patience_s))
            self._patience.learn(exchange.name, self._clock.monotonic() - began_at, times)
            return exchange.lines

    def write(
        self,
        data: str,
        waitForResponse: bool = True,
        timeout: float = 5,
        expectedResponseTermSeq: str | None = None,
    ) -> list[str]:
        """Send one command line: the package's way to ask. Prompts and unanswered commands have their own methods."""
        assert waitForResponse
        assert expectedResponseTermSeq is None
        return self.exchange(data.removesuffix("\r"), timeout_s=timeout)

    def _transact(
        self,
        exchange: Exchange,
        timeout_s: float,
        *,
        end: str = "\r",
        silence_s: float | None = None,
    ) -> Exchange:
        """Send what the exchange says and wait until it is answered; the caller holds the lock."""
        timeout_s = self._within_deadline(timeout_s)
        self._dialogue.exchange = exchange  # before writing: the answer may be there at once
        try:
            if self._fault is not None:
                raise self._down()
            self._send((exchange.command + end).encode("latin-1"))
            if silence_s is None:
                is_answered = exchange.signal.acquire(timeout=timeout_s)
            else:
                is_answered = self._await_while_heard(exchange, timeout_s, silence_s)
        finally:
            self._dialogue.exchange = None
        if self._fault is not None:
            raise self._down()
        if exchange.trouble == RESTARTED:
            self._dialogue.is_dirty = True
            raise ModemRebooted(f"The modem on {self.port} has restarted; it is set up again.")
        if not is_answered or exchange.trouble:
            self._dialogue.is_dirty = True
            self._log("modem_command_timed_out", {"command": exchange.name, "timeout_s": timeout_s})
            raise CommandTimeout(exchange.name, timeout_s, exchange.lines)
        return exchange

    def _await_while_heard(self, exchange: Exchange, timeout_s: float, silence_s: float) -> bool:
        started_at = self._clock.monotonic()
        while True:
            is_due = not exchange.is_slow or self._dialogue.has_begun(exchange)
            now = self._clock.monotonic()
            quiet_at = (max(started_at, self._heard_at) if is_due else now) + silence_s
            left_s = min(quiet_at, started_at + timeout_s) - now
            if exchange.signal.acquire(timeout=max(0.0, left_s)):
                return True
            if left_s <= 0:
                return False

    def _within_deadline(self, timeout_s: float) -> float:
        if self.deadline is None:
            return timeout_s
        left_s = self.deadline - self._clock.monotonic()
        if left_s <= 0:
            raise LinkDown(
                f"The modem on {self.port} did not come up in time; it is tried again after a pause."
            )
        return min(timeout_s, left_s)

    def _down(self) -> LinkDown:
        return LinkDown(
            f"The link to the modem on {self.port} is down ({self._fault}); check cable and power, it is opened again."
        )

    def _send(self, octets: bytes) -> None:
        """Write everything in one go, or fail within the time for writing."""
        try:
            written = os.write(self._fd, octets)
        except BlockingIOError:
            written = 0
        except OSError as exc:
            self._fail(exc)
            raise self._down() from None
        if written < len(octets):
            self._send_rest(octets[written:])

    def _send_rest(self, octets: bytes) -> None:
        room = select.poll()
        room.register(self._fd, select.POLLOUT)
        # not the clock that we were given: poll() waits by the machine's own, and only a real port has it wait
        give_up_at = time.monotonic() + self._options.write_timeout_s
        try:
            while octets:
                left_s = give_up_at - time.monotonic()
                if left_s <= 0 or not room.poll(left_s * 1000):
                    raise TimeoutError(
                        errno.ETIMEDOUT, "it takes no octets: is flow control on and not wired?"
                    )
                try:
                    octets = octets[os.write(self._fd, octets) :]
                except BlockingIOError:
                    continue
        except OSError as exc:
            self._fail(exc)
            raise self._down() from None

    # -- resynchronisation ---------------------------------------------------------------------------------------------

    def resync(self) -> None:
        """Prove that answers belong to their commands again; raises LinkDown when they do not come to."""
        self._log("modem_resync", {})
        try:
            self._synchronise()
        except CommandTimeout:
            raise LinkDown(
                f"The modem on {self.port} stopped making sense and did not come back; it is opened again."
            ) from None

    def _synchronise(self) -> None:
        give_up_at = self._clock.monotonic() + self._options.silence_limit_s
        heard_at = self._heard_at
        for number, (timeout_s, quiet_s) in enumerate(SYNC_TRIES_S):
            self._wait_for_quiet(quiet_s, limit_s=timeout_s + quiet_s)
            left_s = give_up_at - self._clock.monotonic()
            if left_s <= 0:
                break
            if self._heard_at == heard_at:
                timeout_s = min(timeout_s, SILENT_TRY_S)  # noqa: PLW2901
            timeout_s = min(timeout_s, left_s)  # noqa: PLW2901
            self._send(ESC)
            if number:
                self.pause(0.1)  # some modems lose what follows an ESC at once
            self._dialogue.is_dirty = False
            try:
                # the answer to ESC, and whatever comes late, makes the link dirty again or spoils the probe
                if self._prove(timeout_s):
                    self._dialogue.is_dirty = False
                    return
            except CommandTimeout:
                continue
        raise CommandTimeout("AT", timeout_s)

    def _prove(self, timeout_s: float) -> bool:
        """Say whether answers belong to their commands, by the means that worked here before or the first that does."""
        if self._probe is not None:
            return self._probe(timeout_s)
        probes: list[Callable[[float], bool]] = [
            *(partial(self._prove_by_register, register) for register in SYNC_REGISTERS),
            self._prove_by_pattern,
        ]
        for probe in probes:
            if probe(timeout_s):
                self._probe = probe
                return True
        return False

    def _prove_by_register(self, register: int, timeout_s: float) -> bool:
        """Write a random value and read it back: no answer from before can hold it."""
        value = self._surroundings.chance.randint(*SYNC_VALUES)
        if self._transact(Exchange(f"ATS{register}={value}"), timeout_s).lines != ["OK"]:
            return False
        lines = self._transact(Exchange(f"ATS{register}?"), timeout_s).lines
        return lines[-1] == "OK" and any(
            line.isdecimal() and int(line) == value for line in lines[:-1]
        )

    def _prove_by_pattern(self, timeout_s: float) -> bool:
        """Ask right and wrong in a random order: answers that lag behind do not follow it. Every modem can do this."""
        for _ in range(SYNC_PATTERN_BITS):
            is_right = self._surroundings.chance.random() < 0.5
            lines = self._transact(Exchange("AT" if is_right else SYNC_WRONG), timeout_s).lines
            if (lines[-1] == "OK") is not is_right:
                return False
        return True

    def _wait_for_quiet(self, quiet_s: float, *, limit_s: float) -> None:
        """Wait until nothing has come for that long, or the limit is over."""
        started_at = self._clock.monotonic()
        while self._fault is None:
            quiet_at = max(started_at, self._heard_at) + quiet_s
            left_s = min(quiet_at, started_at + limit_s) - self._clock.monotonic()
            if left_s <= 0:
                return
            self.pause(left_s)

    # -- reading -------------------------------------------------------------------------------------------------------

    def _readLoop(self) -> None:
        """Read until closed or failed; the reader thread."""
        try:
            self._read_until_closed()
        except (
            Exception
        ) as exc:  # whatever it is must reach the owner; nobody looks at a dead thread
            if self.alive:
                self._fail(exc)

    def _read_until_closed(self) -> None:
        assert self._wake_pipe is not None
        ready = select.poll()
        ready.register(self._fd, select.POLLIN)
        ready.register(self._wake_pipe[0], select.POLLIN)
        empty_reads = 0
        while self.alive:
            ready.poll()
            if not self.alive:
                return
            octets = self._read_some()
            if octets:
                empty_reads = 0
                self._heard_at = self._clock.monotonic()
                self._dialogue.feed(octets.decode("latin-1"))
                continue
            empty_reads += 1
            if empty_reads > EMPTY_READS_MAX:
                raise OSError(errno.EIO, "ready without anything to read: the device is gone")

    def _read_some(self) -> bytes:
        try:
            return os.read(self._fd, CHUNK_OCTETS)
        except BlockingIOError:
            return b""

    def _fail(self, exc: Exception) -> None:
        """Take the link down: who waits is woken, who comes later is told."""
        if self._fault is None:
            self._fault = type(exc).__name__
            if isinstance(exc, OSError) and exc.strerror:
                self._fault = exc.strerror
            self._log("modem_link_down", {"reason": self._fault})
        self.alive = False
        self._ended.set()
        if (exchange := self._dialogue.exchange) is not None:
            self._dialogue.finish(exchange)
        self.fatalErrorCallback(exc)

    def _wake_reader(self) -> None:
        if self._wake_pipe is not None:
            os.write(self._wake_pipe[1], b"x")

    def _handleLineRead(self, line: str, checkForResponseTerm: bool = True) -> None:
        """The package's way in for a line; ours all come through the dialogue."""
        assert checkForResponseTerm
        self._dialogue.take(line)
