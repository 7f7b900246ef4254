"""The replies of one line: claim one, submit its parts, write down what the network did.

Each claim is made immediately before its `AT+CMGS`. What happened is kept in memory until the store has taken it,
and nothing else is claimed before: a full disk between the SMSC's yes and our commit must not turn a sent reply
into a doubt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog
from msgspec import Struct

from hardware import pdu
from hardware.errors import ModemError, SubmitRejected, SubmitUnknown
from hardware.modem import Modem
from hardware.sms import SubmitPdu
from smsgate.errors import StoreUnavailable
from smsgate.line_tools import LineTools
from smsgate.records import ReplyClaim, ReplyState
from smsgate.retry import next_attempt_at

log = structlog.get_logger(__name__)

LOOK_S_MAX = 30.0


class ReplyStore(Protocol):
    """What submitting needs of the store."""

    def claim_reply(self, service: str, line: str, *, lease_s: float) -> ReplyClaim | None:
        """Take the next due reply."""
        ...

    def take_over_replies(self, service: str, *, away: str, line: str) -> int:
        """Give the due replies of a line that is away to another."""
        ...

    def next_reply_at(self, service: str, line: str) -> datetime | None:
        """Return when the next reply is due."""
        ...

    def record_part(self, claim: ReplyClaim, number: int, tp_mr: int) -> bool:
        """Record that the SMSC took one part of a reply whose rest is in doubt."""
        ...

    def settle_reply(
        self,
        claim: ReplyClaim,
        state: ReplyState,
        *,
        reason: str | None = None,
        next_at: datetime | None = None,
        taken: Mapping[int, int] | None = None,
    ) -> bool:
        """End a claim; `taken` has the TP-MR of each part that the SMSC took meanwhile."""
        ...


class _Doubt(Struct, frozen=True):
    """The part that was handed over last, while its answer is not known."""

    claim: ReplyClaim
    number: int
    is_last: bool
    submission: (
        int  # of the modem: an SMS that somebody else submitted since makes a late answer theirs
    )


class Submission:
    """The sending half of a line."""

    def __init__(self, line: str, service: str, *, store: ReplyStore, tools: LineTools) -> None:
        self._line = line
        self._service = service
        self._store = store
        self._tools = tools
        self._log = log.bind(line=line)
        self._unrecorded: deque[Callable[[], bool]] = deque()  # of one reply
        self._taken: dict[int, int] = {}  # TP-MR by part, of the reply in hand
        self._doubtful: _Doubt | None = None
        self.due_at = 0.0  # monotonic

    def look_again(self) -> None:
        """A reply may be due now. Called from any thread."""
        self.due_at = 0.0

    def run(self, modem: Modem) -> bool:
        """Submit the next due reply; return whether there was one. Raises ModemError or StoreError."""
        self.record_rest()
        if self._tools.clock.monotonic() < self.due_at:
            return False
        claim = self._store.claim_reply(
            self._service, self._line, lease_s=self._tools.policy.reply_lease_s
        )
        if claim is None:
            self._plan()
            return False
        self._submit(modem, claim)
        return True

    def record_rest(self) -> None:
        """Write down what the store could not take before.

        What it will never take (a mistake of ours, a damaged page) is left to the lease, which makes the reply
        `unconfirmed`: tried for ever, it would keep the line from receiving.
        """
        while self._unrecorded:
            record = self._unrecorded.popleft()
            try:
                is_ours = record()
            except StoreUnavailable:
                self._unrecorded.appendleft(record)
                raise
            except Exception as error:
                self._log.error("reply_outcome_lost", error=type(error).__name__)
                raise
            if not is_ours:
                # Our lease ran out meanwhile: the reply is `unconfirmed`, and a person sees it.
                self._log.warning("reply_outcome_came_late")

    def note_late(self, submission: int, tp_mr: int) -> None:
        """The answer to an SMS came after it was given up: the SMSC took it. Another's settles nothing."""
        doubt = self._doubtful
        if doubt is None or doubt.submission != submission:
            return
        self._doubtful = None
        if doubt.is_last:
            self._taken = {doubt.number: tp_mr}
            self._settle(doubt.claim, ReplyState.SUBMITTED)
        else:
            late = partial(self._store.record_part, doubt.claim, doubt.number, tp_mr)
            self._unrecorded.append(late)

    def _plan(self) -> None:
        # First the latest moment, then what the store says: a look_again() from elsewhere is never overwritten by more.
        # Another host, or a person, may make a reply due without a word to us.
        self.due_at = self._tools.clock.monotonic() + LOOK_S_MAX
        for away in self._tools.away_lines():
            count = self._store.take_over_replies(self._service, away=away, line=self._line)
            if count:
                self._log.warning("replies_taken_over", replies=count, away=away)
        next_at = self._store.next_reply_at(self._service, self._line)
        if next_at is not None:
            # At least a second: one that is due but must wait for an earlier one of its complaint would spin.
            wait_s = max((next_at - self._tools.clock.now()).total_seconds(), 1.0)
            self.due_at = min(self.due_at, self._tools.clock.monotonic() + wait_s)

    def _submit(self, modem: Modem, claim: ReplyClaim) -> None:
        self._doubtful = None
        self._taken = {}
        try:
            parts = pdu.encode_submit(
                claim.recipient,
                claim.text,
                reference=claim.id % 256,
                wants_report=modem.brings_reports,
            )
            self._submit_parts(modem, claim, parts)
        except pdu.EncodeError as error:
            self._settle(claim, ReplyState.SUPPRESSED, reason=str(error))
        except SubmitRejected as error:
            self._doubtful = None
            self._put_off(claim, error)
        except SubmitUnknown as error:
            # The SMSC may have taken it. Twice is worse than a doubt that somebody can see. The link is left as it is:
            # its next use finds out how it is, and an answer that comes late is still heard.
            self._settle(claim, ReplyState.UNCONFIRMED, reason=str(error))
        except ModemError as error:
            self._doubtful = None
            self._put_off(claim, error)  # whatever it was, it was before the SMS was handed over
            raise
        else:
            self._settle(claim, ReplyState.SUBMITTED)

    def _put_off(self, claim: ReplyClaim, error: ModemError) -> None:
        """Nothing was sent: let it be due again later."""
        next_at = next_attempt_at(
            claim.attempt,
            now=self._tools.clock.now(),
            policy=self._tools.policy.retry,
            jitter=self._tools.chance(),
        )
        self._settle(claim, ReplyState.DUE, reason=str(error), next_at=next_at)

    def _submit_parts(self, modem: Modem, claim: ReplyClaim, parts: Sequence[SubmitPdu]) -> None:
        for number, part in enumerate(parts, start=1):
            if number not in claim.parts_submitted:
                # A part before the last that turns out sent leaves its reply in doubt: the rest was not tried.
                is_last, submission = number == len(parts), modem.submissions + 1
                self._doubtful = _Doubt(claim, number, is_last, submission)
                self._taken[number] = modem.submit(part)
                self._doubtful = None

    def _settle(
        self,
        claim: ReplyClaim,
        state: ReplyState,
        *,
        reason: str | None = None,
        next_at: datetime | None = None,
    ) -> None:
        say = self._log.info if state is ReplyState.SUBMITTED else self._log.warning
        say(
            "reply_settled",
            reply_id=claim.id,
            kind=str(claim.kind),
            state=str(state),
            reason=reason,
            attempt=claim.attempt,
        )
        settle = partial(
            self._store.settle_reply,
            claim,
            state,
            reason=reason,
            next_at=next_at,
            taken=self._taken,
        )
        self._unrecorded.append(settle)
        self.record_rest()
