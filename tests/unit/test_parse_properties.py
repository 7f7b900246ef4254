"""What holds for every text that anybody could send."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from messages import read_messages

from parsers import Grammar, parse
from parsers.lookalikes import fold, trim
from parsers.meaning import Complaint, FollowUp, Meaning, Privacy, StatusQuery, Test, Unrecognised
from parsers.notices import recognise
from parsers.places import names_a_place
from parsers.senders import classify
from parsers.sensitive import mask

GRAMMAR = Grammar()
OWN_SIM = Grammar(is_unprefixed_complaint=True)

# Any code point, lone surrogates and NUL included.
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))
# What the rules look for, in any order: reaches deeper than chance letters do.
PIECES = st.sampled_from(
    [
        *(
            "BTM",
            "btm",
            "ВТМ",
            "B.T.M",
            "RAHASIA",
            "ANONIM",
            "dan",
            "STATUS",
            "cek",
            "BANTUAN",
            "STOP",
        ),
        *(
            "tes",
            "mulai",
            "aduan",
            "isi",
            "spasi",
            "(spasi)",
            "<aduan>",
            "12345678",
            "1234",
            "5678",
        ),
        *("sampai mana", "kapan selesai", "belum", "laporan", "cara lapor", "处理了没有", "?"),
        *("jalan", "rusak", "umum", "nama saya", "jangan sebut", "kebakaran", "dulu", "sekarang"),
        *(
            " ",
            "  ",
            "\n",
            "\u00a0",
            "\u200b",
            ".",
            ",",
            ":",
            "#",
            "-",
            "/",
            "+",
            '"',
            "“",
            "”",
            "*",
        ),
        *("(", ")", "[", "🙏", "路灯", "\x00", "\ud83d", "TANGKAB", "SURABAYA", "no", "x"),
    ]
)
COMPOSED = st.lists(PIECES, max_size=12).map("".join)
TEXTS = st.one_of(ANYTHING, COMPOSED, COMPOSED.map(lambda text: "BTM " + text))


def bodies(meaning: Meaning) -> list[str]:
    """Every text that a meaning passes on."""
    match meaning:
        case Complaint() | Unrecognised():
            return [meaning.body]
        case FollowUp():
            return [meaning.body, meaning.otherwise.body]
        case _:
            return []


@given(TEXTS, st.sampled_from([GRAMMAR, OWN_SIM]))
@settings(max_examples=500)
@example("\ud800", GRAMMAR)
@example("BTM \x00", GRAMMAR)
@example("B\u200dT", GRAMMAR)
def test_any_text_has_a_meaning_and_its_body_stands_in_it_as_typed(text, grammar):
    meaning = parse(text, grammar)

    for body in bodies(meaning):
        assert body in text
        assert body == trim(body)


@given(TEXTS)
@settings(max_examples=300)
def test_a_complaint_never_has_an_empty_body(text):
    meaning = parse(text, GRAMMAR)

    if isinstance(meaning, Complaint):
        assert any(character.isalpha() for character in fold(meaning.body).text)


@given(TEXTS)
@settings(max_examples=300)
def test_without_our_prefix_nothing_becomes_a_complaint(text):
    grammar = Grammar(prefixes=("QZX",))

    assert not isinstance(parse(text, grammar), Complaint | FollowUp)


@given(COMPOSED)
@settings(max_examples=300)
def test_a_sim_of_our_own_loses_no_text(text):
    """Whatever says something and is no keyword is a complaint there, or for a person."""
    meaning = parse(text, OWN_SIM)

    if isinstance(meaning, Complaint) and not meaning.prefix and meaning.privacy is Privacy.PLAIN:
        assert meaning.body in text


@given(st.one_of(st.sampled_from([row["text"] for row in read_messages()]), TEXTS))
@settings(max_examples=1000)
@example("BTM " + "<aduan>" * 5 + "umum")
@example("BTM " + "RAHASIA " * 5 + "umum jalan")
def test_a_body_under_the_prefix_again_is_the_same_complaint(text):
    meaning = parse(text, GRAMMAR)
    if not isinstance(meaning, Complaint):
        return

    again = parse("BTM " + meaning.body, GRAMMAR)

    assert isinstance(again, Complaint)
    assert again.body == meaning.body


@given(
    st.text(
        st.characters(
            categories=["Zs", "Cf"], exclude_characters="".join(map(chr, range(0xE0000, 0xE0080)))
        ),
        max_size=5,
    )
)
def test_invisible_marks_and_spaces_around_the_prefix_change_nothing(marks):
    meaning = parse(f"{marks}BTM {marks}jalan rusak", GRAMMAR)

    assert isinstance(meaning, Complaint)
    assert meaning.body.endswith("jalan rusak")


@given(st.integers(min_value=0, max_value=99_999_999))
def test_every_reference_is_found_again_whatever_its_digits(number):
    reference = f"{number:08d}"

    assert parse(f"BTM STATUS {reference}", GRAMMAR) == StatusQuery(reference)


@pytest.mark.parametrize("kind", ["status", "help"])
def test_one_word_more_anywhere_makes_a_question_a_text_that_is_kept(kind):
    asked = [row["text"].split(" ") for row in read_messages() if row["expect"] == kind]
    told = [
        " ".join([*words[:place], "trotoar", *words[place:]])
        for words in asked
        if words[0] == "BTM"
        for place in range(1, len(words) + 1)
    ]

    meanings = {text: parse(text, GRAMMAR) for text in told}

    assert len(told) > 100
    assert [
        text for text, meaning in meanings.items() if not isinstance(meaning, Complaint | FollowUp)
    ] == []


@given(ANYTHING)
@settings(max_examples=300)
def test_the_other_readers_never_raise_either(text):
    recognise(text)
    names_a_place(text)
    mask(text)
    classify(text)
    classify(text, is_alphanumeric=True)


LONG = 50_000
LIMIT_S = 1.0  # of this process alone; 50 to 300 ms here
WORST = {
    "one word": "a",
    "spaces": " ",
    "brackets": "(",
    "numbers": "1 ",
    "joined numbers": "1-",
    "references": "12345678 ",
    "instructions": "isi aduan ",
    "half instructions": "spasi(",
    "wishes": "nama saya jangan ",
    "emergencies": "kebakaran dulu ",
    "zero width": "\u200b",
    "accents": "e\u0301\u0302",
    "phrases in one sign": "\ufdfa",
    "keywords": "RAHASIA ",
    "prefixes": "BTM ",
    "part marks": "1/",
    "addresses": "a@",
    "ends of the poster": "kirim ke 1708 ",
    "short codes": "1708 ",
    "violence": "lagi dipukuli dulu ",
    "patients": "sesak napas igd dulu ",
    "leaks": "gas bocor bau dulu ",
    "times that are over": "minggu yg lalu kebakaran ",
    "closing keywords": "ya anonim umum ",
    "clauses of keywords": "anonim, ",
    "falls": "anak masuk got dulu ",
    "half wishes": "jangan sampai tau ",
    "plights": "kapal kami bocor air masuk mesin mati dulu ",
    "ages": "anak 3 tahun kebakaran ",
    "blows": "pukul2an dulu ",
    "petrol": "siram bensin mau bakar rumah dulu ",
    "questions": "laporan 12345678 sudah sampai mana? ",
    "denials": "sudah selesai belum ",
    "runs of Chinese": "没有处理",
}


@pytest.mark.parametrize("piece", WORST.values(), ids=WORST.keys())
@pytest.mark.parametrize(
    "reader", [lambda text: parse(text, GRAMMAR), names_a_place, mask, recognise]
)
def test_ten_thousand_characters_take_milliseconds(reader, piece):
    """Asked of five times as many: even a light quadratic rule, which takes 50 ms for 10,000, then takes seconds."""
    long = "BTM x" + piece * (LONG // len(piece))

    assert any(_time(reader, long) < LIMIT_S for _ in range(3))


def _time(reader, text: str) -> float:
    started = time.process_time()
    reader(text)
    return time.process_time() - started


def test_nothing_but_the_prefix_is_empty():
    assert parse("BTM", GRAMMAR) == Test(is_empty=True)
