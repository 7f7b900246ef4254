"""What the simulated modem says to command lines: V.250, 27.007 and 27.005, without a line in between."""

from __future__ import annotations

import pytest
from simulated_line import NUMBER, ask, hear, hear_until, make_modem, tell

from hardware.simulator import Network, SimulatedModem
from hardware.simulator.at import HANDLERS, Form, parse_line
from hardware.simulator.card import SimState

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"


def info(*lines: str) -> bytes:
    return b"".join(f"\r\n{line}\r\n".encode() for line in lines) + OK


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        pytest.param("AT", OK, id="attention"),
        pytest.param("at+cmgf?", info("+CMGF: 0"), id="small letters"),
        pytest.param(" AT + CSQ ", info("+CSQ: 21,99"), id="spaces"),
        pytest.param("noise AT+CSQ", info("+CSQ: 21,99"), id="what stands before the prefix"),
        pytest.param("nonsense", b"", id="no prefix: no answer"),
        pytest.param("", b"", id="empty line"),
        pytest.param("AT+NONSENSE", ERROR, id="unknown command"),
        pytest.param("AT+NONSENSE=?", ERROR, id="unknown command, tested"),
        pytest.param("AT+WIND?", ERROR, id="another maker's command"),
        pytest.param("AT^CVOICE=?", ERROR, id="and its other prefix"),
        pytest.param("AT!", ERROR, id="no command at all"),
        pytest.param("ATE0V1Q0", OK, id="basic commands joined"),
        pytest.param("ATE0+CSQ", info("+CSQ: 21,99"), id="extended after basic"),
        pytest.param("AT+CSQ;+CMGF?", info("+CSQ: 21,99", "+CMGF: 0"), id="extended joined"),
        pytest.param("AT+CSQ;S7?", info("+CSQ: 21,99", "060"), id="register after extended"),
        pytest.param(
            "AT+CSQ;+NONSENSE;+CMGF?",
            b"\r\n+CSQ: 21,99\r\n" + ERROR,
            id="the rest of a line is left after a failure",
        ),
        pytest.param("ATS7?", info("060"), id="register"),
        pytest.param("ATS7=5S7?", info("005"), id="register written"),
        pytest.param("ATS7=300", ERROR, id="register overflown"),
        pytest.param("AT+CMEE=3", b"\r\n+CME ERROR: 50\r\n", id="parameter out of range"),
        pytest.param("AT+CSCS=?", info('+CSCS: ("GSM","IRA","UCS2")'), id="test form"),
        pytest.param("AT+CMGS=?", OK, id="test form without values"),
        pytest.param('AT+CSCA="+62;1"', OK, id="a semicolon in quotes ends nothing"),
        pytest.param("AT+CFUN?", info("+CFUN: 1"), id="functionality"),
        pytest.param("AT+COPS=3,2;+COPS?", info('+COPS: 0,2,"51010"'), id="operator's number"),
        pytest.param("AT+CREG=2;+CREG?", info('+CREG: 2,1,"1A2B","00C3D4E5"'), id="cell"),
        pytest.param("AT+CNUM", info(f'+CNUM: "","{NUMBER}",145'), id="own number"),
    ],
)
def test_answer(line, answer):
    assert ask(make_modem(), line) == answer


def test_every_command_has_a_test_form_or_is_basic():
    tested = {name for name, form in HANDLERS if form is Form.TEST}
    extended = {name for name, _ in HANDLERS if name[0] in "+^"}

    for name in sorted(extended - tested):
        assert ask(make_modem(), f"AT{name}=?") in (OK, info(f"{name}: ()"))


def test_echo_comes_before_the_answer():
    modem = make_modem()
    ask(modem, "ATE1")

    assert ask(modem, "AT+CMGF?") == b"AT+CMGF?\r" + info("+CMGF: 0")


def test_echo_comes_while_one_types():
    modem = make_modem()
    ask(modem, "ATE1")

    assert tell(modem, b"AT+CM") == b"AT+CM"
    assert tell(modem, b"GF?\r") == b"GF?\r" + info("+CMGF: 0")


def test_echo_is_switched_off_after_its_own_line():
    modem = SimulatedModem(Network(), number=NUMBER)

    assert ask(modem, "ATE0") == b"ATE0\r" + OK
    assert ask(modem, "AT") == OK


