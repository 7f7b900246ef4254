"""`smsgate messages` and `smsgate ledger`: what they show, what they hide, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from config_files import write_config
from inbound import HandClock, inbound, parts_of, references
from msgspec.structs import replace
from stores import rows

from hardware.sms import Undecodable
from smsgate import cli
from smsgate.config import load
from smsgate.rules import Rules, build_store
from smsgate.store import Store

NUMBER = "6281234567890"
EVENING = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)  # the next day in Batam
NOT_BALANCED = 1


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of one service."""
    return write_config(tmp_path)


@pytest.fixture
def store(config: Path) -> Iterator[Store]:
    """The configured store, at an evening in March."""
    store = build_store(load(config, environ={}), HandClock(EVENING))
    store.open(create=True)
    yield store
    store.close()


def keep(store: Store, config: Path, *parts: Any) -> None:
    """Receive as the daemon does."""
    settings = load(config, environ={})
    rules = Rules(settings.services[0], settings)
    store.receive("m1", "btm", parts, rules, references())


def run(config: Path, *words: str) -> int:
    """Run a command; return its exit code."""
    return cli.invoke([*words, "--config", str(config)])


def shown(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run a command; return what it printed as JSON."""
    assert run(config, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_list_shows_three_digits_of_a_number_and_no_nik(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, inbound("BTM KTP saya 2171012345678901 belum jadi"))

    assert run(config, "messages", "list") == 0

    out = capsys.readouterr().out
    assert "…890" in out
    assert NUMBER not in out
    assert "2171012345678901" not in out
    [message] = shown(config, capsys, "messages", "list")
    assert message["disposition"] == "complaint"
    assert message["sender"] == "…890"


def test_a_list_can_be_narrowed(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, inbound("BTM jalan rusak", 1), inbound("BTM", 2, sender="+6281300000001"))
    keep(store, config, parts_of(["BTM a", "b"], first_index=3)[0])

    def ids(*words: str) -> list[str]:
        found = shown(config, capsys, "messages", "list", *words)
        return [message["disposition"] or message["state"] for message in found]

    assert ids("--disposition", "complaint") == ["complaint"]
    assert ids("--state", "waiting") == ["waiting"]
    assert ids("--limit", "2") == ["waiting", "test"]
    assert run(config, "messages", "list", "--state", "lost") == 2


def test_show_makes_control_characters_visible(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, inbound("BTM jalan \x1b[2J rusak"))

    assert run(config, "messages", "show", "1") == 0

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2J" in out
    assert NUMBER not in out


def test_the_octets_are_shown_only_where_they_are_asked_for(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = inbound("BTM jalan rusak")
    keep(store, config, part)
    octets = part.slot.pdu.hex().upper()

    assert run(config, "messages", "show", "1") == 0
    assert octets not in capsys.readouterr().out
    assert "pdu" not in shown(config, capsys, "messages", "show", "1")["parts"][0]
    assert shown(config, capsys, "messages", "show", "1", "--pdu")["parts"][0]["pdu"] == octets
    assert run(config, "messages", "show", "1", "--pdu") == 0
    assert octets in capsys.readouterr().out


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([inbound("BTM ANONIM pungli di kelurahan")], id="complaint"),
        pytest.param([inbound("anonim pungli")], id="without prefix"),
        pytest.param(parts_of(["BTM ANONIM pungli ", "di kelurahan"])[:1], id="parts missing"),
    ],
)
def test_an_anonymous_sender_is_shown_to_nobody(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str], parts: list[Any]
) -> None:
    keep(store, config, *parts)

    for words in (["list"], ["show", "1", "--pdu"]):
        for form in ([], ["--json"]):
            assert run(config, "messages", *words, "--reveal", *form) == 0
            out = capsys.readouterr().out
            assert "890" not in out
            assert parts[0].slot.pdu.hex().upper() not in out


def test_a_message_that_is_not_there_is_a_sentence(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "messages", "show", "7") == 1
    assert capsys.readouterr().err == (
        "smsgate: no SMS has the number 7: see `smsgate messages list`\n"
    )


def test_redecode_files_what_can_be_read_now_and_says_how_many(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, replace(inbound("BTM jalan rusak"), decoded=Undecodable("not yet known")))

    done = shown(config, capsys, "messages", "redecode", "--as", "sari")

    assert done == {"filed": 1, "joined": 0, "seen": 0, "stays": 0}
    [complaint] = store.complaints()
    found = store.complaint(complaint.reference)
    assert found is not None
    assert {event.actor for event in found.events} == {"person:sari"}
    assert run(config, "messages", "redecode") == 0
    assert capsys.readouterr().out.split("\n")[0].split() == ["filed", "0"]


def test_a_name_for_the_record_is_a_short_word(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "messages", "redecode", "--as", "a\nb") == 2
    assert "--as" not in capsys.readouterr().out


# --- ledger ---------------------------------------------------------------------------------------


def test_a_ledgers_day_is_that_of_the_service(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, inbound("BTM jalan rusak"))

    assert shown(config, capsys, "ledger", "--day", "2026-03-02")["sms"] == 0
    day = shown(config, capsys, "ledger", "--day", "2026-03-03")

    assert (day["day"], day["balanced"], day["parts"]) == ("2026-03-03", True, 1)
    assert day["dispositions"] == {"complaint": 1}
    assert day["forwards"] == {"due": 1}


def test_a_ledger_that_adds_up_says_so(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, inbound("BTM jalan rusak"))

    assert run(config, "ledger") == 0

    out = capsys.readouterr().out
    assert out.endswith("It adds up.\n")
    assert "890" not in out


def test_a_ledger_that_does_not_add_up_ends_with_1_and_names_it(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(store, config, inbound("BTM jalan rusak"))
    with store._database.write() as connection:
        connection.exec_driver_sql("DELETE FROM forward")

    assert run(config, "ledger") == NOT_BALANCED

    printed = capsys.readouterr()
    assert "IMBALANCE  1 complaints that lack the forward to a backend (first: 1)" in printed.out
    assert printed.err == "smsgate: the ledger does not add up: 1 imbalances\n"
    assert run(config, "ledger", "--json") == NOT_BALANCED
    assert json.loads(capsys.readouterr().out)["balanced"] is False


def test_a_day_that_is_none_is_a_usage_error(store: Store, config: Path) -> None:
    assert run(config, "ledger", "--day", "yesterday") == 2


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        pytest.param(["messages", "list", "--reveal"], "sms:1", id="a list"),
        pytest.param(["messages", "show", "1", "--reveal"], "sms:1", id="an SMS"),
        pytest.param(["messages", "show", "1", "--pdu"], "sms:1", id="its octets"),
        pytest.param(["complaints", "list", "--reveal"], "complaint:", id="complaints"),
    ],
)
def test_who_was_shown_a_number_in_full_is_on_record(
    store: Store, config: Path, words: list[str], subject: str
) -> None:
    keep(store, config, inbound("BTM jalan rusak di depan pasar Sekupang"))

    assert run(config, *words) == 0

    [(actor, action, about)] = rows(store, "SELECT actor, action, subject FROM audit")
    assert actor.startswith("person:")
    assert action == "reveal"
    assert about.startswith(subject)


def test_what_is_shown_masked_is_nobodys_business(store: Store, config: Path) -> None:
    keep(store, config, inbound("BTM jalan rusak di depan pasar Sekupang"))

    assert run(config, "messages", "list") == 0

    assert rows(store, "SELECT count(*) FROM audit") == [(0,)]
