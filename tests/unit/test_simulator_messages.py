"""The simulated modem's memories, and what goes between it and its network."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from simulated_line import CITIZEN, NUMBER, ask, hear, make_modem, tell

from hardware.simulator import Network, Shape, SimulatedModem
from hardware.simulator.codec import decode_deliver, encode_submit

OK = b"\r\nOK\r\n"


def info(*lines: str) -> bytes:
    return b"".join(f"\r\n{line}\r\n".encode() for line in lines) + OK


def listed(modem, command="AT+CMGL=4"):
    """Return (index, stat, text) of each message listed; the header's length is checked."""
    found = []
    answer = ask(modem, command).decode()
    for index, stat, length, pdu in re.findall(r"\+CMGL: (\d+),(\d),,(\d+)\r\n(\w+)", answer):
        octets = bytes.fromhex(pdu)
        assert len(octets) - 1 - octets[0] == int(length)
        found.append((int(index), int(stat), decode_deliver(pdu).text))
    return found


def send(modem, *texts, shape=None):
    for text in texts:
        modem.network.send(CITIZEN, NUMBER, text, shape=shape or Shape())


def submit(modem, tpdu: bytes, said: bytes = b"") -> bytes:
    assert ask(modem, f"AT+CMGS={len(tpdu)}") == b"\r\n> "
    return tell(modem, (b"\x00" + tpdu).hex().upper().encode() + b"\x1a")


# -- receiving


def test_message_goes_to_the_first_free_slot_and_is_announced():
    modem = make_modem()

    send(modem, "satu", "dua")

    assert hear(modem) == b'\r\n+CMTI: "SM",1\r\n\r\n+CMTI: "SM",2\r\n'
    assert listed(modem) == [(1, 0, "satu"), (2, 0, "dua")]


def test_listing_marks_as_read():
    modem = make_modem()
    send(modem, "satu")

    listed(modem)

    assert listed(modem) == [(1, 1, "satu")]
    assert listed(modem, "AT+CMGL=0") == []


def test_sim800_lists_without_marking_when_asked():
    modem = make_modem(profile="sim800")
    send(modem, "satu")

    assert listed(modem, "AT+CMGL=4,1") == [(1, 0, "satu")]
    assert listed(modem, "AT+CMGL=4") == [(1, 0, "satu")]
    assert b"ERROR" in ask(make_modem(), "AT+CMGL=4,1")


def test_message_is_read_by_its_index_and_marked():
    modem = make_modem()
    send(modem, "satu")
    hear(modem)

    assert ask(modem, "AT+CMGR=1").startswith(b"\r\n+CMGR: 0,,")
    assert ask(modem, "AT+CMGR=1").startswith(b"\r\n+CMGR: 1,,")


def test_freed_slot_is_used_again():
    modem = make_modem()
    send(modem, "satu", "dua")

    ask(modem, "AT+CMGD=1")
    send(modem, "tiga")

    assert listed(modem) == [(1, 0, "tiga"), (2, 0, "dua")]


def test_full_card_leaves_messages_at_the_smsc_and_gets_them_in_order():
    modem = make_modem(memories={"SM": 2})
    send(modem, *"abcde")
    assert modem.network.waiting(NUMBER) == 3
    hear(modem)

    said = ask(modem, "AT+CMGD=1")

    assert said == OK + b'\r\n+CMTI: "SM",1\r\n'
    assert listed(modem) == [(1, 0, "c"), (2, 0, "b")]
    ask(modem, "AT+CMGD=2", "AT+CMGD=1")
    assert [text for _, _, text in listed(modem)] == ["e", "d"]
    assert modem.network.waiting(NUMBER) == 0


@pytest.mark.parametrize(
    ("flag", "left"),
    [
        pytest.param(1, ["baru", "konsep"], id="1: what was read"),
        pytest.param(3, ["baru"], id="3: drafts too"),
        pytest.param(4, [], id="4: everything"),
    ],
)
def test_delete_by_flag(flag, left):
    modem = make_modem()
    send(modem, "lama")
    ask(modem, "AT+CMGL=4")
    send(modem, "baru")
    modem.faults.set("draft_stored")
    hear(modem)

    assert ask(modem, f"AT+CMGD=1,{flag}") == OK

    stats = {0: "baru", 1: "lama", 2: "konsep"}
    assert [stats[m.stat] for _, m in modem.memories["SM"].listed(4)] == left


