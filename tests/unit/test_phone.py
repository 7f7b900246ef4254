"""The demo's phone: what it answers to its own commands."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest

from smsgate.citizen import Citizen
from smsgate.cli.phone import Phone
from smsgate.rehearsal import Rehearsal
from smsgate.store import Store


@pytest.fixture
def citizen() -> Any:
    citizen = create_autospec(Citizen, instance=True)
    citizen.with_number.return_value.inbox.return_value = ["Aduan diterima"]
    return citizen


@pytest.fixture
def phone(citizen: Any) -> Phone:
    return Phone(
        create_autospec(Rehearsal, instance=True), create_autospec(Store, instance=True), citizen
    )


@pytest.mark.parametrize("line", ["/from", "/from ", "/from ani"])
def test_another_phone_needs_a_number_and_that_is_said(
    line: str, phone: Phone, citizen: Any
) -> None:
    phone._obey(line)

    assert "Write the number" in phone._notes[0]
    citizen.with_number.assert_not_called()


def test_another_phone_has_its_own_sms(phone: Phone, citizen: Any) -> None:
    phone._obey("/from 081200000002")

    citizen.with_number.assert_called_once_with("081200000002")
    assert [bubble.text for bubble in phone._bubbles] == ["Aduan diterima"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("/up", "press Enter to look"), ("/down", "complaints are kept and wait"), ("/x", "/quit")],
)
def test_a_command_says_what_it_did_and_what_comes_next(line: str, said: str, phone: Phone) -> None:
    phone._obey(line)

    assert said in phone._notes[0]
