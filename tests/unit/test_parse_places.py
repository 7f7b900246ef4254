"""Whether a text says where."""

from __future__ import annotations

import pytest

from parsers.gazetteer import BATAM, KELURAHAN, Gazetteer
from parsers.places import names_a_place

SOMEWHERE = [
    "jalan rusak di sekupang",
    "banjir di batuaji",
    "SEI BEDUK gelap",
    "sungai beduk gelap",
    "air mati tg. uncang",
    "tj piayu banjir",
    "kp seraya sampah numpuk",
    "muka kuning macet",
    "btm centre",
    "batam center macet",
    "jl mawar gelap",
    "jln. Raja Isa macet",
    "perum bukit indah banjir",
    "blok c no 5 got mampet",
    "sampah numpuk RT 03",
    "rt.02/rw.07",
    "depan SDN 005 macet",
    "guru smpn 12 galak",
    "puskesmas tiban tutup",
    "gang melati gelap",
    "simpang kuda macet",
    "Ｓｅｋｕｐａｎｇ",
    "pelabuhan punggur calo",
    "kavling bagan banjir",
]
NOWHERE = [
    "jalan rusak",
    "jalan berlubang parah",
    "jalan sudah 2 minggu rusak",
    "perumahan kami banjir",
    "air mati 3 hari",
    "KTP saya belum jadi",
    "lurah minta uang",
    "lampu jalan mati",
    "sampah tidak diangkut",
    "pasar becek",
    "di kota batam banyak sampah",
    "",
]


@pytest.mark.parametrize("text", SOMEWHERE)
def test_it_says_where(text):
    assert names_a_place(text)


@pytest.mark.parametrize("text", NOWHERE)
def test_it_does_not_say_where(text):
    assert not names_a_place(text)


def test_batam_has_its_twelve_kecamatan_and_sixty_four_kelurahan():
    assert len(KELURAHAN) == 12
    assert sum(map(len, KELURAHAN.values())) == 64


@pytest.mark.parametrize("name", BATAM.names)
def test_every_name_is_found_as_written_and_without_spaces(name):
    assert names_a_place(f"banjir di {name} pak")
    assert names_a_place(f"banjir di {name.replace(' ', '').lower()} pak")


def test_the_gazetteer_is_configurable():
    elsewhere = Gazetteer(("Serpong Utara",))

    assert names_a_place("macet serpong utara", elsewhere)
    assert not names_a_place("macet serpong utara")
    assert not names_a_place("banjir sekupang", elsewhere)
