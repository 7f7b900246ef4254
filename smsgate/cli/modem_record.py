"""`smsgate modem record`: a session of the driver with a real modem as a file that a test can play back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate.cli.modem_talk import ModemOption
from smsgate.cli.modem_target import (
    BaudOption,
    ModemBusy,
    PortOption,
    ask_daemon,
    explain,
    find_target,
    give_back,
)
from smsgate.cli.options import ConfigOption
from smsgate.cli.output import say
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from hardware.facts import Listing
    from hardware.transcript import Recording


class RecordTrouble(SmsgateError):
    """The transcript could not be written."""

    exit_code = 74


def record(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    modem: ModemOption = None,
    port: PortOption = None,
    baud: BaudOption = None,
    listen_s: Annotated[
        float,
        typer.Option("--for", min=0, max=3600, metavar="S",
                     help="Listen so long for what comes; send it an SMS meanwhile."),
    ] = 0.0,
    config: ConfigOption = None,
) -> None:  # fmt: skip
    """Record a session with a modem, redacted: bring-up, listing, signal, network, and what comes while listening.

    Numbers and texts, in PDUs too, become stand-ins of the same length. Nothing is deleted and nothing sent. The
    file makes a regression test for a model that we do not have: see tests/data/transcripts.
    """
    from hardware.errors import ModemError
    from hardware.facts import ModemOptions
    from hardware.transcript import RecordedModem, Recording, run_session

    target = find_target(modem, port, config, baud=baud)
    if ask_daemon(target, config) is not None:
        raise ModemBusy(f"the daemon holds {target.port}: stop it while recording")
    memories = target.modem.memories if target.modem is not None else ("SM", "ME")
    options = ModemOptions(target.port, baud=target.baud, memories=memories)
    recording = Recording()
    driver = RecordedModem(options, recording.note)
    listings: list[Listing] = []
    try:
        listings = run_session(driver, listen_s=listen_s)
    except ModemError as error:
        say("It ended early, and is written all the same.")
        raise explain(error) from None
    finally:
        give_back(target, config)
        counts = [len(listing.slots) for listing in listings]
        _write(file, recording, {"memories": list(memories), "sms": counts})
    print(f"{file}: {len(recording.turns())} turns, {max(counts)} SMS seen, all redacted.")


def _write(file: Path, recording: Recording, head: dict[str, Any]) -> None:
    from hardware.transcript import write

    try:
        write(file, head, recording.turns())
    except OSError as error:
        raise RecordTrouble(f"cannot write {file}: {error.strerror}") from None
