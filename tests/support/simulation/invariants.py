"""What must hold after every history, whatever went wrong in it (design.md section 1)."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator

from simulation.citizens import COMPLAINING, Intent, Key, Sms
from simulation.complaint_server import BackendKind, ScriptedBackend
from simulation.evidence import Evidence

from hardware.sms import Stat

RECEIPTS = ("ack", "ack_rahasia", "ack_anonim", "emergency")
OVER_LIMIT = "limit"  # who has sent very many gets this once in place of further receipts
BECOMES: dict[Intent, set[str]] = {
    Intent.FOLLOW_UP: {"follow-up"},
    Intent.STATUS: {"query"},
    Intent.HELP: {"query"},
    Intent.TEST: {"test"},
    Intent.OPT_OUT: {"opt-out"},
    Intent.UNPREFIXED: {"triage", "follow-up"},  # soon after a complaint it belongs to that
    Intent.NOTICE: {"operator notice"},
    Intent.OCTETS: {"undecodable"},
}
_SENT = ("submitted", "delivered")


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise, one sentence each."""
    found: list[str] = list(evidence.crashes)
    for check in (
        _parts,
        _messages,
        _complaints,
        _forwards,
        _replies,
        _receipts,
        _intents,
        _dispositions,
        _modems,
        _certainty,
    ):
        found += check(evidence)
    return found


def misread(evidence: Evidence) -> list[str]:
    """Name the SMS that were changed on the serial line into other valid ones: the one exception to the promises."""
    stored = _stored(evidence)
    return [
        f"line {sent[0]}: {sent[1].hex()[:12]} was read as {read[1].hex()[:12]}"
        for sent, read in evidence.altered
        if stored[read]
    ]


def _stored(evidence: Evidence) -> Counter[Key]:
    rows = evidence.rows("SELECT line, key FROM part")
    return Counter((row["line"], bytes(row["key"])) for row in rows)


def _parts(evidence: Evidence) -> Iterator[str]:
    """Each TPDU that a modem was handed is in the store once."""
    stored = _stored(evidence)
    as_sent = {sent for sent, read in evidence.altered if stored[read]}
    as_read = {read for _, read in evidence.altered}
    for key in evidence.handed_over:
        if not stored[key] and key not in as_sent | evidence.replaced | set(evidence.taken_along):
            yield f"LOST: the TPDU {_short(key)} is not in the store"
        least = evidence.undated_least[key] - evidence.taken_along[key]
        if 0 < stored[key] < least and key not in as_sent:
            yield f"LOST: of {least} alike without a date, {_short(key)}, {stored[key]} are in the store"
    octets = _direct_octets(evidence)
    for key, count in stored.items():
        if key in octets:
            continue
        most = evidence.handed_over[key] if key in evidence.undated else 1
        if key not in as_read and key not in evidence.shown and not evidence.handed_over[key]:
            yield f"INVENTED: the part {_short(key)} was never handed over"
        elif count > max(most, 1):
            yield f"DOUBLED: the TPDU {_short(key)} is in the store {count} times"


def _direct_octets(evidence: Evidence) -> set[Key]:
    """What was handed over directly and is no PDU (text mode, or cut by noise): kept as often as it was said, for no
    acknowledgement ends it, and never a complaint.
    """
    rows = evidence.rows("SELECT line, key FROM part WHERE is_damaged AND memory = 'CMT'")
    return {(row["line"], bytes(row["key"])) for row in rows}


def _short(key: Key) -> str:
    return f"{key[1].hex()[:12]} of line {key[0]}"


