"""The whole table of faults: importing this fills it."""

from . import fault_kinds, fault_kinds_network
from .faults import KINDS, describe

__all__ = ["KINDS", "describe", "fault_kinds", "fault_kinds_network"]
