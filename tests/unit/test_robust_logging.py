"""A log that cannot be written must not stop the gateway."""

import errno
import json

import structlog

from smsgate import logs
from smsgate.clock import SystemClock
from smsgate.workers import Runner, Wakeable


class FullDisk:
    """A stream on a full disk, until somebody makes room."""

    def __init__(self):
        self.has_room = False
        self.written = ""

    def isatty(self):
        return False

    def write(self, text):
        if not self.has_room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.written += text

    def flush(self):
        if not self.has_room:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_an_event_that_cannot_be_written_is_lost_and_nothing_else():
    disk = FullDisk()
    logs.configure(stream=disk, format="json")
    structlog.get_logger().error("store_failed", reason="x")

    disk.has_room = True
    structlog.get_logger().error("store_back")

    assert [json.loads(line)["event"] for line in disk.written.splitlines()] == ["store_back"]


def test_a_worker_outlives_a_log_and_an_alarm_that_fail():
    class Crashing(Wakeable):
        name = "crashing"
        steps = 0

        def step(self):
            self.steps += 1
            raise ValueError("a mistake")

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    runner = Runner(Crashing(), clock=SystemClock(), on_crash=fail)

    assert runner._step() > 0
    assert runner._step() > 0
    assert runner.worker.steps == 2
