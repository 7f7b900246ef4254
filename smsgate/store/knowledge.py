"""What the store knows of senders, gathered for a whole batch in a few queries and kept up while
the batch is decided.

The windows are the service's (`KnowledgeLimits`). Counts hold SMS that are filed: one that waits
for parts is none yet.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.engine import Connection

from smsgate.records import (
    ComplaintStatus,
    CompleteSms,
    Confidentiality,
    Decision,
    KnowledgeLimits,
    KnownComplaint,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.store.prepared import Prepared
from smsgate.store.tables import Complaint, Reply, Sms

COMPLAINTS_MAX = 50
INITIAL_STATUS = ComplaintStatus.RECEIVED.value
REOPENED_STATUS = ComplaintStatus.IN_PROGRESS.value

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

_COMPLAINTS = Prepared(
    lambda lists: (
        sa.select(
            _complaint.c.id,
            _complaint.c.identity,
            _complaint.c.reference,
            _complaint.c.text_digest,
            _complaint.c.confidentiality,
            _complaint.c.received_at,
            _complaint.c.status,
            _complaint.c.closed_at,
            _complaint.c.unit,
            _complaint.c.due_at,
            _complaint.c.is_english,
            _complaint.c.asked_at,
            _complaint.c.sent_at,
        )
        .where(
            _complaint.c.service == sa.bindparam("service"),
            _complaint.c.identity.in_(lists("identities")),
            _complaint.c.received_at > sa.bindparam("since"),
        )
        .order_by(_complaint.c.id.desc())
        .limit(sa.bindparam("most"))
    )
)
_SMS_COUNTS = Prepared(
    lambda lists: (
        sa.select(
            _sms.c.identity,
            sa.case((_sms.c.text_hash.in_(lists("hashes")), _sms.c.text_hash), else_=None).label(
                "same"
            ),
            sa.func.count(),
        )
        .where(
            _sms.c.service == sa.bindparam("service"),
            _sms.c.identity.in_(lists("identities")),
            _sms.c.received_at > sa.bindparam("since"),
            _sms.c.text_hash.is_not(None),
        )
        .group_by(_sms.c.identity, sa.literal_column("same"))
    )
)
_REPLY_COUNTS = Prepared(
    lambda lists: (
        sa.select(_reply.c.identity, _reply.c.kind, sa.func.count())
        .where(
            _reply.c.service == sa.bindparam("service"),
            _reply.c.identity.in_(lists("identities")),
            _reply.c.created_at > sa.bindparam("since"),
            _reply.c.is_counted,
        )
        .group_by(_reply.c.identity, _reply.c.kind)
    )
)
_OWN_WORDS = Prepared(
    lambda lists: (
        sa.select(_reply.c.text_hash)
        .where(
            _reply.c.text_hash.in_(lists("hashes")),
            _reply.c.created_at > sa.bindparam("since"),
            _reply.c.attempts > 0,
        )
        .distinct()
    )
)
_OPTOUTS = Prepared(
    lambda lists: (
        sa.select(_sms.c.identity, _sms.c.optout)
        .where(
            _sms.c.service == sa.bindparam("service"),
            _sms.c.identity.in_(lists("identities")),
            sa.literal_column("sms.optout IS NOT NULL"),
        )
        .order_by(_sms.c.id)
    )
)


def _counted_since(moment: str) -> tuple[Any, ...]:
    return (
        _reply.c.gateway == sa.bindparam("gateway"),
        _reply.c.created_at > sa.bindparam(moment),
        # As the partial index says it, else SQLite does not use it.
        sa.literal_column("reply.is_counted"),
    )


def _first_since(moment: str) -> Any:
    return (
        sa.select(_reply.c.id)
        .where(*_counted_since(moment))
        .order_by(_reply.c.created_at)
        .limit(1)
        .scalar_subquery()
    )


# Between the first reply of a window and the newest there are no more replies than numbers.
_SPANS = Prepared(
    sa.select(
        sa.select(sa.func.max(_reply.c.id)).scalar_subquery().label("newest"),
        _first_since("hour").label("hour"),
        _first_since("day").label("day"),
    )
)
_BUDGET = Prepared(
    sa.select(
        sa.func.count(),
        sa.func.coalesce(
            sa.func.sum(sa.case((_reply.c.created_at > sa.bindparam("hour"), 1), else_=0)), 0
        ),
    ).where(*_counted_since("day"))
)


class _Sender(Struct):
    complaints: list[KnownComplaint] = field(default_factory=list)
    replies: int = 0
    sms: int = 0
    same: Counter[int] = field(default_factory=Counter)
    said: Counter[ReplyKind] = field(default_factory=Counter)
    has_opted_out: bool = False


class Window(Struct, frozen=True):
    """Which service, gateway and moment knowledge is gathered for."""

    service: str
    gateway: str
    now: datetime
    limits: KnowledgeLimits


class Knowledge:
    """What is known of the senders of one batch."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._senders: dict[str, _Sender] = defaultdict(_Sender)
        self._own_words: set[int] = set()
        self._replies_hour = 0
        self._replies_day = 0

    @classmethod
    def gather(
        cls,
        connection: Connection,
        window: Window,
        identities: Collection[str],
        hashes: Collection[int],
    ) -> Knowledge:
        """Ask the store about these senders and texts."""
        known = cls(window)
        if not identities:
            return known
        since = window.now - timedelta(seconds=window.limits.reply_window_s)
        asked = {"service": window.service, "identities": sorted(identities), "since": since}
        known._gather_complaints(connection, asked)
        texts = {**asked, "hashes": sorted(hashes)}
        for identity, same, count in _SMS_COUNTS.rows(connection, texts):
            sender = known._senders[identity]
            sender.sms += count
            if same is not None:
                sender.same[same] += count
        for identity, kind, count in _REPLY_COUNTS.rows(connection, asked):
            known._senders[identity].replies += count
            known._senders[identity].said[ReplyKind(kind)] += count
        for identity, optout in _OPTOUTS.rows(connection, asked):
            known._senders[identity].has_opted_out = optout
        own = _OWN_WORDS.rows(connection, {"hashes": sorted(hashes), "since": since})
        known._own_words.update(row.text_hash for row in own)
        known._gather_budget(connection)
        return known

    def of(self, identity: str, text_hash: int) -> SenderKnowledge:
        """Return what is known of a sender, at this point of the batch."""
        sender = self._senders[identity]
        return SenderKnowledge(
            complaints=tuple(sender.complaints[:COMPLAINTS_MAX]),
            replies_in_window=sender.replies,
            sms_today=sender.sms,
            same_text_in_window=sender.same[text_hash],
            is_own_reply=text_hash in self._own_words,
            limit_said_in_window=ReplyKind.LIMIT in sender.said,
            empty_said_in_window=ReplyKind.EMPTY in sender.said,
            pointer_said_in_window=ReplyKind.POINTER in sender.said,
            said_in_window=dict(sender.said),
            has_opted_out=sender.has_opted_out,
            gateway_replies_hour=self._replies_hour,
            gateway_replies_day=self._replies_day,
        )

    def note(self, identity: str, text_hash: int, decision: Decision) -> None:
        """Take in what an SMS of this batch became. Its complaint, if it made one, is noted by
        `note_complaint`.
        """
        sender = self._senders[identity]
        sender.sms += 1
        sender.same[text_hash] += 1
        for reply in decision.replies:
            if reply.suppressed_reason is None:
                sender.replies += 1
                sender.said[reply.kind] += 1
                self._replies_hour += 1
                self._replies_day += 1
        if decision.optout is not None:
            sender.has_opted_out = decision.optout

    def note_complaint(
        self, identity: str, complaint_id: int, decision: Decision, sms: CompleteSms
    ) -> None:
        """Take in a complaint that this batch files."""
        new = decision.complaint
        assert new is not None
        complaint = KnownComplaint(
            id=complaint_id,
            reference=new.reference,
            text_digest=new.text_digest,
            confidentiality=new.confidentiality,
            received_at=sms.received_at,
            status=INITIAL_STATUS,
            is_open=True,
            is_english=new.is_english,
            asked_at=self._window.now if decision.is_asking else None,
            sent_at=sms.sent_at,
        )
        self._senders[identity].complaints.insert(0, complaint)

    def _gather_complaints(self, connection: Connection, asked: dict[str, Any]) -> None:
        since = self._window.now - timedelta(seconds=self._window.limits.complaints_window_s)
        identities = asked["identities"]
        most = COMPLAINTS_MAX * len(identities)
        asked = {**asked, "since": since, "most": most}
        rows = _COMPLAINTS.rows(connection, asked)
        if len(rows) == most and len(identities) > 1:
            # Somebody has so many that they may hide another's: ask for each.
            rows = [
                row
                for identity in identities
                for row in _COMPLAINTS.rows(
                    connection, {**asked, "identities": [identity], "most": COMPLAINTS_MAX}
                )
            ]
        for row in rows:
            self._senders[row.identity].complaints.append(known_complaint(row))

    def _gather_budget(self, connection: Connection) -> None:
        """Count the gateway's replies where their number may matter: on a busy day they are many thousands."""
        now = self._window.now
        asked = {
            "gateway": self._window.gateway,
            "hour": now - timedelta(hours=1),
            "day": now - timedelta(days=1),
        }
        [(newest, *firsts)] = _SPANS.rows(connection, asked)
        hour, day = (0 if first is None else newest - first + 1 for first in firsts)
        limits = self._window.limits
        if hour >= limits.counted_from_hour or day >= limits.counted_from_day:
            [(day, hour)] = _BUDGET.rows(connection, asked)
        self._replies_day, self._replies_hour = int(day), int(hour)


def known_complaint(row: Any) -> KnownComplaint:
    """Return what intake needs of a row of `complaint`."""
    return KnownComplaint(
        id=row.id,
        reference=row.reference,
        text_digest=row.text_digest,
        confidentiality=Confidentiality(row.confidentiality),
        received_at=row.received_at,
        status=row.status,
        is_open=row.closed_at is None,
        unit=row.unit,
        due_at=row.due_at,
        is_english=row.is_english,
        closed_at=row.closed_at,
        asked_at=row.asked_at,
        sent_at=row.sent_at,
    )
