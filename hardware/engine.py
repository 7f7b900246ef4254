"""ModemEngine: the bring-up and error handling of python-gsmmodem-new over our transport, and our own way with SMS.

One object serves one connection: the package keeps state that outlives a failed connect(). Its receiving and sending paths
lose or mix up messages (each in its own way), so they are closed here; nobody may open them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from gsmmodem import exceptions as package_errors
from gsmmodem.modem import GsmModem

from . import answers
from .answers import Pair, RefusedAnswer
from .errors import (
    CommandError,
    CommandTimeout,
    LinkDown,
    ModemError,
    ModemRebooted,
    NotAModem,
    PinRejected,
    PinRequired,
    PukRequired,
    SettingsLost,
    SimMissing,
    SimNotReady,
    SubmitRejected,
    SubmitUnknown,
)
from .facts import Identity, ModemOptions, Usage
from .link import ESC, Exchange, LinkSurroundings, ModemLink
from .pin import PinLedger
from .profiles import GENERIC, Profile, profile_for
from .sms import SubmitPdu

BRING_UP_LIMIT_S = 30.0
BUSY_LIMIT_S = 30.0  # how long "SIM busy" and "please wait" are believed
BUSY_PAUSE_S = (0.1, 1.0)  # first, longest
SIM_LIMIT_S = 20.0  # from power on to READY; slow cards take ten
SIM_POLL_S = 0.3
PROBE_TIMEOUT_S = 2.0  # of commands whose answer only says whether they exist
LIST_TIMEOUT_S = 60.0
LIST_TIMEOUT_PER_SLOT_S = 1.0  # a SIM read by a slow modem at 9600 baud takes half of it
DELETE_TIMEOUT_S = 30.0
PROMPT_TIMEOUT_S = 10.0
SUBMIT_TIMEOUT_S = 120.0
NETWORK_TIMEOUT = 332  # +CMS: the SMSC's word did not come, but it may have the SMS
EMPTY_SLOT = 321
CTRL_Z = "\x1a"

_BUSY = {("E", 14), ("E", 515), ("S", 14), ("S", 314), ("S", 515)}
_PROBED = (
    "^CVOICE",
    "+VTS",
    "^DTMF",
    "^USSDMODE",
    "+WIND",
    "+ZPAS",
    "+CSCS",
    "+CNUM",
)  # the package's own list
_TEXT_MODE_CODES = (302, 303, 304, 305, None)  # what AT+CMGL=4 gets in text mode


class ModemEngine(GsmModem, ModemLink):  # type: ignore[misc]
    """One connection to one modem: set up, settings known, commands with their errors, SMS by slot."""

    def __init__(
        self,
        options: ModemOptions,
        *,
        surroundings: LinkSurroundings,
        ledger: PinLedger,
        on_fault: Callable[[], None],
    ) -> None:
        super().__init__(
            options.port,
            options.baud,
            requestDelivery=False,
            AT_CNMI="2,1,0,0,0",
            surroundings=surroundings,
            flow_control=options.flow_control,
            fatalErrorCallbackFunc=lambda _exc: on_fault(),
        )
        self._options = options
        self._ledger = ledger
        self._capacity: dict[str, Usage] = {}  # the memories in use, as they were at the start
        self._store = ""  # where new SMS go
        self._current = ""  # where we read and delete
        self._notification: list[int] | None = None  # AT+CNMI as read back once it was set
        self._list_suffix = ""
        self.profile: Profile = GENERIC
        self.identity: Identity | None = None
        self.has_acknowledgement = False  # AT+CSMS=1: a +CMT waits for our AT+CNMA

    # -- bring-up ------------------------------------------------------------------------------------------------------

    def connect(self, pin: str | None = None, waitingForModemToStartInSeconds: int = 0) -> None:
        """Open, bring up and set up; on any failure close and raise a ModemError. For one call."""
        self.deadline = self._clock.monotonic() + BRING_UP_LIMIT_S
        try:
            super().connect(pin)
            self._set_up()
            self.identity = self._identify()
            self.profile = profile_for(self.identity.manufacturer, self.identity.model)
            self._list_suffix = ",1" if self.profile.lists_without_marking else ""
            self.mark_settled()
        except BaseException as exc:
            self.close()
            if isinstance(exc, ModemError) or not isinstance(exc, Exception):
                raise
            raise self._explain(exc) from None  # the package's own messages may hold what was sent
        finally:
            self.deadline = None

    def _explain(self, exc: Exception) -> ModemError:
        if isinstance(exc, package_errors.TimeoutException):
            return CommandTimeout("AT", self._options.command_timeout_s)
        if isinstance(exc, package_errors.CommandError):
            return CommandError(str(exc.command), exc.code, "during the bring-up")
        return NotAModem(
            f"What is on {self.port} gives answers that no modem gives ({type(exc).__name__}); check the port and the speed."
        )

    @property
    def supportedCommands(self) -> list[str]:
        """What the package wants to know of AT+CLAC, or found by asking; with a limit, unlike the package's own."""
        try:
            lines = self.command("AT+CLAC", timeout_s=PROBE_TIMEOUT_S)
        except CommandError:
            return self._probe_commands()
        except CommandTimeout:
            return []
        listed = ",".join(lines).removeprefix("+CLAC:").split(",")
        return [name.strip().removeprefix("AT") for name in listed]

    def _probe_commands(self) -> list[str]:
        found = []
        for name in _PROBED:
            try:
                self.command(f"AT{name}=?", timeout_s=PROBE_TIMEOUT_S)
            except CommandError:
                continue
            except CommandTimeout:
                break  # this modem falls silent on what it does not know: ask no more
            found.append(name)
        return found

    def _unlockSim(self, pin: str | None) -> None:
        """Wait for the SIM; enter the PIN only when the SIM's own PIN is asked for, and only if it was not refused."""
        give_up_at = self._clock.monotonic() + SIM_LIMIT_S
        while (state := self._sim_state()) in ("NOT READY", "SIM BUSY"):
            if self._clock.monotonic() >= give_up_at:
                raise SimNotReady(
                    f"The SIM in {self.port} does not become ready; it is tried again, check its contacts."
                )
            self.pause(SIM_POLL_S)
        if state == "READY":
            return
        if state in ("SIM PUK", "SIM PUK2"):
            raise PukRequired(
                f"The SIM in {self.port} is locked; enter its PUK by hand in a phone."
            )
        if state != "SIM PIN":
            raise PinRequired(
                f"The SIM in {self.port} asks for something we never enter; use a SIM without that lock."
            )
        self._enter_pin(self._options.pin)

    def _sim_state(self) -> str:
        """Return what AT+CPIN? says, without its prefix."""
        try:
            lines: Sequence[str] = self.command("AT+CPIN?", timeout_s=15)
        except CommandTimeout as silence:
            lines = silence.lines  # Wavecom does not end this answer
        except CommandError as refusal:
            return self._sim_state_of(refusal)
        for line in lines:
            if line.startswith("+CPIN:"):
                return line[6:].strip().upper()
        raise CommandTimeout("+CPIN", 15)

    def _sim_state_of(self, refusal: CommandError) -> str:
        states = {
            11: "SIM PIN",
            12: "SIM PUK",
            14: "SIM BUSY",
            17: "SIM PIN2",
            18: "SIM PUK2",
            515: "SIM BUSY",
        }
        if refusal.code in (10, 13, 15):
            raise SimMissing(
                f"The modem on {self.port} finds no SIM that works ({refusal.sense}); insert one."
            )
        if refusal.code is None or refusal.code not in states:
            raise refusal
        return states[refusal.code]

    def _enter_pin(self, pin: str | None) -> None:
        if pin is None:
            raise PinRequired(
                f"The SIM in {self.port} asks for its PIN; configure it, or take the PIN off the SIM."
            )
        sim = self._sim_name()
        refused = PinRejected(
            f"The PIN for the SIM in {self.port} was refused or is in doubt; correct it, then run `smsgate modem forget-pin`."
        )
        if not self._ledger.may_try(sim, pin):
            raise refused
        self._ledger.note_attempt(sim, pin)
        try:
            self.command(f'AT+CPIN="{pin}"', timeout_s=15)
        except CommandError:
            self._ledger.note_refused(sim, pin)
            raise refused from None
        self._ledger.note_accepted(sim, pin)
        give_up_at = self._clock.monotonic() + SIM_LIMIT_S
        while self._sim_state() != "READY":
            if self._clock.monotonic() >= give_up_at:
                raise SimNotReady(
                    f"The SIM in {self.port} does not become ready after its PIN; it is tried again."
                )
            self.pause(SIM_POLL_S)

    def _sim_name(self) -> str:
        """Return what tells this SIM from others while it is locked; the device's IMEI where the SIM does not tell."""
        for ask in ("AT+CCID", "AT+QCCID", "AT^ICCID?", "AT+CGSN"):
            if digits := answers.read_digits(self._try(ask)):
                return digits
        return self.port

    def _set_up(self) -> None:
        """Give the modem the settings that we rely on, and read them back."""
        self.command("AT+CMGF=0")
        try:
            self.command("AT+CSMS=1")
            self.has_acknowledgement = True
        except CommandError:
            self.has_acknowledgement = False
        self._choose_memories()
        self._set_notification()
        self.assert_settings()

    def _choose_memories(self) -> None:
        """Find which of the configured memories exist; the first with room gets new SMS."""
        found: dict[str, Usage] = {}
        for memory in reversed(self._options.memories):  # so that the first one ends up selected
            try:
                used = answers.read_usage(self.command(f'AT+CPMS="{memory}","{memory}","{memory}"'))
            except CommandError:
                continue
            self._store = self._current = memory
            if used is not None and used[1] > 0:
                found[memory] = Usage(memory, *used)
        if not found:
            raise SettingsLost(
                f"The modem on {self.port} has none of the configured memories; see AT+CPMS=? for its own."
            )
        self._capacity = {
            memory: found[memory] for memory in self._options.memories if memory in found
        }
        first = next(iter(self._capacity))
        if self._store != first:
            self.command(f'AT+CPMS="{first}","{first}","{first}"')
            self._store = self._current = first

    def _set_notification(self) -> None:
        """Have new SMS stored and announced. Where that cannot be had the poll finds them; handed over directly is worse."""
        for choice in self.profile.notifications:
            try:
                self.command(f"AT+CNMI={choice}")
            except CommandError:
                continue
            self._notification = self._read_notification()
            if self._notification is None or self._notification[1:2] == [1]:
                return
        self._notification = self._read_notification()
        if self._notification is not None and self._notification[1:2] not in ([0], [1]):
            raise SettingsLost(
                f"The modem on {self.port} insists on handing SMS over unstored; set AT+CNMI by hand."
            )
        self._log("modem_announces_nothing", {})

    def _read_notification(self) -> list[int] | None:
        return answers.read_numbers(self._try("AT+CNMI?"), "+CNMI")

    def assert_settings(self) -> None:
        """Read the settings back and compare; raises SettingsLost."""
        mode = answers.read_numbers(self._try("AT+CMGF?"), "+CMGF")
        memories = answers.read_memories(self._try("AT+CPMS?"))
        wrong = []
        if mode is not None and mode[:1] != [0]:
            wrong.append("PDU mode")
        if self._read_notification() != self._notification:
            wrong.append("notification")
        if memories and (memories[0], memories[-1]) != (self._current, self._store):
            wrong.append("memories")
        if self.has_echo:
            wrong.append("echo")
        if wrong:
            raise SettingsLost(
                f"The modem on {self.port} has lost its settings ({', '.join(wrong)}); it is set up again."
            )

    def _identify(self) -> Identity:
        maker, model = (
            answers.read_text(self._try("AT+CGMI")),
            answers.read_text(self._try("AT+CGMM")),
        )
        iccid = None
        for ask in profile_for(maker, model).iccid_commands:
            iccid = iccid or answers.read_digits(self._try(ask))
        return Identity(
            manufacturer=maker,
            model=model,
            revision=answers.read_text(self._try("AT+CGMR")),
            imei=answers.read_digits(self._try("AT+CGSN")) or "",
            imsi=answers.read_digits(self._try("AT+CIMI")),
            iccid=iccid,
            smsc=self._smscNumber,
        )

    # -- commands ------------------------------------------------------------------------------------------------------

    def command(self, text: str, *, timeout_s: float | None = None) -> list[str]:
        """Send one command line; return its answer without the final OK. "Busy" is waited for, other errors are raised."""
        lines = self.exchange(text, timeout_s=timeout_s or self._options.command_timeout_s)
        if lines[-1] == "OK":
            return lines[:-1]
        return self._insist(text, lines, timeout_s or self._options.command_timeout_s)

    def _insist(self, text: str, lines: list[str], timeout_s: float) -> list[str]:
        """Repeat a command that was refused for being busy, until it works, fails, or BUSY_LIMIT_S are over."""
        give_up_at = self._clock.monotonic() + BUSY_LIMIT_S
        pause_s, longest_s = BUSY_PAUSE_S
        while lines[-1] != "OK":
            refused = answers.read_error(lines[-1])
            if (refused.family, refused.code) not in _BUSY or self._clock.monotonic() >= give_up_at:
                raise _command_error(text, refused)
            self.pause(pause_s)
            pause_s = min(longest_s, pause_s * 2)
            lines = self.exchange(text, timeout_s=timeout_s)
        return lines[:-1]

    def _try(self, text: str) -> list[str]:
        """Ask for what a modem may not know; no lines then."""
        try:
            return self.command(text)
        except CommandError:
            return []

    def write(
        self,
        data: str,
        waitForResponse: bool = True,
        timeout: float = 10,
        parseError: bool = True,
        writeTerm: str = "\r",
        expectedResponseTermSeq: str | None = None,
    ) -> list[str]:
        """The package's way to ask: its exceptions instead of ours, and answers that it can read."""
        assert waitForResponse
        assert writeTerm == "\r"
        assert expectedResponseTermSeq is None
        name = Exchange(
            data
        ).name  # never the command itself: it may hold a PIN, and exceptions are logged
        try:
            return [*_legible(data, self.command(data, timeout_s=timeout)), "OK"]
        except CommandTimeout:
            raise package_errors.TimeoutException from None
        except CommandError as refusal:
            if not parseError:
                return ["ERROR"]
            if refusal.code is None:
                raise package_errors.CommandError(name) from None
            raise package_errors.CmsError(name, refusal.code) from None

    def resync(self) -> None:
        """Make sure of the line, and that the same device is still on it."""
        super().resync()
        if self.identity is None or not self.identity.imei:
            return
        found = answers.read_digits(
            self._transact(Exchange("AT+CGSN"), self._options.command_timeout_s).lines
        )
        if found is not None and found != self.identity.imei:
            raise LinkDown(f"Another modem is on {self.port} now; it is set up anew.")

    # -- messages ------------------------------------------------------------------------------------------------------

    @property
    def memories(self) -> tuple[str, ...]:
        """The memories in use, the one that is selected now first: it costs no switching."""
        return tuple(sorted(self._capacity, key=lambda memory: memory != self._current))

    def select(self, memory: str) -> None:
        """Make that the memory we read and delete in; new SMS go where they went before."""
        if memory != self._current:
            self._current = ""  # not known until the modem has said OK
            self.command(f'AT+CPMS="{memory}","{self._store}","{self._store}"')
            self._current = memory

    def list_raw(self, memory: str) -> tuple[list[Pair], Usage]:
        """List a memory; damaged pairs are read again one by one. Raises SettingsLost when it makes no sense."""
        self.select(memory)
        total = self._capacity[memory].total
        for _ in range(2):
            reading = answers.read_listing(
                self._list(LIST_TIMEOUT_S + total * LIST_TIMEOUT_PER_SLOT_S)
            )
            if reading.is_text_mode:
                raise SettingsLost(
                    f"The modem on {self.port} is back in text mode; it is set up again."
                )
            if not reading.has_orphan:
                break
        else:
            self.mark_dirty()
            raise SettingsLost(
                f"The listings of the modem on {self.port} are in disorder; it is set up again."
            )
        pairs = [pair if pair.pdu is not None else self._read_again(pair) for pair in reading.pairs]
        found = [pair for pair in pairs if pair is not None]
        return found, Usage(memory, len(found), total)

    def _list(self, timeout_s: float) -> list[str]:
        try:
            return self.command(f"AT+CMGL=4{self._list_suffix}", timeout_s=timeout_s)
        except CommandError as refusal:
            if refusal.code == EMPTY_SLOT:
                return []  # how some modems say that there is nothing
            if self._list_suffix:
                self._list_suffix = ""  # the profile promised more than this one knows
                return self._list(timeout_s)
            if refusal.code in _TEXT_MODE_CODES:
                self.assert_settings()
            raise

    def _read_again(self, damaged: Pair) -> Pair | None:
        """Read one slot by itself; None when it is empty, the damaged pair when it is no better now."""
        again = self.read(damaged.index)
        if again is None or again.pdu is not None:
            return again
        return again if again.octets else damaged

    def read(self, index: int) -> Pair | None:
        """Read one slot of the selected memory; None when it is empty."""
        try:
            lines = self.command(f"AT+CMGR={index}", timeout_s=LIST_TIMEOUT_S)
        except CommandError as refusal:
            if refusal.code in (EMPTY_SLOT, 22):
                return None
            raise
        if answers.is_text_mode_answer(lines):
            raise SettingsLost(
                f"The modem on {self.port} is back in text mode; it is set up again."
            )
        return answers.read_one(lines, index)

    def delete_slots(self, indices: Sequence[int]) -> bool:
        """Delete slots of the selected memory in one command line; whether the modem said OK to all."""
        line = "AT" + ";".join(f"+CMGD={index}" for index in indices)
        try:
            self.command(line, timeout_s=DELETE_TIMEOUT_S)
        except CommandError:
            return False
        return True

    def acknowledge(self) -> None:
        """Tell the network that a message handed over directly is safe."""
        if self.has_acknowledgement:
            self._try("AT+CNMA")

    def read_usage(self, memory: str) -> Usage:
        """Ask how full a memory is."""
        if memory == self._current:
            used = answers.read_usage(self.command("AT+CPMS?"))
        else:
            self._current = ""
            used = answers.read_usage(
                self.command(f'AT+CPMS="{memory}","{self._store}","{self._store}"')
            )
            self._current = memory
        if used is None:
            raise CommandError("+CPMS", None, "its answer has no numbers")
        return Usage(memory, *used)

    def submit(self, pdu: SubmitPdu) -> int:
        """Submit one SMS; return its TP-MR. Prompt and body are one step: nothing can come between them.

        SubmitRejected and every other ModemError but one: it was not sent. SubmitUnknown: it may have been.
        """
        with self._txLock:
            if self._is_dirty:
                self.resync()
            self._ask_for_prompt(pdu.tpdu_length)
            body = Exchange(pdu.octets.hex().upper(), prefix="+CMGS")
            try:
                lines = self._transact(body, SUBMIT_TIMEOUT_S, end=CTRL_Z).lines
            except (CommandTimeout, LinkDown, ModemRebooted):
                raise SubmitUnknown(
                    "The modem took the SMS and gave no answer; it may have been sent."
                ) from None
        reference = answers.read_numbers(lines, "+CMGS")
        if lines[-1] == "OK" and reference:
            return reference[0]
        refused = answers.read_error(lines[-1])
        if lines[-1] == "OK" or refused.code == NETWORK_TIMEOUT:
            raise SubmitUnknown(
                "The network gave no clear answer about the SMS; it may have been sent."
            )
        raise SubmitRejected(refused.code, refused.sense)

    def _ask_for_prompt(self, tpdu_length: int) -> None:
        asked = Exchange(f"AT+CMGS={tpdu_length}", wants_prompt=True)
        try:
            self._transact(asked, PROMPT_TIMEOUT_S)
        except CommandTimeout:
            # it may still come, and would make every later command part of an SMS
            self._send(ESC)
            raise SubmitRejected(None, "the modem did not ask for it") from None
        if not asked.has_prompt:
            refused = answers.read_error(asked.lines[-1])
            raise SubmitRejected(refused.code, refused.sense)

    # -- what the package has and nobody may use -----------------------------------------------------------------------

    def _handleModemNotification(self, lines: list[str]) -> None:
        """The package would start a thread here; our URCs never come this way."""
        self._closed(lines)

    def _closed(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            "this path of the package loses messages: use hardware.modem.Modem"
        )


