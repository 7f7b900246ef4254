"""Programs that nobody here wrote take the simulator for a modem."""

from __future__ import annotations

import subprocess
import warnings

import pytest
from dialogues import make_recorded_modem
from programs import need_program
from simulated_line import CITIZEN, NUMBER

from hardware.simulator import PtyServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from gsmmodem.modem import GsmModem, ReceivedSms

_LIMIT_S = 60
LONG_TEXT = "jalan rusak di Sekupang " * 10


@pytest.fixture
def modem():
    return make_recorded_modem()


@pytest.fixture
def port(modem, tmp_path):
    with PtyServer(modem, tmp_path / "tty") as port:
        yield port


@pytest.fixture
def gammu(port, tmp_path):
    """Have gammu carry out commands, in one session since its start costs it seconds; return what it prints."""
    path = need_program("gammu")
    rc, batch = tmp_path / "rc", tmp_path / "batch"
    rc.write_text(f"[gammu]\ndevice={port.path}\nconnection=at115200\n")

    def run(*commands: str) -> str:
        batch.write_text("\n".join(commands) + "\n")
        ended = subprocess.run(
            [path, "-c", rc, "batch", batch],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def test_gammu_identifies_modem_and_network(gammu, modem):
    said = gammu("identify", "networkinfo", "getsmsc", "getsecuritystatus")

    assert modem.imei in said
    assert modem.card.imsi in said
    assert modem.profile.manufacturer in said
    assert "home network" in said
    assert modem.card.smsc in said
    assert "Nothing to enter" in said


def test_gammu_reads_submits_and_deletes_sms(gammu, modem):
    modem.bring(CITIZEN, "BTM jalan rusak € {a}")
    modem.bring(CITIZEN, LONG_TEXT)
    modem.bring("TELKOMSEL", "Pulsa 😀")

    said = gammu(
        "networkinfo",
        "geteachsms",
        f"sendsms TEXT {CITIZEN} -text Halo",
        f'sendsms TEXT {CITIZEN} -autolen 400 -text "{LONG_TEXT}"',
        "deletesms 1 1",
    )

    assert "BTM jalan rusak € {a}" in said
    assert LONG_TEXT.strip() in said
    assert "TELKOMSEL" in said
    assert "4 SMS parts in 3 SMS sequences" in said
    assert [sms.text for sms in modem.network.subscriber(CITIZEN).inbox] == ["Halo", LONG_TEXT]
    assert sorted(modem.memories["SM"].slots) == [2, 3, 4]
    modem.recording.write("gammu")


def test_python_gsmmodem_works_with_it(port, modem):
    """Its own bring-up and send, on its own transport: every answer it insists on is there."""
    # it always asks for reports, and a thread of its own reads them between the prompt and the body of the next part
    modem.faults.set("report", text="none")
    theirs = GsmModem(str(port.path), 115200)
    modem.network.send(CITIZEN, NUMBER, "BTM jalan rusak")

    theirs.connect()
    try:
        sent = theirs.sendSms(CITIZEN, "Aduan diterima " * 12)
        stored = theirs.listStoredSms()
        imei, signal_strength = theirs.imei, theirs.signalStrength
    finally:
        theirs.close()

    assert sent is not None
    assert modem.network.subscriber(CITIZEN).inbox[0].text == "Aduan diterima " * 12
    assert [(sms.number, sms.text) for sms in stored if isinstance(sms, ReceivedSms)] == [
        (CITIZEN, "BTM jalan rusak")
    ]
    assert (imei, signal_strength) == (modem.imei, modem.radio.rssi)
