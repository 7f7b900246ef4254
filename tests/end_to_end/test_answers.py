"""What the complaint system says reaches the citizen's phone: real HTTP, simulated modem, real daemon."""

from __future__ import annotations

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
