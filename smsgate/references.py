"""Our reference numbers: eight digits, any keypad can type them, the last one checks the others.

The check digit is Damm's (H. M. Damm, Total anti-symmetrische Quasigruppen, 2004): it catches every single wrong
digit and every swap of neighbours. The other seven are drawn by chance, so that a number tells nothing about the
sender, the day or how many complaints there are, and a store restored from a backup does not hand out yesterday's
numbers again.
"""

from __future__ import annotations

from collections.abc import Callable

REFERENCE_DIGITS = 8
_LOWEST = 10 ** (REFERENCE_DIGITS - 2)  # no leading zero: people drop it
_COUNT = 9 * _LOWEST

# The quasigroup of order 10 from Damm's thesis; row: the digit so far, column: the next one.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> str:
    """Return the digit that makes `digits` valid when it is written behind them."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return str(interim)


def is_reference(text: str) -> bool:
    """Whether `text` has the form of a reference of ours. Dates and meter numbers do, one time in ten."""
    return (
        len(text) == REFERENCE_DIGITS
        and text.isascii()
        and text.isdigit()
        and text[0] != "0"
        and check_digit(text) == "0"
    )


def draw_reference(choose_below: Callable[[int], int]) -> str:
    """Return a reference; `choose_below(n)` is a number from 0 to n - 1 by chance. The store sees that it is unused."""
    digits = str(_LOWEST + choose_below(_COUNT))
    return digits + check_digit(digits)
