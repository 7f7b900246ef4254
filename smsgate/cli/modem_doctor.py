"""`smsgate modem doctor`: from the cable to the network, check after check, ending in one next action."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate.cli.modem_target import (
    BaudOption,
    DaemonChannel,
    NameArgument,
    PortOption,
    Target,
    ask_daemon,
    find_configured,
    find_target,
    give_back,
)
from smsgate.cli.options import ConfigOption, JsonOption
from smsgate.cli.output import print_json, say, visible
from smsgate.errors import SmsgateError

if TYPE_CHECKING:
    from hardware.diagnosis import Expected, Finding
    from hardware.sim_pins import SimIdentity

EXIT_FOUND = 1
_MARKS = {"ok": "ok  ", "note": "--  ", "warning": "!   ", "failure": "XX  "}


class BundleTrouble(SmsgateError):
    """The bundle could not be written."""

    exit_code = 74


def doctor(
    name: NameArgument = None,
    port: PortOption = None,
    baud: BaudOption = None,
    language: Annotated[
        str | None,
        typer.Option("--lang", metavar="id|en", show_default=False,
                     help="Indonesian or English; else the locale's."),
    ] = None,
    loop: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", show_default=False,
                     help="Send an SMS to this SIM's own NUMBER, and wait for it. Costs one SMS."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False,
                     help="Write findings and dialogue, redacted, as JSON for a colleague."),
    ] = None,
    config: ConfigOption = None,
    is_json: JsonOption = False,
) -> int:  # fmt: skip
    """Examine a modem from the cable to the network, and say the one thing to do next.

    Exit code 1 when there is something to do. A modem that the daemon holds is examined through the daemon.
    """
    if loop is not None:
        check_number(loop)
    target = find_target(name, port, config, baud=baud)
    return examine(target, config, language=choose_language(language), loop=loop, bundle=bundle,
                   is_json=is_json)  # fmt: skip


def check_number(number: str) -> None:
    """Refuse what is no number before anything is opened or paid for."""
    from hardware.pdu import EncodeError, encode_submit

    try:
        encode_submit(number, "", reference=0)
    except EncodeError as error:
        raise typer.BadParameter(str(error), param_hint="--loop") from None


def choose_language(given: str | None) -> str:
    """Return "id" or "en": what was asked for, else what the locale says."""
    from hardware.diagnosis_words import LANGUAGES

    if given is not None and given not in LANGUAGES:
        raise typer.BadParameter(f"expected one of {', '.join(LANGUAGES)}", param_hint="--lang")
    if given is not None:
        return given
    names = (os.environ.get(key) for key in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "")
    return "id" if locale.startswith(("id", "in_")) else "en"


def examine(
    target: Target,
    config: Path | None,
    *,
    language: str,
    loop: str | None = None,
    bundle: Path | None = None,
    is_json: bool = False,
) -> int:  # fmt: skip
    """Examine, print as it goes, and return the exit code."""
    from hardware.diagnosis import choose_next
    from hardware.diagnosis_words import NEXT
    from hardware.probes import Doctor, Surroundings
    from hardware.terminal import Terminal
    from hardware.transcript import Recording

    channel = ask_daemon(target, config)
    known = find_configured(target, config)
    if not is_json and channel is None and _is_daemon_waiting(known):
        say(f"The daemon runs and has {target.port} not open; it leaves it to us meanwhile.")
    recording = Recording()
    patient = Doctor(
        target.port,
        read_expected(known, loop),
        around=Surroundings(
            open_terminal=lambda path, baud, limits: Terminal(
                path, baud=baud, limits=limits, tap=None if bundle is None else recording.note
            )
        ),
        channel=channel,
    )
    findings: list[Finding] = []
    try:
        for finding in patient.examine():
            findings.append(finding)
            if not is_json:
                _print_finding(finding, language)
    finally:
        if channel is None:
            give_back(known, config)
    found = choose_next(findings)
    plain = _plain(target, findings, language)
    if is_json:
        print_json(plain)
    else:
        print(
            f"\n{NEXT[0 if language == 'en' else 1]}: {visible(plain['next']['action'])}",
            flush=True,
        )
    if bundle is not None:  # last: what was found is told, whether it can be written or not
        dialogue = [{">" if turn.is_ours else "<": turn.said} for turn in recording.turns()]
        _write_bundle(bundle, {**plain, "dialogue": dialogue})
    return EXIT_FOUND if found is not None else 0


def _is_daemon_waiting(target: Target) -> bool:
    from hardware.terminal import ChannelRefused
    from smsgate.control import ControlDenied, DaemonNotRunning

    if target.control is None or target.name is None:
        return False
    try:
        return not DaemonChannel(target.control, target.name).tell()["is_open"]
    except (DaemonNotRunning, ControlDenied, ChannelRefused):
        return False


def read_expected(target: Target, loop: str | None) -> Expected:
    """Return what the configuration says that should be found."""
    from msgspec.structs import replace

    from hardware.diagnosis import Balance, Expected
    from smsgate.clock import SystemClock

    modem = target.modem
    is_right = SystemClock().is_synchronised()
    modems = target.settings.modems if target.settings is not None else []
    others = [other for other in modems if other is not modem]
    found = Expected(
        baud=target.baud,
        loop_number=loop,
        is_host_clock_right=is_right,
        neighbours=tuple(str(other.port) for other in others if other.port is not None),
        neighbour_imeis=tuple(other.imei for other in others if other.imei is not None),
    )
    if modem is None or target.settings is None:
        return found
    has_balance = modem.balance_ussd is not None
    known = _known_sim(target.settings.gateway.state_dir, modem.name)
    return replace(
        found,
        name=modem.name,
        has_pin=modem.pin_credential is not None or modem.pin_file is not None,
        imei=modem.imei,
        iccid=known.iccid,
        smsc=known.smsc,
        balance=Balance(modem.balance_ussd or "", modem.balance_pattern, modem.balance_least)
        if has_balance
        else None,
    )


def _known_sim(folder: Path, line: str) -> SimIdentity:
    """Return the SIM that belongs into the line, as far as this user may know."""
    from hardware.sim_pins import SIM_PINS_FILE, SimIdentity, SimPins

    try:
        return SimPins(folder / SIM_PINS_FILE).pinned(line) or SimIdentity()
    except (OSError, ValueError):
        return SimIdentity()


def _print_finding(finding: Finding, language: str) -> None:
    from hardware.diagnosis_words import evidence, title

    name = title(finding.check, language).ljust(20)
    print(f"{_MARKS[finding.level]}{name}{visible(evidence(finding, language))}", flush=True)


def _plain(target: Target, findings: list[Finding], language: str) -> dict[str, Any]:
    from hardware.diagnosis import choose_next
    from hardware.diagnosis_words import action, evidence, title
    from smsgate.plain import to_plain

    found = choose_next(findings)
    return {
        "port": target.port,
        "line": target.name,
        "findings": [
            {
                "check": each.check,
                "title": title(each.check, language),
                "level": str(each.level),
                "verdict": each.verdict,
                "evidence": evidence(each, language),
                "facts": to_plain(each.facts),
            }
            for each in findings
        ],
        "next": {
            "verdict": found.verdict if found is not None else None,
            "action": action(found, language, port=target.port, name=target.name),
        },
    }


def _write_bundle(path: Path, plain: dict[str, Any]) -> None:
    """Write what a colleague needs; of longer numbers, which name a SIM, a device or a person, the last two digits."""
    import json
    import platform

    from smsgate import __version__

    whole = {"smsgate": __version__, "system": platform.platform(), **plain}
    text = json.dumps(_redact(whole), ensure_ascii=False, indent=2)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BundleTrouble(f"cannot write {path}: {error.strerror}") from None


def _redact(value: Any) -> Any:
    """Return the value with the last two digits only of each longer number in its texts."""
    import re

    if isinstance(value, str):
        return re.sub(r"\d{5,}(?=\d\d)", "…", value)
    if isinstance(value, dict):
        return {key: _redact(part) for key, part in value.items()}
    return [_redact(part) for part in value] if isinstance(value, list) else value
