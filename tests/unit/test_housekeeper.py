"""The housekeeper: every chore is done in every round, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from inbound import NOON, HandClock
from msgspec.structs import replace
from structlog.testing import capture_logs

from smsgate.alarms import Alarm, AlarmBoard
from smsgate.errors import StoreBusy, StoreError, StoreUnavailable
from smsgate.findings import Findings, Left
from smsgate.housekeeper import SETTLING_ROUNDS, Housekeeper, HouseTools
from smsgate.records import BackendRecord, LineRecord, Restoration
from smsgate.silence import COUNT_EVERY, HISTORY_DAYS, SilenceWatch, hour_of


class Chores:
    """A store that notes what it is asked to do; `trouble` maps a call to what it raises."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.trouble: dict[str, Exception] = {}
        self.found = Findings()
        self.known: list[BackendRecord] = []
        self.clock_says: str | None = None
        self.kept: list[tuple[set[str], bool]] = []
        self.counted: dict[int, int] = {}

    def _do(self, name: str) -> None:
        self.done.append(name)
        if name in self.trouble:
            raise self.trouble[name]

    def file_overdue(self, service: str, *_: Any) -> int:
        self._do(f"file {service}")
        return 0

    def recover(self) -> dict[str, int]:
        self._do("recover")
        return {}

    def redate(self) -> int:
        self._do("redate")
        return 0

    def clock_trouble(self) -> str | None:
        self._do("clock")
        return self.clock_says

    def checkpoint(self) -> None:
        self._do("checkpoint")

    def backends(self) -> Sequence[BackendRecord]:
        return self.known

    def has_disk_reserve(self, _mib: int) -> bool:
        self._do("disk")
        return True

    def watch_restored(self) -> Restoration | None:
        self._do("restored")
        return None

    def findings(self, *_: Any) -> Findings:
        self._do("findings")
        return self.found

    def received_by_hour(self, _since: datetime) -> dict[str, dict[int, int]]:
        self._do("count")
        return {"m1": self.counted}

    def sync_alarms(self, standing: Sequence[Alarm], *, is_ending_others: bool) -> None:
        self._do("alarms")
        self.kept.append(({alarm.key for alarm in standing}, is_ending_others))


EVERYTHING = [
    "recover",
    "file btm",
    "redate",
    "clock",
    "disk",
    "findings",
    "restored",
    "alarms",
]


@pytest.fixture
def store() -> Chores:
    return Chores()


@pytest.fixture
def board() -> AlarmBoard:
    return AlarmBoard(HandClock())


@pytest.fixture
def house(store: Chores, board: AlarmBoard) -> Housekeeper:
    tools = HouseTools(lambda: "12345678", lambda _: None, board, HandClock())
    return Housekeeper(store, {"btm": lambda *_: None}, tools)  # type: ignore[dict-item,return-value]


def keys(board: AlarmBoard) -> set[str]:
    return {alarm.key for alarm in board.standing()}


@pytest.mark.parametrize("chore", EVERYTHING)
def test_a_chore_that_the_store_refuses_keeps_no_other_from_being_done(
    store: Chores, house: Housekeeper, chore: str
) -> None:
    store.trouble[chore] = StoreError("One row is damaged.")

    with capture_logs() as said:
        house.step()

    assert store.done == EVERYTHING
    assert [line["event"] for line in said] == ["chores_failed"]


def test_a_mistake_of_ours_in_one_chore_shows_after_the_others_are_done(
    store: Chores, house: Housekeeper
) -> None:
    store.trouble["file btm"] = RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError):
        house.step()

    assert store.done == EVERYTHING


def test_a_store_that_is_away_ends_the_round(store: Chores, house: Housekeeper) -> None:
    store.trouble["file btm"] = StoreUnavailable("The store is locked.")

    house.step()

    assert store.done == ["recover", "file btm"]


def test_another_daemon_under_our_name_is_said_until_it_is_gone(
    store: Chores, house: Housekeeper, board: AlarmBoard
) -> None:
    store.trouble["recover"] = StoreBusy("Another daemon runs under the gateway name.")
    house.step()
    assert keys(board) == {"store.owner"}

    del store.trouble["recover"]
    house.step()

    assert keys(board) == set()


