"""A configuration with nothing left out that must be there, to vary in tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from smsgate.settings import Settings

MINIMAL = """\
[gateway]
name = "batam-1"
[store]
url = "sqlite:////var/lib/smsgate/smsgate.db"
[[service]]
name = "btm"
number = "1708"
prefixes = ["BTM"]
institution = "Pemko Batam"
backends = ["kota"]
#service#
[[modem]]
name = "m1"
port = "/dev/null"
#modem#
[[backend]]
name = "kota"
kind = "json"
url = "https://aduan.example/api"
#backend#
"""


def write_config(
    folder: Path, *, service: str = "", modem: str = "", backend: str = "", port: str = "/dev/null"
) -> Path:
    """Write the configuration of a gateway that lives in this folder; more keys for each table."""
    file = folder / "smsgate.toml"
    text = (
        MINIMAL.replace(
            'name = "batam-1"', f'name = "batam-1"\nrun_dir = "{folder}"\nstate_dir = "{folder}"'
        )
        .replace("sqlite:////var/lib/smsgate", f"sqlite:///{folder}")
        .replace("/dev/null", port)
        .replace("#service#", service)
        .replace("#modem#", modem)
        .replace("#backend#", f'{backend}\n[status]\nlisten = "off"')
    )
    file.write_text(text, encoding="utf-8")
    return file


Load = Callable[..., Settings]
Problems = Callable[..., list[str]]
