"""What persons did to the store: who, when, what. Without numbers and texts of citizens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.tables import Audit

_audit: Any = Audit.__table__  # type: ignore[attr-defined]


def audit_row(
    at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one line: `subject` is what was looked at or changed, by our names."""
    return {
        "at": at,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": dict(detail),
    }


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """Add one line (`audit_row`)."""
    connection.execute(sa.insert(_audit).values(**row))
