"""The closed set of things that an SMS can mean, and the grammar that is configured for it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Privacy(StrEnum):
    """What the citizen asked about the own number."""

    PLAIN = "plain"
    RAHASIA = "rahasia"
    ANONIM = "anonim"


STRICTNESS = (Privacy.PLAIN, Privacy.RAHASIA, Privacy.ANONIM)


class Doubt(StrEnum):
    """Why a text was not recognised; fixed words, for the ledger and for the pointer that is sent back."""

    NO_PREFIX = "no prefix"
    OTHER_PREFIX = "another city's prefix"
    OTHER_SERVICE = "another service's prefix"
    UNCLEAR_PREFIX = "begins like the prefix by chance"
    BLANK = "blank"


class Grammar(Struct, frozen=True):
    """What is configured about one service's texts. Words are compared without regard to case and look-alikes."""

    prefixes: tuple[str, ...] = ("BTM",)
    help_words: tuple[str, ...] = (
        *("BANTUAN", "HELP", "INFO", "CARA", "CARANYA", "MENU", "FORMAT", "HOW", "PANDUAN"),
    )
    status_words: tuple[str, ...] = ("STATUS", "CEK", "CHECK", "STS", "PROGRES", "PROGRESS")
    optout_words: tuple[str, ...] = ("STOP", "BERHENTI", "UNREG")
    optin_words: tuple[str, ...] = ("MULAI", "START")
    test_words: tuple[str, ...] = ("TES", "TEST", "TESTING", "COBA", "NYOBA", "PERCOBAAN")
    rahasia_words: tuple[str, ...] = ("RAHASIA", "RAHSIA", "CONFIDENTIAL")
    anonim_words: tuple[str, ...] = ("ANONIM", "ANONYM", "ANONYMOUS")
    reference_digits: int = 8
    other_prefixes: tuple[str, ...] = ()  # of the gateway's other services
    is_unprefixed_complaint: bool = False  # a SIM of our own: a text without prefix is a complaint


class Complaint(Struct, frozen=True):
    """A complaint. `body` is exactly as typed after the prefix (and after RAHASIA or ANONIM), trimmed at both ends."""

    body: str
    prefix: str  # the configured prefix that matched; "" for an accepted text without one
    privacy: Privacy = Privacy.PLAIN
    is_urgent: bool = False


class FollowUp(Struct, frozen=True):
    """`BTM <digits> text`: an addition if the digits are the sender's own open reference, else what `otherwise` says.

    `is_named`: the text itself calls the digits a complaint's number (`aduan no 12345678 …`). When they are then
    not the sender's own, this clearly meant a reference, and is for a person rather than a new complaint.
    """

    reference: str
    body: str  # after the digits, or the whole text where they stand inside it
    otherwise: Complaint
    is_named: bool = False


class StatusQuery(Struct, frozen=True):
    """The status is asked: of `reference`, or of the newest complaint."""

    reference: str | None = None


class Help(Struct, frozen=True):
    """How it is done is asked."""


class OptOut(Struct, frozen=True):
    """No notices any more."""


class OptIn(Struct, frozen=True):
    """Notices again."""


class Test(Struct, frozen=True):
    """A trial, or the prefix with nothing behind it (`is_empty`)."""

    __test__ = False  # not a test class, whatever its name makes pytest think

    is_empty: bool = False


class Unrecognised(Struct, frozen=True):
    """Not ours, or not clear: for a person to sort. `body` is the text, trimmed.

    `prefix` is that of the other service, where it begins with one. `privacy` is what it seems to ask:
    whoever files it must not give away what the writer wanted kept back.
    """

    doubt: Doubt
    body: str
    is_urgent: bool = False
    prefix: str = ""
    privacy: Privacy = Privacy.PLAIN


Meaning = Complaint | FollowUp | StatusQuery | Help | OptOut | OptIn | Test | Unrecognised
