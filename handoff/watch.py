"""The scheduler: warns before deadlines, lays what is late before the supervisor, and does what follows from time.

One process at a time runs it (a job of the hub). All it does is idempotent: a warning's turn is named after the ticket,
the clock and the mark, so a restart in the middle tells nobody twice."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from handoff import acts, clocks
from handoff.acts import SYSTEM
from handoff.assignment import Dispatcher
from handoff.calendar import not_quiet
from handoff.casework import Casework
from handoff.lifecycle import Refused, deadlines
from hub.clock import local
from hub.errors import NotFound, StoreError
from hub.model import OPEN_STATES, Ticket, TicketQuery

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
AT_ONCE: Final = 200
#: From this month on next year's calendar must be there: it is announced from October on.
CALENDAR_MONTH: Final = 11

ALARM: Final = "calendar_unconfirmed"
ALARM_TEXT: Final = (
    "Lịch nghỉ năm {years} chưa có hoặc chưa được xác nhận: hạn xử lý có thể sai. Quản trị viên cần cập nhật lịch "
    "làm việc theo thông báo chính thức."
)
WORDS: Final = {
    "citizen:50": "Đã hết 50% thời hạn trả lời người dân",
    "citizen:80": "Đã hết 80% thời hạn trả lời người dân",
    "citizen:100": "Quá hạn trả lời người dân: chuyển giám sát",
    "agency:50": "Cơ quan đã dùng 50% thời hạn",
    "agency:80": "Cơ quan đã dùng 80% thời hạn",
    "agency:100": "Cơ quan quá hạn: chuyển giám sát",
}


@dataclass(frozen=True)
class Watch:
    casework: Casework
    alarm: Callable[[str, str], Awaitable[None]]
    clear_alarm: Callable[[str], Awaitable[None]]
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Until cancelled."""
        await self.recount()
        counted_by = self.casework.rules().offices
        while True:
            try:
                if self.casework.rules().offices != counted_by:
                    await self.recount()
                    counted_by = self.casework.rules().offices
                await self.once()
            except StoreError as error:
                log.warning("scheduler waits", extra={"facts": {"why": type(error).__name__}})
            await asyncio.sleep(self.every_s)

    async def once(self) -> None:
        await self.casework.hear_citizens()
        await self.warn()
        await self.casework.tell_merged()
        await Dispatcher(self.casework).run_once()
        await self.check_calendar()

    async def warn(self) -> int:
        """Give the warnings that are due; how many tickets."""
        now = self.casework.clock.now()
        query = TicketQuery(alarm_until=now, order="alarm")
        due = await self.casework.store.find_tickets(query, limit=AT_ONCE)
        if (
            not_quiet(self.casework.rules().quiet, now) > now
        ):  # what is left from the day waits for the morning
            due = [ticket for ticket in due if ticket.priority == "urgent"]
        for ticket in due:
            await self._warn(ticket, now)
        return len(due)

    async def _warn(self, ticket: Ticket, now: int) -> None:
        rules = self.casework.rules()
        marks = tuple(name for name, at in clocks.alarms_due(ticket, rules) if at <= now)
        act = acts.Warn(alarms=marks, text=_words(marks)) if marks else acts.Recount()
        key = f"{','.join(marks)}:{ticket.agency or ''}:{ticket.version}"
        try:
            await self.casework.do(ticket.id, act, SYSTEM, key)
        except (Refused, NotFound) as error:  # closed or merged meanwhile
            log.info("no warning", extra={"facts": {"ticket": ticket.id, "why": type(error).__name__}})

    async def recount(self) -> int:
        """Count every open ticket's deadlines anew, after the calendar changed; how many moved."""
        moved = 0
        rules, now = self.casework.rules(), self.casework.clock.now()
        query = TicketQuery(states=tuple(sorted(OPEN_STATES)))
        for ticket in await self.casework.store.find_tickets(query, limit=10**6):
            counted = deadlines(ticket, rules, now)
            if (counted["due_at"], counted["agency_due_at"]) != (ticket.due_at, ticket.agency_due_at):
                await self.casework.do(
                    ticket.id, acts.Recount(), SYSTEM, f"{ticket.version}:{counted['due_at']}"
                )
                moved += 1
        return moved

    async def check_calendar(self) -> None:
        """An alarm while this year's calendar, or from November on next year's, is missing or not confirmed."""
        today = local(self.casework.clock.now())
        last = today.year + (today.month >= CALENDAR_MONTH)
        years = self.casework.rules().offices.unconfirmed(today.year, last)
        if years:
            await self.alarm(ALARM, ALARM_TEXT.format(years=", ".join(map(str, years))))
        else:
            await self.clear_alarm(ALARM)


def _words(alarms: tuple[str, ...]) -> str:
    """What stands in the history: of each clock the last mark it passed."""
    last = {name.partition(":")[0]: name for name in alarms}
    return "; ".join(WORDS[name] for name in last.values())
