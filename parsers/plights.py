"""Emergencies that no single word tells: a live wire, a leaking boat, a blow, a locked car, petrol. Pure.

Each is a word that may tell one, and what must stand near it; `dangers` has the words, with the
counter-examples. Whether it is past, feared or frequent is asked afterwards, by `urgency`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from parsers import dangers

CANDIDATES = (
    dangers.SHOCKS
    | dangers.FOUNDERS
    | dangers.MUTUAL
    | dangers.BLOWS
    | dangers.LOCKED
    | dangers.ARSON
    | dangers.FUEL
)
_REACH = 4
_LONG_REACH = 6


class Scene(Struct, frozen=True):
    """A text's words in their order and as a set, and whether it says that it speaks of now."""

    said: Sequence[str]
    all: frozenset[str]
    is_now: bool

    def says(self, words: frozenset[str]) -> bool:
        """Whether any of the words stands anywhere."""
        return not words.isdisjoint(self.all)

    def has_before(self, index: int, words: frozenset[str], reach: int = _REACH) -> bool:
        """Whether any of the words stands shortly before `index`."""
        return not words.isdisjoint(self.said[max(index - reach, 0) : index])

    def has_behind(self, index: int, words: frozenset[str], reach: int = _REACH) -> bool:
        """Whether any of the words stands shortly behind `index`."""
        return not words.isdisjoint(self.said[index + 1 : index + 1 + reach])


def find_plight(scene: Scene, index: int) -> int | None:
    """Where the emergency begins that the word at `index` tells, if it tells one."""
    word = scene.said[index]
    if word in dangers.SHOCKS:
        return index if _is_live_wire(scene, index) else None
    if word in dangers.LOCKED:
        return index if _is_locked_in(scene, index) else None
    if word in dangers.ARSON:
        return _find_arson(scene, index)
    if word in dangers.FUEL:
        return _find_dousing(scene, index)
    if word in dangers.MUTUAL or word in dangers.BLOWS:
        return _find_blows(scene, index)
    is_boat_lost = word in dangers.FOUNDERS and _is_foundering(scene, index)
    return index if is_boat_lost else None


def _is_live_wire(scene: Scene, index: int) -> bool:
    if not scene.says(dangers.WIRES) or scene.says(dangers.TELEPHONES):
        return False
    goes_on = scene.has_before(index, dangers.IN_PROGRESS, 1)
    return goes_on or scene.is_now or scene.says(dangers.DOWN)


def _is_foundering(scene: Scene, index: int) -> bool:
    if not scene.says(dangers.BOATS) or scene.says(dangers.ROOFS):
        return False
    if not scene.says(dangers.CREW):
        return False
    word = scene.said[index]
    if word in dangers.DRIFTS:
        return scene.is_now or scene.says(dangers.PLEAS) or scene.says(dangers.ENGINES)
    if word == "MASUK" and not (
        scene.has_before(index, dangers.WATER) or scene.has_behind(index, dangers.WATER, 1)
    ):
        return False
    is_stranded = scene.says(dangers.ENGINES) and scene.says(dangers.STRANDED)
    is_in_need = scene.is_now or scene.says(dangers.PLEAS)
    return is_stranded or (is_in_need and scene.says(dangers.AT_SEA))


def _find_blows(scene: Scene, index: int) -> int | None:
    said = scene.said
    start = index
    if said[index] == "AN":  # `pukul2an`
        start = index - 2
        if start < 0 or said[start] not in dangers.BLOWS or said[index - 1] != "2":
            return None
    elif said[index] in dangers.MUTUAL:  # `pukul-pukulan`
        start = index - 1
        if start < 0 or said[start] + "AN" != said[index]:
            return None
    elif index == 0 or said[index - 1] != "BAKU":  # `baku pukul`
        return None
    is_seen = scene.has_before(start, frozenset({"ADA", "ADE"}))
    goes_on = scene.has_before(start, dangers.IN_PROGRESS, 1)
    return start if scene.is_now or is_seen or goes_on or scene.says(dangers.PLEAS) else None


def _is_locked_in(scene: Scene, index: int) -> bool:
    if scene.has_behind(index, dangers.INSIDE):
        return scene.has_before(index, dangers.PEOPLE)
    # `mobil terkunci, bayi di dalam`
    is_inside = scene.has_before(index, dangers.INSIDE) and scene.says(
        frozenset({"DALAM", "DLM", "INSIDE"})
    )
    return is_inside and (
        scene.has_behind(index, dangers.PEOPLE) or scene.has_before(index, dangers.PEOPLE)
    )


def _find_arson(scene: Scene, index: int) -> int | None:
    """`mau bakar rumahnya`, by who has the petrol for it, or now; who threatens the office is only angry."""
    start = max(index - 2, 0)
    near = scene.said[start:index]
    is_meant = not dangers.THREATENS.isdisjoint(near)
    at_home = scene.has_behind(index, dangers.HOMES, 3) or (
        scene.said[index].startswith("DI") and scene.has_before(index, dangers.HOMES)
    )
    if not (is_meant and at_home) or scene.says(dangers.CONDITIONAL):
        return None
    is_near = scene.is_now or scene.says(dangers.FUEL) or scene.says(dangers.PLEAS)
    is_other = scene.has_before(index, dangers.OTHERS, _LONG_REACH)
    is_own = not is_other and scene.has_before(start + 1, dangers.OWN, 2)
    return start if (is_near or is_other) and not is_own else None


def _find_dousing(scene: Scene, index: int) -> int | None:
    is_doused = scene.has_before(index, dangers.DOUSES, 2)
    is_aimed = scene.says(dangers.HOMES) or scene.says(dangers.PEOPLE)
    return index - 1 if is_doused and is_aimed and index else None
