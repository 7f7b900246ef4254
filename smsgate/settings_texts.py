"""What a service says, and by which words it is asked: the tables under `[[service]]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr

from smsgate.wording import DEFAULT_KEYWORDS, DEFAULT_TEXTS, DEFAULT_TEXTS_EN


def _check_keyword(value: str) -> str:
    if not (value.isalpha() and 2 <= len(value) <= 20):
        raise ValueError("expected one word of 2 to 20 letters")
    return value


Keyword = Annotated[StrictStr, AfterValidator(_check_keyword)]
Keywords = Annotated[tuple[Keyword, ...], Field(min_length=1, max_length=50)]


class Table(BaseModel):
    """A table of the configuration: frozen, and without room for what nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ReplyTexts(Table):
    """The template of each reply, a key for each `ReplyKind`; wording.py has the words."""

    ack: StrictStr = DEFAULT_TEXTS["ack"]
    registered: StrictStr = DEFAULT_TEXTS["registered"]
    ack_rahasia: StrictStr = DEFAULT_TEXTS["ack_rahasia"]
    ack_anonim: StrictStr = DEFAULT_TEXTS["ack_anonim"]
    need_more: StrictStr = DEFAULT_TEXTS["need_more"]
    help: StrictStr = DEFAULT_TEXTS["help"]
    empty: StrictStr = DEFAULT_TEXTS["empty"]
    status: StrictStr = DEFAULT_TEXTS["status"]
    answer: StrictStr = DEFAULT_TEXTS["answer"]
    closed: StrictStr = DEFAULT_TEXTS["closed"]
    passed_on: StrictStr = DEFAULT_TEXTS["passed_on"]
    rejected: StrictStr = DEFAULT_TEXTS["rejected"]
    late: StrictStr = DEFAULT_TEXTS["late"]
    unknown_ref: StrictStr = DEFAULT_TEXTS["unknown_ref"]
    duplicate: StrictStr = DEFAULT_TEXTS["duplicate"]
    limit: StrictStr = DEFAULT_TEXTS["limit"]
    emergency: StrictStr = DEFAULT_TEXTS["emergency"]
    optout: StrictStr = DEFAULT_TEXTS["optout"]
    optin: StrictStr = DEFAULT_TEXTS["optin"]
    pointer: StrictStr = DEFAULT_TEXTS["pointer"]
    added: StrictStr = DEFAULT_TEXTS["added"]

    def text(self, kind: str) -> str:
        """Return the template of this reply (a `ReplyKind` or its value)."""
        template: str = getattr(self, str(kind))
        return template


class ReplyTextsEn(ReplyTexts):
    """The same in English, for what is plainly written in it."""

    ack: StrictStr = DEFAULT_TEXTS_EN["ack"]
    registered: StrictStr = DEFAULT_TEXTS_EN["registered"]
    ack_rahasia: StrictStr = DEFAULT_TEXTS_EN["ack_rahasia"]
    ack_anonim: StrictStr = DEFAULT_TEXTS_EN["ack_anonim"]
    need_more: StrictStr = DEFAULT_TEXTS_EN["need_more"]
    help: StrictStr = DEFAULT_TEXTS_EN["help"]
    empty: StrictStr = DEFAULT_TEXTS_EN["empty"]
    status: StrictStr = DEFAULT_TEXTS_EN["status"]
    answer: StrictStr = DEFAULT_TEXTS_EN["answer"]
    closed: StrictStr = DEFAULT_TEXTS_EN["closed"]
    passed_on: StrictStr = DEFAULT_TEXTS_EN["passed_on"]
    rejected: StrictStr = DEFAULT_TEXTS_EN["rejected"]
    late: StrictStr = DEFAULT_TEXTS_EN["late"]
    unknown_ref: StrictStr = DEFAULT_TEXTS_EN["unknown_ref"]
    duplicate: StrictStr = DEFAULT_TEXTS_EN["duplicate"]
    limit: StrictStr = DEFAULT_TEXTS_EN["limit"]
    emergency: StrictStr = DEFAULT_TEXTS_EN["emergency"]
    optout: StrictStr = DEFAULT_TEXTS_EN["optout"]
    optin: StrictStr = DEFAULT_TEXTS_EN["optin"]
    pointer: StrictStr = DEFAULT_TEXTS_EN["pointer"]
    added: StrictStr = DEFAULT_TEXTS_EN["added"]


class KeywordSettings(Table):
    """What acts where it is the whole message: each a list of synonyms."""

    help: Keywords = DEFAULT_KEYWORDS["help"]
    status: Keywords = DEFAULT_KEYWORDS["status"]
    optout: Keywords = DEFAULT_KEYWORDS["optout"]
    optin: Keywords = DEFAULT_KEYWORDS["optin"]
    test: Keywords = DEFAULT_KEYWORDS["test"]
    rahasia: Keywords = DEFAULT_KEYWORDS["rahasia"]
    anonim: Keywords = DEFAULT_KEYWORDS["anonim"]
