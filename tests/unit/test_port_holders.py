"""Who holds a port: found by what it has open, ourselves left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hardware.discovery import holders

HOLD = "import os,sys; d=os.open(sys.argv[1],os.O_RDWR|os.O_NOCTTY); print('held',flush=True); sys.stdin.read()"


def test_another_process_is_named_and_we_are_not():
    master, slave = os.openpty()
    path = os.ttyname(slave)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        found = holders(path)
        holder.communicate(b"")

    assert [pid for pid, _ in found] == [holder.pid]
    assert found[0][1].startswith("python")
    os.close(master)
    os.close(slave)


def test_a_port_that_nobody_has_or_that_is_not_there_has_no_holders(tmp_path):
    assert holders(tmp_path / "ttyUSB9") == []
    assert holders(Path(tmp_path)) == []
