"""Worker: asks one backend how far our complaints are.

It goes round all complaints that the backend has and that are not over, one question a step, and
rests between two rounds. What is new is written in one transaction: the line in the history, the
complaint's status, and the SMS that tells the citizen. Once a day the round has those, too, that ended
not long ago: a unit may take one up again. Where it stands in its round is not kept: a
restart begins a new one, and what was heard before is known by the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import Struct

from smsgate.backends import Held, NotFound, TryLater
from smsgate.backends.progress import AskedComplaint, Heard, Progress, TellsProgress
from smsgate.clock import Clock
from smsgate.errors import StoreError
from smsgate.settings import ServiceSettings
from smsgate.workers import Wakeable

log = structlog.get_logger(__name__)

PAUSE_S = 0.2  # between two questions: at most five a second, whatever waits
FAILURE_PAUSE_S = 60.0
STORE_RETRY_S = 10.0
LONG_ROUND_S = 86400.0
ENDED_DAYS_MAX = 30  # after that nobody takes a complaint up again


def age_max(services: Iterable[ServiceSettings]) -> timedelta:
    """How old a complaint may be that a backend is heard about: as old as the longest of the services says."""
    return timedelta(days=max(service.status_max_age_days for service in services))


class AnswerStore(Protocol):
    """What the worker needs of the store."""

    def next_to_ask(
        self, backend: str, *, after: int, since: datetime, closed_since: datetime | None = None
    ) -> AskedComplaint | None:
        """Return the next complaint of a round, or None at its end."""
        ...

    def note_progress(self, backend: str, asked: AskedComplaint, progress: Progress) -> Heard:
        """Write down what the backend said, and make due what the citizen is told, if it is news."""
        ...


class AnswerTools(Struct, frozen=True):
    """What the worker is given besides the store and its backend.

    `poll_s` is the rest between two rounds; complaints older than `age_max` are not asked for:
    numbers get new owners. `on_replies` wakes the lines.
    """

    clock: Clock
    poll_s: float
    age_max: timedelta
    on_replies: Callable[[], None]
    raise_alarm: Callable[[str, str], None]
    clear_alarm: Callable[[str], object]


class Answers(Wakeable):
    """Asks one backend."""

    def __init__(self, store: AnswerStore, backend: TellsProgress, tools: AnswerTools) -> None:
        super().__init__()
        self.name = f"answers-{backend.name}"
        self._store = store
        self._backend = backend
        self._tools = tools
        self._after = 0
        self._is_long_round = False
        self._long_round_at = tools.clock.monotonic() + LONG_ROUND_S
        self._resume_at = tools.clock.monotonic()

    def step(self) -> float | None:
        """Ask for one complaint; return when to be stepped again."""
        left_s = self._resume_at - self._tools.clock.monotonic()
        if left_s > 0:
            return left_s
        try:
            pause_s = self._ask_next()
        except StoreError as error:
            log.warning("answers_postponed", backend=self._backend.name, reason=str(error))
            pause_s = STORE_RETRY_S
        self._resume_at = self._tools.clock.monotonic() + pause_s
        return pause_s

    def abort(self) -> None:
        """End the request in hand, from any thread."""
        self._backend.abort()

    def close(self) -> None:
        """Free the backend's connections."""
        self._backend.close()

    def _ask_next(self) -> float:
        now = self._tools.clock.now()
        asked = self._store.next_to_ask(
            self._backend.name,
            after=self._after,
            since=now - self._tools.age_max,
            closed_since=now - timedelta(days=ENDED_DAYS_MAX) if self._is_long_round else None,
        )
        if asked is None:
            self._begin_round()
            return self._tools.poll_s
        outcome = self._backend.look_up_progress(asked.reference, asked.tracking_id)
        # Passed also where it fails, so that one complaint never stands before all others.
        self._after = asked.place
        alarm = f"backend.{self._backend.name}.answers"
        match outcome:
            case Progress():
                self._tools.clear_alarm(alarm)
                self._note(asked, outcome)
            case NotFound():
                self._tools.clear_alarm(alarm)
            case TryLater(reason, wait_s):
                log.info("answers_not_had", backend=self._backend.name, reason=reason)
                return max(wait_s or 0.0, FAILURE_PAUSE_S)
            case Held(reason):
                self._tools.raise_alarm(
                    alarm,
                    f"The backend {self._backend.name} cannot be asked how far complaints are ({reason}): "
                    "check its status_url, status_field and credentials.",
                )
                return max(self._tools.poll_s, FAILURE_PAUSE_S)
        return PAUSE_S

    def _begin_round(self) -> None:
        self._after = 0
        now = self._tools.clock.monotonic()
        self._is_long_round = now >= self._long_round_at
        if self._is_long_round:
            self._long_round_at = now + LONG_ROUND_S

    def _note(self, asked: AskedComplaint, progress: Progress) -> None:
        heard = self._store.note_progress(self._backend.name, asked, progress)
        if heard.is_news:
            log.info(
                "complaint_progressed",
                backend=self._backend.name,
                reference=asked.reference,
                status=progress.status and progress.status.value,
            )
        if heard.has_due_replies:
            self._tools.on_replies()
