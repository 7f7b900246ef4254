"""The few additions of a complaint that are still on their way, found among all that ever were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index them; nothing else changes."""
    is_open = sa.text("kind = 'add' AND state NOT IN ('forwarded', 'refused', 'by_hand')")
    op.create_index(
        "ix_forward_open_additions",
        "forward",
        ["complaint_id", "backend", "id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
