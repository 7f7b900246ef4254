"""The doctor among several ports: which one it looks at, which it names, and which are none of its business."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from config_files import write_config
from patients import Patient, add_built_in, plug_in, stand_aside

from hardware import diagnosis, diagnosis_words, probes
from hardware.probes import Surroundings, look_at
from smsgate.cli.modem_doctor import read_expected
from smsgate.cli.modem_target import find_configured, find_target


@pytest.fixture(autouse=True)
def one_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """To try them all takes ten seconds, and is tested elsewhere."""
    monkeypatch.setattr(probes, "SPEEDS", (115200,))


def last_verdict(patient: Patient) -> str:
    return patient.examine()[-1].verdict


def test_the_port_of_another_modem_is_neither_opened_nor_named(patient: Patient) -> None:
    """On an adapter with four ports each may have a modem of its own."""
    stand_aside(patient)
    patient.expect(neighbours=("/dev/zero",))

    assert last_verdict(patient) == "silent"
    assert "/dev/zero" not in patient.opened


@pytest.mark.parametrize(("changes", "driver", "verdict"), [
    pytest.param({"neighbour_imeis": "its own"}, None, "silent", id="known to be another's by its IMEI"),
    pytest.param({"imei": "350000000000001"}, None, "silent", id="not the IMEI of ours"),
    pytest.param({"imei": "its own"}, None, "wrong_interface", id="the IMEI of ours"),
    pytest.param({}, "ftdi_sio", "silent", id="another UART of an adapter, whosever it is"),
    pytest.param({"imei": "its own"}, "ftdi_sio", "wrong_interface", id="another UART, and our IMEI"),
    pytest.param({}, "option1", "wrong_interface", id="another interface of one modem"),
])  # fmt: skip
def test_only_our_modem_makes_an_interface_the_wrong_one(
    patient: Patient, changes: dict[str, Any], driver: str | None, verdict: str
) -> None:
    stand_aside(patient, driver=driver)
    own = {"imei": patient.modem.imei, "neighbour_imeis": (patient.modem.imei,)}
    patient.expect(**{k: own[k] if value == "its own" else value for k, value in changes.items()})

    assert last_verdict(patient) == verdict


def test_only_a_port_that_a_modem_may_be_behind_is_offered(patient: Patient) -> None:
    plug_in(patient, "ttyUSB0", "ttyUSB1")
    add_built_in(patient, "ttyS0")
    around = Surroundings(root=patient.root)

    found = diagnosis.judge_port(look_at("/dev/ttyUSB7", around, neighbours=("/dev/ttyUSB1",)))
    assert (found.verdict, found.facts["others"]) == ("port_missing", "/dev/ttyUSB0")

    taken = ("/dev/ttyUSB0", "/dev/ttyUSB1")
    found = diagnosis.judge_port(look_at("/dev/ttyUSB7", around, neighbours=taken))
    assert (found.verdict, found.facts["others"]) == ("port_missing_built_in", "/dev/ttyS0")
    assert "built into this machine" in diagnosis_words.evidence(found, "en")

    taken = (*taken, "/dev/ttyS0")
    found = diagnosis.judge_port(look_at("/dev/ttyUSB7", around, neighbours=taken))
    assert found.verdict == "port_none"


@pytest.mark.parametrize(("asked_for", "neighbours", "imeis"), [
    pytest.param(("m1", None), ("/dev/ttyUSB3",), ("350000000000001",), id="by its name"),
    pytest.param((None, "/dev/null"), ("/dev/ttyUSB3",), ("350000000000001",), id="by its port"),
    pytest.param((None, "/dev/ttyUSB9"), ("/dev/null", "/dev/ttyUSB3"), ("350000000000001",),
                 id="by a port that is nobody's yet"),
])  # fmt: skip
def test_the_other_modems_of_the_configuration_are_the_neighbours(
    tmp_path: Path, asked_for: tuple[str | None, str | None], neighbours, imeis
) -> None:
    config = write_config(tmp_path)
    more = '[[modem]]\nname = "m2"\nport = "/dev/ttyUSB3"\n[[modem]]\nname = "m3"\nimei = "350000000000001"\n'
    config.write_text(config.read_text() + more)

    target = find_configured(find_target(*asked_for, config), config)
    expected = read_expected(target, None)

    assert expected.neighbours == neighbours
    assert expected.neighbour_imeis == imeis
