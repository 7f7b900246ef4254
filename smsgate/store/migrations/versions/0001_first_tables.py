"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CONFIDENTIALITY = ("plain", "rahasia", "anonim")
SMSSTATE = ("waiting", "filed", "undecodable", "quarantined")
DISPOSITION = (
    "complaint",
    "follow-up",
    "repeat",
    "query",
    "test",
    "opt-out",
    "opt-in",
    "operator notice",
    "report",
    "echo",
    "triage",
    "undecodable",
    "quarantined",
)
FORWARDSTATE = (
    "due",
    "claimed",
    "forwarded",
    "refused",
    "unknown",
    "unconfirmed",
    "held_by_person",
    "by_hand",
)
PARTSTATE = ("kept", "deleted")
REPLYKIND = (
    *"ack registered ack_rahasia ack_anonim need_more help empty status answer closed".split(),  # noqa: SIM905
    *"passed_on rejected late unknown_ref duplicate limit emergency optout optin pointer added".split(),  # noqa: SIM905
)
REPLYSTATE = (
    "due",
    "claimed",
    "submitted",
    "delivered",
    "undelivered",
    "unconfirmed",
    "suppressed",
    "expired",
)
PARTDELIVERY = ("submitted", "delivered", "undelivered")


def _column(name: str, kind: Any, *, is_optional: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=is_optional, **more)


