"""What the people in charge have decided, as data: kept in the store, edited in the console, with the product's own
until they have.

Categories, agencies and communes are knowledge entries; the calendar, the routing table, the agencies' policies and
contacts, who needs a second factor and the storms are states of the store (``STATES``), JSON each, written with ``save``.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from handoff.storm import Storm
from hub.errors import DataError
from hub.model import KnowledgeDoc, Priority, Role, Value
from hub.ports import Store

CALENDAR: Final = "calendar"
ROUTING: Final = "routing"
POLICIES: Final = "agency-policies"
CONTACTS: Final = "agency-contacts"
SECURITY: Final = "security"
STORMS: Final = "storms"
STATES: Final = (CALENDAR, ROUTING, POLICIES, CONTACTS, SECURITY, STORMS)

#: A case whose category nobody knows yet is held to the shorter of the two promises.
UNCLASSIFIED_HOURS: Final = 8
PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")


class Policy(Value):
    """How it goes with one agency. ``hours`` by category, where they are not those promised to the citizen."""

    review: bool = True  # an operator reads its word before the citizen does
    hours: dict[str, int] = {}


class Contact(Value):
    """Where an agency is written to and called, as the administrator has entered it. Never the pattern's."""

    email: str | None = None
    phone: str | None = None


class Security(Value):
    second_factor: tuple[Role, ...] = ()  # who must have one


_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {
    ROUTING: TypeAdapter(tuple[RoutingRule, ...]),
    POLICIES: TypeAdapter(dict[str, Policy]),
    CONTACTS: TypeAdapter(dict[str, Contact]),
    SECURITY: TypeAdapter(Security),
    STORMS: TypeAdapter(tuple[Storm, ...]),
}


_EMPTY: Final[dict[str, Any]] = {ROUTING: [], POLICIES: {}, CONTACTS: {}, SECURITY: {}, STORMS: []}


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
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    second_factor: frozenset[Role] = frozenset()  # who must have one
    storms: tuple[Storm, ...] = ()

    def hours(self, category: str | None) -> int:
        known = self.categories.get(category or "")
        return known.hours if known else UNCLASSIFIED_HOURS

    def agency_hours(self, category: str | None, agency: str | None) -> int:
        """An agency may be held to other hours than those promised to the citizen."""
        own = self.policy(agency).hours if agency else {}
        return own.get(category or "") or self.hours(category)

    def priority(self, category: str | None, wished: Priority, at: int = 0) -> Priority:
        """The highest of the category's, the one wished for, and that of a storm it belongs to."""
        known = self.categories.get(category or "")
        if known is None:
            return wished
        ids = {known.id, known.group}
        storms = (one.priority for one in self.storms_at(at) if ids & set(one.categories))
        return max(wished, known.priority, *storms, key=PRIORITIES.index)

    def capacity(self, own: int, at: int) -> int:
        """How many cases an operator is given at the same time. Who is given none is given none in a storm."""
        return max([own, *(one.capacity or 0 for one in self.storms_at(at))]) if own else own

    def sensitive(self, category: str | None) -> bool:
        known = self.categories.get(category or "")
        return known is not None and known.sensitive

    def contact(self, agency: str) -> Contact:
        return self.contacts.get(agency) or Contact()

    def storms_at(self, now: int) -> tuple[Storm, ...]:
        """Those that rage now, the newest first."""
        raging = (one for one in self.storms if one.rages(now))
        return tuple(sorted(raging, key=lambda one: -(one.since or 0)))

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
    contacts: Mapping[str, Contact] = {},
    security: Security = Security(),  # noqa: B008 - immutable
    storms: tuple[Storm, ...] = (),
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
        contacts=contacts,
        second_factor=frozenset(security.second_factor),
        storms=storms,
    )


@cache
def product() -> Rules:
    """By the product's own data alone."""
    known = _product_entries()
    return build(
        calendar=product_calendar(),
        agencies=known["agencies"],
        communes=known["communes"],
        categories=known["categories"],
        groups=known["groups"],
    )


@cache
def _product_entries() -> dict[str, list[Mapping[str, Any]]]:
    def data(name: str) -> Any:
        path = files("bot") / "knowledge" / "data" / name
        return yaml.safe_load(path.read_text("utf-8"))

    places = data("agencies.yml")
    fields = data("categories.yml")
    return {
        "agencies": places["agencies"],
        "communes": places["communes"],
        "categories": fields["categories"],
        "groups": fields["groups"],
    }


async def load(store: Store) -> Rules:
    """Those in force. Raises ``DataError`` if something stored is not of its shape."""
    if not any(await revision(store)):
        return product()
    docs = await store.knowledge()
    known = _bodies(docs) if any(doc.kind == "category" for doc in docs) else _product_entries()
    return build(
        calendar=await _data(store, CALENDAR) or product_calendar(),
        agencies=known["agencies"],
        communes=known["communes"],
        categories=known["categories"],
        groups=known["groups"],
        routing=_read(ROUTING, await _data(store, ROUTING) or []),
        policies=_read(POLICIES, await _data(store, POLICIES) or {}),
        contacts=_read(CONTACTS, await _data(store, CONTACTS) or {}),
        security=_read(SECURITY, await _data(store, SECURITY) or {}),
        storms=_read(STORMS, await _data(store, STORMS) or []),
    )


async def save(store: Store, name: str, data: Any, *, now: int) -> None:
    """Replace one of the states, after it was found to be of its shape.

    Raises:
        DataError: it is not.
    """
    await change(store, name, lambda _: data, now=now)


async def stored(store: Store, name: str) -> Any:
    """One of the states as JSON; where nobody has decided yet, the product's own calendar, else nothing."""
    kept = await _data(store, name)
    if kept is None:
        return _json(product_calendar()) if name == CALENDAR else _EMPTY[name]
    return kept


async def change(store: Store, name: str, how: Callable[[Any], Any], *, now: int) -> None:
    """Make one of the states new out of what it is. Called again if somebody else changed it meanwhile.

    Raises:
        DataError: what it would become is not of its shape; or whatever ``how`` raises.
    """
    while True:
        kept = await store.state(name)
        before = json.loads(kept.body) if kept else await stored(store, name)
        body = json.dumps(_checked(name, how(before)), ensure_ascii=False, default=str).encode()
        if await store.put_state(name, body, expects=kept.version if kept else 0, now=now):
            return


def _checked(name: str, data: Any) -> Any:
    if name == CALENDAR:
        if OFFICES not in calendars(data):
            raise DataError(f"calendar: working_hours.{OFFICES} must have days and shifts")
        quiet_hours(data)
        return data
    return _ADAPTERS[name].dump_python(_read(name, data), mode="json")


def _json(data: Any) -> Any:
    return json.loads(json.dumps(data, ensure_ascii=False, default=str))


async def revision(store: Store) -> tuple[int, ...]:
    """Moves when any of it changes."""
    kept = [await store.state(name) for name in STATES]
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


def _bodies(docs: Iterable[KnowledgeDoc]) -> dict[str, list[Mapping[str, Any]]]:
    kinds = {"agency": "agencies", "commune": "communes", "category": "categories", "group": "groups"}
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in kinds.values()}
    for doc in docs:
        if doc.kind in kinds:
            found[kinds[doc.kind]].append({"id": doc.id} | doc.body)
    return found


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
