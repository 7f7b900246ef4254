"""The daemons that are measured: ours, gammu-smsd and smstools, each on the same modem."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks.probe import PartCounter, count_files
from smsgate.rehearsal import Program, Rehearsal


class Contender(Protocol):
    """One daemon: how it is started, and how it is seen that it stored something."""

    name: str
    settings: str  # what of its configuration matters for the figures

    def prepare(self, rehearsal: Rehearsal) -> None:
        """Make folders and configuration for this rehearsal."""
        ...

    def start(self, rehearsal: Rehearsal) -> Program:
        """Start the daemon."""
        ...

    def counter(self, rehearsal: Rehearsal) -> Callable[[], int]:
        """Return what counts the SMS that it has stored."""
        ...


class Smsgate:
    """Ours, as it comes."""

    name = "smsgate"
    settings = "as it comes: SQLite with synchronous=FULL, poll 15 s, receipts on"

    def prepare(self, rehearsal: Rehearsal) -> None:
        """Write the configuration; there must be a backend."""
        rehearsal.start_backend()
        rehearsal.write_config()

    def start(self, rehearsal: Rehearsal) -> Program:
        """Start `smsgate run`."""
        return rehearsal.start_daemon()

    def counter(self, rehearsal: Rehearsal) -> Callable[[], int]:
        """Count committed parts."""
        return PartCounter(rehearsal.folder / "state" / "smsgate.db")


class GammuSmsd:
    """gammu-smsd, storing to files, asked to look as often as it can be."""

    name = "gammu-smsd"
    settings = (
        "files, LoopSleep, ReceiveFrequency and CommTimeout 1, no checks, RunOnReceive answers"
    )

    def prepare(self, rehearsal: Rehearsal) -> None:
        """Write its configuration and the hook that answers."""
        home = _make_folders(rehearsal, "inbox", "outbox", "sent", "error")
        hook = _write_hook(
            home / "answer",
            f'printf %s "Aduan diterima" >"{home}/answer.$$"\n'
            f'name="OUTC20200101_000000_00_${{SMS_1_NUMBER}}_$$.txt"\n'
            f'mv "{home}/answer.$$" "{home}/outbox/$name"\n',
        )
        (home / "config").write_text(
            f"[gammu]\nport = {rehearsal.link}\nconnection = at115200\nmodel = at\n"
            "synchronizetime = no\nlogformat = nothing\n"
            f"[smsd]\nservice = files\nlogfile = {home}/log\ndebuglevel = 0\n"
            f"inboxpath = {home}/inbox/\noutboxpath = {home}/outbox/\n"
            f"sentsmspath = {home}/sent/\nerrorsmspath = {home}/error/\n"
            "loopsleep = 1\nreceivefrequency = 1\ncommtimeout = 1\nstatusfrequency = 0\n"
            "checksecurity = 0\ncheckbattery = 0\nchecksignal = 0\nchecknetwork = 0\n"
            f"resetfrequency = 0\nrunonreceive = {hook}\n"
        )

    def start(self, rehearsal: Rehearsal) -> Program:
        """Start it in the foreground."""
        home = rehearsal.folder / "peer"
        return _start_peer(rehearsal, "gammu-smsd", "--config", str(home / "config"))

    def counter(self, rehearsal: Rehearsal) -> Callable[[], int]:
        """Count the files in its inbox."""
        return lambda: count_files(rehearsal.folder / "peer" / "inbox", "IN")


class Smstools:
    """smsd of smstools 3, asked to look as often as it can be."""

    name = "smstools"
    settings = "delaytime 1, check_memory_method 1, event handler answers"

    def prepare(self, rehearsal: Rehearsal) -> None:
        """Write its configuration and the hook that answers."""
        names = ("outgoing", "checked", "incoming", "failed", "sent", "stats")
        home = _make_folders(rehearsal, *names)
        hook = _write_hook(
            home / "answer",
            '[ "$1" = RECEIVED ] || exit 0\n'
            'number=$(sed -n "s/^From: //p;/^$/q" "$2")\n'
            f'printf "To: %s\\n\\nAduan diterima" "$number" >"{home}/answer.$$"\n'
            f'mv "{home}/answer.$$" "{home}/outgoing/answer.$$"\n',
        )
        folders = "".join(f"{name} = {home}/{name}\n" for name in names)
        (home / "config").write_text(
            f"devices = GSM1\n{folders}logfile = {home}/log\nloglevel = 3\n"
            f"pidfile = {home}/pid\ninfofile = {home}/info\n"
            f"delaytime = 1\ndelaytime_mainprocess = 1\neventhandler = {hook}\n"
            f"[GSM1]\ndevice = {rehearsal.link}\nbaudrate = 115200\nrtscts = no\nincoming = high\n"
            "check_network = 0\nmemory_start = 1\nprimary_memory = SM\nsend_delay = 0\n"
        )

    def start(self, rehearsal: Rehearsal) -> Program:
        """Start it in the foreground."""
        home = rehearsal.folder / "peer"
        return _start_peer(rehearsal, "smsd", "-t", f"-c{home / 'config'}")

    def counter(self, rehearsal: Rehearsal) -> Callable[[], int]:
        """Count the files in its incoming folder."""
        return lambda: count_files(rehearsal.folder / "peer" / "incoming", "GSM1.")


PEERS: tuple[type[Contender], ...] = (GammuSmsd, Smstools)
_PROGRAMS = {"gammu-smsd": "gammu-smsd", "smstools": "smsd"}
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


def find_program(peer_name: str) -> str | None:
    """Return the path of a peer's program, or None where it is not installed."""
    return shutil.which(_PROGRAMS[peer_name], path=_PATH)


def _make_folders(rehearsal: Rehearsal, *names: str) -> Path:
    home = rehearsal.folder / "peer"
    for name in names:
        (home / name).mkdir(parents=True)
    return home


def _write_hook(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{lines}")
    path.chmod(0o755)
    return path


def _start_peer(rehearsal: Rehearsal, program: str, *arguments: str) -> Program:
    path = shutil.which(program, path=_PATH) or program
    started = Program("daemon", [path, *arguments], rehearsal.folder, {})
    rehearsal.programs["daemon"] = started
    return started
