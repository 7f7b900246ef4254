"""What a configuration makes of SMS: keywords, places, several services, languages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from config_files import MINIMAL

from smsgate.config import load
from smsgate.errors import ConfigError
from smsgate.records import CompleteSms, Decision, Disposition, ReplyKind, SenderKnowledge
from smsgate.rules import build_rules, withholds_sender
from smsgate.settings import Settings

SECOND_SERVICE = """\
[[service]]
name = "karimun"
number = "1709"
prefixes = ["KRM", "KARIMUN"]
institution = "Pemkab Karimun"
backends = ["kota"]
[[modem]]
name = "m2"
service = "karimun"
port = "/dev/zero"
"""


def settings_of(folder: Path, service: str = "", more: str = "") -> Settings:
    """Return the settings of a file with these keys in its service, and more behind."""
    text = MINIMAL.replace("#service#", service).replace("#backend#", more)
    if more:
        text = text.replace("#modem#", 'service = "btm"')
    file = folder / "smsgate.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ={})


def decide(settings: Settings, text: str, service: str = "btm") -> Decision:
    now = datetime(2026, 8, 17, 3, 0, tzinfo=UTC)
    sms = CompleteSms(service, "m1", "+6281234567890", False, text, now, now)
    return build_rules(settings)[service](sms, SenderKnowledge(), "12345674")


@pytest.mark.parametrize(
    ("text", "disposition"),
    [
        ("BTM PITULUNG", Disposition.QUERY),
        ("BTM pitulung pak jalan rusak", Disposition.COMPLAINT),
        ("BTM BANTUAN", Disposition.COMPLAINT),  # the given list takes the place of the default
        ("BTM STOP", Disposition.OPT_OUT),  # the lists that are not given stay
    ],
)
def test_keywords_are_configuration(tmp_path: Path, text: str, disposition: Disposition) -> None:
    settings = settings_of(tmp_path, '[service.keywords]\nhelp = ["PITULUNG", "TULUNG"]')

    assert decide(settings, text).disposition is disposition


def test_a_word_cannot_act_in_two_ways(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        settings_of(tmp_path, '[service.keywords]\nhelp = ["STOP"]')

    [problem] = refusal.value.problems
    assert 'service[0].keywords.optout: expected no word of help (got "STOP")' in problem


@pytest.mark.parametrize("word", ["", "A", "DUA KATA", "ABC1", "X" * 21])
def test_a_keyword_is_one_word(tmp_path: Path, word: str) -> None:
    with pytest.raises(ConfigError, match="one word of 2 to 20 letters"):
        settings_of(tmp_path, f'[service.keywords]\nhelp = ["{word}"]')


@pytest.mark.parametrize(
    ("text", "is_asked"), [("BTM banjir di Meral", False), ("BTM banjir di Tiban", True)]
)
def test_places_are_configuration(tmp_path: Path, text: str, is_asked: bool) -> None:
    """Another city's gateway knows its own, and not Batam's."""
    settings = settings_of(tmp_path, 'is_place_asked = true\nplaces = ["Meral", "Tebing"]')

    kinds = [reply.kind for reply in decide(settings, text).replies]

    assert (ReplyKind.NEED_MORE in kinds) is is_asked


@pytest.mark.parametrize(
    ("service", "text", "disposition", "said"),
    [
        pytest.param("btm", "BTM jalan rusak", Disposition.COMPLAINT, "Pemko Batam", id="own"),
        pytest.param("karimun", "KRM jalan rusak", Disposition.COMPLAINT, "Karimun", id="other's"),
        pytest.param("btm", "KRM jalan rusak", Disposition.TRIAGE, "1709", id="on this line"),
        pytest.param("karimun", "BTM jalan rusak", Disposition.TRIAGE, "1708", id="on that line"),
    ],
)
def test_each_line_has_its_service(
    tmp_path: Path, service: str, text: str, disposition: Disposition, said: str
) -> None:
    """Another service's prefix goes to triage, and its sender is told that service's number."""
    settings = settings_of(tmp_path, more=SECOND_SERVICE)

    decision = decide(settings, text, service)

    assert decision.disposition is disposition
    assert said in decision.replies[0].text


def test_a_prefix_that_two_services_have_is_each_ones_own(tmp_path: Path) -> None:
    second = SECOND_SERVICE.replace('"KRM", "KARIMUN"', '"BTM"')
    settings = settings_of(tmp_path, more=second)

    for service in ("btm", "karimun"):
        decision = decide(settings, "BTM jalan rusak", service)

        assert decision.disposition is Disposition.COMPLAINT


@pytest.mark.parametrize("language", ["replies", "replies_en"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * 161, "at most 160 septets"),
        ("x" * 153 + "{ref}", "at most 160 septets"),
        ("Aduan {nomor}", "only the fields"),
        ("垃圾 {ref}", "only characters of GSM-7"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_in_each_language(
    tmp_path: Path, language: str, text: str, expected: str
) -> None:
    keys = f'is_english_answered = true\n[service.{language}]\nack = "{text}"'

    with pytest.raises(ConfigError, match=expected) as refusal:
        settings_of(tmp_path, keys)

    assert f"{language}.ack" in str(refusal.value)


def test_a_default_text_that_does_not_fit_this_service_is_refused_as_such(tmp_path: Path) -> None:
    """With a long institution: said when the file is read, never when it is sent."""
    with pytest.raises(ConfigError) as refusal:
        settings_of(tmp_path, more=SECOND_SERVICE.replace("Pemkab Karimun", "P" * 40))

    assert all("this is the default text" in problem for problem in refusal.value.problems)


def test_confidence_is_promised_only_where_every_backend_leaves_the_number_out(
    tmp_path: Path,
) -> None:
    """A complaint system of a kind that nothing is known of may show it."""
    settings = settings_of(tmp_path)
    known, another = settings.backends[0], settings.backends[0].model_copy(update={"name": "b2"})
    unknown = another.model_copy(update={"kind": "unknown"})
    service = settings.services[0].model_copy(update={"backends": (known.name, "b2")})

    assert withholds_sender(service, [known, another])
    assert not withholds_sender(service, [known, unknown])
    assert not withholds_sender(service, [known])


@pytest.mark.parametrize(
    ("kind", "receipt"), [("json", ReplyKind.ACK_RAHASIA), ("unknown", ReplyKind.ACK)]
)
def test_the_receipt_promises_what_the_backends_keep(
    tmp_path: Path, kind: str, receipt: ReplyKind
) -> None:
    settings = settings_of(tmp_path)
    backends = tuple(b.model_copy(update={"kind": kind}) for b in settings.backends)
    settings = settings.model_copy(update={"backends": backends})

    decision = decide(settings, "BTM RAHASIA lurah minta uang di Tiban")

    assert decision.replies[0].kind is receipt
