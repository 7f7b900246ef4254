"""`smsgate forwards`, `replies`, `alarms`: what an operator reads at night, and can do. Everybody is invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from config_files import write_config
from inbound import CITIZEN, NOON, inbound, references

from smsgate import cli
from smsgate.alarms import Alarm, Severity
from smsgate.backends import Accepted, Held, Outcome, Refused, TryLater
from smsgate.clock import SystemClock
from smsgate.config import load
from smsgate.control import ControlServer
from smsgate.plain import to_plain
from smsgate.records import ForwardState, ReplyState
from smsgate.rules import Rules, build_rules, build_store
from smsgate.store import Store
from smsgate.store.restored import hold as hold_restored

DIGITS = CITIZEN.removeprefix("+")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a store of its own, which tells citizens the backend's number."""
    return write_config(tmp_path, service="is_registered_sent = true")


@pytest.fixture
def rules(config: Path) -> dict[str, Rules]:
    """The decisions of that configuration."""
    return build_rules(load(config, environ={}, are_secrets_needed=False))


@pytest.fixture
def store(config: Path, rules: dict[str, Rules]) -> Iterator[Store]:
    """That store, with one complaint, 10000000: forward 1 and reply 1."""
    settings = load(config, environ={}, are_secrets_needed=False)
    store = build_store(settings, SystemClock(), rules)
    store.open(create=True)
    part = inbound("BTM lampu jalan mati di Tiban")
    store.receive("m1", "btm", [part], rules["btm"], references())
    yield store
    store.close()


def settle(store: Store, outcome: Outcome) -> None:
    """Let the backend say this of the next forward."""
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    later = SystemClock().now() + timedelta(hours=1)
    assert store.settle_forward(claim, outcome, next_at=later)


def park(store: Store) -> None:
    """Let the forward's answer be lost, and nobody can be asked."""
    claim = store.claim_forward("kota", lease_s=60)
    assert claim is not None
    store.park_forward(claim, "the answer was lost")


def settle_reply(store: Store, state: ReplyState) -> None:
    """Let the next reply end so."""
    claim = store.claim_reply("btm", "m1", lease_s=60)
    assert claim is not None
    assert store.settle_reply(claim, state, reason="no answer in 120 s")


def run(config: Path, *words: str) -> int:
    """Run a command; return its exit code."""
    return cli.invoke([*words, "--config", str(config)])


