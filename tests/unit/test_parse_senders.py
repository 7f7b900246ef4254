"""Senders: who is a subscriber, and who is never made into one."""

from __future__ import annotations

import pytest

from parsers.senders import Sender, SenderKind, classify

MOBILE = "+6281234567890"


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        pytest.param("+6281234567890", MOBILE, id="international"),
        pytest.param("6281234567890", MOBILE, id="without plus"),
        pytest.param("081234567890", MOBILE, id="national"),
        pytest.param("+62 812-3456-7890", MOBILE, id="with spaces and hyphens"),
        pytest.param("0811234567", "+62811234567", id="the shortest: 8x and seven more"),
        pytest.param("0812345678901", "+62812345678901", id="the longest: 8x and ten more"),
        pytest.param("089912345678", "+6289912345678", id="8[1-9]"),
    ],
)
def test_an_indonesian_mobile_is_one_subscriber_however_it_is_written(written, e164):
    assert classify(written) == Sender(SenderKind.SUBSCRIBER, e164, "ID")


@pytest.mark.parametrize(
    ("written", "country"),
    [("+6591234567", "SG"), ("+60123456789", "MY"), ("+601112345678", "MY"), ("+6583334444", "SG")],
)
def test_neighbours_are_real_citizens(written, country):
    assert classify(written) == Sender(SenderKind.SUBSCRIBER, written, country)


@pytest.mark.parametrize(
    "written", ["1708", "888", "4444", "99", "112", "363636", "+1708", "+6080"]
)
def test_a_short_code_is_never_made_into_a_number(written):
    """A library makes +601708 of 1708: a Malaysian who would then get our replies."""
    assert classify(written) == Sender(SenderKind.SHORT_CODE)


@pytest.mark.parametrize("written", ["TELKOMSEL", "XL-Info", "Pemko Batam", "081234567890", "1708"])
def test_a_name_is_a_name_whatever_it_spells(written):
    assert classify(written, is_alphanumeric=True) == Sender(SenderKind.ALPHANUMERIC)


def test_letters_make_a_name_even_where_the_network_says_number():
    assert classify("TELKOMSEL").kind is SenderKind.ALPHANUMERIC


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param("*888#", id="a USSD code"),
        pytest.param("08012345678", id="no mobile begins 080"),
        pytest.param("081234567", id="too short"),
        pytest.param("08123456789012", id="too long"),
        pytest.param("+62778123456", id="a landline"),
        pytest.param("6591234567", id="abroad without plus: perhaps, but who knows"),
        pytest.param("+65912345", id="too short for Singapore"),
        pytest.param("+999123456789", id="no such country"),
        pytest.param("٠٨١٢٣٤٥٦٧٨٩٠", id="digits of another script"),
        pytest.param("++6281234567890", id="two plus signs"),
        pytest.param("\ud800", id="half a surrogate"),
    ],
)
def test_what_fits_nothing_is_unknown_and_has_no_number(written):
    assert classify(written) == Sender(SenderKind.UNKNOWN)


def test_no_number_appears_in_a_repr():
    assert "1234" not in repr(classify(MOBILE))
