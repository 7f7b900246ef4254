"""Notices of an MMS: known for what they are, with the number that the picture came from. Invented people."""

import pytest
from intake_cases import decide

from parsers.pictures import is_mms_notice, read_mms_sender
from smsgate.records import Disposition

SENDER = "+6281234567890"
TYPED = b"\x01\x06\x22application/vnd.wap.mms-message\0\xaf\x84"
SHORT = b"\x01\x06\x03\xbe\xaf\x84"  # the content type by its number
HEAD = b"\x8c\x82\x98abc123\0\x8d\x90"
FROM = b"\x89\x19\x80+6281234567890/TYPE=PLMN\0"
TAIL = b"\x8a\x80\x8e\x02\x10\x00\x88\x05\x81\x03\x03\xf4\x80\x83http://mms.example/abc\0"


@pytest.mark.parametrize(
    ("octets", "sender"),
    [
        pytest.param(TYPED + HEAD + FROM + TAIL, SENDER, id="with its sender"),
        pytest.param(SHORT + HEAD + FROM + TAIL, SENDER, id="its type as a number"),
        pytest.param(
            TYPED + HEAD + b"\x89\x1b\x80\x19\xea+6281234567890/TYPE=PLMN\0" + TAIL,
            SENDER,
            id="with a character set",
        ),
        pytest.param(TYPED + HEAD + b"\x89\x01\x81" + TAIL, None, id="its sender is hidden"),
        pytest.param(TYPED + HEAD + b"\x89\x10\x80a@b.example\0" + TAIL, None, id="from e-mail"),
        pytest.param(TYPED, None, id="cut short"),
    ],
)
def test_notice_of_a_picture_tells_whose_it_is(octets, sender):
    assert is_mms_notice(octets.hex())
    assert read_mms_sender(octets.hex()) == sender


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("BTM jalan rusak", id="letters"),
        pytest.param("", id="nothing"),
        pytest.param("08128c82", id="digits that could be octets"),
        pytest.param("0106" + "00" * 20, id="another push"),
        pytest.param("application/vnd.wap.mms-message", id="its name, in letters"),
        pytest.param(TYPED.hex() + "(…)", id="with a gap"),
    ],
)
def test_what_is_no_notice_is_taken_for_none(text):
    assert not is_mms_notice(text)
    assert read_mms_sender(text) is None


@pytest.mark.parametrize("sender", ["TELKOMSEL", "789", SENDER])
def test_picture_is_for_a_person_whoever_brings_its_notice_and_nobody_is_answered(sender):
    """The operator's centre brings it: it would be an operator's notice that nobody reads."""
    decision = decide((TYPED + HEAD + FROM + TAIL).hex(), sender=sender)

    assert decision.disposition is Disposition.TRIAGE
    assert decision.reason == "MMS"
    assert not decision.replies
