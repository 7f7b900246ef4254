"""How long a silent modem is waited for."""

from __future__ import annotations

import math

from hardware.patience import PATIENCE_S_MIN, Patience


def test_nobody_is_given_up_whose_speed_is_not_known() -> None:
    assert Patience().limit_s("+CMGD") == math.inf


def test_a_line_of_many_deletes_may_take_as_long_as_they_do_singly() -> None:
    """A card that takes a second for each is not silent when it has ten to do."""
    patience = Patience()
    patience.learn("+CMGD", 1.0)

    assert patience.limit_s("+CMGD", times=10) == 10 * patience.limit_s("+CMGD")


def test_what_many_took_together_is_shared_out() -> None:
    patience = Patience()
    patience.learn("+CMGD", 10.0, times=5)

    assert patience.limit_s("+CMGD") == 5 * 2.0


def test_a_fast_modem_has_a_few_seconds_all_the_same() -> None:
    patience = Patience()
    patience.learn("+CSQ", 0.01)

    assert patience.limit_s("+CSQ") == PATIENCE_S_MIN
