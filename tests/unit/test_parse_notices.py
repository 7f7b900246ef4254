"""Operators' notices: what our own SIM needs, and what is only advertising."""

from __future__ import annotations

import pytest

from parsers.notices import Notice, recognise

CASES = [
    (
        "Pulsa Anda hampir habis. Segera isi ulang agar tetap dapat berkomunikasi.",
        Notice.LOW_BALANCE,
    ),
    ("Sisa pulsa Anda Rp 1.250. Isi ulang di konter terdekat", Notice.LOW_BALANCE),
    ("Maaf, pulsa Anda tidak mencukupi untuk mengirim SMS", Notice.LOW_BALANCE),
    ("Saldo pulsa utama Rp750", Notice.LOW_BALANCE),
    ("Your balance is low. Please top up.", Notice.LOW_BALANCE),
    ("Low balance: your credit is IDR 500", Notice.LOW_BALANCE),
    ("Isi ulang berhasil. Pulsa Anda Rp 3.000", Notice.LOW_BALANCE),
    ("Masa aktif kartu Anda akan berakhir tgl 12/09/2026. Isi ulang sekarang", Notice.EXPIRY),
    ("Nomor Anda memasuki masa tenggang sampai 30/09/2026", Notice.EXPIRY),
    ("Kartu Anda akan hangus jika tidak diisi ulang", Notice.EXPIRY),
    ("Your SIM card will expire on 1 Oct", Notice.EXPIRY),
    ("Registrasi ulang segera, nomor Anda akan diblokir", Notice.EXPIRY),
    ("PROMO! Paket internet 10GB masa aktif 30 hari hanya Rp25.000, hub *123#", Notice.PROMOTION),
    ("Paket Anda akan berakhir besok, perpanjang di aplikasi", Notice.PROMOTION),
    ("Dapatkan cashback 50% tiap isi pulsa", Notice.PROMOTION),
    ("Kuota internet Anda habis. Beli paket di *363#", Notice.PROMOTION),
    ("Isi ulang Rp 50.000 berhasil. Pulsa Rp 52.300, masa aktif s.d. 12/12/2026", None),
    ("Sisa pulsa Anda Rp 52.300 berlaku s.d. 12/12/2026", None),
    ("Kode verifikasi Anda 123456. Jangan berikan kepada siapa pun", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "notice"), CASES, ids=[text[:30] for text, _ in CASES])
def test_a_notice_says_what_the_sim_needs(text, notice):
    assert recognise(text) is notice


def test_the_least_balance_is_the_caller_s():
    assert recognise("Sisa pulsa Anda Rp 9.000", low_balance_rupiah=10_000) is Notice.LOW_BALANCE
    assert recognise("Sisa pulsa Anda Rp 9.000", low_balance_rupiah=5_000) is None