def test_index_out_of_range_is_an_error_and_an_empty_one_is_deleted_gladly():
    modem = make_modem()

    assert ask(modem, "AT+CMGD=99") == b"\r\n+CMS ERROR: 321\r\n"
    assert ask(modem, "AT+CMGD=3") == OK


def test_memories_are_chosen_for_each_use():
    modem = make_modem(memories={"SM": 5, "ME": 7})

    assert ask(modem, "AT+CPMS=?") == info('+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")')
    assert ask(modem, 'AT+CPMS="SM","SM","ME"') == info("+CPMS: 0,5,0,5,0,7")
    send(modem, "satu")
    assert hear(modem) == b'\r\n+CMTI: "ME",1\r\n'
    assert listed(modem) == []
    assert ask(modem, 'AT+CPMS="ME"') == info("+CPMS: 1,7,0,5,1,7")
    assert listed(modem) == [(1, 0, "satu")]
    assert ask(modem, 'AT+CPMS="XX"') == b"\r\n+CMS ERROR: 302\r\n"


def test_no_urc_stores_and_says_nothing():
    modem = make_modem(urc=False)
    ask(modem, "AT+CNMI=2,2,0,0,0")

    send(modem, "satu")

    assert hear(modem) == b""
    assert listed(modem) == [(1, 0, "satu")]


def test_cnmi_mode_0_keeps_indications_until_asked():
    modem = make_modem()
    ask(modem, "AT+CNMI=0,1,0,0,0")
    send(modem, "satu")
    assert hear(modem) == b""

    assert ask(modem, "AT+CNMI=2,1,0,0,0") == OK + b'\r\n+CMTI: "SM",1\r\n'


def test_direct_message_is_shown_and_not_stored():
    modem = make_modem()
    ask(modem, "AT+CNMI=2,2,0,0,0")

    send(modem, "satu")

    assert re.fullmatch(rb"\r\n\+CMT: ,\d+\r\n[0-9A-F]+\r\n", hear(modem))
    assert listed(modem) == []


def test_direct_message_waits_for_its_acknowledgement_under_csms_1():
    modem = make_modem()
    ask(modem, "AT+CSMS=1", "AT+CNMI=2,2,0,0,0")
    send(modem, "satu", "dua")
    assert hear(modem).count(b"+CMT:") == 1
    assert modem.network.waiting(NUMBER) == 1

    said = ask(modem, "AT+CNMA")

    assert said.startswith(OK)
    assert said.count(b"+CMT:") == 1
    assert ask(modem, "AT+CNMA") == OK
    assert ask(modem, "AT+CNMA") == b"\r\n+CMS ERROR: 340\r\n"


def test_message_never_acknowledged_is_still_the_networks_after_a_restart():
    modem = make_modem()
    ask(modem, "AT+CSMS=1", "AT+CNMI=2,2,0,0,0")
    send(modem, "satu")

    modem.reboot(60)

    assert modem.network.waiting(NUMBER) == 1


def test_flash_is_stored_by_most_and_shown_by_some():
    modem = make_modem()

    send(modem, "kilat", shape=Shape(message_class=0))

    assert listed(modem) == [(1, 0, "kilat")]


def test_unregistered_modem_gets_nothing_until_it_is_back():
    modem = make_modem()
    modem.set_registration(2)
    send(modem, "satu")
    assert modem.network.waiting(NUMBER) == 1

    modem.set_registration(1)

    assert listed(modem) == [(1, 0, "satu")]


def test_no_urc_stands_between_a_prompt_and_its_end():
    modem = make_modem()
    tpdu = encode_submit(CITIZEN, "Halo")
    ask(modem, f"AT+CMGS={len(tpdu)}")

    send(modem, "satu")

    assert hear(modem) == b""
    said = tell(modem, b"00" + tpdu.hex().encode() + b"\x1a")
    assert said == info("+CMGS: 0") + b'\r\n+CMTI: "SM",1\r\n'


# -- submitting


def test_submit_reaches_the_phone():
    modem = make_modem()

    assert submit(modem, encode_submit(CITIZEN, "Aduan diterima")) == info("+CMGS: 0")
    assert submit(modem, encode_submit("081234567890", "lagi")) == info("+CMGS: 1")

    inbox = modem.network.subscriber(CITIZEN).inbox
    assert [(sms.text, sms.sender) for sms in inbox] == [
        ("Aduan diterima", NUMBER),
        ("lagi", NUMBER),
    ]


