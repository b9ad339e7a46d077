"""Who gets a case: presence, skills, room, load; and nobody twice."""

import asyncio
import dataclasses
from collections import Counter

import pytest

from handoff import acts, duty
from handoff.assignment import Dispatcher, choose
from handoff.calendar import calendars
from handoff.casework import Casework
from handoff.rules import product
from handoff.tickets import opened_text
from hub.model import Presence, Staff
from hub.ports import Store
from tests.conftest import FakeClock
from tests.handoff.cases import LAN, ms, opened
from tests.handoff.test_casework import report


def person(n: int, **fields: object) -> Staff:
    base: dict[str, object] = {
        "id": f"s-{n}",
        "login": f"l{n}",
        "name": f"Người {n}",
        "role": "operator",
        "password_hash": "x",
    }
    return Staff.model_validate(base | fields)


async def present(store: Store, clock: FakeClock, *staff: Staff, status: str = "available") -> None:
    for one in staff:
        await store.put_staff(one)
        await store.put_presence(
            Presence.model_validate({"staff": one.id, "status": status, "seen_at": clock.now()})
        )


# ---- whom ------------------------------------------------------------------------------------------


def test_the_one_with_least_to_do_who_may_and_has_room() -> None:
    ticket, rules = opened(), product()
    staff = [person(1), person(2), person(3, capacity=1)]
    assert choose(ticket, staff, {"s-1": 2, "s-2": 1, "s-3": 1}, rules) == staff[1]
    assert choose(ticket, staff, {"s-1": 5, "s-2": 5, "s-3": 1}, rules) is None, "all are full"
    assert choose(ticket, [], {}, rules) is None


def test_skills_are_categories_or_groups_of_them() -> None:
    ticket, rules = opened(), product()
    land, power = person(1, skills=("dat-dai-hoi-dap",)), person(2, skills=("dien",))
    anything = person(3)
    assert choose(ticket, [land, power], {}, rules) == power
    assert choose(ticket, [land], {}, rules) is None
    assert choose(ticket, [anything, power], {}, rules) == power, "the skilled one first"
    assert choose(ticket, [anything, power], {"s-2": 1}, rules) == anything
    assert choose(opened(category=None), [land, anything], {}, rules) == anything


def test_who_left_or_is_no_operator_gets_nothing() -> None:
    gone, officer = person(1, active=False), person(2, role="officer")
    assert choose(opened(), [gone, officer], {}, product()) is None


# ---- in a store --------------------------------------------------------------------------------------


async def test_cases_are_spread_over_those_who_are_there(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    await present(store, clock, person(1), person(2))
    await present(store, clock, person(3), status="away")
    for n in range(6):
        await report(store, clock, n)
    assert await Dispatcher(casework).run_once() == 6
    assert Counter(who for who, _ in await store.held_tickets()) == {"s-1": 3, "s-2": 3}
    assert await Dispatcher(casework).run_once() == 0


async def test_nobody_there_is_no_error(casework: Casework, store: Store, clock: FakeClock) -> None:
    ticket = await report(store, clock)
    assert await Dispatcher(casework).run_once() == 0
    await present(store, clock, person(1))
    clock.forward(duty.SEEN_MS + 1)
    assert await Dispatcher(casework).run_once() == 0, "their console has gone"
    await present(store, clock, person(1))
    assert await Dispatcher(casework).run_once() == 1
    found = await store.ticket(ticket.id)
    assert found is not None
    assert (found.state, found.operator, found.history[-1].actor) == ("assigned", "s-1", "system")


async def test_two_hubs_that_assign_at_once_give_nothing_twice_and_overfill_nobody(
    casework: Casework, elsewhere: Casework, store: Store, clock: FakeClock
) -> None:
    await present(store, clock, *(person(n, capacity=3) for n in range(1, 4)))
    tickets = [await report(store, clock, n) for n in range(12)]
    dispatchers = [Dispatcher((casework, elsewhere)[n % 2]) for n in range(4)]
    await asyncio.gather(*(dispatcher.run_once() for dispatcher in dispatchers))
    held = await store.held_tickets()
    assert Counter(who for who, _ in held) == {"s-1": 3, "s-2": 3, "s-3": 3}
    assert len({id_ for _, id_ in held}) == 9
    found = [await store.ticket(ticket.id) for ticket in tickets]
    assert [sum(event.action == "assign" for event in one.history) for one in found if one].count(1) == 9
    assert sum(one.operator is None for one in found if one) == 3, "the rest waits"


async def test_what_lies_elsewhere_makes_room(casework: Casework, store: Store, clock: FakeClock) -> None:
    await present(store, clock, person(1, capacity=1))
    first, _ = await report(store, clock, 1), await report(store, clock, 2)
    assert await Dispatcher(casework).run_once() == 1
    assert await Dispatcher(casework).run_once() == 0
    await casework.do(first.id, acts.Forward(agency="dt-dien-luc"), LAN, "1")
    assert await Dispatcher(casework).run_once() == 1


async def test_a_promise_of_a_dead_hub_runs_out(
    casework: Casework, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await present(store, clock, person(1, capacity=1))
    first = await report(store, clock, 1)
    dispatcher = Dispatcher(casework)
    assert await dispatcher._promise(first) == "s-1"  # and then it dies
    second = await report(store, clock, 2)
    assert await dispatcher.assign(second) is None, "the place is promised"
    clock.forward(61_000)
    await present(store, clock, person(1, capacity=1))
    assert await dispatcher.assign(second) == "s-1"


# ---- what the citizen is told ------------------------------------------------------------------------


async def test_nobody_on_duty_is_told_with_the_code_and_a_time(store: Store, clock: FakeClock) -> None:
    rules = product()
    assert not await duty.nobody_there(store, rules, clock.now()), "nobody ever said when they are there"
    await present(store, clock, person(1))
    assert not await duty.nobody_there(store, rules, clock.now())
    later = clock.now() + duty.SEEN_MS + 1
    assert await duty.nobody_there(store, rules, later)
    ticket = opened()
    told = opened_text(ticket, duty.promise(ticket, rules, later))
    assert ticket.code in told
    assert "chậm nhất 8 giờ, thứ Năm ngày 26/11/2026" in told
    assert "ngay tại đây" not in told.replace(duty.NOBODY, "")


async def test_known_hotline_hours_are_told(store: Store, clock: FakeClock) -> None:
    hours = {"hotline_1022": {"days": [1, 2, 3, 4, 5, 6], "morning": ["07:30", "20:00"]}}
    hotline = calendars({"working_hours": hours, "holidays": [], "makeup_workdays": []})["hotline_1022"]
    rules = dataclasses.replace(product(), hotline=hotline)
    await present(store, clock, person(1))
    night = ms("2026-11-25T22:00")
    assert await duty.nobody_there(store, rules, night)
    assert "từ 7 giờ 30, thứ Năm ngày 26/11/2026" in duty.promise(opened(), rules, night)
    assert not await duty.nobody_there(store, rules, clock.now())
