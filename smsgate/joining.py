"""Which of a sender's complaints a text without a reference goes on with. Pure.

Nothing is guessed that could tell a stranger something. What was said openly is passed on with the
number, what was said in confidence without it, and the two must never be put together:

- A text that was cut by hand (`2/2 …`), minutes after a complaint, goes with it.
- Any other text without prefix, minutes after a complaint, goes with it too, unless one of the
  complaints of those minutes is confidential: perhaps it has nothing to do with it and names the sender
  (`pak ini Andi blok C, besok jadi?`). A person looks.
- After a question for the place, a text that says nothing but a place is its answer; without a prefix,
  and to an open complaint, it is enough that it names one. Where two questions are open, a person looks.
- A text that itself asks for confidence is joined to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from parsers.gazetteer import BATAM, Gazetteer
from parsers.places import is_only_a_place, names_a_place
from smsgate.records import Confidentiality, KnownComplaint

# A long text that a person cut by hand: "(2/2) …" or "… 2/2". The first part is a complaint of its own.
_HAND_SPLIT = re.compile(r"^\W{0,3}([2-9])\s?/\s?([2-9])\b|\(([2-9])\s?/\s?([2-9])\)\W{0,3}$")


class JoiningRules(Struct, frozen=True):
    """How long after a complaint, or after a question, a text may go with it."""

    split_window: timedelta = timedelta(minutes=10)
    answer_window: timedelta = timedelta(hours=24)
    gazetteer: Gazetteer = BATAM


class Joining(Struct, frozen=True):
    """A sender's complaints, newest first, as they stand when a text of theirs is decided on."""

    complaints: Sequence[KnownComplaint]
    at: datetime
    rules: JoiningRules

    def of_unprefixed(self, body: str) -> KnownComplaint | None:
        """Return the complaint that a text without prefix goes on with."""
        answered = self.answered_by(body)
        if answered is not None:
            return answered
        recent = self._recent()
        kinds = {complaint.confidentiality for complaint in recent}
        if recent and len(kinds) == 1 and (is_cut_by_hand(body) or Confidentiality.PLAIN in kinds):
            return recent[0]
        asked = self._asked()
        if not recent and len(asked) == 1 and names_a_place(body, self.rules.gazetteer):
            return asked[0] if asked[0].confidentiality is Confidentiality.PLAIN else None
        return None

    def of_cut_by_hand(self, body: str, said: Confidentiality) -> KnownComplaint | None:
        """Return the complaint that a text with prefix, marked `2/2` by hand, goes on with."""
        if not is_cut_by_hand(body):
            return None
        return next((c for c in self._recent() if c.confidentiality is said), None)

    def answered_by(self, body: str) -> KnownComplaint | None:
        """Return the one complaint whose place was asked, if the text says nothing but a place."""
        asked = self._asked()
        if len(asked) == 1 and is_only_a_place(body, self.rules.gazetteer):
            return asked[0]
        return None

    def _recent(self) -> Sequence[KnownComplaint]:
        """One that was undecodable or incomplete for long is decided on after what came later."""
        return [
            c for c in self.complaints if abs(self.at - c.received_at) <= self.rules.split_window
        ]

    def _asked(self) -> Sequence[KnownComplaint]:
        return [
            c
            for c in self.complaints
            if c.asked_at is not None and abs(self.at - c.asked_at) <= self.rules.answer_window
        ]


def is_cut_by_hand(body: str) -> bool:
    """Whether a text is marked as a later part of one that was cut by hand."""
    found = _HAND_SPLIT.search(body)
    if found is None:
        return False
    number, total = (int(digit) for digit in found.groups() if digit is not None)
    return number <= total
