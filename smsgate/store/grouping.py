"""Which parts make one SMS. Pure (design.md section 3, Sameness).

Parts belong together when service, sender, reference, width and total agree, their SCTS lie close,
and no two have the same number with other content. A reference is reused after 256 messages at the
latest, often sooner by chance: the closeness keeps an old half from being completed by a new
message's half.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from msgspec import Struct, field

from hardware.sms import Address, TypeOfNumber
from smsgate.records import SmsState
from smsgate.store.sameness import Arrival

PROXIMITY = timedelta(hours=1)  # a phone submits its parts within minutes, however bad the coverage

GroupKey = tuple[str, int, int, int]  # sender, reference, width, total


class Group(Struct):
    """A concatenated SMS, stored or about to be: what there is of it."""

    key: GroupKey
    received_at: datetime
    sent_at: datetime | None = (
        None  # SCTS of its first part, with its offset; None where implausible
    )
    sms_id: int | None = None
    state: SmsState = SmsState.WAITING
    complaint_id: int | None = None
    is_alphanumeric: bool = False
    pdus: dict[int, bytes] = field(default_factory=dict)  # by part number
    keys: dict[int, bytes] = field(default_factory=dict)
    new: list[Arrival] = field(default_factory=list)

    @property
    def sender(self) -> Address:
        """Who sent it."""
        kind = TypeOfNumber.ALPHANUMERIC if self.is_alphanumeric else TypeOfNumber.UNKNOWN
        return Address(self.key[0], kind)

    @property
    def total(self) -> int:
        """How many parts it has when it is whole."""
        return self.key[3]

    @property
    def moment(self) -> datetime:
        """When it was sent; where the SCTS is no date, when we read it."""
        return self.sent_at or self.received_at

    @property
    def missing(self) -> int:
        """How many parts are not here."""
        return self.total - len(self.pdus)

    def can_take(self, number: int, key: bytes, moment: datetime) -> bool:
        """Whether a part fits: the number is missing, or is the very same TPDU by another line; and
        it was sent close to it.
        """
        if abs(moment - self.moment) > PROXIMITY:
            return False
        return self.keys.get(number, key) == key

    def add(self, arrival: Arrival, number: int) -> None:
        """Take a new part in."""
        self.pdus.setdefault(number, arrival.part.slot.pdu)
        self.keys.setdefault(number, arrival.part.key)
        self.new.append(arrival)


class Groups:
    """The open groups of a batch's senders; finds each part its own, or opens one."""

    def __init__(self, stored: list[Group], now: datetime) -> None:
        self._now = now
        self._by_key: dict[GroupKey, list[Group]] = defaultdict(list)
        for group in stored:
            self._by_key[group.key].append(group)

    def place(self, arrival: Arrival) -> Group:
        """Put a part where it belongs and return its group."""
        deliver, concat = arrival.deliver, arrival.concat
        assert deliver is not None
        assert concat is not None
        key = (deliver.sender.number, concat.reference, concat.width, concat.total)
        moment = arrival.sent_at or self._now
        fitting = [
            group
            for group in self._by_key[key]
            if group.can_take(concat.number, arrival.part.key, moment)
        ]
        if fitting:
            # Where several lack this number, the one sent closest to it.
            group = min(fitting, key=lambda g: abs(moment - g.moment))
        else:
            group = Group(
                key,
                self._now,
                arrival.sent_at,
                is_alphanumeric=deliver.sender.type_of_number is TypeOfNumber.ALPHANUMERIC,
            )
            self._by_key[key].append(group)
        group.add(arrival, concat.number)
        return group
