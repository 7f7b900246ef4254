"""Small files that must survive a power cut."""

import errno
import os

import pytest

from hardware import durable


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
