"""From settings to decisions: each service's rules, and the store that is told of them.

The daemon and the commands that file SMS build them here, and alike.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from parsers.gazetteer import BATAM, Gazetteer
from parsers.meaning import Grammar
from smsgate import references
from smsgate.backends import WITHHOLDING_KINDS
from smsgate.case import ServiceRules
from smsgate.clock import HostClock
from smsgate.composing import NoticeSubject
from smsgate.intake import Intake
from smsgate.joining import JoiningRules
from smsgate.records import (
    CompleteSms,
    Decision,
    KnowledgeLimits,
    NewReply,
    ReplyKind,
    SenderKnowledge,
)
from smsgate.replies import ReplyLimits, counted_from
from smsgate.settings import BackendSettings, ServiceSettings, Settings
from smsgate.store import ServiceFacts, Store


class Rules:
    """The decisions of one service, which a reload replaces while the workers run."""

    def __init__(self, service: ServiceSettings, settings: Settings) -> None:
        # A reload replaces no backend, so what they do stays what it is.
        self._withholds_sender = withholds_sender(service, settings.backends)
        self.replace(service, settings)

    def replace(self, service: ServiceSettings, settings: Settings) -> None:
        """Decide by these settings of the gateway from the next SMS on."""
        rules = service_rules(service, settings.services)
        self.intake = Intake(replace(rules, withholds_sender=self._withholds_sender))

    def is_sent(self, kind: ReplyKind) -> bool:
        """Whether citizens are told this unasked (`composing.Compose`)."""
        return self.intake.is_sent(kind)

    def compose(
        self, kind: ReplyKind, subject: NoticeSubject, values: Mapping[str, str]
    ) -> NewReply:
        """Word a notice (`composing.Compose`)."""
        return self.intake.compose(kind, subject, values)

    def __call__(self, sms: CompleteSms, known: SenderKnowledge, reference: str) -> Decision:
        """Decide (`records.Decide`)."""
        return self.intake.decide(sms, known, reference)


def service_rules(service: ServiceSettings, all_: Sequence[ServiceSettings] = ()) -> ServiceRules:
    """Return what intake needs of a service's settings, and of its neighbours' prefixes."""
    others = [other for other in all_ if other.name != service.name]
    limits = service.limits
    is_english = service.is_english_answered
    return ServiceRules(
        name=service.name,
        institution=service.institution,
        grammar=_grammar(service, others),
        texts={kind: service.replies.text(kind) for kind in ReplyKind},
        texts_en={kind: service.replies_en.text(kind) for kind in ReplyKind}
        if is_english
        else None,
        neighbours={
            prefix: other.replies.text(ReplyKind.POINTER)
            for other in reversed(others)
            for prefix in other.prefixes
        },
        joining=JoiningRules(
            answer_window=timedelta(hours=service.answer_window_h),
            gazetteer=Gazetteer(service.places) if service.places else BATAM,
        ),
        asks_for_place=service.is_place_asked,
        is_registered_sent=service.is_registered_sent,
        notice_expiry=timedelta(hours=service.notice_expiry_h),
        follow_up_working_days=service.follow_up_working_days,
        reopen_working_days=service.reopen_working_days,
        holidays=frozenset(service.holidays),
        timezone=ZoneInfo(service.timezone),
        repeat_window=timedelta(hours=service.repeat_window_h),
        status_age_max=timedelta(days=service.status_max_age_days),
        receipt_expiry=timedelta(hours=service.receipt_expiry_h),
        limits=ReplyLimits(
            per_sender_day=limits.per_sender_day,
            per_text_day=limits.per_text_day,
            per_sender_burst=limits.per_sender_burst,
            gateway_hour=limits.gateway_hour,
            gateway_day=limits.gateway_day,
            reply_abroad=service.reply_abroad,
        ),
    )


def withholds_sender(service: ServiceSettings, backends: Sequence[BackendSettings]) -> bool:
    """Whether every backend of a service leaves out the number of whoever asks for confidence."""
    kinds = {backend.name: backend.kind for backend in backends}
    return all(kinds.get(name) in WITHHOLDING_KINDS for name in service.backends)


def _grammar(service: ServiceSettings, others: Sequence[ServiceSettings]) -> Grammar:
    words = service.keywords
    return Grammar(
        prefixes=service.prefixes,
        help_words=words.help,
        status_words=words.status,
        optout_words=words.optout,
        optin_words=words.optin,
        test_words=words.test,
        rahasia_words=words.rahasia,
        anonim_words=words.anonim,
        reference_digits=references.REFERENCE_DIGITS,
        other_prefixes=tuple(prefix for other in others for prefix in other.prefixes),
        is_unprefixed_complaint=service.is_unprefixed_complaint,
    )


def build_rules(settings: Settings) -> dict[str, Rules]:
    """Return the decisions of every service."""
    return {s.name: Rules(s, settings) for s in settings.services}


def knowledge_limits(service: ServiceSettings) -> KnowledgeLimits:
    """Return what the store needs to know of a service's limits to gather what intake asks."""
    return KnowledgeLimits(
        complaints_window_s=service.status_max_age_days * 86400.0,
        counted_from_hour=counted_from(service.limits.gateway_hour),
        counted_from_day=counted_from(service.limits.gateway_day),
    )


def build_store(
    settings: Settings,
    clock: HostClock,
    rules: Mapping[str, Rules] | None = None,
    on_due_reply: Callable[[], None] = lambda: None,
) -> Store:
    """Return the store of these settings, not yet open."""
    return Store(
        settings.store_url(),
        settings.gateway.name,
        clock=clock,
        limits={service.name: knowledge_limits(service) for service in settings.services},
        services={
            s.name: ServiceFacts(
                number=s.number,
                backends=s.backends,
                parts_deadline_s=s.parts_deadline_h * 3600.0,
                compose=(rules or {}).get(s.name),
            )
            for s in settings.services
        },
        on_due_reply=on_due_reply,
    )


def new_reference() -> str:
    """Return a reference by chance; the store sees to it that nobody has it."""
    return references.draw_reference(secrets.randbelow)