def test_octets_one_by_one_make_the_same_answer():
    modem = make_modem()

    said = b"".join(tell(modem, bytes([octet])) for octet in b"AT+CSQ;+CMGF?\r")

    assert said == info("+CSQ: 21,99", "+CMGF: 0")


def test_two_lines_in_one_write_get_two_answers():
    assert tell(make_modem(), b"AT+CMGF?\r\nATS7?\r\n") == info("+CMGF: 0") + info("060")


def test_repeat_runs_the_last_line_again():
    modem = make_modem()
    ask(modem, "ATS7?")

    assert tell(modem, b"A/") == info("060")


def test_backspace_edits_the_line():
    assert tell(make_modem(), b"AT+CSX\bQ\r") == info("+CSQ: 21,99")


def test_numeric_results_have_no_line_feed_before():
    modem = make_modem()
    ask(modem, "ATV0")

    assert ask(modem, "AT") == b"0\r"
    assert ask(modem, "AT+NONSENSE") == b"4\r"


def test_quiet_modem_gives_no_result_codes():
    modem = make_modem()
    ask(modem, "ATQ1")

    assert ask(modem, "AT") == b""


def test_endless_line_is_forgotten():
    modem = make_modem()

    tell(modem, b"x" * 5000)

    assert ask(modem, "AT") == OK


@pytest.mark.parametrize(
    ("level", "answer"),
    [
        pytest.param(0, ERROR, id="0: ERROR"),
        pytest.param(1, b"\r\n+CME ERROR: 10\r\n", id="1: number"),
        pytest.param(2, b"\r\n+CME ERROR: SIM not inserted\r\n", id="2: text"),
    ],
)
def test_errors_are_told_as_cmee_says(level, answer):
    modem = make_modem()
    modem.card.state = SimState.ABSENT
    ask(modem, f"AT+CMEE={level}")

    assert ask(modem, "AT+CIMI") == answer


_NONSENSE = {
    # line: what +CMEE 1 and 2 say; None: ERROR at every level (27.007 section 9.1, 27.005 section 3.2.5)
    "AT+NONSENSE": None,
    "AT+NONSENSE=1": None,
    "AT+CSQ=1": None,
    "AT!": None,
    "ATS999?": None,
    "ATE7": None,
    "AT+CFUN=9": ("+CME ERROR: 50", "+CME ERROR: incorrect parameters"),
    "AT+CFUN=x": ("+CME ERROR: 50", "+CME ERROR: incorrect parameters"),
    "AT+CREG=9": ("+CME ERROR: 50", "+CME ERROR: incorrect parameters"),
    'AT+CPIN="1234"': ("+CME ERROR: 3", "+CME ERROR: operation not allowed"),
    "ATD112;": ("+CME ERROR: 30", "+CME ERROR: no network service"),
    "AT+CMGR=99": ("+CMS ERROR: 321", "+CMS ERROR: invalid memory index"),
    "AT+CMGD=99": ("+CMS ERROR: 321", "+CMS ERROR: invalid memory index"),
    'AT+CPMS="XX"': ("+CMS ERROR: 302", "+CMS ERROR: operation not allowed"),
    "AT+CNMI=7": ("+CMS ERROR: 302", "+CMS ERROR: operation not allowed"),
    "AT+CMGS=0": ("+CMS ERROR: 304", "+CMS ERROR: invalid PDU mode parameter"),
    "AT+CMGL=9": ("+CMS ERROR: 304", "+CMS ERROR: invalid PDU mode parameter"),
    "AT+CNMA": ("+CMS ERROR: 340", "+CMS ERROR: no +CNMA acknowledgement expected"),
}


@pytest.mark.parametrize("line", _NONSENSE)
def test_nonsense_is_answered_as_the_standards_say(line):
    """+CMEE 0 hides the number of a +CME ERROR; a +CMS ERROR has it at every level."""
    number, text = _NONSENSE[line] or ("ERROR", "ERROR")
    hidden = "ERROR" if number.startswith("+CME") else number

    said = [ask(make_modem(), f"AT+CMEE={level}", line) for level in (0, 1, 2)]

    assert said == [f"\r\n{answer}\r\n".encode() for answer in (hidden, number, text)]


