"""The frozen models of the configuration: every key, its form, its bounds and its default.

What each key means and why its default is what it is stands in the example file (`smsgate config
example`). Here each value is held to its form; what keys and tables must be to each other, secrets
and the environment are the business of `config.load`, which is how a `Settings` is made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from hardware.facts import USUAL_PORTS
from smsgate.records import ComplaintStatus
from smsgate.settings_texts import KeywordSettings, ReplyTexts, ReplyTextsEn
from smsgate.settings_texts import Table as _Table
from smsgate.wording import DEFAULT_TEXTS, fill_service_fields

SOCKET_PATH_LENGTH_MAX = 107  # sun_path of unix(7), less its final NUL
CONTROL_SOCKET = "control.sock"

# What a complaint can give to a backend; the left side of `[backend.fields]`.
BackendField = Literal[
    "kind",
    "reference",
    "text",
    "received_at",
    "sent_at",
    "sender",
    "confidential",
    "anonymous",
    "urgent",
    "prefix",
    "service",
    "service_number",
    "tracking_id",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9]{1,11}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+):(?P<port>[0-9]{1,5})")


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("expected 1 to 32 letters, digits, points, dashes and underscores")
    return value


def _check_prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ValueError("expected 2 to 12 letters and digits, a letter first")
    return value


def _check_place(value: str) -> str:
    if not any(letter.isalnum() for letter in value) or len(value) > 60:
        raise ValueError("expected the name of a place, at most 60 letters")
    return value


def _check_number(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise ValueError("expected 3 to 15 digits, with or without + before them")
    return value


def _check_timezone(value: str) -> str:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError('expected a time zone such as "Asia/Jakarta"') from None
    return value


def _check_listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if value != "off" and (match is None or int(match["port"]) > 65535):
        raise ValueError('expected "ADDRESS:PORT" such as "127.0.0.1:9178", or "off"')
    return value


def _read_listen(value: str) -> tuple[str, int] | None:
    match = _LISTEN.fullmatch(value)
    return (match["host"].strip("[]"), int(match["port"])) if match else None


def _check_absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise ValueError("expected a path that begins with /")
    return value


def _check_socket_length(value: Path) -> Path:
    if len(os.fsencode(value / CONTROL_SOCKET)) > SOCKET_PATH_LENGTH_MAX:
        raise ValueError("expected a shorter path: the control socket's would be too long")
    return value


def _check_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from None
    return value


def _check_memory(value: str) -> str:
    if value not in ("SM", "ME"):
        raise ValueError('expected "SM" or "ME" (other memories hold no messages, or show these)')
    return value


def _check_store_url(value: str) -> str:
    url = urlsplit(value)
    if url.password is not None:
        raise ValueError(
            "expected no password in the address: use password_credential or password_file"
        )
    if url.scheme == "sqlite" and not url.netloc and url.path.startswith("//"):
        return value
    if url.scheme == "postgresql+psycopg" and url.path.strip("/"):
        return value
    raise ValueError(
        'expected "sqlite:////ABSOLUTE/PATH" or "postgresql+psycopg://USER@HOST/DATABASE"'
    )


def _check_url(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname or url.fragment:
        raise ValueError('expected an address such as "https://aduan.example/api/complaints"')
    if url.username is not None or url.password is not None:
        raise ValueError("expected no user name or password in the address: use token_credential")
    return value


Name = Annotated[StrictStr, AfterValidator(_check_name)]
AbsolutePath = Annotated[Path, AfterValidator(_check_absolute)]
Place = Annotated[StrictStr, AfterValidator(_check_place)]
Url = Annotated[StrictStr, AfterValidator(_check_url)]
Credential = Annotated[StrictStr, AfterValidator(_check_name)]
Count = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
Hours = Annotated[StrictInt, Field(ge=1, le=24 * 366)]


def _seconds(*, least: float, most: float) -> Any:
    return Field(ge=least, le=most, allow_inf_nan=False, strict=True)


class GatewaySettings(_Table):
    """This host's gateway."""

    name: Name
    run_dir: Annotated[AbsolutePath, AfterValidator(_check_socket_length)] = Path("/run/smsgate")
    state_dir: AbsolutePath = Path("/var/lib/smsgate")

    @property
    def control(self) -> Path:
        """The Unix socket over which commands ask the running daemon."""
        return self.run_dir / CONTROL_SOCKET


