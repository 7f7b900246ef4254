"""Whether a text tells of an emergency that is going on: fire, accident, crime.

Flagged texts are answered with 112. A false flag costs an odd answer, a missed one may cost more
(though every receipt names 112), so an event that names itself counts unless a word near it says
that it is past, feared, frequent or practised.
"""

from __future__ import annotations

from collections.abc import Sequence

from parsers.lexicon import Word, list_words

# Events that name themselves.
_EVENTS = list_words("""
    KEBAKARAN KEBAKAR TERBAKAR KECELAKAAN KCELAKAAN LAKALANTAS TABRAKAN TERTABRAK KETABRAK DITABRAK
    DIBEGAL DIRAMPOK PERAMPOKAN DIJAMBRET DITUSUK PENUSUKAN DIBACOK PEMBACOKAN DIBUNUH
    PEMBUNUHAN DICULIK PENCULIKAN DIPERKOSA PERKOSAAN PEMERKOSAAN DIKEROYOK PENGEROYOKAN DISANDERA
    MELEDAK LEDAKAN KESETRUM TERSETRUM KEMALANGAN ROMPAKAN SAMUN DISAMUN
    FIRE ACCIDENT CRASH ROBBERY ROBBED STABBED STABBING EXPLOSION DROWNING MURDER KIDNAPPED
    """)
# What is an emergency only when it is happening now: thieves are complained about on any day.
_THREATS = list_words("""
    BEGAL MALING PENCURI PENCURIAN RAMPOK JAMBRET TAWURAN PERKELAHIAN BERKELAHI BERANTEM RIBUT API ASAP
    BERDARAH KRITIS PARANG GOLOK SENJATA PENJAHAT PEMBEGALAN PEROMPAK THIEF THIEVES
    FIGHT BURGLAR BURGLARS INTRUDER INTRUDERS KNIFE GUN SHOOTING ATTACKING SMOKE LAKA TABRAK
    """)
# The same in two words. Counter-example: the road is breaking in two.
_THREAT_PAIRS = {
    *(("BREAKING", "INTO"), ("BROKE", "INTO"), ("BREAK", "INTO")),
    *(("MASUK", "PAKSA"), ("MAIN", "HAKIM"), ("ANGKAT", "PARANG"), ("BAWA", "PARANG")),
}
# What is one when it happens to people, or to a boat with people in it: roads and villages drown too
# (`kampung tenggelam banjir`), and signs stand upside down (`rambu terbalik`).
_MISHAPS = list_words(
    "TENGGELAM HANYUT TERSERET TERTIMBUN TERTIMPA PINGSAN SEKARAT LOMPAT TERJUN TERBALIK KARAM"
)
_PEOPLE = list_words("""
    ANAK ANAK2 ORANG WARGA BAYI BOCAH BALITA SUAMI ISTRI ADIK KAKAK IBU BAPAK NELAYAN PENUMPANG SISWA
    MURID PEKERJA TUKANG KAPAL POMPONG PERAHU SPEED BOAT SPEEDBOAT SAMPAN PANCUNG FERRY FERI
""")
# Violence in progress, behind `lagi`: before a deed it means now (`lagi mukulin istrinya`), behind a
# word it means again (`maling lagi`), so it is no word for now by itself.
_VIOLENCE = list_words("""
    MUKUL MUKULI MUKULIN MEMUKUL MEMUKULI DIPUKUL DIPUKULI DIPUKULIN MENGANIAYA DIANIAYA MENYIKSA DISIKSA
    BERANTEM BERKELAHI TAWURAN NGAMUK MENGAMUK KDRT
    """)
_IN_PROGRESS = list_words("LAGI LG LGI")
# A patient for whom minutes count: now, or where the emergency room or the ambulance does not take
# the person in. Counter-example: `warga sesak napas kena asap pabrik` is about the smoke.
_CONDITIONS = list_words("KRITIS KEJANG PENDARAHAN PERDARAHAN SEKARAT")
_CONDITION_PAIRS = {
    *(("SESAK", "NAPAS"), ("SESAK", "NAFAS"), ("TIDAK", "SADAR"), ("TDK", "SADAR")),
    *(("GAK", "SADAR"), ("TAK", "SADAR"), ("MAU", "MELAHIRKAN")),
}
_RESCUE = list_words("IGD UGD AMBULAN AMBULANS AMBULANCE")
# Sparks from the power line. Counter-example: `percikan api bengkel las` is the neighbour's trade.
_SPARKS = {("PERCIKAN", "API"), ("PERCIK", "API"), ("MEMERCIK", "API"), ("KELUAR", "API")}
_POWER_LINE = list_words("KABEL GARDU TRAFO TIANG PLN LISTRIK METERAN")
# What bursts without danger: a lamp, a tyre, fireworks, and in figures of speech bills and prices.
_BURSTING = list_words(
    "LAMPU LMPU PJU LPJU BOHLAM BAN TAGIHAN HARGA PETASAN MERCON KEMBANG BALON POPULASI JUMLAH VIRAL"
)
_SELF_HARM = {("BUNUH", "DIRI"), ("GANTUNG", "DIRI")}
_PARTS_OF_DAY = list_words("PAGI SIANG SORE MALAM SUBUH")
_NOW = list_words("""
    SEKARANG SKRG SKRNG SKG SKARANG SEDANG SDG BARUSAN DARURAT URGENT EMERGENCY NOW TERJEBAK
    CEPAT CEPATAN BURUAN HELP SOS
    """)
_IDEOGRAMS = (
    "着火",
    "火灾",
    "失火",
    "起火",
    "车祸",
    "抢劫",
    "救命",
    "杀人",
    "溺水",
    "爆炸",
    "持刀",
    "拿刀",
    "打劫",
)

