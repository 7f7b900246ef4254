"""Who answers which AT command: importing this package fills `at.HANDLERS`."""

from . import basic, messages, storage, subscriber

__all__ = ["basic", "messages", "storage", "subscriber"]
