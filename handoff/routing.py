"""Which agency a case belongs to: rules by category and commune, edited as data; without one, a person decides.

A complaint never goes to the agency complained about, nor to a part of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from handoff.agencies import Agencies
from hub.model import Priority, Value

ANY: Final = "*"


class RoutingRule(Value):
    """``category`` is a category, a group of categories, or ``*``; ``commune`` one commune or ``*``; ``agency`` may be
    a pattern of commune level."""

    category: str = ANY
    commune: str = ANY
    agency: str


class Category(Value):
    """What the data say of a category."""

    id: str
    name: str
    group: str
    hours: int
    priority: Priority = "normal"
    sensitive: bool = False
    agencies: tuple[str, ...] = ()


class Route(Value):
    """``agency`` is where the case goes; None: a person chooses, best among ``candidates``."""

    agency: str | None
    candidates: tuple[str, ...]
    why: str


class Router:
    def __init__(
        self, categories: Mapping[str, Category], agencies: Agencies, rules: Sequence[RoutingRule]
    ) -> None:
        self._categories = categories
        self._agencies = agencies
        self._rules = rules

    def route(
        self, category: str | None, commune: str | None, *, complaint: bool = False, about: str | None = None
    ) -> Route:
        known = self._categories.get(category or "")
        if known is None:
            return Route(agency=None, candidates=(), why="Chưa xác định lĩnh vực.")
        candidates = self._candidates(known, commune, about)
        if complaint and about is None:
            why = "Phiếu khiếu nại: cần xác định cơ quan bị phản ánh trước khi chuyển."
            return Route(agency=None, candidates=candidates, why=why)
        named = self._named(known, commune)
        if named is None:
            needs_commune = commune is None and any(
                self._agencies.at(one, None) is None for one in known.agencies
            )
            why = "Chưa có quy tắc phân công cho lĩnh vực này" + (
                "; cần xác định xã, phường." if needs_commune else "."
            )
            return Route(agency=None, candidates=candidates, why=why)
        if about is not None and self.conflicts(named, about):
            above = self._agencies.parent(about)
            why = "Không chuyển cho chính cơ quan bị phản ánh."
            return Route(
                agency=above, candidates=tuple(dict.fromkeys([*filter(None, [above]), *candidates])), why=why
            )
        return Route(
            agency=named, candidates=tuple(dict.fromkeys([named, *candidates])), why="Theo bảng phân công."
        )

    def conflicts(self, agency: str, about: str) -> bool:
        """Whether a complaint about ``about`` must not go to ``agency``."""
        return self._agencies.within(agency, about)

    def _candidates(self, category: Category, commune: str | None, about: str | None) -> tuple[str, ...]:
        units = [self._agencies.at(one, commune) for one in category.agencies]
        ids = [unit.id for unit in units if unit is not None]
        return tuple(id_ for id_ in ids if about is None or not self.conflicts(id_, about))

    def _named(self, category: Category, commune: str | None) -> str | None:
        """What the most specific rule says. The data of the category count as a rule where they name one agency."""
        for wanted in (category.id, category.group, ANY):
            for where in (commune, ANY):
                for rule in self._rules:
                    if where is not None and (rule.category, rule.commune) == (wanted, where):
                        return self._concrete(rule.agency, commune)
            if wanted == category.id and len(category.agencies) == 1:
                return self._concrete(category.agencies[0], commune)
        return None

    def _concrete(self, agency: str, commune: str | None) -> str | None:
        unit = self._agencies.get(agency) if "@" in agency else self._agencies.at(agency, commune)
        return unit.id if unit is not None and not unit.open else None
