"""Values of which a part is nobody's to read: whose a device or a SIM is, and secrets."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Discreet(Struct, frozen=True):
    """A value whose `hidden` fields are not in its repr: logs, tracebacks and failed assertions hold reprs."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        unknown = cls.hidden - set(cls.__annotations__)
        if unknown:
            raise TypeError(f"{cls.__name__} has no field {', '.join(sorted(unknown))} to hide")

    def __repr__(self) -> str:
        """Without what is hidden."""
        shown = (name for name in self.__struct_fields__ if name not in self.hidden)
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
