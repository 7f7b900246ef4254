"""What the keys of one table must be to each other. Pure.

Each rule looks at the table as it stands in the file and passes over values of the wrong form, which
have a problem of their own: so that one mistake never hides another. A problem is its place below
the table, and a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args
from urllib.parse import urlsplit

from smsgate import wording
from smsgate.config_report import show_value
from smsgate.settings import BackendField

Problem = tuple[tuple[str | int, ...], str]
Table = Mapping[str, Any]

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
# what each address of a backend may have in braces
URL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "url": (),
    "find_url": ("{reference}",),
    "add_url": ("{reference}", "{tracking_id}"),
    "status_url": ("{reference}", "{tracking_id}"),
}
_PREFIX, _NUMBER, _INSTITUTION = (
    "BTM",
    "1708",
    "Pemko Batam",
)  # where the file's are wrong themselves


def service_problems(service: Table) -> Iterator[Problem]:
    """Find words that stand twice, and reply texts that cannot be sent."""
    for key in ("prefixes", "backends"):
        words = service.get(key)
        if _is_doubled(words):
            yield (key,), f"expected each one once (got {show_value(key, words)})"
    yield from _keyword_problems(service)
    yield from _text_problems(service, "replies", wording.DEFAULT_TEXTS)
    if service.get("is_english_answered") is True:
        yield from _text_problems(service, "replies_en", wording.DEFAULT_TEXTS_EN)


def modem_problems(modem: Table) -> Iterator[Problem]:
    """Find a memory that stands twice."""
    memories = modem.get("memories")
    if _is_doubled(memories):
        yield ("memories",), f"expected each memory once (got {show_value('memories', memories)})"


def backend_problems(backend: Table) -> Iterator[Problem]:
    """Find addresses that show complaints to the network or lack a field, and fields in one place."""
    fields = backend.get("fields")
    yield from _place_problems(fields if isinstance(fields, dict) else {})
    is_open_allowed = backend.get("is_plain_http_allowed") is True
    for key, known in URL_FIELDS.items():
        url = backend.get(key)
        if not isinstance(url, str):
            continue
        got = f"(got {show_value(key, url)})"
        if key == "find_url" and "{reference}" not in url:
            yield (key,), f"expected {{reference}} in it {got}"
        if key == "status_url" and not any(field in url for field in known):
            yield (key,), f"expected {{reference}} or {{tracking_id}} in it {got}"
        if _has_other_braces(url, known):
            expected = f"only {' and '.join(known)}" if known else "nothing"
            yield (key,), f"expected {expected} in braces {got}"
        if _is_open(url) and not is_open_allowed:
            yield (
                (key,),
                "expected https: plain http shows complaints to the network "
                f"(is_plain_http_allowed = true permits it) {got}",
            )


def _is_doubled(words: object) -> bool:
    if not isinstance(words, list):
        return False
    folded = [word.casefold() for word in words if isinstance(word, str)]
    return len(set(folded)) < len(folded)


def _is_open(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False  # no address at all
    return parts.scheme == "http" and bool(parts.hostname) and parts.hostname not in LOCAL_HOSTS


def _has_other_braces(url: str, known: tuple[str, ...]) -> bool:
    for field in known:
        url = url.replace(field, "")
    return "{" in url or "}" in url


def _place_problems(fields: Table) -> Iterator[Problem]:
    """Find a field that is put where another is, or inside it. Our own names have no dots: what they
    collide with was renamed.
    """
    ours = get_args(BackendField)
    places = {name: fields.get(name, name) for name in ours}
    for name in ours:
        place = fields.get(name)
        if not isinstance(place, str) or not place:
            continue
        others = (
            other
            for other, above in places.items()
            if other != name and isinstance(above, str) and above and _is_within(place, above)
        )
        taken_by = next(others, None)
        if taken_by is not None:
            got = f'(got "{place}", which is that of {taken_by})'
            yield ("fields", name), f"expected a place of its own {got}"


def _is_within(place: str, above: str) -> bool:
    return place == above or place.startswith(f"{above}.")


def _keyword_problems(service: Table) -> Iterator[Problem]:
    """Find a word that would act in two ways."""
    written = service.get("keywords")
    own = written if isinstance(written, dict) else {}
    taken: dict[str, str] = {}
    for key, default in wording.DEFAULT_KEYWORDS.items():
        words = own.get(key, default)
        for word in words if isinstance(words, list | tuple) else ():
            if not isinstance(word, str):
                continue
            other = taken.setdefault(word.casefold(), key)
            if other != key:
                yield ("keywords", key), f'expected no word of {other} (got "{word}")'


def _text_problems(service: Table, language: str, defaults: Mapping[str, str]) -> Iterator[Problem]:
    written = service.get(language)
    own = written if isinstance(written, dict) else {}
    for kind, default in defaults.items():
        template = own.get(kind, default)
        if not isinstance(template, str):
            continue
        fault = wording.find_fault(kind, _fill(template, service))
        if fault is not None and kind not in own:
            fault += "; this is the default text: write another, or a shorter institution"
        if fault is not None:
            yield (language, kind), fault


def _fill(template: str, service: Table) -> str:
    prefixes = service.get("prefixes")
    words = [w for w in prefixes if isinstance(w, str)] if isinstance(prefixes, list) else []
    number, institution = service.get("number"), service.get("institution")
    return wording.fill_service_fields(
        template,
        prefix=words[0] if words else _PREFIX,
        number=number if isinstance(number, str) else _NUMBER,
        our_institution=institution if isinstance(institution, str) else _INSTITUTION,
    )
