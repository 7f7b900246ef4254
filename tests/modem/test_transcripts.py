"""Transcripts: nothing of a person survives in them, and the driver says today what it said to that modem then."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcript_player import TranscriptPlayer

from hardware import pdu
from hardware.facts import ModemOptions
from hardware.redaction import Redactor, hide_text
from hardware.simulator import Network, PtyServer, SimulatedModem
from hardware.simulator.codec import (
    Shape,
    encode_deliver,
    encode_report,
    encode_submit,
    split_text,
    store_pdu,
)
from hardware.sms import SmsDeliver, SmsStatusReport
from hardware.transcript import RecordedModem, Turn, read, redact, run_session
from smsgate import cli

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "data" / "transcripts").glob("*.jsonl"))
NUMBER = "+6281170001708"
CITIZEN = "+6281234567890"
AT = datetime(2025, 10, 8, 8, 40, 40, tzinfo=UTC)
NUMBERS = st.from_regex(r"\+?[1-9][0-9]{5,14}", fullmatch=True)
TEXTS = st.text(
    st.one_of(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), st.sampled_from("éñ€[]жя山😀")),
    min_size=1, max_size=300,
)  # fmt: skip


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


# --- nothing survives -----------------------------------------------------------------------------


def _runs(text: str) -> set[str]:
    return set(re.findall(r"\d{6,}", text))


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]{3,}", text) if set(word) - set("xXéЖ")}


@settings(max_examples=50, deadline=None)
@given(sender=NUMBERS, text=TEXTS, width=st.sampled_from((8, 16)))
def test_no_number_and_no_text_survives_in_a_pdu_that_decodes_still(
    sender: str, text: str, width: int
) -> None:
    redactor = Redactor()
    for body in split_text(text, 7, Shape(reference_width=width)):
        stored = store_pdu("+6281100000", encode_deliver(sender, body, AT))
        before = pdu.decode(bytes.fromhex(stored.hex), stored.length)
        line = f"+CMGL: 1,0,,{stored.length}\r\n{stored.hex}\r\n"

        after_line = redactor.redact(line)

        shown = after_line.split("\r\n")[1]
        after = pdu.decode(bytes.fromhex(shown), stored.length)
        assert isinstance(before, SmsDeliver)
        assert isinstance(after, SmsDeliver)
        assert len(after_line) == len(line)
        assert (after.alphabet, after.concat, len(after.user_data)) == (
            before.alphabet, before.concat, len(before.user_data),
        )  # fmt: skip
        assert after.sender.type_of_number == before.sender.type_of_number
        assert len(after.sender.number) == len(before.sender.number)
        digits = before.sender.number.lstrip("+")
        assert digits not in after.sender.number or digits == "000001".zfill(len(digits))
        assert not _runs(before.text) & _runs(after.text) - {"0" * n for n in range(6, 200)}
        assert not _words(before.text) & _words(after.text)


@settings(max_examples=40, deadline=None)
@given(number=NUMBERS, text=TEXTS)
def test_no_number_and_no_text_survives_in_a_line(number: str, text: str) -> None:
    text = text.replace('"', "")
    said = (
        f'\r\n+CMGL: 1,"REC READ","{number}",,"25/10/08,15:40:40+28"\r\nBTM {text}\r\n'
        f'\r\n+CNUM: "Budi","{number}",145\r\n+CLIP: "{number}",145\r\n+CUSD: 0,"Halo {text}",15\r\n{number}\r\n'
    ).encode("latin-1", "replace").decode("latin-1")  # fmt: skip

    hidden = Redactor().redact(said)

    assert len(hidden) == len(said)
    assert not _runs(number) & _runs(hidden) - {"000001", "0000001"}
    assert "Budi" not in hidden
    assert not (_words(text) - {"REC", "READ", "CMGL", "CNUM", "CLIP", "CUSD"}) & _words(hidden)


def test_a_ussd_answer_of_several_lines_is_hidden_to_its_end() -> None:
    said = '+CUSD: 0,"Hai BUDI\r\nPulsa Rp5.000\r\nNIK 1234 Batam",15\r\n\r\nOK\r\nMODEL\r\n'

    hidden = Redactor().redact(said)

    assert (
        hidden == '+CUSD: 0,"Xxx XXXX\r\nXxxxx Xx0.000\r\nXXX 0000 Xxxxx",15\r\n\r\nOK\r\nMODEL\r\n'
    )


def test_a_text_that_begins_like_a_command_is_hidden() -> None:
    said = '+CMT: "+6281234567890",,"25/10/08,15:40:40+28"\r\nATAS NAMA BUDI\r\nlorong tiga\r\n'

    hidden = Redactor().redact(said)

    assert hidden.endswith("\r\nXXXX XXXX XXXX\r\nxxxxxx xxxx\r\n")


def test_reports_drafts_and_nonsense_are_hidden_too() -> None:
    redactor = Redactor()
    report = store_pdu("+6281100000", encode_report(7, CITIZEN, at=AT, discharged_at=AT, status=0))
    draft = store_pdu("", encode_submit(CITIZEN, "konsep surat"))

    shown = pdu.decode(redactor.redact_pdu(bytes.fromhex(report.hex)))
    hidden_draft = redactor.redact_pdu(bytes.fromhex(draft.hex))
    nonsense = redactor.redact_pdu(bytes.fromhex("07FF00" + "12345678" * 3))

    assert isinstance(shown, SmsStatusReport)
    assert (shown.reference, shown.status) == (7, 0)
    assert shown.recipient.number != CITIZEN
    assert len(hidden_draft) == len(draft.hex) // 2
    assert "konsep" not in repr(pdu.gsm7.unpack(hidden_draft[13:], 12))
    assert nonsense == bytes.fromhex("07FF") + bytes(13)


def test_the_same_number_has_the_same_stand_in() -> None:
    said = (
        Redactor().redact("351700017080086\r\n+6281234567890\r\n351700017080086\r\n").split("\r\n")
    )

    assert said[0] == said[2] != said[1]


def test_a_hidden_text_keeps_its_shape() -> None:
    assert hide_text("BTM Jl. Raja 12, é!") == "XXX Xx. Xxxx 00, é!"
