"""Replies: wording in GSM-7, one part, nothing of the inserted text taken for a field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.gsm7 import septet_count
from smsgate.replies import cut_at_word, render, transliterate
from smsgate.wording import DEFAULT_TEXTS, FIELD_WIDTHS, fill_service_fields

TEMPLATES = {
    kind: fill_service_fields(text, prefix="BTM", number="1708", our_institution="Pemko Batam")
    for kind, text in DEFAULT_TEXTS.items()
}


@pytest.mark.parametrize("kind", sorted(TEMPLATES))
@given(value=st.text(max_size=300))
def test_every_reply_is_one_part_whatever_is_put_in(kind, value):
    values = dict.fromkeys(FIELD_WIDTHS, value)

    septets = septet_count(render(TEMPLATES[kind], values))

    assert septets is not None
    assert septets <= 160


def test_braces_in_inserted_text_are_not_filled_in():
    text = render("Jawaban: {answer} ({ref})", {"answer": "{ref} {x}", "ref": "12345678"})

    assert text == "Jawaban: {ref} {x} (12345678)"


def test_identity_numbers_are_masked_in_answers():
    text = render("{answer}", {"answer": "NIK 2171012345678901 sudah terbit"})

    assert "2171012345678901" not in text
    assert "sudah terbit" in text


def test_long_answers_are_cut_at_a_word_and_use_the_room_there_is():
    text = render("Jawaban: {answer}", {"answer": "sudah " * 60})

    assert text.endswith("sudah..")
    assert 150 <= septet_count(text) <= 160


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("“Jalan” – ‘baik’…", "\"Jalan\" - 'baik'..."),
        ("café déjà", "café déjà"),
        ("naïve ő", "naive o"),
        ("ok \u200b👍🏽", "ok ??"),
        ("²", "2"),
        ("hal. 1\fhal. 2", "hal. 1 hal. 2"),
    ],
)
def test_letters_outside_gsm7_are_written_with_its_own(typed, sent):
    assert transliterate(typed) == sent


@given(st.text(max_size=50))
def test_whatever_is_written_leaves_as_gsm7(typed):
    """One character that the driver cannot send so would make it UCS-2: 70 characters to an SMS, not 160."""
    assert septet_count(transliterate(typed)) is not None


def test_a_single_long_word_is_cut_too():
    assert cut_at_word("a" * 50, 10) == "a" * 8 + ".."
