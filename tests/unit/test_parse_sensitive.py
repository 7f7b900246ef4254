"""Masking: what must not be read outside the store cannot be, and what texts need can."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.sensitive import HIDDEN, mask

HIDES = {
    "a NIK": ("NIK 2171014505900003 belum jadi", "NIK **** belum jadi"),
    "a NIK in fours": ("2171 0145 0590 0003", HIDDEN),
    "a NIK with dots": ("KK 2171.0101.0108.0042 ganda", "KK **** ganda"),
    "a NIK by its parts": ("217101 450590 0003", HIDDEN),
    "a NIK in pairs": ("21 71 01 45 05 90 00 03", HIDDEN),
    "a NIK in full-width digits": ("２１７１０１４５０５９００００３", HIDDEN),
    "a NIK with an invisible mark in it": ("21710145\u200b05900003", HIDDEN),
    "two NIK": ("2171014505900003 dan 2171014505900004", "**** dan ****"),
    "a mobile number": ("hub 081234567890 ya", "hub ***890 ya"),
    "a mobile number with hyphens": ("0812-3456-7890", "***890"),
    "an international number": ("+62 812 3456 7890", "***890"),
    "a Singaporean number": ("+65 9123 4567", "***567"),
    "a landline": ("kantor 0778 123456", "kantor ***456"),
    "an e-mail address": ("kirim ke budi.s@contoh.co.id.", "kirim ke ****."),
    "an account number": ("transfer ke BCA 1234567890", "transfer ke BCA ****"),
    "an account number with hyphens": ("109-00-1234567-8", HIDDEN),
    "an account number in groups": ("rek 1090 0123 4567", "rek ****"),
    "a short account number that is named": ("no rekening: 12345678", "no rekening: ****"),
    "a number right after a word": ("WA081234567890", "WA***890"),
}

SHOWS = [
    "Aduan 12345678 tercatat",
    "12345678 12345678",
    "tgl 17-08-2026 jam 08.00-16.00",
    "17/08/2026",
    "Rp 1.500.000.000",
    "Rp1500000",
    "RT 03 RW 05 no 12 blok C",
    "Tracking ID 7654321",
    "telp 112 atau 1708",
    "",
]


@pytest.mark.parametrize(("text", "shown"), HIDES.values(), ids=HIDES.keys())
def test_it_hides(text, shown):
    assert mask(text) == shown


@pytest.mark.parametrize("text", SHOWS)
def test_it_leaves_what_texts_need(text):
    assert mask(text) == text


def test_a_reference_beside_a_phone_number_stays():
    assert mask("12345678 081234567890") == "12345678 ***890"


@given(
    st.text(),
    st.from_regex(r"\A[1-9][0-9]{15}\Z"),
    st.sampled_from(["", " ", ".", "-"]),
    st.text("abc \n"),
)
def test_no_sixteen_digits_ever_come_through(before, digits, separator, after):
    written = separator.join(digits[i : i + 4] for i in range(0, 16, 4))

    masked = mask(f"{before} x {written} x {after}")

    assert digits not in re.sub(r"[ .\-]", "", masked)
