"""A question that is open, the language of a complaint, and what a person sorted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; nothing was asked, and nothing was sorted by hand, until now."""
    op.add_column("complaint", sa.Column("asked_at", UTCDateTime(), nullable=True))
    op.add_column(
        "complaint",
        sa.Column("is_english", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("sms", sa.Column("sorted_at", UTCDateTime(), nullable=True))
