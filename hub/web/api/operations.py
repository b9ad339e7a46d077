"""What the API can do: one table, from which the routes and the OpenAPI document are made."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from handoff import acts
from handoff.acts import Act, Actor
from handoff.lifecycle import Refused
from hub.model import Ticket, TicketQuery
from hub.web.api import intake
from hub.web.api.problems import ApiError
from hub.web.api.schemas import (
    Action,
    AgencyList,
    Answer,
    CategoryList,
    CategoryOut,
    Classify,
    Close,
    CommuneList,
    ConversationOut,
    Forward,
    MessageFilter,
    MessagePage,
    NamedOut,
    NewNote,
    NewTicket,
    NoQuery,
    Opened,
    ProcedureFilter,
    ProcedureList,
    ProcedureOut,
    Release,
    Reopen,
    TicketFilter,
    TicketOut,
    TicketPage,
    conversation_out,
    message_out,
    ticket_out,
)
from hub.web.api.tokens import ACTOR, Scope, Token
from hub.web.context import Hub
from hub.web.status import ticket_code
from hub.web.trail import viewed

V1: Final = "/api/v1"
KEY: Final = "Idempotency-Key"


@dataclass(frozen=True)
class Call:
    """One request, checked."""

    request: web.Request
    hub: Hub
    token: Token
    query: Any
    body: Any

    @property
    def sensitive(self) -> bool:
        return "sensitive" in self.token.scopes

    @property
    def actor(self) -> Actor:
        return Actor(id=f"{ACTOR}{self.token.id}", kind="system")

    @property
    def key(self) -> str:
        return self.request.headers.get(KEY, "")


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    name: str
    summary: str
    scope: Scope
    run: Callable[[Call], Awaitable[BaseModel]]
    returns: type[BaseModel]
    query: type[BaseModel] = NoQuery
    body: type[BaseModel] | None = None
    status: int = 200
    keyed: bool = False  # needs an Idempotency-Key
    versioned: bool = False  # may carry If-Match
    fails: tuple[int, ...] = ()  # besides 401, 403, 422, 429, 503


# ---- tickets ---------------------------------------------------------------------------------------


async def list_tickets(call: Call) -> TicketPage:
    asked: TicketFilter = call.query
    after = (max(0, (asked.updated_since or 0)) - 1, "\uffff") if asked.updated_since else (0, "")
    if asked.cursor is not None:
        after = read_cursor(asked.cursor)
    query = TicketQuery(
        states=(asked.state,) if asked.state else None,
        category=asked.category,
        commune=asked.commune,
        agencies=(asked.agency,) if asked.agency else None,
    )
    found = await call.hub.store.tickets_by_change(query, after=after, limit=asked.limit)
    tickets = [await _shown(call, ticket) for _, ticket in found]
    full = len(found) == asked.limit
    return TicketPage(tickets=tickets, next_cursor=cursor(found[-1][0], found[-1][1].id) if full else None)


async def get_ticket(call: Call) -> TicketOut:
    return await _shown(call, await _ticket(call))


async def create_ticket(call: Call) -> Opened:
    ticket = await intake.take_in(call.hub, call.token, call.body, call.key)
    return Opened(
        code=ticket.code,
        lookup_key=ticket.lookup_key,
        conversation=ticket.conversation,
        due_at=ticket_out(ticket, sensitive=True).due_at,
    )


async def add_note(call: Call) -> TicketOut:
    new: NewNote = call.body
    return await _do(call, acts.Note(text=new.text), None)


async def act(call: Call) -> TicketOut:
    wanted = call.body.act
    text: str | None = None
    match wanted:
        case Classify():
            done: Act = acts.Classify(**wanted.model_dump(exclude={"action"}))
        case Forward():
            done = acts.Forward(agency=wanted.agency, note=wanted.note)
        case Answer():
            done, text = acts.Answer(), wanted.text
        case Close():
            done, text = acts.Close(solution=wanted.text), wanted.text
        case Reopen():
            done = acts.Reopen(reason=wanted.reason)
        case Release():
            done = acts.Release()
        case _:
            raise ApiError(422)
    return await _do(call, done, text)


async def _do(call: Call, done: Act, text: str | None) -> TicketOut:
    ticket, casework = await _ticket(call), call.hub.casework
    if casework is None:
        raise ApiError(503, "no casework here")
    if ticket.sensitive and not call.sensitive:
        raise ApiError(403, "the ticket is sensitive: the token needs the scope sensitive")
    seen = _seen(call, ticket)
    try:
        after = await casework.do(ticket.id, done, call.actor, call.key, text=text, seen=seen)
    except Refused as error:
        raise ApiError(412 if error.code == "moved" else 409, str(error), errors=[error.code]) from None
    return await _shown(call, after)


def _seen(call: Call, ticket: Ticket) -> int | None:
    given = call.request.headers.get("If-Match", "").strip().strip('"')
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise ApiError(412, "If-Match is the ticket's version")
    if int(given) > ticket.version:
        raise ApiError(412, f"the ticket is at version {ticket.version}")
    return int(given)


async def _ticket(call: Call) -> Ticket:
    code = ticket_code(call.request.match_info["code"])
    ticket = await call.hub.store.ticket_by_code(code) if code else None
    if ticket is None:
        raise ApiError(404, "no such ticket")
    return ticket


async def _shown(call: Call, ticket: Ticket) -> TicketOut:
    if call.sensitive:
        await viewed(call.request, ticket)
    main = await call.hub.store.ticket(ticket.merged_into) if ticket.merged_into else None
    return ticket_out(ticket, sensitive=call.sensitive, merged_into=main.code if main else None)


# ---- conversations ---------------------------------------------------------------------------------


async def get_conversation(call: Call) -> ConversationOut:
    found = await call.hub.store.conversation(call.request.match_info["conversation"])
    if found is None:
        raise ApiError(404, "no such conversation")
    return conversation_out(found)


async def list_messages(call: Call) -> MessagePage:
    asked: MessageFilter = call.query
    found = await get_conversation(call)
    messages = await call.hub.store.messages(found.id, after=asked.after, limit=asked.limit)
    tickets = await call.hub.store.find_tickets(TicketQuery(conversation=found.id, sensitive=True), limit=1)
    for ticket in tickets if call.sensitive else ():
        await viewed(call.request, ticket)
    hidden = bool(tickets) and not call.sensitive
    full = len(messages) == asked.limit
    return MessagePage(
        messages=[message_out(one, hidden=hidden) for one in messages],
        next_after=messages[-1].seq if full else None,
    )


# ---- lists -----------------------------------------------------------------------------------------


async def categories(call: Call) -> CategoryList:
    rules = call.hub.rules()
    return CategoryList(
        categories=[
            CategoryOut(
                id=one.id,
                name=one.name,
                group=one.group,
                group_name=rules.groups.get(one.group, one.group),
                hours=one.hours,
                sensitive=one.sensitive,
            )
            for one in rules.categories.values()
        ]
    )


async def agencies(call: Call) -> AgencyList:
    units = call.hub.rules().agencies.all()
    return AgencyList(agencies=[NamedOut(id=one.id, name=one.name) for one in units])


async def communes(call: Call) -> CommuneList:
    known = call.hub.rules().agencies.communes()
    return CommuneList(communes=[NamedOut(id=id_, name=name) for id_, name in known.items()])


async def procedures(call: Call) -> ProcedureList:
    asked: ProcedureFilter = call.query
    hits = call.hub.knowledge().search(asked.q, limit=asked.limit)
    return ProcedureList(
        procedures=[
            ProcedureOut(id=one.id, title=one.title, score=round(float(one.score), 4)) for one in hits
        ]
    )


# ---- cursors ---------------------------------------------------------------------------------------


def cursor(at: int, id_: str) -> str:
    return base64.urlsafe_b64encode(f"{at}:{id_}".encode()).decode()


def read_cursor(text: str) -> tuple[int, str]:
    try:
        at, colon, id_ = base64.urlsafe_b64decode(text.encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        raise ApiError(400, "this cursor is not one of ours") from None
    if not colon or not (at.isascii() and at.isdigit() and len(at) < 17):
        raise ApiError(400, "this cursor is not one of ours")
    return int(at), id_


_TICKET = f"{V1}/tickets/{{code}}"
_CONVERSATION = f"{V1}/conversations/{{conversation}}"

OPERATIONS: Final = (
    Operation(
        "GET", f"{V1}/tickets", "listTickets", "Tickets, oldest change first", "read", list_tickets, TicketPage,
        query=TicketFilter, fails=(400,),
    ),
    Operation(
        "POST", f"{V1}/tickets", "createTicket", "Hand in a report; the same key again gives the same ticket",
        "write", create_ticket, Opened, body=NewTicket, status=201, keyed=True, fails=(400, 404, 409),
    ),
    Operation("GET", _TICKET, "getTicket", "One ticket by its code", "read", get_ticket, TicketOut, fails=(404,)),
    Operation(
        "POST", f"{_TICKET}/notes", "addNote", "An internal note", "write", add_note, TicketOut, body=NewNote,
        keyed=True, fails=(400, 404, 409, 412),
    ),
    Operation(
        "POST", f"{_TICKET}/actions", "act", "Classify, forward, answer, close, reopen or release", "write", act,
        TicketOut, body=Action, keyed=True, versioned=True, fails=(400, 404, 409, 412),
    ),
    Operation(
        "GET", _CONVERSATION, "getConversation", "One conversation, without who the citizen is", "read",
        get_conversation, ConversationOut, fails=(404,),
    ),
    Operation(
        "GET", f"{_CONVERSATION}/messages", "listMessages", "Its messages in order", "read", list_messages,
        MessagePage, query=MessageFilter, fails=(404,),
    ),
    Operation("GET", f"{V1}/categories", "listCategories", "Fields of cases", "read", categories, CategoryList),
    Operation("GET", f"{V1}/agencies", "listAgencies", "Agencies a case may lie with", "read", agencies, AgencyList),
    Operation("GET", f"{V1}/communes", "listCommunes", "Communes and wards", "read", communes, CommuneList),
    Operation(
        "GET", f"{V1}/procedures", "searchProcedures", "Administrative procedures, best match first", "read",
        procedures, ProcedureList, query=ProcedureFilter,
    ),
)  # fmt: skip
