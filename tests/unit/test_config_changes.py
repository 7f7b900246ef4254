"""What a reload puts in force, and what it only notices."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_files import MINIMAL, Load

from smsgate.config_changes import Changes, find_changes

SECOND_BACKEND = '[[backend]]\nname = "pusat"\nkind = "json"\nurl = "https://pusat.example"\n'


@pytest.mark.parametrize(
    ("right", "changed", "expected"),
    [
        pytest.param("", "", Changes((), ()), id="nothing"),
        pytest.param(
            '["BTM"]', '["BTM", "ADU"]', Changes(("service.btm.prefixes",), ()), id="a prefix"
        ),
        pytest.param(
            "#service#",
            '[service.replies]\nack = "No. {ref}"',
            Changes(("service.btm.replies",), ()),
            id="a text",
        ),
        pytest.param(
            "[store]",
            '[logs]\nlevel = "debug"\nformat = "json"\n[store]',
            Changes(("logs.level",), ("logs.format",)),
            id="the level, but not the form, of logs",
        ),
        pytest.param(
            "#service#",
            "parts_deadline_h = 2",
            Changes((), ("service.btm.parts_deadline_h",)),
            id="what the store goes by",
        ),
        pytest.param(
            "#service#",
            'holidays = [2026-08-17]\n[service.keywords]\nhelp = ["TOLONG"]',
            Changes(("service.btm.holidays", "service.btm.keywords"), ()),
            id="what intake goes by",
        ),
        pytest.param(
            "Pemko Batam",
            "Pemkot X",
            Changes(
                ("service.btm.institution", "service.btm.replies", "service.btm.replies_en"), ()
            ),
            id="the name in texts of both languages",
        ),
        pytest.param(
            "#modem#", "baud = 9600", Changes((), ("modem.m1.baud",)), id="a modem's speed"
        ),
        pytest.param(
            '"m1"',
            '"m2"',
            Changes((), ("modem.m1 (removed)", "modem.m2 (new)")),
            id="a modem's name",
        ),
        pytest.param(
            "#backend#", SECOND_BACKEND, Changes((), ("backend.pusat (new)",)), id="a new backend"
        ),
    ],
)
def test_each_key_is_in_force_or_waits(
    load_text: Load, right: str, changed: str, expected: Changes
) -> None:
    old = load_text(MINIMAL)

    assert find_changes(old, load_text(MINIMAL.replace(right, changed, 1))) == expected


def test_a_new_secret_is_noticed_and_not_told(load_text: Load, tmp_path: Path) -> None:
    token = tmp_path / "token"
    text = MINIMAL.replace("#backend#", f'token_file = "{token}"')
    token.write_text("lama")
    token.chmod(0o600)
    old = load_text(text)
    token.write_text("baru")

    found = find_changes(old, load_text(text))

    assert found == Changes((), ("backend.kota.token",))
