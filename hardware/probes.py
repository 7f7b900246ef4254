"""The thin part of the diagnosis: looks at the port, listens, asks; each answer goes to its judge in `diagnosis`."""

from __future__ import annotations

import getpass
import grp
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from . import diagnosis as d
from . import inspection
from .answers import is_same_imei, read_digits, read_numbers
from .diagnosis import Expected, Finding, Loop, PortSight, Voice
from .discovery import holders
from .errors import CommandTimeout, LinkDown, ModemError, ModemRebooted, NotAModem, PortBusy
from .loop import send_to_self
from .ports import Port, find_port, list_ports, siblings, udev_rules
from .settings import ANNOUNCEMENTS
from .terminal import Channel, ChannelRefused, Limits, Terminal, ask_lines
from .urc import UrcKind, kind_of
from .ussd import ask_ussd

SPEEDS = (115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600)
SPEEDLESS = frozenset(
    ("cdc_acm", "option", "option1", "qcserial", "sierra", "huawei")
)  # no UART behind
# adapters with several UARTs, and behind each perhaps another modem
BRIDGES = frozenset(
    ("ftdi_sio", "cp210x", "pl2303", "ch341-uart", "mos7840", "mxuport", "f81534", "xr_serial")
)


class Waits(Struct, frozen=True):
    """How long the diagnosis waits."""

    silence_s: float = 3.0  # of a modem at its configured speed
    other_silence_s: float = 0.9  # at another speed, on another interface
    answer_s: float = 10.0
    steady_s: float = 2.0  # listening for restarts
    breakdown_s: float = 8.0  # the same, once it stopped answering
    ussd_s: float = 30.0
    loop_s: float = 120.0


class Surroundings(Struct, frozen=True):
    """The machine around the port; a test makes one of its own."""

    root: Path = Path("/")
    waits: Waits = field(default_factory=Waits)
    may_open: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
    open_terminal: Callable[[str, int, Limits], Terminal] = lambda path, baud, limits: Terminal(
        path, baud=baud, limits=limits
    )
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def look_at(path: str, around: Surroundings, *, neighbours: Collection[str] = ()) -> PortSight:
    """Return what can be seen of a port without opening it; ports of `neighbours` are not offered in its place."""
    root = around.root
    here = root / path.lstrip("/")
    if not here.exists():
        free = _leave_out(list_ports(root), neighbours, root)
        return PortSight(
            path,
            exists=False,
            others=tuple(_best_name(port) for port in free if port.usb is not None),
            built_in=tuple(_best_name(port) for port in free if port.usb is None),
        )
    facts = here.stat()
    port = find_port(path, root)
    proc = root / "proc"
    rules = udev_rules(port, name="m1") if port is not None else []
    return PortSight(
        path=path,
        is_device=stat.S_ISCHR(facts.st_mode),
        may_open=around.may_open(here),
        group=_group_name(facts.st_gid) if _may_group_help(facts) else "",
        user=_user_name(),
        holders=tuple(holders(here, proc=proc)),
        is_modem_manager_running=_is_running("ModemManager", proc),
        is_ignored_by_modem_manager=port is not None and port.is_ignored_by_modem_manager,
        interface=port.usb.interface if port is not None and port.usb is not None else None,
        udev_rule=rules[0] if rules else "",
    )


def _leave_out(ports: Iterable[Port], paths: Collection[str], root: Path) -> list[Port]:
    """Return the ports that none of these names leads to."""
    names = {(root / path.lstrip("/")).resolve().name for path in paths}
    return [port for port in ports if Path(port.path).name not in names]


def _best_name(port: Port) -> str:
    """Return the name that stays, where there is one."""
    return (port.links or (port.path,))[0]


def _may_group_help(facts: os.stat_result) -> bool:
    """Say whether a member of the port's group may open it; root's group is for nobody to join."""
    return facts.st_gid != 0 and facts.st_mode & 0o060 == 0o060


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _is_running(name: str, proc: Path) -> bool:
    for entry in proc.glob("[0-9]*/comm"):
        try:
            if entry.read_text().strip() == name:
                return True
        except OSError:
            continue
    return False


