"""Worker: what must happen without anybody asking: parts past their deadline, expired leases, the write-ahead log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from msgspec import Struct, field

from smsgate import conditions
from smsgate.alarms import Alarm, AlarmBoard
from smsgate.clock import Clock
from smsgate.errors import StoreBusy, StoreError, StoreUnavailable
from smsgate.findings import Findings
from smsgate.records import BackendRecord, Decide, LineRecord, Restoration
from smsgate.silence import SilenceWatch, history_begins
from smsgate.workers import Wakeable

log = structlog.get_logger(__name__)

ROUND_S = 60.0  # overdue parts and leases are matters of hours and minutes
CHECKPOINT_ROUNDS = 5
SETTLING_ROUNDS = 2  # what stood before a restart is given as long to be found again


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

    def findings(self, suppressions: Collection[str], notices: Collection[str]) -> Findings:
        """Return what is left to persons."""
        ...

    def received_by_hour(self, since: datetime) -> Mapping[str, Mapping[int, int]]:
        """Return how many SMS each line received in each hour since then."""
        ...

    def sync_alarms(self, standing: Sequence[Alarm], *, is_ending_others: bool) -> None:
        """Keep for commands what stands, and end what does not."""
        ...


class HouseTools(Struct, frozen=True):
    """Whom the housekeeper tells."""

    new_reference: Callable[[], str]
    on_work: Callable[[Collection[str]], None]  # with nothing named: everybody looks
    alarms: AlarmBoard
    clock: Clock
    disk_reserve_mib: int = 64
    silence: SilenceWatch = field(default_factory=SilenceWatch)
    lines: Callable[[], Sequence[LineRecord]] = tuple  # how each is doing now


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
        self._is_clock_wrong = False
        self._chores = (
            self._recover,
            self._file_overdue,
            self._redate,
            self._look_at_clock,
            self._listen_for_silence,
            self._look_at_disk,
            self._look_at_store,
            self._look_at_restored,
            self._keep_alarms,
            self._checkpoint,
        )

    def step(self) -> float:
        """Do one round; return when the next is due."""
        try:
            self._round()
        except StoreUnavailable as error:
            # The lines say it and alarm; a round missed costs nothing.
            log.warning("housekeeping_postponed", reason=str(error))
        return ROUND_S

    def _round(self) -> None:
        """Do every chore, whatever becomes of the others; the first mistake is raised in the end."""
        failed: dict[str, str] = {}
        mistakes: list[Exception] = []
        self._rounds += 1
        for chore in self._chores:
            try:
                chore()
            except StoreUnavailable:
                raise  # nothing else would work either
            except StoreError as error:
                failed[chore.__name__.strip("_")] = str(error)
            except Exception as error:
                mistakes.append(error)
        if failed:
            log.error("chores_failed", chores=sorted(failed), reason=next(iter(failed.values())))
        if mistakes:
            raise mistakes[0]

    def _recover(self) -> None:
        try:
            recovered = {kind: count for kind, count in self._store.recover().items() if count}
        except StoreBusy as error:
            self._tools.alarms.raise_alarm("store.owner", str(error))
            return
        self._tools.alarms.clear_alarm("store.owner")
        if recovered:
            log.warning("expired_claims_recovered", **recovered)
            self._tools.on_work(())

    def _file_overdue(self) -> None:
        filed = 0
        for service, decide in self._decisions.items():
            filed += self._store.file_overdue(service, decide, self._tools.new_reference)
        if filed:
            log.info("overdue_parts_filed", sms=filed)
            self._tools.on_work(())

    def _redate(self) -> None:
        if self._store.redate():
            self._tools.on_work(())

    def _look_at_store(self) -> None:
        """Raise what the store shows, and end what it no longer does."""
        alarms, now = self._tools.alarms, self._tools.clock.now()
        findings = self._store.findings(conditions.SUPPRESSIONS, conditions.NOTICES)
        standing = conditions.standing(self._store.backends(), findings, now)
        for key, text in standing.items():
            alarms.raise_alarm(key, text)
        for alarm in alarms.standing():
            if conditions.is_ours(alarm.key) and alarm.key not in standing:
                alarms.clear_alarm(alarm.key)

    def _look_at_restored(self) -> None:
        """A restored store sends nothing until it is released; then everybody has something to do."""
        restored = self._store.watch_restored()
        if restored is not None:
            self._tools.alarms.raise_alarm("store.restored", restored.sentence)
        elif self._tools.alarms.clear_alarm("store.restored"):
            self._tools.on_work(())

    def _look_at_clock(self) -> None:
        trouble = self._store.clock_trouble()
        self._is_clock_wrong = trouble is not None
        if trouble is None:
            self._tools.alarms.clear_alarm("clock")
        else:
            self._tools.alarms.raise_alarm("clock", trouble)

    def _listen_for_silence(self) -> None:
        """Say of a line that is ready that it has received nothing for unusually long."""
        alarms, silence, now = self._tools.alarms, self._tools.silence, self._tools.clock.now()
        if self._is_clock_wrong:
            silence.forget()
        if silence.is_count_due(now):
            silence.learn(self._store.received_by_hour(history_begins(now)), now)
        for line, text in silence.look(self._tools.lines(), now).items():
            if text is None:
                alarms.clear_alarm(f"line.{line}.silent")
            else:
                alarms.raise_alarm(f"line.{line}.silent", text)

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

    def _keep_alarms(self) -> None:
        self._store.sync_alarms(
            self._tools.alarms.standing(), is_ending_others=self._rounds > SETTLING_ROUNDS
        )

    def _checkpoint(self) -> None:
        if self._rounds % CHECKPOINT_ROUNDS == 0:
            self._store.checkpoint()
