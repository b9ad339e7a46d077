"""What somebody should look at now: warnings, what is overdue, what agencies sent or gave back, what citizens opened
again; and notes in which a colleague names one. Operators see their own cases and those of nobody, supervisors all. It is
read from the tickets as they stand, so an entry goes when it is dealt with; warnings come when the scheduler gives them,
not in quiet hours. A note goes when its conversation is opened."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from handoff.clocks import SETTLED
from handoff.mentions import mentions_of
from hub.model import OPEN_STATES, Role, Staff, Ticket, TicketQuery
from hub.ports import Store
from hub.web.auth import guarded, page, session_of
from hub.web.console_case_view import ALARM_WORDS, CaseNames
from hub.web.console_view import WORDS, names_of
from hub.web.context import hub_of

READERS: Final[frozenset[Role]] = frozenset({"operator", "supervisor", "admin"})
MOST: Final = 200
SHOWN: Final = 99

LATE: Final = "Quá hạn trả lời người dân"
AGENCY_LATE: Final = "Cơ quan quá hạn"
Level = Literal["late", "warned", "news"]
_RANK: Final[dict[Level, int]] = {"late": 0, "warned": 1, "news": 2}


@dataclass(frozen=True)
class Entry:
    ticket: Ticket
    level: Level
    reasons: tuple[str, ...]


async def entries(store: Store, me: Staff, now: int) -> list[Entry]:
    """Late ones first, then by what is due first."""
    unsettled = tuple(sorted(OPEN_STATES - SETTLED))
    queries = [
        TicketQuery(proposed=True, states=unsettled),
        TicketQuery(states=("returned", "reopened")),
        TicketQuery(states=unsettled, merged=False, order="due"),
    ]
    found: dict[str, Ticket] = {}
    for query in queries:
        for whose in _mine(me):
            for ticket in await store.find_tickets(query.model_copy(update=whose), limit=MOST):
                found[ticket.id] = ticket
    listed = [entry for ticket in found.values() if (entry := entry_of(ticket, now)) is not None]
    return sorted(listed, key=lambda one: (_RANK[one.level], one.ticket.due_at or 2**62, one.ticket.id))


def entry_of(ticket: Ticket, now: int) -> Entry | None:
    """None: nothing about it needs a look."""
    reasons = list(_news(ticket))
    level: Level = "news"
    late = [
        words
        for due, words in ((ticket.due_at, LATE), (ticket.agency_due_at, AGENCY_LATE))
        if due is not None and due <= now
    ]
    if late and ticket.state not in SETTLED and ticket.merged_into is None:
        level, reasons = "late", late + reasons
    elif ticket.state not in SETTLED and (warned := _warned(ticket)):
        level, reasons = "warned", warned + reasons
    return Entry(ticket, level, tuple(reasons)) if reasons else None


def _news(ticket: Ticket) -> Iterable[str]:
    if ticket.proposal is not None:
        yield "Cơ quan gửi nội dung, chờ duyệt"
    if ticket.state == "returned":
        yield "Cơ quan trả lại phiếu"
    if ticket.state == "reopened":
        yield "Phiếu được mở lại"


def _warned(ticket: Ticket) -> list[str]:
    """Of each clock that still runs, the last mark it passed."""
    running = {"citizen": ticket.due_at, "agency": ticket.agency_due_at}
    last = {name.partition(":")[0]: name for name in ticket.alarms}
    return [
        ALARM_WORDS[name]
        for whose, name in last.items()
        if running[whose] is not None and name in ALARM_WORDS
    ]


def _mine(me: Staff) -> list[dict[str, object]]:
    if me.role == "operator":
        return [{"operator": me.id}, {"unassigned": True}]
    return [{}]


async def bell(request: web.Request) -> web.StreamResponse:
    hub, me = hub_of(request), session_of(request).staff
    found = await entries(hub.store, me, hub.clock.now())
    named = await mentions_of(hub.store, me.id)
    late = sum(one.level == "late" for one in found)
    return page(request, "console/bell.html", cases=len(found), named=len(named), late=late, most=SHOWN)


async def list_page(request: web.Request) -> web.StreamResponse:
    hub, me = hub_of(request), session_of(request).staff
    found = await entries(hub.store, me, hub.clock.now())
    named = await mentions_of(hub.store, me.id)
    staff = await names_of(hub.store, [*(one.ticket.operator for one in found), *(one.by for one in named)])
    return page(
        request,
        "console/notices.html",
        entries=found,
        named=tuple(reversed(named)),
        names=CaseNames(hub.rules(), staff, me=me.id),
        words=WORDS,
        now=hub.clock.now(),
    )


def routes() -> list[web.RouteDef]:
    return guarded(
        [web.get("/console/notices", list_page), web.get("/console/notices/bell", bell)], roles=READERS
    )
