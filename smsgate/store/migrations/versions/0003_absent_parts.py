"""What tells a part that is gone from one that lies on another SIM."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Note the SIM or device of each part from now on, and find the few parts that modems hold."""
    op.add_column("part", sa.Column("holder", AutoString(), nullable=True))
    is_kept = sa.text("state = 'kept'")
    op.create_index(
        "ix_part_kept",
        "part",
        ["gateway", "line"],
        sqlite_where=is_kept,
        postgresql_where=is_kept,
    )
