"""A disaster in one hour, at once: a thousand SMS of a thousand citizens, and one SIM of fifty slots."""

from __future__ import annotations

import random

import pytest
from gateway import read_status, running_gateway

from smsgate.rehearsal import Plan, Rehearsal

COUNT = 1000
LIMIT_S = 240.0


def messages(seed: int) -> list[tuple[str, str]]:
    """Distinct texts of distinct senders: singles and multiparts, in GSM-7 and UCS-2, some with emoji."""
    chance = random.Random(seed)
    tails = [
        "mati sejak kemarin",
        "gelap sekali di malam hari, sudah banyak yang jatuh, " * 4,
        "mati, mohon bantuannya 👍🏽🙏",
        "路灯坏了 " * 12,
        "rusak parah [depan SD] {RT 3} ~ €",
    ]
    return [
        (f"+62813{number:08d}", f"BTM lampu jalan nomor {number} {chance.choice(tails)}")
        for number in range(COUNT)
    ]


def are_all_answered(gateway: Rehearsal) -> bool:
    with gateway.store() as store:
        counts = store.counts()
    return counts.forwards.get("forwarded") == COUNT and counts.replies.get("submitted") == COUNT


@pytest.mark.timeout(400)
@pytest.mark.parametrize("arguments", [(), ("--no-urc",)], ids=["announced", "no +CMTI at all"])
def test_a_thousand_at_once_are_filed_forwarded_and_answered_once_each(arguments):
    with running_gateway(Plan(modem_arguments=arguments)) as gateway:
        sent = messages(seed=1708)
        with gateway.network() as network:
            network.send_many(sent)

            gateway.wait_until(lambda: are_all_answered(gateway), LIMIT_S, "a receipt for each")

            state = network.state()
            inboxes = network.inboxes()
        complaints = gateway.backend_complaints()
        status = read_status(gateway)

    assert state.slots["SM"][0] == 0
    assert state.queued == 0
    assert {sender: len(inbox) for sender, inbox in inboxes.items()} == {s: 1 for s, _ in sent}
    assert sorted((c["sender"], c["text"]) for c in complaints) == sorted(
        (sender, text.removeprefix("BTM ").strip()) for sender, text in sent
    )
    assert status["counts"]["sms"] == {"complaint": COUNT}
    references = {c["sender"]: c["reference"] for c in complaints}
    assert all(references[sender] in inboxes[sender][0].text for sender, _ in sent)
