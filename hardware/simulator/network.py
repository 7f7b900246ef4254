"""The simulated network: an SMSC that keeps what a modem cannot take, subscribers who get what modems submit."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

from msgspec import Struct, field

from .codec import (
    Concat,
    Shape,
    StoredPdu,
    Submit,
    encode_deliver,
    encode_report,
    split_text,
    store_pdu,
)

WESTERN_INDONESIA = timezone(timedelta(hours=7))
DEFAULT_SMSC = "+6281100000"
_COUNTRY = "62"
_PLAIN_SHAPE = Shape()
# what the network answers to a USSD code; "<code> <reply>" makes <code> a menu
USSD = {"*888#": "Sisa pulsa Rp25.000 aktif s.d. 31/12/2030"}


class Clock(Protocol):
    """Where TP-SCTS comes from."""

    def now(self) -> datetime:
        """Return the moment, aware."""
        ...


class _SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Handset(Protocol):
    """What the network knows of a modem."""

    number: str

    def take(self, pdu: StoredPdu) -> bool:
        """Store or show the PDU; False when it cannot be taken now, then the network offers it again later."""
        ...


class Received(Struct, frozen=True):
    """A whole SMS as a subscriber's phone shows it."""

    text: str
    sender: str
    at: datetime


class Subscriber(Struct):
    """A citizen's phone: sends with its own concatenation references, and joins the parts it gets."""

    number: str
    inbox: list[Received] = field(default_factory=list)
    reference: int = 0
    _open: dict[tuple[str, int, int, int], dict[int, str]] = field(default_factory=dict)

    @property
    def incomplete_count(self) -> int:
        """How many concatenated SMS still lack parts."""
        return len(self._open)

    def receive(self, sender: str, text: str, concat: Concat | None, at: datetime) -> None:
        """Take one part; the SMS is in the inbox once all are there."""
        if concat is None or concat.total == 1:
            self.inbox.append(Received(_mend(text), sender, at))
            return
        key = (sender, concat.reference, concat.width, concat.total)
        parts = self._open.setdefault(key, {})
        parts[concat.number] = text
        if len(parts) == concat.total:
            del self._open[key]
            whole = "".join(parts[number] for number in sorted(parts))
            self.inbox.append(Received(_mend(whole), sender, at))