def test_what_the_store_shows_stands_as_long_as_it_does(
    store: Chores, house: Housekeeper, board: AlarmBoard
) -> None:
    board.raise_alarm("line.m1.link", "gone")
    store.found = Findings(quarantined=1, refused={"kota": Left(1, "12345678")})
    store.known = [
        BackendRecord("kota", "failing", "HTTP 503", 1, NOON - timedelta(hours=2), None, None)
    ]
    house.step()
    found = {"store.quarantine", "backend.kota.refused", "backend.kota.failing"}
    assert keys(board) == found | {"line.m1.link"}

    store.found, store.known = Findings(), []
    house.step()

    assert keys(board) == {"line.m1.link"}


def test_a_clock_that_is_wrong_is_said_until_it_is_right(
    store: Chores, house: Housekeeper, board: AlarmBoard
) -> None:
    store.clock_says = "The clock is not synchronised."
    house.step()
    assert keys(board) == {"clock"}

    store.clock_says = None
    house.step()

    assert keys(board) == set()


def test_alarms_of_before_a_restart_are_given_time_to_be_found_again(
    store: Chores, house: Housekeeper
) -> None:
    """Since when they stand, and who has seen them, would be lost."""
    for _ in range(SETTLING_ROUNDS + 1):
        house.step()

    assert [is_ending for _, is_ending in store.kept] == [False] * SETTLING_ROUNDS + [True]


class QuietHouse:
    """A gateway whose line m1 has received twenty SMS in each hour of the last weeks."""

    def __init__(self, *, is_watched: bool = True) -> None:
        self.store, self.clock = Chores(), HandClock()
        self.board = AlarmBoard(self.clock)
        hour = hour_of(NOON)
        self.store.counted = dict.fromkeys(range(hour - 24 * HISTORY_DAYS, hour + 1), 20)
        self.record = LineRecord("batam-1", "m1", "btm", "ready", last_received_at=NOON)
        tools = HouseTools(
            lambda: "12345678",
            lambda _: None,
            self.board,
            self.clock,
            silence=SilenceWatch(["m1"] if is_watched else []),
            lines=lambda: [self.record],
        )
        self.house = Housekeeper(self.store, {}, tools)
        self.house.step()

    def run_for(self, hours: float) -> set[str]:
        """Do its rounds, fewer than in life; return what stands."""
        for _ in range(int(hours * 12)):
            self.clock.advance(minutes=5)
            self.house.step()
        return keys(self.board)


def test_silence_is_said_until_the_next_sms() -> None:
    quiet = QuietHouse()
    assert quiet.run_for(1) == set()
    assert quiet.run_for(0.25) == {"line.m1.silent"}

    quiet.record = replace(quiet.record, last_received_at=quiet.clock.now())
    quiet.house.step()

    assert keys(quiet.board) == set()


def test_silence_stands_while_the_modem_is_opened_again() -> None:
    quiet = QuietHouse()
    quiet.run_for(2)
    for state in ("closed", "ready"):
        quiet.record = replace(quiet.record, state=state)
        assert quiet.run_for(0.1) == {"line.m1.silent"}


def test_time_in_which_a_line_was_not_ready_is_no_silence() -> None:
    quiet = QuietHouse()
    quiet.record = replace(quiet.record, state="closed")
    quiet.run_for(5)
    quiet.record = replace(quiet.record, state="ready")

    assert quiet.run_for(0.75) == set()
    assert quiet.run_for(0.5) == {"line.m1.silent"}


def test_silence_is_not_judged_by_a_clock_that_is_wrong() -> None:
    quiet = QuietHouse()
    quiet.store.clock_says = "The clock is not synchronised."

    assert quiet.run_for(5) == {"clock"}


def test_silence_of_a_line_that_is_not_watched_is_not_said_and_nothing_is_counted() -> None:
    quiet = QuietHouse(is_watched=False)

    assert quiet.run_for(5) == set()
    assert "count" not in quiet.store.done


def test_the_store_is_asked_for_its_counts_seldom() -> None:
    quiet = QuietHouse()

    quiet.run_for(2 * COUNT_EVERY / timedelta(hours=1))

    assert quiet.store.done.count("count") == 2
