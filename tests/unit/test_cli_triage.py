"""`smsgate triage`: what a clerk sees and does. Everybody here is invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from config_files import write_config
from inbound import CITIZEN, HandClock, inbound, references

from smsgate import cli
from smsgate.config import load
from smsgate.rules import build_rules, build_store
from smsgate.store import Store


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a store of its own."""
    return write_config(tmp_path)


@pytest.fixture
def store(config: Path) -> Iterator[Store]:
    """That store, with one SMS in triage, received now."""
    settings = load(config, environ={}, are_secrets_needed=False)
    store = build_store(settings, HandClock())
    store.open(create=True)
    part = inbound("jalan rusak di Tiban, NIK 2171012345678901")
    store.receive("m1", "btm", [part], build_rules(settings)["btm"], references())
    yield store
    store.close()


def run(config: Path, *words: str) -> int:
    return cli.invoke(["triage", *words, "--config", str(config)])


def shown(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(config, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_clerk_files_an_sms_and_the_next_one_is_told(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = shown(config, capsys, "file", "1", "--as", "ani")

    complaint = store.complaint(done["reference"])
    assert complaint is not None
    assert complaint.events[0].actor == "person:ani"
    assert shown(config, capsys, "list") == []
    assert run(config, "file", "1", "--as", "budi") == 1
    assert "SMS 1 is not in triage, it is complaint by ani" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "confidentiality"), [("--rahasia", "rahasia"), ("--anonim", "anonim")]
)
def test_a_clerk_can_see_that_it_is_confidential(
    store: Store,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    flag: str,
    confidentiality: str,
) -> None:
    done = shown(config, capsys, "file", "1", flag)

    complaint = store.complaint(done["reference"])
    assert complaint is not None
    assert complaint.confidentiality == confidentiality


def test_a_clerk_joins_one(store: Store, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load(config, environ={}, are_secrets_needed=False)
    rules = build_rules(settings)["btm"]
    store.receive("m1", "btm", [inbound("BTM parit", 2)], rules, references(20_000_000))
    [candidate] = shown(config, capsys, "show", "1")["candidates"]
    assert candidate["reference"] == "20000000"

    assert run(config, "join", "1", "20000000") == 0

    complaint = store.complaint("20000000")
    assert complaint is not None
    assert [forward.kind for forward in complaint.forwards] == ["create", "add"]


def test_a_clerk_dismisses_one_and_takes_it_up_again(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "dismiss", "1", "--reason", "nonsense") == 2
    assert run(config, "dismiss", "1", "--reason", "spam") == 0

    [dismissed] = shown(config, capsys, "list", "--dismissed")
    assert dismissed["reason"] == "dismissed: spam"
    assert run(config, "file", "1") == 1
    assert run(config, "file", "1", "--again") == 0


@pytest.mark.parametrize("words", [("list",), ("show", "1")], ids=["list", "show"])
def test_numbers_and_niks_are_masked(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(config, *words) == 0

    out = capsys.readouterr().out
    assert "jalan rusak" in out
    assert CITIZEN not in out
    assert "2171012345678901" not in out


@pytest.mark.parametrize(
    "words", [("show", "9"), ("file", "9"), ("dismiss", "9", "--reason", "spam")]
)
def test_an_sms_that_is_not_there_is_said_so(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(config, *words) == 1

    assert "no SMS has the number 9" in capsys.readouterr().err


def test_a_missing_reason_is_one_sentence(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "dismiss", "1") == 2

    said = capsys.readouterr().err
    assert "Choose from: spam, " in said
    assert said.count("\n") == 1


def test_a_clerk_sees_whose_picture_it_was(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its notice comes from the operator; whom to call is inside."""
    push = b"\x01\x06\x03\xbe\xaf\x84\x8c\x82\x89\x19\x80+6281299900011/TYPE=PLMN\0"
    part = inbound(push.hex(), 2, sender="+62811000000")
    store.receive(
        "m1",
        "btm",
        [part],
        build_rules(load(config, environ={}, are_secrets_needed=False))["btm"],
        references(),
    )

    (found,) = [sms for sms in shown(config, capsys, "list") if sms["reason"] == "MMS"]
    masked = shown(config, capsys, "show", str(found["id"]))["picture_from"]
    assert masked.endswith("011")
    assert "81299900" not in masked
    whole = shown(config, capsys, "show", str(found["id"]), "--reveal")["picture_from"]
    assert whole == "+6281299900011"


WATER = """
backends = ["kota"]
[[service]]
name = "air"
number = "1709"
prefixes = ["BTMAIR"]
institution = "PDAM Batam"
backends = ["kota"]
[[service]]
name = "taman"
number = "1710"
prefixes = ["TMN"]
institution = "Taman"
"""


@pytest.fixture
def wide_config(store: Store, config: Path) -> Path:
    """The same gateway, by now with two more services, of which one has a modem."""
    modems = '[[modem]]\nname = "m2"\nservice = "air"\nport = "/dev/zero"\n[[backend]]'
    text = config.read_text().replace('backends = ["kota"]\n', WATER + 'backends = ["kota"]\n', 1)
    text = text.replace('name = "m1"', 'name = "m1"\nservice = "btm"')
    config.write_text(text.replace("[[backend]]", modems, 1))
    return config


def test_a_clerk_files_one_with_another_service_and_is_told_so(
    store: Store, wide_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(wide_config, "file", "1", "--service", "air") == 0

    told = capsys.readouterr().err
    assert "of the service air; its receipt leaves by m2" in told
    [complaint] = store.complaints(limit=5)
    assert complaint.service == "air"


def test_its_own_service_is_no_other(
    store: Store, wide_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = shown(wide_config, capsys, "file", "1", "--service", "btm")

    assert done["service"] == "btm"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("pdam", "expected a service of this gateway (btm, air, taman)", id="unknown"),
        pytest.param("taman", "taman has no modem on this gateway", id="nobody could answer"),
    ],
)
def test_a_service_that_cannot_take_it_is_refused(
    store: Store, wide_config: Path, capsys: pytest.CaptureFixture[str], name: str, sentence: str
) -> None:
    assert run(wide_config, "file", "1", "--service", name) == 2

    assert sentence in capsys.readouterr().err
    assert len(store.unsorted()) == 1
