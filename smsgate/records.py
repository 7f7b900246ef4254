"""The rows of the store as the rest of the gateway sees them: frozen, typed, without SQL; and every state by name.

Moments are aware and in UTC unless the field says otherwise. Texts are what people typed: they go to the store, to the
backends and to the citizen, and nowhere else (no log, metric, exception or event).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct, field

from hardware.discreet import Discreet
from hardware.sms import Decoded, Slot


class ComplaintStatus(StrEnum):
    """How far a complaint is, in the words that citizens are told."""

    RECEIVED = "diterima"
    NEEDS_MORE = "perlu data"
    IN_PROGRESS = "proses"
    ANSWERED = "dijawab"
    CLOSED = "selesai"
    NOT_OURS = "bukan wewenang"
    CANCELLED = "dibatalkan"


class Disposition(StrEnum):
    """What became of a complete SMS. Every SMS that was read has exactly one; `waiting` is the open remainder."""

    COMPLAINT = "complaint"
    FOLLOW_UP = "follow-up"
    REPEAT = "repeat"
    QUERY = "query"  # status asked, help asked
    TEST = "test"  # nothing but the keyword, or a trial
    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"
    OPERATOR_NOTICE = "operator notice"
    REPORT = "report"  # an SMS-STATUS-REPORT
    ECHO = "echo"
    TRIAGE = "triage"
    UNDECODABLE = "undecodable"
    QUARANTINED = "quarantined"


class Dismissal(StrEnum):
    """Why an SMS is no complaint. Fixed words: they are counted, and nobody is named in them."""

    SPAM = "spam"
    SAYS_NOTHING = "says-nothing"
    OTHER_CITY = "other-city"
    NOT_FOR_US = "not-for-us"
    DEALT_WITH = "dealt-with"


class SmsState(StrEnum):
    """Where an SMS stands: parts missing, or decided."""

    WAITING = "waiting"
    FILED = "filed"
    UNDECODABLE = "undecodable"
    QUARANTINED = "quarantined"


class PartState(StrEnum):
    """Where a part stands on the modem: `kept` may still be there, `deleted` was seen gone."""

    KEPT = "kept"
    DELETED = "deleted"


class ForwardState(StrEnum):
    """Where one complaint stands with one backend."""

    DUE = "due"
    CLAIMED = "claimed"
    FORWARDED = "forwarded"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNCONFIRMED = "unconfirmed"
    HELD_BY_PERSON = "held_by_person"
    BY_HAND = "by_hand"


class ReplyState(StrEnum):
    """Where one reply stands. `submitted`: the SMSC took it; `delivered` only where the network's report says so."""

    DUE = "due"
    CLAIMED = "claimed"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNCONFIRMED = "unconfirmed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class Confidentiality(StrEnum):
    """How far the sender's number goes (domain.md section 2)."""

    PLAIN = "plain"
    RAHASIA = "rahasia"  # not to backends
    ANONIM = "anonim"  # not to administrators either


class ReplyKind(StrEnum):
    """Which text a reply is (domain.md section 4)."""

    ACK = "ack"
    REGISTERED = "registered"
    ACK_RAHASIA = "ack_rahasia"
    ACK_ANONIM = "ack_anonim"
    NEED_MORE = "need_more"
    HELP = "help"
    EMPTY = "empty"
    STATUS = "status"
    ANSWER = "answer"
    CLOSED = "closed"
    PASSED_ON = "passed_on"
    REJECTED = "rejected"
    LATE = "late"
    UNKNOWN_REF = "unknown_ref"
    DUPLICATE = "duplicate"
    LIMIT = "limit"
    EMERGENCY = "emergency"
    OPTOUT = "optout"
    OPTIN = "optin"
    POINTER = "pointer"  # no or a wrong prefix: how it is done
    ADDED = "added"  # a follow-up was added to its complaint


# --- receiving -------------------------------------------------------------------------------------------------------


class ReceivedPart(Struct, frozen=True):
    """One slot of a listing, decoded: what `Store.receive` takes."""

    slot: Slot
    key: bytes  # SHA-256 of the TPDU without SMSC field, TP-MMS masked (modem.md section 4)
    decoded: Decoded


class CompleteSms(Struct, frozen=True):
    """A whole SMS, assembled: what `intake.decide` looks at.

    `has_gap`: its deadline passed with parts missing; `text` marks where. `is_completion`: a late part completed an
    SMS that was filed with a gap; `complaint_id` is then the complaint it belongs to.
    """

    service: str
    line: str
    sender: str  # as the network said it: "+62812…", "1708", "TELKOMSEL"
    is_alphanumeric: bool
    text: str
    sent_at: datetime | None  # TP-SCTS, with the SMSC's offset
    received_at: datetime
    part_count: int = 1
    has_gap: bool = False
    is_completion: bool = False
    complaint_id: int | None = None


