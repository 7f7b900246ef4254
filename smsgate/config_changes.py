"""What a reload changes: which keys are in force at once, and which wait for a restart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from smsgate.settings import Settings

# Of each service, what the daemon takes over while it runs; see README, "On a gateway host".
LIVE_SERVICE_KEYS = frozenset(
    {
        "prefixes",
        "institution",
        "timezone",
        "is_unprefixed_complaint",
        "reply_abroad",
        "is_registered_sent",
        "is_place_asked",
        "is_english_answered",
        "places",
        "repeat_window_h",
        "receipt_expiry_h",
        "notice_expiry_h",
        "answer_window_h",
        "follow_up_working_days",
        "reopen_working_days",
        "holidays",
        "keywords",
        "limits",
        "replies",
        "replies_en",
    }
)
_LISTS: Mapping[str, str] = {"services": "service", "modems": "modem", "backends": "backend"}
_SECRET_KEYS: Mapping[str, tuple[str, ...]] = {"modem": ("pin",), "backend": ("token", "secret")}


class Changes(Struct, frozen=True):
    """Keys whose values differ, such as `service.btm.prefixes`; a whole table as `modem.m2 (new)`."""

    live: tuple[str, ...]
    at_restart: tuple[str, ...]


def find_changes(old: Settings, new: Settings) -> Changes:
    """Return what differs between two configurations. Secrets are compared and not told."""
    keys = list(_changed_keys(old, new))
    live = tuple(key for key in keys if _is_live(key))
    return Changes(live, tuple(key for key in keys if not _is_live(key)))


def _is_live(key: str) -> bool:
    table, _, rest = key.partition(".")
    if table == "service":
        # a name may have dots, a key has none
        return rest.rpartition(".")[2] in LIVE_SERVICE_KEYS
    return key == "logs.level"


def _changed_keys(old: Settings, new: Settings) -> Iterator[str]:
    for name in Settings.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if name not in _LISTS:
            yield from _changed_in(name, before.model_dump(), after.model_dump())
            continue
        table = _LISTS[name]
        had = {entry.name: entry.model_dump() for entry in before}
        has = {entry.name: entry.model_dump() for entry in after}
        for entry in sorted(had.keys() | has.keys()):
            place = f"{table}.{entry}"
            if entry not in had or entry not in has:
                yield f"{place} ({'removed' if entry in had else 'new'})"
                continue
            yield from _changed_in(place, had[entry], has[entry])
            for key in _SECRET_KEYS.get(table, ()):
                if old.secret(f"{place}.{key}") != new.secret(f"{place}.{key}"):
                    yield f"{place}.{key}"
    if old.secret("store.password") != new.secret("store.password"):
        yield "store.password"


def _changed_in(place: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key, value in after.items():
        if before[key] != value:
            yield f"{place}.{key}"
