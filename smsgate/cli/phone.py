"""The demo on a terminal: a citizen's phone, and beside it what was stored and what the backend holds."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from smsgate.citizen import Citizen, Exchange
from smsgate.cli.demo import show
from smsgate.errors import SmsgateError
from smsgate.rehearsal import Rehearsal
from smsgate.store import Store

EXCHANGE_LIMIT_S = 8.0  # then the picture is drawn as it is
SHOWN = 6
PANEL_WIDTH_MIN = 34
HINTS = """\
Try:  BTM jalan rusak di Sekupang      the same again (a repeat)      lampu mati (no prefix)
      BTM STATUS                       BTM RAHASIA pungli di …        BTM BANTUAN
/down  the complaint system fails   /up  it works again   /from +62…  another phone   /quit"""


@dataclass(frozen=True, slots=True)
class _Bubble:
    """One SMS on the phone's screen."""

    is_ours: bool
    text: str


class Phone:
    """Reads one line, acts on it, draws the picture; again."""

    def __init__(self, rehearsal: Rehearsal, store: Store, citizen: Citizen) -> None:
        self._rehearsal = rehearsal
        self._store = store
        self._citizen = citizen
        self._bubbles: list[_Bubble] = []
        self._notes: tuple[str, ...] = ()
        self._console = Console()

    def run(self) -> None:
        """Be a phone until /quit, Ctrl-D or Ctrl-C."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - makes `input` editable
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        while True:
            self._draw()
            try:
                line = input(f"SMS from {self._citizen.number} to 1708> ").strip("\r\n")
            except (EOFError, KeyboardInterrupt):
                return
            if line in ("/quit", "/exit"):
                return
            self._notes = ()
            if line.startswith("/"):
                self._obey(line)
            elif line:
                self._send(line)

    def _send(self, text: str) -> None:
        self._bubbles.append(_Bubble(True, text))
        try:
            with self._console.status("on its way …"):
                exchange = self._citizen.exchange(text, EXCHANGE_LIMIT_S)
        except KeyboardInterrupt:
            return
        self._bubbles += [_Bubble(False, answer) for answer in exchange.answers]
        self._notes = _notes(exchange)

    def _obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "/down":
            self._rehearsal.set_backend_faults({"mode": "status", "status": 503})
            self._notes = ("The complaint system answers 503 now: complaints are kept and wait.",)
        elif word == "/up":
            self._rehearsal.set_backend_faults({"mode": "none"})
            self._notes = (
                "The complaint system works again; what waits is tried again by itself.",
            )
        elif word == "/from" and rest.strip():
            self._citizen = self._citizen.with_number(rest.strip())
            self._bubbles = [_Bubble(False, text) for text in self._citizen.inbox()]
        else:
            self._notes = (f"{word} is no command here.",)

    def _draw(self) -> None:
        console = self._console
        try:
            panels = [
                Panel(self._conversation(), title=f"phone {show(self._citizen.number)}"),
                Panel(self._stored(), title="what the gateway stored"),
                Panel(self._held(), title="what the complaint system holds"),
            ]
        except (SmsgateError, OSError) as error:
            panels = [Panel(Text(str(error)), title="cannot look")]
        console.clear()
        console.print(_beside(panels, console.width))
        for note in self._notes:
            console.print(Text(f"• {note}", style="yellow"))
        console.print(Text(HINTS, style="dim"))

    def _conversation(self) -> RenderableType:
        rows = [
            Text(
                ("→ " if bubble.is_ours else "← ") + show(bubble.text),
                style="bold" if bubble.is_ours else "green",
            )
            for bubble in self._bubbles[-SHOWN:]
        ]
        return Group(*rows) if rows else Text("no SMS yet", style="dim")

    def _stored(self) -> RenderableType:
        counts = self._store.counts()
        filed = ", ".join(f"{count} {name}" for name, count in counts.sms.items() if count)
        rows = [Text(f"SMS: {filed or 'none'}")]
        for listed in self._store.complaints(limit=SHOWN):
            complaint = self._store.complaint(listed.reference) or listed
            forwards = ", ".join(f"{f.state} to {f.backend}" for f in complaint.forwards)
            replies = ", ".join(f"{r.kind} {r.state}" for r in complaint.replies)
            repeats = f", {complaint.repeats} repeats" if complaint.repeats else ""
            rows.append(Text(f"{complaint.reference} {show(complaint.body)}", style="bold"))
            rows.append(Text(f"  {forwards}; {replies}{repeats}"))
        return Group(*rows)

    def _held(self) -> RenderableType:
        entries = self._rehearsal.backend_complaints()[-SHOWN:]
        rows = [
            Text(
                f"{entry.get('tracking_id')} for {entry.get('reference')}: "
                f"{show(str(entry.get('text', '')))}  (from {entry.get('sender') or 'not told'})"
            )
            for entry in reversed(entries)
        ]
        return Group(*rows) if rows else Text("nothing", style="dim")


def _notes(exchange: Exchange) -> tuple[str, ...]:
    if exchange.missing:
        return exchange.missing
    if exchange.complaint is not None:
        return (f"filed as complaint {exchange.complaint.reference}",)
    answered = "" if exchange.answers else ", not answered"
    return (f"filed as {exchange.disposition}{answered}",)


def _beside(panels: list[Panel], width: int) -> RenderableType:
    """Put panels beside each other where the terminal is wide enough, else below each other."""
    if width < PANEL_WIDTH_MIN * len(panels):
        return Group(*panels)
    table = Table.grid(expand=True)
    for _ in panels:
        table.add_column(ratio=1)
    table.add_row(*panels)
    return table