class KnownComplaint(Struct, frozen=True):
    """An earlier complaint of the same sender, as far as intake needs it."""

    id: int
    reference: str
    text_digest: bytes
    confidentiality: Confidentiality
    received_at: datetime
    status: str
    is_open: bool
    unit: str | None = None
    due_at: datetime | None = None
    is_english: bool = False
    closed_at: datetime | None = None
    asked_at: datetime | None = None  # more was asked, and no answer has come
    sent_at: datetime | None = None  # as the network said it


class SenderKnowledge(Struct, frozen=True):
    """What the store knows of a sender, at this instant of this transaction, for this service."""

    complaints: Sequence[
        KnownComplaint
    ] = ()  # newest first, at most 50, no older than the service's limits ask for
    replies_in_window: int = (
        0  # replies made for this sender (suppressed ones not counted) in the reply window
    )
    sms_today: int = 0  # SMS from this sender in the reply window, this one not counted
    same_text_in_window: int = (
        0  # SMS from this sender with this very text in the reply window, this one not counted
    )
    is_own_reply: bool = (
        False  # the text is one we submitted to anybody lately: our own words coming back
    )
    limit_said_in_window: bool = False  # the `limit` reply went out already
    empty_said_in_window: bool = False  # the example went out already
    pointer_said_in_window: bool = False  # how it is done was told already
    said_in_window: Mapping[ReplyKind, int] = field(default_factory=dict)  # replies by kind
    has_opted_out: bool = False
    gateway_replies_hour: int = 0
    gateway_replies_day: int = 0


class NewComplaint(Struct, frozen=True):
    """A complaint to be filed; the store adds its due forwards, one per backend of the service."""

    reference: str
    body: str
    raw_text: str
    prefix: str
    confidentiality: Confidentiality
    is_urgent: bool
    text_digest: bytes
    is_english: bool = False


class NewReply(Struct, frozen=True):
    """A reply to be kept. With `suppressed_reason` it is kept as `suppressed` and never sent."""

    kind: ReplyKind
    recipient: str  # E.164 where the sender was a subscriber, else as the network said it
    text: str
    expires_after_s: float | None = None
    suppressed_reason: str | None = None


class Decision(Struct, frozen=True):
    """What a complete SMS becomes. The store writes all of it in the transaction that stored the SMS."""

    disposition: Disposition
    complaint: NewComplaint | None = None
    complaint_id: int | None = None  # the complaint that a follow-up, repeat or query is about
    replies: Sequence[NewReply] = ()
    forward_addition: str | None = (
        None  # text to add (`backend.add`) to the complaint named by complaint_id
    )
    reason: str | None = None  # fixed words for the ledger, never content
    optout: bool | None = None
    answers_question: bool = False  # what was asked about `complaint_id` need not be asked any more
    reopened_due_at: datetime | None = None  # the complaint is open again, and due then

    @property
    def is_asking(self) -> bool:
        """Whether a question goes to the citizen, who may answer without naming the complaint."""
        return any(
            reply.kind is ReplyKind.NEED_MORE and reply.suppressed_reason is None
            for reply in self.replies
        )


class Shown(Struct, frozen=True):
    """What a listing proves about where parts lie.

    `keys` has every occupied place with the key of its TPDU, None where it could not be read. `whole` are the memories
    of which nothing was passed over, each with the card or device that it is in (None: the modem does not tell).
    """

    keys: Mapping[tuple[str, int], bytes | None]
    whole: Mapping[str, str | None]


# (sms, what the store knows, a reference nobody has) → what it becomes. Pure.
Decide = Callable[[CompleteSms, SenderKnowledge, str], Decision]


class KnowledgeLimits(Struct, frozen=True):
    """How far back `Store.receive` looks when it gathers a SenderKnowledge; one per service.

    While the gateway has surely fewer replies than `counted_from_hour` and `counted_from_day` within these, they are
    not counted: what is told is never less than they are.
    """

    reply_window_s: float = 24 * 3600.0
    complaints_window_s: float = 365 * 24 * 3600.0
    counted_from_hour: int = 0
    counted_from_day: int = 0


class Received(Struct, frozen=True):
    """What one committed batch did. `committed` is what may be deleted from the modem now, and nothing else may."""

    committed: tuple[Slot, ...] = ()
    part_ids: Mapping[tuple[str, int], int] = field(
        default_factory=dict
    )  # (memory, index) → part row
    new_parts: int = 0
    sightings: int = 0
    filed: int = 0
    has_due_replies: bool = False
    due_backends: frozenset[str] = frozenset()
    quarantined: int = 0


class Redecoded(Struct, frozen=True):
    """What became of the SMS that could not be read when they came.

    `filed` are decided on now; `joined` wait for the rest of their parts; `seen` turned out to be messages that the
    store had; `stays` are as they were.
    """

    filed: int = 0
    joined: int = 0
    seen: int = 0
    stays: int = 0


