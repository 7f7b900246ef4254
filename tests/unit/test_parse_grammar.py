"""The configured part of the grammar: prefixes, keywords, reference length, a SIM of our own."""

from __future__ import annotations

import pytest

from parsers import Grammar, parse
from parsers.meaning import (
    Complaint,
    Doubt,
    FollowUp,
    Help,
    OptOut,
    Privacy,
    StatusQuery,
    Test,
    Unrecognised,
)


def test_each_prefix_of_a_service_is_recognised_and_reported_as_configured():
    grammar = Grammar(prefixes=("BTM", "Batam"))

    assert parse("batam jalan rusak", grammar) == Complaint("jalan rusak", "Batam")
    assert parse("btm jalan rusak", grammar) == Complaint("jalan rusak", "BTM")


def test_of_two_prefixes_the_longer_one_is_read():
    grammar = Grammar(prefixes=("BTM", "BTMKOTA"))

    assert parse("BTMKOTA jalan rusak", grammar) == Complaint("jalan rusak", "BTMKOTA")


@pytest.mark.parametrize("text", ["BATU di jalan besar", "BATASAN kecepatan", "batuk anak saya"])
def test_a_word_that_begins_with_the_prefix_is_for_a_person(text):
    meaning = parse(text, Grammar(prefixes=("BAT",)))

    assert isinstance(meaning, Unrecognised)
    assert meaning.doubt is Doubt.UNCLEAR_PREFIX


def test_another_city_s_word_is_ours_where_it_is_configured():
    assert parse("TANGKAB jalan rusak", Grammar(prefixes=("TANGKAB",))) == Complaint(
        "jalan rusak", "TANGKAB"
    )


def test_keywords_are_those_of_the_configuration():
    grammar = Grammar(help_words=("TULUNG",), optout_words=("CUKUP",), status_words=("KABAR",))

    assert parse("BTM tulung", grammar) == Help()
    assert parse("BTM cukup", grammar) == OptOut()
    assert parse("BTM kabar 12345678", grammar) == StatusQuery("12345678")
    assert parse("BTM stop", grammar) == Complaint("stop", "BTM")


def test_references_have_the_configured_length():
    grammar = Grammar(reference_digits=6)

    assert parse("BTM 123456 masih mati", grammar) == FollowUp(
        "123456", "masih mati", Complaint("123456 masih mati", "BTM")
    )
    assert parse("BTM 12345678 masih mati", grammar) == Complaint("12345678 masih mati", "BTM")


def test_an_empty_prefix_in_the_configuration_matches_nothing():
    meaning = parse("jalan rusak", Grammar(prefixes=("", "BTM")))

    assert isinstance(meaning, Unrecognised)


class TestSimOfOurOwn:
    """Where `is_unprefixed_complaint` is set, nobody needs the prefix."""

    grammar = Grammar(is_unprefixed_complaint=True)

    def test_a_text_without_prefix_is_a_complaint_as_typed(self):
        assert parse("  jalan rusak di tiban ", self.grammar) == Complaint(
            "jalan rusak di tiban", ""
        )

    def test_the_prefix_is_still_read(self):
        assert parse("BTM jalan rusak", self.grammar) == Complaint("jalan rusak", "BTM")

    def test_a_word_that_looks_like_the_prefix_is_part_of_the_complaint(self):
        text = "Btmart buang sampah di parit"

        assert parse(text, self.grammar) == Complaint(text, "")

    def test_keywords_and_references_act_without_prefix(self):
        assert parse("STATUS 12345678", self.grammar) == StatusQuery("12345678")
        assert parse("bantuan", self.grammar) == Help()
        assert isinstance(parse("12345678 masih mati", self.grammar), FollowUp)
        assert parse("halo", self.grammar) == Test(is_empty=True)

    def test_confidentiality_is_asked_without_prefix_too(self):
        meaning = parse("RAHASIA lurah minta uang", self.grammar)

        assert meaning == Complaint("lurah minta uang", "", Privacy.RAHASIA)

    def test_another_city_s_text_is_still_for_a_person(self):
        meaning = parse("TANGKAB jalan rusak", self.grammar)

        assert isinstance(meaning, Unrecognised)
        assert meaning.doubt is Doubt.OTHER_PREFIX


def test_the_complaint_inside_a_follow_up_has_the_whole_text():
    meaning = parse("BTM RAHASIA 17082026 sekarang kebakaran di gudang", Grammar())

    assert isinstance(meaning, FollowUp)
    assert meaning.body == "sekarang kebakaran di gudang"
    assert meaning.otherwise == Complaint(
        "17082026 sekarang kebakaran di gudang", "BTM", Privacy.RAHASIA, is_urgent=True
    )
