"""The instruction typed literally: `BTM(spasi)jalan rusak`, `BTM <aduan> jalan rusak`.

Posters say "ketik BTM (spasi) isi aduan", and some do exactly that. What is taken off is only what
the poster says; the same words as part of a sentence stay.
"""

from __future__ import annotations

import re

from parsers.openings import skip_free, skip_separators

_SPACE = r"(?:SPASI|SPACE|SPACING)"
_CONTENT = (
    r"(?:(?:ISI|KETIK|TULIS)\s+)?(?:ADUAN|PENGADUAN|LAPORAN|KELUHAN|PESAN)(?:\s+(?:ANDA|KAMU))?"
)
# In brackets or signs either may stand: `(spasi)`, `<aduan>`, `[isi laporan]`, `_spasi_`.
_BRACKETED = re.compile(
    rf"[(<\[{{]\s*(?:{_SPACE}|{_CONTENT})\s*[)>\]}}]|([_*+#]){_SPACE}\1|#?{_CONTENT}#",
    re.IGNORECASE,
)
# Bare, `spasi` and `isi aduan` are words of the poster. `space` is not: `BTM space parkir kurang`.
_BARE = re.compile(
    r"(?:SPASI|ISI\s+(?:ADUAN|PENGADUAN|LAPORAN)(?:[\s,]{1,3}LOKASI[\s,]{1,3}(?:DAN\s)?WAKTU)?(?:\s(?:SAYA|ANDA|KAMI))?)"
    r"(?![^\W\d_])[_+#]?"
)
# `BTM aduan jalan rusak` has the poster's word too, but `BTM aduan saya belum dijawab` does not:
# there the word is what the sentence is about.
_ADUAN = re.compile(
    r"ADUAN(?![^\W_])(?!\s*(?:\d|(?:SAYA|SY|SAY|AKU|KU|KAMI|KMI|KITA|WARGA|MASYARAKAT|YANG|YG|INI|ITU"
    r"|TSB|NO|NOMOR|NMR|TENTANG|TTG|SOAL|MENGENAI|TERKAIT|BELUM|BLM|TIDAK|TDK|GAK|GA|SUDAH|SDH|KOK"
    r"|KEMARIN|KMRN|TADI|DENGAN|DGN|DARI|DR|KE|LEWAT|TERAKHIR|SEBELUMNYA|LAMA|DIABAIKAN|ONLINE"
    r"|DITOLAK|DITUTUP|DIBALAS|SELESAI)(?![^\W\d_])))"
)
# The whole template copied (`isi aduan, lokasi, waktu`) says nothing yet.
_TEMPLATE = re.compile(r"(?:(?:ISI|ADUAN|LOKASI|WAKTU|NAMA|ALAMAT|DAN|KEJADIAN|SPASI)[\s,.()]*)+\Z")
# How the poster ends: `… kirim ke 1708`.
_ADDRESS = re.compile(r"[\s.,(]*(?:KIRIM|KIRIMKAN|SEND)\s+(?:KE|TO)\s+\d{3,6}(?!\d)[\s.,)!]*")


def skip_address(text: str, index: int) -> int:
    """The index behind the end of the poster (`kirim ke 1708`), or `index` where it does not stand."""
    match = _ADDRESS.match(text, index)
    return index if match is None else match.end()


def skip_instructions(text: str, index: int) -> int:
    """The index at which a folded text begins, what the poster says passed over."""
    while True:  # each round moves on
        bracketed = _BRACKETED.match(text, index)
        bare = _BARE.match(text, index) or _ADUAN.match(text, index)
        if bracketed is not None:
            index = skip_free(text, bracketed.end())
        elif bare is not None:
            index = skip_separators(text, bare.end())
        else:
            break
    template = _TEMPLATE.match(text, index)
    return index if template is None else template.end()
