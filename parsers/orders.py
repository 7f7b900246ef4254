"""Orders: whether SMS are wanted, by keyword or in people's own words.

A keyword acts alone or among a few words that say nothing. In own words every word must be out of a
closed vocabulary (`ordering`), SMS must be named, and the words must stand in an order that says it
plainly: `jangan sms saya lagi`, but not `jangan stop sms`. One word more, a thing, a place, an
advertiser, and it is a complaint: it is better that a person reads an order than that nobody reads
a complaint.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsers import ordering
from parsers.asking import COURTESY, REQUESTS
from parsers.lexicon import Lexicon, Word, list_words, settle_drawn_out
from parsers.meaning import OptIn, OptOut

# Also bounds how long the patterns below can search: some ten milliseconds at the very worst.
_WORDS_MAX = 20

_ABOUT_OPTOUT = REQUESTS | list_words(
    "SMS SMSNYA NYA LANGGANAN BERLANGGANAN NOTIFIKASI KIRIM SEMUA KE SAYA SY NOMOR NO INI LAGI"
)
_ABOUT_OPTIN = list_words("LAGI SMS KIRIM LANGGANAN BERLANGGANAN")

# What follows is written in the parts that `ordering` gives to words: n an SMS, t tidings, k sends, K texts,
# v replies, p is sent, P is texted, r receives, s stop, o unsubscribe, x do not, L no longer, d not, u no need,
# e need, w wants, W want, q please, l again, i I or me, c whom it is said to, b begin, y subscribe, z by all means.
_REST = "[nktKvlqi]*"
_GOT = "[ntliq]*"
# Strings, compiled by `re` when they are first needed: few texts come so far.
_NO_MORE = "(?:{})+".format(
    "|".join(
        [
            rf"(?:[iqw]*q)?s(?!i){_REST}",  # stop kirim sms. Not `saya stop kirim sms`
            rf"[iqwW]*[qwW]s[ntrpP]{_GOT}",  # saya mau berhenti terima sms
            r"n[ntl]*q+s[lqi]*",  # sms ini tolong dihentikan
            rf"(?:n[ntl]*q*|[iqW]*)xl?[kKpPvn]{_REST}",  # jangan kirim sms lagi
            rf"[iq]*[xL]W[rpP]?[ntl]{_GOT}",  # i dont want sms any more
            rf"[iq]*dwl?[rpP]{_GOT}",  # saya tidak mau terima sms lagi
            rf"(?:[iq]*q)?(?:d?u|de)[kKvn]{_REST}",  # ga usah kirim sms lagi
            rf"(?:n|[iq]*)(?:d?u|de)[pP]{_GOT}",  # saya tidak perlu dikirimi sms lagi
            r"[iqwW]*o[nktKliq]*",  # unsubscribe me
        ]
    )
)
_AGAIN = "|".join(
    [
        r"(?=.*[lk])(?:[iq]*q)?bl?[nktK][nktKliq]*",  # mulai lagi sms nya
        rf"[iq]*[qw][iqw]*bl?[rpP]{_GOT}",  # saya mau mulai terima sms
        r"n[ntl]*q+b[lqi]*",  # sms nya tolong diaktifkan lagi
        rf"(?=.*l)[iq]*w[iql]*[rpP]{_GOT}",  # saya mau terima sms lagi
        rf"(?=.*l)[iq]*W[rpP]?[nt]{_GOT}",  # i want sms again
        r"(?=.*l)zq*[kKn][nktKliq]*",  # silakan kirim sms lagi
        r"[iqwW]*y[ntliq]*",  # resubscribe me
    ]
)
_NAMES_SMS = r"[nKPoy]|t.*[kpvr]|[kpvr].*t"
# What turns an order round, or leaves it open.
_OPEN = "|".join(
    [
        r"[xduL][^l]*[so]",  # jangan stop sms. But: jangan sms lagi, stop
        r"i[kKv]",  # saya kirim sms: it is the citizen who writes
        r"q[kKvr]|[nt][^sxdu]*[kKv]",  # stop sms, tolong kirim kabar
        r"\A(?=.*ni)[^l]*\Z",  # jangan kirim sms saya: the citizen's, to whom?
        r"\A(?=.*v)[^ls]*\Z",  # jangan balas sms ini: that one
        r"\A(?=.*dw)[^li]*\Z",  # tidak mau terima sms: who?
        r"\A(?=.*(?:u|de)n)[^li]*\Z",  # tidak perlu sms: then what?
        r"\A(?![qdw])(?=.*w[lrpP])[^i]*\Z",  # bapak tidak mau terima sms lagi
    ]
)

_CHINESE_SMS = r"(?:短信|短讯|短訊|简讯|簡訊)"
_CHINESE_NO_MORE = rf"(?:停止|取消|不要再|[别別]再|不要[发發给給]|[别別][发發给給]|不想再?收).*{_CHINESE_SMS}|退[订訂]"
_CHINESE_AGAIN = rf"(?:恢[复復]|重新接收|重新[开開]始|[继繼][续續](?:接收|[发發])).*{_CHINESE_SMS}"
_CHINESE_DENIED = "[不别別停止消退]"
# `不要停止发短信`, `不停发短信`
_CHINESE_TURNED = "[不别別].*(?:[不别別停]|取消|退)"


def read_keyword_order(letters: frozenset[str], lexicon: Lexicon) -> OptOut | OptIn | None:
    """What a keyword orders among words that say nothing."""
    said = letters - COURTESY
    if not ordering.REPROACHES.isdisjoint(letters):
        return None
    if said & lexicon.optout and said - lexicon.optout <= _ABOUT_OPTOUT:
        return OptOut()
    if said & lexicon.optin and said - lexicon.optin <= _ABOUT_OPTIN:
        return OptIn()
    return None


def read_worded_order(text: str, words: Sequence[Word], lexicon: Lexicon) -> OptOut | OptIn | None:
    """What `words` of the folded `text` order in own words, where they say nothing else."""
    if not 0 < len(words) <= _WORDS_MAX:
        return None
    said = _settle_all(words, lexicon)
    if said is None or "?" in text[words[0].start :]:
        return None
    if all(map(ordering.IDEOGRAMS.issuperset, said)):
        return _read_chinese("".join(said))
    parts = _cast(said)
    return None if parts is None else _read_parts(parts)


def _settle_all(words: Sequence[Word], lexicon: Lexicon) -> list[str] | None:
    """The words as the vocabulary has them, or None at the first that it has not: most complaints' first."""
    said = []
    for word in words:
        known = word.text if word.text in ordering.VOCABULARY else _settle(word.text, lexicon)
        if known is None:
            return None
        said.append(known)
    return said


