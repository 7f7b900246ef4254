"""Values of which a part is nobody's to read: whose a device or a SIM is, and secrets."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct


class Discreet(Struct, frozen=True):
    """A value whose `hidden` fields are not in its repr: logs, tracebacks and failed assertions hold reprs."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        known = {name for kind in cls.__mro__ for name in vars(kind).get("__annotations__", ())}
        unknown = cls.hidden - known
        if unknown:
            raise TypeError(f"{cls.__name__} has no field {', '.join(sorted(unknown))} to hide")

    def __repr__(self) -> str:
        """Without what is hidden."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, which would show all fields of a Struct."""
        return [(n, getattr(self, n)) for n in self.__struct_fields__ if n not in self.hidden]
