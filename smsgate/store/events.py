"""The history of complaints: who, what, when. Added to, never changed; without personal data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.tables import ComplaintEvent

INSERT = sa.insert(ComplaintEvent.__table__)  # type: ignore[attr-defined]


def add(
    connection: Connection,
    complaint_id: int,
    at: datetime,
    actor: str,
    event: str,
    detail: Mapping[str, Any],
) -> None:
    """Add one line to a complaint's history. `detail` holds numbers, names of ours and of backends,
    never what people wrote.
    """
    row = event_row(complaint_id, at, actor, event, detail)
    connection.execute(INSERT, row)


def event_row(
    complaint_id: int, at: datetime, actor: str, event: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row of one line."""
    return {
        "complaint_id": complaint_id,
        "at": at,
        "actor": actor,
        "event": event,
        "detail": dict(detail),
    }