def shown(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run a command; return what it printed as JSON."""
    assert run(config, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def forward_of(store: Store) -> tuple[ForwardState, str]:
    """Return how the forward stands, and who did something to it last."""
    complaint = store.complaint("10000000")
    assert complaint is not None
    return complaint.forwards[0].state, complaint.events[-1].actor


# --- forwards -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "says"),
    [
        pytest.param(
            lambda store: settle(store, Refused("HTTP 422")),
            "1 refused: enter it at the backend, then `smsgate forwards by-hand ID`",
            id="refused",
        ),
        pytest.param(
            park,
            "1 unconfirmed: look for the complaint's number at the backend.",
            id="unconfirmed",
        ),
        pytest.param(
            lambda store: store.forward_care("person:ani").hold([1]),
            "1 held_by_person: `smsgate forwards release ID` lets it go out.",
            id="held",
        ),
        pytest.param(
            lambda store: settle(store, Held("HTTP 401")),
            "Backend kota is held (HTTP 401) and is tried again at",
            id="wrong credentials",
        ),
        pytest.param(
            lambda store: settle(store, TryLater("HTTP 503")),
            "Backend kota is failing (HTTP 503); it is tried again by itself.",
            id="down",
        ),
        pytest.param(
            lambda store: store.forward_care("person:ani").hold_backend("kota", "audit"),
            "Backend kota is held by ani: audit: nothing goes to it until "
            "`smsgate forwards release --backend kota`.",
            id="a person",
        ),
        pytest.param(
            lambda store: store._database.run(
                lambda c: hold_restored(c, SystemClock().now(), "a copy was put back")
            ),
            "run `smsgate db release`",
            id="a copy",
        ),
    ],
)
def test_the_list_says_what_to_do_next(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str], end: Any, says: str
) -> None:
    end(store)

    assert run(config, "forwards", "list") == 0

    printed = capsys.readouterr()
    assert "10000000" in printed.out
    assert says in printed.err
    assert DIGITS not in printed.out
    assert "lampu" not in printed.out


def test_the_list_can_be_narrowed(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(store, Accepted("T-1"))

    def found(*words: str) -> int:
        return len(shown(config, capsys, "forwards", "list", *words))

    assert run(config, "forwards", "list") == 0
    assert "There is none. `--all` shows those that are done, too." in capsys.readouterr().err
    assert found() == 0, "it is done"
    assert found("--all") == found("--state", "forwarded") == found("--reference", "10000000") == 1
    assert found("--state", "refused", "--state", "forwarded", "--backend", "kota") == 1
    assert run(config, "forwards", "list", "--backend", "lapor") == 2
    assert "there is kota" in capsys.readouterr().err


def test_the_list_says_when_each_is_tried(
    store: Store, config: Path, rules: dict[str, Rules], capsys: pytest.CaptureFixture[str]
) -> None:
    added = inbound("BTM 10000000 dekat pasar", 2, sent_at=NOON + timedelta(minutes=5))
    store.receive("m1", "btm", [added], rules["btm"], references(20_000_000))

    def tried() -> list[str]:
        assert run(config, "forwards", "list", "--reference", "10000000") == 0
        printed = capsys.readouterr().out.splitlines()
        column = printed[0].index("next")
        return [line[column:].split("  ")[0] for line in printed[1:]]

    assert tried() == ["now", "after another"]
    settle(store, TryLater("HTTP 503"))
    assert tried()[0] in ("in 59 min", "in 60 min")
    store.forward_care("person:ani").enter_by_hand(1)
    assert tried()[0] == "-"


def test_whoever_makes_something_due_is_told_that_no_daemon_runs(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "forwards", "retry", "1") == 0
    assert "No daemon answers here: what is due goes out when one runs." in capsys.readouterr().err
    with ControlServer(config.parent / "control.sock", {"wake": lambda _: {}}):
        assert run(config, "forwards", "retry", "1") == 0
    assert "No daemon" not in capsys.readouterr().err


def test_a_list_that_was_cut_says_so(
    store: Store, config: Path, rules: dict[str, Rules], capsys: pytest.CaptureFixture[str]
) -> None:
    part = inbound("BTM parit mampet di Nagoya", 2, sender="+6281300000001")
    store.receive("m1", "btm", [part], rules["btm"], references(20_000_000))

    assert run(config, "forwards", "list", "--limit", "1") == 0
    assert "There are more than these 1" in capsys.readouterr().err
    assert run(config, "forwards", "list", "--limit", "2") == 0
    assert "There are more" not in capsys.readouterr().err


def test_what_was_refused_is_sent_again_by_name_or_all_at_once(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(store, Refused("HTTP 422"))
    done = shown(config, capsys, "forwards", "retry", "1", "--as", "ani")
    assert done == {"done": "retried", "forwards": [1], "backend": None}
    assert forward_of(store) == (ForwardState.DUE, "person:ani")

    settle(store, Refused("HTTP 422"))
    assert run(config, "forwards", "retry", "--refused-by", "kota", "--as", "ani") == 0
    assert "Forward 1 is due now." in capsys.readouterr().err
    assert forward_of(store) == (ForwardState.DUE, "person:ani")

    settle(store, Accepted("T-1"))
    assert run(config, "forwards", "retry", "1") == 1
    assert "cannot be sent again: it is forwarded" in capsys.readouterr().err


def test_what_is_in_doubt_is_sent_again_by_who_looked(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    park(store)

    assert run(config, "forwards", "retry", "1") == 1
    assert "`smsgate forwards retry --missing 1`" in capsys.readouterr().err
    assert run(config, "forwards", "retry", "--missing", "1") == 0

    assert forward_of(store)[0] is ForwardState.DUE


def test_a_backend_is_held_and_released(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--backend", "kota", "--as", "ani")
    assert run(config, "forwards", "hold", *words, "--reason", "migrasi") == 0
    assert store.claim_forward("kota", lease_s=60) is None
    assert store.backends()[0].reason == "held by ani: migrasi"

    assert run(config, "forwards", "release", *words) == 0
    assert "Backend kota is asked again now; what is due to it: 1." in capsys.readouterr().err
    settle(store, Accepted("T-1"))


def test_a_forward_is_held_and_released(store: Store, config: Path) -> None:
    assert run(config, "forwards", "hold", "1", "--as", "ani") == 0
    assert forward_of(store) == (ForwardState.HELD_BY_PERSON, "person:ani")

    assert run(config, "forwards", "release", "1", "--as", "budi") == 0

    assert forward_of(store) == (ForwardState.DUE, "person:budi")


def test_with_the_backends_number_the_citizen_is_told_it(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(store, Refused("HTTP 422"))

    assert run(config, "forwards", "by-hand", "1", "--tracking-id", "KT-77", "--as", "ani") == 0

    complaint = store.complaint("10000000")
    assert complaint is not None
    assert complaint.forwards[0].tracking_id == "KT-77"
    assert complaint.replies[-1].kind == "registered"
    assert "KT-77" in complaint.replies[-1].text
    assert "Forward 1 is done." in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("retry",),
        ("retry", "1", "--refused-by", "kota"),
        ("hold",),
        ("hold", "1", "--backend", "kota"),
        ("release",),
        ("hold", "--backend", "lapor"),
        ("release", "--backend", "lapor"),
        ("retry", "--refused-by", "lapor"),
    ],
)
def test_what_is_not_clear_is_not_done(store: Store, config: Path, words: tuple[str, ...]) -> None:
    assert run(config, "forwards", *words) == 2

    assert store.backends()[0].state == "ok"
    assert forward_of(store)[0] is ForwardState.DUE


# --- replies --------------------------------------------------------------------------------------


def test_a_reply_in_doubt_is_shown_and_sent_again(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle_reply(store, ReplyState.UNCONFIRMED)

    assert run(config, "replies", "list") == 0
    printed = capsys.readouterr()
    assert "1 unconfirmed: the network may have taken it or not." in printed.err
    assert "…890" in printed.out
    assert DIGITS not in printed.out

    assert run(config, "replies", "resend", "1", "--as", "ani") == 0
    assert "Reply 1 is due again." in capsys.readouterr().err
    [reply] = shown(config, capsys, "replies", "list", "--kind", "ack")
    assert (reply["state"], reply["recipient"]) == ("due", "…890")
    settle_reply(store, ReplyState.SUBMITTED)
    assert run(config, "replies", "resend", "1") == 1
    assert "the network took it" in capsys.readouterr().err


def test_replies_that_went_out_are_shown_when_asked_for(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle_reply(store, ReplyState.SUBMITTED)

    assert shown(config, capsys, "replies", "list") == []
    for words in (("--all",), ("--state", "submitted"), ("--reference", "10000000")):
        assert len(shown(config, capsys, "replies", "list", *words)) == 1


def test_a_held_store_sends_nothing_again(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle_reply(store, ReplyState.UNCONFIRMED)
    store._database.run(lambda c: hold_restored(c, SystemClock().now(), "a copy was put back"))

    for words in (("replies", "list"), ("replies", "resend", "1")):
        assert run(config, *words) == 0
        assert "run `smsgate db release`" in capsys.readouterr().err


# --- alarms ---------------------------------------------------------------------------------------


def test_alarms_are_listed_the_most_severe_first_with_what_to_do(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "alarms", "list") == 0
    said = capsys.readouterr().err
    assert "No alarm stands." in said
    assert "No daemon of gateway batam-1 answers: is it running?" in said
    store.raise_alarm("clock", "Set the clock.", "warning")
    store.raise_alarm("line.m1.puk", "Unblock the SIM.", "critical")

    assert run(config, "alarms", "list") == 0

    first, second = capsys.readouterr().out.splitlines()[1:]
    assert first.split()[0] == "critical"
    assert "line.m1.puk" in first
    assert "nobody yet" in first
    assert first.endswith("Unblock the SIM.")
    assert "Set the clock." in second


def test_while_the_store_cannot_be_read_the_daemon_says_what_is_wrong(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alarm that matters most must not be hidden by its own cause."""
    alarm = Alarm("store", Severity.CRITICAL, "The disk is gone.", since_at=SystemClock().now())

    with ControlServer(
        config.parent / "control.sock", {"status": lambda _: {"alarms": to_plain([alarm])}}
    ):
        [found] = shown(config, capsys, "alarms", "list")

    assert (found["key"], found["text"]) == ("store", "The disk is gone.")
    assert run(config, "alarms", "list") == 78, "nor a daemon: there is no store yet"


def test_an_alarm_is_known_to_somebody_until_it_ends(
    store: Store, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.raise_alarm("line.m1.puk", "Unblock the SIM.", "critical")
    store.raise_alarm("clock", "Set the clock.", "warning")

    assert run(config, "alarms", "ack", "line.m1.puk", "--as", "ani") == 0
    assert "line.m1.puk is known to ani since" in capsys.readouterr().err
    assert [a["key"] for a in shown(config, capsys, "alarms", "list", "--new")] == ["clock"]

    assert run(config, "alarms", "ack", "--all", "--as", "budi") == 0
    known = {a["key"]: a["acknowledged_by"] for a in shown(config, capsys, "alarms", "list")}
    assert known == {"line.m1.puk": "person:ani", "clock": "person:budi"}
    assert run(config, "alarms", "list", "--new") == 0
    assert "No alarm stands that nobody has acknowledged." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"), [((), 2), (("clock", "--all"), 2), (("line.m9.link",), 1)]
)
def test_an_alarm_that_is_not_there_is_not_acknowledged(
    store: Store, config: Path, words: tuple[str, ...], code: int
) -> None:
    store.raise_alarm("clock", "Set the clock.", "warning")

    assert run(config, "alarms", "ack", *words) == code

    assert store.alarms()[0].acknowledged_by is None