# --- outbox ----------------------------------------------------------------------------------------------------------


class ForwardClaim(Struct, frozen=True):
    """One forward held by this process under a lease. `fence` is the token that settling must carry."""

    id: int
    fence: int
    backend: str
    kind: str  # "create", or "add": a follow-up or a late part for a complaint the backend already has
    idempotency_key: str
    attempt: int  # 1 on the first
    was_unknown: bool  # an earlier attempt's answer was lost
    lookup_count: int  # how often the backend was asked for our reference since then
    complaint: ForwardedComplaint
    tracking_id: str | None = None  # for "add": what the backend called it
    created_at: datetime | None = None


class ForwardedComplaint(Struct, frozen=True):
    """What a backend is given (domain.md section 5). `sender` is None when confidential or anonymous."""

    reference: str
    text: str
    raw_text: str
    received_at: datetime  # ours, UTC
    sent_at: datetime | None  # the SMSC's, with its offset
    sender: str | None
    is_confidential: bool
    is_anonymous: bool
    is_urgent: bool
    prefix: str
    service: str
    service_number: str


class ReplyClaim(Struct, frozen=True):
    """One reply held by this process under a lease. `parts_submitted`: numbers of parts the SMSC took already."""

    id: int
    fence: int
    kind: ReplyKind
    recipient: str
    text: str
    attempt: int
    created_at: datetime
    expires_at: datetime | None
    parts_submitted: frozenset[int] = frozenset()


# --- looking ---------------------------------------------------------------------------------------------------------


class LineRecord(Discreet, frozen=True):
    """How a line is doing, as it last said (table `line`), for `status` and the metrics."""

    hidden: ClassVar[frozenset[str]] = frozenset({"imei"})

    gateway: str
    name: str
    service: str
    state: str
    reason: str | None = None
    port: str | None = None
    operator: str | None = None
    signal_dbm: int | None = None
    registration: str | None = None
    held: int | None = None  # SMS in the modem's memories
    capacity: int | None = None
    imei: str | None = None
    model: str | None = None
    last_received_at: datetime | None = None
    updated_at: datetime | None = None


class BackendRecord(Struct, frozen=True):
    """How a backend is doing (table `backend_state` and the counts of its forwards)."""

    name: str
    state: str  # ok | failing | held
    reason: str | None
    due: int
    oldest_due_at: datetime | None
    retry_at: datetime | None
    last_forwarded_at: datetime | None


class Restoration(Struct, frozen=True):
    """That the store was put back from a copy and nothing goes out: since when, why, and what waits for a person."""

    held_at: datetime
    reason: str
    forwards: int
    replies: int

    @property
    def sentence(self) -> str:
        """What a person is told, with the next thing to do."""
        return (
            f"The store is held since {self.held_at:%Y-%m-%d %H:%M} UTC: {self.reason}. SMS are received; "
            f"{self.forwards} forwards and {self.replies} replies wait, and some went out before. "
            "Compare with the backends, then run `smsgate db release`."
        )


class StatusCounts(Struct, frozen=True):
    """Counts by state, for `status`, the metrics and the demo."""

    sms: Mapping[str, int]  # by disposition, `waiting` included
    complaints: Mapping[str, int]  # by status
    forwards: Mapping[str, int]  # by state
    replies: Mapping[str, int]  # by state
    parts: int = 0
    sightings: int = 0


class ForwardRecord(Struct, frozen=True):
    """One forward, as `complaints show` prints it."""

    backend: str
    kind: str
    state: ForwardState
    tracking_id: str | None
    attempts: int
    reason: str | None
    next_at: datetime | None
    settled_at: datetime | None


class ReplyRecord(Struct, frozen=True):
    """One reply, as `complaints show` prints it."""

    id: int
    kind: ReplyKind
    state: ReplyState
    text: str
    reason: str | None
    created_at: datetime
    submitted_at: datetime | None
    references: tuple[int, ...] = ()  # TP-MR of each part


class EventRecord(Struct, frozen=True):
    """One line of a complaint's history: who, what, when."""

    at: datetime
    actor: str
    event: str
    detail: Mapping[str, str | int | None]


class ComplaintRecord(Struct, frozen=True):
    """One complaint, as `complaints list|show` prints it. Lists come without texts, forwards, replies and events."""

    id: int
    reference: str
    service: str
    line: str
    sender: str | None  # None for ANONIM: administrators do not see it
    body: str
    confidentiality: Confidentiality
    is_urgent: bool
    status: str
    received_at: datetime
    sent_at: datetime | None
    repeats: int = 0
    forwards: tuple[ForwardRecord, ...] = ()
    replies: tuple[ReplyRecord, ...] = ()
    events: tuple[EventRecord, ...] = ()
