"""What a power cut would leave: the system calls of a daemon, and the files as they were last synced.

`strace` writes down every write, sync, cut and removal of the daemon in order. A `Disk` plays them back and keeps two
states of each file: as the daemon sees it, and as it is sure to be after a power cut: its octets at the last sync that
was completed, and only if the folder was synced since the file is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from programs import need_program

from smsgate.rehearsal import wait_until

CALLS = "openat,unlink,unlinkat,rename,ftruncate,write,pwrite64,fsync,fdatasync"
# Other ways to write, or to have it written: a program that begins to use them is no longer followed.
UNKNOWN_CALLS = "writev,pwritev,pwritev2,sync_file_range,syncfs,sync,msync,renameat,renameat2"
END_LIMIT_S = 20.0

_LINE = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_UNFINISHED = " <unfinished ...>"
_DESCRIPTOR = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Step:
    """The beginning (`is_done` False) or the end of one call. `place`: the file; `octets`: what is written."""

    is_done: bool
    thread: int
    call: str
    place: str
    octets: bytes = b""
    number: int = 0  # offset of a pwrite64, length of an ftruncate
    result: int = 0


def tracing(trace: Path, command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command with its calls written down; the process is the command's own."""
    strace = need_program("strace")
    return [
        strace, "-DDD", "-f", "-qq", "-y", "-xx", "-s", "1000000",
        "-o", str(trace), "-e", f"trace={CALLS},{UNKNOWN_CALLS}", *command,
    ]  # fmt: skip


def read_trace(trace: Path, *, below: Path) -> list[Step]:
    """Return the steps on files in a folder and on terminals, once the trace is complete.

    Python's output and what it reads are left out. An unknown way to write there raises AssertionError.
    """
    wait_until(lambda: _is_complete(trace), END_LIMIT_S, "the end of the trace")
    marks = [
        f"<{_escape(str(below))}",
        f'"{_escape(str(below))}',
        f"<{_escape('/dev/pts/')}",
        "resumed",
    ]
    lines = (line for line in trace.read_text().splitlines() if any(mark in line for mark in marks))
    return [step for step in _steps(lines) if step.place.startswith((str(below), "/dev/pts/"))]


def _is_complete(trace: Path) -> bool:
    """With -qq nothing tells the end but that nobody has the file open for writing."""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if descriptor.readlink() == trace:
                return False
        except OSError:
            continue
    return True


def _steps(lines: Iterator[str]) -> Iterator[Step]:
    open_calls: dict[int, str] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        assert found is not None, line[:200]
        thread, rest = int(found["pid"]), found["rest"]
        if rest.endswith(_UNFINISHED):
            open_calls[thread] = rest.removesuffix(_UNFINISHED)
            yield _step(thread, open_calls[thread] + ") = 0", is_done=False)
            continue
        resumed = _RESUMED.fullmatch(rest)
        if resumed is not None:
            if thread in open_calls:
                yield _step(thread, open_calls.pop(thread) + resumed["rest"], is_done=True)
            continue
        yield _step(thread, rest, is_done=False)
        yield _step(thread, rest, is_done=True)


def _step(thread: int, text: str, *, is_done: bool) -> Step:
    found = _CALL.match(text)
    assert found is not None, text[:200]
    name, arguments, result = found["name"], found["arguments"], int(found["result"])
    assert name in CALLS.split(","), f"{name} is not followed"
    strings = [_plain(string) for string in _STRING.findall(arguments)]
    if name in ("openat", "unlink", "unlinkat", "rename"):
        is_made = name == "openat" and "O_CREAT" in arguments
        call = "create" if is_made else name.removesuffix("at")
        return Step(is_done, thread, call, strings[0].decode(), result=result)
    descriptor = _DESCRIPTOR.match(arguments)
    place = _plain(descriptor[1]).decode() if descriptor else ""
    number = int(arguments.rpartition(", ")[2]) if name in ("pwrite64", "ftruncate") else 0
    call = "sync" if name in ("fsync", "fdatasync") else name
    return Step(is_done, thread, call, place, strings[0] if strings else b"", number, result)


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _escape(text: str) -> str:
    return "".join(f"\\x{octet:02x}" for octet in text.encode())


@dataclass
class Disk:
    """One database's files in a folder, as they are and as a power cut would leave them."""

    folder: Path
    database: str
    _now: dict[str, bytearray] = field(default_factory=dict)
    _synced: dict[str, bytes] = field(default_factory=dict)
    _entries: set[str] = field(default_factory=set)  # the folder as last synced
    _syncing: dict[int, tuple[bytes, set[str]]] = field(default_factory=dict)

    def play(self, step: Step) -> None:
        """Take one step of the trace."""
        path = Path(step.place)
        if path == self.folder and step.call == "sync":
            self._sync_folder(step)
        elif path.parent == self.folder and path.name.startswith(self.database):
            name = path.name
            if step.call == "sync":
                self._sync_file(step, name)
            elif step.is_done and step.result >= 0:
                self._change(step, name)

    def leave(self, folder: Path) -> None:
        """Write what a power cut would leave now into an empty folder."""
        for name in self._entries:
            (folder / name).write_bytes(self._synced.get(name, b""))

    def _change(self, step: Step, name: str) -> None:
        if step.call == "unlink":
            self._now.pop(name, None)
            return
        content = self._now.setdefault(name, bytearray())
        if step.call == "pwrite64":
            content.extend(bytes(max(0, step.number - len(content))))
            content[step.number : step.number + step.result] = step.octets[: step.result]
        elif step.call == "ftruncate":
            del content[step.number :]
            content.extend(bytes(step.number - len(content)))
        else:
            assert step.call in ("create", "open"), f"{step.call} on {name} is not followed"

    def _sync_file(self, step: Step, name: str) -> None:
        """A sync covers what was written before it began, once it is completed."""
        if not step.is_done:
            self._syncing[step.thread] = (bytes(self._now.get(name, b"")), set())
            return
        content, _ = self._syncing.pop(step.thread)
        if step.result == 0:
            self._synced[name] = content

    def _sync_folder(self, step: Step) -> None:
        if not step.is_done:
            self._syncing[step.thread] = (b"", set(self._now))
            return
        _, entries = self._syncing.pop(step.thread)
        if step.result == 0:
            self._entries = entries
