"""What a listing proves: where each message lies, and what is not there."""

from __future__ import annotations

import pytest
from scripted_modem import IMEI, pdu_of


def test_a_slot_says_which_sim_or_device_it_is_on(script, modem):
    """Another SIM has other messages under the same numbers."""
    script.put("SM", 1)
    script.put("ME", 1, pdu_of(1))

    listing = modem.list_held()

    holders = {"SM": modem.identity.iccid, "ME": IMEI}
    assert modem.identity.iccid
    assert {slot.memory: slot.holder for slot in listing.slots} == holders
    assert {memory: listing.whole[memory] for memory in holders} == holders


@pytest.mark.parametrize(
    ("answer", "is_whole"),
    [
        pytest.param("\r\nOK\r\n", True, id="nothing is there"),
        pytest.param("\r\n+CMS ERROR: 321\r\n", True, id="as some say it"),
        pytest.param("\r\n+C#GL: 1,0,,2\r\n07!1\r\n\r\nOK\r\n", False, id="a pair lost to noise"),
        pytest.param(
            f"\r\n+CMGL: 1,0,,21\r\n{pdu_of(1)}\r\n07!1\r\n\r\nOK\r\n", False, id="noise after one"
        ),
    ],
)
def test_only_a_listing_without_noise_shows_what_is_gone(script, modem, answer, is_whole):
    script.once(r"AT\+CMGL=4", answer)

    assert ("SM" in modem.list_held().whole) is is_whole


def test_a_slot_that_cannot_be_read_is_not_shown_gone(script, modem):
    script.stores["SM"].total = 2
    modem.close()
    modem.open()
    script.once(r"AT\+CMGL=4", "\r\n+CMS ERROR: 500\r\n")
    script.once(r"AT\+CMGR=1", "\r\n+CMS ERROR: 500\r\n")

    assert "SM" not in modem.list_held().whole