# Before the event, within its clause: not happening, or not this.
_BEFORE = list_words("""
    DULU DAHULU PERNAH BEKAS PASCA HABIS SETELAH SESUDAH SERING KERAP KERAPKALI RAWAN SELALU BISA
    BS DAPAT DPT MUNGKIN TAKUT TAKUTNYA KHAWATIR KUATIR CEMAS WASPADA BERPOTENSI POTENSI RESIKO
    RISIKO BAHAYA MEMBAHAYAKAN RENTAN KALAU KALO JIKA BILA SEBELUM JANGAN JGN SAMPAI AGAR SUPAYA
    CEGAH MENCEGAH HINDARI MENGHINDARI ANTISIPASI MENYEBABKAN MENGAKIBATKAN MENIMBULKAN PENYEBAB
    PEMADAM ALARM LATIHAN SIMULASI SOSIALISASI PELATIHAN ASURANSI SANTUNAN KLAIM KORBAN BANTUAN
    TIDAK TDK GAK BUKAN TANPA BELUM BLM AKIBAT KARENA KRN KASUS ANGKA DATA PELAKU KEMARIN KMRN
    TIAP SETIAP TAHUN MINGGU BULAN LAMA ADANYA INGIN MAU TUNGGU NUNGGU HAMPIR NYARIS TAKUTKAN
    USED AFRAID MIGHT COULD CAN MAY OFTEN IF ALWAYS PREVENT NO NOT LAST AVOID CAUSE CAUSES CAUSED
    HYDRANT ANTI ZERO TERJADINYA RUMOR HOAX BERITA BANYAK BNYK MARAK KALI SISA PUING
    MUSIM SEMINGGU SEBULAN SETAHUN
    """)
# Behind it: the same, as far as word order has them there.
_AFTER = list_words("""
    LALU KEMARIN KMRN KEMAREN DULU LATIHAN SIMULASI KALI PERNAH SETIAP TIAP TAHUN BULAN LAMA DRILL
    ALARM YESTERDAY LAST AGO INSURANCE STATION EXTINGUISHER HYDRANT BRIGADE PRONE SUSULAN EMOSI
    CEMBURU MATAHARI SEMALAM JENGGOT
    """)
_BEFORE_WORDS = 6
_AFTER_WORDS = 5
_PEOPLE_REACH = 4
_PAIRS = _THREAT_PAIRS | _CONDITION_PAIRS | _SPARKS | _SELF_HARM
_CANDIDATES = (
    _EVENTS | _THREATS | _MISHAPS | _VIOLENCE | _CONDITIONS | {second for _, second in _PAIRS}
)
_CLAUSE_ENDS = frozenset(".!?;,\n")


def is_urgent(text: str, words: Sequence[Word]) -> bool:
    """Whether the folded `text`, whose words are `words`, tells of an emergency now."""
    if any(sign in text for sign in _IDEOGRAMS):
        return True
    said = {word.text for word in words}
    if said.isdisjoint(_CANDIDATES):
        return False
    return any(
        _is_candidate(words, index, said) and not _is_softened(text, words, index)
        for index in range(len(words))
    )


def _is_candidate(words: Sequence[Word], index: int, said: set[str]) -> bool:
    """Whether the word at `index` would be an emergency if it is happening now; `said` is the whole text."""
    word = words[index].text
    if word not in _CANDIDATES:
        return False
    has_now = not said.isdisjoint(_NOW)
    pair = (words[index - 1].text, word) if index else ("", word)
    if word in _EVENTS or (has_now and (word in _THREATS or pair in _THREAT_PAIRS)):
        return True
    if word in _VIOLENCE and (has_now or pair[0] in _IN_PROGRESS):
        return True
    if word in _CONDITIONS or pair in _CONDITION_PAIRS:
        return has_now or not said.isdisjoint(_RESCUE)
    if pair in _SPARKS and not said.isdisjoint(_POWER_LINE):
        return True
    if word in _MISHAPS:
        near = words[max(index - _PEOPLE_REACH, 0) : index + _PEOPLE_REACH]
        return any(other.text in _PEOPLE for other in near)
    return pair in _SELF_HARM


def _is_softened(text: str, words: Sequence[Word], index: int) -> bool:
    """Whether a word of the same clause says that the event at `index` is not happening now."""
    earlier = [word.text for word in _clause_backwards(text, words, index)]
    later = [word.text for word in _clause_forwards(text, words, index)]
    if not (_BEFORE.isdisjoint(earlier) and _AFTER.isdisjoint(later)):
        return True
    if words[index].text == "MELEDAK" and not _BURSTING.isdisjoint(earlier):
        return True
    # `tadi pagi` is over; `tadi` alone may be minutes ago, and `selamat pagi` says nothing
    return any("TADI" in side and not _PARTS_OF_DAY.isdisjoint(side) for side in (earlier, later))


def _clause_backwards(text: str, words: Sequence[Word], index: int) -> list[Word]:
    found: list[Word] = []
    for step in range(index, max(index - _BEFORE_WORDS, 0), -1):
        if not _CLAUSE_ENDS.isdisjoint(text[words[step - 1].end : words[step].start]):
            break
        found.append(words[step - 1])
    return found


def _clause_forwards(text: str, words: Sequence[Word], index: int) -> list[Word]:
    found: list[Word] = []
    for step in range(index + 1, min(index + 1 + _AFTER_WORDS, len(words))):
        if not _CLAUSE_ENDS.isdisjoint(text[words[step - 1].end : words[step].start]):
            break
        found.append(words[step])
    return found