class Network:
    """An SMSC and its subscribers. All methods may be called from any thread; `lock` guards the modems on it too."""

    def __init__(
        self, *, clock: Clock | None = None, seed: int = 0, smsc: str = DEFAULT_SMSC
    ) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.clock: Clock = clock or _SystemClock()
        self.random = random.Random(seed)
        self.seed = seed
        self.smsc = smsc
        self.submitted_count = 0
        self.ussd = dict(USSD)
        self._handsets: dict[str, Handset] = {}
        self._subscribers: dict[str, Subscriber] = {}
        self._queues: dict[str, deque[StoredPdu]] = {}

    # -- modems

    def attach(self, handset: Handset) -> None:
        """Give a modem its place; raises ValueError when its number is taken."""
        number = canonical_number(handset.number)
        with self.lock:
            if number in self._handsets:
                raise ValueError("two modems cannot have one number")
            self._handsets[number] = handset
            self._queues.setdefault(number, deque())

    def detach(self, handset: Handset) -> None:
        """Switch a modem off for good; what is queued for it waits for the next one with its number."""
        with self.lock:
            self._handsets.pop(canonical_number(handset.number), None)

    def flush(self, number: str) -> None:
        """Offer what is queued for `number`, in order, until its modem takes no more."""
        number = canonical_number(number)
        with self.lock:
            handset = self._handsets.get(number)
            queue = self._queues.get(number)
            if handset is None or not queue:
                return
            while queue and handset.take(queue[0]):
                queue.popleft()
            if not queue:
                self.changed.notify_all()

    def take_back(self, number: str, pdu: StoredPdu) -> None:
        """Queue again, in front, what a modem was shown and never acknowledged."""
        with self.lock:
            self._queues.setdefault(canonical_number(number), deque()).appendleft(pdu)

    def submit(self, sender: str, submit: Submit, _reference: int) -> None:
        """Take an SMS-SUBMIT from a modem and bring it to its recipient, at once."""
        recipient = canonical_number(submit.recipient)
        with self.lock:
            self.submitted_count += 1
            at = self.moment()
            if recipient in self._handsets:
                tpdu = encode_deliver(sender, submit.body, at, protocol_id=submit.protocol_id)
                self._enqueue(recipient, [store_pdu(self.smsc, tpdu)])
            else:
                self.subscriber(recipient).receive(sender, submit.text, submit.concat, at)
            self.changed.notify_all()

    def report(
        self,
        sender: str,
        submit: Submit,
        reference: int,
        *,
        status: int,
        taken_at: datetime | None = None,
    ) -> None:
        """Tell the modem that submitted, at `taken_at` or now, what became of it.

        TP-ST 0: delivered, 20h to 3Fh: still trying.
        """
        with self.lock:
            now = self.moment()
            tpdu = encode_report(
                reference, submit.recipient, at=taken_at or now, discharged_at=now, status=status
            )
            self._enqueue(canonical_number(sender), [store_pdu(self.smsc, tpdu, is_report=True)])

    # -- subscribers

    def subscriber(self, number: str) -> Subscriber:
        """Return the phone with this number; every number that is no modem's has one."""
        number = canonical_number(number)
        with self.lock:
            return self._subscribers.setdefault(number, Subscriber(number))

    def inboxes(self) -> dict[str, list[Received]]:
        """Return what every subscriber has received."""
        with self.lock:
            return {
                number: list(phone.inbox)
                for number, phone in self._subscribers.items()
                if phone.inbox
            }

    def send(self, sender: str, recipient: str, text: str, *, shape: Shape = _PLAIN_SHAPE) -> int:
        """Send `text` as a phone would; return how many parts the SMSC took, which waits as long as it must."""
        with self.lock:
            pdus = self._write_parts(sender, text, shape)
            self._enqueue(canonical_number(recipient), pdus)
            return len(pdus)

    def submit_deliver(self, recipient: str, pdu: bytes) -> None:
        """Queue a PDU of your own making, SMSC field included, whatever its octets."""
        length = len(pdu) - 1 - pdu[0] if pdu else 0
        with self.lock:
            self._enqueue(
                canonical_number(recipient), [StoredPdu(pdu.hex().upper(), max(length, 0))]
            )

    def waiting(self, number: str) -> int:
        """Return how many parts the SMSC still keeps for this number."""
        with self.lock:
            return len(self._queues.get(canonical_number(number), ()))

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `predicate` holds, asked after each submission and each emptied queue; False when time is up."""
        with self.changed:
            return self.changed.wait_for(predicate, timeout_s)

    def moment(self) -> datetime:
        """Return the moment in the network's own zone."""
        return self.clock.now().astimezone(WESTERN_INDONESIA)

    def _enqueue(self, recipient: str, pdus: Sequence[StoredPdu]) -> None:
        self._queues.setdefault(recipient, deque()).extend(pdus)
        self.flush(recipient)

    def _write_parts(self, sender: str, text: str, shape: Shape) -> list[StoredPdu]:
        phone = self.subscriber(sender)
        bodies = split_text(text, phone.reference, shape)
        if len(bodies) > 1:
            phone.reference = (phone.reference + 1) % (1 << shape.reference_width)
        at = self.moment()
        pdus: list[StoredPdu] = []
        for number, body in enumerate(bodies, 1):
            if number in shape.lost:
                continue
            for is_repeated in (False, True) if number in shape.doubled else (False,):
                tpdu = encode_deliver(
                    sender, body, at, protocol_id=shape.protocol_id, is_repeated=is_repeated
                )
                pdus.append(store_pdu(self.smsc, tpdu, message_class=shape.message_class))
        if shape.is_shuffled:
            self.random.shuffle(pdus)
        return pdus


def canonical_number(number: str) -> str:
    """Return one form for the ways an Indonesian number is dialled; short codes and names stay as they are."""
    if number.startswith("0") and len(number) > 6:
        return f"+{_COUNTRY}{number[1:]}"
    if number.startswith(_COUNTRY) and len(number) > 9 and number.isdigit():
        return f"+{number}"
    return number


def _mend(text: str) -> str:
    """Join surrogate halves that met again; lone ones become U+FFFD."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
