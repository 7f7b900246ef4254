"""Small files that must survive a power cut."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hardware import durable
from hardware.durable import DurableTable

ROUNDS = 40


@pytest.fixture
def slow_disk(monkeypatch):
    """A disk that takes ten octets at a time, and after `room` of them no more."""

    class Disk:
        room = 1000

        def write(self, descriptor, octets):
            if self.room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = os_write(descriptor, octets[: min(10, self.room)])
            self.room -= taken
            return taken

    os_write, disk = os.write, Disk()
    monkeypatch.setattr(durable.os, "write", disk.write)
    return disk


def test_a_file_is_whole_though_the_disk_took_it_in_pieces(slow_disk, tmp_path):
    durable.replace_durably(tmp_path / "pins", b"x" * 95)

    assert (tmp_path / "pins").read_bytes() == b"x" * 95


def test_a_full_disk_leaves_the_old_file(slow_disk, tmp_path):
    (tmp_path / "pins").write_bytes(b"old")
    slow_disk.room = 25

    with pytest.raises(OSError, match="No space left"):
        durable.replace_durably(tmp_path / "pins", b"x" * 95)

    assert (tmp_path / "pins").read_bytes() == b"old"


def test_a_file_that_root_replaces_stays_its_owners(tmp_path, monkeypatch):
    """What a technician's command made with `sudo` would else be closed to the daemon."""
    (tmp_path / "pins").write_bytes(b"old")
    given = []
    monkeypatch.setattr(durable.os, "fchown", lambda _file, *owner: given.append(owner))

    durable.replace_durably(tmp_path / "pins", b"new")

    assert given == [(os.getuid(), os.getgid())]


# -- a table that others change too


@pytest.fixture(params=["in a file", "in memory"])
def table(request, tmp_path):
    return DurableTable(tmp_path / "table" if request.param == "in a file" else None)


def test_a_table_holds_what_was_put_into_it(table):
    with table.change() as content:
        content["m1"] = {"tries": 1}

    assert table.read() == {"m1": {"tries": 1}}


def test_what_is_read_may_be_changed_without_changing_the_table(table):
    with table.change() as content:
        content["m1"] = {"tries": 1}

    table.read()["m1"]["tries"] = 9

    assert table.read() == {"m1": {"tries": 1}}


def test_a_change_that_fails_changes_nothing(table):
    with pytest.raises(ZeroDivisionError), table.change() as content:
        content["m1"] = 1 / 0 or content

    assert table.read() == {}
    with table.change() as content:  # and keeps nobody out
        assert content == {}


def test_threads_lose_no_change_of_each_other(table):
    def count():
        for _ in range(ROUNDS):
            with table.change() as content:
                content["all"] = content.get("all", 0) + 1

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert table.read() == {"all": 3 * ROUNDS}


COUNT = """
import sys
from pathlib import Path
from hardware.durable import DurableTable
table = DurableTable(Path(sys.argv[1]))
print("here", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with table.change() as content:
        content["all"] = content.get("all", 0) + 1
"""


def test_two_processes_lose_no_change_of_each_other(tmp_path):
    """The daemon notes a PIN attempt while `modem forget-pin` or `accept-sim` changes the file."""
    path = tmp_path / "table"
    command = [sys.executable, "-c", COUNT, str(path), str(ROUNDS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    root = Path(__file__).parents[2]
    with (
        subprocess.Popen(command, cwd=root, **pipes) as one,
        subprocess.Popen(command, cwd=root, **pipes) as other,
    ):
        for process in (one, other):
            assert process.stdout.readline() == b"here\n"
        for process in (one, other):
            process.stdin.write(b"go\n")
            process.stdin.flush()
        for process in (one, other):
            process.wait(60)

    assert (one.returncode, other.returncode) == (0, 0)
    assert DurableTable(path).read() == {"all": 2 * ROUNDS}


def test_whoever_waits_for_the_table_waits_with_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "LOCK_LIMIT_S", 0.05)
    table = DurableTable(tmp_path / "table")

    with table.change(), pytest.raises(TimeoutError), table.change():
        pass


def test_a_file_that_holds_no_table_is_refused_until_it_is_cleared(tmp_path):
    (tmp_path / "table").write_text("[]")
    table = DurableTable(tmp_path / "table")
    with pytest.raises(ValueError, match="expected a table"):
        table.read()

    table.clear()

    assert table.read() == {}
