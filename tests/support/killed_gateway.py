"""A gateway that is killed and started again: the modem and the backend live on, as they do in the world.

Simulated modem and backend are in the test's process and keep their state; the daemon is a real process over a
pseudo-terminal (`daemon_nursery`). `violations` holds what came of it against what citizens sent.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from daemon_nursery import DaemonNursery, KillPoint, NurseryDaemon
from stores import rows, write

from hardware.simulator import Network, PtyServer, SimulatedModem
from smsgate.backends.simulated import SimulatedBackend, SimulatedContract
from smsgate.errors import StoreError
from smsgate.records import ForwardState, ReplyState
from smsgate.rehearsal import GATEWAY, Rehearsal, RehearsalError, wait_until
from smsgate.store import Store

NUMBER = "+6281170001708"
END_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
LOST_REPLY = (ReplyState.UNCONFIRMED,)
RECEIPT_STATES = (ReplyState.SUBMITTED, *LOST_REPLY)


@dataclass(frozen=True, slots=True)
class Letter:
    """An SMS that a citizen sends, and what it must become."""

    sender: str
    text: str
    disposition: str
    parts: int = 1


class StreetClock:
    """The network's clock: each SMS is stamped a second later, since one phone never sends twice in one."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)

    def now(self) -> datetime:
        """Return the next second."""
        self._now += timedelta(seconds=1)
        return self._now


