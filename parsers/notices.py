"""What an operator's SMS says about our own SIM: balance low, card expiring, or only advertising.

For texts from short codes and names only; a citizen who writes about credit is not an operator.
Prepaid SIMs die, and the service's number with them, so the first two are alerts.
"""

from __future__ import annotations

import re
from enum import StrEnum

from parsers.lookalikes import fold


class Notice(StrEnum):
    """What a notice is about; fixed words, for the ledger and the alert."""

    LOW_BALANCE = "low balance"
    EXPIRY = "expiry"
    PROMOTION = "promotion"


LOW_BALANCE_RUPIAH = 5000  # some ten receipts

_TEXT_MAX = 2000  # an operator's SMS has a few parts; what is longer is looked at so far

# Credit, and within a short distance that it is short. `Kuota internet habis` is not about SMS.
_LOW = re.compile(
    r"\b(?:PULSA|SALDO|BALANCE|CREDIT)\b.{0,40}?\b(?:HABIS|MENIPIS|(?:TDK|TIDAK)\s+(?:MEN)?CUKUPI?|KURANG"
    r"|MINIM|SEGERA\s+ISI|LOW|INSUFFICIENT|RUNNING\s+OUT)\b"
    r"|\b(?:LOW|INSUFFICIENT)\s+(?:BALANCE|CREDIT)\b",
    re.DOTALL,
)
_BALANCE = re.compile(
    r"\b(?:PULSA|SALDO|BALANCE|CREDIT)\b.{0,30}?\b(?:RP|IDR)\.?\s*(\d{1,3}(?:[.,]\d{3})*|\d{1,9})",
    re.DOTALL,
)
# The card's life is ending. `Paket murah, masa aktif 30 hari` only mentions it.
_CARD = r"\b(?:MASA\s+AKTIF|MASA\s+BERLAKU|KARTU|NOMOR|NO|SIM\s*CARD|CARD|NUMBER)\b"
_ENDS = (
    r"\b(?:BERAKHIR|HABIS|HANGUS|DINONAKTIFKAN|DIBLOKIR|TERBLOKIR|TIDAK\s+AKTIF|EXPIRES?|EXPIRED"
    r"|BE\s+(?:BLOCKED|DEACTIVATED))\b"
)
_EXPIRY = re.compile(rf"{_CARD}.{{0,60}}?{_ENDS}|\bMASA\s+TENGGANG\b|\bGRACE\s+PERIOD\b", re.DOTALL)
# A package's own life is not the card's.
_PACKAGE = re.compile(
    r"\b(?:PAKET|KUOTA|BONUS|PACKAGE|QUOTA)\b.{0,40}?\b(?:BERAKHIR|HABIS|EXPIRES?)\b"
)
_DONE = re.compile(
    r"\b(?:ISI\s+ULANG|PENGISIAN|TOP\s*UP|TRANSFER)\b.{0,60}?\b(?:BERHASIL|SUKSES|SUCCESS)",
    re.DOTALL,
)
_PROMOTION = re.compile(
    r"\b(?:PROMO|DISKON|DISCOUNT|GRATIS|FREE|BONUS|CASHBACK|HADIAH|PAKET|KUOTA|BELI|NIKMATI|DAPATKAN|AKTIFKAN"
    r"|POIN|UNDIAN|PENAWARAN|MURAH|HEMAT|VOUCHER|OFFER|GET)\b|\*\d{3,4}[*#]"
)


def recognise(text: str, low_balance_rupiah: int = LOW_BALANCE_RUPIAH) -> Notice | None:
    """What an operator's text says, or None when it is nothing that we know."""
    folded = fold(text[:_TEXT_MAX]).text
    if _DONE.search(folded):
        # a top-up names the new balance and the new date of expiry: nothing to worry about
        return Notice.LOW_BALANCE if _is_below(folded, low_balance_rupiah) else None
    if _LOW.search(folded) or _is_below(folded, low_balance_rupiah):
        return Notice.LOW_BALANCE
    if _EXPIRY.search(folded) and not _PACKAGE.search(folded):
        return Notice.EXPIRY
    return Notice.PROMOTION if _PROMOTION.search(folded) else None


def _is_below(folded: str, least: int) -> bool:
    """Whether the balance that the text names is under `least` rupiah."""
    match = _BALANCE.search(folded)
    return match is not None and int(re.sub(r"[.,]", "", match[1])) < least
