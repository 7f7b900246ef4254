"""What is put into the store's columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.sms import Address, TypeOfNumber
from smsgate.store.columns import escape, identity_of, offset_minutes, text_hash, with_offset


@given(st.text(alphabet=st.characters()))
def test_what_is_escaped_can_be_stored(text: str) -> None:
    escaped = escape(text)

    assert "\x00" not in escaped
    assert escaped.encode("utf-8").decode("utf-8") == escaped


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=("Cs",))))
def test_what_can_be_stored_is_left_alone(text: str) -> None:
    assert escape(text) == text


@given(st.text(alphabet=st.characters()))
def test_hashes_fit_a_column_whatever_the_text(text: str) -> None:
    assert -(2**63) <= text_hash(text) < 2**63


@pytest.mark.parametrize(
    ("number", "kind", "identity"),
    [
        ("+6281234567890", TypeOfNumber.INTERNATIONAL, "+6281234567890"),
        ("081234567890", TypeOfNumber.UNKNOWN, "+6281234567890"),
        ("6281234567890", TypeOfNumber.UNKNOWN, "+6281234567890"),
        ("1708", TypeOfNumber.UNKNOWN, "1708"),
        ("TELKOMSEL", TypeOfNumber.ALPHANUMERIC, "TELKOMSEL"),
    ],
)
def test_a_sender_is_one_however_written(number: str, kind: TypeOfNumber, identity: str) -> None:
    assert identity_of(Address(number, kind)) == identity


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.integers(-48, 56),
)
def test_a_moment_keeps_the_offset_it_was_said_with(naive: datetime, quarters: int) -> None:
    said = naive.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))

    back = with_offset(said.astimezone(UTC), offset_minutes(said))

    assert back == said
    assert back is not None
    assert back.utcoffset() == said.utcoffset()
