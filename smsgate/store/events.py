"""The history of complaints: who, what, when. Added to, never changed; without personal data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.store.prepared import Prepared
from smsgate.store.tables import ComplaintEvent

INSERT = Prepared(sa.insert(ComplaintEvent.__table__).inline())  # type: ignore[attr-defined]


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """Add one line (`event_row`) to a complaint's history."""
    INSERT.write(connection, [row])


def event_row(
    complaint_id: int, at: datetime, actor: str, event: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one line: `detail` holds numbers and names of ours, never what people wrote."""
    return {
        "complaint_id": complaint_id,
        "at": at,
        "actor": actor,
        "event": event,
        "detail": dict(detail),
    }