def _messages(evidence: Evidence) -> Iterator[str]:
    """The TPDUs of one SMS are one SMS in the store, with the text that was sent; those of two are two."""
    touched = {key for pair in evidence.altered for key in pair}
    sms_of = {
        (row["line"], bytes(row["key"])): row["sms_id"]
        for row in evidence.rows("SELECT line, key, sms_id FROM part")
    }
    texts = {row["id"]: row["text"] for row in evidence.rows("SELECT id, text FROM sms")}
    owners: dict[int, int] = {}
    for sms in evidence.sent:
        keys = sms.keys
        if touched.intersection(keys) or not all(key in sms_of for key in keys):
            continue
        ids = {sms_of[key] for key in keys}
        if len(ids) != 1:
            yield f"SPLIT: the parts of SMS {sms.number} are {len(ids)} SMS in the store"
        for sms_id in ids:
            other = owners.setdefault(sms_id, sms.number)
            if other != sms.number:
                yield f"MIXED: SMS {other} and {sms.number} are one SMS in the store"
            if sms.text and not sms.has_lost_part and texts[sms_id] != sms.text:
                yield f"CHANGED: SMS {sms.number} has another text in the store"


def _complaints(evidence: Evidence) -> Iterator[str]:
    """Each complaint that somebody made is one complaint, however often it was sent; and there are no others."""
    touched = {key for pair in evidence.altered for key in pair} | evidence.excused
    touched |= set(evidence.taken_along)
    became_of: dict[Key, list[str]] = defaultdict(list)
    for row in evidence.rows(
        "SELECT part.line, key, disposition FROM part JOIN sms ON sms.id = part.sms_id"
    ):
        became_of[row["line"], bytes(row["key"])].append(row["disposition"])
    said: dict[tuple[str, str], list[Sms]] = defaultdict(list)
    for sms in evidence.sent:
        if sms.intent in COMPLAINING:
            said[sms.sender, sms.text].append(sms)
    for messages in said.values():
        keys = [key for sms in messages for key in sms.keys]
        if touched.intersection(keys) or not all(sms.is_on_time for sms in messages):
            continue
        became = Counter(word for sms in messages for word in became_of[sms.keys[0]] or ["nothing"])
        if became != +Counter({"complaint": 1, "repeat": became.total() - 1}):
            numbers = ", ".join(str(sms.number) for sms in messages)
            yield f"MISFILED: the complaint of SMS {numbers} became {dict(became)}"


def _forwards(evidence: Evidence) -> Iterator[str]:
    """Each complaint, and each addition, is at each backend once; or it is left to a person, with its reason."""
    rows = evidence.rows("SELECT reference, body FROM complaint")
    bodies = {row["reference"]: row["body"] for row in rows}
    for backend in evidence.backends:
        rows = evidence.rows(
            "SELECT forward.*, reference FROM forward JOIN complaint ON complaint.id = complaint_id"
            " WHERE backend = ? ORDER BY forward.id",
            backend.name,
        )
        if sum(row["kind"] == "create" for row in rows) != len(bodies):
            yield f"UNSENT: not every complaint has a forward to {backend.name}"
        blocked: set[str] = set()
        for row in rows:
            yield from _forward(evidence, backend, row, blocked)
        for taken in backend.taken:
            if taken.reference not in bodies:
                yield f"INVENTED: {backend.name} has {taken.reference}, which the store does not"
            elif taken.kind == "create" and taken.text != bodies[taken.reference]:
                yield f"CHANGED: {backend.name} has another text of {taken.reference}"


def _forward(
    evidence: Evidence, backend: ScriptedBackend, row: sqlite3.Row, blocked: set[str]
) -> Iterator[str]:
    state, name = row["state"], f"{row['kind']} {row['reference']} to {backend.name}"
    if row["kind"] == "create":
        count = sum(t.kind == "create" and t.reference == row["reference"] for t in backend.taken)
    else:
        count = sum(t.key == row["idempotency_key"] for t in backend.taken)
    if count > 1:
        yield f"DOUBLED: {name} was taken {count} times ({state})"
    if state == "forwarded":
        if count == 0:
            yield f"LOST: {name} is said to be forwarded, and was not"
    elif state == "refused":
        if count or row["idempotency_key"] not in backend.refused:
            yield f"UNSENT: {name} is said to be refused, and was not"
        if row["kind"] == "create":
            blocked.add(row["reference"])
    elif state == "unconfirmed":
        yield from _parked(evidence, backend, row, name)
        blocked.add(row["reference"])
    elif state != "due" or row["kind"] == "create" or row["reference"] not in blocked:
        yield f"STUCK: {name} is still {state}"