class StoreSettings(_Table):
    """Where complaints are kept."""

    url: Annotated[StrictStr, AfterValidator(_check_store_url)]
    password_credential: Credential | None = None
    password_file: AbsolutePath | None = None
    disk_reserve_mib: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 64


class LimitSettings(_Table):
    """How many replies may go out: loops and floods end here, messages are kept all the same."""

    per_sender_day: Count = 10
    per_text_day: Count = 3
    per_sender_burst: Count = 5
    gateway_hour: Count = 3000
    gateway_day: Count = 20000


class ServiceSettings(_Table):
    """One complaint service: what citizens type, where it goes, and how they are answered."""

    name: Name
    number: Annotated[StrictStr, AfterValidator(_check_number)]
    prefixes: Annotated[
        tuple[Annotated[StrictStr, AfterValidator(_check_prefix)], ...],
        Field(min_length=1, max_length=20),
    ]
    institution: Annotated[StrictStr, Field(min_length=1, max_length=40, pattern=r"^[^{}]*$")]
    timezone: Annotated[StrictStr, AfterValidator(_check_timezone)] = "Asia/Jakarta"
    backends: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    is_unprefixed_complaint: StrictBool = False
    reply_abroad: StrictBool = False
    replies_by_other_line: StrictBool = False
    other_line_after_min: Annotated[StrictInt, Field(ge=1, le=7 * 24 * 60)] = 10
    is_registered_sent: StrictBool = False
    is_place_asked: StrictBool = False
    is_english_answered: StrictBool = False
    places: Annotated[tuple[Place, ...], Field(max_length=5000)] = ()
    repeat_window_h: Hours = 24
    status_max_age_days: Annotated[StrictInt, Field(ge=1, le=3660)] = 180
    parts_deadline_h: Hours = 24
    receipt_expiry_h: Hours = 24
    notice_expiry_h: Hours = 168
    answer_window_h: Hours = 24
    follow_up_working_days: Annotated[StrictInt, Field(ge=1, le=366)] = 5
    reopen_working_days: Annotated[StrictInt, Field(ge=0, le=366)] = 10
    holidays: Annotated[tuple[date, ...], Field(max_length=1000)] = ()
    keywords: KeywordSettings = KeywordSettings()
    limits: LimitSettings = LimitSettings()
    replies: ReplyTexts = ReplyTexts()
    replies_en: ReplyTextsEn = ReplyTextsEn()

    @model_validator(mode="after")
    def _fill_texts(self) -> Self:
        for key in ("replies", "replies_en"):
            given: ReplyTexts = getattr(self, key)
            texts = {
                kind: fill_service_fields(
                    given.text(kind),
                    prefix=self.prefixes[0],
                    number=self.number,
                    our_institution=self.institution,
                )
                for kind in DEFAULT_TEXTS
            }
            written = given.model_fields_set  # which texts are the file's own
            object.__setattr__(self, key, type(given).model_construct(written, **texts))
        return self


class ModemSettings(_Table):
    """One modem and its SIM."""

    name: Name
    service: Name = ""  # filled in by `load` where there is one service
    port: AbsolutePath | None = None
    imei: Annotated[StrictStr, Field(pattern=r"^[0-9]{15,16}$")] | None = None
    ports: Annotated[tuple[StrictStr, ...], Field(min_length=1, max_length=20)] = USUAL_PORTS
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600] = 115200
    memories: Annotated[
        tuple[Annotated[StrictStr, AfterValidator(_check_memory)], ...],
        Field(min_length=1, max_length=2),
    ] = ("SM", "ME")
    poll_s: Annotated[float, _seconds(least=0.5, most=3600)] = 15.0
    command_timeout_s: Annotated[float, _seconds(least=1, most=60)] = 10.0
    flow_control: Literal["none", "rtscts", "xonxoff"] = "none"
    pin_credential: Credential | None = None
    pin_file: AbsolutePath | None = None
    sim_number: Annotated[StrictStr, AfterValidator(_check_number)] | None = None
    canary_every_h: Annotated[StrictInt, Field(ge=0, le=24 * 31)] = 0
    canary_to: Name | None = None
    is_silence_told: StrictBool = True
    delivery_reports: StrictBool = False
    power_cycle: Annotated[tuple[StrictStr, ...], Field(max_length=20)] = ()
    power_cycle_every_min: Annotated[StrictInt, Field(ge=5, le=7 * 24 * 60)] = 30

    balance_ussd: Annotated[StrictStr, Field(pattern=r"^[0-9*#+]{2,40}$")] | None = None
    balance_pattern: Annotated[StrictStr, Field(max_length=200), AfterValidator(_check_pattern)] = (
        r"Rp\.?\s*([\d.,]+)"
    )
    balance_least: Annotated[StrictInt, Field(ge=0, le=1_000_000_000)] = 10_000

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if self.port is None and self.imei is None:
            raise ValueError("expected a port, or the modem's imei")
        if not all(pattern.startswith("/") for pattern in self.ports):
            raise ValueError("expected paths that begin with / in ports")
        return self

    @model_validator(mode="after")
    def _check_power_cycle(self) -> Self:
        if self.power_cycle and not self.power_cycle[0].startswith("/"):
            raise ValueError("expected a program with its whole path first in power_cycle")
        return self


