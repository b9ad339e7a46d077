"""Focal officers' pages: the cases of their agencies, and nothing else of the console."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.text import fold
from handoff.acts import Actor
from handoff.lifecycle import Refused
from hub.clock import local_day
from hub.model import Role, Ticket, TicketQuery, TicketState
from hub.web.agency_case import STATES, agency_case, its_file, new_key, perform, typed, visible
from hub.web.auth import guarded, page, see_other, session_of
from hub.web.console_case_view import CaseNames
from hub.web.console_cases import Typed, ticket_of
from hub.web.console_files import MAX_FORM_BYTES, content
from hub.web.console_view import DETAILS
from hub.web.context import Hub, hub_of
from hub.web.trail import viewed

MOST: Final = 500
#: Tab → what it is called, and the states in it.
TABS: Final[dict[str, tuple[str, tuple[TicketState, ...]]]] = {
    "todo": ("Cần xử lý", ("forwarded",)),
    "waiting": ("Đang chờ", ("assigned", "waiting_citizen", "reopened", "new")),
    "done": ("Đã xong", ("answered", "closed")),
}
OFFICERS: Final[frozenset[Role]] = frozenset({"officer"})
ACTS: Final = ("accept", "answer", "ask", "return")
NOT_YOURS: Final = "Phiếu này không thuộc cơ quan của anh/chị, hoặc đã được chuyển nơi khác."


@dataclass(frozen=True)
class Row:
    ticket: Ticket
    agency: str
    category: str
    commune: str
    state: str
    due: int | None
    late: bool
    soon: bool  # due today


async def cases_page(request: web.Request) -> web.StreamResponse:
    """The list, with what is due first on top."""
    hub, me = hub_of(request), session_of(request).staff
    tab = request.query.get("tab", "todo")
    tab = tab if tab in TABS else "todo"
    agency, words = request.query.get("agency", ""), request.query.get("q", "")[:100]
    mine = (agency,) if agency in me.agencies else me.agencies
    found = await _cases(hub, mine, TABS[tab][1])
    rows = [_row(hub, one) for one in found]
    if words:
        wanted = fold(words).split()
        rows = [row for row in rows if all(word in _text(row) for word in wanted)]
    if request.query.get("late"):
        rows = [row for row in rows if row.late or row.soon]
    names = CaseNames(hub.rules(), {})
    return page(
        request,
        "agency/list.html",
        rows=rows,
        tab=tab,
        tabs=TABS,
        todo=len(await _cases(hub, me.agencies, TABS["todo"][1])),
        mine={one: names.agency(one) for one in me.agencies},
        agency=agency,
        words=words,
        late=bool(request.query.get("late")),
        full=len(found) == MOST,
        said=request.query.get("said", ""),
    )


async def case_page(request: web.Request) -> web.StreamResponse:
    ticket = await _mine(request)
    await viewed(request, ticket)
    return await _page(request, ticket)


async def act(request: web.Request) -> web.StreamResponse:
    name, ticket = act_of(request), await _mine(request)
    try:
        await perform(request, ticket, _actor(request), name)
    except Refused as refused:
        return await _page(request, await ticket_of(request), problem=str(refused), name=name)
    if name == "accept":
        return see_other(f"/console/agency/cases/{ticket.id}")
    return see_other(f"/console/agency?said={name}")


def act_of(request: web.Request) -> str:
    name = request.match_info["act"]
    if name not in ACTS:
        raise web.HTTPNotFound(text="Không có thao tác này.")
    return name


async def file(request: web.Request) -> web.StreamResponse:
    message, number = await its_file(request, await _mine(request))
    return await content(request, message, number)


async def _page(
    request: web.Request, ticket: Ticket, *, problem: str | None = None, name: str = "answer"
) -> web.Response:
    shown = await agency_case(hub_of(request), ticket, _actor(request), f"/console/agency/cases/{ticket.id}")
    return page(
        request,
        "agency/case.html",
        status=422 if problem else 200,
        case=shown,
        problem=problem,
        opened=name,
        values=await typed(request) if problem else Typed(),
        key=new_key(),
        details=DETAILS,
        said=None,
    )


async def _mine(request: web.Request) -> Ticket:
    """The ticket, if it is a case of the officer's agencies."""
    ticket = await ticket_of(request)
    if not visible(ticket, session_of(request).staff.agencies):
        raise web.HTTPForbidden(text=NOT_YOURS)
    return ticket


def _actor(request: web.Request) -> Actor:
    me = session_of(request).staff
    return Actor(id=me.id, kind="agency", agencies=me.agencies)


async def _cases(hub: Hub, agencies: Sequence[str], states: tuple[TicketState, ...]) -> list[Ticket]:
    if not agencies:
        return []
    query = TicketQuery(agencies=tuple(agencies), states=states, merged=False, order="due")
    found = [one for one in await hub.store.find_tickets(query, limit=MOST) if visible(one, tuple(agencies))]
    return sorted(found, key=lambda one: (one.agency_due_at is None, one.agency_due_at or -one.created_at))


def _row(hub: Hub, ticket: Ticket) -> Row:
    names, now = CaseNames(hub.rules(), {}), hub.clock.now()
    due = ticket.agency_due_at if ticket.state == "forwarded" else None
    return Row(
        ticket=ticket,
        agency=names.agency(ticket.agency or ""),
        category=names.category(ticket.category) if ticket.category else "",
        commune=names.commune(ticket.commune) if ticket.commune else "",
        state=STATES[ticket.state],
        due=due,
        late=due is not None and due <= now,
        soon=due is not None and due > now and local_day(due) == local_day(now),
    )


def _text(row: Row) -> str:
    return fold(f"{row.ticket.code} {row.ticket.summary} {row.category} {row.commune} {row.agency}")


def routes() -> list[web.RouteDef]:
    one = "/console/agency/cases/{ticket}"
    return guarded(
        [
            web.get("/console/agency", cases_page),
            web.get(one, case_page),
            web.get(one + r"/files/{message}/{number:\d{1,3}}", file),
            web.post(one + "/{act}", act),
        ],
        roles=OFFICERS,
        max_form_bytes=MAX_FORM_BYTES,
    )
