"""What the people in charge decided: from the store, checked before it is kept, followed while the hub runs."""

import json
from typing import Any

import pytest

from handoff.calendar import product_calendar
from handoff.rules import CALENDAR, POLICIES, ROUTING, LiveRules, load, product, save
from hub.errors import DataError
from hub.model import KnowledgeDoc
from hub.ports import Store

HERE = "phuong-my-tho"


async def learn(store: Store) -> None:
    """A little knowledge in place of the product's."""
    bodies: list[tuple[Any, str, dict[str, Any]]] = [
        ("commune", HERE, {"name": "Phường Mỹ Tho", "kind": "phuong"}),
        ("agency", "dt-ubnd-xa", {"name": "Ủy ban nhân dân xã, phường", "level": "xa", "kind": "pattern",
                                  "pattern": "Ủy ban nhân dân xã/phường <tên trong communes>"}),
        ("agency", "dt-a", {"name": "Cơ quan A", "level": "tinh", "kind": "department"}),
        ("category", "chieu-sang", {"name": "Chiếu sáng", "parent": "do-thi", "sla_hours": 48, "priority": "high",
                                    "agencies": ["dt-ubnd-xa", "dt-a"]}),
    ]  # fmt: skip
    docs = [KnowledgeDoc(kind=kind, id=id_, body=body, origin="import") for kind, id_, body in bodies]
    await store.put_knowledge(docs, now=1)


async def test_an_empty_store_has_the_products_rules(store: Store) -> None:
    assert await load(store) is product()


async def test_rules_are_read_from_the_store(store: Store) -> None:
    await learn(store)
    await save(store, ROUTING, [{"category": "do-thi", "agency": "dt-ubnd-xa"}], now=2)
    await save(store, POLICIES, {"dt-ubnd-xa": {"review": False, "hours": {"chieu-sang": 8}}}, now=3)
    rules = await load(store)
    assert (rules.hours("chieu-sang"), rules.priority("chieu-sang", "normal")) == (48, "high")
    assert rules.router.route("chieu-sang", HERE).agency == f"dt-ubnd-xa@{HERE}"
    assert not rules.policy(f"dt-ubnd-xa@{HERE}").review, "a unit of a commune has its pattern's policy"
    assert rules.agency_hours("chieu-sang", f"dt-ubnd-xa@{HERE}") == 8
    assert rules.agency_hours("chieu-sang", "dt-a") == 48
    assert rules.policy("dt-a").review, "an operator reads it first, unless somebody decided otherwise"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (CALENDAR, {}),
        (CALENDAR, {"working_hours": {}, "holidays": [], "makeup_workdays": []}),
        (ROUTING, {"category": "x"}),
        (ROUTING, [{"category": "x"}]),
        (ROUTING, [{"agency": "x", "khac": 1}]),
        (POLICIES, {"dt-a": {"review": "có thể"}}),
    ],
)
async def test_what_is_not_of_its_shape_is_not_kept(store: Store, name: str, data: Any) -> None:
    with pytest.raises(DataError):
        await save(store, name, data, now=1)
    assert await store.state(name) is None


async def test_a_running_hub_follows_and_keeps_what_was_in_force(store: Store) -> None:
    await learn(store)
    live = LiveRules(store)
    assert live() is product(), "until it has looked"
    await live.load()
    first = live()
    assert first.categories.keys() == {"chieu-sang"}
    await live.load()
    assert live() is first
    calendar = product_calendar() | {"quiet_hours": ["22:00", "05:00"]}
    await save(store, CALENDAR, calendar, now=2)
    await live.load()
    assert live().quiet != first.quiet
    kept = await store.state(CALENDAR)
    assert kept is not None
    in_force = live()
    await store.put_state(CALENDAR, json.dumps({"holidays": 1}).encode(), expects=kept.version, now=3)
    with pytest.raises(DataError):
        await live.load()
    assert live() is in_force
