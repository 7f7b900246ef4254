"""The example configuration: every key, what it does, its unit, its default and why that default.

A line `# words` explains. A line `#key = value` shows a default: taking the `#` away changes nothing.
A line `#? key = value` is a key that has no default.
"""

from __future__ import annotations

import json

from smsgate.wording import (
    DEFAULT_KEYWORDS,
    DEFAULT_TEXTS,
    DEFAULT_TEXTS_EN,
    FIELD_WIDTHS,
    REPLY_FIELDS,
)

_HEAD = """\
# smsgate: configuration. Read from --config, else SMSGATE_CONFIG, else /etc/smsgate/smsgate.toml.
#
#   smsgate config check     names every problem at once
#   smsgate config show      prints what this comes to, defaults included
#
# A line `#key = value` shows a default; a line `#? key = value` a key that is not set unless you set
# it. Secrets are never in this file: a key *_credential names a credential that systemd hands over
# (LoadCredential= in the unit), a key *_file a file that only its owner can read (chmod 600).
#
# These environment variables win over the file: SMSGATE_GATEWAY_NAME, SMSGATE_RUN_DIR,
# SMSGATE_STATE_DIR, SMSGATE_STORE_URL, SMSGATE_STATUS_LISTEN, SMSGATE_LOG_LEVEL, SMSGATE_LOG_FORMAT.

[gateway]
# The name of this gateway, in the store, status and metrics. Gateways that share a PostgreSQL store
# need different names; the same name twice is refused.
name = "batam-1"

# Folder of the control socket, over which commands ask the daemon. The default is what the systemd
# unit makes (RuntimeDirectory=); two gateways on one host need one each.
#run_dir = "/run/smsgate"

# Folder of small files that must outlive a restart: the record of PIN attempts, and which
# SIM belongs into which line. The default is what the unit makes (StateDirectory=).
#state_dir = "/var/lib/smsgate"

[store]
# Where everything is kept. SQLite (an absolute path, on a local disk) for one host, PostgreSQL where
# several gateway hosts share one store: "postgresql+psycopg://smsgate@db.example/smsgate".
url = "sqlite:////var/lib/smsgate/smsgate.db"

# The password for PostgreSQL; not set by default, since peer and certificate logins need none.
#? password_credential = "store-password"
#? password_file = "/etc/smsgate/store-password"

# MiB of disk space below which nothing new is forwarded or answered, so that what was begun can
# still be recorded. 64: a day of a busy gateway.
#disk_reserve_mib = 64

# --- services -------------------------------------------------------------------------------------
# One [[service]] for each number that citizens are told. One modem belongs to one service.

[[service]]
name = "btm"

# The number shown to citizens: 3 to 15 digits. Replies leave from the modem's own SIM.
number = "1708"

# What a complaint begins with: one word or several, the first is the one quoted in replies. What comes in
# on this service's line with another service's word is for a person to sort (triage), and its sender is
# told that service's number: it has other backends, and replies leave from the line that received.
prefixes = ["BTM"]

# Who we are, in replies: at most 40 characters of GSM-7, without braces.
institution = "Pemko Batam"

# The zone in which dates are told to citizens. Asia/Jakarta is UTC+7, as in Batam, without
# daylight saving.
#timezone = "Asia/Jakarta"

# Which [[backend]]s get each complaint, each in its own time. The first one that answers is the one
# quoted to the citizen.
backends = ["kota"]

# true: text without a prefix is a complaint too. For a SIM that is used for nothing else. false,
# because on a shared number such texts are for a person to sort; they are kept in any case.
#is_unprefixed_complaint = false

# true: numbers from abroad are answered. false, because it costs several times as much; their
# complaints are taken all the same.
#reply_abroad = false

# true: where a service has several modems, replies of one that is closed for long leave by another,
# so from another number. false, because citizens trust the number they wrote to.
#replies_by_other_line = false

# Minutes for which a line must be closed before another one answers for it. 10: most heal sooner.
#other_line_after_min = 10

# true: a second SMS tells the tracking id, once a backend gave one; the first that does is quoted.
# false: it costs an SMS for each complaint, and the text below speaks of SP4N-LAPOR!.
#is_registered_sent = false

# true: where a complaint names no place, one question is asked, in an SMS of its own behind the receipt
# (need_more). The answer joins the complaint. false: it costs an SMS for each such complaint.
#is_place_asked = false

# Names of places, in the place of those of Batam (its kecamatan, kelurahan and landmarks), which are
# what an empty list stands for. "jl …", "perum …", "RT …" are understood in any city.
#places = []

# Hours in which an answer to that question is taken for one though it names no reference. 24.
#answer_window_h = 24

# true: complaints that are plainly English are answered in English ([service.replies_en]). false: the
# office answers in Indonesian unless it decides otherwise.
#is_english_answered = false

# Hours in which the same text from the same number is a repeat of the first complaint. 24: people
# send again when no answer came the same day.
#repeat_window_h = 24

# Days after which a complaint's status is not told to its number any more: numbers get recycled.
# 180: an operator hands a number out again after half a year or more.
#status_max_age_days = 180

# Hours to wait for the missing parts of a long SMS; then it is filed with the gap marked, and a late
# part completes it. 24: networks give up after a day or two.
#parts_deadline_h = 24

# Hours after which an unsent receipt is not sent any more: an old one helps nobody.
#receipt_expiry_h = 24

# The same for what is told unasked (registered, answers). 168: a week; an answer is worth waiting for.
#notice_expiry_h = 168

# Working days to the follow-up that STATUS names, and in which a closed complaint is opened again by an
# addition. 5 and 10: what LAPOR! promises.
#follow_up_working_days = 5
#reopen_working_days = 10

# Days on which nobody works, besides Saturdays and Sundays: [2026-08-17, 2026-12-25].
#holidays = []

# What acts where it is the whole message, or stands with a reference alone (BTM STATUS 12345678); in any
# other text these are words like others. A list that is given takes the place of the whole default. Behind the
# prefix help, status, optout and optin act in people's own words too, where a text says nothing else.
[service.keywords]
@KEYWORDS@

# How many replies go out; loops and floods end here. Messages are kept all the same.
[service.limits]
# Replies to one number a day. 10: more than any person needs.
#per_sender_day = 10
# Replies to the same text from one number a day, and answers of the same sort (an addition arrived, a reference is
# unknown). 3: an auto-responder repeats itself.
#per_text_day = 3
# Complaints from one number within five minutes; the last of them is told that answers stop until the next
# day. 5: two gateways that answer each other do so every few seconds, and no person files so fast. SMS that come
# together after an outage count by when they were sent.
#per_sender_burst = 5
# Replies of the whole gateway an hour. 3000: about what one modem can submit.
#gateway_hour = 3000
# And a day. 20000: a bound on what a flood can cost.
#gateway_day = 20000

# The texts of replies. At most 160 septets of GSM-7, with the longest values put in; longer ones are
# refused when this file is read. {prefix}, {number} and {our_institution} stand for the settings
# above. The others, and the septets kept for each:
"""