def _parked(
    evidence: Evidence, backend: ScriptedBackend, row: sqlite3.Row, name: str
) -> Iterator[str]:
    if not row["reason"]:
        yield f"UNEXPLAINED: {name} is left to a person without a reason"
    is_clearable = backend.kind is BackendKind.HONOURS_KEYS or (
        backend.kind is BackendKind.CAN_BE_ASKED and row["kind"] == "create"
    )
    if is_clearable:
        yield f"PARKED: {name} is left to a person ({row['reason']}), and the backend {backend.kind}"
    was_lost = (
        row["idempotency_key"] in backend.lost_answers or row["id"] in evidence.doubts.forwards
    )
    if not was_lost:
        yield f"PARKED: {name} is left to a person, and no answer was lost"


def _replies(evidence: Evidence) -> Iterator[str]:
    """A reply is sent once; or nobody knows, and it is never sent again; or it is not sent at all."""
    sure: Counter[tuple[str, str]] = Counter()
    perhaps: Counter[tuple[str, str]] = Counter()
    for row in evidence.rows("SELECT * FROM reply"):
        place = (row["recipient"], row["text"])
        if row["state"] in _SENT:
            sure[place] += 1
        elif row["state"] == "unconfirmed":
            perhaps[place] += 1
            if row["id"] not in evidence.doubts.replies:
                yield f"UNCONFIRMED: reply {row['id']} is in doubt for no reason ({row['reason']})"
        elif row["state"] == "undelivered":
            perhaps[place] += 1  # a part of it may never have gone
        elif row["state"] == "suppressed":
            if not row["reason"]:
                yield f"UNEXPLAINED: reply {row['id']} was not sent, for no reason"
        else:  # expired, too: everything has worked for long
            yield f"STUCK: reply {row['id']} is still {row['state']}"
    arrived = Counter(evidence.submitted)
    for place in sure | perhaps | arrived:
        count, least = arrived[place], sure[place]
        most = least + perhaps[place]
        if count < least:
            yield f"LOST: a reply is said to be submitted {least} times, and the SMSC has {count}"
        if count > most:
            yield f"DOUBLED: a reply went out {count} times, and the store knows of {most}"


def _receipts(evidence: Evidence) -> Iterator[str]:
    """Each complaint has one receipt, of its own: to who sent it, with its reference. None has two.

    That none is sent before its complaint is stored is looked at when it is sent (`Evidence.unclaimed`).
    """
    yield from evidence.unclaimed
    arrived = Counter(evidence.submitted)
    marks = ", ".join("?" for _ in RECEIPTS)
    limited = evidence.rows("SELECT recipient FROM reply WHERE kind = ?", OVER_LIMIT)
    over_limit = {row["recipient"] for row in limited}
    for complaint in evidence.rows("SELECT id, reference, identity, sender FROM complaint"):
        rows = evidence.rows(
            f"SELECT recipient, text FROM reply WHERE complaint_id = ? AND kind IN ({marks})",
            complaint["id"],
            *RECEIPTS,
        )
        name = f"complaint {complaint['reference']}"
        if len(rows) != 1 and (rows or complaint["sender"] not in over_limit):
            yield f"RECEIPT: {name} has {len(rows)}"
        for row in rows:
            # who it is, in whatever form: noise on the line may have changed how the number was written
            is_theirs = row["recipient"] in (complaint["identity"], complaint["sender"])
            if not is_theirs or complaint["reference"] not in row["text"]:
                yield f"RECEIPT: that of {name} is somebody else's"
        count = sum(arrived[place] for place in {(row["recipient"], row["text"]) for row in rows})
        if count > 1:
            yield f"DOUBLED: {count} receipts for {name}"


