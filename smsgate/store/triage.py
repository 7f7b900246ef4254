"""What a person makes of SMS that nobody else could: a complaint, an addition to one, or nothing.

The rules:

- Each is one transaction, under the lock that receiving takes on the sender: the daemon may run.
- Of two persons who sort the same SMS one is first; the other is told what it became, and nothing more
  happens.
- An SMS that is dismissed stays triage in the ledger, since that is what the gateway could make of it.
  It can still be filed or joined where somebody says so once more: a complaint that was dismissed by
  mistake is not lost.
- What was done, and by whom, is in the audit; and in the history of the complaint, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from smsgate.errors import SmsgateError
from smsgate.records import (
    CompleteSms,
    Confidentiality,
    Decide,
    Decision,
    Dismissal,
    Disposition,
    KnownComplaint,
    SenderKnowledge,
    SmsState,
)
from smsgate.store import audit, held
from smsgate.store.columns import lock_key, with_offset
from smsgate.store.deciding import Deciding, Deliberation
from smsgate.store.failures import Conflict
from smsgate.store.filing import Filing
from smsgate.store.knowledge import Window, known_complaint
from smsgate.store.messages import MessageRecord, message_query, message_record
from smsgate.store.receive import unit_of_group
from smsgate.store.room import Room
from smsgate.store.rows import Place, Unit
from smsgate.store.tables import Audit, Complaint, Sms

_audit: Any = Audit.__table__  # type: ignore[attr-defined]
_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_sms: Any = Sms.__table__  # type: ignore[attr-defined]

CONFLICT_TRIES = 3  # a reference that another transaction took in between
CANDIDATES_MAX = 10

# (sms, what is known, the complaint, whether it is the sender's own) → the joining. Pure.
DecideJoining = Callable[[CompleteSms, SenderKnowledge, KnownComplaint, bool], Decision]


class NotInTriage(SmsgateError):
    """There is no such SMS, or it is no triage, or somebody else has sorted it."""


class NoSuchComplaint(SmsgateError):
    """No complaint of the SMS's service has this reference."""


class Destination(Struct, frozen=True):
    """Another service of this gateway, and the line of it by which the sender is answered."""

    service: str
    line: str


class Candidate(Struct, frozen=True):
    """An earlier complaint of the same sender, to which an SMS may belong."""

    reference: str
    status: str
    received_at: datetime


class Triage:
    """One person at the table. With `is_again` what was dismissed may be taken up again."""

    def __init__(
        self,
        room: Room,
        *,
        actor: str,
        new_reference: Callable[[], str],
        is_again: bool = False,
    ) -> None:
        self._room = room
        self._actor = actor
        self._new_reference = new_reference
        self._is_again = is_again

    def file(self, sms_id: int, decide: Decide, to: Destination | None = None) -> str:
        """File an SMS as a complaint, which goes the whole way; return its reference.

        `to`: it is another service's complaint. The SMS stays one that came in where it did.
        """
        return self._with_new_reference(lambda c: self._file(c, sms_id, decide, to))

    def join(self, sms_id: int, reference: str, decide: DecideJoining) -> None:
        """Add an SMS to a complaint of its service, also of another sender; that one is not told."""
        self._with_new_reference(lambda c: self._join(c, sms_id, reference, decide))

    def dismiss(self, sms_id: int, reason: Dismissal) -> None:
        """Set an SMS aside: it is no complaint."""

        def dismiss(connection: Connection) -> None:
            self._take(connection, sms_id)
            values = {"reason": f"dismissed: {reason.value}", "sorted_at": self._room.now()}
            connection.execute(sa.update(_sms).where(_sms.c.id == sms_id).values(values))
            self._note(connection, "triage_dismissed", sms_id, {"reason": reason.value})

        self._room.database.run(dismiss)

    # --- in the transaction -----------------------------------------------------------------------

    def _with_new_reference(self, work: Callable[[Connection], str]) -> str:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return self._room.database.run(work)
            except Conflict:
                continue
        return self._room.database.run(work)

    def _file(
        self, connection: Connection, sms_id: int, decide: Decide, to: Destination | None
    ) -> str:
        row = self._take(connection, sms_id, to)
        decision = self._decide(connection, row, decide, to)
        assert decision.complaint is not None
        reference = decision.complaint.reference
        detail = {"reference": reference} | ({} if to is None else {"service": to.service})
        self._note(connection, "triage_filed", sms_id, detail)
        return reference

    def _join(
        self, connection: Connection, sms_id: int, reference: str, decide: DecideJoining
    ) -> str:
        row = self._take(connection, sms_id)
        found = connection.execute(
            sa.select(_complaint).where(
                _complaint.c.reference == reference, _complaint.c.service == row.service
            )
        ).one_or_none()
        if found is None:
            raise NoSuchComplaint(
                f"no complaint of the service {row.service} has the reference {reference}: "
                "see `smsgate complaints list`"
            )
        complaint, is_own = known_complaint(found), found.identity == row.identity
        self._decide(connection, row, lambda sms, known, _: decide(sms, known, complaint, is_own))
        self._note(connection, "triage_joined", sms_id, {"reference": reference})
        return reference

    def _take(self, connection: Connection, sms_id: int, to: Destination | None = None) -> Any:
        """Return the SMS, held for this transaction, if it is still to be sorted."""
        by_id = sa.select(_sms).where(_sms.c.id == sms_id)
        row = connection.execute(by_id).one_or_none()
        if row is not None and row.identity is not None:
            services = {row.service} | ({to.service} if to is not None else set())
            held.lock_keys(connection, {lock_key(name, row.identity) for name in services})
        row = connection.execute(by_id.with_for_update()).one_or_none()
        if row is None:
            raise NotInTriage(f"no SMS has the number {sms_id}: see `smsgate triage list`")
        if row.disposition != Disposition.TRIAGE:
            raise NotInTriage(
                f"SMS {sms_id} is not in triage, it is {row.disposition or 'waiting for parts'}"
                f"{_by(connection, sms_id)}: see `smsgate messages show {sms_id}`"
            )
        if row.sorted_at is not None and not self._is_again:
            raise NotInTriage(
                f"SMS {sms_id} was {row.reason}{_by(connection, sms_id)}: "
                "take it up again with `--again`"
            )
        return row

    def _decide(
        self, connection: Connection, row: Any, decide: Decide, to: Destination | None = None
    ) -> Decision:
        now = self._room.now()
        service = row.service if to is None else to.service
        place = Place(
            gateway=row.gateway if to is None else self._room.gateway,
            line=row.line if to is None else to.line,
            service=service,
            backends=self._room.facts_of(service).backends,
            actor=self._actor,
            now=now,
        )
        unit = _unit_of(connection, row, place)
        window = Window(service, place.gateway, now, self._room.limits_of(service))
        Deliberation(connection, window, Deciding(decide, self._new_reference)).decide([unit])
        Filing(connection, place).write([unit])
        connection.execute(sa.update(_sms).where(_sms.c.id == row.id).values(sorted_at=now))
        assert unit.decision is not None
        return unit.decision

    def _note(
        self, connection: Connection, action: str, sms_id: int, detail: dict[str, str]
    ) -> None:
        line = audit.audit_row(self._room.now(), self._actor, action, _subject(sms_id), detail)
        audit.add(connection, line)


