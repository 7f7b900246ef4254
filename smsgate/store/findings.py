"""What the store holds that a person must know, asked once a round: by indices, and in bounded time
however much there is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from smsgate.findings import Findings, Left
from smsgate.records import Disposition, ForwardState, ReplyState
from smsgate.store.prepared import Prepared
from smsgate.store.room import Room
from smsgate.store.tables import Complaint, Forward, Reply, Sms

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_forward: Any = Forward.__table__  # type: ignore[attr-defined]
_reply: Any = Reply.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]


_QUARANTINED = Prepared(
    sa.select(sa.func.count().label("sms")).where(_sms.c.disposition == Disposition.QUARANTINED)
)
_LEFT = Prepared(
    lambda lists: (
        sa.select(
            _forward.c.backend,
            sa.func.count(_forward.c.complaint_id.distinct()).label("complaints"),
            sa.func.max(_forward.c.complaint_id).label("latest"),
        )
        .where(
            _forward.c.backend.in_(lists("backends")),
            _forward.c.state == sa.bindparam("the_state"),
        )
        .group_by(_forward.c.backend)
    )
)
_REFERENCE = Prepared(
    sa.select(_complaint.c.reference).where(_complaint.c.id == sa.bindparam("the_id"))
)
_LAST_SUPPRESSED = Prepared(lambda lists: _last_suppressed(lists("reasons")))
_LATEST_NOTICES = Prepared(lambda lists: _latest_notices(lists("reasons")))
LOOKED_AT_MAX = 1000  # of the newest: what is older than these concerns nobody any more


def _last_suppressed(reasons: Sequence[Any]) -> Any:
    newest = _newest(_reply, _reply.c.state == ReplyState.SUPPRESSED, _reply.c.created_at)
    return (
        sa.select(newest.c.created_at)
        .where(newest.c.gateway == sa.bindparam("the_gateway"), newest.c.reason.in_(reasons))
        .order_by(newest.c.id.desc())
        .limit(1)
    )


def _latest_notices(reasons: Sequence[Any]) -> Any:
    newest = _newest(_sms, _sms.c.disposition == Disposition.OPERATOR_NOTICE, _sms.c.line)
    latest = (
        sa.select(sa.func.max(newest.c.id))
        .where(newest.c.gateway == sa.bindparam("the_gateway"), newest.c.reason.in_(reasons))
        .group_by(newest.c.line)
    )
    return sa.select(_sms.c.line, _sms.c.reason, _sms.c.received_at).where(_sms.c.id.in_(latest))


def _newest(table: Any, condition: Any, column: Any) -> Any:
    """The `most` newest rows that the condition's index has, whatever their gateway and reason."""
    return (
        sa.select(table.c.id, table.c.gateway, table.c.reason, column)
        .where(condition)
        .order_by(table.c.id.desc())
        .limit(sa.bindparam("most"))
        .subquery()
    )


def find(room: Room, suppressions: Collection[str], notices: Collection[str]) -> Findings:
    """Look for what is left to persons. `suppressions` and `notices` are the reasons that count."""
    backends = {backend for facts in room.services.values() for backend in facts.backends}
    limits, written = (
        {"the_gateway": room.gateway, "reasons": sorted(reasons), "most": LOOKED_AT_MAX}
        for reasons in (suppressions, notices)
    )
    with room.database.read() as connection:
        return Findings(
            quarantined=_QUARANTINED.rows(connection, {})[0].sms,
            refused=_left(connection, backends, ForwardState.REFUSED),
            unconfirmed=_left(connection, backends, ForwardState.UNCONFIRMED),
            limited_at=next(
                (row.created_at for row in _LAST_SUPPRESSED.rows(connection, limits)), None
            ),
            notices={
                row.line: (row.reason, row.received_at)
                for row in _LATEST_NOTICES.rows(connection, written)
            },
        )


def _left(
    connection: Connection, backends: Collection[str], state: ForwardState
) -> dict[str, Left]:
    if not backends:
        return {}
    found = _LEFT.rows(connection, {"backends": sorted(backends), "the_state": state})
    return {
        row.backend: Left(
            row.complaints, _REFERENCE.rows(connection, {"the_id": row.latest})[0].reference
        )
        for row in found
    }
