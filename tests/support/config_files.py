"""A configuration with nothing left out that must be there, to vary in tests."""

from __future__ import annotations

from collections.abc import Callable

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

Load = Callable[..., Settings]
Problems = Callable[..., list[str]]
