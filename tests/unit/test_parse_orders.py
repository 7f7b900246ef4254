"""Orders in people's own words: no more SMS, or SMS again; and the complaints that look like one."""

from __future__ import annotations

import pytest

from parsers import Grammar, parse
from parsers.meaning import Complaint, OptIn, OptOut, Unrecognised

NO_MORE = """
    Btm stop jgn sms sy lagi ya
    btm jangan kirim sms lagi ya
    BTM tolong berhenti kirim sms ke nomor saya
    BTM tolong stop kirim sms ke hp saya pak, terima kasih
    btm berhenti mengirim pesan ke nomor ini
    BTM mohon hentikan sms ke nomor saya
    BTM hentikan sms nya
    btm tlg distop sms nya
    BTM sms nya tolong dihentikan ya
    BTM sms ini tolong di stop
    BTM sms ke nomor saya jangan dikirim lagi
    btm stoppp jgn smsin gw lagiii
    BTM jangan sms saya lagi, stop
    btm jgn kirimi saya pesan lagi
    BTM jangan kirimin sms2 lagi ke saya
    BTM jgn di sms lagi
    BTM sy jgn disms lagi ya min
    btm ga usah kirim sms lagi
    BTM gausah sms saya lagi makasih
    BTM tidak usah dikirimi sms lagi pak
    BTM tidak perlu kirim sms lagi ke nomor ini
    BTM saya tidak perlu dikirimi kabar lagi
    BTM saya tidak mau terima sms lagi
    btm sy gak mau nerima sms lg
    BTM sy gamau dapat sms lagi
    btm ga mau terima sms lagi
    BTM sy tidak mau menerima pesan lagi
    BTM selamat pagi pak, sy mohon untuk tidak mengirim sms ke hp saya lagi, trims
    BTM jangan kirim kabar lewat sms lagi
    BTM jangan kasih kabar lagi
    BTM tolong jgn di kirimi sms lagi
    BTM nomor saya jangan di sms lagi
    BTM pak sy gak mau dikirimi sms lagi
    BTM kami tidak ingin dikirimi sms
    BTM mulai sekarang jangan kirim sms lagi
    btm mulai hari ini jangan sms saya lagi
    BTM mohon agar tidak kirim sms lagi ke nomor saya
    BTM saya mau berhenti terima sms
    BTM saya minta jangan kirim kabar lagi
    BTM jgn balas sms saya lagi
    BTM stop balas sms
    BTM stop sms dari btm
    BTM maaf pak tolong jangan kirim sms lagi ke nomor hp saya ini ya terima kasih
    BTM assalamualaikum, mohon stop sms ke no ini. terima kasih
    BTM unsubscribe
    BTM please unsubscribe me
    BTM please stop texting me
    BTM stop sending me sms
    BTM don't send me any more messages
    btm dont text me again
    BTM do not send sms to this number anymore
    BTM no more sms please
    BTM I don't want to receive any more sms
    BTM i no longer want to receive sms
    BTM i want to stop receiving messages
    BTM tak nak terima sms lagi
    BTM jangan hantar sms lagi
    BTM tolong berhenti hantar mesej
    BTM 请停止发短信
    BTM 不要再给我发短信了
    BTM 别再发短信，谢谢
    BTM 退订
    BTM 12345678 jangan kirim sms lagi ya
    """
AGAIN = """
    btm mulai lagi sms nya ya
    BTM saya mau terima sms lagi
    BTM mulai kirim sms lagi ke nomor saya
    BTM tolong mulai kirim sms lagi
    btm mulai lagi kirim kabar ke saya
    BTM aktifkan lagi sms nya
    BTM tolong aktifkan kembali notifikasi sms saya
    BTM sms nya tolong diaktifkan lagi
    BTM sy mau dapat sms lg
    BTM saya ingin menerima kabar lagi
    btm saya mau kembali terima sms
    BTM mau dikirimi sms lagi
    BTM silakan kirim sms lagi
    BTM silahkan sms saya lagi pak
    BTM saya mau mulai terima sms
    BTM lanjutkan lagi sms nya
    BTM start sending me sms again
    BTM i want to receive sms again
    BTM i want messages again please
    BTM resubscribe
    BTM nak terima sms semula
    BTM mula hantar sms semula
    BTM 请恢复短信
    BTM 我想重新接收短信
    """
