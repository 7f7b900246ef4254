"""What the citizens of a history send, and when: invented people, invented troubles, drawn by the seed.

Each SMS is written as PDUs here, by the network's own codec, so that its parts can be delayed, shuffled, lost and sent
again one by one. A sender never sends two SMS in one second: the network would make the same TPDU of the same text.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace
from simulation.faults import Faults

from hardware.pdu import tpdu_key
from hardware.simulator.codec import Shape, encode_deliver, split_text, store_pdu
from hardware.simulator.network import DEFAULT_SMSC, WESTERN_INDONESIA

PART_DEADLINE_S = 6 * 3600.0  # a history's own, so that not everything else expires meanwhile
_MORE_MESSAGES = 0x04  # TP-MMS
_CLASS_0 = 0x10  # of TP-DCS: shown at once
_NO_DATE = datetime(2000, 1, 1, tzinfo=WESTERN_INDONESIA)  # of a network that knows no date

_PLACES = ("Jl Mawar", "Jl Kenanga", "simpang Anggrek", "pasar Melati", "RT 03 Cempaka")
_TROUBLES = (
    "lampu jalan mati",
    "jalan berlubang",
    "sampah tidak diangkut",
    "air PAM keruh",
    "drainase mampet",
    "pohon tumbang menutup jalan",
)
_LONG = (
    " Sudah tiga minggu begini dan setiap hujan turun keadaannya bertambah buruk, anak sekolah dan orang tua"
    " terpaksa berjalan di tengah, mohon segera diperiksa oleh petugas yang berwenang."
)


class Intent(StrEnum):
    """What an SMS is meant to be."""

    COMPLAINT = "complaint"
    LONG_COMPLAINT = "long complaint"
    REPEAT = "repeat"
    FOLLOW_UP = "follow-up"
    STATUS = "status query"
    CONFIDENTIAL = "confidential"
    URGENT = "urgent"
    HELP = "help"
    TEST = "test"
    OPT_OUT = "opt-out"
    UNPREFIXED = "unprefixed"
    NOTICE = "notice"
    OCTETS = "octets"


COMPLAINING = frozenset(
    {Intent.COMPLAINT, Intent.LONG_COMPLAINT, Intent.CONFIDENTIAL, Intent.URGENT, Intent.REPEAT}
)
_WEIGHTS = {
    Intent.COMPLAINT: 30,
    Intent.LONG_COMPLAINT: 22,
    Intent.REPEAT: 10,
    Intent.FOLLOW_UP: 10,
    Intent.STATUS: 5,
    Intent.CONFIDENTIAL: 4,
    Intent.URGENT: 3,
    Intent.HELP: 2,
    Intent.TEST: 2,
    Intent.OPT_OUT: 1,
    Intent.UNPREFIXED: 4,
    Intent.NOTICE: 3,
    Intent.OCTETS: 2,
}


Key = tuple[str, bytes]  # line and TPDU key


def line_name(number: int) -> str:
    """Return what the gateway calls a line."""
    return f"m{number + 1}"


@dataclass(slots=True)
class Sms:
    """One SMS that somebody sent: its text, and the TPDUs that the network made of it."""

    number: int
    at_s: float
    sender: str
    line: int
    intent: Intent
    text: str
    keys: tuple[Key, ...] = ()
    has_late_part: bool = False
    has_lost_part: bool = False

    @property
    def is_on_time(self) -> bool:
        """Whether all its parts come before the deadline."""
        return not (self.has_late_part or self.has_lost_part)


class Handover(Struct, frozen=True):
    """One PDU that the network brings to a line, so long after the SMS was sent; class 0 may be shown at once."""

    after_s: float
    line: int
    pdu: bytes
    message_class: int | None = None

    @property
    def key(self) -> Key:
        """As the store knows it."""
        return line_name(self.line), tpdu_key(self.pdu)


@dataclass
class Town:
    """The people of one history and what they send."""

    seed: int
    faults: Faults
    line_count: int
    sent: list[Sms] = field(default_factory=list)
    undated: set[Key] = field(default_factory=set)  # of these each copy may be a message of its own

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed} town")
        count = self._chance.randint(2, 4)
        self.citizens = [f"+62812{7000000 + self.seed % 1000 * 10 + n}" for n in range(count)]
        if self._chance.random() < 0.1:
            self.citizens.append("+6591234567")
        self._reference = {citizen: self._chance.randrange(256) for citizen in self.citizens}

    def plan(self) -> Iterator[Sms]:
        """Return the SMS of this history in the order they are sent; texts that need an answer are filled in later."""
        chance = self._chance
        count = chance.choices((5, 8, 12, 20, 30), (48, 33, 13, 5, 1))[0]
        at_s = 1.0
        for number in range(count):
            at_s += chance.choices((1.1, 3.0, 12.0, 40.0), (50, 30, 16, 4))[0] * chance.uniform(
                1, 2
            )
            intent = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            sender = chance.choice(self.citizens)
            if intent is Intent.NOTICE:
                sender = chance.choice(("TELKOMSEL", "888"))
            line = chance.randrange(self.line_count)
            sms = Sms(number, at_s, sender, line, intent, "")
            self.sent.append(sms)
            yield sms

    def write(self, sms: Sms, at: datetime, reference: str | None) -> list[Handover]:
        """Fill an SMS in as it is sent; `reference` is what the sender knows of an own complaint."""
        if sms.intent is Intent.OCTETS:
            return self._write_octets(sms)
        sms.text = self._text(sms, reference)
        if sms.intent is Intent.COMPLAINT:
            if self.faults.strikes("network: without a date, and twice"):
                return self._write_undated(sms)
            if self.faults.strikes("network: replaces an SMS in place"):
                return self._write_replacing(sms, at)
        return self._hand_over(sms, self._parts(sms, at))

    def write_lone(self, line: int, at: datetime) -> Handover:
        """Write a complaint of one part that lies on a SIM when it is put in."""
        sms = self._lone(line)
        [body] = split_text(sms.text, 0, Shape())
        return self._alone(sms, _octets(encode_deliver(sms.sender, body, at)))

    def write_lone_undated(self, line: int) -> Handover:
        """Write one that the network dated wrongly: the same octets again are another message."""
        sms = self._lone(line)
        [body] = split_text(sms.text, 0, Shape())
        handover = self._alone(sms, _octets(encode_deliver(sms.sender, body, _NO_DATE)))
        self.undated.add(handover.key)
        return handover

    def _lone(self, line: int) -> Sms:
        sender = self._chance.choice(self.citizens)
        sms = Sms(len(self.sent), 0.0, sender, line, Intent.COMPLAINT, "")
        sms.text = self._text(sms, None)
        self.sent.append(sms)
        return sms

    def _alone(self, sms: Sms, octets: bytes) -> Handover:
        handover = Handover(0.0, sms.line, octets)
        sms.keys = (handover.key,)
        return handover

    # -- texts

    def _text(self, sms: Sms, reference: str | None) -> str:
        chance, number = self._chance, sms.number
        body = f"{chance.choice(_TROUBLES)} di {chance.choice(_PLACES)} no {number + 101}"
        if sms.intent is Intent.REPEAT:
            earlier = [
                s
                for s in self.sent[:number]
                if s.sender == sms.sender and s.intent in COMPLAINING and s.text
            ]
            return chance.choice(earlier).text if earlier else f"BTM {body}"
        if sms.intent is Intent.FOLLOW_UP and reference is None:
            sms.intent = Intent.COMPLAINT
        if sms.intent is Intent.FOLLOW_UP:
            return f"BTM {reference} tambahan {number}: {body}"
        if sms.intent is Intent.STATUS:
            return f"BTM STATUS {reference}" if reference else "BTM STATUS"
        return {
            Intent.LONG_COMPLAINT: f"BTM {body}.{_LONG * chance.randint(1, 2)} Urut {number}"
            + chance.choice(("", " 🙏", " [penting]", "…")),
            Intent.CONFIDENTIAL: f"BTM RAHASIA pungutan liar, {body}",
            Intent.URGENT: f"BTM kebakaran rumah sekarang, {body}",
            Intent.HELP: "BTM BANTUAN",
            Intent.TEST: "BTM tes",
            Intent.OPT_OUT: "BTM STOP",
            Intent.UNPREFIXED: f"selamat siang pak, {body}",
            Intent.NOTICE: f"Sisa pulsa Anda Rp{number}000, segera isi ulang.",
        }.get(sms.intent, f"BTM {body}")

    # -- PDUs

    def _parts(self, sms: Sms, at: datetime) -> list[Handover]:
        chance = self._chance
        width = chance.choice((8, 8, 16))
        shape = Shape(reference_width=width, is_cutting_pairs=chance.random() < 0.3)
        reference = self._reference.get(sms.sender, 0)
        bodies = split_text(sms.text, reference, shape)
        if len(bodies) > 1:
            self._reference[sms.sender] = (reference + 1) % 256
        is_direct = self.faults.strikes("network: handed over directly (+CMT)")
        moment = at.astimezone(WESTERN_INDONESIA)
        lines = self._lines(sms, len(bodies))
        parts = []
        for n, body in enumerate(bodies):
            if is_direct:
                body = replace(body, data_coding=body.data_coding | _CLASS_0)
            # the parts of one SMS are submitted one after the other, a second or two each
            pdu = _octets(encode_deliver(sms.sender, body, moment + timedelta(seconds=n)))
            parts.append(Handover(0.4 * n, lines[n], pdu, 0 if is_direct else None))
        return parts

    def _lines(self, sms: Sms, part_count: int) -> list[int]:
        """Return to which line each part is brought."""
        is_spread = self.line_count > 1 and part_count > 1
        if is_spread and self.faults.strikes("network: parts over two lines"):
            first = self._chance.randrange(self.line_count)
            return [(first + n) % self.line_count for n in range(part_count)]
        return [sms.line] * part_count

    def _write_octets(self, sms: Sms) -> list[Handover]:
        octets = bytes.fromhex("07911326040000F0") + self._chance.randbytes(12)
        handover = Handover(0.0, sms.line, octets)
        sms.keys = (handover.key,)
        return [handover]

    def _write_undated(self, sms: Sms) -> list[Handover]:
        """The network's clock is wrong, and the same text is sent twice: the same TPDU, and two messages."""
        [body] = split_text(sms.text, 0, Shape())
        first = Handover(0.0, sms.line, _octets(encode_deliver(sms.sender, body, _NO_DATE)))
        sms.keys = (first.key,)
        self.undated.add(first.key)
        return [first, replace(first, after_s=self._chance.choice((1.0, 8.0, 45.0, 200.0)))]

    def _write_replacing(self, sms: Sms, at: datetime) -> list[Handover]:
        """A second SMS takes the slot of the first, if that still stands there (23.040 section 9.2.3.9)."""
        chance, protocol_id = self._chance, self._chance.randint(0x41, 0x47)
        later = Sms(len(self.sent), sms.at_s, sms.sender, sms.line, sms.intent, f"{sms.text} lagi")
        self.sent.append(later)
        handovers = []
        for each, after_s in ((sms, 0.0), (later, chance.choice((0.05, 0.2, 0.6, 2.0)))):
            [body] = split_text(each.text, 0, Shape())
            moment = at.astimezone(WESTERN_INDONESIA) + timedelta(seconds=len(handovers))
            tpdu = encode_deliver(each.sender, body, moment, protocol_id=protocol_id)
            handover = Handover(after_s, each.line, _octets(tpdu))
            each.keys = (handover.key,)
            handovers.append(handover)
        return handovers

    def _hand_over(self, sms: Sms, parts: list[Handover]) -> list[Handover]:
        faults, many = self.faults, len(parts) > 1
        moments = {n: part.after_s for n, part in enumerate(parts)}
        if many and faults.strikes("network: parts out of order"):
            order = list(moments)
            self._chance.shuffle(order)
            moments = {n: 0.4 * place for place, n in enumerate(order)}
        if many and faults.strikes("network: a part comes after the deadline"):
            late = self._chance.randrange(len(parts))
            moments[late] = PART_DEADLINE_S + self._chance.uniform(600, 7200)
            sms.has_late_part = True
        elif many and faults.strikes("network: a part never comes"):
            del moments[self._chance.randrange(len(parts))]
            sms.has_lost_part = True
        sms.keys = tuple(parts[n].key for n in moments)
        handovers = [replace(parts[n], after_s=after_s) for n, after_s in moments.items()]
        if faults.strikes("network: sent again after its deletion"):
            n = self._chance.choice(list(moments))
            again = moments[n] + self._chance.choice((0.3, 8.0, 45.0))
            pdu = _with_more_messages(parts[n].pdu)
            handovers.append(replace(parts[n], after_s=again, pdu=pdu))
        return handovers


def _octets(tpdu: bytes) -> bytes:
    return bytes.fromhex(store_pdu(DEFAULT_SMSC, tpdu).hex)


def _with_more_messages(pdu: bytes) -> bytes:
    """Return the PDU as the network may send it the second time: it says otherwise whether more are waiting."""
    first = 1 + pdu[0]
    return pdu[:first] + bytes([pdu[first] ^ _MORE_MESSAGES]) + pdu[first + 1 :]
