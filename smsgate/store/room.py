"""What every part of the store shares: its database, who it is, and what it was told about the
services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from smsgate.clock import HostClock
from smsgate.composing import Compose
from smsgate.records import KnowledgeLimits
from smsgate.store.database import Database
from smsgate.store.timekeeping import TimeGuard


class ServiceFacts(Struct, frozen=True):
    """What the store must know of a service.

    `number` is shown to citizens. Each complaint is forwarded to each of `backends`.
    `parts_deadline_s` after its first part an SMS is filed with its gaps marked. `compose` words the
    notices about its complaints; without it none are made.
    """

    number: str
    backends: tuple[str, ...] = ()
    parts_deadline_s: float = 24 * 3600.0
    compose: Compose | None = None


class Room(Struct, frozen=True):
    """The store's inside, handed to each of its parts."""

    database: Database
    gateway: str
    owner: str
    clock: HostClock
    limits: dict[str, KnowledgeLimits]
    services: Mapping[str, ServiceFacts]
    time: TimeGuard
    on_due_reply: Callable[[], None] = lambda: None  # after a commit that made one due

    def limits_of(self, service: str) -> KnowledgeLimits:
        """Return how far back is looked for a service."""
        return self.limits.get(service, KnowledgeLimits())

    def facts_of(self, service: str) -> ServiceFacts:
        """Return what is known of a service; one that nobody configured has no backends."""
        return self.services.get(service, ServiceFacts(number=""))

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return self.clock.now()
