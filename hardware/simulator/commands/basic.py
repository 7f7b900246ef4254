"""V.250: echo, verbosity, S-registers, reset, and the settings a modem only keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..at import HANDLERS, Answer, AtError, Command, Form, answer_range, answers, cme

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_REGISTERS_MAX = 255
_OF_SOME = frozenset(
    ("+CCID", "+QCCID", "^ICCID", "+CPINR", "+SPIC", "+QPINC", "^CPIN", "+UPINCNT", "^USSDMODE")
)


@answers("E", Form.EXECUTE)
def set_echo(modem: SimulatedModem, command: Command) -> Answer:
    """ATE: echo what is typed, or not."""
    modem.settings.echo = _switch(command) or modem.faults.is_set("echo_stays")
    return None


@answers("V", Form.EXECUTE)
def set_verbosity(modem: SimulatedModem, command: Command) -> Answer:
    """ATV: result codes as words, or as numbers."""
    modem.settings.is_verbose = _switch(command)
    return None


@answers("Q", Form.EXECUTE)
def set_quiet(modem: SimulatedModem, command: Command) -> Answer:
    """ATQ: result codes, or none."""
    modem.settings.is_quiet = _switch(command)
    return None


def _switch(command: Command) -> bool:
    value = command.number(0, default=0)
    if value not in (0, 1):
        raise AtError
    return value == 1


@answers("Z", Form.EXECUTE)
@answers("&F", Form.EXECUTE)
def reset(modem: SimulatedModem, command: Command) -> Answer:
    """Go back to the stored profile; where messages are stored and announced survives, as on most devices."""
    if command.number(0, default=0) not in (0, 1):
        raise AtError
    kept = modem.settings
    modem.forget_settings()
    modem.settings.memories = kept.memories
    modem.settings.notification = kept.notification
    modem.settings.service = kept.service
    return None


@answers("S", Form.READ)
def read_register(modem: SimulatedModem, command: Command) -> Answer:
    """ATS<n>?: tell a register."""
    number = command.number(0)
    if number > _REGISTERS_MAX:
        raise AtError
    return [f"{modem.settings.registers.get(number, 0):03d}"]


@answers("S", Form.WRITE)
def write_register(modem: SimulatedModem, command: Command) -> Answer:
    """ATS<n>=<v>: set a register; S3 to S5 are characters."""
    number, value = command.number(0), command.number(1, default=0)
    if number > _REGISTERS_MAX or value > 255 or (number in (3, 4, 5) and value > 127):
        raise AtError
    modem.settings.registers[number] = value
    return None


@answers("I", Form.EXECUTE)
def identify(modem: SimulatedModem, command: Command) -> Answer:
    """ATI: manufacturer, model and revision."""
    if command.number(0, default=0) > 9:
        raise AtError
    return [modem.profile.manufacturer, modem.profile.model, modem.profile.revision]


def _accept(_modem: SimulatedModem, _command: Command) -> Answer:
    """Commands about the line that a simulated one has no use for."""
    return None


for _name in ("X", "L", "M", "&C", "&D", "&K", "&S", "&W", "&V", "&Y", "O", "T", "P"):
    HANDLERS[_name, Form.EXECUTE] = _accept


@answers("+CLAC", Form.EXECUTE)
def list_commands(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CLAC, where the device has it: every command it answers."""
    if not modem.profile.has_clac:
        raise AtError
    known = {name for name, _ in HANDLERS if len(name) > 1}
    return sorted(f"AT{name}" for name in known - (_OF_SOME - modem.profile.own_commands))


@answers("+CMEE", Form.WRITE)
def set_error_detail(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CMEE=: how much an error tells."""
    value = command.number(0)
    if value > 2:
        raise cme(50)
    modem.settings.error_detail = value
    return None


@answers("+CMEE", Form.READ)
def read_error_detail(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CMEE?"""
    return [f"+CMEE: {modem.settings.error_detail}"]


answer_range("+CMEE", "(0-2)")


# name, value at start, largest value: settings that change nothing here
_KEPT = (
    ("+CLIP", 0, 1),
    ("+CRC", 0, 1),
    ("+CVHU", 0, 2),
    ("+COLP", 0, 1),
    ("+CCWA", 0, 1),
    ("+CSSN", 0, 1),
    ("+CMMS", 0, 2),
    ("+CSTA", 129, 255),
    ("+ICF", 3, 6),
    ("+IFC", 0, 3),
    ("+IPR", 0, 4_000_000),
)


def _enter_kept(name: str, start: int, largest: int) -> None:
    def write(modem: SimulatedModem, command: Command) -> Answer:
        if command.number(0, default=start) > largest:
            raise cme(50)
        modem.settings.plain[name] = ",".join(command.params)
        return None

    def read(modem: SimulatedModem, _command: Command) -> Answer:
        return [f"{name}: {modem.settings.plain.get(name, start)}"]

    HANDLERS[name, Form.WRITE] = write
    HANDLERS[name, Form.READ] = read
    answer_range(name, f"(0-{largest})")


for _row in _KEPT:
    _enter_kept(*_row)