def _intents(evidence: Evidence) -> Iterator[str]:
    """What is no complaint became what it was meant to be."""
    touched = {key for pair in evidence.altered for key in pair} | evidence.excused
    became = {
        (row["line"], bytes(row["key"])): row["disposition"]
        for row in evidence.rows(
            "SELECT part.line, key, disposition FROM part JOIN sms ON sms.id = part.sms_id"
        )
    }
    for sms in evidence.sent:
        expected = BECOMES.get(sms.intent)
        if expected is None or not sms.is_on_time or touched.intersection(sms.keys):
            continue
        words = {became[key] for key in sms.keys if key in became}
        if not words <= expected:
            yield f"MISFILED: SMS {sms.number} ({sms.intent}) became {', '.join(sorted(words))}"


def _dispositions(evidence: Evidence) -> Iterator[str]:
    """Every SMS has one disposition, none waits, and the figures add up."""
    for row in evidence.rows(
        "SELECT id, state, disposition FROM sms WHERE state = 'waiting' OR disposition IS NULL"
    ):
        yield f"STUCK: SMS row {row['id']} is {row['state']} with disposition {row['disposition']}"
    for row in evidence.rows("SELECT id, reason FROM sms WHERE disposition = 'quarantined'"):
        yield f"QUARANTINED: SMS row {row['id']} tripped a mistake of ours ({row['reason']})"
    (total,) = evidence.rows("SELECT count(*) AS n FROM sms")
    (parts,) = evidence.rows("SELECT count(*) AS n FROM part")
    for imbalance in evidence.ledger.imbalances if evidence.ledger is not None else ():
        yield f"LEDGER: {imbalance.count} {imbalance.what} (the first is {imbalance.first})"
    counts = evidence.counts
    if counts is not None and sum(counts.sms.values()) != total["n"]:
        yield f"FIGURES: {sum(counts.sms.values())} SMS by disposition, {total['n']} in the store"
    if counts is not None and counts.parts != parts["n"]:
        yield f"FIGURES: {counts.parts} parts counted, {parts['n']} in the store"
    (orphans,) = evidence.rows(
        "SELECT count(*) AS n FROM sms WHERE id NOT IN (SELECT sms_id FROM part)"
    )
    if orphans["n"]:
        yield f"INVENTED: {orphans['n']} SMS without a part"


def _modems(evidence: Evidence) -> Iterator[str]:
    """Nothing is left on the SIM or at the SMSC, and what others keep on the SIM is as it was."""
    for number, memory in enumerate(evidence.memories):
        if memory.received and not memory.is_out:
            yield f"LEFT: {len(memory.received)} SMS are still in memory {number}"
    drafts = {
        (number, index): message.pdu.hex
        for number, memory in enumerate(evidence.memories)
        for index, message in memory.slots.items()
        if message.stat not in (Stat.REC_UNREAD, Stat.REC_READ)
    }
    if drafts != evidence.drafts:
        yield "DRAFTS: what others keep on the SIM was changed"
    if evidence.changed_smsc:
        yield "SMSC: its number on a SIM was changed"
    if evidence.waiting_at_smsc:
        yield f"LEFT: {evidence.waiting_at_smsc} SMS are still at the SMSC"


def _certainty(evidence: Evidence) -> Iterator[str]:
    """Where nothing went wrong nothing is in doubt, and nothing was seen twice but what was sent twice."""
    if not evidence.is_sound:
        return
    for table in ("reply", "forward"):
        for row in evidence.rows(f"SELECT id, state FROM {table} WHERE state = 'unconfirmed'"):
            yield f"DOUBTED: {table} {row['id']}, and nothing went wrong"
    if evidence.ledger is not None and evidence.ledger.sightings:
        yield f"SEEN AGAIN: {evidence.ledger.sightings} times, and nothing went wrong"
