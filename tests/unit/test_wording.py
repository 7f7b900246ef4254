"""Counting septets, and judging templates."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from smsgate.wording import (
    DEFAULT_TEXTS,
    DEFAULT_TEXTS_EN,
    fill_service_fields,
    find_fault,
)


@pytest.mark.parametrize("texts", [DEFAULT_TEXTS, DEFAULT_TEXTS_EN], ids=["Indonesian", "English"])
@pytest.mark.parametrize("kind", DEFAULT_TEXTS)
def test_a_default_text_is_right_for_batam(kind: str, texts: Mapping[str, str]) -> None:
    text = fill_service_fields(
        texts[kind], prefix="BTM", number="1708", our_institution="Pemko Batam"
    )

    assert find_fault(kind, text) is None


def test_braces_of_an_inserted_value_are_not_filled_again() -> None:
    filled = fill_service_fields(
        "{our_institution} {ref}", prefix="P", number="1", our_institution="{prefix}"
    )

    assert filled == "{prefix} {ref}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("{ref", "braces only around the name", id="a brace left open"),
        pytest.param("{Ref}", "braces only around the name", id="another case"),
        pytest.param("{}", "only the fields", id="no name"),
        pytest.param("{ref!r}", "braces only around the name", id="a conversion"),
        pytest.param("  ", "expected a text", id="blank"),
        pytest.param("x" * 161, "takes 161", id="too long"),
        pytest.param("€" * 81, "takes 162", id="two septets each"),
        pytest.param("{ref}" * 21, "takes 168", id="values count each time"),
    ],
)
def test_a_template_that_cannot_be_is_refused(text: str, fault: str) -> None:
    found = find_fault("ack", text)

    assert found is not None
    assert fault in found


def test_a_template_of_exactly_one_sms_passes() -> None:
    assert find_fault("ack", "x" * 152 + "{ref}") is None
