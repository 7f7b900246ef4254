"""Whether a text says where: so that one question can be asked back when it does not.

It leans towards yes. A question that was not needed costs the citizen an SMS and patience; one not
asked costs the unit a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from parsers.gazetteer import BATAM, Gazetteer
from parsers.lexicon import Word, list_words, split_words
from parsers.lookalikes import fold
from parsers.vocabulary import is_known

# Words that are followed by the name of a place: `jl Mawar`, `perum Bukit Indah`, `SDN 005`.
_BEFORE_A_NAME = list_words("""
    JALAN JLN JL JLAN STREET GANG GG LORONG PERUM PERUMAHAN PERUMNAS KOMPLEK KOMPLEKS KOMP KOMPLEX
    CLUSTER RUSUN RUSUNAWA APARTEMEN APARTMENT KAVLING KAVELING KAV RULI KAMPUNG KP KPG DUSUN BLOK BLK
    SIMPANG SP SIMP TAMAN RUKO KELURAHAN KEL KECAMATAN KEC PULAU TELUK BUKIT TANJUNG SUNGAI SEI PANTAI
    SD SDN SDIT MI SMP SMPN MTS MTSN SMA SMAN MAN SMK SMKN TK PAUD UNIVERSITAS PUSKESMAS PKM RSUD RS
    RUMKIT KLINIK MASJID MESJID MUSHOLA MUSHOLLA SURAU GEREJA VIHARA PASAR HOTEL PELABUHAN TERMINAL
    MALL PLAZA PT HALTE BUNDARAN JEMBATAN DAPUR LAPANGAN TPU KANTOR
""")
# After these a number is no name: `jalan 2 minggu rusak`.
_STREETS = list_words("JALAN JLN JL JLAN STREET JEMBATAN KANTOR PASAR PELABUHAN")
_NUMBERED = list_words("RT RW BLOK BLK NO KM")  # `RT 03`, `blok C`, `km 5`
# After those words these say nothing about where: `jalan berlubang`, `perumahan kami`.
_NOT_A_NAME = list_words("""
    INI ITU TSB TERSEBUT SANA SINI LAIN SATU SATUNYA YANG YG DAN DENGAN DGN KE SUDAH SDH UDAH JUGA
    SAJA AJA JADI MASIH MSH SELALU SERING TERUS SANGAT SGT SEKALI PARAH PUTUS RUSAK BELUM TAK GAK GA
    NGGAK BUKAN HARUS AGAR SUPAYA KARENA KRN TAPI ATAU BISA BS AKAN HILANG BOLONG BECEK LICIN SEMPIT
    BESAR KECIL UTAMA UMUM MASUK KELUAR RAYA LINGKUNGAN KOTA TANAH BERDEBU BERLUMPUR AMBLAS RETAK
    TERGENANG TERENDAM KEBANJIRAN DITUTUP TUTUP BUKA KOTOR RAMAI PENUH LAMBAT LAMA MAHAL NAIK KAKI
    PINTAS PULANG TIKUS SEPI SAAT SETELAH BARU NAPAS TENGAH TERDEKAT SEBELAH SENDIRI NEGERI SWASTA
    KERJA KAYU IKAN MALAM PAGI HARI
    IS WAS ARE HAS TO THE AND
""")


# What may stand around a place where nothing else is said: `di jl Mawar dekat SDN 5, sejak kemarin`.
_AROUND = list_words("""
    DI DEKAT DKT DEPAN DPN SAMPING SEBELAH BELAKANG BLKG ARAH ANTARA SEKITAR DALAM DLM LOKASI LOKASINYA
    TEMPAT TEMPATNYA ALAMAT ALAMATNYA NYA PAK BU MIN ITU DAN SEJAK DARI DR KEMARIN KMRN TADI HARI INI
    MINGGU BULAN TAHUN LALU PAGI SIANG SORE MALAM JAM PUKUL TANGGAL TGL NO NOMOR NOMER KOTA BATAM
    SENIN SELASA RABU KAMIS JUMAT SABTU AT IN NEAR ON THE OF
""")
_PLACE_WORDS_MAX = 30
_NAME_WORDS_MAX = 3  # behind a marker: `jl Raja Haji Fisabilillah`


def is_only_a_place(text: str, gazetteer: Gazetteer = BATAM) -> bool:
    """Whether a text says where, and nothing else: the answer to a question for the place.

    Counter-examples: `jl Mawar rusak` and `premanisme di pasar Jodoh` complain.
    """
    words = split_words(fold(text).text)
    if len(words) > _PLACE_WORDS_MAX or not (_has_marked_name(words) or gazetteer.has_name(words)):
        return False
    named = gazetteer.find_names(words)
    left = 0  # words that may still belong to the name behind a marker
    for index, word in enumerate(words):
        if word.text in _BEFORE_A_NAME or word.text in _NUMBERED:
            left = _NAME_WORDS_MAX
        elif word.is_number or word.text in _AROUND or index in named:
            continue
        elif left and not (word.text in _NOT_A_NAME or is_known(word.text)):
            left -= 1
        elif not (left and len(word.text) == 1):  # `blok C`
            return False
    return True


def names_a_place(text: str, gazetteer: Gazetteer = BATAM) -> bool:
    """Whether a text names a street, estate, RT/RW, kelurahan, kecamatan or landmark."""
    words = split_words(fold(text).text)
    return _has_marked_name(words) or gazetteer.has_name(words)


def _has_marked_name(words: Sequence[Word]) -> bool:
    for marker, name in pairwise(words):
        if name.is_number:
            # `SDN 005`, `RT 3`, `blok 7`
            if marker.text in _NUMBERED or (
                marker.text in _BEFORE_A_NAME and marker.text not in _STREETS
            ):
                return True
        elif marker.text in _BEFORE_A_NAME and not (
            name.text in _NOT_A_NAME or is_known(name.text)
        ):
            return True
    return False
