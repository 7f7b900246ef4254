"""The daemon as the unit runs it: with its environment, so without assertions and docstrings."""

from __future__ import annotations

from pathlib import Path

from smsgate.rehearsal import Plan, Rehearsal, wait_until

UNIT = Path(__file__).parents[2] / "systemd" / "smsgate.service"
CITIZEN = "+6281234567890"
LIMIT_S = 60.0  # where nothing is compiled yet, all of it is at this start


def unit_environment() -> dict[str, str]:
    """What the unit sets for the program."""
    lines = [
        line.removeprefix("Environment=")
        for line in UNIT.read_text().splitlines()
        if line.startswith("Environment=")
    ]
    return dict(line.split("=", 1) for line in lines)


def test_a_complaint_goes_all_the_way_under_the_units_environment() -> None:
    environment = unit_environment()
    assert environment["PYTHONOPTIMIZE"] == "2"
    with Rehearsal(Plan(environment=environment)) as gateway:
        gateway.start_all()
        with gateway.network() as network:
            network.send(CITIZEN, "BTM jalan rusak di Sekupang")
            wait_until(lambda: bool(network.inbox(CITIZEN)), LIMIT_S, "the receipt")
            assert "Aduan diterima" in network.inbox(CITIZEN)[0].text
        assert "Traceback" not in gateway.programs["daemon"].log.read_text()