def test_pin_is_asked_for_and_three_wrong_ones_lock_the_card():
    modem = make_modem()
    modem.card.pin = "1234"
    modem.card.power_on()

    assert ask(modem, "AT+CPIN?") == info("+CPIN: SIM PIN")
    assert ask(modem, "AT+CMGL=4") == b"\r\n+CMS ERROR: 311\r\n"
    assert ask(modem, 'AT+CPIN="0000"') == b"\r\n+CME ERROR: 16\r\n"
    ask(modem, 'AT+CPIN="0000"')
    assert ask(modem, 'AT+CPIN="0000"') == b"\r\n+CME ERROR: 12\r\n"
    assert ask(modem, "AT+CPIN?") == info("+CPIN: SIM PUK")
    assert ask(modem, 'AT+CPIN="12345678","4321"') == OK
    assert ask(modem, "AT+CPIN?") == info("+CPIN: READY")


def test_right_pin_opens_the_card():
    modem = make_modem()
    modem.card.pin = "1234"
    modem.card.power_on()

    assert ask(modem, 'AT+CPIN="1234"') == OK
    assert ask(modem, "AT+CPIN?") == info("+CPIN: READY")


def test_pin_is_refused_when_none_is_asked_for():
    assert ask(make_modem(), 'AT+CPIN="1234"') == b"\r\n+CME ERROR: 3\r\n"


def test_restart_loses_settings_and_says_so():
    modem = make_modem()

    assert ask(modem, "AT+CFUN=1,1").startswith(OK)
    said = hear_until(modem, b"RDY\r\n")

    assert said == b"\r\nRDY\r\n"
    assert ask(modem, "AT+CMGF?") == b"AT+CMGF?\r" + info("+CMGF: 1")
    assert modem.settings.notification == (0, 0, 0, 0, 0)


def test_modem_says_nothing_while_it_restarts():
    modem = make_modem()
    modem.reboot(60)

    assert ask(modem, "AT") == b""


def test_radio_off_leaves_the_network():
    modem = make_modem()
    ask(modem, "AT+CFUN=4")

    assert ask(modem, "AT+CREG?") == info("+CREG: 0,0")
    assert ask(modem, "AT+CSQ") == info("+CSQ: 99,99")


def test_profile_decides_about_clac_and_numbering():
    generic, sim800, huawei = (make_modem(profile=name) for name in ("generic", "sim800", "huawei"))

    assert b"AT+CMGL\r\n" in ask(generic, "AT+CLAC")
    assert ask(sim800, "AT+CLAC") == ERROR
    assert ask(sim800, "AT+CMGR=1") == OK
    assert ask(generic, "AT+CMGR=1") == b"\r\n+CMS ERROR: 321\r\n"
    assert ask(huawei, "AT+CMGR=0") == b"\r\n+CMS ERROR: 321\r\n"
    assert ask(generic, "AT+CMGR=0") == b"\r\n+CMS ERROR: 321\r\n"


def test_call_rings_until_somebody_hangs_up():
    modem = make_modem()
    ask(modem, "AT+CLIP=1", "AT+CRC=1")

    modem.call("+6281234567890")

    assert hear(modem) == b'\r\n+CRING: VOICE\r\n\r\n+CLIP: "+6281234567890",145,"",0,"",0\r\n'
    assert b'"+6281234567890"' in ask(modem, "AT+CLCC")
    assert ask(modem, "ATH") == OK
    assert ask(modem, "AT+CLCC") == OK


def test_ussd_is_answered_in_the_character_set_asked_for():
    modem = make_modem()
    modem.network.ussd["*888#"] = "Rp5"

    assert b'+CUSD: 0,"Rp5",15' in ask(modem, 'AT+CUSD=1,"*888#",15')
    ask(modem, 'AT+CSCS="UCS2"')
    assert b'+CUSD: 0,"005200700035",15' in ask(modem, 'AT+CUSD=1,"002A0038003800380023",15')


def test_two_modems_differ_in_their_identity():
    network = Network()
    one = SimulatedModem(network, number="+628117000001")
    other = SimulatedModem(network, number="+628117000002")

    assert one.imei != other.imei
    assert one.card.iccid != other.card.iccid
    with pytest.raises(ValueError, match="one number"):
        SimulatedModem(network, number="08117000002")


def test_unparsable_tail_leaves_the_head_to_be_carried_out():
    commands = parse_line("ATE0!+CSQ")

    assert commands is not None
    assert [command.name for command in commands] == ["E", "?"]
