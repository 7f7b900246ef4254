"""The gate that every claim passes: closed while a restored store waits for a person (`restored`)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from smsgate.store.tables import StoreState

STATE: Any = StoreState.__table__  # type: ignore[attr-defined]

IS_CLOSED = sa.exists().where(STATE.c.id == 1, STATE.c.held_at.is_not(None))
