"""What a listing says of the room in a modem's memories, and whom that concerns. Pure.

Only what stays after a pass that brought nothing new is a backlog: drafts, and messages that the modem will not
delete. A burst on its way through is none.
"""

from __future__ import annotations

from hardware.modem import Listing

FILLING_SHARE = 0.5
FULL_SHARE = 0.9
ALARMS = ("filling", "full")  # last parts of their keys


def alarms_of(listing: Listing, *, line: str) -> dict[str, str]:
    """Return the alarms that stand: last part of the key → text. Where sizes are not known there are none."""
    total = sum(usage.total for usage in listing.usage)
    taken = len(listing.slots) + listing.drafts
    if not total or taken < total * FILLING_SHARE:
        return {}
    what = []
    if listing.slots:
        what.append(
            f"{len(listing.slots)} by SMS that are stored and that the modem will not delete"
        )
    if listing.drafts:
        what.append(f"{listing.drafts} by drafts, which are not ours to delete")
    text = f"{taken} of {total} slots of line {line} are taken: {', '.join(what)}. "
    if taken < total * FULL_SHARE:
        return {"filling": text + "Clear them by hand, or put in a SIM without them."}
    return {
        "full": text + "What comes waits at the SMSC, and may expire there: clear them by hand now."
    }
