"""The tables (design.md section 5). Seen by the store alone: everybody else gets the frozen records
of `smsgate.records`.

Rules that hold for all of them:

- Moments are UTC. What the SMSC said keeps its offset beside it (`sent_offset_min`).
- States are the values of the enums of `smsgate.records`, held to them by a CHECK.
- `next_at` of a forward or a reply is set exactly while somebody may claim it, so that the index of
  due rows holds nothing else.
- Text columns never hold U+0000 or a lone surrogate (`columns.escape`); raw octets are bytes.
- `complaint_event` is only ever added to, and holds no personal data.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import sqlalchemy as sa
from pydantic import ConfigDict
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from smsgate.records import (
    Confidentiality,
    Disposition,
    ForwardState,
    PartState,
    ReplyKind,
    ReplyState,
    SmsState,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_ZERO = {"server_default": sa.text("0")}
_ONE = {"server_default": sa.text("1")}
_FALSE = {"server_default": sa.false()}

# SQLite counts its own rows only in a column called INTEGER; PostgreSQL's would end at two thousand
# million.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


OPEN_ADDITION = "kind = 'add' AND state NOT IN ('forwarded', 'refused', 'by_hand')"


def _states(enum: type[StrEnum]) -> sa.Enum:
    """A column of the values of `enum`, kept to them by a CHECK on both databases."""
    return sa.Enum(
        enum,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=True,
        length=32,
        name=enum.__name__.lower(),
    )


def _partial_index(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of some rows; `complete_partial_indexes` tells the database which."""
    return sa.Index(name, *columns, unique=unique, info={"where": where})


class Table(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING))):
    """The root of our tables, with a registry of their own."""

    # Tables do not validate, so what pydantic would build for it at each start stays unbuilt.
    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]


class PartDelivery(StrEnum):
    """Where a submitted part of a reply stands."""

    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


