"""The agencies a case can lie with: those of today, and one unit per commune for each pattern of commune level.

A unit of a commune is named after its pattern: ``dt-ubnd-xa@phuong-my-tho``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hub.model import Value

AT: Final = "@"
_PLACE = re.compile(r"(xã/phường )?<[^>]*>")


class Unit(Value):
    id: str
    name: str
    parent: str | None = None
    commune: str | None = None
    #: stands for several that nobody has listed (schools, telecom companies): a person says which is meant
    open: bool = False
    phones: tuple[str, ...] = ()  # as published


class Agencies:
    """Args: the bodies of the knowledge entries of both kinds."""

    def __init__(self, agencies: Iterable[Mapping[str, Any]], communes: Iterable[Mapping[str, Any]]) -> None:
        self._communes = {str(commune["id"]): commune for commune in communes}
        now = [one for one in agencies if not one.get("structure") and not one.get("valid_to")]
        self._patterns = {
            str(one["id"]): one for one in now if one.get("kind") == "pattern" and one.get("level") == "xa"
        }
        self._listed = {
            str(one["id"]): Unit(
                id=one["id"],
                name=one["name"],
                parent=one.get("parent"),
                open=one.get("kind") == "pattern",
                phones=_listed(one.get("contacts", {}).get("phone")),
            )
            for one in now
        }

    def get(self, id_: str) -> Unit | None:
        pattern, at, commune = id_.partition(AT)
        return self.at(pattern, commune) if at else self._listed.get(id_)

    def at(self, id_: str, commune: str | None) -> Unit | None:
        """The unit meant by an agency of the data in a commune; None: it is unknown, or its commune is."""
        pattern = self._patterns.get(id_)
        if pattern is None:
            return self._listed.get(id_)
        place = self._communes.get(commune or "")
        if place is None:
            return None
        parent = pattern.get("parent")
        if parent in self._patterns:
            parent = f"{parent}{AT}{commune}"
        return Unit(id=f"{id_}{AT}{commune}", name=_name(pattern, place), parent=parent, commune=commune)

    def communes(self) -> dict[str, str]:
        """Their names by id."""
        return {id_: str(one["name"]) for id_, one in self._communes.items()}

    def patterns(self) -> dict[str, str]:
        """Those of commune level, which stand for one unit in each commune: their names by id."""
        return {id_: str(one["name"]) for id_, one in self._patterns.items()}

    def knows_commune(self, commune: str) -> bool:
        return commune in self._communes

    def commune(self, id_: str) -> str | None:
        """Its name."""
        place = self._communes.get(id_)
        return str(place["name"]) if place else None

    def within(self, id_: str, whole: str) -> bool:
        """Whether an agency is the other one, or a part of it."""
        seen: set[str] = set()
        here: str | None = id_
        while here is not None and here not in seen:
            if here == whole:
                return True
            seen.add(here)
            unit = self.get(here)
            here = unit.parent if unit else None
        return False

    def parent(self, id_: str) -> str | None:
        unit = self.get(id_)
        return unit.parent if unit else None

    def listed(self) -> list[Unit]:
        """Those that are there once, not once in each commune."""
        return [unit for id_, unit in self._listed.items() if id_ not in self._patterns]

    def all(self) -> list[Unit]:
        """Every unit that a case may be given to, patterns of commune level spelled out."""
        spelled = [
            unit
            for pattern in self._patterns
            for commune in self._communes
            if (unit := self.at(pattern, commune)) is not None
        ]
        return self.listed() + spelled


def _listed(value: str | list[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _name(pattern: Mapping[str, Any], commune: Mapping[str, Any]) -> str:
    """``Ủy ban nhân dân xã/phường <tên>`` in Phường Mỹ Tho: Ủy ban nhân dân phường Mỹ Tho."""
    kinds = {"xa": "<xã>", "phuong": "<phường>"}
    shapes = str(pattern["pattern"]).split(" | ")
    shape = next((one for one in shapes if kinds[commune["kind"]] in one), shapes[0])
    name = str(commune["name"])
    return _PLACE.sub(name[0].lower() + name[1:], shape)
