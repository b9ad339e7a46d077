"""A whole hub: a report that comes in gets its deadline, the scheduler warns, and an edited calendar moves it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from handoff.calendar import product_calendar
from handoff.rules import CALENDAR, save
from handoff.watch import ALARM
from hub.model import Draft, Ticket, TicketQuery
from hub.ports import BotAnswer, Question, TicketWish
from hub.settings import Settings
from hub.tools import ALARMS, read_alarms
from hub.wiring import HubProcess
from tests.conftest import FakeClock
from tests.contract.builders import arrive, event
from tests.fakes.bots import ScriptedBot
from tests.handoff.cases import ms, text


def report(question: Question) -> BotAnswer:
    wish = TicketWish(reason="report", category="dien-mat-dien", summary=question.text)
    return BotAnswer(kind="report", says=(Draft(text="Dạ"),), dialogue=question.dialogue, ticket=wish)


async def becomes(hub: HubProcess, wanted: Callable[[Ticket], bool]) -> Ticket:
    """The one ticket, as soon as it is as wanted."""
    with hub.hub.live.subscribe() as signals:
        changes = aiter(signals)
        async with asyncio.timeout(30):
            while True:
                for ticket in await hub.store.find_tickets(TicketQuery(), limit=1):
                    if wanted(ticket):
                        return ticket
                await anext(changes)


async def test_from_report_to_warning(tmp_path: Path) -> None:
    clock = FakeClock(ms("2026-11-25T08:00"))
    settings = Settings(data=tmp_path, port=0)
    hub = HubProcess(settings, bot=ScriptedBot(reply=report), clock=clock, pages=False, mail=False)
    hub.watch = hub.watch.__class__(hub.casework, hub.watch.alarm, hub.watch.clear_alarm, every_s=0.05)
    await hub.start()
    try:
        await arrive(hub.store, event("x-1", "mất điện"), at=clock.now())
        await becomes(hub, lambda ticket: text(ticket.due_at) == "2026-11-26 08:00")
        clock.forward(ms("2026-11-25T14:00") - clock.now())
        await becomes(hub, lambda ticket: ticket.alarms == ("citizen:50",))
        calendar = product_calendar()
        calendar["holidays"].append({"date": "2026-11-26", "name": "Nghỉ bão", "status": "confirmed"})
        await save(hub.store, CALENDAR, calendar, now=clock.now())
        await becomes(hub, lambda ticket: text(ticket.due_at) == "2026-11-27 08:00")
        assert ALARM in read_alarms(await hub.store.state(ALARMS))
    finally:
        await hub.stop()


async def test_at_night_the_code_comes_with_the_promised_time(tmp_path: Path) -> None:
    clock = FakeClock(ms("2026-11-25T22:00"))
    hub = HubProcess(
        Settings(data=tmp_path, port=0), bot=ScriptedBot(reply=report), clock=clock, pages=False, mail=False
    )
    calendar = product_calendar()
    hours = {"days": [1, 2, 3, 4, 5], "morning": ["07:00", "11:30"], "afternoon": ["13:30", "17:00"]}
    calendar["working_hours"]["hotline_1022"] = hours
    await hub.store.open()
    await save(hub.store, CALENDAR, calendar, now=clock.now())
    await hub.start()
    try:
        (message,) = await arrive(hub.store, event("x-1", "mất điện"), at=clock.now())
        ticket = await becomes(hub, lambda ticket: ticket.due_at is not None)
        told = (await hub.store.messages(message.conversation))[-1].text or ""
        assert "Hiện chưa có tổng đài viên trực" in told
        assert "làm việc trở lại từ 7 giờ, thứ Năm ngày 26/11/2026" in told
        assert "trả lời chậm nhất 17 giờ, thứ Năm ngày 26/11/2026" in told
        assert ticket.code in told
        assert ticket.lookup_key in told
    finally:
        await hub.stop()
