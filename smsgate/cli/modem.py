"""`smsgate modem`: a technician's commands. They read no database, and share the port with nobody.

A modem is meant by its NAME in the configuration or by `--port`. Where the daemon holds the port, it is asked.
"""

from __future__ import annotations

import typer

from smsgate.cli import modem_care, modem_doctor, modem_record, modem_scan, modem_show, modem_talk

app = typer.Typer(
    no_args_is_help=True,
    help="Look at modems and speak to them, with the daemon running or without.",
)
app.command("scan")(modem_scan.scan)
app.command("info")(modem_show.info)
app.command("watch")(modem_show.watch)
app.command("doctor")(modem_doctor.doctor)
app.command("send")(modem_talk.send)
app.command("at")(modem_talk.at)
app.command("ussd")(modem_talk.ussd)
app.command("record")(modem_record.record)
app.command("forget-pin")(modem_care.forget_pin)
app.command("accept-sim")(modem_care.accept_sim)