class Sms(Table, table=True):
    """One SMS: whole, or what has come of it so far. `missing` counts the parts still to come."""

    __tablename__: ClassVar[Any] = "sms"
    __table_args__ = (
        sa.Index(None, "service", "identity", "received_at", "text_hash"),
        sa.Index(None, "disposition"),
        sa.Index(None, "complaint_id"),
        _partial_index(
            "ix_sms_open_groups",
            "service",
            "sender",
            where="missing > 0",
        ),
        _partial_index(
            "ix_sms_waiting",
            "service",
            "received_at",
            where="state = 'waiting'",
        ),
        _partial_index(
            "ix_sms_optout",
            "service",
            "identity",
            where="optout IS NOT NULL",
        ),
        sa.CheckConstraint("(state = 'waiting') = (disposition IS NULL)", name="one_disposition"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    gateway: str
    line: str
    service: str
    sender: str | None = None  # as the network said it
    identity: str | None = None  # E.164 where it is a subscriber: who it is for limits and erasure
    is_alphanumeric: bool = False
    state: SmsState = Field(sa_type=_states(SmsState))
    disposition: Disposition | None = Field(default=None, sa_type=_states(Disposition))
    reason: str | None = None
    text: str | None = None
    text_hash: int | None = Field(default=None, sa_type=sa.BigInteger)
    received_at: datetime
    filed_at: datetime | None = None
    sent_at: datetime | None = None
    sent_offset_min: int | None = None
    concat_reference: int | None = None
    concat_width: int | None = None
    concat_total: int = 1
    missing: int = 0
    has_gap: bool = False
    optout: bool | None = None
    complaint_id: int | None = Field(default=None, sa_type=Id, foreign_key="complaint.id")
    sorted_at: datetime | None = None  # when a person filed, joined or dismissed it


class Part(Table, table=True):
    """One TPDU as the modem listed it, with the place where it was seen last."""

    __tablename__: ClassVar[Any] = "part"
    __table_args__ = (
        sa.UniqueConstraint("gateway", "line", "key", "instance"),
        sa.Index(None, "sms_id"),
        _partial_index("ix_part_kept", "gateway", "line", where="state = 'kept'"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    gateway: str
    line: str
    key: bytes  # SHA-256 of the TPDU without SMSC field, TP-MMS masked
    instance: int = 0  # counts messages of one key that only a verified delete told apart
    pdu: bytes  # the octets as listed, whatever they are
    length: int | None = None
    is_damaged: bool = False
    memory: str
    slot_index: int
    holder: str | None = None  # the SIM or device that the memory is in; None: it does not tell
    stat: int
    generation: int
    state: PartState = Field(sa_type=_states(PartState))
    seen_count: int = 1
    received_at: datetime
    deleted_at: datetime | None = None
    sent_at: datetime | None = None
    sent_offset_min: int | None = None
    sender: str | None = None
    concat_reference: int | None = None
    concat_width: int | None = None
    concat_total: int | None = None
    concat_number: int | None = None
    sms_id: int = Field(sa_type=Id, foreign_key="sms.id")


class Sighting(Table, table=True):
    """Further sightings of a part: how often one connection listed it in one place. Bounded however
    long a slot will not go.
    """

    __tablename__: ClassVar[Any] = "sighting"
    __table_args__ = (sa.UniqueConstraint("part_id", "memory", "slot_index", "generation"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    part_id: int = Field(sa_type=Id, foreign_key="part.id")
    memory: str
    slot_index: int
    generation: int
    stat: int
    pdu: bytes | None = None  # where it differs from the part's
    times: int = Field(default=1, sa_column_kwargs=_ONE)
    first_at: datetime
    last_at: datetime


class Complaint(Table, table=True):
    """One complaint."""

    __tablename__: ClassVar[Any] = "complaint"
    __table_args__ = (
        sa.UniqueConstraint("reference"),
        sa.Index(None, "service", "identity", "id"),
        sa.Index(None, "status"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    reference: str
    gateway: str
    line: str
    service: str
    sender: str
    identity: str
    body: str
    raw_text: str
    prefix: str
    confidentiality: Confidentiality = Field(sa_type=_states(Confidentiality))
    is_urgent: bool = False
    text_digest: bytes
    status: str
    unit: str | None = None
    due_at: datetime | None = None
    received_at: datetime
    sent_at: datetime | None = None
    sent_offset_min: int | None = None
    had_concat: bool = False
    repeats: int = Field(default=0, sa_column_kwargs=_ZERO)
    closed_at: datetime | None = None
    asked_at: datetime | None = None  # more was asked of the citizen, and no answer has come
    is_english: bool = Field(default=False, sa_column_kwargs=_FALSE)


class ComplaintEvent(Table, table=True):
    """Who did what to a complaint, and when. Append-only (`tables.APPEND_ONLY`), without personal
    data.
    """

    __tablename__: ClassVar[Any] = "complaint_event"
    __table_args__ = (sa.Index(None, "complaint_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    complaint_id: int = Field(sa_type=Id, foreign_key="complaint.id")
    at: datetime
    actor: str  # line:m1, backend:kota, housekeeper, person:…
    event: str
    detail: dict[str, Any] = Field(sa_type=sa.JSON)


class Forward(Table, table=True):
    """One thing that a backend must be told about a complaint. `fence` grows with every claim."""

    __tablename__: ClassVar[Any] = "forward"
    __table_args__ = (
        sa.UniqueConstraint("complaint_id", "backend", "kind", "sms_id", "revision"),
        sa.UniqueConstraint("idempotency_key"),
        sa.Index(None, "backend", "next_at", "id"),
        sa.Index(None, "backend", "state"),
        _partial_index(
            "uq_forward_one_create",
            "complaint_id",
            "backend",
            unique=True,
            where="kind = 'create'",
        ),
        # A plain complaint is never in it, and costs no more.
        _partial_index(
            "ix_forward_open_additions", "complaint_id", "backend", "id", where=OPEN_ADDITION
        ),
        sa.CheckConstraint("kind IN ('create', 'add')", name="kind"),
        sa.CheckConstraint("next_at IS NULL OR state IN ('due', 'unknown')", name="claimable"),
        sa.CheckConstraint("(state = 'claimed') = (owner IS NOT NULL)", name="owned"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    complaint_id: int = Field(sa_type=Id, foreign_key="complaint.id")
    sms_id: int = Field(sa_type=Id, foreign_key="sms.id")
    backend: str
    kind: str
    revision: int = 0  # late parts of one SMS may add to it more than once
    addition: str | None = None
    idempotency_key: str
    state: ForwardState = Field(sa_type=_states(ForwardState))
    reason: str | None = None
    attempts: int = Field(default=0, sa_column_kwargs=_ZERO)
    fence: int = Field(default=0, sa_column_kwargs=_ZERO)
    owner: str | None = None
    lease_until: datetime | None = None
    next_at: datetime | None = None
    was_unknown: bool = Field(default=False, sa_column_kwargs=_FALSE)
    lookup_count: int = Field(default=0, sa_column_kwargs=_ZERO)
    tracking_id: str | None = None
    created_at: datetime
    settled_at: datetime | None = None


class Reply(Table, table=True):
    """One reply to a sender. Belongs to the line that received."""

    __tablename__: ClassVar[Any] = "reply"
    __table_args__ = (
        sa.Index(None, "gateway", "line", "next_at", "id"),
        sa.Index(None, "service", "identity", "created_at"),
        sa.Index(None, "complaint_id"),
        sa.Index(None, "state"),
        sa.Index(None, "text_hash", "created_at"),
        _partial_index(
            "ix_reply_budget",
            "gateway",
            "created_at",
            where="is_counted",
        ),
        sa.CheckConstraint("next_at IS NULL OR state = 'due'", name="claimable"),
        sa.CheckConstraint("(state = 'claimed') = (owner IS NOT NULL)", name="owned"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    sms_id: int = Field(sa_type=Id, foreign_key="sms.id")
    complaint_id: int | None = Field(default=None, sa_type=Id, foreign_key="complaint.id")
    gateway: str
    line: str
    service: str
    identity: str
    recipient: str
    kind: ReplyKind = Field(sa_type=_states(ReplyKind))
    text: str
    text_hash: int = Field(sa_type=sa.BigInteger)
    state: ReplyState = Field(sa_type=_states(ReplyState))
    is_counted: bool = True  # false for what was suppressed from the start
    reason: str | None = None
    attempts: int = Field(default=0, sa_column_kwargs=_ZERO)
    fence: int = Field(default=0, sa_column_kwargs=_ZERO)
    owner: str | None = None
    lease_until: datetime | None = None
    next_at: datetime | None = None
    expires_at: datetime | None = None
    created_at: datetime
    submitted_at: datetime | None = None
    settled_at: datetime | None = None


class ReplyPart(Table, table=True):
    """One SMS-SUBMIT that the SMSC took, with the TP-MR it was given."""

    __tablename__: ClassVar[Any] = "reply_part"
    __table_args__ = (
        sa.UniqueConstraint("reply_id", "number"),
        sa.Index(None, "gateway", "line", "tp_mr", "submitted_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    reply_id: int = Field(sa_type=Id, foreign_key="reply.id")
    gateway: str
    line: str
    number: int
    tp_mr: int
    state: PartDelivery = Field(default=PartDelivery.SUBMITTED, sa_type=_states(PartDelivery))
    submitted_at: datetime
    report_status: int | None = None
    reported_at: datetime | None = None


class Line(Table, table=True):
    """How a line is doing, as it last said."""

    __tablename__: ClassVar[Any] = "line"

    gateway: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    service: str
    state: str
    reason: str | None = None
    port: str | None = None
    operator: str | None = None
    signal_dbm: int | None = None
    registration: str | None = None
    held: int | None = None
    capacity: int | None = None
    imei: str | None = None
    model: str | None = None
    last_received_at: datetime | None = None
    updated_at: datetime


class BackendState(Table, table=True):
    """Whether a backend may be asked. `held` without `retry_at` waits for a person."""

    __tablename__: ClassVar[Any] = "backend_state"
    __table_args__ = (sa.CheckConstraint("state IN ('ok', 'failing', 'held')", name="state"),)

    name: str = Field(primary_key=True)
    state: str
    reason: str | None = None
    failures: int = Field(default=0, sa_column_kwargs=_ZERO)  # in a row
    retry_at: datetime | None = None
    last_forwarded_at: datetime | None = None
    updated_at: datetime


class Alarm(Table, table=True):
    """Something that needs a person. One row for each key, raised again and again."""

    __tablename__: ClassVar[Any] = "alarm"
    __table_args__ = (sa.UniqueConstraint("gateway", "key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    gateway: str
    key: str
    text: str
    severity: str
    times: int = Field(default=1, sa_column_kwargs=_ONE)
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None


class Audit(Table, table=True):
    """Who read or changed what, when a person did."""

    __tablename__: ClassVar[Any] = "audit"
    __table_args__ = (sa.Index(None, "at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = Field(sa_type=sa.JSON)


class InletMessage(Table, table=True):
    """What somebody pushed to us over HTTP, as it came. The sender's own id keeps it from being
    taken twice.
    """

    __tablename__: ClassVar[Any] = "inlet_message"
    __table_args__ = (sa.UniqueConstraint("inlet", "external_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    inlet: str
    external_id: str
    received_at: datetime
    payload: bytes
    sms_id: int | None = Field(default=None, sa_type=Id, foreign_key="sms.id")


class StoreState(Table, table=True):
    """The store itself, in one row: which it is, how far it has come, and whether it is held.

    `mark` only grows; a host that has seen a higher one knows that an older copy was put back. While
    `held_at` is set nothing is claimed (`restored`).
    """

    __tablename__: ClassVar[Any] = "store_state"
    __table_args__ = (
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.CheckConstraint("(held_at IS NULL) = (reason IS NULL)", name="reason"),
    )

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    token: str  # shared by all copies
    mark: int = Field(sa_type=sa.BigInteger)
    held_at: datetime | None = None
    reason: str | None = None


METADATA: sa.MetaData = Table.metadata


def complete_partial_indexes(dialect: str) -> None:
    """Give each index of some rows its WHERE for this dialect: to be called before tables are made or compared.

    Said at the table, it would import the dialects of both databases at every start.
    """
    for table in METADATA.tables.values():
        for index in table.indexes:
            if "where" in index.info:
                index.dialect_options[dialect]["where"] = sa.text(index.info["where"])


_SQLITE_APPEND_ONLY = tuple(
    f"CREATE TRIGGER complaint_event_no_{verb.lower()} BEFORE {verb} ON complaint_event "
    "BEGIN SELECT RAISE(ABORT, 'complaint_event is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
_POSTGRESQL_APPEND_ONLY = (
    "CREATE FUNCTION smsgate_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'complaint_event is append-only'; END $$",
    "CREATE TRIGGER complaint_event_append_only BEFORE UPDATE OR DELETE ON complaint_event "
    "FOR EACH ROW EXECUTE FUNCTION smsgate_append_only()",
)
APPEND_ONLY = {"sqlite": _SQLITE_APPEND_ONLY, "postgresql": _POSTGRESQL_APPEND_ONLY}
