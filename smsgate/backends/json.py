"""The generic JSON backend: one signed POST for each complaint, in names of the city's choosing.

A request:

    POST url
    Content-Type: application/json
    Authorization: Bearer TOKEN
    Idempotency-Key: KEY                  the same for every attempt at one complaint
    X-Smsgate-Timestamp: 1767225600       seconds, UTC
    X-Smsgate-Signature: sha256=HEX       HMAC-SHA256, over TIMESTAMP "." BODY

The answer is a JSON object that has the tracking id in `tracking_field`; null there, or an empty
202 or 204, says that it has none yet. Any other 2xx is out of contract.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, get_args
from urllib.parse import quote, urlsplit

import structlog
from msgspec import field

from hardware.discreet import Discreet
from smsgate.backends import (
    Accepted,
    Found,
    Held,
    LookupOutcome,
    NotFound,
    Outcome,
    TryLater,
    Unknown,
)
from smsgate.backends.progress import Progress, ProgressOutcome, ProgressWords, read_status
from smsgate.backends.statuses import classify, doubt
from smsgate.clock import Clock
from smsgate.errors import ConfigError
from smsgate.http import (
    Answer,
    BodyEnd,
    HttpClient,
    HttpLimits,
    HttpResult,
    NeverSent,
    PerhapsTaken,
    make_tls,
)
from smsgate.records import ComplaintStatus, ForwardedComplaint
from smsgate.settings import BackendField

log = structlog.get_logger(__name__)

TRACKING_ID_LENGTH_MAX = 64  # it goes into an SMS and onto paper
OUT_OF_CONTRACT = "the answer does not fit the contract"
COMPLAINT_FIELDS: tuple[str, ...] = get_args(BackendField)


class JsonContract(Discreet, frozen=True):
    """What was agreed with the backend.

    `fields` renames: ours → theirs, where a dot makes an object (`reporter.phone`) and "" leaves a
    field out; what it does not name keeps our name. `tracking_field` is where the answer has the
    tracking id (dots again); "" expects none, and takes any 2xx. `find_url` has `{reference}`;
    `add_url` may have `{reference}` and `{tracking_id}`, and is `url` where not given. `status_url` has
    one of them and answers with how far a complaint is: of that only `status_field`, `answer_field` and
    `unit_field` are looked at, so that private notes go nowhere; `statuses` are words of the backend's own.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"token", "secret"})

    name: str
    url: str
    token: str | None = None
    secret: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    tracking_field: str = "tracking_id"
    find_url: str | None = None
    add_url: str | None = None
    honours_idempotency_keys: bool = True
    settle_s: float = 60.0
    status_url: str | None = None
    status_field: str = "status"
    answer_field: str = "answer"
    unit_field: str = "unit"
    statuses: Mapping[str, ComplaintStatus] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigError for what could only fail later, with a complaint in hand."""
        urls = {
            "url": self.url,
            "find_url": self.find_url,
            "add_url": self.add_url,
            "status_url": self.status_url,
        }
        problems = [
            f"{name}: expected http:// or https:// and a host"
            for name, url in urls.items()
            if url is not None and not is_http_url(url)
        ]
        if self.find_url is not None and "{reference}" not in self.find_url:
            problems.append("find_url: expected {reference} in it")
        if self.token is not None and not is_header_word(self.token):
            problems.append("token: expected printable ASCII without spaces")
        problems += check_fields(self.fields)
        if problems:
            raise ConfigError([f"backend {self.name!r}: {problem}" for problem in problems])


class _Content(Discreet, frozen=True):
    """The JSON of an answer to a question; None where it was none."""

    hidden: ClassVar[frozenset[str]] = frozenset({"content"})

    content: Any


class JsonBackend:
    """A complaint system that speaks our JSON contract. One thread calls; any may `abort`."""

    def __init__(self, contract: JsonContract, *, http: HttpClient, clock: Clock) -> None:
        self.name = contract.name
        self.honours_idempotency_keys = contract.honours_idempotency_keys
        self.can_be_asked = contract.find_url is not None
        self.settle_s = contract.settle_s
        self.request_deadline_s = http.limits.total_s
        self._contract = contract
        self._http = http
        self._clock = clock

    def forward(self, complaint: ForwardedComplaint, *, idempotency_key: str) -> Outcome:
        """Hand over a complaint."""
        content = {"kind": "complaint", **describe(complaint)}
        result = self._post(self._contract.url, content, idempotency_key)
        return self._outcome(result, is_id_due=bool(self._contract.tracking_field))

    def add(
        self,
        complaint: ForwardedComplaint,
        text: str,
        *,
        tracking_id: str | None,
        idempotency_key: str,
    ) -> Outcome:
        """Hand over an addition: the complaint's fields with the added text, and its tracking
        id."""
        url = fill(
            self._contract.add_url or self._contract.url,
            reference=complaint.reference,
            tracking_id=tracking_id or "",
        )
        content = {"kind": "addition", **describe(complaint), "text": text}
        if tracking_id is not None:
            content["tracking_id"] = tracking_id
        return self._outcome(self._post(url, content, idempotency_key), is_id_due=False)

    def find(self, reference: str) -> LookupOutcome:
        """Ask for our reference.

        Believed are only entries that name this very reference: a server that ignores the question
        would answer with everybody's. A 404 counts as `not there` only in JSON: a web server's own
        page says that the address is wrong.
        """
        assert self._contract.find_url is not None
        looked = self._look_up(fill(self._contract.find_url, reference=reference), "find_url")
        if not isinstance(looked, _Content):
            return looked
        return self._found(looked.content, reference)

    def look_up_progress(self, reference: str, tracking_id: str | None) -> ProgressOutcome:
        """Ask how far a complaint is. Believed is only an entry that names our reference or the tracking id."""
        assert self._contract.status_url is not None
        if tracking_id is None and "{tracking_id}" in self._contract.status_url:
            return NotFound()  # it has no name there yet
        url = fill(self._contract.status_url, reference=reference, tracking_id=tracking_id or "")
        looked = self._look_up(url, "status_url")
        if not isinstance(looked, _Content):
            return looked
        contract = self._contract
        name = contract.fields.get("reference") or "reference"
        entries = [
            entry
            for entry in unfold(looked.content, name)
            if str(pick(entry, name)) == reference
            or (tracking_id and str(pick(entry, contract.tracking_field)) == tracking_id)
        ]
        # additions to a complaint are entries, too, and have no status
        told = [entry for entry in entries if has_field(entry, contract.status_field)]
        if not entries:
            return NotFound()
        if not told or pick(told[0], contract.status_field) is None:
            return NotFound()  # nobody has looked at it
        return read_progress(told[0], contract) or Held(f"status_url: {OUT_OF_CONTRACT}")

    def _look_up(self, url: str, what: str) -> _Content | NotFound | TryLater | Held:
        """Ask with GET; return the JSON that came."""
        result = self._http.request("GET", url, headers=self._headers())
        if not isinstance(result, Answer):
            return TryLater(result.reason)
        outcome = classify(result.status, retry_after_s=result.retry_after_s)
        if isinstance(outcome, TryLater):
            return outcome
        content = read_json(result)
        if result.body_end is BodyEnd.CUT:
            return TryLater(f"HTTP {result.status}, cut off")
        if result.status == 404 and content is not None:
            return NotFound()
        if not isinstance(outcome, Accepted):
            return Held(f"HTTP {result.status} from {what}")
        return _Content(content)

    def abort(self) -> None:
        """End the request in hand, from any thread."""
        self._http.abort()

    def close(self) -> None:
        """Free the connection."""
        self._http.close()

    def _post(self, url: str, content: Mapping[str, Any], idempotency_key: str) -> HttpResult:
        body = json.dumps(
            rename(content, self._contract.fields), ensure_ascii=False, separators=(",", ":")
        ).encode(
            "utf-8", "backslashreplace"
        )  # the store keeps no lone surrogates; a mistake there must not stop us
        headers = self._headers()
        headers["Content-Type"] = "application/json"
        headers["Idempotency-Key"] = idempotency_key
        if self._contract.secret is not None:
            timestamp = str(int(self._clock.now().timestamp()))
            headers["X-Smsgate-Timestamp"] = timestamp
            headers["X-Smsgate-Signature"] = sign(self._contract.secret, timestamp, body)
        return self._http.request("POST", url, headers=headers, body=body)

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "smsgate",
        }
        if self._contract.token is not None:
            headers["Authorization"] = f"Bearer {self._contract.token}"
        return headers

    def _outcome(self, result: HttpResult, *, is_id_due: bool) -> Outcome:
        if isinstance(result, NeverSent):
            return TryLater(result.reason)
        if isinstance(result, PerhapsTaken):
            return Unknown(result.reason)
        outcome = classify(result.status, retry_after_s=result.retry_after_s)
        if isinstance(outcome, Accepted):
            outcome = self._acceptance(result, is_id_due=is_id_due)
        if self.honours_idempotency_keys:
            return outcome
        return doubt(result.status, outcome)

    def _acceptance(self, answer: Answer, *, is_id_due: bool) -> Outcome:
        """Look at the body of a 2xx."""
        if answer.body_end is BodyEnd.CUT:
            return Unknown(f"HTTP {answer.status}, then the answer was cut off")
        content = read_json(answer)
        tracking_id = pick(content, self._contract.tracking_field)
        if is_tracking_id(tracking_id):
            return Accepted(str(tracking_id))
        is_empty = answer.body_end is BodyEnd.WHOLE and not answer.body.strip()
        has_null = tracking_id is None and has_field(content, self._contract.tracking_field)
        if not is_id_due or has_null or (is_empty and answer.status in (202, 204)):
            return Accepted()
        reason = f"HTTP {answer.status}: {OUT_OF_CONTRACT}"
        # It said yes. Whoever knows no keys would get it twice after the hold.
        return Held(reason) if self.honours_idempotency_keys else Unknown(reason)

    def _found(self, content: Any, reference: str) -> LookupOutcome:
        name = self._contract.fields.get("reference") or "reference"
        entries = unfold(content, name)
        if not all(isinstance(entry, dict) and has_field(entry, name) for entry in entries):
            return Held(f"find_url: {OUT_OF_CONTRACT}")
        ours = [entry for entry in entries if str(pick(entry, name)) == reference]
        if not ours:
            return NotFound()
        if len(ours) > 1:
            log.error("complaint_doubled_at_backend", backend=self.name, reference=reference)
        tracking_id = pick(ours[0], self._contract.tracking_field)
        return Found(str(tracking_id) if is_tracking_id(tracking_id) else None)


def read_progress(entry: Any, words: ProgressWords) -> Progress | None:
    """Return how far a complaint is by what a backend says of it; None where it says no status."""
    raw = pick(entry, words.status_field)
    if not isinstance(raw, str) or not raw.strip():
        return None
    answer, unit = _words(entry, words.answer_field), _words(entry, words.unit_field)
    status = read_status(raw, words.statuses, has_answer=answer is not None)
    return Progress(status, raw.strip(), answer, unit)


def open_json_backend(
    contract: JsonContract, *, clock: Clock, timeout_s: float = 20.0, ca_file: Path | None = None
) -> JsonBackend:
    """Build the backend with a client of its own. Raises OSError where `ca_file` cannot be used.

    Without keys a connection is never used twice: a request into a connection that is just being
    closed would be one in doubt, for a person to clear up.
    """
    limits = HttpLimits(
        connect_s=min(5.0, timeout_s),
        read_s=timeout_s,
        write_s=timeout_s,
        total_s=timeout_s,
        keep_alive_s=4.0 if contract.honours_idempotency_keys else 0.0,
    )
    urls = (
        contract.url,
        *(u or "" for u in (contract.find_url, contract.add_url, contract.status_url)),
    )
    is_tls = any(url.lower().startswith("https:") for url in urls)
    tls = make_tls(ca_file) if is_tls else None
    http = HttpClient(clock=clock, limits=limits, tls=tls)
    return JsonBackend(contract, http=http, clock=clock)


def describe(complaint: ForwardedComplaint) -> dict[str, Any]:
    """Return what a backend is told of a complaint, under our names.

    The sender's number is left out where it must not go.
    """
    content: dict[str, Any] = {
        "reference": complaint.reference,
        "text": complaint.text,
        "received_at": complaint.received_at.isoformat(),
        "confidential": complaint.is_confidential,
        "anonymous": complaint.is_anonymous,
        "urgent": complaint.is_urgent,
        "prefix": complaint.prefix,
        "service": complaint.service,
        "service_number": complaint.service_number,
    }
    if complaint.sent_at is not None:
        content["sent_at"] = complaint.sent_at.isoformat()
    is_shown = not (complaint.is_confidential or complaint.is_anonymous)
    if complaint.sender is not None and is_shown:
        content["sender"] = complaint.sender
    return content


def is_http_url(url: str) -> bool:
    """Whether a request can go there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_header_word(word: str) -> bool:
    """Whether a word can stand in a header as it is."""
    return word.isascii() and word.isprintable() and " " not in word and bool(word)