def test_reference_starts_again_after_255():
    modem = make_modem()
    modem.submit_reference = 255
    tpdu = encode_submit(CITIZEN, "Halo")

    assert submit(modem, tpdu) == info("+CMGS: 255")
    assert submit(modem, tpdu) == info("+CMGS: 0")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"not hex at all\x1a", id="no hex"),
        pytest.param(b"\x1a", id="nothing"),
        pytest.param(b"0001\x1a", id="not as long as was said"),
        pytest.param(b"00" + b"00" * 20 + b"\x1a", id="no SMS-SUBMIT"),
        pytest.param(b"x" * 4000, id="no end"),
    ],
)
def test_nonsense_is_not_submitted(body):
    modem = make_modem()
    ask(modem, "AT+CMGS=20")

    assert tell(modem, body) == b"\r\n+CMS ERROR: 304\r\n"
    assert modem.network.submitted_count == 0
    assert ask(modem, "AT") == OK


def test_escape_leaves_the_body_and_submits_nothing():
    modem = make_modem()
    ask(modem, "AT+CMGS=20")

    assert tell(modem, b"0001\x1b") == OK
    assert ask(modem, "AT") == OK
    assert modem.network.submitted_count == 0


def test_without_network_nothing_is_submitted():
    modem = make_modem()
    modem.set_registration(0)

    assert submit(modem, encode_submit(CITIZEN, "Halo")) == b"\r\n+CMS ERROR: 331\r\n"


def test_modems_send_each_other_sms():
    network = Network()
    one = SimulatedModem(network, number="+628117000001")
    other = SimulatedModem(network, number="+628117000002")
    for modem in (one, other):
        ask(modem, "ATE0", "AT+CMGF=0")

    submit(one, encode_submit("+628117000002", "halo tetangga"))

    assert listed(other) == [(1, 0, "halo tetangga")]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param(0, rb"", id="0: not told"),
        pytest.param(1, rb"\r\n\+CDS: \d+\r\n[0-9A-F]+\r\n", id="1: shown"),
        pytest.param(2, rb'\r\n\+CDSI: "SM",1\r\n', id="2: stored"),
    ],
)
def test_report_comes_where_cnmi_says(target, said):
    modem = make_modem()
    ask(modem, f"AT+CNMI=2,1,0,{target},0")
    tpdu = bytearray(encode_submit(CITIZEN, "Halo"))
    tpdu[0] |= 0x20  # TP-SRR

    answer = submit(modem, bytes(tpdu))

    assert re.fullmatch(re.escape(info("+CMGS: 0")) + said, answer)


def test_text_mode_sends_lists_and_reads():
    modem = make_modem()
    ask(modem, "AT+CMGF=1")
    send(modem, "jalan rusak")
    hear(modem)

    assert ask(modem, f'AT+CMGS="{CITIZEN}"') == b"\r\n> "
    assert tell(modem, b"baris satu\rbaris dua\x1a") == b"\r\n> " + info("+CMGS: 0")
    assert modem.network.subscriber(CITIZEN).inbox[0].text == "baris satu\nbaris dua"
    answer = ask(modem, 'AT+CMGL="REC UNREAD"').decode()
    header = rf'\r\n\+CMGL: 1,"REC UNREAD","\{CITIZEN}",,"[\d/:,+]+"\r\njalan rusak\r\n\r\nOK\r\n'
    assert re.fullmatch(header, answer)
    assert '"REC READ"' in ask(modem, "AT+CMGR=1").decode()
    assert ask(modem, "AT+CMGL=4") == b"\r\n+CMS ERROR: 305\r\n"


def test_draft_is_stored_and_submitted_from_there():
    modem = make_modem()
    tpdu = encode_submit(CITIZEN, "konsep")
    assert ask(modem, f"AT+CMGW={len(tpdu)}") == b"\r\n> "

    assert tell(modem, b"00" + tpdu.hex().encode() + b"\x1a") == info("+CMGW: 1")
    assert b"+CMGL: 1,2,," in ask(modem, "AT+CMGL=4")
    assert ask(modem, "AT+CMSS=1") == info("+CMSS: 0")
    assert modem.network.subscriber(CITIZEN).inbox[0].text == "konsep"


# -- the network


