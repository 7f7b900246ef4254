"""Words with which citizens of other places begin an SMS to the same national number. Data, folded.

1708 routes by the first word, so a wrong one means that the SMS was meant for another city, or that
the citizen does not know ours. The list serves the pointer that is sent back and the person at
triage; an SMS that begins with a word missing here is kept all the same, as one without prefix.
"""

from __future__ import annotations

from parsers.lexicon import list_words

# Made-up words and abbreviations that are no words of the language: any way of writing counts.
CONVENTIONS = list_words("""
    TANGKAB TANGKOT TANGSEL BDG KABBDG KBB SBY SMG JKT DKI DIY SLMN BTL KABMLG SDA GRSK
    BGR KABBGR KABBKS DPK CLG CRB TSM GRT PWK KRW CJR JBR BWI PKU MDN BNA JMB TPI TBK
    LMPG MKS MDO KDI AMB PTK BJM PKY DPS MTR JPR BYL PWT CLP
    """)

# Names of places in full. A complaint may well begin with one (`Bintan macet`), so these count only
# when the word stands in capitals and the rest of the text does not, as a prefix would be typed.
NAMES = list_words("""
    JAKARTA BANDUNG SURABAYA SEMARANG MEDAN MAKASSAR PALEMBANG PEKANBARU PADANG BOGOR DEPOK BEKASI
    TANGERANG SOLO SURAKARTA JOGJA YOGYA MALANG DENPASAR BINTAN KARIMUN LINGGA NATUNA ANAMBAS
    TANJUNGPINANG KEPRI RIAU JATIM JATENG JABAR SUMUT SUMBAR BANTEN JAMBI LAMPUNG DUMAI
    """)