def check_fields(fields: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a renaming: names we do not have, two fields in one place."""
    problems = [
        f"fields.{name}: no such field (ours are {', '.join(COMPLAINT_FIELDS)})"
        for name in fields
        if name not in COMPLAINT_FIELDS
    ]
    places = [(name, fields.get(name, name)) for name in COMPLAINT_FIELDS if fields.get(name, name)]
    for name, place in places:
        for other, above in places:
            if name != other and (place == above or place.startswith(above + ".")):
                problems.append(f"fields.{name}: {place!r} is taken by {other}")
    return problems


def rename(content: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the content under the backend's names.

    A dot in a name makes an object; an empty name leaves the field out.
    """
    renamed: dict[str, Any] = {}
    for ours, value in content.items():
        theirs = fields.get(ours, ours)
        if not theirs:
            continue
        *path, last = theirs.split(".")
        place = renamed
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return renamed


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature header over timestamp and body."""
    signed = timestamp.encode("ascii") + b"." + body
    return "sha256=" + hmac.new(secret.encode("utf-8"), signed, hashlib.sha256).hexdigest()


def fill(template: str, **values: str) -> str:
    """Put values into a URL, percent-encoded. Other braces stay as they are."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template


def read_json(answer: Answer) -> Any:
    """Return the JSON of an answer, or None where there is none that we can read."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def unfold(content: Any, name: str) -> list[Any]:
    """Return the entries of an answer: a list, an object with one list in it, or a lone entry."""
    if isinstance(content, list):
        return content
    if isinstance(content, dict) and not has_field(content, name):
        lists = [value for value in content.values() if isinstance(value, list)]
        if len(lists) == 1:
            return lists[0]
    return [content]


def pick(content: Any, path: str) -> Any:
    """Return what a dotted path leads to, or None."""
    for step in path.split("."):
        content = content.get(step) if isinstance(content, dict) else None
    return content


def has_field(content: Any, path: str) -> bool:
    """Whether a dotted path leads anywhere, null included."""
    *path_above, last = path.split(".")
    place = pick(content, ".".join(path_above)) if path_above else content
    return isinstance(place, dict) and last in place


def _words(entry: Any, path: str) -> str | None:
    """Return the text at a dotted path; None where there is none, or the path is empty."""
    value = pick(entry, path) if path else None
    return value.strip() or None if isinstance(value, str) else None


def is_tracking_id(value: Any) -> bool:
    """Whether a value can stand as a tracking id: a whole number, or a short printable word."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    word = str(value)
    return 0 < len(word) <= TRACKING_ID_LENGTH_MAX and word.isprintable() and not word.isspace()
