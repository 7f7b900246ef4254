"""What the complaint system says reaches the citizen's phone: real HTTP, simulated modem, real daemon."""

from __future__ import annotations

import hmac
import json
import socket
import time
from http.client import HTTPConnection

import pytest
from gateway import running_gateway

from smsgate.rehearsal import Plan, Rehearsal

CITIZEN = "+6281234567890"
LIMIT_S = 60.0
URL = 'status_url = "{backend}?reference={reference}"\nanswers_poll_s = 1\n'


def inbox(gateway: Rehearsal) -> list[str]:
    with gateway.network() as network:
        return [received.text for received in network.inbox(CITIZEN)]


def status(gateway: Rehearsal, reference: str) -> str:
    with gateway.store() as store:
        complaint = store.complaint(reference)
        assert complaint is not None
        return complaint.status


@pytest.mark.timeout(180)
def test_an_answer_and_the_end_reach_the_phone_once_and_no_private_note_does() -> None:
    with running_gateway(Plan(backend_lines=URL)) as gateway:
        with gateway.network() as network:
            network.send(CITIZEN, "BTM jalan rusak di Jl Mawar Sekupang RT 2")
        gateway.wait_until(lambda: bool(gateway.backend_complaints()), LIMIT_S, "the forward")
        gateway.wait_until(lambda: bool(inbox(gateway)), LIMIT_S, "the receipt")
        [complaint] = gateway.backend_complaints()
        reference = complaint["reference"]
        receipts = len(inbox(gateway))

        gateway.answer_complaint(
            reference, status="Proses", answer="Tim turun Senin.", private_note="jangan sebut"
        )
        gateway.wait_until(lambda: len(inbox(gateway)) > receipts, LIMIT_S, "the answer")
        gateway.programs["daemon"].stop()
        gateway.start_daemon()
        gateway.answer_complaint(reference, status="Selesai")
        gateway.wait_until(lambda: status(gateway, reference) == "selesai", LIMIT_S, "the end")
        gateway.wait_until(lambda: len(inbox(gateway)) > receipts + 1, LIMIT_S, "its SMS")

        answer, closed = inbox(gateway)[receipts:]
        assert "Tim turun Senin." in answer
        assert f"Aduan {reference} SELESAI" in closed
        assert not any("jangan sebut" in text for text in inbox(gateway))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S).close()
    except ConnectionRefusedError:
        return False
    return True


def push(gateway: Rehearsal, port: int, content: dict[str, str]) -> int:
    """Say something as the complaint system would, signed with its secret; return what is answered."""
    body = json.dumps(content).encode()
    timestamp = str(int(time.time()))
    secret = (gateway.folder / "secret").read_text(encoding="utf-8")
    signature = hmac.digest(secret.encode(), f"answer.{timestamp}.".encode() + body, "sha256")
    headers = {
        "X-Smsgate-Timestamp": timestamp,
        "X-Smsgate-Signature": f"sha256={signature.hex()}",
    }
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        connection.request("POST", "/answers/kota", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.timeout(180)
def test_an_answer_that_the_backend_pushes_reaches_the_phone_once() -> None:
    port = free_port()
    lines = f'[callbacks]\nlisten = "127.0.0.1:{port}"\n'
    with running_gateway(Plan(backend_lines=lines)) as gateway:
        with gateway.network() as network:
            network.send(CITIZEN, "BTM jalan rusak di Jl Mawar Sekupang RT 2")
        gateway.wait_until(lambda: bool(gateway.backend_complaints()), LIMIT_S, "the forward")
        gateway.wait_until(lambda: bool(inbox(gateway)), LIMIT_S, "the receipt")
        reference = gateway.backend_complaints()[0]["reference"]
        receipts = len(inbox(gateway))
        # The gateway starts with its lines: the receipt may be out before a backend can speak.
        gateway.wait_until(lambda: is_open(port), LIMIT_S, "the address for callbacks")
        news = {"reference": reference, "status": "Proses", "answer": "Tim turun Senin."}

        gateway.wait_until(
            lambda: push(gateway, port, news) == 204, LIMIT_S, "the forward's settlement"
        )
        gateway.wait_until(lambda: len(inbox(gateway)) > receipts, LIMIT_S, "the answer")
        again = push(gateway, port, news)
        ended = push(gateway, port, {"reference": reference, "status": "Selesai"})
        gateway.wait_until(lambda: len(inbox(gateway)) > receipts + 1, LIMIT_S, "the end")

        assert (again, ended) == (204, 204)
        answer, closed = inbox(gateway)[receipts:]
        assert "Tim turun Senin." in answer
        assert f"Aduan {reference} SELESAI" in closed
        assert status(gateway, reference) == "selesai"