class KilledGateway(Rehearsal):
    """A rehearsal whose daemon may be killed. `store_url` is that of a PostgreSQL database, made empty first."""

    def __init__(
        self,
        nursery: DaemonNursery,
        *,
        slots: int = 50,
        store_url: str | None = None,
        clear_store: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__()
        clear_store()
        self.letters: list[Letter] = []
        self.kills = 0
        self._nursery = nursery
        self._other_store_url = store_url
        self.citizens = Network(clock=StreetClock(), seed=3)
        self.modem = SimulatedModem(self.citizens, number=NUMBER, memories={"SM": slots})
        self._looking: Store | None = None
        self._daemon: NurseryDaemon | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        secrets = {name: (self.folder / name).read_text() for name in ("token", "secret")}
        self.backend = SimulatedBackend(SimulatedContract(**secrets))
        self.backend.start()
        self.backend_url = self.backend.complaints_url
        self._port = PtyServer(self.modem, self.link)
        self._port.start()
        self.write_config()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if value is not None and self.log.exists():
            print(self.log.read_text(errors="replace")[-4000:])
        if self._daemon is not None:
            self._daemon.kill()
        self.look_away()
        self._port.stop()
        self.backend.stop()
        super().__exit__(kind, value, trace)

    @property
    def log(self) -> Any:
        """What all its daemons said."""
        return self.folder / "daemon.log"

    @property
    def store_url(self) -> str:
        """Where the gateway keeps its rows."""
        return self._other_store_url or super().store_url

    @property
    def database(self) -> Path:
        """The file of a SQLite store."""
        return self.folder / "state" / "smsgate.db"

    def send(self, letters: Sequence[Letter]) -> None:
        """Let citizens send these SMS; what has no room in the SIM waits at the SMSC."""
        for letter in letters:
            parts = self.citizens.send(letter.sender, NUMBER, letter.text)
            assert parts == letter.parts
            self.letters.append(letter)

    # --- the daemon ---------------------------------------------------------------------------------

    def start_killable(self, kill: KillPoint | None = None) -> NurseryDaemon:
        """Start the daemon, to die at a kill point."""
        arguments = ("run", "--config", str(self.config))
        self._daemon = self._nursery.start(arguments, log=self.log, kill=kill)
        return self._daemon

    def run_until_killed(self, kill: KillPoint) -> bool:
        """Run a daemon into its kill point; False where all was done and it was stopped before it came there."""
        code = self._run_to_the_end(kill)
        assert code in (0, -signal.SIGKILL), f"the daemon ended with {code}"
        self.kills += code != 0
        return code != 0

    def kill(self, daemon: NurseryDaemon) -> None:
        """Kill a daemon now."""
        assert daemon.kill() == -signal.SIGKILL
        self.kills += 1

    def finish(self) -> None:
        """Start the daemon again, let it do everything that is left, and stop it."""
        self._let_leases_run_out()
        assert self._run_to_the_end() == 0
        assert self.is_done()

    def _run_to_the_end(self, kill: KillPoint | None = None) -> int:
        """Run a daemon until all is done, stop it, and return its exit code."""
        starts = self.count_starts()
        daemon = self.start_killable(kill)

        def is_finished() -> bool:
            return daemon.is_over() or (self.count_starts() > starts and self.is_done())

        try:
            self.wait_until(is_finished, END_LIMIT_S)
        except RehearsalError:
            raise AssertionError(f"not done in {END_LIMIT_S:g} s: {self._state()}") from None
        daemon.signal(signal.SIGTERM)
        return daemon.wait(STOP_LIMIT_S)

    def _let_leases_run_out(self) -> None:
        """On PostgreSQL a dead daemon's claims are nobody's after minutes; nothing else than time passes here."""
        store = self._look()
        if store is None or self._other_store_url is None:
            return
        end_dead_sessions(store)
        for table in ("forward", "reply"):
            write(
                store,
                f"UPDATE {table} SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'claimed'",
            )

    def count_starts(self) -> int:
        """How many of its daemons came so far that a signal is heard."""
        return self.log.read_text().count("gateway_started") if self.log.exists() else 0

    def status(self) -> dict[str, Any]:
        """Return what `smsgate status --json` says."""
        output = self.folder / "status.json"
        output.unlink(missing_ok=True)
        arguments = ("status", "--json", "--config", str(self.config))
        assert self._nursery.start(arguments, log=output).wait(STOP_LIMIT_S) == 0, (
            output.read_text()
        )
        status: dict[str, Any] = json.loads(output.read_text())
        return status

    def critical_alarms(self) -> dict[str, str]:
        """Return the critical alarms that `smsgate status --json` shows, by key."""
        alarms = self.status()["alarms"] if (self.folder / "run" / "control.sock").exists() else []
        return {alarm["key"]: alarm["text"] for alarm in alarms if alarm["severity"] == "critical"}

    # --- looking ------------------------------------------------------------------------------------

    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        if self.left_for_modem():
            return False
        store = self._look()
        if store is None:
            return False
        try:
            open_work = self._open_work(store)
        except StoreError:
            return False  # it is in trouble, as a test wants it
        return open_work == [(len(self.letters), 0, 0)]

    def _open_work(self, store: Store) -> list[tuple[Any, ...]]:
        """Return how many SMS are filed, and how many forwards and replies are still to go."""
        return rows(
            store,
            "SELECT (SELECT count(*) FROM sms WHERE disposition IS NOT NULL),"
            " (SELECT count(*) FROM forward WHERE state IN ('due', 'claimed', 'unknown')),"
            " (SELECT count(*) FROM reply WHERE state IN ('due', 'claimed'))",
        )

    def count_sms(self) -> int:
        """How many SMS are in the store by now; none while there is no store."""
        store = self._look()
        return 0 if store is None else int(rows(store, "SELECT count(*) FROM sms")[0][0])

    def left_for_modem(self) -> int:
        """Return how many SMS stand in the SIM or wait at the SMSC."""
        with self.citizens.lock:
            held = sum(memory.used for memory in self.modem.memories.values())
            return held + self.citizens.waiting(NUMBER)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the store with SQL."""
        store = self._look()
        assert store is not None
        return rows(store, query)

    def _look(self) -> Store | None:
        """Open the store once it is there."""
        if self._looking is None:
            store = Store(self.store_url, GATEWAY)
            try:
                store.open()
            except StoreError:
                store.close()
                return None
            self._looking = store
        return self._looking

    def look_away(self) -> None:
        """Close the store, which keeps its write-ahead log alive; the next look opens it again."""
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def _state(self) -> str:
        forwards = self.ask("SELECT state, reason, next_at FROM forward")
        replies = self.ask("SELECT kind, state, reason, next_at FROM reply")
        sms = self.ask("SELECT disposition, missing FROM sms")
        return f"{self.left_for_modem()} SMS before the gateway, {sms=}, {forwards=}, {replies=}"

    # --- what must hold -----------------------------------------------------------------------------

    def violations(self) -> list[str]:
        """Return every broken promise."""
        return [*self._sms(), *self._complaints(), *self._replies(), *self._leftovers()]

    def _sms(self) -> Iterator[str]:
        parts = self.ask("SELECT count(*), count(DISTINCT key) FROM part")[0]
        sent = sum(letter.parts for letter in self.letters)
        if parts != (sent, sent):
            yield f"{sent} parts were handed over, {parts[0]} ({parts[1]} different) are in the store"
        expected = Counter((le.sender, le.text, le.disposition) for le in self.letters)
        found = Counter(self.ask("SELECT sender, text, disposition FROM sms"))
        if found != expected:
            yield f"SMS: lost or otherwise filed {expected - found}, too many {found - expected}"

    def _complaints(self) -> Iterator[str]:
        stored = Counter(self.ask("SELECT reference, body FROM complaint"))
        held = Counter((c["reference"], c["text"]) for c in self.backend.register.list())
        if stored != held:
            yield f"complaints: not at the backend {stored - held}, too many there {held - stored}"
        for reference, state in self.ask(
            "SELECT reference, state FROM complaint LEFT JOIN forward ON complaint.id = complaint_id"
        ):
            if state != ForwardState.FORWARDED:
                yield f"the forward of {reference} is {state}"

    def _replies(self) -> Iterator[str]:
        """Each reply is on the phone once; one that is `unconfirmed` may be, and there is one for each kill at most."""
        inboxes = self.citizens.inboxes()
        heard = Counter((number, sms.text) for number, inbox in inboxes.items() for sms in inbox)
        replies = self.ask("SELECT recipient, text, state, kind FROM reply")
        for recipient, text, state, kind in replies:
            times = heard.pop((recipient, text), 0)
            if state not in RECEIPT_STATES:
                yield f"a reply ({kind}) is {state}"
            elif times > 1 or (times == 0 and state not in LOST_REPLY):
                yield f"a reply ({kind}) is {state} and came {times} times"
        for _, text in heard:
            yield f"an SMS came that no reply in the store knows: {text}"
        lost = sum(state in LOST_REPLY for *_, state, _ in replies)
        if lost > self.kills:
            yield f"{lost} replies are unconfirmed after {self.kills} kills"
        for reference, receipts in self.ask(
            "SELECT reference, count(reply.id) FROM complaint LEFT JOIN reply"
            " ON complaint.id = reply.complaint_id AND reply.kind = 'ack' GROUP BY reference"
        ):
            if receipts != 1:
                yield f"{reference} has {receipts} receipts"

    def _leftovers(self) -> Iterator[str]:
        if self.left_for_modem():
            yield f"{self.left_for_modem()} SMS are left in the SIM or at the SMSC"
        for table in ("forward", "reply"):
            claimed = self.ask(f"SELECT count(*) FROM {table} WHERE owner IS NOT NULL")[0][0]
            if claimed:
                yield f"{claimed} claims are left in {table}"
        store = self._look()
        assert store is not None
        counts = store.counts()
        if sum(counts.sms.values()) != len(self.letters) or counts.sms.get("waiting"):
            yield f"dispositions do not add up: {counts.sms}"
        yield from store.check()
        if "worker_crashed" in self.log.read_text():
            yield "a worker met a mistake of ours"


def end_dead_sessions(store: Store) -> None:
    """Wait until PostgreSQL has seen that a killed daemon's connections are gone, and its name is free."""
    database = "datname = current_database() AND pid <> pg_backend_pid()"

    def are_gone() -> bool:
        with store._database.read() as connection:
            query = sa.text(
                f"SELECT count(*) FROM pg_stat_activity WHERE {database} AND state <> 'idle'"
            )
            return connection.execute(query).scalar_one() == 0

    wait_until(are_gone, 10, "the end of the dead daemon's sessions")
