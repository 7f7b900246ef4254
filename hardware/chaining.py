"""Several deletes in one command line: of which modems that is believed, and how many go into a line.

Any modem should take `AT+CMGD=1;+CMGD=2` and answer once (3GPP TS 27.007 section 4.1). We believe it of a model whose
manual says so, and of a modem that was seen to do it: on each connection a first pair goes in one line, answers must
belong to their commands afterwards (one that answers each delete is a step behind), and the next listing must show
neither of the two. One that falls silent at such a line gets none again, on no connection.

Where no manual says more, a line is no longer than the standard has every modem take, which a pair does not show: a
modem that cuts it short would delete another slot (`+CMGD=1` for `+CMGD=12`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from .sms import Slot

DOCUMENTED_PER_LINE = 10
BODY_CHARACTERS = 40  # behind AT; ITU-T V.250 section 5.2.1


def delete_line(slots: Sequence[Slot]) -> str:
    """Return the command line that deletes these slots of the selected memory."""
    return "AT" + ";".join(f"+CMGD={slot.index}" for slot in slots)


class Chaining:
    """What is known of one modem on one connection."""

    def __init__(self, *, is_documented: bool = False) -> None:
        self._is_documented = is_documented
        self._is_believed: bool | None = None  # None: not tried, or not judged yet
        self._trial: tuple[Slot, ...] = ()
        self._has_begun = False

    @property
    def is_trying(self) -> bool:
        """Whether a line of two would be the first."""
        return not self._is_documented and self._is_believed is None and not self._trial

    def groups(self, slots: Sequence[Slot]) -> Iterator[Sequence[Slot]]:
        """Cut slots of one memory into command lines, by what is known when the next one is asked for."""
        while slots:
            size = self._size(slots)
            yield slots[:size]
            slots = slots[size:]

    def _size(self, slots: Sequence[Slot]) -> int:
        if self._is_documented:
            # The first goes alone: by it is known how long one may take.
            size, self._has_begun = (DOCUMENTED_PER_LINE if self._has_begun else 1), True
            return size
        if self.is_trying:
            return 2
        size = 1
        if self._is_believed:
            while size < len(slots) and len(delete_line(slots[: size + 1])) <= 2 + BODY_CHARACTERS:
                size += 1
        return size

    def give_up(self) -> None:
        """Put one delete into a line from now on."""
        self._is_documented = self._is_believed = False

    def note_trial(self, slots: Sequence[Slot], *, is_answered_once: bool) -> None:
        """Take note of how the first pair was answered; with one OK the next listing has to confirm it."""
        if is_answered_once:
            self._trial = tuple(slots)
        else:
            self._is_believed = False

    def judge(self, held: Collection[Slot], whole: Collection[str]) -> None:
        """Take a listing as the proof of the trial, if it shows the whole memory."""
        if not self._trial or self._trial[0].memory not in whole:
            return
        shown = {(slot.memory, slot.index): slot.pdu for slot in held}
        self._is_believed = all(shown.get((s.memory, s.index)) != s.pdu for s in self._trial)
        self._trial = ()
