"""The demo on a terminal: a citizen's phone, and beside it what was stored and what the backend holds."""

from __future__ import annotations

import contextlib
import re
import sys

from msgspec import Struct
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from smsgate.citizen import Citizen, Exchange
from smsgate.cli.demo import show
from smsgate.errors import SmsgateError
from smsgate.rehearsal import Rehearsal
from smsgate.store import Store

_NUMBER = re.compile(r"\+?[0-9]{3,15}")
EXCHANGE_LIMIT_S = 8.0  # then the picture is drawn as it is
SHOWN = 6
PANEL_WIDTH_MIN = 34
BORDERS = 2
PHONE_ROWS_MIN = 4
HINTS = """\
Try:  BTM jalan rusak di Sekupang     then the same again: a repeat
      BTM STATUS     BTM RAHASIA pungli di …     BTM BANTUAN     BTM STOP
/down, /up: the complaint system  /from 0812…: another phone  Enter: look  /quit"""


class _Bubble(Struct, frozen=True):
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
                "The complaint system works again; what waits is tried again by itself, before long: press "
                "Enter to look.",
            )
        elif word == "/from":
            self._change_phone(rest.strip())
        else:
            self._notes = (f"{word} is no command here: /down, /up, /from NUMBER or /quit.",)

    def _change_phone(self, number: str) -> None:
        if not _NUMBER.fullmatch(number):
            self._notes = ("Write the number of the other phone, too: /from +6281200000002",)
            return
        self._citizen = self._citizen.with_number(number)
        self._bubbles = [_Bubble(False, text) for text in self._citizen.inbox()]

    def _draw(self) -> None:
        console = self._console
        room = _room(console.width, console.height - len(self._notes))
        try:
            phone = Panel(self._conversation(room), title=f"phone {show(self._citizen.number)}")
            others = [
                Panel(self._stored(room.complaints), title="what the gateway stored"),
                Panel(self._held(room.held), title="what the complaint system holds"),
            ]
        except (SmsgateError, OSError) as error:
            phone, others = Panel(Text(str(error)), title="cannot look"), []
        console.clear()
        # The phone stands next to where one types: on a small screen below the others, on a wide one first.
        console.print(_beside([phone, *others]) if room.is_wide else Group(*others, phone))
        for note in self._notes:
            console.print(Text(f"• {note}", style="yellow"))
        console.print(Text(HINTS, style="dim"))

    def _conversation(self, room: _Room) -> RenderableType:
        """The newest SMS, as many as there are rows for."""
        rows: list[Text] = []
        left = room.phone
        for bubble in reversed(self._bubbles):
            text = ("→ " if bubble.is_ours else "← ") + show(bubble.text)
            lines_max = max(left, PHONE_ROWS_MIN) if not rows else left
            lines = -(-len(text) // room.columns) + 1  # words wrap early
            if lines > lines_max:
                if rows:
                    break
                text = text[: room.columns * (lines_max - 1) - 1] + "…"
            rows.insert(0, Text(text, style="bold" if bubble.is_ours else "green"))
            left -= lines
        return Group(*rows) if rows else Text("no SMS yet", style="dim")

    def _stored(self, shown: int) -> RenderableType:
        counts = self._store.counts()
        filed = ", ".join(f"{count} {name}" for name, count in counts.sms.items() if count)
        rows = [_one_line(f"SMS by what they became: {filed or 'none yet'}")]
        for listed in self._store.complaints(limit=shown):
            complaint = self._store.complaint(listed.reference) or listed
            forwards = ", ".join(f"{f.state} to {f.backend}" for f in complaint.forwards)
            replies = ", ".join(f"{r.kind} {r.state}" for r in complaint.replies)
            times = "once" if complaint.repeats == 1 else f"{complaint.repeats} times"
            repeats = f", came again {times}" if complaint.repeats else ""
            rows.append(_one_line(f"{complaint.reference} {show(complaint.body)}", style="bold"))
            rows.append(_one_line(f"  {forwards}; {replies}{repeats}"))
        return Group(*rows)

    def _held(self, shown: int) -> RenderableType:
        entries = self._rehearsal.backend_complaints()[-shown:]
        rows = [
            _one_line(
                f"{entry.get('tracking_id')} for {entry.get('reference')}, from "
                f"{entry.get('sender') or 'not told'}: {show(str(entry.get('text', '')))}"
            )
            for entry in reversed(entries)
        ]
        return Group(*rows) if rows else Text("nothing", style="dim")


def _notes(exchange: Exchange) -> tuple[str, ...]:
    if exchange.missing:
        return exchange.missing
    if exchange.complaint is not None:
        return (f"filed as complaint {exchange.complaint.reference}",)
    if exchange.disposition == "follow-up" and not exchange.answers:
        return ("taken as an addition to the complaint of a moment ago, which is not answered",)
    answered = "" if exchange.answers else ", not answered"
    return (f"filed as {exchange.disposition}{answered}",)


class _Room(Struct, frozen=True):
    """What fits on the screen: rows of the phone, entries of the other two, columns of a panel."""

    is_wide: bool
    phone: int
    complaints: int
    held: int
    columns: int


def _room(width: int, height: int) -> _Room:
    """Share out the screen, so that what was just said is never above its edge."""
    rows = height - HINTS.count("\n") - 3  # the hints, the prompt, and one to spare
    if width >= PANEL_WIDTH_MIN * 3:
        inner = rows - BORDERS
        complaints, held = max((inner - 1) // 2, 1), max(inner, 1)
        return _Room(True, inner, min(complaints, SHOWN), min(held, SHOWN), width // 3 - 4)
    complaints = 1 if rows < 30 else 3
    held = 2 if rows < 30 else 4
    phone = rows - 3 * BORDERS - (1 + 2 * complaints) - held
    return _Room(False, phone, complaints, held, max(width - 4, 10))


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _beside(panels: list[Panel]) -> RenderableType:
    table = Table.grid(expand=True)
    for _ in panels:
        table.add_column(ratio=1)
    table.add_row(*panels)
    return table
