"""Files what waited too long for its parts: with the gaps marked, and in the store for ever
(design.md section 2, step 8).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from smsgate.errors import StoreUnavailable
from smsgate.records import SmsState
from smsgate.store import held
from smsgate.store.columns import identity_of, lock_key
from smsgate.store.deciding import Deciding, Deliberation
from smsgate.store.failures import Conflict
from smsgate.store.filing import Filing
from smsgate.store.knowledge import Window
from smsgate.store.prepared import Prepared
from smsgate.store.receive import CONFLICT_TRIES, unit_of_group
from smsgate.store.room import Room
from smsgate.store.rows import Place
from smsgate.store.tables import Sms

log = structlog.get_logger(__name__)

_sms: Any = Sms.__table__  # type: ignore[attr-defined]

OVERDUE_MAX = 500  # in one round

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_LATE = Prepared(
    sa.select(_sms.c.id)
    .where(
        _sms.c.service == sa.bindparam("the_service"),
        sa.literal_column("sms.state = 'waiting'"),
        # past the deadline; or whole, and yet nobody decided
        sa.or_(_sms.c.missing == 0, _sms.c.received_at <= sa.bindparam("latest")),
    )
    .order_by(_sms.c.received_at)
    .limit(sa.bindparam("most"))
)


class Overdue:
    """Looks for SMS past the deadline of their parts."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._given_up: set[int] = set()  # not even quarantine took them: for another program

    def file(self, service: str, deciding: Deciding) -> int:
        """File every SMS of a service that waits for parts past the deadline, each by itself;
        return how many.
        """
        now = self._room.now()
        latest = _NEVER
        if self._room.time.is_trusted(now):
            latest = now - timedelta(seconds=self._room.facts_of(service).parts_deadline_s)
        asked = {
            "the_service": service,
            "latest": latest,
            "most": OVERDUE_MAX + len(self._given_up),
        }
        with self._room.database.read() as connection:
            late = [row.id for row in _LATE.rows(connection, asked)]
        return sum(
            self._file_or_quarantine(sms_id, service, deciding)
            for sms_id in late
            if sms_id not in self._given_up
        )

    def _file_or_quarantine(self, sms_id: int, service: str, deciding: Deciding) -> int:
        """File one; where that raises, in quarantine; where that does too, leave it as it is."""
        try:
            return self._insist(sms_id, service, deciding)
        except StoreUnavailable:
            raise
        except Exception as error:
            reason = type(error).__name__
            log.error("message_quarantined", sms_id=sms_id, error=reason)
        try:
            return self._insist(sms_id, service, deciding.into_quarantine(reason))
        except StoreUnavailable:
            raise
        except Exception as error:
            log.error("overdue_sms_given_up", sms_id=sms_id, error=type(error).__name__)
            self._given_up.add(sms_id)
            return 0

    def _insist(self, sms_id: int, service: str, deciding: Deciding) -> int:
        """File one, again where another transaction took a reference first."""
        database = self._room.database
        for _ in range(CONFLICT_TRIES - 1):
            with suppress(Conflict):
                return database.run(lambda c: self._file_one(c, sms_id, service, deciding))
        return database.run(lambda c: self._file_one(c, sms_id, service, deciding))

    def _file_one(
        self, connection: Connection, sms_id: int, service: str, deciding: Deciding
    ) -> int:
        by_id = sa.select(_sms).where(_sms.c.id == sms_id)
        row = connection.execute(by_id).one()
        [group] = held.groups_of(connection, [row])
        held.lock_keys(connection, [lock_key(service, identity_of(group.sender))])
        row = connection.execute(by_id).one()  # as it is now that nobody else decides
        if row.state != SmsState.WAITING:
            return 0
        [group] = held.groups_of(connection, [row])
        now = self._room.now()
        unit = unit_of_group(group, self._place(row, now), is_overdue=True)
        window = Window(service, self._room.gateway, now, self._room.limits_of(service))
        Deliberation(connection, window, deciding).decide([unit])
        Filing(connection, self._place(row, now)).write([unit])
        return 1

    def _place(self, row: Any, now: datetime) -> Place:
        """Where it is filed: the line that received its first part, which answers it."""
        return Place(
            gateway=row.gateway,
            line=row.line,
            service=row.service,
            backends=self._room.facts_of(row.service).backends,
            actor="housekeeper",
            now=now,
        )
