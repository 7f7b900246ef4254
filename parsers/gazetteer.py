"""Names of places in Batam: its 12 kecamatan and 64 kelurahan, and what people call places by.

Data, and a default: another city's gateway gives a `Gazetteer` of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from parsers.lexicon import Word, split_words
from parsers.lookalikes import fold

# By kecamatan, with its kelurahan.
KELURAHAN: Mapping[str, tuple[str, ...]] = {
    "Batam Kota": (
        *("Baloi Permai", "Belian", "Sukajadi", "Sungai Panas", "Taman Baloi", "Teluk Tering"),
    ),
    "Batu Aji": ("Bukit Tempayan", "Buliang", "Kibing", "Tanjung Uncang"),
    "Batu Ampar": ("Batu Merah", "Kampung Seraya", "Sungai Jodoh", "Tanjung Sengkuang"),
    "Belakang Padang": (
        *("Kasu", "Pecong", "Pemping", "Pulau Terong", "Sekanak Raya", "Tanjung Sari"),
    ),
    "Bengkong": ("Bengkong Indah", "Bengkong Laut", "Sadai", "Tanjung Buntung"),
    "Bulang": (
        *("Batu Legong", "Bulang Lintang", "Pantai Gelam", "Pulau Buluh", "Setokok", "Temoyong"),
    ),
    "Galang": (
        *("Air Raja", "Galang Baru", "Karas", "Pulau Abang"),
        *("Rempang Cate", "Sembulang", "Sijantung", "Subang Mas"),
    ),
    "Lubuk Baja": (
        *("Baloi Indah", "Batu Selicin", "Kampung Pelita", "Lubuk Baja Kota", "Tanjung Uma"),
    ),
    "Nongsa": ("Batu Besar", "Kabil", "Ngenang", "Sambau"),
    "Sagulung": (
        *("Sagulung Kota", "Sungai Binti", "Sungai Langkai", "Sungai Lekop", "Sungai Pelunggut"),
        "Tembesi",
    ),
    "Sungai Beduk": ("Duriangkang", "Mangsang", "Muka Kuning", "Tanjung Piayu"),
    "Sekupang": (
        *("Patam Lestari", "Sungai Harapan", "Tanjung Pinggir", "Tanjung Riau"),
        *("Tiban Baru", "Tiban Indah", "Tiban Lama"),
    ),
}

# Quarters, ports and sights by which people say where they are.
LANDMARKS = (
    *("Nagoya", "Jodoh", "Baloi", "Tiban", "Piayu", "Patam", "Punggur", "Telaga Punggur", "Seraya"),
    *("Rempang", "Barelang", "Marina", "Bida Ayu", "Botania", "Legenda Malaka", "Batam Center"),
    *("Batam Centre", "Engku Putri", "Masjid Raya", "Welcome To Batam", "Simpang Kabil"),
    *("Simpang Kara", "Simpang Jam", "Simpang Barelang", "Simpang Frengky", "Panbil", "Batamindo"),
    *("Dapur 12", "Mega Mall", "Kepri Mall", "Nagoya Hill", "Harbour Bay", "Top 100", "SP Plaza"),
    *("Fanindo", "Aviari", "Mitra Raya", "Hang Nadim", "Embung Fatimah", "Bukit Senyum"),
    *("Pasir Putih", "Ocarina", "Golden Prawn", "Windsor", "Penuin", "Tanjung Pantun"),
    *("Duta Mas", "Kampung Tua", "Kampung Utama", "Kampung Aceh", "Ruli Baloi Kolam"),
    *("Waterfront", "Bengkong Sadai", "Bengkong Kolam", "Tanjung Sekuang", "Jembatan Satu"),
)

# Ways to write the commonest first words of names.
_SPELLINGS = {
    "SEI": "SUNGAI",
    "SEIS": "SUNGAI",
    "SUNGEI": "SUNGAI",
    "SNGAI": "SUNGAI",
    "TG": "TANJUNG",
    "TJ": "TANJUNG",
    "TJG": "TANJUNG",
    "TANJ": "TANJUNG",
    "TANJONG": "TANJUNG",
    "KP": "KAMPUNG",
    "KPG": "KAMPUNG",
    "KAMP": "KAMPUNG",
    "BTM": "BATAM",
    "BT": "BATU",
    "SIMP": "SIMPANG",
    "SP": "SIMPANG",
}


class Gazetteer(Struct, frozen=True):
    """Names of places, as configured; compared without regard to case, spaces and usual spellings."""

    names: tuple[str, ...]

    def has_name(self, words: Sequence[Word]) -> bool:
        """Whether one of the names stands among the words of a folded text."""
        return any(self._found(words))

    def find_names(self, words: Sequence[Word]) -> frozenset[int]:
        """The indices of the words that are part of a name."""
        return frozenset(index for found in self._found(words) for index in found)

    def _found(self, words: Sequence[Word]) -> Iterator[range]:
        index = _index_names(self.names)
        spelled = [_SPELLINGS.get(word.text, word.text) for word in words]
        for start, first in enumerate(spelled):
            for name in _names_from(spelled, start):
                if name in index.get(first, ()):
                    yield range(start, start + len(name))


_NAME_WORDS_MAX = 4


def _names_from(spelled: list[str], start: int) -> Iterable[tuple[str, ...]]:
    """Every run of words from `start` on that is as short as a name."""
    return (tuple(spelled[start:end]) for end in range(start + 1, start + 1 + _NAME_WORDS_MAX))


@lru_cache(maxsize=8)
def _index_names(names: tuple[str, ...]) -> Mapping[str, frozenset[tuple[str, ...]]]:
    """The names by their first word; each also written as one word (`batuaji`)."""
    index: dict[str, set[tuple[str, ...]]] = {}
    for name in names:
        written = [word.text for word in split_words(fold(name).text)]
        spelled = tuple(_SPELLINGS.get(word, word) for word in written)
        for form in (spelled, ("".join(written),)):
            index.setdefault(form[0], set()).add(form)
    return {first: frozenset(forms) for first, forms in index.items()}


BATAM = Gazetteer(
    (*KELURAHAN, *(name for names in KELURAHAN.values() for name in names), *LANDMARKS)
)
