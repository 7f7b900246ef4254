"""Text to meaning: what a citizen's SMS asks for.

Pure: no I/O, no clock. Never raises for what a person typed.
"""

from parsers.grammar import parse
from parsers.meaning import Grammar, Meaning

__all__ = ["Grammar", "Meaning", "parse"]
