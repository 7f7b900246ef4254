"""Decides what each SMS of a batch becomes: asks the store once for the whole batch, then takes one
after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from smsgate.errors import StoreError
from smsgate.records import Decide, Decision, Disposition
from smsgate.store.columns import text_hash
from smsgate.store.knowledge import Knowledge, Window
from smsgate.store.prepared import Prepared
from smsgate.store.rows import Unit
from smsgate.store.tables import Complaint

_complaint: Any = Complaint.__table__  # type: ignore[attr-defined]
_TAKEN = Prepared(
    lambda lists: sa.select(_complaint.c.reference).where(
        _complaint.c.reference.in_(lists("references"))
    )
)
REFERENCE_DRAWS = 100  # of millions; if so many are taken one after the other, chance is broken


class Deciding(Struct, frozen=True):
    """Who decides, and where references come from. With a reason to `quarantine` nobody decides."""

    decide: Decide
    new_reference: Callable[[], str]
    quarantine: str | None = None

    def into_quarantine(self, reason: str) -> Deciding:
        """Return the same, but everything goes to quarantine."""
        return replace(self, quarantine=reason)


class Deliberation:
    """The decisions of one transaction."""

    def __init__(self, connection: Connection, window: Window, deciding: Deciding) -> None:
        self._connection = connection
        self._window = window
        self._deciding = deciding

    def decide(self, units: Sequence[Unit]) -> None:
        """Set `decision` and `complaint` of every unit that has an SMS; later ones know what
        earlier ones became.
        """
        whole = [unit for unit in units if unit.sms is not None]
        if self._deciding.quarantine is not None:
            for unit in whole:
                unit.decision = Decision(Disposition.QUARANTINED, reason=self._deciding.quarantine)
            return
        if not whole:
            return
        knowledge = self._gather(whole)
        references = self._unused_references(len(whole))
        reference = next(references)
        filed = 0
        for unit in whole:
            is_about_another = unit.complaint is not None
            decision = self._decide_one(unit, knowledge, reference)
            if decision.complaint is not None and not is_about_another:
                filed += 1
                unit.complaint = -filed
                self._note_complaint(unit, knowledge)
                reference = next(references, "")

    def _gather(self, units: Sequence[Unit]) -> Knowledge:
        identities = {unit.identity for unit in units if unit.identity is not None}
        hashes = {text_hash(unit.sms.text) for unit in units if unit.sms is not None}
        return Knowledge.gather(self._connection, self._window, identities, hashes)

    def _decide_one(self, unit: Unit, knowledge: Knowledge, reference: str) -> Decision:
        assert unit.sms is not None
        assert unit.identity is not None
        hashed = text_hash(unit.sms.text)
        known = knowledge.of(unit.identity, hashed)
        unit.decision = decision = self._deciding.decide(unit.sms, known, reference)
        knowledge.note(unit.identity, hashed, decision)
        if unit.complaint is None:
            unit.complaint = decision.complaint_id
        return decision

    def _note_complaint(self, unit: Unit, knowledge: Knowledge) -> None:
        assert unit.decision is not None
        assert unit.decision.complaint is not None
        assert unit.sms is not None
        assert unit.identity is not None
        assert unit.complaint is not None
        knowledge.note_complaint(unit.identity, unit.complaint, unit.decision, unit.sms)

    def _unused_references(self, count: int) -> Iterator[str]:
        """Return `count` references that no complaint has and that differ."""
        found: dict[str, None] = {}
        for _ in range(REFERENCE_DRAWS):
            drawn = {self._deciding.new_reference() for _ in range(count - len(found))}
            rows = _TAKEN.rows(self._connection, {"references": sorted(drawn)})
            taken = {row.reference for row in rows}
            found.update(dict.fromkeys(sorted(drawn - taken)))
            if len(found) >= count:
                return iter(found)
        raise StoreError("No unused reference was found: the source of chance is broken.")
