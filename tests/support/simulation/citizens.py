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

from simulation.faults import Faults

from hardware.pdu import tpdu_key
from hardware.simulator.codec import Shape, encode_deliver, split_text, store_pdu
from hardware.simulator.network import DEFAULT_SMSC, WESTERN_INDONESIA

PART_DEADLINE_S = 6 * 3600.0  # a history's own, so that not everything else expires meanwhile
_MORE_MESSAGES = 0x04  # TP-MMS

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


@dataclass(slots=True)
class Sms:
    """One SMS that somebody sent: its text, and the TPDUs that the network made of it."""

    number: int
    at_s: float
    sender: str
    line: int
    intent: Intent
    text: str
    keys: tuple[bytes, ...] = ()
    has_late_part: bool = False
    has_lost_part: bool = False

    @property
    def is_on_time(self) -> bool:
        """Whether all its parts come before the deadline."""
        return not (self.has_late_part or self.has_lost_part)


@dataclass(frozen=True, slots=True)
class Handover:
    """One PDU that the network brings to a line, so long after the SMS was sent."""

    after_s: float
    pdu: bytes


@dataclass
class Town:
    """The people of one history and what they send."""

    seed: int
    faults: Faults
    line_count: int
    sent: list[Sms] = field(default_factory=list)

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
        return self._hand_over(sms, self._parts(sms, at))

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

    def _parts(self, sms: Sms, at: datetime) -> list[bytes]:
        width = self._chance.choice((8, 8, 16))
        shape = Shape(reference_width=width, is_cutting_pairs=self._chance.random() < 0.3)
        reference = self._reference.get(sms.sender, 0)
        bodies = split_text(sms.text, reference, shape)
        if len(bodies) > 1:
            self._reference[sms.sender] = (reference + 1) % 256
        moment = at.astimezone(WESTERN_INDONESIA)
        # the parts of one SMS are submitted one after the other, a second or two each
        return [
            _octets(encode_deliver(sms.sender, body, moment + timedelta(seconds=n)))
            for n, body in enumerate(bodies)
        ]

    def _write_octets(self, sms: Sms) -> list[Handover]:
        octets = bytes.fromhex("07911326040000F0") + self._chance.randbytes(12)
        sms.keys = (tpdu_key(octets),)
        return [Handover(0.0, octets)]

    def _hand_over(self, sms: Sms, pdus: list[bytes]) -> list[Handover]:
        faults, many = self.faults, len(pdus) > 1
        moments = {n: 0.4 * n for n in range(len(pdus))}
        if many and faults.strikes("network: parts out of order"):
            order = list(moments)
            self._chance.shuffle(order)
            moments = {n: 0.4 * place for place, n in enumerate(order)}
        if many and faults.strikes("network: a part comes after the deadline"):
            late = self._chance.randrange(len(pdus))
            moments[late] = PART_DEADLINE_S + self._chance.uniform(600, 7200)
            sms.has_late_part = True
        elif many and faults.strikes("network: a part never comes"):
            del moments[self._chance.randrange(len(pdus))]
            sms.has_lost_part = True
        sms.keys = tuple(tpdu_key(pdus[n]) for n in moments)
        handovers = [Handover(after_s, pdus[n]) for n, after_s in moments.items()]
        if faults.strikes("network: sent again after its deletion"):
            n = self._chance.choice(list(moments))
            again = moments[n] + self._chance.choice((0.3, 8.0, 45.0))
            handovers.append(Handover(again, _with_more_messages(pdus[n])))
        return handovers


def _octets(tpdu: bytes) -> bytes:
    return bytes.fromhex(store_pdu(DEFAULT_SMSC, tpdu).hex)


def _with_more_messages(pdu: bytes) -> bytes:
    """Return the PDU as the network may send it the second time: it says otherwise whether more are waiting."""
    first = 1 + pdu[0]
    return pdu[:first] + bytes([pdu[first] ^ _MORE_MESSAGES]) + pdu[first + 1 :]
