"""What tells a store that was put back from a copy from one that went on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of one row; the daemon fills it when it first owns the store."""
    op.create_table(
        "store_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", AutoString(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("held_at", UTCDateTime(), nullable=True),
        sa.Column("reason", AutoString(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_store_state_one_row")),
        sa.CheckConstraint(
            "(held_at IS NULL) = (reason IS NULL)", name=op.f("ck_store_state_reason")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_store_state"),
    )
