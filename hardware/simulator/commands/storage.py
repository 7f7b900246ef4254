"""27.005 section 3: message memories, listing, reading, deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..at import Answer, Command, Form, answers, cms
from ..card import MessageMemory, SimState, StoredMessage
from ..codec import SubmitError, decode_deliver
from .charset import encode_string

if TYPE_CHECKING:
    from ..modem import SimulatedModem

_SIM_ERRORS = {SimState.ABSENT: 310, SimState.PIN: 311, SimState.PUK: 316, SimState.NOT_READY: 314}
_STATS = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL")
_REC_UNREAD, _REC_READ, _STO_UNSENT, _STO_SENT = range(4)
_ALL = 4
# AT+CMGD flags 1 to 4 (27.005 section 3.5.4): the statuses that go
_FLAGS = (
    (),
    (_REC_READ,),
    (_REC_READ, _STO_SENT),
    (_REC_READ, _STO_SENT, _STO_UNSENT),
    (_REC_UNREAD, _REC_READ, _STO_SENT, _STO_UNSENT),
)


def require_sim_for_messages(modem: SimulatedModem) -> None:
    """Raise the +CMS ERROR for a SIM that cannot be used now."""
    if modem.card.state is not SimState.READY:
        raise cms(_SIM_ERRORS[modem.card.state])


def memory_at(modem: SimulatedModem, place: int) -> MessageMemory:
    """Return the memory for reading and deleting (0), writing (1) or receiving (2)."""
    return modem.memories[modem.settings.memories[place]]


@answers("+CPMS", Form.TEST)
def list_memories(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CPMS=?: SR is for reading only."""
    names = ",".join(f'"{name}"' for name in modem.memories)
    own = ",".join(f'"{name}"' for name in modem.memories if name != "SR")
    return [f"+CPMS: ({names}),({own}),({own})"]


@answers("+CPMS", Form.READ)
def read_memories(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CPMS?"""
    require_sim_for_messages(modem)
    shown = ",".join(
        f'"{memory.name}",{memory.used},{memory.size}'
        for memory in (memory_at(modem, place) for place in range(3))
    )
    return [f"+CPMS: {shown}"]


@answers("+CPMS", Form.WRITE)
def choose_memories(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CPMS=: the memories to read from, write to and receive into; what is left out stays."""
    require_sim_for_messages(modem)
    if len(command.params) > 3 or any(name not in modem.memories for name in command.params):
        raise cms(302)
    if "SR" in command.params[1:]:
        raise cms(302)
    current = modem.settings.memories
    chosen = command.params + current[len(command.params) :]
    modem.settings.memories = (chosen[0], chosen[1], chosen[2])
    shown = ",".join(
        f"{memory.used},{memory.size}" for memory in (memory_at(modem, place) for place in range(3))
    )
    modem.network.flush(modem.number)
    return [f"+CPMS: {shown}"]


@answers("+CMGL", Form.EXECUTE, Form.WRITE)
def list_messages(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CMGL: the messages of a status, which count as read afterwards."""
    require_sim_for_messages(modem)
    is_text = modem.settings.is_text_mode
    stat = _read_stat(command, is_text)
    is_marking = not (modem.profile.has_list_mode and command.number(1, default=0) == 1)
    if len(command.params) > (2 if modem.profile.has_list_mode else 1):
        raise cms(305 if is_text else 304)
    lines: list[str] = []
    for index, message in memory_at(modem, 0).listed(stat):
        if is_text:
            lines += _text_lines(modem, f"+CMGL: {index},", message)
        else:
            lines.append(f"+CMGL: {index},{message.stat},,{message.pdu.length}")
            lines.append(message.pdu.hex)
        if is_marking and message.stat == _REC_UNREAD:
            message.stat = _REC_READ
    return lines


def _read_stat(command: Command, is_text: bool) -> int:
    value = command.string(0)
    if not value:
        return _REC_UNREAD
    if is_text:
        if value not in _STATS:
            raise cms(305)
        return _STATS.index(value)
    if value not in "01234" or len(value) != 1:
        raise cms(304)
    return int(value)


@answers("+CMGL", Form.TEST)
def tell_stats(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CMGL=?"""
    if modem.settings.is_text_mode:
        return ["+CMGL: (" + ",".join(f'"{stat}"' for stat in _STATS) + ")"]
    return ["+CMGL: (0-4)"]


@answers("+CMGR", Form.WRITE)
def read_message(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CMGR: one message, which counts as read afterwards."""
    require_sim_for_messages(modem)
    memory = memory_at(modem, 0)
    index = command.number(0)
    if not memory.has(index):
        raise cms(321)
    message = memory.slots.get(index)
    if message is None:
        if modem.profile.is_empty_slot_an_error:
            raise cms(321)
        return None
    if modem.settings.is_text_mode:
        lines = _text_lines(modem, "+CMGR: ", message)
    else:
        lines = [f"+CMGR: {message.stat},,{message.pdu.length}", message.pdu.hex]
    if message.stat == _REC_UNREAD:
        message.stat = _REC_READ
    return lines


def _text_lines(modem: SimulatedModem, prefix: str, message: StoredMessage) -> list[str]:
    """Return a message as text mode shows it; what is no SMS-DELIVER shows its PDU, so that nothing hides."""
    stat = _STATS[message.stat]
    try:
        shown = decode_deliver(message.pdu.hex)
    except (SubmitError, ValueError):
        return [f'{prefix}"{stat}","",,', message.pdu.hex]
    text = encode_string(modem, shown.text)
    if any(ord(character) > 0xFF for character in text):  # no other way to show UCS-2 there
        text = text.encode("utf-16-be", "surrogatepass").hex().upper()
    sender = encode_string(modem, shown.sender)
    return [f'{prefix}"{stat}","{sender}",,"{shown.sent_at}"', text]


@answers("+CMGD", Form.WRITE)
def delete_messages(modem: SimulatedModem, command: Command) -> Answer:
    """AT+CMGD: one slot, or all of some statuses; the network fills what became free at once."""
    require_sim_for_messages(modem)
    memory = memory_at(modem, 0)
    flag = command.number(1, default=0)
    if flag > _ALL:
        raise cms(304)
    if flag:
        for index, message in list(memory.slots.items()):
            if message.stat in _FLAGS[flag]:
                memory.delete(index)
    else:
        index = command.number(0)
        if not memory.has(index):
            raise cms(321)
        memory.delete(index)
    modem.network.flush(modem.number)
    return None


@answers("+CMGD", Form.TEST)
def tell_deletable(modem: SimulatedModem, _command: Command) -> Answer:
    """AT+CMGD=?: the occupied slots."""
    indexes = ",".join(str(index) for index in sorted(memory_at(modem, 0).slots))
    return [f"+CMGD: ({indexes}),(0-4)"]
