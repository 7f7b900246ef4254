"""What the store holds that is left to persons, as it tells the housekeeper."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field


class Left(Struct, frozen=True):
    """Complaints that wait for a person: how many, and the latest one's reference."""

    count: int
    reference: str


class Findings(Struct, frozen=True):
    """What is in the store that a person must know: by backend, by line, or of the whole gateway."""

    quarantined: int = 0
    refused: Mapping[str, Left] = field(default_factory=dict)
    unconfirmed: Mapping[str, Left] = field(default_factory=dict)
    limited_at: datetime | None = None  # when a reply was last kept back for the gateway's limits
    notices: Mapping[str, tuple[str, datetime]] = field(
        default_factory=dict
    )  # line → what its operator wrote last
