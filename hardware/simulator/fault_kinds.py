"""Faults of the modem and of its line. Each hit a real defect of some program (parameters are named in the summary)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .at import AtError, cme, cms
from .faults import Chunks, Fault, Skipped, Stage, Swallowed, enter_fault, enter_flag
from .outgoing import Chunk

if TYPE_CHECKING:
    from .modem import SimulatedModem

_LONG_S = 1e9


# -- the modem as a whole


def _speak(modem: SimulatedModem, _fault: Fault) -> None:
    modem.mute_until = 0.0


@enter_fault(Stage.NOW, lift=_speak)
def mute(modem: SimulatedModem, fault: Fault) -> None:
    """Says and does nothing for delay_s seconds (0: until cleared)."""
    modem.mute_until = modem.monotonic() + (fault.delay_s or _LONG_S)


@enter_fault(Stage.COMMAND, lift=_speak)
def mute_at_command(modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """Falls silent for delay_s at a command (0: until cleared)."""
    modem.mute_until = modem.monotonic() + (fault.delay_s or _LONG_S)
    raise Swallowed


def _power_cut(modem: SimulatedModem, fault: Fault) -> None:
    modem.outgoing.clear()
    modem.boot_text_mode = True if fault.text == "text mode" else None
    modem.reboot(fault.delay_s)


@enter_fault(Stage.NOW, delay_s=0.2)
def reboot(modem: SimulatedModem, fault: Fault) -> None:
    """Restarts at once, up after delay_s: settings lost, boot lines said."""
    _power_cut(modem, fault)


@enter_fault(Stage.COMMAND, delay_s=0.2)
def reboot_at_command(modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """Restarts instead of answering; text='text mode' comes up in it."""
    _power_cut(modem, fault)
    raise Swallowed


@enter_fault(Stage.BODY, delay_s=0.2)
def reboot_in_body(modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """Restarts when the body of AT+CMGS is complete, before sending it."""
    _power_cut(modem, fault)
    raise Swallowed


@enter_fault(Stage.ANSWER, delay_s=0.2)
def reboot_in_answer(modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """Restarts in the middle of an answer."""
    return [Chunk(_half(chunks), act=partial(_power_cut, modem, fault))]


@enter_fault(Stage.NOW)
def settings_lost(modem: SimulatedModem, _fault: Fault) -> None:
    """Forgets its settings without a word."""
    modem.forget_settings()


@enter_fault(Stage.NOW)
def text_mode(modem: SimulatedModem, _fault: Fault) -> None:
    """Is back in text mode without a word."""
    modem.settings.is_text_mode = True


@enter_fault(Stage.NOW)
def echo_on(modem: SimulatedModem, _fault: Fault) -> None:
    """Echoes what it is told, as after ATE1."""
    modem.settings.echo = True


@enter_fault(Stage.NOW)
def direct_delivery(modem: SimulatedModem, _fault: Fault) -> None:
    """AT+CNMI is 2,2 as another program left it: SMS are shown as +CMT and not stored."""
    modem.settings.notification = (2, 2, 0, 0, 0)


def _keep_echo(_modem: SimulatedModem, _fault: Fault) -> None:
    """It stays on until ATE0 turns it off, which is heeded again."""


@enter_fault(Stage.NOW, lift=_keep_echo)
def echo_stays(modem: SimulatedModem, _fault: Fault) -> None:
    """Echoes what it is told, says OK to ATE0 and goes on echoing."""
    modem.settings.echo = True


def _stop_looping(modem: SimulatedModem, _fault: Fault) -> None:
    modem.boot_loop_s = None


@enter_fault(Stage.NOW, lift=_stop_looping, delay_s=3.0)
def reboot_loop(modem: SimulatedModem, fault: Fault) -> None:
    """Restarts again and again, each time delay_s after it came up (a weak power supply)."""
    modem.boot_loop_s = fault.delay_s
    _power_cut(modem, Fault(fault.name, delay_s=modem.profile.boot_s))


def _right_speed(modem: SimulatedModem, _fault: Fault) -> None:
    modem.speed = None


@enter_fault(Stage.NOW, lift=_right_speed, code=9600)
def wrong_speed(modem: SimulatedModem, fault: Fault) -> None:
    """Understands the speed code only: a port set to another one carries garbage both ways."""
    modem.speed = fault.code


def _unplug(modem: SimulatedModem, fault: Fault) -> None:
    modem.vanish(fault.delay_s)
    if fault.text != "still powered":
        _power_cut(modem, fault)


@enter_fault(
    Stage.NOW,
    delay_s=0.5,
)
def port_gone(modem: SimulatedModem, fault: Fault) -> None:
    """The port vanishes and is back, restarted, after delay_s under the same link."""
    _unplug(modem, fault)


@enter_fault(Stage.COMMAND, delay_s=0.5)
def port_gone_at_command(modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """The port vanishes instead of an answer."""
    _unplug(modem, fault)
    raise Swallowed


@enter_fault(Stage.ANSWER, delay_s=0.5)
def port_gone_in_answer(modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """The port vanishes in the middle of an answer."""
    return [Chunk(_half(chunks), act=partial(_unplug, modem, fault))]


def _plug_in(modem: SimulatedModem, fault: Fault) -> None:
    modem.replug(fault.text)


@enter_fault(Stage.NOW, lift=_plug_in)
def unplugged(modem: SimulatedModem, _fault: Fault) -> None:
    """The port is gone until cleared; then it is back, restarted, as link text where given."""
    modem.unplug()


@enter_fault(Stage.NOW, delay_s=0.5, text="renamed")
def port_renamed(modem: SimulatedModem, fault: Fault) -> None:
    """The port vanishes and is back after delay_s as link text."""
    modem.unplug()
    modem.after(fault.delay_s, partial(_plug_in, modem, fault))


# -- errors


@enter_fault(Stage.COMMAND, code=515)
def cme_error(_modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """Answers +CME ERROR: code (515 or 14: busy) times times."""
    raise cme(fault.code)


@enter_fault(Stage.COMMAND, code=500)
def cms_error(_modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """Answers +CMS ERROR: code times times."""
    raise cms(fault.code)


@enter_fault(Stage.BODY, code=38)
def submit_error(_modem: SimulatedModem, fault: Fault, _name: str) -> None:
    """Refuses an SMS-SUBMIT with +CMS ERROR: code."""
    raise cms(fault.code)


enter_flag("textual_errors", "Gives errors as text whatever AT+CMEE says (+CME ERROR: SIM busy).")
enter_flag("urc_withheld", "Says no message indications; messages are stored all the same.")
enter_flag("storage_refuses", "Takes no new message, as if the memory were full.")


@enter_fault(Stage.COMMAND, command="+CMGD")
def delete_lies(_modem: SimulatedModem, _fault: Fault, _name: str) -> None:
    """Says OK to AT+CMGD and deletes nothing."""
    raise Skipped


@enter_fault(Stage.COMMAND, command="+CBC", times=0)
def unknown_command(_modem: SimulatedModem, _fault: Fault, _name: str) -> None:
    """Does not know the command: ERROR."""
    raise AtError


# -- prompts


@enter_fault(Stage.PROMPT, delay_s=1.0)
def late_prompt(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """The prompt comes delay_s late."""
    return _delayed(chunks, fault.delay_s)


@enter_fault(Stage.PROMPT)
def no_prompt(_modem: SimulatedModem, _fault: Fault, _chunks: Chunks) -> Chunks:
    """No prompt is shown, yet a body is awaited."""
    return []


@enter_fault(Stage.PROMPT, text='+CMTI: "SM",1')
def urc_before_prompt(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """The URC text comes before the prompt."""
    return [Chunk(_line(fault.text)), *chunks]


# -- answers


@enter_fault(Stage.ANSWER, delay_s=1.0)
def late_answer(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """The answer comes delay_s late; later commands wait for it."""
    return _delayed(chunks, fault.delay_s)


@enter_fault(Stage.ANSWER)
def lost_answer(_modem: SimulatedModem, _fault: Fault, _chunks: Chunks) -> Chunks:
    """The command is carried out, its answer is lost."""
    return []


@enter_fault(Stage.ANSWER)
def bare_ok(_modem: SimulatedModem, _fault: Fault, _chunks: Chunks) -> Chunks:
    """The command is carried out, but OK is all that is said, whatever was asked."""
    return [Chunk(b"\r\nOK\r\n")]


@enter_fault(Stage.ANSWER)
def doubled_answer(_modem: SimulatedModem, _fault: Fault, chunks: Chunks) -> Chunks:
    """The answer is said twice."""
    return [*chunks, *chunks]


@enter_fault(Stage.ANSWER)
def cut_answer(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """The answer ends after count octets (0: in its middle)."""
    return [Chunk(_octets(chunks)[: fault.count] if fault.count else _half(chunks))]


@enter_fault(Stage.ANSWER, delay_s=0.002, times=0)
def split_line_ends(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """CR and LF come in writes of their own, delay_s apart."""
    pieces = _octets(chunks).replace(b"\r\n", b"\r\0\n").split(b"\0")
    return [Chunk(piece, fault.delay_s) for piece in pieces]


@enter_fault(Stage.ANSWER, times=0)
def drip(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """Every octet comes in a write of its own, delay_s apart."""
    return [Chunk(bytes([octet]), fault.delay_s) for octet in _octets(chunks)]


@enter_fault(Stage.ANSWER, delay_s=0.1)
def slow_answer(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """Lines of the answer come delay_s apart (a slow AT+CMGL)."""
    lines = _octets(chunks).splitlines(keepends=True)
    return [Chunk(line, fault.delay_s) for line in lines]


@enter_fault(Stage.ANSWER, count=12)
def garbage(modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """Count octets of noise, 0xFF among them, stand before and after it."""
    # no letters: noise that spells a result code would be another fault
    noise = [0xFF, *(modem.network.random.randrange(0x80, 0x100) for _ in range(fault.count - 1))]
    octets = bytes(noise)
    return [Chunk(octets + b"\r\n"), *chunks, Chunk(octets)]


@enter_fault(Stage.ANSWER, count=1)
def flipped_bits(modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """High bits of count octets inside the answer are flipped."""
    octets = bytearray(_octets(chunks))
    inner = [place for place, octet in enumerate(octets) if octet not in b"\r\n"]
    for place in modem.network.random.sample(inner, min(fault.count, len(inner))):
        octets[place] |= 0x80
    return [Chunk(bytes(octets))]


@enter_fault(
    Stage.ANSWER,
    command="+CMGL",
    count=1,
    text='+CMTI: "SM",1',
)
def urc_in_answer(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """The URC text comes after line count of the answer (1: between header and PDU)."""
    return _insert(chunks, fault.count, _line(fault.text))


@enter_fault(Stage.ANSWER, count=10, text='+CMTI: "SM",')
def urc_burst(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """Count URCs come in one write before the answer."""
    burst = b"".join(_line(f"{fault.text}{number}") for number in range(1, fault.count + 1))
    return [Chunk(burst + _octets(chunks))]


@enter_fault(
    Stage.ANSWER,
    command="+CMGL",
    text="BTM datang di tengah",
)
def arrival_in_answer(modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """An SMS saying text arrives while the answer is said: it is not listed in it."""
    modem.network.send("+6281255500001", modem.number, fault.text)
    return chunks


@enter_fault(Stage.ANSWER, command="+CMGL")
def listed_twice(_modem: SimulatedModem, _fault: Fault, chunks: Chunks) -> Chunks:
    """The first message of a listing is listed twice."""
    octets = _octets(chunks)
    start = octets.find(b"+CMGL:")
    ends = [at for at in (octets.find(b"+CMGL:", start + 1), octets.find(b"\r\nOK")) if at > 0]
    if start < 0:
        return chunks
    return [Chunk(octets[: min(ends)] + octets[start:])]


@enter_fault(Stage.ANSWER, times=0)
def second_reader(modem: SimulatedModem, _fault: Fault, chunks: Chunks) -> Chunks:
    """Another program has the port open too: octets of answers are gone, and it says AT between."""
    octets = _octets(chunks)
    start, end = sorted(modem.network.random.choices(range(len(octets) + 1), k=2))
    return [Chunk(octets[:start] + octets[end:]), Chunk(b"AT\r\r\nOK\r\n")]


# -- URCs


@enter_fault(Stage.URC, times=0)
def urc_blank_line(_modem: SimulatedModem, _fault: Fault, chunks: Chunks) -> Chunks:
    """A URC is followed by a blank line."""
    return [Chunk(_octets(chunks) + b"\r\n")]


@enter_fault(Stage.URC, times=0)
def urc_doubled_cr(_modem: SimulatedModem, _fault: Fault, chunks: Chunks) -> Chunks:
    """A URC ends in CR CR LF."""
    return [Chunk(_octets(chunks).removesuffix(b"\r\n") + b"\r\r\n")]


@enter_fault(Stage.URC, delay_s=0.05, times=0)
def urc_in_halves(_modem: SimulatedModem, fault: Fault, chunks: Chunks) -> Chunks:
    """A URC comes in two halves, delay_s apart."""
    octets = _octets(chunks)
    middle = len(octets) // 2
    return [Chunk(octets[:middle]), Chunk(octets[middle:], fault.delay_s)]


@enter_fault(Stage.URC)
def urc_lost(_modem: SimulatedModem, _fault: Fault, _chunks: Chunks) -> Chunks:
    """A URC is lost."""
    return []


def _octets(chunks: Chunks) -> bytes:
    return b"".join(chunk.octets for chunk in chunks)


def _half(chunks: Chunks) -> bytes:
    octets = _octets(chunks)
    return octets[: len(octets) // 2]


def _line(text: str) -> bytes:
    return b"\r\n" + text.encode("latin-1", "replace") + b"\r\n"


def _delayed(chunks: Chunks, delay_s: float) -> Chunks:
    first, *rest = chunks or [Chunk(b"")]
    return [Chunk(first.octets, first.delay_s + delay_s, first.act), *rest]


def _insert(chunks: Chunks, count: int, octets: bytes) -> Chunks:
    """Insert octets after the `count`-th line that is not blank."""
    lines = _octets(chunks).splitlines(keepends=True)
    shown = 0
    for place, line in enumerate(lines):
        shown += bool(line.strip())
        if shown == count:
            before = b"".join(lines[: place + 1])
            return [Chunk(before), Chunk(octets), Chunk(b"".join(lines[place + 1 :]))]
    return [*chunks, Chunk(octets)]
