"""What the people in charge have decided, as data: kept in the store, edited in the console, with the product's own
until they have.

Categories, agencies and communes are knowledge entries; the calendar, the routing table and the agencies' policies are
states of the store (``CALENDAR``, ``ROUTING``, ``POLICIES``), JSON each, written with ``save``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import TypeAdapter, ValidationError

from handoff.agencies import Agencies
from handoff.calendar import (
    HOTLINE,
    OFFICES,
    QUIET,
    Calendar,
    Shift,
    calendars,
    product_calendar,
    quiet_hours,
)
from handoff.routing import Category, Router, RoutingRule
from hub.errors import DataError
from hub.model import KnowledgeDoc, Priority, Value
from hub.ports import Store

CALENDAR: Final = "calendar"
ROUTING: Final = "routing"
POLICIES: Final = "agency-policies"

#: A case whose category nobody knows yet is held to the shorter of the two promises.
UNCLASSIFIED_HOURS: Final = 8
PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")


class Policy(Value):
    """How it goes with one agency. ``hours`` by category, where they are not those promised to the citizen."""

    review: bool = True  # an operator reads its word before the citizen does
    hours: dict[str, int] = {}


_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {
    ROUTING: TypeAdapter(tuple[RoutingRule, ...]),
    POLICIES: TypeAdapter(dict[str, Policy]),
}


@dataclass(frozen=True)
class Rules:
    offices: Calendar
    hotline: Calendar | None  # None: nobody has said when operators are there
    categories: Mapping[str, Category]
    agencies: Agencies
    router: Router
    policies: Mapping[str, Policy] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)  # names of the groups of categories
    quiet: Shift = QUIET  # nobody is told of warnings then, unless the case is urgent

    def hours(self, category: str | None) -> int:
        known = self.categories.get(category or "")
        return known.hours if known else UNCLASSIFIED_HOURS

    def agency_hours(self, category: str | None, agency: str | None) -> int:
        """An agency may be held to other hours than those promised to the citizen."""
        own = self.policy(agency).hours if agency else {}
        return own.get(category or "") or self.hours(category)

    def priority(self, category: str | None, wished: Priority) -> Priority:
        """The higher of the category's and the one wished for."""
        known = self.categories.get(category or "")
        return max(wished, known.priority if known else "low", key=PRIORITIES.index)

    def sensitive(self, category: str | None) -> bool:
        known = self.categories.get(category or "")
        return known is not None and known.sensitive

    def policy(self, agency: str) -> Policy:
        """The agency's own; a commune unit may have its pattern's."""
        return self.policies.get(agency) or self.policies.get(agency.partition("@")[0]) or Policy()


def build(
    *,
    calendar: Any,
    agencies: Iterable[Mapping[str, Any]],
    communes: Iterable[Mapping[str, Any]],
    categories: Iterable[Mapping[str, Any]],
    groups: Iterable[Mapping[str, Any]] = (),
    routing: Sequence[RoutingRule] = (),
    policies: Mapping[str, Policy] = {},
) -> Rules:
    """Raises ``DataError`` if the calendar is none."""
    known = {str(one["id"]): _category(one) for one in categories}
    places = Agencies(agencies, communes)
    counted = calendars(calendar)
    if OFFICES not in counted:
        raise DataError(f"calendar.yml: working_hours.{OFFICES} must have days and shifts")
    return Rules(
        offices=counted[OFFICES],
        hotline=counted.get(HOTLINE),
        categories=known,
        agencies=places,
        router=Router(known, places, routing),
        policies=policies,
        groups={str(one["id"]): str(one["name"]) for one in groups},
        quiet=quiet_hours(calendar),
    )


@cache
def product() -> Rules:
    """By the product's own data alone."""

    def data(name: str) -> Any:
        path = files("bot") / "knowledge" / "data" / name
        return yaml.safe_load(path.read_text("utf-8"))

    places, fields = data("agencies.yml"), data("categories.yml")
    return build(
        calendar=product_calendar(),
        agencies=places["agencies"],
        communes=places["communes"],
        categories=fields["categories"],
        groups=fields["groups"],
    )


async def load(store: Store) -> Rules:
    """Those in force. Raises ``DataError`` if something stored is not of its shape."""
    docs = await store.knowledge()
    if not any(doc.kind == "category" for doc in docs):
        return product()
    return build(
        calendar=await _data(store, CALENDAR) or product_calendar(),
        agencies=_bodies(docs, "agency"),
        communes=_bodies(docs, "commune"),
        categories=_bodies(docs, "category"),
        groups=_bodies(docs, "group"),
        routing=_read(ROUTING, await _data(store, ROUTING) or []),
        policies=_read(POLICIES, await _data(store, POLICIES) or {}),
    )


async def save(store: Store, name: str, data: Any, *, now: int) -> None:
    """Replace one of the states, after it was found to be of its shape.

    Raises:
        DataError: it is not.
    """
    if name == CALENDAR:
        if OFFICES not in calendars(data):
            raise DataError(f"calendar: working_hours.{OFFICES} must have days and shifts")
    else:
        adapter = _ADAPTERS[name]
        data = adapter.dump_python(_read(name, data), mode="json")
    body = json.dumps(data, ensure_ascii=False, default=str).encode()
    while True:
        kept = await store.state(name)
        if await store.put_state(name, body, expects=kept.version if kept else 0, now=now):
            return


async def revision(store: Store) -> tuple[int, ...]:
    """Moves when any of it changes."""
    kept = [await store.state(name) for name in (CALENDAR, ROUTING, POLICIES)]
    return await store.knowledge_revision(), *(one.version if one else 0 for one in kept)


class LiveRules:
    """The newest rules in force; the product's own until the first :meth:`load`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._revision: tuple[int, ...] | None = None
        self._current: Rules | None = None

    def __call__(self) -> Rules:
        return self._current or product()

    async def load(self) -> None:
        """Raises ``DataError`` if something stored is not of its shape; then what was in force stays."""
        newest = await revision(self._store)
        if newest != self._revision:
            self._current, self._revision = await load(self._store), newest


async def calendars_of(store: Store) -> dict[str, Calendar]:
    """The calendars in force. Raises ``DataError`` if what was stored is none."""
    return calendars(await _data(store, CALENDAR) or product_calendar())


async def _data(store: Store, name: str) -> Any:
    kept = await store.state(name)
    return json.loads(kept.body) if kept else None


def _read(name: str, data: Any) -> Any:
    try:
        return _ADAPTERS[name].validate_python(data)
    except ValidationError as error:
        problems = tuple(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise DataError(f"{name}: not of the expected shape", problems) from None


def _bodies(docs: Iterable[KnowledgeDoc], kind: str) -> list[Mapping[str, Any]]:
    return [{"id": doc.id} | doc.body for doc in docs if doc.kind == kind]


def _category(data: Mapping[str, Any]) -> Category:
    return Category(
        id=data["id"],
        name=data["name"],
        group=data["parent"],
        hours=data["sla_hours"],
        priority=data.get("priority", "normal"),
        sensitive=data.get("sensitive", False),
        agencies=tuple(data.get("agencies", ())),
    )
