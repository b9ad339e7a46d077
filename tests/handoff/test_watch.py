"""The scheduler: each warning once, at its time, whatever restarts."""

import asyncio
import contextlib
import dataclasses

import pytest

from handoff import acts
from handoff.calendar import calendars, product_calendar
from handoff.casework import Casework
from handoff.rules import product
from handoff.watch import ALARM, Watch
from hub.model import Ticket, TicketQuery
from hub.ports import Store
from tests.conftest import FakeClock
from tests.handoff.cases import LAN, POWER, ms, text
from tests.handoff.test_casework import get, report


class Alarms:
    def __init__(self) -> None:
        self.now: dict[str, str] = {}

    async def alarm(self, what: str, text: str) -> None:
        self.now[what] = text

    async def clear_alarm(self, what: str) -> None:
        self.now.pop(what, None)


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


def watch(casework: Casework, alarms: Alarms) -> Watch:
    return Watch(casework, alarms.alarm, alarms.clear_alarm)


def go_to(clock: FakeClock, at: str) -> None:
    clock.forward(ms(at) - clock.now())


def warnings(ticket: Ticket) -> list[tuple[str | None, tuple[str, ...]]]:
    told = [event for event in ticket.history if event.action == "warn"]
    return [(text(event.at), ticket.alarms[n : n + 1]) for n, event in enumerate(told)]


async def test_each_warning_is_given_once_at_its_time(
    casework: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    ticket = await report(store, clock)
    for at in (
        "2026-11-25T13:59",
        "2026-11-25T14:00",
        "2026-11-25T14:01",
        "2026-11-25T16:24",
        "2026-11-26T08:00",
    ):
        go_to(clock, at)
        for _ in range(2):  # as after a restart
            await watch(casework, alarms).once()
    found = await get(store, ticket)
    assert warnings(found) == [
        ("2026-11-25 14:00", ("citizen:50",)),
        ("2026-11-25 16:24", ("citizen:80",)),
        ("2026-11-26 08:00", ("citizen:100",)),
    ]
    assert text(found.escalated_at) == "2026-11-26 08:00"
    assert await store.find_tickets(TicketQuery(escalated=True), limit=9) == [found], "the supervisor's list"
    assert found.alarm_at is None


async def test_a_hub_that_was_away_tells_all_that_is_due_at_once(
    casework: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    ticket = await report(store, clock)
    go_to(clock, "2026-11-26T09:00")
    await watch(casework, alarms).once()
    found = await get(store, ticket)
    assert len([event for event in found.history if event.action == "warn"]) == 1
    assert set(found.alarms) == {"citizen:50", "citizen:80", "citizen:100"}
    assert found.history[-1].note == "Quá hạn trả lời người dân: chuyển giám sát"


async def test_two_schedulers_tell_once(
    casework: Casework, elsewhere: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    ticket = await report(store, clock)
    go_to(clock, "2026-11-25T14:00")
    await asyncio.gather(*(watch(one, alarms).warn() for one in (casework, elsewhere)))
    assert len([event for event in (await get(store, ticket)).history if event.action == "warn"]) == 1


async def test_quiet_hours_are_kept_except_for_what_is_urgent(
    casework: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    normal = await report(store, clock, 1)
    urgent = await report(store, clock, 2, category="dien-su-co-nguy-hiem")
    go_to(clock, "2026-11-26T23:00")  # the hub was away all day
    await watch(casework, alarms).once()
    assert (await get(store, normal)).alarms == ()
    assert "citizen:100" in (await get(store, urgent)).alarms
    go_to(clock, "2026-11-27T06:00")
    await watch(casework, alarms).once()
    assert "citizen:100" in (await get(store, normal)).alarms


async def test_answered_waiting_and_merged_cases_are_left_alone(
    casework: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    answered, waiting, main, merged = [await report(store, clock, n) for n in range(1, 5)]
    await casework.do(answered.id, acts.Answer(), LAN, "1", text="Dạ")
    await casework.do(waiting.id, acts.Ask(), LAN, "1", text="Ở đâu?")
    await casework.merge(merged.id, main.id, LAN, "1")
    go_to(clock, "2026-11-26T09:00")
    await watch(casework, alarms).once()
    for ticket in (answered, waiting, merged):
        assert (await get(store, ticket)).alarms == ()
    assert (await get(store, main)).alarms


async def test_a_new_calendar_moves_the_deadlines_of_open_tickets(
    casework: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    ticket, closed = await report(store, clock, 1), await report(store, clock, 2)
    await casework.do(closed.id, acts.Close(), LAN, "1")
    data = product_calendar()
    data["holidays"].append({"date": "2026-11-26", "name": "Nghỉ bão", "status": "confirmed"})
    stormy = dataclasses.replace(product(), offices=calendars(data)["offices"])
    changed = dataclasses.replace(casework, rules=lambda: stormy)
    assert [await watch(changed, alarms).recount() for _ in range(2)] == [1, 0]
    found = await get(store, ticket)
    assert text(found.due_at) == "2026-11-27 08:00"
    assert found.history[-1].changes["due_at"] == (ticket.due_at, found.due_at)
    assert (await get(store, closed)).due_at == ticket.due_at


async def test_an_unconfirmed_year_is_an_alarm(casework: Casework, clock: FakeClock, alarms: Alarms) -> None:
    await watch(casework, alarms).check_calendar()
    assert "2027" in alarms.now[ALARM], "in November next year must be there"
    data = product_calendar()
    for entry in data["holidays"]:
        entry["status"] = "confirmed"
    sure = dataclasses.replace(product(), offices=calendars(data)["offices"])
    await watch(dataclasses.replace(casework, rules=lambda: sure), alarms).check_calendar()
    assert alarms.now == {}
    go_to(clock, "2027-11-01T00:00")
    await watch(dataclasses.replace(casework, rules=lambda: sure), alarms).check_calendar()
    assert "2028" in alarms.now[ALARM], "not listed at all"


async def test_it_runs_until_it_is_stopped(
    casework: Casework, store: Store, clock: FakeClock, alarms: Alarms
) -> None:
    ticket = await report(store, clock)
    await casework.do(ticket.id, acts.Forward(agency=POWER), LAN, "1")
    go_to(clock, "2026-11-26T09:00")
    looked = asyncio.Event()

    async def alarm(what: str, text: str) -> None:
        looked.set()  # the last thing of each round

    running = asyncio.create_task(Watch(casework, alarm, alarms.clear_alarm).run())
    async with asyncio.timeout(20):
        await looked.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert {"agency:100", "citizen:100"} <= set((await get(store, ticket)).alarms)
