"""Scenario files, and several modems on one network."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from simulated_line import CITIZEN, NUMBER, ask, hear, tell

from hardware.simulator import Network, SimulatedModem
from hardware.simulator.codec import encode_submit, split_text
from hardware.simulator.faults import KINDS
from hardware.simulator.operations import OPERATIONS, Site, carry_out
from hardware.simulator.scenario import MISERY, Misery, Scenario, ScenarioError, read_scenario

_OTHER = "+6281170001709"
_MODEM = '[[modem]]\nlink = "/tmp/one"\n'


@pytest.fixture
def site():
    network = Network(seed=1)
    modems = {
        name: SimulatedModem(network, number=number, profile=profile)
        for name, number, profile in (("m1", NUMBER, "generic"), ("m2", _OTHER, "sim800"))
    }
    for modem in modems.values():
        ask(modem, "ATE0", "AT+CMGF=0", "AT+CNMI=2,1,0,0,0")
    return Site(network, modems)


def submit_parts(modem, recipient, text):
    from hardware.simulator.codec import Shape, encode_address

    for body in split_text(text, 7, Shape()):
        tpdu = (
            bytes([0x41, 0])
            + encode_address(recipient)
            + bytes([0, body.data_coding, body.length])
            + body.octets
        )
        ask(modem, f"AT+CMGS={len(tpdu)}")
        assert b"+CMGS" in tell(modem, b"00" + tpdu.hex().encode() + b"\x1a")


# -- several modems


def test_each_modem_is_a_device_and_a_sim_of_its_own(site):
    one, two = site.modems.values()

    assert len({one.imei, two.imei}) == len({one.card.iccid, two.card.iccid}) == 2
    assert ask(one, "AT+CGMM") != ask(two, "AT+CGMM")


def test_what_one_modem_submits_another_receives(site):
    one, two = site.modems.values()
    tpdu = encode_submit(_OTHER, "Halo")

    ask(one, f"AT+CMGS={len(tpdu)}")
    tell(one, b"00" + tpdu.hex().encode() + b"\x1a")

    assert b'+CMTI: "SM",1' in hear(two)
    assert NUMBER.encode() in ask(two, "AT+CMGF=1", "AT+CMGR=1")


def test_concatenation_survives_between_modems(site):
    one, two = site.modems.values()
    text = "jalan rusak di Sekupang " * 10

    submit_parts(one, _OTHER, text)
    first, second = (message.pdu.hex for message in two.memories["SM"].slots.values())
    two.memories["SM"].clear()
    submit_parts(one, CITIZEN, text)

    assert "0500030702" in first
    assert "0500030702" in second
    assert site.network.subscriber(CITIZEN).inbox[0].text == text


def test_a_fault_strikes_the_modem_that_is_named(site):
    carry_out(site, {"op": "fault", "name": "signal", "code": 5, "modem": "m2"})

    assert [modem.radio.rssi for modem in site.modems.values()] == [21, 5]
    with pytest.raises(ValueError, match="no modem named 'm3'; there are: m1, m2"):
        carry_out(site, {"op": "reboot", "modem": "m3"})


# -- operations


@pytest.mark.parametrize(
    ("request_", "is_done"),
    [
        pytest.param({"op": "unplug"}, lambda m: m.is_off, id="unplug"),
        pytest.param({"op": "replug", "link": "b"}, lambda m: m.is_off, id="replug restarts"),
        pytest.param({"op": "reboot"}, lambda m: m.is_off, id="reboot"),
        pytest.param({"op": "swap_sim", "number": "+62811999"}, lambda m: m.number == "+62811999", id="swap"),
        pytest.param({"op": "call", "from": CITIZEN}, lambda m: m.caller == CITIZEN, id="call"),
        pytest.param({"op": "operator_sms", "text": "x"}, lambda m: m.memories["SM"].used == 1, id="operator"),
        pytest.param({"op": "cell_broadcast", "text": "x"}, lambda m: b"+CBM" in hear(m), id="broadcast"),
        pytest.param({"op": "report", "status": 70}, lambda m: m.faults.find("report").code == 70, id="report"),
        pytest.param({"op": "balance", "text": "Rp0"}, lambda m: m.network.ussd["*888#"] == "Rp0", id="balance"),
        pytest.param({"op": "set", "rssi": 3}, lambda m: m.radio.rssi == 3, id="set"),
        pytest.param({"op": "set", "registration": 5}, lambda m: m.radio.stat == 5, id="set roaming"),
        pytest.param(
            {"op": "send_many", "from": CITIZEN, "text": "x", "count": 3},
            lambda m: m.memories["SM"].used == 3, id="many",
        ),
    ],
)  # fmt: skip
def test_operation(site, request_, is_done):
    carry_out(site, request_)

    assert is_done(site.modem("m1"))


def test_every_operation_is_described():
    assert all(operation.carry_out.__doc__ for operation in OPERATIONS.values())


# -- files


def test_a_modem_needs_no_more_than_its_link():
    scenario = read_scenario(_MODEM + '[[modem]]\nlink = "/tmp/two"\nprofile = "huawei"\n')

    assert [(p.name, p.link, p.number, p.profile) for p in scenario.modems] == [
        ("m1", Path("/tmp/one"), NUMBER, "generic"),
        ("m2", Path("/tmp/two"), _OTHER, "huawei"),
    ]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param("", ["modem"], id="no modem"),
        pytest.param("modem = 1", ["modem"], id="not a table"),
        pytest.param("= 1", ["toml"], id="no TOML"),
        pytest.param("x = " + "[" * 5000, ["toml"], id="nested to death"),
        pytest.param("x = " + "9" * 5000, ["toml"], id="a number without end"),
        pytest.param("[[modem]]", ["modem[0].link"], id="no link"),
        pytest.param(_MODEM * 2, ["modem[1].link"], id="one link twice"),
        pytest.param(_MODEM + 'profile = "nokia"\nslot = 3', ["modem[0].profile", "modem[0].slot"], id="two problems"),
        pytest.param(_MODEM + 'faults = [{name = "fire"}]', ["modem[0].faults[0].name"], id="no such fault"),
        pytest.param(_MODEM + '[[event]]\nat_s = -1\nop = "fly"', ["event[0].at_s", "event[0].op"], id="event"),
        pytest.param(_MODEM + '[[event]]\nat_s = 1\nop = "stop"\nmodem = "m2"', ["event[0].modem"], id="whose"),
        pytest.param(
            _MODEM + '[[event]]\nat_s = 1\nop = "fault"\nname = "sim_state"\ntext = "GONE"\nspeed = 3',
            ["event[0].speed", "event[0].text"], id="parameters of a fault",
        ),
        pytest.param(_MODEM + "[misery]\nevery_s = 0\nlasts = 3", ["misery.every_s", "misery.lasts"], id="misery"),
        pytest.param(_MODEM + '[misery]\nevery_s = 9\nfaults = ["draft_stored"]', ["misery.faults"], id="no misery"),
        pytest.param(_MODEM + "[network]\nussd = 3", ["network.ussd"], id="network"),
    ],
)  # fmt: skip
def test_bad_file_is_refused_with_every_problem(text, keys):
    with pytest.raises(ScenarioError) as caught:
        read_scenario(text)

    assert [key for key, _ in caught.value.problems] == keys


def test_events_come_in_the_order_of_their_moments():
    scenario = read_scenario(
        _MODEM
        + '[[event]]\nat_s = 5\nop = "reboot"\n'
        + '[[event]]\nevery_s = 2\nop = "operator_sms"\ntext = "x"\n'
        + '[[event]]\nat_s = 1\nop = "unplug"\n'
    )
    schedule = scenario.schedule()

    assert schedule.next_due_s() == 1
    assert [request["op"] for request in schedule.take(6.5)] == [
        "unplug", "operator_sms", "operator_sms", "reboot", "operator_sms",
    ]  # fmt: skip
    assert schedule.next_due_s() == 8


def test_an_end_is_an_event():
    schedule = read_scenario("stop_after_s = 3\n" + _MODEM).schedule()

    assert [request["op"] for request in schedule.take(3)] == ["stop"]
    assert schedule.next_due_s() is None


# -- misery


def test_misery_is_the_same_for_the_same_seed():
    first, again, other = (
        list(islice(Misery(10.0, seed=seed).moments(["m1", "m2"]), 40)) for seed in (1, 1, 2)
    )

    assert first == again != other
    assert [at_s for at_s, _ in first] == sorted(at_s for at_s, _ in first)


def test_every_fault_of_misery_ends_with_a_modem_that_answers(site):
    for seed in range(3):
        for _, request in islice(Misery(1.0, seed=seed).moments(list(site.modems)), 60):
            carry_out(site, request)
    for modem in site.modems.values():
        modem.reboot(0.0)
        hear(modem)
        assert ask(modem, "ATE0", "AT") == b"\r\nOK\r\n"
        assert modem.faults.names() == []


def test_misery_knows_only_faults_of_the_table():
    assert set(MISERY) <= set(KINDS)
    assert all(KINDS[name].find_problems(params) == [] for name, params in MISERY.items())


def test_the_readme_shows_a_scenario_that_is_right():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    example = (
        readme.partition("smsgate sim scenario FILE")[2].partition("```toml")[2].partition("```")[0]
    )

    scenario = read_scenario(example)

    assert scenario.modems[0].profile == "ec25"
    assert scenario.misery is not None


def test_a_scenario_without_events_waits():
    assert Scenario(modems=()).schedule().next_due_s() is None
