"""How long after the end of each named fault of the modem the daemon is receiving again.

The real daemon, on a simulated modem in another process. An SMS is sent amid the fault and one at its end; the time is
that from the fault's end until both are stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from benchmarks.figures import Figure
from hardware.simulator.control import ControlClient
from hardware.simulator.faults import FOR_EVER, KINDS, Stage
from smsgate.rehearsal import Rehearsal, wait_until

LASTING = (
    "mute",
    "mute_at_command",
    "reboot",
    "reboot_at_command",
    "reboot_in_answer",
    "port_gone",
    "port_gone_at_command",
    "port_gone_in_answer",
)
SOON_S = 3.0
PROMISED_SOON = (*LASTING, "garbage", "unplugged")
RENAMED = "port_renamed"  # needs a modem that is known by its IMEI
# It ends what a measure needs: the SIM and its number, the port's name, room in the memory.
LEFT_OUT = ("sim_swapped", RENAMED, "draft_stored", "memory_full", "sim_state")
_SEVERAL_TIMES = 5
_ENDLESS = ("arrival_in_answer", "urc_burst", "urc_in_answer", "flipped_bits")


def measure_faults(
    rehearsal: Rehearsal, count_stored: Callable[[], int], *, for_s: float, limit_s: float
) -> Iterator[Figure]:
    """Put each fault to the daemon in turn; yield seconds from its end to receiving."""
    with rehearsal.network() as network:
        _send_and_wait(network, count_stored, limit_s, number=0)
        for number, name in enumerate(sorted(set(KINDS) - set(LEFT_OUT)), start=1):
            seconds = _outlive(
                network, count_stored, name, for_s=for_s, limit_s=limit_s, number=number
            )
            context = {"lasted_s": for_s} | ({"goal": SOON_S} if name in PROMISED_SOON else {})
            yield Figure(f"smsgate.fault.{name}", seconds, "s", context)
            _send_and_wait(network, count_stored, limit_s, number=1000 + number)


def bind_by_imei(rehearsal: Rehearsal) -> None:
    """Write the configuration again so that the modem is found under any name that it may get."""
    with rehearsal.network() as network:
        imei = network.state().imei
    places = f'ports = ["{rehearsal.folder}/{RENAMED}*"]'
    rehearsal.plan = replace(rehearsal.plan, modem_lines=f'imei = "{imei}"\n{places}\n')
    rehearsal.write_config()


def measure_renaming(
    rehearsal: Rehearsal, count_stored: Callable[[], int], *, for_s: float, limit_s: float
) -> Figure:
    """Have the port vanish and come back under another name; the time is that from there to receiving."""
    with rehearsal.network() as network:
        _send_and_wait(network, count_stored, limit_s, number=0)
        wanted = count_stored() + 2
        network.fault(RENAMED, delay_s=for_s, text=RENAMED)
        network.send(_sender(1), f"BTM amid {RENAMED}")
        wait_until((rehearsal.folder / RENAMED).exists, for_s + limit_s, "the new name")
        ended_at = time.monotonic()
        network.send(_sender(1), f"BTM after {RENAMED}")
        wait_until(lambda: count_stored() >= wanted, limit_s, f"receiving after {RENAMED}")
        seconds = time.monotonic() - ended_at
    return Figure(f"smsgate.fault.{RENAMED}", seconds, "s", {"lasted_s": for_s, "goal": SOON_S})


def _outlive(
    network: ControlClient,
    count_stored: Callable[[], int],
    name: str,
    *,
    for_s: float,
    limit_s: float,
    number: int,
) -> float:
    wanted = count_stored() + 2
    network.fault(name, **_params(name, for_s))
    set_at = time.monotonic()
    time.sleep(for_s / 2)
    network.send(_sender(number), f"BTM amid {name}")
    time.sleep(max(set_at + for_s - time.monotonic(), 0.0))
    network.clear_fault(name)
    ended_at = time.monotonic()
    network.send(_sender(number), f"BTM after {name}")
    wait_until(lambda: count_stored() >= wanted, limit_s, f"receiving after {name}")
    return time.monotonic() - ended_at


def _params(name: str, for_s: float) -> dict[str, float]:
    if name in LASTING:
        return {"delay_s": for_s}
    if name in _ENDLESS:
        return {"times": _SEVERAL_TIMES}
    return {} if KINDS[name].stage is Stage.NOW else {"times": FOR_EVER}


def _send_and_wait(
    network: ControlClient, count_stored: Callable[[], int], limit_s: float, *, number: int
) -> None:
    """See that all is well before the next fault."""
    wanted = count_stored() + 1
    network.send(_sender(number), f"BTM before fault {number}")
    wait_until(lambda: count_stored() >= wanted, limit_s, "receiving between two faults")


def _sender(number: int) -> str:
    return f"+628770{number:06d}"
