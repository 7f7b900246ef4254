"""The settings that our way with SMS relies on: PDU mode, memories, announcements. Given, read back, compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .answers import read_memories, read_numbers, read_usage
from .errors import CommandError, SettingsLost
from .facts import Usage

REPORT_MEMORY = "SR"  # of delivery reports alone (27.005 section 3.1)
STORED = 2  # AT+CNMI <ds>: delivery reports are stored and announced
# AT+CNMI, best first: buffer while the line is busy; stored and announced (mt 1); no broadcasts, no direct reports
ANNOUNCEMENTS = ("2,1,0,0,0", "1,1,0,0,0", "2,1")


class Asked(Protocol):
    """A modem that takes commands."""

    port: str

    def command(self, text: str, *, timeout_s: float | None = None) -> list[str]:
        """Send one command and return its answer; raises CommandError."""
        ...

    def ask(self, text: str) -> list[str]:
        """Send one command that the modem may not know; return no lines then."""
        ...


class MessageSettings:
    """What one connection has set, and which memory is selected now."""

    def __init__(self, modem: Asked, memories: Sequence[str]) -> None:
        self._modem = modem
        self._wanted = tuple(memories)
        self.capacity: dict[str, Usage] = {}  # the memories in use, as they were at the start
        self._looks = 0  # for memories that were refused
        self._is_telling = False  # whether AT+CPMS? is answered as the standard says
        self._store = ""  # where new SMS go
        self._current = ""  # where we read and delete; empty: not known
        self._notification: list[int] | None = None  # AT+CNMI as read back once it was set
        self.has_acknowledgement = False  # AT+CSMS=1: a +CMT waits for our AT+CNMA
        self.report_route = 0  # AT+CNMI <ds>

    def apply(self) -> None:
        """Give the modem its settings and read them back. Raises CommandError, SettingsLost."""
        self._modem.command("AT+CMGF=0")
        try:
            self._modem.command("AT+CSMS=1")
            self.has_acknowledgement = True
        except CommandError:
            pass  # such a modem acknowledges by itself what it hands over directly
        self._choose_memories()
        self._announce()
        if wrong := self.differences():
            raise SettingsLost(
                f"The modem on {self._modem.port} does not keep its settings ({', '.join(wrong)}); see its manual."
            )

    def _choose_memories(self) -> None:
        """Find which of the configured memories exist; the first with room gets new SMS."""
        found: dict[str, Usage] = {}
        for memory in reversed(self._wanted):  # so that the first one ends up selected
            try:
                used = self._set_memories(memory, memory)
            except CommandError:
                continue
            if used is not None and used.total > 0:
                found[memory] = used
        if not found:
            raise SettingsLost(
                f"The modem on {self._modem.port} has none of the configured memories; AT+CPMS=? tells which it has."
            )
        self.capacity = {memory: found[memory] for memory in self._wanted if memory in found}
        first = next(iter(self.capacity))
        if self._store != first:
            self._set_memories(first, first)

    def find_missing(self) -> list[str]:
        """Ask again for the memories that were refused, at growing pauses; return those that are there now.

        A SIM may be busy while the modem starts; what lies on it would wait for the next start.
        """
        missing = [memory for memory in self._wanted if memory not in self.capacity]
        self._looks += 1
        if not missing or self._looks & (self._looks - 1):  # at the 1st, 2nd, 4th, 8th … time
            return []
        found: dict[str, Usage] = {}
        for memory in missing:
            try:
                used = self._set_memories(memory, self._store)
            except CommandError:
                continue
            if used is not None and used.total > 0:
                found[memory] = used
        known = self.capacity | found
        order = (*self._wanted, REPORT_MEMORY)
        self.capacity = {memory: known[memory] for memory in order if memory in known}
        first = next(iter(self.capacity))
        if self._store != first:
            self._set_memories(first, first)
        return list(found)

    def _set_memories(self, current: str, store: str) -> Usage | None:
        self._current = ""
        used = read_usage(self._modem.command(f'AT+CPMS="{current}","{store}","{store}"'))
        self._current, self._store = current, store
        if used is None:  # taken for a memory that is not there, its SMS would be left on it
            used = read_usage(self._modem.command("AT+CPMS?"))
        return None if used is None else Usage(current, *used)

    def _announce(self) -> None:
        """Have new SMS stored and announced. Stored alone will do, for the poll; handed over directly will not."""
        for choice in ANNOUNCEMENTS:
            try:
                self._modem.command(f"AT+CNMI={choice}")
            except CommandError:
                continue
            self._notification = self._read_notification()
            if self._notification is None or self._notification[1:2] == [1]:
                return
        self._notification = self._read_notification()
        if self._notification is not None and self._notification[1:2] not in ([0], [1]):
            raise SettingsLost(
                f"The modem on {self._modem.port} insists on handing SMS over unstored; set AT+CNMI by hand."
            )

    def route_reports(self, routes: Sequence[int]) -> None:
        """Have delivery reports come in, by the first of these ways that the modem takes and keeps.

        Where none is, everything stays as it was: reports are worth less than announcements.
        """
        before = self._notification or [2, 1, 0, 0, 0]
        if len(before) != 5:
            return
        for route in routes:
            choice = [*before[:3], route, before[4]]
            try:
                self._modem.command("AT+CNMI=" + ",".join(map(str, choice)))
            except CommandError:
                continue
            kept = self._read_notification()
            if kept is None or kept == choice:
                self._notification, self.report_route = kept, route
                break
        else:
            self._announce()
            return
        if route == STORED:
            self._add_report_memory()

    def _add_report_memory(self) -> None:
        """Look into the memory that stored reports have of their own; a modem without one puts them among the SMS."""
        try:
            used = self._set_memories(REPORT_MEMORY, self._store)
        except CommandError:
            used = None
        if used is not None and used.total > 0:
            self.capacity[REPORT_MEMORY] = used

    def _read_notification(self) -> list[int] | None:
        return read_numbers(self._modem.ask("AT+CNMI?"), "+CNMI")

    def differences(self) -> list[str]:
        """Read the settings back and name those that are no longer ours."""
        wrong = []
        mode = read_numbers(self._modem.ask("AT+CMGF?"), "+CMGF")
        if mode is not None and mode[:1] != [0]:
            wrong.append("PDU mode")
        if self._read_notification() != self._notification:
            wrong.append("announcement")
        memories = read_memories(self._modem.ask("AT+CPMS?"))
        self._is_telling |= bool(memories)
        if (
            memories
            and self._current
            and (memories[0], memories[-1]) != (self._current, self._store)
        ):
            wrong.append("memories")
        return wrong

    @property
    def memories(self) -> tuple[str, ...]:
        """The memories in use, the one that is selected now first: it costs no switching."""
        return tuple(sorted(self.capacity, key=lambda memory: memory != self._current))

    def select(self, memory: str) -> None:
        """Make that the memory we read and delete in; new SMS go where they went before."""
        if memory != self._current:
            self._set_memories(memory, self._store)

    def is_selection(self, lines: list[str]) -> bool:
        """Whether an answer to AT+CPMS? proves that the memory is selected that we take it to be.

        A modem that has just restarted may refuse it; one that never told cannot be held to it.
        """
        memories = read_memories(lines)
        return self._current in ("", *memories[:1]) or not (memories or self._is_telling)

    def read_usage(self, memory: str) -> Usage:
        """Ask how full a memory is; selects it."""
        if memory == self._current:
            used = read_usage(self._modem.command("AT+CPMS?"))
            usage = None if used is None else Usage(memory, *used)
        else:
            usage = self._set_memories(memory, self._store)
        if usage is None:
            raise CommandError("+CPMS", None, "its answer has no numbers")
        return usage
