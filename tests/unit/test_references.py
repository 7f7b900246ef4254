"""Reference numbers: form, check digit, chance."""

import random

import pytest

from smsgate.references import check_digit, draw_reference, is_reference


def test_drawn_references_are_valid_and_begin_with_no_zero():
    chance = random.Random(7)

    drawn = [draw_reference(chance.randrange) for _ in range(1000)]

    assert all(is_reference(reference) for reference in drawn)
    assert not any(reference.startswith("0") for reference in drawn)


def test_both_ends_of_the_range_have_eight_digits():
    assert len(draw_reference(lambda _count: 0)) == 8
    assert len(draw_reference(lambda count: count - 1)) == 8


def test_every_single_wrong_digit_is_caught():
    reference = draw_reference(lambda _count: 4711)

    wrong = [
        reference[:place] + digit + reference[place + 1 :]
        for place in range(8)
        for digit in "0123456789"
        if digit != reference[place]
    ]

    assert not any(is_reference(text) for text in wrong)


def test_every_swap_of_neighbours_is_caught():
    chance = random.Random(11)
    for _ in range(200):
        reference = draw_reference(chance.randrange)
        for place in range(7):
            a, b = reference[place], reference[place + 1]
            if a != b:
                swapped = reference[:place] + b + a + reference[place + 2 :]
                assert not is_reference(swapped), reference


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("1234567", id="too short"),
        pytest.param("123456789", id="too long"),
        pytest.param("1234567a", id="a letter"),
        pytest.param("\u0661234567", id="digits of another script"),
        pytest.param("0" + "000000" + check_digit("0000000"), id="a leading zero"),
    ],
)
def test_other_forms_are_no_reference(text):
    assert not is_reference(text)


def test_check_digit_agrees_with_the_example_of_the_literature():
    assert check_digit("572") == "4"