# One word of a thing, a place, a fact or a feeling: for a person.
COMPLAINTS = """
    btm stop pungli di pasar
    btm jangan kirim sampah lagi ke tpa
    btm stop sms penipuan
    btm jangan berhenti ambil sampah
    btm sms judi online masuk terus tolong stop
    btm saya minta berhenti pembangunan
    btm stop kirim tagihan atb
    btm stop sms iklan pinjol
    btm tolong hentikan sms spam
    btm stop sms promo ke nomor saya
    btm sms terus ke nomor saya tolong stop
    btm stop sms dari nomor 081200001111
    btm tolong stop sms dari nomor ini
    btm stop sms dari 1818
    btm ada yang kirim sms ke saya terus
    btm jangan kirim petugas lagi
    btm jangan kirim lagi
    btm jangan cuma kirim sms
    btm jangan sms saja, kirim orang
    btm jgn kirim sms balasan aja
    btm jgn kirim sms balasan
    btm jangan kirim sms terus
    btm stop janji
    btm jangan pesan lagi
    btm jangan hubungi saya lagi
    btm jangan telepon saya lagi
    btm jangan kirim air kotor lagi
    btm jangan kirim sms bohong lagi
    btm jangan kirim sms ke istri saya lagi
    btm jangan kasih izin lagi
    btm jangan kasih kami air kotor lagi
    btm stop balas tidak jelas
    btm berhenti kirim debu ke rumah kami
    btm berhenti di halte
    btm hentikan reklamasi
    btm hentikan saya
    btm tolong hentikan
    btm tidak terima sms lagi
    btm saya tidak terima sms lagi
    btm saya tidak dapat sms lagi
    btm tidak dapat kirim sms
    btm sms saya tidak mau dikirim
    btm tidak mau terima pesan
    btm bapak tidak mau terima sms lagi
    btm admin tidak mau terima pesan lagi
    btm tidak mau dibalas sms saya
    btm tidak mau balas sms saya lagi
    btm sms saya jangan dikirim lagi
    btm sms saya tidak mau terima lagi
    btm jangan kasih info saya
    btm jangan kasih nomor saya
    btm jangan kirim nomor saya lewat sms
    btm jangan kirim sms dengan nomor saya
    btm jangan kirim info saya lagi
    btm jangan kirim sms saya
    btm jangan sms malam malam
    btm stop lagi saya kirim pesan
    btm hentikan, tolong kirim sms lagi
    btm sms saya jangan dikirim
    btm jangan kirim sms ke semua
    btm jangan kirim sms ke admin lagi
    btm jangan kirim sms lagi, tolong kirim kabar
    btm stop sms, kirim kabar lewat pesan
    btm jangan kirim sms ke saya malam lagi
    btm stop info
    btm jangan kirim info lagi
    btm tidak mau terima laporan lagi
    btm saya tidak mau kirim sms lagi
    btm saya mau stop kirim sms
    btm saya tidak mau sms lagi
    btm saya ga usah sms lagi
    btm jangan balas sms ini
    btm tidak usah dibalas
    btm tidak perlu sms
    btm ga usah sms pak
    btm kenapa tidak kirim sms lagi
    btm kok stop sms nya
    btm kok berhenti sms nya
    btm kok gak kirim sms lagi
    btm stop kirim sms ke hp saya?
    btm sms nya sudah berhenti
    btm sms dari btm berhenti
    btm belum terima sms
    btm i stopped receiving sms
    btm i stop receiving sms
    btm you dont send sms anymore
    btm you no longer send me sms
    btm no longer get sms
    btm why stop sending sms
    btm stop scam sms
    btm stop the noise
    btm no sms
    btm do not send garbage here again
    btm i dont receive sms anymore
    btm stop bus di depan
    btm bus tidak mau berhenti lagi
    btm mulai lagi sms penipuan
    btm mulai lagi nih sms nya
    btm mulai lagi sms masuk
    btm mulai lagi air mati
    btm mulai kirim sampah lagi
    btm sms nya mulai lagi?
    btm aktifkan lagi lampu jalan
    btm aktifkan nomor saya
    btm saya mau lapor lagi
    btm saya mau terima bantuan lagi
    btm saya mau terima sms balasan dari dinas
    btm saya mau sms lagi
    btm saya mau dapat informasi lagi
    btm bapak mau terima sms lagi
    btm tolong aktifkan sms saya
    btm minta dikirimi sms lagi
    btm mau kirim sms lagi
    btm boleh kirim sms lagi
    btm tolong kirim sms lagi
    btm saya terima sms lagi
    btm saya mulai terima sms lagi
    btm minta terima kasih sms lagi
    btm silakan kirim petugas lagi
    btm i want to sms again
    btm i want water again
    btm start the pump again
    btm 停止发诈骗短信
    btm 不停发短信
    btm 停止乱倒垃圾
    btm 收不到短信了
    """
