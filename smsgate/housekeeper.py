"""Worker: what must happen without anybody asking: parts past their deadline, expired leases, the write-ahead log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from smsgate.alarms import Alarm, AlarmBoard
from smsgate.errors import StoreError
from smsgate.records import BackendRecord, Decide, Restoration
from smsgate.workers import Wakeable

log = structlog.get_logger(__name__)

ROUND_S = 30.0  # overdue parts and leases are matters of hours and minutes
CHECKPOINT_ROUNDS = 10


class HouseStore(Protocol):
    """What the housekeeper needs of the store."""

    def file_overdue(self, service: str, decide: Decide, new_reference: Callable[[], str]) -> int:
        """File what is past its deadline, with its gaps marked; return how many SMS."""
        ...

    def recover(self) -> Mapping[str, int]:
        """Bring home the claims whose lease ran out; return how many of each kind."""
        ...

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database file."""
        ...

    def backends(self) -> Sequence[BackendRecord]:
        """Return how each backend is doing."""
        ...

    def has_disk_reserve(self, mib: int) -> bool:
        """Whether that much disk is free."""
        ...

    def redate(self) -> int:
        """Put right what a clock wrote that was ahead; return how many rows."""
        ...

    def clock_trouble(self) -> str | None:
        """Return why nothing expires; None while the clock is believed."""
        ...

    def watch_restored(self) -> Restoration | None:
        """Return that the store is a copy put back, of which nothing goes out; or None."""
        ...

    def sync_alarms(self, standing: Sequence[Alarm]) -> None:
        """Keep for commands what stands, and end what does not."""
        ...


@dataclass(frozen=True, slots=True)
class HouseTools:
    """Whom the housekeeper tells."""

    new_reference: Callable[[], str]
    on_work: Callable[[Collection[str]], None]  # with nothing named: everybody looks
    alarms: AlarmBoard
    disk_reserve_mib: int = 64


class Housekeeper(Wakeable):
    """The gateway's own chores, in rounds."""

    name = "housekeeper"

    def __init__(
        self,
        store: HouseStore,
        decisions: Mapping[str, Decide],
        tools: HouseTools,
    ) -> None:
        super().__init__()
        self._store = store
        self._decisions = decisions
        self._tools = tools
        self._rounds = 0

    def step(self) -> float:
        """Do one round; return when the next is due."""
        try:
            self._round()
        except StoreError as error:
            # The lines say it and alarm; a round missed costs nothing.
            log.warning("housekeeping_postponed", reason=str(error))
        return ROUND_S

    def _round(self) -> None:
        recovered = {kind: count for kind, count in self._store.recover().items() if count}
        filed = 0
        for service, decide in self._decisions.items():
            filed += self._store.file_overdue(service, decide, self._tools.new_reference)
        if filed:
            log.info("overdue_parts_filed", sms=filed)
        if recovered:
            log.warning("expired_claims_recovered", **recovered)
        redated = self._store.redate()
        if filed or recovered or redated:
            self._tools.on_work(())
        self._look_at_clock()
        self._look_at_disk()
        self._look_at_backends()
        self._look_at_restored()
        self._store.sync_alarms(self._tools.alarms.standing())
        self._rounds += 1
        if self._rounds % CHECKPOINT_ROUNDS == 0:
            self._store.checkpoint()

    def _look_at_backends(self) -> None:
        for backend in self._store.backends():
            key = f"backend.{backend.name}.held"
            if backend.state == "held":
                self._tools.alarms.raise_alarm(
                    key,
                    f"Backend {backend.name} is held ({backend.reason}); {backend.due} of its complaints wait. "
                    "Put credentials, address or contract right; it is then tried again by itself.",
                )
            else:
                self._tools.alarms.clear_alarm(key)

    def _look_at_restored(self) -> None:
        """A restored store sends nothing until it is released; then everybody has something to do."""
        restored = self._store.watch_restored()
        if restored is not None:
            self._tools.alarms.raise_alarm("store.restored", restored.sentence)
        elif self._tools.alarms.clear_alarm("store.restored"):
            self._tools.on_work(())

    def _look_at_clock(self) -> None:
        trouble = self._store.clock_trouble()
        if trouble is None:
            self._tools.alarms.clear_alarm("clock")
        else:
            self._tools.alarms.raise_alarm("clock", trouble)

    def _look_at_disk(self) -> None:
        """Say that the store gives no claims: below the reserve it keeps its room for what was sent."""
        mib = self._tools.disk_reserve_mib
        if self._store.has_disk_reserve(mib):
            self._tools.alarms.clear_alarm("store.disk")
        else:
            self._tools.alarms.raise_alarm(
                "store.disk",
                f"Less than {mib} MiB of the store's disk is free: nothing is forwarded or answered, "
                "so that what comes in can be kept. Make room.",
            )