class Noon:
    def now(self):
        return datetime(2026, 1, 2, 5, 0, 0, tzinfo=UTC)


def make_network(seed=0):
    """Return a network and its modem, which has room for everything."""
    network = Network(clock=Noon(), seed=seed)
    modem = SimulatedModem(network, number=NUMBER, memories={"SM": 300})
    ask(modem, "ATE0", "AT+CMGF=0")
    return network, modem


def part_numbers(modem):
    return [
        (int(octets[-4:-2], 16), int(octets[-2:], 16))
        for octets in re.findall(
            r"050003(?:..)(....)", ask(modem, "AT+CMGL=4").decode().replace("\r\n", " ")
        )
    ]


def references(modem):
    return re.findall(r"050003(..)....", ask(modem, "AT+CMGL=4").decode())


def test_timestamp_is_the_clocks_in_western_indonesia():
    network, modem = make_network()

    network.send(CITIZEN, NUMBER, "halo")

    pdu = modem.memories["SM"].slots[1].pdu.hex
    assert decode_deliver(pdu).sent_at == "26/01/02,12:00:00+28"


def test_each_long_sms_of_a_sender_has_the_next_reference():
    network, modem = make_network()

    for sender in (CITIZEN, CITIZEN, "+6281200000009"):
        network.send(sender, NUMBER, "x" * 161)

    assert references(modem) == ["00", "00", "01", "01", "00", "00"]


def test_parts_are_shuffled_by_the_seed():
    orders = []
    for seed in (1, 1, 2):
        network, modem = make_network(seed)
        network.send(CITIZEN, NUMBER, "x" * 1200, shape=Shape(is_shuffled=True))
        orders.append([number for _, number in part_numbers(modem)])

    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(1, 9)) != orders[0]


def test_parts_are_lost_and_doubled_as_told():
    network, modem = make_network()

    shape = Shape(lost=frozenset({1}), doubled=frozenset({3}))
    count = network.send(CITIZEN, NUMBER, "x" * 400, shape=shape)

    assert count == 3
    assert [number for _, number in part_numbers(modem)] == [2, 3, 3]
    hexes = [message.pdu.hex for message in modem.memories["SM"].slots.values()]
    octets = [bytes.fromhex(pdu) for pdu in hexes[1:]]
    differing = [at for at, (a, b) in enumerate(zip(*octets, strict=True)) if a != b]
    assert differing == [1 + octets[0][0]]  # TP-MMS stands in the first octet of the TPDU


def test_any_octets_can_be_delivered():
    network, modem = make_network()

    network.submit_deliver(NUMBER, bytes.fromhex("00FFFFFF"))

    assert b"+CMGL: 1,0,,3\r\n00FFFFFF\r\n" in ask(modem, "AT+CMGL=4")


def test_phone_joins_parts_in_any_order_and_mends_a_cut_emoji():
    from hardware.simulator.codec import Concat

    phone = Network().subscriber(CITIZEN)
    at = datetime(2026, 1, 1, tzinfo=UTC)

    phone.receive(NUMBER, "\ude00 selesai", Concat(5, 8, 2, 2), at)
    assert (phone.inbox, phone.incomplete_count) == ([], 1)
    phone.receive(NUMBER, "baik \ud83d", Concat(5, 8, 2, 1), at)

    assert [sms.text for sms in phone.inbox] == ["baik 😀 selesai"]
    assert phone.incomplete_count == 0


@pytest.mark.parametrize("dialled", ["081234567890", "6281234567890", "+6281234567890"])
def test_number_is_one_however_it_is_dialled(dialled):
    network = Network()

    assert network.subscriber(dialled) is network.subscriber(CITIZEN)


def test_short_code_is_nobodys_number():
    assert Network().subscriber("1708").number == "1708"


def test_message_nobody_acknowledges_goes_back_and_no_more_is_shown():
    """27.005 section 3.4.4: mt becomes 0 then."""
    modem = make_modem()
    now = [1000.0]
    modem.monotonic = lambda: now[0]
    ask(modem, "AT+CSMS=1", "AT+CNMI=2,2,0,1,0")
    send(modem, "satu")
    modem.run_due(now[0])

    now[0] += 16
    modem.run_due(now[0])

    assert modem.settings.notification == (2, 0, 0, 0, 0)
    assert modem.memories["SM"].used == 1
    assert modem.network.waiting(NUMBER) == 0
