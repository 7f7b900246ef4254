"""ModemEngine: the bring-up and error handling of python-gsmmodem-new over our transport, and our own way with SMS.

One object serves one connection: the package keeps state that outlives a failed connect(). Its receiving and sending
paths lose or mix up messages, each in its own way, so they are closed here; nobody may open them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from gsmmodem import exceptions as package_errors
from gsmmodem.modem import GsmModem

from . import answers
from .answers import Pair, RefusedAnswer
from .chaining import Chaining, delete_line
from .dialogue import Exchange
from .errors import (
    CardBusy,
    CommandError,
    CommandTimeout,
    LinkDown,
    ModemError,
    ModemRebooted,
    NotAModem,
    SettingsLost,
    SubmitRejected,
    SubmitUnknown,
    WrongModem,
    is_surely_unsent,
)
from .facts import Identity, Usage
from .identity import identify, read_iccid, read_smsc
from .link import ESC, LinkSurroundings, ModemLink
from .pin import PinLedger, SimLock
from .profiles import GENERIC, Profile, profile_for
from .settings import MessageSettings
from .sms import Slot, SubmitPdu

BRING_UP_LIMIT_S = 30.0
BUSY_LIMIT_S = 30.0  # how long "SIM busy" and "please wait" are believed
BUSY_PAUSE_S = (0.1, 1.0)  # first, longest
PROBE_TIMEOUT_S = 2.0  # of commands whose answer only says whether they exist
LIST_TIMEOUT_S = 60.0
LIST_TIMEOUT_PER_SLOT_S = 1.0  # a SIM read by a slow modem at 9600 baud takes half of it
CARD_PATIENCE = 2  # what reads or writes the SIM may take so many command timeouts
EMPTY_SLOT = 321
ANSWER_REST_S = 2.0  # after the SMSC's answer has begun
READ_AGAIN_TRIES = 3  # of a damaged slot: noise comes in bursts
CTRL_Z = "\x1a"

_BUSY = {("E", 14), ("E", 515), ("S", 14), ("S", 314), ("S", 515)}
BUSY_CODES = frozenset(code for _, code in _BUSY)
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
# what the package takes for fatal when it is refused, and we can do without or do ourselves afterwards
_SUFFERED = ("AT+CMEE=1", "AT+CGMI", 'AT+CPMS="')
_SIM_CODES = (310, 311, 312, 313, 314, 315, 316, 10, 11, 12, 13, 14, 15)  # no card to list


class ModemEngine(GsmModem, ModemLink):
    """One connection to one modem: set up, settings known, commands with their errors, SMS by slot."""

    def __init__(
        self,
        surroundings: LinkSurroundings,
        *,
        ledger: PinLedger,
        on_fault: Callable[[], None],
    ) -> None:
        options = surroundings.options
        assert options.port is not None  # Modem has found it
        super().__init__(
            options.port,
            options.baud,
            requestDelivery=False,
            AT_CNMI="2,1,0,0,0",
            surroundings=surroundings,
            fatalErrorCallbackFunc=lambda _exc: on_fault(),
        )
        self._ledger = ledger
        self.settings = MessageSettings(self, options.memories)
        self._list_suffix = ""
        self._card_timeout_s = CARD_PATIENCE * options.command_timeout_s
        self.profile: Profile = GENERIC
        self.chaining = Chaining()
        self.identity: Identity | None = None

    # -- bring-up ------------------------------------------------------------------------------------------------------

    def connect(self, pin: str | None = None, waitingForModemToStartInSeconds: int = 0) -> None:
        """Open, bring up and set up; on any failure close and raise a ModemError. For one call."""
        assert not waitingForModemToStartInSeconds  # the synchronisation waits for it
        self.deadline = self._clock.monotonic() + BRING_UP_LIMIT_S
        try:
            super().connect(pin)  # type: ignore[call-arg]  # the untyped package comes first
            self.settings.apply()
            self.identity = identify(self.ask)
            self.profile = profile_for(self.identity.manufacturer, self.identity.model)
            self.chaining = Chaining(is_documented=self.profile.chains_deletes)
            self._list_suffix = ",1" if self.profile.lists_without_marking else ""
            if self._options.wants_reports:
                self.settings.route_reports(self.profile.report_routes)
            self.mark_settled()
        except BaseException as exc:
            self.close()
            if isinstance(exc, ModemError) or not isinstance(exc, Exception):
                raise
            raise self._explain(exc) from None  # the package's own messages may hold what was sent
        finally:
            self.deadline = None

    def _meet(self) -> None:
        """Let nothing but the configured modem through: another one's settings and SIM are not ours to touch."""
        wanted = self._options.imei
        if wanted is None:
            return
        found = answers.read_digits(self.command("AT+CGSN"))
        if found is None:
            raise NotAModem(
                f"What is on {self.port} does not tell its IMEI; check that this is the AT port."
            )
        if not answers.is_same_imei(wanted, found):
            raise WrongModem(
                f"Another modem is on {self.port} than the configured one; it is not used. "
                "Plug the right one in, or correct `imei`.",
                found,
            )

    def _explain(self, exc: Exception) -> ModemError:
        if isinstance(exc, package_errors.TimeoutException):
            return CommandTimeout("AT", self._options.command_timeout_s)
        if isinstance(exc, package_errors.CommandError):
            return CommandError(str(exc.command), exc.code, "during the bring-up")
        return NotAModem(
            f"What is on {self.port} answers as no modem does ({type(exc).__name__}); check the port and the speed."
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

    def _unlockSim(self, _pin: str | None) -> None:
        """Have the SIM unlocked our way: the package sends the PIN whatever the modem asks for."""
        lock = SimLock(
            lambda text, timeout_s: self.command(text, timeout_s=timeout_s),
            port=self.port,
            pin=self._options.pin,
            ledger=self._ledger,
            clock=self,
        )
        lock.unlock()

    def monotonic(self) -> float:
        """Return the time that the engine's limits are kept by."""
        return self._clock.monotonic()

    def restart(self) -> None:
        """Have the device restart. Needs no bring-up: where the port is not open, it is opened for this alone."""
        if not self.alive:
            super(GsmModem, self).connect()
        self.command("AT+CFUN=1,1")

    # -- commands ------------------------------------------------------------------------------------------------------

    def command(
        self, text: str, *, timeout_s: float | None = None, silence_s: float | None = None
    ) -> list[str]:
        """Send one command line and return its answer without the final OK. "Busy" is waited for, an error raised."""
        lines = self.exchange(
            text, timeout_s=timeout_s or self._options.command_timeout_s, silence_s=silence_s
        )
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

    def ask(self, text: str) -> list[str]:
        """Ask for what a modem may not know; no lines then."""
        try:
            return self.command(text)
        except CommandError:
            return []

    def write(  # type: ignore[override]  # GsmModem's signature, which differs from its own base's
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
        assert timeout >= 10  # the package's usual limit; ours counts
        assert writeTerm == "\r"
        assert expectedResponseTermSeq is None
        name = Exchange(
            data
        ).name  # never the command itself: it may hold a PIN, and exceptions are logged
        if data.startswith("AT+CSCA=") and read_smsc(self.ask("AT+CSCA?")):
            # The package puts back what it read first; read wrongly, that would be on the SIM from then on.
            return ["OK"]
        try:
            return [*answers.legible(data, self.command(data)), "OK"]
        except CommandTimeout:
            raise package_errors.TimeoutException from None
        except CommandError as refusal:
            if not parseError or data.startswith(_SUFFERED):
                return ["ERROR"]
            if refusal.code is None:
                raise package_errors.CommandError(name) from None
            raise package_errors.CmsError(name, refusal.code) from None

    def assert_settings(self) -> None:
        """Read the settings back and compare; raises SettingsLost."""
        wrong = self.settings.differences()
        if self._dialogue.has_echo:
            wrong.append("echo")
        if wrong:
            raise SettingsLost(
                f"The modem on {self.port} has lost its settings ({', '.join(wrong)}); it is set up again."
            )

    def assert_sim(self) -> None:
        """Compare the SIM with the one that was found when the modem was brought up; raises SettingsLost."""
        known = self.identity.iccid if self.identity is not None else None
        if known is not None and read_iccid(self.ask, self.profile) != known:
            raise SettingsLost(
                f"The modem on {self.port} has another SIM than before, or none; it is set up again."
            )

    def resync(self) -> None:
        """Make sure of the line, and that the same device is on it, with the memory selected that we take it to have.

        It may have restarted unheard, and an index names another SMS in another memory.
        """
        super().resync()
        if self.identity is None:
            return
        limit_s = self._options.command_timeout_s
        found = answers.read_digits(self._transact(Exchange("AT+CGSN"), limit_s).lines)
        if found is not None and self.identity.imei and found != self.identity.imei:
            self.mark_dirty()  # whoever goes on all the same is told again
            raise LinkDown(f"Another modem is on {self.port} now; it is set up anew.")
        memories = self._transact(Exchange("AT+CPMS?"), limit_s).lines
        if self._dialogue.has_echo or not self.settings.is_selection(memories):
            self.mark_dirty()
            raise SettingsLost(
                f"The modem on {self.port} has lost its settings while it made no sense; it is set up again."
            )

    # -- messages ------------------------------------------------------------------------------------------------------

    def list_raw(self, memory: str) -> tuple[list[Pair], Usage, bool]:
        """List a memory: its pairs, its usage, and whether nothing was passed over for noise.

        Damaged pairs are read again one by one. Raises SettingsLost when it makes no sense.
        """
        self.settings.select(memory)
        total = self.settings.capacity[memory].total
        for _ in range(2):
            reading = self._list(total)
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
        is_whole = reading.is_whole and all(pair.pdu is not None for pair in reading.pairs)
        return found, Usage(memory, len(found), total), is_whole

    def _list(self, total: int) -> answers.Reading:
        try:
            lines = self.command(
                f"AT+CMGL=4{self._list_suffix}",
                timeout_s=LIST_TIMEOUT_S + total * LIST_TIMEOUT_PER_SLOT_S,
                silence_s=self._card_timeout_s,
            )
        except CommandError as refusal:
            if refusal.code == EMPTY_SLOT:
                return answers.Reading()  # how some modems say that there is nothing
            if self._list_suffix:
                self._list_suffix = ""  # the profile promised more than this one knows
                return self._list(total)
            if refusal.code in _SIM_CODES:
                raise
            self.assert_settings()  # in text mode it is refused too
            return self._list_one_by_one(total)
        return answers.read_listing(lines)

    def _list_one_by_one(self, total: int) -> answers.Reading:
        """Read every slot by itself, where one that cannot be read ends the modem's own listing."""
        self._log("modem_list_refused", {"slots": total})
        reading = answers.Reading()
        for index in range(total + 1):  # some count from 0
            try:
                pair = self.read(index)
            except CommandError:
                reading.is_whole = False
                continue
            if pair is not None:
                reading.pairs.append(pair)
        return reading

    def _read_again(self, damaged: Pair) -> Pair | None:
        """Read one slot by itself until it is whole, or the same twice: then it stands so on the SIM.

        None when it is empty, and when each reading differs: that is noise on the line, and the next listing shows it.
        """
        seen = {damaged.octets} - {b""}
        for _ in range(READ_AGAIN_TRIES):
            again = self.read(damaged.index)
            if again is None or again.pdu is not None:
                return again
            if again.octets in seen:
                return again if again.octets else damaged
            seen.add(again.octets)
        self._log("modem_slot_unreadable", {"index": damaged.index})
        return None

    def read(self, index: int) -> Pair | None:
        """Read one slot of the selected memory; None when it is empty."""
        try:
            lines = self.command(f"AT+CMGR={index}", timeout_s=self._card_timeout_s)
        except CommandError as refusal:
            if refusal.code in (EMPTY_SLOT, 22):
                return None
            raise
        if answers.is_text_mode_answer(lines):
            raise SettingsLost(
                f"The modem on {self.port} is back in text mode; it is set up again."
            )
        return answers.read_one(lines, index)

    def delete_slots(self, slots: Sequence[Slot]) -> bool:
        """Delete slots of the selected memory in one command line; whether the modem said OK to all.

        Raises CardBusy at once: the rest can wait for a better moment, and what comes in cannot.
        """
        line, times = delete_line(slots), len(slots)
        answer = self.exchange(line, timeout_s=self._card_timeout_s * times, times=times)[-1]
        refused = answers.read_error(answer)
        if answer != "OK" and (refused.family, refused.code) in _BUSY:
            raise CardBusy(f"The SIM in {self.port} is busy; its slots are freed later.")
        return answer == "OK"

    def acknowledge(self) -> bool:
        """Tell the network that a message handed over directly is safe; False where nobody waits for that any more."""
        if not self.settings.has_acknowledgement:
            return True
        try:
            self.command("AT+CNMA")
        except CommandError:
            return False
        return True

    def is_in_step(self) -> bool:
        """Whether answers belong to their commands, by one proof and nothing heard beside it."""
        with self._txLock:
            if self._prove(self._options.command_timeout_s) and not self._dialogue.is_dirty:
                return True
        self.mark_dirty()
        return False

    def make_sure(self) -> None:
        """Prove now that answers belong to their commands, where that is in doubt."""
        with self._txLock:
            if self._dialogue.is_dirty:
                self.resync()

    def submit(self, pdu: SubmitPdu) -> int:
        """Submit one SMS; return its TP-MR. Prompt and body are one step: nothing can come between them.

        SubmitRejected and every other ModemError but one: it was not sent. SubmitUnknown: it may have been.
        """
        with self._txLock:
            if self._dialogue.is_dirty:
                self.resync()
            self._ask_for_prompt(pdu.tpdu_length)
            body = Exchange(pdu.octets.hex().upper(), prefix="+CMGS", is_slow=True)
            limit_s = self._options.submit_timeout_s
            try:
                self._transact(body, limit_s, end=CTRL_Z, silence_s=ANSWER_REST_S)
            except (CommandTimeout, LinkDown, ModemRebooted):
                reference = answers.read_numbers(body.lines, "+CMGS")
                if reference:
                    return reference[0]  # the SMSC has it; the OK was lost
                raise SubmitUnknown(
                    "The modem took the SMS and gave no answer; it may have been sent."
                ) from None
        lines = body.lines
        reference = answers.read_numbers(lines, "+CMGS")
        if lines[-1] == "OK" and reference:
            return reference[0]
        refused = answers.read_error(lines[-1])
        if lines[-1] == "OK" or not is_surely_unsent(refused.family, refused.code):
            shown = refused.sense if refused.code is None else f"{refused.code}, {refused.sense}"
            raise SubmitUnknown(
                f"The modem gave no clear answer about the SMS ({shown}); it may have been sent."
            )
        raise SubmitRejected(refused.code, refused.sense)

    def _ask_for_prompt(self, tpdu_length: int) -> None:
        asked = Exchange(f"AT+CMGS={tpdu_length}", wants_prompt=True)
        try:
            self._transact(asked, self._options.prompt_timeout_s)
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
    "listStoredSms", "readStoredSms", "processStoredSms", "deleteStoredSms", "deleteMultipleStoredSms",
    "sendSms", "sendUssd", "dial", "waitForNetworkCoverage",
)  # fmt: skip
_close_paths(CLOSED_PATHS)


def _command_error(text: str, refused: RefusedAnswer) -> CommandError:
    return CommandError(Exchange(text).name, refused.code, refused.sense)
