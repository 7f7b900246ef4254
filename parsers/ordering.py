"""The closed vocabulary of a text that only orders: no more SMS, or SMS again. Data, folded.

Every word plays a part, one letter; most play none. `orders` has the rules, over the parts in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from parsers.asking import COURTESY
from parsers.lexicon import list_words

# Not in here, since they make a complaint of it: AJA, CUMA, TERUS (`jangan cuma kirim sms`), MASUK, IKLAN,
# PROMO, SPAM (others' SMS), BALASAN (whose?), BISA, TELEPON, WA.
_PARTS = {
    "n": """
        SMS SMSNYA SMSMU MESEJ MESSAGE MESSAGES TEXTS NOTIF NOTIFNYA NOTIFIKASI NOTIFIKASINYA NOTIFICATION
        NOTIFICATIONS
        """,
    # Tidings are SMS where they are sent or received. Counter-example: `jangan pesan lagi` orders nothing.
    "t": """
        PESAN PESANNYA PSN KABAR KABARNYA PEMBERITAHUAN LANGGANAN BERLANGGANAN
        """,
    "k": """
        KIRIM KRIM KRM KIRIMI KIRIMIN KIRIMKAN NGIRIM NGIRIMIN MENGIRIM MENGIRIMI MENGIRIMKAN HANTAR SEND
        SENDING
        """,
    "K": "TEXT TEXTING MESSAGING SMSIN SMSI NGESMS",  # sends an SMS, in one word
    "v": "BALAS BALES MEMBALAS BALASIN REPLY REPLYING",
    "p": "DIKIRIM DIKIRIMI DIKIRIMIN DIKIRIMKAN DIHANTAR DIKABARI",
    "P": "DISMS DISMSIN",
    "r": """
        TERIMA TRIMA MENERIMA NERIMA NRIMA DAPAT DPT DAPET MENDAPAT MENDAPATKAN DAPATKAN RECEIVE RECEIVING GET
        GETTING
        """,
    "s": """
        STOP STP STOPKAN STOPIN DISTOP DISTOPKAN SETOP DISETOP BERHENTI BRHENTI BRENTI BERENTI HENTIKAN HENTIIN HENTI
        DIHENTIKAN BERHENTIKAN
        """,
    "o": "UNREG UNSUB UNSUBSCRIBE UNSUBSCRIBED",
    "x": "JANGAN JGN JNGN JGAN JANGANLAH JGNLAH DONT DONOT",
    "d": "TIDAK TDK TDAK TIDK TAK GAK GA GK G NGGAK NGAK ENGGAK NDAK TDAK KAGAK",
    "dw": "GAMAU GAKMAU TAKNAK",
    "u": "USAH GAUSAH GAKUSAH GKUSAH TAKUSAH",
    "e": "PERLU PRLU",
    "w": "MAU MAHU MAO MO MW INGIN INGN NAK PENGEN PENGIN PGN HENDAK",
    "W": "WANT",
    "q": "TOLONG TLG TLONG TOLONGLAH MOHON MHN MINTA MNTA HARAP HRP BANTU KINDLY",
    "l": "LAGI LGI LG LAGE LAGIE KEMBALI SEMULA AGAIN ANYMORE MORE",
    "i": "SAYA SY SAY SAYE AKU KU AK GUE GUA GW KAMI KMI AWAK I ME WE US",
    "b": """
        MULAI MULA START AKTIFKAN AKTIFIN AKTIVKAN DIAKTIFKAN HIDUPKAN DIHIDUPKAN NYALAKAN DINYALAKAN LANJUTKAN
        DILANJUTKAN RESUME
        """,
    "y": "SUBSCRIBE RESUBSCRIBE",
    "z": "SILAKAN SILAHKAN SILA SILAKN",
    "h": "NIH NIE DEH",  # of a reproach as well: `mulai lagi nih sms nya`
    # Whom it is said to, or who does it: `pak tidak mau terima sms` is no writer's wish.
    "c": """
        PAK BPK BAPAK BU IBU MIN ADMIN MIMIN KAK KAKAK BANG ABANG BG MAS MBAK GAN OM TANTE ENCIK CIK TUAN PUAN SIR MADAM
        SIST BOS
        """,
    "": """
        KEPADA KPD NOMOR NOMER NO NMR NOMORNYA HP HANDPHONE INI NI ITU TU TUH UNTUK UTK AGAR SUPAYA NYA SEMUA SEMUANYA
        OTOMATIS INFO INFORMASI SEKARANG SKRG SKRNG SKR NOW THE TO THIS THAT MY YOUR NUMBER PHONE ANY ALL AN A DEAR IZIN
        IJIN SEBELUMNYA OK OKE BAIK LAH LA
        """,
}
# Courtesy that reproaches or laughs is none: `kok stop sms nya` asks why they have stopped.
REPROACHES = list_words("KOK HEHE HEHEHE HIHI HAHA HAHAHA WKWK WKWKWK XIXI")
# Courtesy in company only: `you don't send sms`, `jangan sms malam`.
_DAYTIMES = list_words("PAGI SIANG SORE MALAM")
_NO_COURTESY = REPROACHES | _DAYTIMES | {"YOU"}


def _spread(parts: Mapping[str, str]) -> dict[str, str]:
    return {word: part for part, listing in parts.items() for word in listing.split()}


PARTS = dict.fromkeys(COURTESY - _NO_COURTESY, "") | _spread(_PARTS)

_DENIALS = list_words(_PARTS["d"])


def _pair(firsts: Iterable[str], seconds: Iterable[str], part: str) -> dict[tuple[str, str], str]:
    return dict.fromkeys(product(firsts, seconds), part)


# Stands for the service's own name, its prefix. Counter-example: `stop sms dari 1818` is about others' SMS.
SERVICE = "*"
# Two words that together play another part than apart. "!" is a part in no order.
NUMBERS = list_words("NOMOR NOMER NO NMR HP HANDPHONE")
PAIRS = {
    **_pair(["TERIMA", "TRIMA"], ["KASIH", "KASI", "KSH"], ""),
    **_pair(["SELAMAT"], _DAYTIMES, ""),
    ("THANK", "YOU"): "",
    # a number's owner and a receiver send and want nothing
    **_pair(NUMBERS | list_words("KE KPD KEPADA TO"), _PARTS["i"].split(), ""),
    **_pair(_PARTS["k"].split(), NUMBERS | {"MY"}, "!"),  # `jangan kirim nomor saya`
    **_pair(["DARI", "DR", "FROM"], ["ANDA", "KALIAN", "SINI", "YOU", SERVICE], ""),
    **_pair(["MULAI", "START"], list_words("SEKARANG SKRG SKRNG SKR BESOK HARI NOW TODAY"), ""),
    **_pair(["DI"], ["SMS", "SMSIN"], "P"),
    **_pair(["DI"], ["KIRIM", "KIRIMI", "KIRIMIN", "KIRIMKAN"], "p"),
    **_pair(["DI"], ["STOP", "STOPKAN", "SETOP"], "s"),
    **_pair(["KASIH", "KASI", "BERI"], ["SMS", "KABAR", "PESAN"], "kt"),
    **_pair(["LEWAT", "VIA", "MELALUI", "DENGAN", "DGN"], ["SMS", "PESAN"], "n"),
    **_pair(["AGAR", "SUPAYA", "UNTUK", "UTK"], _DENIALS, "x"),  # `mohon agar tidak kirim sms`
    ("SMS", "2"): "n",
    ("NO", "MORE"): "x",
    ("NO", "LONGER"): "L",
    ("DON", "T"): "x",
    ("DO", "NOT"): "x",
    **_pair(["TO"], ["SMS", "MESSAGE"], "k"),  # `i want to sms again` wants to write
}
# Before a number these say nothing; before others they name a receiver: `jangan kirim sms ke warga`.
TOWARDS = frozenset({"KE", "KAT", "DI"})
VOCABULARY = PARTS.keys() | TOWARDS | frozenset(word for pair in PAIRS for word in pair)

# Chinese is written without spaces: its closed vocabulary is of signs.
IDEOGRAMS = frozenset(
    "请請停止取消退订訂不要再别別发發送给給我们們您你的短信讯訊简簡了谢謝继繼续續恢复復重新开開始接收想这這个個号码號碼手机機"
)
