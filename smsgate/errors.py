"""What can go wrong in the gateway that a caller could not expect, and whose fault it is."""

from __future__ import annotations


class SmsgateError(Exception):
    """The root; the message is one sentence with the next step.

    `exit_code` is what a command ends with (design.md section 6).
    """

    exit_code = 1


class ConfigError(SmsgateError):
    """The configuration is wrong; `problems` has every error at once: file, key, value, what is expected."""

    exit_code = 78

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ConfigDenied(ConfigError):
    """The configuration may not be read by this user: run as the user of the daemon, or as root."""

    exit_code = 77


class StoreError(SmsgateError):
    """The store cannot be used now: locked, full, away, damaged. Nothing was committed; SMS stay where they are."""

    exit_code = 74


class StoreUnavailable(StoreError):
    """The store cannot be used now but may be soon (locked, disk full, PostgreSQL away): try again."""

    exit_code = 75


class StoreDenied(StoreUnavailable):
    """This user may not use the store, or its disk is mounted read-only: run as its owner, or mend that."""

    exit_code = 77


class StoreDamaged(StoreError):
    """The store's file is no store any more: stop the daemon, and put a backup in its place."""


class StoreBusy(StoreError):
    """Another daemon owns this store, this gateway name or this line."""

    exit_code = 69


class SchemaMismatch(StoreError):
    """The store's schema is older or newer than this program, or another program's: each says the way out."""

    exit_code = 78