_TAIL = """\

# --- modems ---------------------------------------------------------------------------------------
# One [[modem]] for each modem and its SIM.

[[modem]]
name = "m1"

# Which service's SMS come in here. May be left out where there is one service.
#? service = "btm"

# Any tty. Names under /dev/serial/by-id stay the same when a modem is plugged in elsewhere; use
# by-path where two modems have the same serial number.
port = "/dev/serial/by-id/usb-MODEM-if00-port0"

# The modem's IMEI, 15 digits on its label (AT+CGSN tells it). With it no other modem is ever used on
# this line, and when the port is gone, or has another modem, ours is looked for on the others and
# used there; port is then only where to look first, and may be left out. Not set by default: where a
# modem may be changed for another of its kind without a word to us.
#? imei = "356938035643809"

# Where it is looked for: patterns of paths. A port that another line has open or another program
# holds is left alone. The default: USB modems.
#ports = ["/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*"]

# Bits per second. 115200 suits nearly all; a USB modem does not care.
#baud = 115200

# Which memories messages are read from and deleted in: the SIM and the modem's own.
#memories = ["SM", "ME"]

# Seconds between two looks at the memories, at most. New messages ring; this is for rings that were
# lost. Until rings are seen to work, it looks twice a second. 15: nobody notices, and it costs nothing.
#poll_s = 15.0

# Seconds to wait for an ordinary answer; sending has its own limit. 10: slow modems take 5.
#command_timeout_s = 10.0

# "none", "rtscts" or "xonxoff". none: USB needs none, and few cables have all wires.
#flow_control = "none"

# The SIM's PIN, where it asks for one. A refused PIN is not tried again by itself.
#? pin_credential = "m1-pin"
#? pin_file = "/etc/smsgate/m1-pin"

# The number of this modem's SIM, as others dial it: only canaries need it.
#? sim_number = "+6281234500001"

# Hours between two canaries: an SMS to itself, or to the modem canary_to, which must arrive within
# half an hour; else the alarm line.*.deaf stands and the modem is restarted. It is no complaint, and
# counts as a test. 0, none: each costs an SMS. The receiving modem needs its sim_number.
#canary_every_h = 0
#? canary_to = "m2"

# true: the notice line.*.silent stands while a modem that is ready has received nothing for longer than
# is usual at this hour, judged by its own last four weeks (two at least). true, as it costs nothing; false
# where SMS come in campaigns, so that no silence means anything.
#is_silence_told = true

# true: each reply asks the network to report when the phone has it, and is then `delivered` or `undelivered`;
# of one that nobody reports on it is said that it was submitted, and nothing is sent again. false: some
# operators charge for reports, and each takes its turn on the line.
#delivery_reports = false

# The command that cuts the modem's power and gives it back, and its arguments; no shell sees it. It
# gets 30 seconds, and is run where opening the port again and restarting the modem (AT+CFUN=1,1) did
# not help; its exit code is logged. Not set by default: not every hub or relay can do it.
#? power_cycle = ["/usr/sbin/uhubctl", "-l", "1-1", "-p", "2", "-a", "cycle"]

# Minutes between two power cycles, at least. 30: a modem that two did not mend needs a person.
#power_cycle_every_min = 30

# The USSD code that asks for the prepaid balance, for `smsgate modem doctor`. Not set: a SIM with a
# contract has none.
#? balance_ussd = "*888#"

# Where the amount stands in the answer: a regular expression, its first group the amount; and the least
# that is enough. 10000: some thirty SMS.
#balance_pattern = 'Rp\\.?\\s*([\\d.,]+)'
#balance_least = 10000

# --- backends -------------------------------------------------------------------------------------
# One [[backend]] for each system that complaints are forwarded to.

[[backend]]
name = "kota"

# "json" posts JSON over HTTP, with an idempotency key and a signature.
kind = "json"

# Where complaints are posted. https, unless it is this very host.
url = "https://aduan.example/api/complaints"

# Where additions to a complaint are posted, with {reference} or {tracking_id}; else to url.
#? add_url = "https://aduan.example/api/complaints/{tracking_id}/notes"

# Where our reference is looked up after an answer was lost. Without it, and without idempotency
# keys, such a complaint waits for a person.
#? find_url = "https://aduan.example/api/complaints?reference={reference}"

# Where it is asked how far a complaint is, with {reference} or {tracking_id}; answers become SMS to
# the citizen. Not set: it is not asked.
#? status_url = "https://aduan.example/api/complaints?reference={reference}"

# Where the answer has the status, what the citizen is told, and the unit that deals with it; dots go
# into objects, "" says that there is none. Nothing else in it is looked at: no private note gets out.
#status_field = "status"
#answer_field = "answer"
#unit_field = "unit"

# Seconds between two rounds of questions, one for each complaint that is not over. 300: a citizen
# can wait five minutes, and a backend can bear it.
#answers_poll_s = 300.0

# Sent as `Authorization: Bearer`. Not set by default.
#? token_credential = "kota-token"
#? token_file = "/etc/smsgate/kota-token"

# The key of the signature (HMAC-SHA256 over time and body). Not set: no signature.
#? secret_credential = "kota-secret"
#? secret_file = "/etc/smsgate/kota-secret"

# Where the answer has the complaint's id there; dots go into objects. "": it gives none.
#tracking_field = "tracking_id"

# Whether the same Idempotency-Key twice is the same complaint there. true: the contract asks for it.
#honours_idempotency_keys = true

# true permits plain http to other hosts. false: complaints and numbers would be open to the network.
#is_plain_http_allowed = false

# The agency's own certificates, where the system's do not know them.
#? ca_file = "/etc/smsgate/kota-ca.pem"

# Seconds for one request, all of it. 20: slow servers answer in 10, and nothing else waits for it.
#timeout_s = 20.0

# Seconds after which a request that was taken can be found by find_url.
#settle_s = 60.0

# Our names of fields → theirs. A dot makes an object, "" leaves the field out. Ours: kind, reference,
# text, received_at, sent_at, sender, confidential, anonymous, urgent, prefix, service,
# service_number, tracking_id.
[backend.fields]
#? text = "description"
#? sender = "reporter.phone"

# Their words for a status → ours: diterima, "perlu data", proses, dijawab, selesai, "bukan wewenang",
# dibatalkan. Common words of other systems are known without.
[backend.statuses]
#? beres = "selesai"

# --- outside --------------------------------------------------------------------------------------

[status]
# Address and port of /metrics, /healthz, /readyz and /status.json; port 0 takes any, "off" none.
# There is no personal data in them, and no password before them: so this host only.
#listen = "127.0.0.1:9178"

[callbacks]
# Address and port where backends may say by themselves how far complaints are (README); "off", none. off: they
# are asked where they have a status_url. For a reverse proxy with TLS to pass on to, which limits who may ask.
# Each backend that may has a secret: what it says is signed with it.
#listen = "off"

[logs]
# "debug", "info", "warning" or "error". info tells the life of each message; no text or number is
# logged at any level.
#level = "info"

# "journal", "json", "console", or "auto": the journal under systemd, the console on a terminal, JSON
# on standard error elsewhere.
#format = "auto"
"""