class BackendSettings(_Table):
    """One complaint system that complaints are forwarded to."""

    name: Name
    kind: Literal["json"]
    url: Url
    add_url: Url | None = None
    find_url: Url | None = None
    status_url: Url | None = None
    status_field: Annotated[StrictStr, Field(min_length=1, max_length=100)] = "status"
    answer_field: Annotated[StrictStr, Field(max_length=100)] = "answer"
    unit_field: Annotated[StrictStr, Field(max_length=100)] = "unit"
    statuses: dict[StrictStr, ComplaintStatus] = Field(default_factory=dict)
    answers_poll_s: Annotated[float, _seconds(least=1, most=86400)] = 300.0
    token_credential: Credential | None = None
    token_file: AbsolutePath | None = None
    secret_credential: Credential | None = None
    secret_file: AbsolutePath | None = None
    fields: dict[BackendField, StrictStr] = Field(default_factory=dict)
    tracking_field: Annotated[StrictStr, Field(max_length=100)] = "tracking_id"
    honours_idempotency_keys: StrictBool = True
    is_plain_http_allowed: StrictBool = False
    ca_file: AbsolutePath | None = None
    timeout_s: Annotated[float, _seconds(least=1, most=120)] = 20.0
    settle_s: Annotated[float, _seconds(least=1, most=86400)] = 60.0


class StatusSettings(_Table):
    """Where metrics, health and status are served."""

    listen: Annotated[StrictStr, AfterValidator(_check_listen)] = "127.0.0.1:9178"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on; None when it is off."""
        return _read_listen(self.listen)


class CallbackSettings(_Table):
    """Where backends may say by themselves how far complaints are."""

    listen: Annotated[StrictStr, AfterValidator(_check_listen)] = "off"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on; None when it is off."""
        return _read_listen(self.listen)


class LogSettings(_Table):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "journal", "json", "console"] = "auto"


class Settings(_Table):
    """The whole configuration. Made by `load`; every reference in it has been checked."""

    gateway: GatewaySettings
    store: StoreSettings
    services: tuple[ServiceSettings, ...]
    modems: tuple[ModemSettings, ...] = ()
    backends: tuple[BackendSettings, ...] = ()
    status: StatusSettings = StatusSettings()
    callbacks: CallbackSettings = CallbackSettings()
    logs: LogSettings = LogSettings()

    _secrets: Mapping[str, SecretStr] = PrivateAttr(default_factory=dict)

    def secret(self, name: str) -> SecretStr | None:
        """Return a secret by its place in the file; None when the file names none there.

        Places: `store.password`, `modem.NAME.pin`, `backend.NAME.token`, `backend.NAME.secret`.
        """
        return self._secrets.get(name)

    def store_url(self) -> str:
        """Return the store's address, password included: for the store alone, never to be shown."""
        password = self.secret("store.password")
        if password is None:
            return self.store.url
        url = urlsplit(self.store.url)
        host = url.netloc.rpartition("@")[2]
        user = f"{quote(url.username or '', safe='')}:{quote(password.get_secret_value(), safe='')}"
        return url._replace(netloc=f"{user}@{host}").geturl()

    @property
    def credential_names(self) -> tuple[str, ...]:
        """Every credential that the file names: the unit needs a LoadCredential= for each."""
        names = [self.store.password_credential]
        names += [modem.pin_credential for modem in self.modems]
        for backend in self.backends:
            names += [backend.token_credential, backend.secret_credential]
        return tuple(sorted({name for name in names if name is not None}))

    def service(self, name: str) -> ServiceSettings:
        """Return the service of this name; KeyError when there is none."""
        return {service.name: service for service in self.services}[name]
