"""What a service says about its complaints unasked: between the store, which makes it due, and whoever words it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from smsgate.records import NewReply, ReplyKind, SenderKnowledge


class NoticeSubject(Struct, frozen=True):
    """The complaint that a notice is about, and what is known of whoever gets it."""

    reference: str
    recipient: str
    is_english: bool
    known: SenderKnowledge


class Compose(Protocol):
    """What a service says about its complaints unasked. Pure."""

    def is_sent(self, kind: ReplyKind) -> bool:
        """Whether citizens are told this at all, as configured."""
        ...

    def compose(
        self, kind: ReplyKind, subject: NoticeSubject, values: Mapping[str, str]
    ) -> NewReply:
        """Word a notice; where it may not go to this citizen now it has the reason."""
        ...