def _replies() -> str:
    widths = ", ".join(f"{{{field}}} {width}" for field, width in FIELD_WIDTHS.items())
    lines = [*_wrap(widths), "[service.replies]"]
    for kind, text in DEFAULT_TEXTS.items():
        fields = " ".join(f"{{{field}}}" for field in REPLY_FIELDS[kind])
        lines.append(f"# {kind}: {_WHEN[kind]}{f'; {fields}' if fields else ''}")
        lines.append(f"#{kind} = {json.dumps(text, ensure_ascii=False)}")
    lines += ["", "# The same in English, where is_english_answered.", "[service.replies_en]"]
    for kind, text in DEFAULT_TEXTS_EN.items():
        lines.append(f"#{kind} = {json.dumps(text, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _wrap(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 98, initial_indent="# ", subsequent_indent="# ")


_WHEN = {
    "ack": "a complaint was filed",
    "registered": "a backend gave it an id",
    "ack_rahasia": "a confidential complaint was filed",
    "ack_anonim": "an anonymous complaint was filed",
    "need_more": "more is asked for",
    "help": "help was asked for",
    "empty": "the prefix alone, or a trial",
    "status": "the status was asked for",
    "answer": "a unit answered",
    "closed": "a complaint was closed",
    "passed_on": "it was passed on to another institution",
    "rejected": "it cannot be dealt with",
    "late": "a deadline passed",
    "unknown_ref": "the reference is not one of this number",
    "duplicate": "the same complaint came again",
    "limit": "the last reply of the day",
    "emergency": "an emergency was reported",
    "optout": "no more SMS are wanted",
    "optin": "SMS are wanted again",
    "pointer": "the prefix is missing, or is another city's",
    "added": "a follow-up was added to a complaint",
}


def _keywords() -> str:
    return "\n".join(f"#{key} = {json.dumps(words)}" for key, words in DEFAULT_KEYWORDS.items())


EXAMPLE = _HEAD.replace("@KEYWORDS@", _keywords()) + _replies() + _TAIL