def unsorted(room: Room, *, limit: int, is_dismissed: bool = False) -> list[MessageRecord]:
    """Return the oldest SMS that a person has to sort; or the newest of those dismissed."""
    is_sorted = _sms.c.sorted_at.is_not(None)
    query = message_query().where(_sms.c.disposition == Disposition.TRIAGE)
    query = query.where(is_sorted if is_dismissed else ~is_sorted)
    query = query.order_by(_sms.c.id.desc() if is_dismissed else _sms.c.id).limit(limit)
    with room.database.read() as connection:
        return [message_record(row) for row in connection.execute(query)]


def candidates(room: Room, sms_id: int) -> list[Candidate]:
    """Return the newest complaints of the same sender and service; those filed as ANONIM are not told."""
    mine = sa.select(_sms.c.identity, _sms.c.service).where(_sms.c.id == sms_id).subquery()
    query = (
        sa.select(_complaint.c.reference, _complaint.c.status, _complaint.c.received_at)
        .join(
            mine,
            sa.and_(
                mine.c.identity == _complaint.c.identity, mine.c.service == _complaint.c.service
            ),
        )
        .where(_complaint.c.confidentiality != Confidentiality.ANONIM)
        .order_by(_complaint.c.id.desc())
        .limit(CANDIDATES_MAX)
    )
    with room.database.read() as connection:
        return [Candidate(*row) for row in connection.execute(query)]


def _unit_of(connection: Connection, row: Any, place: Place) -> Unit:
    """Return the stored SMS as one to be decided on anew."""
    if row.concat_total > 1:
        [group] = held.groups_of(connection, [row])
        group.state = SmsState.WAITING
        return unit_of_group(group, place, is_overdue=True)
    sms = CompleteSms(
        service=row.service,
        line=row.line,
        sender=row.sender,
        is_alphanumeric=row.is_alphanumeric,
        text=row.text,
        sent_at=with_offset(row.sent_at, row.sent_offset_min),
        received_at=row.received_at,
    )
    return Unit(arrivals=(), sms=sms, identity=row.identity, sms_id=row.id, is_redecoded=True)


def _by(connection: Connection, sms_id: int) -> str:
    """Return who sorted it last, as words."""
    query = (
        sa.select(_audit.c.actor)
        .where(_audit.c.subject == _subject(sms_id), _audit.c.action.like("triage_%"))
        .order_by(_audit.c.id.desc())
        .limit(1)
    )
    actor = connection.execute(query).scalar()
    return "" if actor is None else f" by {str(actor).removeprefix('person:')}"


def _subject(sms_id: int) -> str:
    return f"sms:{sms_id}"