def _close_paths(names: Sequence[str]) -> None:
    for name in names:
        setattr(ModemEngine, name, ModemEngine._closed)
    ModemEngine.smsTextMode = property(lambda _self: False, ModemEngine._closed)


CLOSED_PATHS = (
    "listStoredSms",
    "readStoredSms",
    "processStoredSms",
    "deleteStoredSms",
    "deleteMultipleStoredSms",
    "sendSms",
    "sendUssd",
    "dial",
    "waitForNetworkCoverage",
)
_close_paths(CLOSED_PATHS)


def _command_error(text: str, refused: RefusedAnswer) -> CommandError:
    return CommandError(Exchange(text).name, refused.code, refused.sense)


def _legible(command: str, lines: list[str]) -> list[str]:
    """Return the lines, or raise CommandError where the package would trip over them with whatever comes."""
    wanted = {"AT+CFUN?": "+CFUN: ", "AT+WIND?": "+WIND: ", "AT+CPMS=?": "+CPMS: ("}.get(command)
    if wanted is None:
        return lines
    for line in lines:
        if line.startswith(wanted) and line[len(wanted) : len(wanted) + 1].strip():
            if command != "AT+CPMS=?" or all(
                '"SM"' in part or '"ME"' in part for part in line.split("),(")
            ):
                return lines
    raise CommandError(
        command[2:-1].rstrip("="), None, "its answer is not what the package expects"
    )
