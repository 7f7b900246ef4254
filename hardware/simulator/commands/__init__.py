"""Who answers which AT command: importing this package fills `at.HANDLERS`."""

from . import basic, calls, condition, messages, storage, subscriber

__all__ = ["basic", "calls", "condition", "messages", "storage", "subscriber"]
