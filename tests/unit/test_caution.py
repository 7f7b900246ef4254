"""What a technician may send on a line that is receiving."""

from __future__ import annotations

import pytest

from hardware.caution import refusal

HARMLESS = (
    "AT", "ATI", "AT I", "at+csq", "AT+CREG?", "AT+COPS?", "AT+CNMI=?", "AT+CMGF?", "AT+CPIN?", "ATS7?",
    "AT+CSQ;+CREG?", "AT+CMGR=3", "AT+CEER", 'AT+CUSD=1,"*888#",15', "AT^SYSINFO", "ATH", "AT+CPMS?",
)  # fmt: skip
HARMFUL = (
    "AT+CMGD=1", "AT+CMGD=1,4", "AT+CMGF=1", 'AT+CPMS="ME"', "AT+CNMI=0", "AT+CFUN=1,1", "ATZ", "AT&F", "ATE1",
    "AT+CMGS=12", "AT+CMSS=1", "AT+CMGW=3", "AT+CPIN=1234", 'AT+CSCA="+62"', "AT+CSQ;+CMGD=1", "AT+CSQ;Z", "ATV0",
    "AT+COPS=2", "AT+COPS=?", "AT+IPR=9600", "AT+CNMA", "ATD123;", "AT&W", "AT+CPWROFF", "AT^RESET", "AT+QPOWD",
    'AT+CMGDA="DEL ALL"', "ATE0+CMGD=1", "+++", "", "AT+CSQ\rAT+CMGD=1", "AT+CSQ\x1a", "ATQ1", "AT+CRES", "AT+CSMS=0",
    'AT+CUSD=1,";"+CMGD=1', "AT#REBOOT",
    "AT+CPOF", "AT*PSCPOF", "AT$QCPWRDN", "AT#SYSHALT", "AT^SHUTDOWN", "AT+CGDATA",
)  # fmt: skip


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_asks_is_sent(line: str) -> None:
    assert refusal(line) is None


@pytest.mark.parametrize("line", HARMFUL)
def test_what_could_cost_messages_or_settings_is_refused(line: str) -> None:
    assert refusal(line) is not None