def _states(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make every table, in the order in which they point to each other."""
    _make_alarm()
    _make_audit()
    _make_backend_state()
    _make_complaint()
    _make_line()
    _make_complaint_event()
    _make_sms()
    _make_forward()
    _make_inlet_message()
    _make_part()
    _make_reply()
    _make_reply_part()
    _make_sighting()
    _make_history_append_only()


def _make_alarm() -> None:
    op.create_table(
        "alarm",
        _column("id", Id),
        _column("gateway", AutoString()),
        _column("key", AutoString()),
        _column("text", AutoString()),
        _column("severity", AutoString()),
        _column("times", sa.Integer(), server_default=sa.text("1")),
        _column("raised_at", UTCDateTime()),
        _column("last_at", UTCDateTime()),
        _column("cleared_at", UTCDateTime(), is_optional=True),
        _column("acknowledged_at", UTCDateTime(), is_optional=True),
        _column("acknowledged_by", AutoString(), is_optional=True),
        sa.PrimaryKeyConstraint("id", name="pk_alarm"),
        sa.UniqueConstraint("gateway", "key", name="uq_alarm_gateway_key"),
    )


def _make_audit() -> None:
    op.create_table(
        "audit",
        _column("id", Id),
        _column("at", UTCDateTime()),
        _column("actor", AutoString()),
        _column("action", AutoString()),
        _column("subject", AutoString()),
        _column("detail", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def _make_backend_state() -> None:
    op.create_table(
        "backend_state",
        _column("name", AutoString()),
        _column("state", AutoString()),
        _column("reason", AutoString(), is_optional=True),
        _column("failures", sa.Integer(), server_default=sa.text("0")),
        _column("retry_at", UTCDateTime(), is_optional=True),
        _column("last_forwarded_at", UTCDateTime(), is_optional=True),
        _column("updated_at", UTCDateTime()),
        sa.CheckConstraint(
            "state IN ('ok', 'failing', 'held')", name=op.f("ck_backend_state_state")
        ),
        sa.PrimaryKeyConstraint("name", name="pk_backend_state"),
    )


def _make_complaint() -> None:
    op.create_table(
        "complaint",
        _column("id", Id),
        _column("reference", AutoString()),
        _column("gateway", AutoString()),
        _column("line", AutoString()),
        _column("service", AutoString()),
        _column("sender", AutoString()),
        _column("identity", AutoString()),
        _column("body", AutoString()),
        _column("raw_text", AutoString()),
        _column("prefix", AutoString()),
        _column("confidentiality", _states("confidentiality", CONFIDENTIALITY)),
        _column("is_urgent", sa.Boolean()),
        _column("text_digest", sa.LargeBinary()),
        _column("status", AutoString()),
        _column("unit", AutoString(), is_optional=True),
        _column("due_at", UTCDateTime(), is_optional=True),
        _column("received_at", UTCDateTime()),
        _column("sent_at", UTCDateTime(), is_optional=True),
        _column("sent_offset_min", sa.Integer(), is_optional=True),
        _column("had_concat", sa.Boolean()),
        _column("repeats", sa.Integer(), server_default=sa.text("0")),
        _column("closed_at", UTCDateTime(), is_optional=True),
        sa.PrimaryKeyConstraint("id", name="pk_complaint"),
        sa.UniqueConstraint("reference", name="uq_complaint_reference"),
    )
    op.create_index("ix_complaint_service_identity_id", "complaint", ["service", "identity", "id"])
    op.create_index("ix_complaint_status", "complaint", ["status"])


def _make_line() -> None:
    op.create_table(
        "line",
        _column("gateway", AutoString()),
        _column("name", AutoString()),
        _column("service", AutoString()),
        _column("state", AutoString()),
        _column("reason", AutoString(), is_optional=True),
        _column("port", AutoString(), is_optional=True),
        _column("operator", AutoString(), is_optional=True),
        _column("signal_dbm", sa.Integer(), is_optional=True),
        _column("registration", AutoString(), is_optional=True),
        _column("held", sa.Integer(), is_optional=True),
        _column("capacity", sa.Integer(), is_optional=True),
        _column("imei", AutoString(), is_optional=True),
        _column("model", AutoString(), is_optional=True),
        _column("last_received_at", UTCDateTime(), is_optional=True),
        _column("updated_at", UTCDateTime()),
        sa.PrimaryKeyConstraint("gateway", "name", name="pk_line"),
    )


def _make_complaint_event() -> None:
    op.create_table(
        "complaint_event",
        _column("id", Id),
        _column("complaint_id", Id),
        _column("at", UTCDateTime()),
        _column("actor", AutoString()),
        _column("event", AutoString()),
        _column("detail", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
            name="fk_complaint_event_complaint_id_complaint",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_complaint_event"),
    )
    op.create_index("ix_complaint_event_complaint_id", "complaint_event", ["complaint_id"])


def _make_sms() -> None:
    op.create_table(
        "sms",
        _column("id", Id),
        _column("gateway", AutoString()),
        _column("line", AutoString()),
        _column("service", AutoString()),
        _column("sender", AutoString(), is_optional=True),
        _column("identity", AutoString(), is_optional=True),
        _column("is_alphanumeric", sa.Boolean()),
        _column("state", _states("smsstate", SMSSTATE)),
        _column("disposition", _states("disposition", DISPOSITION), is_optional=True),
        _column("reason", AutoString(), is_optional=True),
        _column("text", AutoString(), is_optional=True),
        _column("text_hash", sa.BigInteger(), is_optional=True),
        _column("received_at", UTCDateTime()),
        _column("filed_at", UTCDateTime(), is_optional=True),
        _column("sent_at", UTCDateTime(), is_optional=True),
        _column("sent_offset_min", sa.Integer(), is_optional=True),
        _column("concat_reference", sa.Integer(), is_optional=True),
        _column("concat_width", sa.Integer(), is_optional=True),
        _column("concat_total", sa.Integer()),
        _column("missing", sa.Integer()),
        _column("has_gap", sa.Boolean()),
        _column("optout", sa.Boolean(), is_optional=True),
        _column("complaint_id", Id, is_optional=True),
        sa.CheckConstraint(
            "(state = 'waiting') = (disposition IS NULL)", name=op.f("ck_sms_one_disposition")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name="fk_sms_complaint_id_complaint"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sms"),
    )
    op.create_index("ix_sms_complaint_id", "sms", ["complaint_id"])
    op.create_index("ix_sms_disposition", "sms", ["disposition"])
    op.create_index("ix_sms_open_groups", "sms", ["service", "sender"], **_where("missing > 0"))
    op.create_index("ix_sms_optout", "sms", ["service", "identity"], **_where("optout IS NOT NULL"))
    op.create_index(
        "ix_sms_service_identity_received_at_text_hash",
        "sms",
        ["service", "identity", "received_at", "text_hash"],
    )
    op.create_index(
        "ix_sms_waiting", "sms", ["service", "received_at"], **_where("state = 'waiting'")
    )


def _make_forward() -> None:
    op.create_table(
        "forward",
        _column("id", Id),
        _column("complaint_id", Id),
        _column("sms_id", Id),
        _column("backend", AutoString()),
        _column("kind", AutoString()),
        _column("revision", sa.Integer()),
        _column("addition", AutoString(), is_optional=True),
        _column("idempotency_key", AutoString()),
        _column("state", _states("forwardstate", FORWARDSTATE)),
        _column("reason", AutoString(), is_optional=True),
        _column("attempts", sa.Integer(), server_default=sa.text("0")),
        _column("fence", sa.Integer(), server_default=sa.text("0")),
        _column("owner", AutoString(), is_optional=True),
        _column("lease_until", UTCDateTime(), is_optional=True),
        _column("next_at", UTCDateTime(), is_optional=True),
        _column("was_unknown", sa.Boolean(), server_default=sa.false()),
        _column("lookup_count", sa.Integer(), server_default=sa.text("0")),
        _column("tracking_id", AutoString(), is_optional=True),
        _column("created_at", UTCDateTime()),
        _column("settled_at", UTCDateTime(), is_optional=True),
        sa.CheckConstraint(
            "(state = 'claimed') = (owner IS NOT NULL)", name=op.f("ck_forward_owned")
        ),
        sa.CheckConstraint("kind IN ('create', 'add')", name=op.f("ck_forward_kind")),
        sa.CheckConstraint(
            "next_at IS NULL OR state IN ('due', 'unknown')", name=op.f("ck_forward_claimable")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name="fk_forward_complaint_id_complaint"
        ),
        sa.ForeignKeyConstraint(["sms_id"], ["sms.id"], name="fk_forward_sms_id_sms"),
        sa.PrimaryKeyConstraint("id", name="pk_forward"),
        sa.UniqueConstraint(
            "complaint_id",
            "backend",
            "kind",
            "sms_id",
            "revision",
            name="uq_forward_complaint_id_backend_kind_sms_id_revision",
        ),
        sa.UniqueConstraint("idempotency_key", name="uq_forward_idempotency_key"),
    )
    op.create_index("ix_forward_backend_next_at_id", "forward", ["backend", "next_at", "id"])
    op.create_index("ix_forward_backend_state", "forward", ["backend", "state"])
    op.create_index(
        "uq_forward_one_create",
        "forward",
        ["complaint_id", "backend"],
        unique=True,
        **_where("kind = 'create'"),
    )


def _make_inlet_message() -> None:
    op.create_table(
        "inlet_message",
        _column("id", Id),
        _column("inlet", AutoString()),
        _column("external_id", AutoString()),
        _column("received_at", UTCDateTime()),
        _column("payload", sa.LargeBinary()),
        _column("sms_id", Id, is_optional=True),
        sa.ForeignKeyConstraint(["sms_id"], ["sms.id"], name="fk_inlet_message_sms_id_sms"),
        sa.PrimaryKeyConstraint("id", name="pk_inlet_message"),
        sa.UniqueConstraint("inlet", "external_id", name="uq_inlet_message_inlet_external_id"),
    )


def _make_part() -> None:
    op.create_table(
        "part",
        _column("id", Id),
        _column("gateway", AutoString()),
        _column("line", AutoString()),
        _column("key", sa.LargeBinary()),
        _column("instance", sa.Integer()),
        _column("pdu", sa.LargeBinary()),
        _column("length", sa.Integer(), is_optional=True),
        _column("is_damaged", sa.Boolean()),
        _column("memory", AutoString()),
        _column("slot_index", sa.Integer()),
        _column("stat", sa.Integer()),
        _column("generation", sa.Integer()),
        _column("state", _states("partstate", PARTSTATE)),
        _column("seen_count", sa.Integer()),
        _column("received_at", UTCDateTime()),
        _column("deleted_at", UTCDateTime(), is_optional=True),
        _column("sent_at", UTCDateTime(), is_optional=True),
        _column("sent_offset_min", sa.Integer(), is_optional=True),
        _column("sender", AutoString(), is_optional=True),
        _column("concat_reference", sa.Integer(), is_optional=True),
        _column("concat_width", sa.Integer(), is_optional=True),
        _column("concat_total", sa.Integer(), is_optional=True),
        _column("concat_number", sa.Integer(), is_optional=True),
        _column("sms_id", Id),
        sa.ForeignKeyConstraint(["sms_id"], ["sms.id"], name="fk_part_sms_id_sms"),
        sa.PrimaryKeyConstraint("id", name="pk_part"),
        sa.UniqueConstraint(
            "gateway", "line", "key", "instance", name="uq_part_gateway_line_key_instance"
        ),
    )
    op.create_index("ix_part_sms_id", "part", ["sms_id"])


def _make_reply() -> None:
    op.create_table(
        "reply",
        _column("id", Id),
        _column("sms_id", Id),
        _column("complaint_id", Id, is_optional=True),
        _column("gateway", AutoString()),
        _column("line", AutoString()),
        _column("service", AutoString()),
        _column("identity", AutoString()),
        _column("recipient", AutoString()),
        _column("kind", _states("replykind", REPLYKIND)),
        _column("text", AutoString()),
        _column("text_hash", sa.BigInteger()),
        _column("state", _states("replystate", REPLYSTATE)),
        _column("is_counted", sa.Boolean()),
        _column("reason", AutoString(), is_optional=True),
        _column("attempts", sa.Integer(), server_default=sa.text("0")),
        _column("fence", sa.Integer(), server_default=sa.text("0")),
        _column("owner", AutoString(), is_optional=True),
        _column("lease_until", UTCDateTime(), is_optional=True),
        _column("next_at", UTCDateTime(), is_optional=True),
        _column("expires_at", UTCDateTime(), is_optional=True),
        _column("created_at", UTCDateTime()),
        _column("submitted_at", UTCDateTime(), is_optional=True),
        _column("settled_at", UTCDateTime(), is_optional=True),
        sa.CheckConstraint(
            "(state = 'claimed') = (owner IS NOT NULL)", name=op.f("ck_reply_owned")
        ),
        sa.CheckConstraint("next_at IS NULL OR state = 'due'", name=op.f("ck_reply_claimable")),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name="fk_reply_complaint_id_complaint"
        ),
        sa.ForeignKeyConstraint(["sms_id"], ["sms.id"], name="fk_reply_sms_id_sms"),
        sa.PrimaryKeyConstraint("id", name="pk_reply"),
    )
    op.create_index("ix_reply_budget", "reply", ["gateway", "created_at"], **_where("is_counted"))
    op.create_index("ix_reply_complaint_id", "reply", ["complaint_id"])
    op.create_index(
        "ix_reply_gateway_line_next_at_id", "reply", ["gateway", "line", "next_at", "id"]
    )
    op.create_index(
        "ix_reply_service_identity_created_at", "reply", ["service", "identity", "created_at"]
    )
    op.create_index("ix_reply_state", "reply", ["state"])
    op.create_index("ix_reply_text_hash_created_at", "reply", ["text_hash", "created_at"])


def _make_reply_part() -> None:
    op.create_table(
        "reply_part",
        _column("id", Id),
        _column("reply_id", Id),
        _column("gateway", AutoString()),
        _column("line", AutoString()),
        _column("number", sa.Integer()),
        _column("tp_mr", sa.Integer()),
        _column("state", _states("partdelivery", PARTDELIVERY)),
        _column("submitted_at", UTCDateTime()),
        _column("report_status", sa.Integer(), is_optional=True),
        _column("reported_at", UTCDateTime(), is_optional=True),
        sa.ForeignKeyConstraint(["reply_id"], ["reply.id"], name="fk_reply_part_reply_id_reply"),
        sa.PrimaryKeyConstraint("id", name="pk_reply_part"),
        sa.UniqueConstraint("reply_id", "number", name="uq_reply_part_reply_id_number"),
    )
    op.create_index(
        "ix_reply_part_gateway_line_tp_mr_submitted_at",
        "reply_part",
        ["gateway", "line", "tp_mr", "submitted_at"],
    )


def _make_sighting() -> None:
    op.create_table(
        "sighting",
        _column("id", Id),
        _column("part_id", Id),
        _column("memory", AutoString()),
        _column("slot_index", sa.Integer()),
        _column("generation", sa.Integer()),
        _column("stat", sa.Integer()),
        _column("pdu", sa.LargeBinary(), is_optional=True),
        _column("times", sa.Integer(), server_default=sa.text("1")),
        _column("first_at", UTCDateTime()),
        _column("last_at", UTCDateTime()),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name="fk_sighting_part_id_part"),
        sa.PrimaryKeyConstraint("id", name="pk_sighting"),
        sa.UniqueConstraint(
            "part_id",
            "memory",
            "slot_index",
            "generation",
            name="uq_sighting_part_id_memory_slot_index_generation",
        ),
    )


def _make_history_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER complaint_event_no_{verb.lower()} BEFORE {verb} ON complaint_event "
                "BEGIN SELECT RAISE(ABORT, 'complaint_event is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION smsgate_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'complaint_event is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER complaint_event_append_only BEFORE UPDATE OR DELETE ON complaint_event "
        "FOR EACH ROW EXECUTE FUNCTION smsgate_append_only()"
    )
