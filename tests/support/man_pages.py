"""The manual smsgate.toml(5): an introduction, and the example configuration as it is.

Written by hand is the introduction here; run this file to write the page again after a change.
"""

from __future__ import annotations

from pathlib import Path

from smsgate.config_example import EXAMPLE

PAGE = Path(__file__).parents[2] / "systemd" / "smsgate.toml.5"

_INTRODUCTION = r""".\" Written by tests/support/man_pages.py: change the introduction there.
.Dd November 22, 2026
.Dt SMSGATE.TOML 5
.Os
.Sh NAME
.Nm smsgate.toml
.Nd configuration of the SMS complaints gateway
.Sh SYNOPSIS
.Nm /etc/smsgate/smsgate.toml
.Sh DESCRIPTION
The file is TOML.
It is checked whole before anything is opened, and every problem is named with
its place, what was expected and what was there:
.Bd -literal -offset indent
smsgate.toml: modem[0].baud: expected 9600, ... (got "fast")
.Ed
.Pp
A key that is not known is a problem too.
.Ic smsgate config check
does only this;
.Ic smsgate config show
prints what the file comes to.
.Pp
Secrets are never in the file.
A key that ends in
.Cm _credential
names a credential that systemd hands over
.Pq Ql LoadCredential=
in the unit; one that ends in
.Cm _file
names a file, which is refused when its group or others can read it.
.Pp
On SIGHUP
.Pq Ic systemctl reload smsgate
the daemon reads the file again.
If it is wrong, the configuration in force stays.
.Sh EXAMPLES
This is the complete file, as
.Ic smsgate config example
prints it.
A line that begins with
.Ql #key\ =
shows a default; one that begins with
.Ql #?\ key\ =
a key that is not set by default.
.Bd -literal
"""

_END = """.Ed
.Sh SEE ALSO
.Xr smsgate 1 ,
.Xr systemd.exec 5
"""


def render() -> str:
    """Return the page in mdoc(7)."""
    lines = []
    for line in EXAMPLE.splitlines():
        escaped = line.replace("\\", "\\e")
        lines.append(f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped)
    return _INTRODUCTION + "\n".join(lines) + "\n" + _END


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
