"""The line discipline of an AT modem (V.250 section 5, 27.005 section 3.1), without I/O.

States: *command* (collecting a line until S3, or `A/`) and *body* (after a prompt, collecting until Ctrl-Z or ESC).
While the modem is busy or mute nothing is taken from the buffer; a mute modem forgets what it is told.
Echo is given for what has been read, before the answer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .at import HANDLERS, Answer, AtError, Command, Form, Prompt, cms, parse_line
from .faults import Skipped, Swallowed

if TYPE_CHECKING:
    from .modem import SimulatedModem

LINE_OCTETS_MAX = 560
BODY_OCTETS_MAX = 2048
_CTRL_Z = 0x1A
_ESC = 0x1B
_NUMERIC = {"OK": "0", "ERROR": "4"}


class Dialogue:
    """Takes octets, carries out command lines, says their answers through the modem."""

    def __init__(self, modem: SimulatedModem) -> None:
        self._modem = modem
        self._buffer = bytearray()
        self._echoed = 0  # octets of the buffer that were echoed already
        self._last_line = ""
        self._prompt: Prompt | None = None
        self._prompt_name = ""
        self._info: list[str] = []

    @property
    def is_in_body(self) -> bool:
        """Whether a body is being collected: then no URC is shown."""
        return self._prompt is not None

    @property
    def is_idle(self) -> bool:
        """Whether no command has begun."""
        return not self._buffer and self._prompt is None

    def reset(self) -> None:
        """Forget a command that had begun, as a restart does."""
        self._buffer.clear()
        self._echoed = 0
        self._prompt = None

    def receive(self, octets: bytes) -> None:
        """Take octets from the line; carry out what is complete, as far as the modem is not busy."""
        self._buffer += octets
        self.advance()

    def advance(self) -> None:
        """Carry out what is complete."""
        modem = self._modem
        while self._buffer and not modem.is_busy:
            if modem.is_mute:
                self.reset()
                return
            if not (self._take_body() if self._prompt else self._take_line()):
                return

    # -- command state

    def _take_line(self) -> bool:
        buffer = self._buffer
        if buffer[:1] == b"\n":  # after a CR: not part of any command
            del buffer[:1]
            return True
        if buffer[:2].upper() == b"A/":
            self._echo(2)
            del buffer[:2]
            self._echoed = 0
            self._run(self._last_line)
            return True
        settings = self._modem.settings
        end = buffer.find(settings.registers[3])
        if end < 0:
            self._echo(len(buffer))
            if len(buffer) > LINE_OCTETS_MAX:
                self.reset()
            return False
        self._echo(end + 1)
        line = buffer[:end].decode("latin-1")
        del buffer[: end + 1]
        self._echoed = 0
        if "\b" in line:
            line = _edit(line)
        self._run(line)
        return True

    def _echo(self, count: int) -> None:
        if self._modem.settings.echo and count > self._echoed:
            self._modem.say(bytes(self._buffer[self._echoed : count]))
        self._echoed = max(count, self._echoed)

    def _run(self, line: str) -> None:
        commands = parse_line(line)
        if commands is None:
            return
        self._last_line = line
        self._info = []
        faults = self._modem.faults
        name = commands[0].name if commands else ""
        try:
            final = self._run_all(commands)
        except Swallowed:
            return
        if final is None:
            octets = self._info_octets() + b"\r\n> "
            self._prompt_name = name
            if faults.is_armed:
                self._modem.say_chunks(faults.shape_prompt(name, octets))
            else:
                self._modem.say(octets)
            return
        self._conclude(name, final)

    def _run_all(self, commands: tuple[Command, ...]) -> str | None:
        """Return the final result code, or None when a prompt waits for its body."""
        faults = self._modem.faults
        try:
            if faults.is_armed and not commands:
                faults.before_command("")  # a bare AT
            for command in commands:
                if faults.is_armed:
                    try:
                        faults.before_command(command.name)
                    except Skipped:
                        continue
                answer = self._modem.carry_out(command)
                if isinstance(answer, Prompt):
                    self._prompt = answer
                    return None
                self._add_info(answer)
        except AtError as error:
            return self._error_line(error)
        return "OK"

    # -- body state

    def _take_body(self) -> bool:
        prompt = self._prompt
        assert prompt is not None
        buffer = self._buffer
        ends = [at for at in (buffer.find(_CTRL_Z), buffer.find(_ESC)) if at >= 0]
        if not ends:
            self._echo_body(len(buffer), prompt)
            if len(buffer) > BODY_OCTETS_MAX:
                self._end_body(len(buffer))
                self._conclude(self._prompt_name, self._error_line(cms(304)))
            return False
        end = min(ends)
        self._echo_body(end, prompt)
        is_cancelled = buffer[end] == _ESC
        body = buffer[:end].decode("latin-1")
        self._end_body(end + 1)
        self._info = []
        if is_cancelled:
            self._conclude(self._prompt_name, "OK")  # 27.005 section 3.5.1: nothing was sent
            return True
        try:
            if self._modem.faults.is_armed:
                self._modem.faults.before_body(self._prompt_name)
            self._add_info(prompt.finish(_edit(body) if "\b" in body else body))
        except Swallowed:
            return True
        except AtError as error:
            self._conclude(self._prompt_name, self._error_line(error))
            return True
        self._conclude(self._prompt_name, "OK")
        return True

    def _echo_body(self, count: int, prompt: Prompt) -> None:
        if count <= self._echoed:
            return
        piece = bytes(self._buffer[self._echoed : count])
        self._echoed = count
        if self._modem.settings.echo:
            self._modem.say(piece.replace(b"\r", b"\r\n> ") if prompt.is_text else piece)
        elif prompt.is_text and b"\r" in piece:
            self._modem.say(b"\r\n> " * piece.count(b"\r"))

    def _end_body(self, count: int) -> None:
        del self._buffer[:count]
        self._echoed = 0
        self._prompt = None

    # -- answers

    def _add_info(self, answer: Answer) -> None:
        if isinstance(answer, list) and answer:
            end = self._modem.settings.line_end.decode("latin-1")
            self._info.append(end.join(answer))

    def _info_octets(self) -> bytes:
        settings = self._modem.settings
        end = settings.line_end
        before = end if settings.is_verbose else b""
        return b"".join(before + text.encode("latin-1", "replace") + end for text in self._info)

    def _conclude(self, name: str, final: str) -> None:
        settings = self._modem.settings
        end = settings.line_end
        if settings.is_quiet:
            octets = self._info_octets()
        elif settings.is_verbose:
            octets = self._info_octets() + end + final.encode("latin-1") + end
        else:
            octets = self._info_octets() + _NUMERIC.get(final, final).encode("latin-1") + end[:1]
        faults = self._modem.faults
        if faults.is_armed:
            self._modem.say_chunks(faults.shape_answer(name, octets))
        else:
            self._modem.say(octets)
        self._modem.after_answer()

    def _error_line(self, error: AtError) -> str:
        return error.line(
            self._modem.settings.error_detail,
            is_textual=self._modem.faults.is_set("textual_errors"),
        )


def find_answer(modem: SimulatedModem, command: Command) -> Answer:
    """Let the command's handler answer; a test form nobody wrote gets OK when the command exists, all else ERROR."""
    handler = HANDLERS.get((command.name, command.form))
    if handler is not None:
        return handler(modem, command)
    if command.form is Form.TEST and any((command.name, form) in HANDLERS for form in Form):
        return None
    raise AtError


def _edit(line: str) -> str:
    """Carry out the backspaces in a line (S5)."""
    kept: list[str] = []
    for character in line:
        if character == "\b":
            if kept:
                kept.pop()
        else:
            kept.append(character)
    return "".join(kept)