class Doctor:
    """One examination. `channel` is the daemon's where it holds the port; else the port is opened here."""

    def __init__(
        self,
        path: str,
        expected: Expected,
        *,
        around: Surroundings | None = None,
        channel: Channel | None = None,
    ) -> None:
        self._path = path
        self._expected = expected
        self._around = around or Surroundings()
        self._waits = self._around.waits
        self._daemon = channel
        self._terminal: Terminal | None = None
        self._restarts = 0
        self._heard = 0
        self._has_failed = False

    def examine(self) -> Iterator[Finding]:
        """Yield findings, from the cable to the network, until the last check or a final finding."""
        try:
            for finding in self._check_all():
                self._has_failed |= finding.level is d.Level.FAILURE
                yield finding
                if finding.is_final:
                    return
        except ChannelRefused as refused:
            yield Finding(
                "answer", d.Level.FAILURE, "daemon_refused", {"reason": str(refused)}, True
            )
        except ModemError as error:
            yield self._break_down(error)
        finally:
            if self._terminal is not None:
                self._terminal.close()

    def _check_all(self) -> Iterator[Finding]:
        seen = look_at(self._path, self._around, neighbours=self._expected.neighbours)
        is_daemon = self._daemon is not None
        yield d.judge_port(seen)
        yield d.judge_permission(seen) if not is_daemon else _granted(seen)
        yield d.judge_holder(seen, is_daemon=is_daemon)
        yield d.judge_modem_manager(seen)
        yield from self._check_line(seen)
        channel: Channel | None = self._daemon or self._terminal
        assert channel is not None
        self._heard, _ = channel.heard(0)
        yield from self._check_manners()
        yield from self._check_device(channel)
        yield from self._check_paid(channel)
        yield d.judge_clock(inspection.read_clock(channel), self._around.now(), self._expected)
        yield d.judge_steady(self._count_restarts(self._waits.steady_s))

    # -- the line

    def _check_line(self, seen: PortSight) -> Iterator[Finding]:
        if self._daemon is not None:
            self._daemon.ask("AT")
            yield from d.judge_voice(Voice(answers=True), seen, self._expected)
            return
        try:
            voice = self._listen(seen)
        except PortBusy as busy:
            names = tuple(busy.holders) or ((0, "?"),)
            yield d.judge_holder(PortSight(seen.path, holders=names), is_daemon=False)
            return
        yield from d.judge_voice(voice, seen, self._expected)

    def _listen(self, seen: PortSight) -> Voice:
        """Open the port and keep it open if a modem answers; else look for where one does."""
        terminal, restarts = self._try(self._path, self._expected.baud, self._waits.silence_s)
        if terminal is not None:
            self._terminal = terminal
            return Voice(answers=True)
        if restarts:
            return Voice(answers=False, restarts=restarts)
        port = find_port(seen.path, self._around.root)
        if port is not None:
            is_ours = partial(self._is_ours, is_one_device=port.driver not in BRIDGES)
            others = siblings(port, list_ports(self._around.root))
            for other in _leave_out(others, self._expected.neighbours, self._around.root):
                if self._answers(other.path, self._expected.baud, is_ours):
                    return Voice(answers=False, other_port=_best_name(other))
        if port is None or port.driver not in SPEEDLESS:
            for speed in SPEEDS:
                if speed != self._expected.baud and self._answers(seen.path, speed):
                    return Voice(answers=False, other_speed=speed)
        return Voice(answers=False)

    def _answers(
        self, path: str, baud: int, accepts: Callable[[Terminal], bool] = lambda _terminal: True
    ) -> bool:
        """Say whether a modem answers there that is accepted."""
        try:
            terminal, _ = self._try(path, baud, self._waits.other_silence_s)
            if terminal is None:
                return False
            try:
                return accepts(terminal)
            finally:
                terminal.close()
        except ModemError:
            return False

    def _is_ours(self, terminal: Terminal, *, is_one_device: bool) -> bool:
        """Say whether what answers on another port of the adapter is the modem that is examined."""
        expected = self._expected
        imei = read_digits(ask_lines(terminal, "AT+CGSN"))
        if imei is not None and expected.imei is not None:
            return is_same_imei(expected.imei, imei)
        is_other = imei is not None and any(
            is_same_imei(other, imei) for other in expected.neighbour_imeis
        )
        return is_one_device and not is_other

    def _try(self, path: str, baud: int, silence_s: float) -> tuple[Terminal | None, int]:
        """Return an open terminal, or None and how often the modem was heard to start."""
        limits = Limits(silence_s, self._waits.answer_s)
        terminal = self._around.open_terminal(path, baud, limits)
        try:
            terminal.open()
        except (NotAModem, LinkDown, ModemRebooted):
            return None, _restarts_in(terminal.heard(0)[1])
        return terminal, 0

    def _break_down(self, error: ModemError) -> Finding:
        """Find out what it means that a modem that had answered no longer does."""
        if isinstance(error, ModemRebooted):
            self._restarts += 1
        elif isinstance(error, CommandTimeout | LinkDown):
            self._count_restarts(self._waits.breakdown_s)
        else:
            return Finding("answer", d.Level.FAILURE, "trouble", {"reason": str(error)}, True)
        is_there = (self._around.root / self._path.lstrip("/")).exists()
        return d.judge_breakdown(restarts=self._restarts, is_port_there=is_there)

    def _count_restarts(self, for_s: float) -> int:
        """Listen so long, or until the modem says that it has started; return how often it did in all."""
        channel = self._daemon or self._terminal
        assert channel is not None
        give_up_at = time.monotonic() + for_s
        while True:
            left_s = max(0.0, give_up_at - time.monotonic())
            self._heard, lines = channel.heard(self._heard, wait_s=left_s)
            self._restarts += _restarts_in(lines)
            if self._restarts or left_s <= 0:
                return self._restarts

    # -- the modem

    def _check_manners(self) -> Iterator[Finding]:
        """Tell it what the driver tells it, and see whether it does so. On the daemon's line that was done."""
        terminal = self._terminal
        if terminal is None:
            return
        has_echo = not terminal.silence_echo()
        terminal.ask("AT+CMEE=1")
        before = read_numbers(ask_lines(terminal, "AT+CMGF?"), "+CMGF")
        is_refused = terminal.ask("AT+CMGF=0")[-1] != "OK"
        after = read_numbers(ask_lines(terminal, "AT+CMGF?"), "+CMGF")
        yield d.judge_manners(
            has_echo=has_echo, was_text_mode=before == [1], is_text_mode=is_refused or after == [1]
        )

    def _check_device(self, channel: Channel) -> Iterator[Finding]:
        device = inspection.read_device(channel)
        yield d.judge_identity(device, self._expected)
        card = inspection.read_card(channel, device)
        yield d.judge_sim(card)
        yield d.judge_pin(card, self._expected)
        if (same := d.judge_same_sim(card, self._expected)) is not None:
            yield same
        network = inspection.read_network(channel)
        yield d.judge_registration(network)
        if network.registration.is_registered or network.signal.dbm is not None:
            yield d.judge_signal(network)
        if (operator := d.judge_operator(network)) is not None:
            yield operator
        yield d.judge_smsc(inspection.read_smsc(channel), card, self._expected)
        storage = inspection.read_storage(channel)
        yield d.judge_storage(storage, is_daemon=self._daemon is not None)
        yield d.judge_announcements(self._announcements(channel))

    def _announcements(self, channel: Channel) -> list[int] | None:
        """Return what AT+CNMI stays at, set as the driver sets it."""
        for choice in ANNOUNCEMENTS if self._terminal is not None else ():
            if channel.ask(f"AT+CNMI={choice}")[-1] == "OK":
                break
        return read_numbers(ask_lines(channel, "AT+CNMI?"), "+CNMI")

    # -- what costs money

    def _check_paid(self, channel: Channel) -> Iterator[Finding]:
        expected = self._expected
        if expected.loop_number is not None and self._terminal is None:
            yield Finding("loop", d.Level.NOTE, "loop_beside_daemon")
        elif expected.loop_number is not None and self._has_failed:
            # it would cost an SMS, and come, if at all, when the daemon takes it for a citizen's
            yield Finding("loop", d.Level.NOTE, "loop_left_out")
        elif expected.loop_number is not None:
            loop: Loop = send_to_self(channel, expected.loop_number, limit_s=self._waits.loop_s)
            yield d.judge_loop(loop)
        if expected.balance is not None:
            try:
                said = ask_ussd(channel, expected.balance.ussd, timeout_s=self._waits.ussd_s)
            except (ChannelRefused, LinkDown, ModemRebooted):
                raise
            except ModemError:
                said = None
            yield d.judge_balance(said, expected.balance)


def _granted(seen: PortSight) -> Finding:
    """The daemon has it open, so whether this user might does not matter."""
    return Finding("permission", d.Level.OK, "allowed_to_daemon", {"port": seen.path})


def _restarts_in(lines: list[str]) -> int:
    return sum(kind_of(line) is UrcKind.RESTARTED for line in lines)
