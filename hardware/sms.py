"""What an SMS is, in the words of 3GPP TS 23.040: addresses, parts, the kinds of TPDU, and where a modem keeps them."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar

from msgspec import Struct

from .discreet import Discreet


class Stat(IntEnum):
    """The `<stat>` of a stored message in PDU mode (27.005 section 3.1)."""

    REC_UNREAD = 0
    REC_READ = 1
    STO_UNSENT = 2
    STO_SENT = 3


class TypeOfNumber(IntEnum):
    """Type of number, bits 6 to 4 of the type-of-address octet (23.040 section 9.1.2.5)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6
    RESERVED = 7


class Alphabet(StrEnum):
    """How the user data is coded (23.038 section 4)."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    OCTETS = "8bit"


class Address(Struct, frozen=True):
    """A TP-OA, TP-DA or TP-RA.

    `number` is `+` and digits for an international number, digits (with `*#abc`) for any other, and the letters of an
    alphanumeric sender. It is what the network said; nothing is normalised here.
    """

    number: str
    type_of_number: TypeOfNumber


class Concat(Struct, frozen=True):
    """The concatenation element of a user data header (23.040 sections 9.2.3.24.1 and 9.2.3.24.8)."""

    reference: int
    width: int  # bits of the reference: 8 or 16
    total: int
    number: int  # 1-based


class Slot(Discreet, frozen=True):
    """One occupied place of a message memory, as one listing showed it.

    `pdu` holds the octets as listed, SMSC field included. When the line could not be read as PDU (not hex, or not
    as long as its header says, also after reading it again) `is_damaged` is set and `pdu` holds the line's own
    octets. `generation` names the connection that listed it: a slot is deleted only on the connection that listed
    it. `holder` is the card or device that the memory is in, where the modem tells: another SIM has other slots
    under the same numbers.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"holder"})

    memory: str  # "SM", "ME", …; "CMT" for a message handed over directly, which no memory holds
    index: int
    stat: int
    length: int | None  # TPDU octets without the SMSC field, as the header says
    pdu: bytes
    is_damaged: bool = False
    generation: int = 0
    holder: str | None = None


class SmsDeliver(Struct, frozen=True):
    """An SMS-DELIVER, or one part of a concatenated one.

    `sent_at` (from TP-SCTS) is aware and keeps the SMSC's offset; it is None where the seven octets are no date.
    `user_data` is what follows the user data header: for GSM7 one septet per byte, else the octets. `text` is this
    part alone; a character cut between two parts is whole only in `pdu.join_text`. May hold lone surrogates.
    """

    smsc: str | None
    sender: Address
    sent_at: datetime | None
    scts: bytes
    protocol_id: int
    data_coding: int
    alphabet: Alphabet
    message_class: int | None
    user_data: bytes
    text: str
    concat: Concat | None = None
    has_more_to_send: bool = False
    is_truncated: bool = False  # the user data ended before TP-UDL said


class SmsStatusReport(Struct, frozen=True):
    """An SMS-STATUS-REPORT: the network's word on one part we submitted."""

    smsc: str | None
    reference: int  # TP-MR of the SMS-SUBMIT
    recipient: Address
    sent_at: datetime | None
    discharged_at: datetime | None
    status: int  # TP-ST, 23.040 section 9.2.3.15


class SmsSubmit(Struct, frozen=True):
    """An SMS-SUBMIT found in a memory: somebody's draft. Never ours to touch."""

    recipient: Address


class Undecodable(Struct, frozen=True):
    """Octets that are no TPDU we can read; `reason` names the field that failed, never the content."""

    reason: str


Decoded = SmsDeliver | SmsStatusReport | SmsSubmit | Undecodable


class SubmitPdu(Struct, frozen=True):
    """An SMS-SUBMIT ready for `AT+CMGS`."""

    octets: bytes  # SMSC field included
    tpdu_length: int  # what AT+CMGS is told
