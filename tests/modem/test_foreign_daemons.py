"""SMS daemons that nobody here wrote receive and send through the simulator, as Debian ships them.

With SMSGATE_RECORD_DIALOGUES=1 they write tests/data/dialogues again.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dialogues import make_recorded_modem
from programs import need_program
from simulated_line import CITIZEN, wait_until

from hardware.simulator import PtyServer

_LIMIT_S = 60.0  # each needs 3 to 6 s on an idle machine
_STOP_WITHIN_S = 10.0
_SHORT = "BTM jalan rusak {a}"
_LONG = "jalan rusak di Sekupang " * 10
_LATE = "BTM lampu mati"
_REPLY = "Aduan diterima"


@pytest.fixture
def modem():
    modem = make_recorded_modem()
    modem.bring(CITIZEN, _SHORT)
    modem.bring(CITIZEN, _LONG)
    return modem


@pytest.fixture
def port(modem, tmp_path):
    with PtyServer(modem, tmp_path / "tty") as port:
        yield port.path


@contextlib.contextmanager
def _running(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    with open(os.devnull, "wb") as nowhere:
        daemon = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
    try:
        yield daemon
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _expect_both_ways(modem, received: Callable[[], list[str]], name: str) -> None:
    """The stored SMS come in and the reply goes out; then an SMS that comes meanwhile is noticed too."""
    phone = modem.network.subscriber(CITIZEN)

    wait_until(lambda: len(received()) >= 2 and bool(phone.inbox), _LIMIT_S)
    modem.bring(CITIZEN, _LATE)
    wait_until(lambda: len(received()) >= 3, _LIMIT_S)
    wait_until(lambda: modem.memories["SM"].used == 0, _LIMIT_S)

    assert sorted(received()) == sorted([_SHORT, _LONG, _LATE])
    assert [sms.text for sms in phone.inbox] == [_REPLY]
    modem.recording.write(name)


def test_gammu_smsd_receives_and_sends(modem, port, tmp_path):
    program = need_program("gammu-smsd")
    for folder in ("inbox", "outbox", "sent", "error"):
        (tmp_path / folder).mkdir()
    rc = tmp_path / "rc"
    rc.write_text(f"""
[gammu]
device = {port}
connection = at115200
[smsd]
service = files
inboxpath = {tmp_path}/inbox/
outboxpath = {tmp_path}/outbox/
sentsmspath = {tmp_path}/sent/
errorsmspath = {tmp_path}/error/
commtimeout = 1
loopsleep = 1
receivefrequency = 1
statusfrequency = 0
checksecurity = 0
checkbattery = 0
""")
    (tmp_path / "outbox" / f"OUT{CITIZEN}.txt").write_text(_REPLY)

    def received() -> list[str]:
        """IN<date>_<time>_<serial>_<sender>_<part>.txt: the parts of one SMS share all but the last field."""
        whole: dict[str, str] = {}
        for path in sorted((tmp_path / "inbox").iterdir()):
            key = path.stem.rpartition("_")[0]
            whole[key] = whole.get(key, "") + path.read_text(encoding="utf-8")
        return list(whole.values())

    with _running(program, "-c", rc):
        _expect_both_ways(modem, received, "gammu-smsd")


def test_smstools_receives_and_sends(modem, port, tmp_path):
    program = need_program("smsd", package="smstools")
    for folder in ("incoming", "outgoing", "checked", "failed", "sent"):
        (tmp_path / folder).mkdir()
    configuration = tmp_path / "smsd.conf"
    configuration.write_text(f"""
devices = GSM1
incoming = {tmp_path}/incoming
outgoing = {tmp_path}/outgoing
checked = {tmp_path}/checked
failed = {tmp_path}/failed
sent = {tmp_path}/sent
logfile = {tmp_path}/log
infofile = {tmp_path}/info
pidfile = {tmp_path}/pid
receive_before_send = yes
delaytime = 1
[GSM1]
device = {port}
incoming = yes
baudrate = 115200
""")
    (tmp_path / "outgoing" / "reply").write_text(f"To: {CITIZEN[1:]}\n\n{_REPLY}")

    def received() -> list[str]:
        texts = [
            path.read_text(encoding="latin-1") for path in (tmp_path / "incoming").glob("GSM1.*")
        ]
        return [text.partition("\n\n")[2] for text in texts]

    with _running(program, "-t", "-c", configuration):
        _expect_both_ways(modem, received, "smstools")


_KANNEL = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
sms-combine-concatenated-mo = true
smsbox-port = {box}
smsbox-interface = 127.0.0.1

group = smsc
smsc = at
smsc-id = line
modemtype = generic
device = {port}
speed = 115200
sim-buffering = true

group = modems
id = generic
name = "Generic Modem"
init-string = "AT+CNMI=2,1,0,0,0"
message-storage = "SM"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sending}
sendsms-interface = 127.0.0.1

group = sms-service
keyword = default
catch-all = true
get-url = "{url}?text=%b"
max-messages = 0

group = sendsms-user
username = gateway
password = gateway
"""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_kannel_receives_and_sends(modem, port, tmp_path, httpserver):
    bearerbox = need_program("bearerbox", package="kannel")
    smsbox = need_program("smsbox", package="kannel")
    httpserver.expect_request("/sms").respond_with_data("")
    admin, box, sending = _free_port(), _free_port(), _free_port()
    configuration = tmp_path / "kannel.conf"
    configuration.write_text(
        _KANNEL.format(
            admin=admin, box=box, sending=sending, port=port, url=httpserver.url_for("/sms")
        )
    )

    def received() -> list[str]:
        return [request.args["text"] for request, _ in httpserver.log]

    with _running(bearerbox, configuration):
        wait_until(lambda: _is_open(box), _LIMIT_S)
        with _running(smsbox, configuration):
            wait_until(lambda: _is_open(sending), _LIMIT_S)
            login = {"username": "gateway", "password": "gateway"}
            fields = login | {"from": "1708", "to": CITIZEN, "text": _REPLY}
            asked = f"http://127.0.0.1:{sending}/cgi-bin/sendsms?{urllib.parse.urlencode(fields)}"
            with urllib.request.urlopen(asked, timeout=_LIMIT_S):
                pass
            _expect_both_ways(modem, received, "kannel")
