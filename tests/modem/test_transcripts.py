"""Transcripts: nothing of a person survives in them, and the driver says today what it said to that modem then."""

from __future__ import annotations

from pathlib import Path

import pytest
from transcript_player import TranscriptPlayer

from hardware import pdu
from hardware.facts import ModemOptions
from hardware.simulator import Network, PtyServer, SimulatedModem
from hardware.sms import SmsDeliver
from hardware.transcript import RecordedModem, Turn, read, redact, run_session
from smsgate import cli

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "data" / "transcripts").glob("*.jsonl"))
NUMBER = "+6281170001708"
CITIZEN = "+6281234567890"


# --- playing back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_driver_says_the_same_to_the_same_answers(path: Path) -> None:
    head, turns = read(path)
    with TranscriptPlayer(turns) as player:
        options = ModemOptions(player.path, memories=tuple(head["memories"]), command_timeout_s=5)
        modem = RecordedModem(options, lambda _is_ours, _octets: None)

        listings = run_session(modem, listen_s=30, listing_count=len(head["sms"]))

        assert player.deviation is None
        assert player.is_over
    assert [len(listing.slots) for listing in listings] == head["sms"]
    assert not any(slot.is_damaged for listing in listings for slot in listing.slots)


def test_a_driver_that_says_something_else_is_noticed() -> None:
    _, turns = read(TRANSCRIPTS[0])
    number = next(n for n, turn in enumerate(turns) if "AT+CMGF=0" in turn.said)
    turns[number] = Turn(True, "AT+CMGF=1\r")
    with TranscriptPlayer(turns) as player:
        modem = RecordedModem(
            ModemOptions(player.path, command_timeout_s=0.2, silence_limit_s=0.5), lambda *_: None
        )

        with pytest.raises(
            Exception, match=r"not answered|stopped making sense|answers as a modem"
        ):
            run_session(modem)

        assert player.deviation == ("AT+CMGF=1\r", "AT+CMGF=0\r")


# --- recording ------------------------------------------------------------------------------------


def test_what_is_recorded_plays_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    modem = SimulatedModem(Network(seed=7), number=NUMBER, memories={"SM": 5})
    modem.network.send(CITIZEN, NUMBER, "BTM lampu mati di Jalan Sudirman 12")
    modem.network.send("TELKOMSEL", NUMBER, "山路坏了 081234567890")
    file = tmp_path / "recorded.jsonl"
    with PtyServer(modem, tmp_path / "tty") as server:
        assert cli.invoke(["modem", "record", str(file), "--port", str(server.path)]) == 0
    assert "2 SMS seen" in capsys.readouterr().out

    head, turns = read(file)
    with TranscriptPlayer(turns) as player:
        (listing,) = run_session(
            RecordedModem(
                ModemOptions(player.path, memories=tuple(head["memories"])), lambda *_: None
            )
        )
        assert player.deviation is None

    texts = [
        sms.text for slot in listing.slots if isinstance(sms := pdu.decode(slot.pdu), SmsDeliver)
    ]
    assert texts == ["XXX xxxxx xxxx xx Xxxxx Xxxxxxxx 00", "ЖЖЖЖ 000000000000"]
    text = file.read_text()
    for secret in (
        modem.imei,
        modem.card.imsi,
        modem.card.iccid,
        CITIZEN[1:],
        "Sudirman",
        NUMBER[1:],
    ):
        assert secret not in text
    assert modem.memories["SM"].used == 2


def test_a_pin_is_no_part_of_a_transcript() -> None:
    turns = redact([Turn(True, 'AT+CPIN="4711"\r'), Turn(False, 'AT+CPIN="4711"\r\r\nOK\r\n')])

    assert [turn.said for turn in turns] == ['AT+CPIN="0000"\r', 'AT+CPIN="0000"\r\r\nOK\r\n']


def test_a_line_that_was_cut_by_a_command_is_hidden_whole() -> None:
    turns = [Turn(False, "\r\n3517000"), Turn(True, "AT\r"), Turn(False, "17080086\r\nOK\r\n")]

    said = "".join(turn.said for turn in redact(turns) if not turn.is_ours)

    assert "3517000" not in said
    assert len(said) == len("\r\n351700017080086\r\nOK\r\n")