# A denial before the stop turns it round; what is left is open, and no order.
TURNED = """
    btm jangan stop sms
    btm jangan berhenti kirim kabar
    btm jangan di stop sms nya
    btm jangan sampai stop sms
    btm tolong jangan stop kirim sms ke saya
    btm sms nya jangan berhenti
    btm jangan sms stop
    btm saya tidak mau stop sms
    btm saya tidak mau berhenti terima sms
    btm ga usah stop sms nya
    btm tidak perlu berhenti kirim sms
    btm mohon agar tidak berhenti kirim sms
    btm jangan unsubscribe
    btm dont stop sending sms
    btm please do not stop the sms
    btm i don't want to stop receiving sms
    btm jangan mulai sms lagi
    btm jangan aktifkan sms lagi
    btm saya tidak mau mulai terima sms lagi
    btm 不要停止发短信
    btm 不要恢复短信
    """


def cases(listing: str) -> list[str]:
    return [line.strip() for line in listing.strip().splitlines()]


@pytest.mark.parametrize("text", cases(NO_MORE))
def test_who_wants_no_more_sms_may_say_so_in_own_words(text):
    assert parse(text, Grammar()) == OptOut()


@pytest.mark.parametrize("text", cases(AGAIN))
def test_who_wants_sms_again_may_say_so_in_own_words(text):
    assert parse(text, Grammar()) == OptIn()


@pytest.mark.parametrize("text", cases(COMPLAINTS))
def test_a_complaint_that_sounds_like_an_order_stays_one(text):
    assert isinstance(parse(text, Grammar()), Complaint)


@pytest.mark.parametrize("text", cases(TURNED))
def test_a_denied_order_is_none(text):
    assert isinstance(parse(text, Grammar()), Complaint)


@pytest.mark.parametrize("text", cases(NO_MORE + AGAIN))
def test_one_word_that_says_something_makes_a_complaint_of_an_order(text):
    """Wherever it stands: the vocabulary is closed."""
    words = text.split()

    for index in range(1, len(words) + 1):
        more = " ".join([*words[:index], "pungli", *words[index:]])
        assert not isinstance(parse(more, Grammar()), OptOut | OptIn), more


@pytest.mark.parametrize(
    "text", ["stop sms", "jangan sms saya lagi", "saya mau terima sms lagi", "unsubscribe", "退订"]
)
def test_without_the_prefix_own_words_are_for_a_person(text):
    assert isinstance(parse(text, Grammar()), Unrecognised)


def test_a_sim_of_our_own_needs_no_prefix_for_them():
    own_sim = Grammar(is_unprefixed_complaint=True)

    assert parse("tolong jangan kirim sms ke nomor saya lagi", own_sim) == OptOut()
    assert parse("jangan kirim sampah ke kampung kami lagi", own_sim) == Complaint(
        "jangan kirim sampah ke kampung kami lagi", ""
    )


def test_configured_keywords_are_ordinary_words_of_an_order():
    grammar = Grammar(optout_words=("CUKUP",), optin_words=("SAMBUNG",))

    assert parse("BTM cukup kirim sms ke nomor saya pak", grammar) == OptOut()
    assert parse("BTM tolong sambung lagi sms ke nomor saya", grammar) == OptIn()
    assert parse("BTM cukup kirim sms ke nomor saya pak", Grammar()) == Complaint(
        "cukup kirim sms ke nomor saya pak", "BTM"
    )