def _settle(word: str, lexicon: Lexicon) -> str | None:
    """A word that is not in the vocabulary as it is: configured, drawn out, our own name, or Chinese."""
    if word in lexicon.optout:
        return "STOP"
    if word in lexicon.optin:
        return "MULAI"
    if word in lexicon.own_words:
        return ordering.SERVICE
    settled = settle_drawn_out(word)
    is_known = settled in ordering.VOCABULARY or ordering.IDEOGRAMS.issuperset(word)
    return settled if is_known else None


def _cast(said: Sequence[str]) -> str | None:
    """The parts that the words play in their order, or None for half of a pair that stands alone."""
    parts = ""
    index = 0
    while index < len(said):
        word, behind = said[index], "".join(said[index + 1 : index + 2])
        paired = ordering.PAIRS.get((word, behind))
        part = ordering.PARTS.get(word) if paired is None else paired
        if word in ordering.TOWARDS and behind in ordering.NUMBERS:
            part = ""
        if part is None:
            return None
        parts += part
        index += 1 if paired is None else 2
    return parts


def _read_parts(parts: str) -> OptOut | OptIn | None:
    if not re.search(_NAMES_SMS, parts) or re.search(_OPEN, parts):
        return None
    plain = parts.replace("c", "")
    if re.fullmatch(_NO_MORE, plain.replace("h", "")):
        return OptOut()
    return OptIn() if re.fullmatch(_AGAIN, plain) else None


def _read_chinese(said: str) -> OptOut | OptIn | None:
    if re.search(_CHINESE_NO_MORE, said) and not re.search(_CHINESE_TURNED, said):
        return OptOut()
    is_again = re.search(_CHINESE_AGAIN, said) and not re.search(_CHINESE_DENIED, said)
    return OptIn() if is_again else None
