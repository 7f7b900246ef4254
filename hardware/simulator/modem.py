"""A simulated GSM modem: a SIM card, memories, a radio and an AT dialogue, on a simulated network.

It does no I/O: `pty.PtyServer` brings it octets and takes what it says. Everything runs under the network's lock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from . import commands, fault_table  # noqa: F401 - importing them fills their tables
from .at import Answer, Command
from .card import MessageMemory, SimCard, SimState, append_luhn
from .codec import StoredPdu, Submit
from .dialogue import Dialogue, find_answer
from .faults import Faults
from .network import Network
from .outgoing import Chunk, Outgoing, Timer, Timers
from .profiles import PROFILES, DeviceProfile
from .reception import Reception
from .settings import settings_at_start

_DELIVERED = 0x00  # TP-ST: received by the recipient


class Radio(Struct):
    """What the modem knows of its cell."""

    functionality: int = 1  # AT+CFUN
    stat: int = 1  # AT+CREG: 1 home, 5 roaming, 0 idle, 2 searching, 3 denied
    rssi: int = 21
    operator_name: str = "TELKOMSEL"
    operator_short: str = "TSEL"
    operator_code: str = "51010"
    area: str = "1A2B"
    cell: str = "00C3D4E5"
    reject_cause: int = 0  # why registration was denied (24.008 section 10.5.3.6)
    last_failure: str = "No cause information available"  # AT+CEER

    @property
    def is_registered(self) -> bool:
        """Whether the network reaches the modem."""
        return self.functionality == 1 and self.stat in (1, 5)


class UssdSession(Struct):
    """A menu that waits for a reply, and the answer that is under way."""

    session: str = ""  # what was dialled so far
    timer: Timer | None = None

    def end(self) -> None:
        """Give it up: no answer comes any more."""
        self.session = ""
        if self.timer is not None:
            self.timer.cancel()


class SimulatedModem:
    """One modem with one SIM.

    `memories` gives the slots of each memory; a size of 0 means that the modem has no such memory. `urc` False: no
    `+CMTI` is ever said. `baud` None: octets take no time. `speed`: a port set to another one carries garbage; None:
    any speed is understood. `faults` is the switchboard of what goes wrong.
    """

    def __init__(
        self,
        network: Network,
        *,
        number: str,
        profile: str | DeviceProfile = "generic",
        memories: Mapping[str, int] | None = None,
        urc: bool = True,
        baud: int | None = None,
        speed: int | None = None,
    ) -> None:
        self.network = network
        self.number = number
        self.baud = baud
        self.speed = speed
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        sizes = {name: size for name, size in (memories or {"SM": 50}).items() if size > 0}
        self.memories = {
            name: MessageMemory(name, size, self.profile.first_index)
            for name, size in sizes.items()
        }
        self._sizes = sizes
        self._sims = 0  # how often the SIM was swapped
        self.imei, self.card = _identity(network, number)
        self.radio = Radio()
        self.settings = settings_at_start(self.profile, sizes)
        self.faults = Faults(self)
        self.reception = Reception(self, shows_urcs=urc)
        self.is_off = False
        self.mute_until = 0.0
        self.boot_loop_s: float | None = None  # restarts by itself so long after each start
        self.boot_text_mode: bool | None = None  # a fault may have it restart in the other mode
        self.caller: str | None = None  # who is calling
        self.ussd = UssdSession()
        self.clock_shift = timedelta()  # how far the modem's clock is ahead of the network's
        self.submit_reference = 0  # TP-MR of the next SMS-SUBMIT
        self.wake: Callable[[], None] = _do_nothing  # set by the server: there is something to say
        self.vanish: Callable[[float], None] = _ignore  # set by the server: unplug the port
        self.plug_in: Callable[[str], None] = (
            _ignore_link  # set by the server: the port is back, under this name
        )
        self.monotonic: Callable[[], float] = time.monotonic  # set by a server with its own clock
        self.outgoing = Outgoing()
        self._timers = Timers()
        self._dialogue = Dialogue(self)
        self._is_receiving = False
        self._held_urcs: list[bytes] = []
        network.attach(self)

    # -- the server's side

    def receive(self, octets: bytes) -> None:
        """Take octets from the line."""
        if self.is_off:
            return
        self._is_receiving = True
        try:
            self._dialogue.receive(octets)
        finally:
            self._is_receiving = False
        self.after_answer()

    def run_due(self, now: float) -> list[Chunk]:
        """Do what is due, go on with waiting commands, and return what is to be written."""
        self._timers.run_due(now)
        taken = self.outgoing.take(now)
        if not self._dialogue.is_idle and not self.is_off:
            self.receive(b"")
            taken += self.outgoing.take(now)
        return taken

    def next_due(self) -> float | None:
        """Return when `run_due` has something to do by itself."""
        moments = [m for m in (self._timers.next_due(), self.outgoing.next_due()) if m is not None]
        return min(moments, default=None)

    # -- the network's side

    def take(self, pdu: StoredPdu) -> bool:
        """Take a PDU from the network; False when it must wait there."""
        is_taken = self.reception.take(pdu)
        if is_taken and not self._is_receiving:
            self.wake()
        return is_taken

    # -- the dialogue's and the commands' side

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still under way: further commands wait."""
        return self.outgoing.is_busy(self.monotonic())

    @property
    def is_mute(self) -> bool:
        """Whether the firmware hangs: nothing is carried out, nothing is said."""
        return self.mute_until > 0.0 and self.monotonic() < self.mute_until

    def carry_out(self, command: Command) -> Answer:
        """Carry out one command."""
        return find_answer(self, command)

    def say(self, octets: bytes) -> None:
        """Say octets now, after what is being said."""
        if not self.is_mute:
            self.outgoing.say(octets, self.monotonic())

    def say_chunks(self, chunks: Sequence[Chunk]) -> None:
        """Say chunks with their pauses."""
        if not self.is_mute:
            self.outgoing.say_chunks(chunks, self.monotonic())

    def say_urc(self, lines: Sequence[str]) -> None:
        """Say an unsolicited result code, once no command is being answered."""
        end = self.settings.line_end
        octets = end + end.join(line.encode("latin-1", "replace") for line in lines) + end
        self._held_urcs.append(octets)
        if not self._is_receiving:
            self.after_answer()
            self.wake()

    def after_answer(self) -> None:
        """Say the URCs that waited for the end of an answer; none while a body is typed."""
        if not self._held_urcs or self._dialogue.is_in_body or self.is_off:
            return
        held, self._held_urcs = self._held_urcs, []
        for octets in held:
            if self.faults.is_armed:
                self.say_chunks(self.faults.shape_urc(_urc_name(octets), octets))
            else:
                self.say(octets)

    def after(self, delay_s: float, act: Callable[[], None]) -> Timer:
        """Do something later."""
        timer = self._timers.schedule(self.monotonic() + delay_s, act)
        self.wake()
        return timer

    def submit(self, submit: Submit) -> int:
        """Hand an SMS-SUBMIT to the network and return its TP-MR."""
        reference = self.submit_reference
        self.submit_reference = (reference + 1) % 256
        self.network.submit(self.number, submit, reference)
        if submit.wants_report:
            self._await_report(submit, reference)
        return reference

    def _await_report(self, submit: Submit, reference: int) -> None:
        fault = self.faults.find("report")
        if fault is None:
            self.network.report(self.number, submit, reference, status=_DELIVERED)
        elif fault.text != "none":
            taken_at = self.network.moment()

            def report() -> None:
                self.network.report(
                    self.number, submit, reference, status=fault.code, taken_at=taken_at
                )

            self.after(fault.delay_s, report)

    def call(self, caller: str) -> None:
        """Let a phone call this modem: it rings until somebody hangs up."""
        with self.network.lock:
            self.caller = caller
            commands.calls.ring(self)

    def swap_sim(self, number: str | None = None) -> None:
        """Put another SIM in, its memory empty, and restart; `number` None: it has the number of the old one."""
        with self.network.lock:
            self._sims += 1
            if number is not None and number != self.number:
                self.network.detach(self)
                self.number = number
                self.network.attach(self)
            _, self.card = _identity(self.network, self.number, sims=self._sims)
            if "SM" in self.memories:
                self.memories["SM"].clear()
            self.outgoing.clear()
            self.reboot()

    def reboot(self, boot_s: float | None = None) -> None:
        """Restart: volatile settings are lost, memories stay; the boot lines come when it is up again."""
        with self.network.lock:
            self._power_down()
            self.forget_settings()
            self.radio.functionality = 1
            self.card.power_on()
            self.after(self.profile.boot_s if boot_s is None else boot_s, self._finish_boot)

    def _power_down(self) -> None:
        self._timers.clear()
        self._dialogue.reset()
        self._held_urcs.clear()
        self.mute_until = 0.0
        self.caller = None
        self.ussd.end()
        self.is_off = True
        self.reception.reset()

    def unplug(self) -> None:
        """Pull the plug: port and power are gone until `replug`."""
        with self.network.lock:
            self.outgoing.clear()
            self._power_down()
            self.vanish(math.inf)

    def replug(self, link: str = "") -> None:
        """Plug in again, as another link where one is named, and start."""
        with self.network.lock:
            self.plug_in(link)
            self.outgoing.clear()
            self.reboot()

    def forget_settings(self) -> None:
        """Go back to the settings of the start."""
        self.settings = settings_at_start(self.profile, self._sizes)
        if self.boot_text_mode is not None:
            self.settings.is_text_mode = self.boot_text_mode

    def set_registration(self, stat: int) -> None:
        """The network lets the modem in or not; told as +CREG where that was asked for."""
        self.radio.stat = stat
        for name, level in self.settings.registration_reports.items():
            if level:
                self.say_urc([f"{name}: {stat}"])
        self.network.flush(self.number)

    def _finish_boot(self) -> None:
        self.is_off = False
        for line in self.profile.boot_lines:
            if line == "+CPIN: READY" and self.card.state is not SimState.READY:
                break
            self.say_urc([line])
        if self.boot_loop_s is not None:
            self.after(self.boot_loop_s, self._loop)
        self.network.flush(self.number)

    def _loop(self) -> None:
        if self.boot_loop_s is not None:
            self.outgoing.clear()
            self.reboot()


def _identity(network: Network, number: str, *, sims: int = 0) -> tuple[str, SimCard]:
    """Return an IMEI and a SIM card that depend on number and swaps alone, so that a restart keeps them."""
    digits = "".join(filter(str.isdigit, number))[-9:].rjust(9, "0")
    imei = append_luhn(f"35{digits}0{digits[-2:]}")
    return imei, SimCard(
        imsi=f"51010{1 + sims % 9}{digits}",
        iccid=append_luhn(f"896210{digits}{sims:03d}"),
        smsc=network.smsc,
    )


def _urc_name(octets: bytes) -> str:
    return octets.strip().split(b":", 1)[0].decode("latin-1")


def _do_nothing() -> None:
    """Nobody serves this modem yet."""


def _ignore(_seconds: float) -> None:
    """Nobody serves this modem yet."""


def _ignore_link(_link: str) -> None:
    """Nobody serves this modem yet."""
