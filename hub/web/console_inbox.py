"""The inbox: a page of tickets or conversations as the filter in the address wants them, beside the open one."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from handoff.deadline import due_at
from handoff.mentions import mentions_of
from handoff.rules import Rules
from hub.model import Conversation, Message, Staff, Ticket, TicketState
from hub.ports import Store
from hub.web.auth import guarded, page, session_of
from hub.web.console_filters import (
    MARKS,
    ME,
    PRIORITY_WORDS,
    SOON_MS,
    SORTS,
    TALK_MARKS,
    Filter,
    conversation_query,
    read,
    ticket_query,
)
from hub.web.console_view import CHANNELS, STATES, WORDS, ago, citizen_of, names_of
from hub.web.console_views import ABOVE, CHIEFS, View, views_of
from hub.web.context import Hub, hub_of
from hub.web.pages import fragment

PER_PAGE: Final = 50
#: States in which nobody has taken up the ticket: it waits since it was opened.
UNTAKEN: Final[frozenset[TicketState]] = frozenset({"new", "reopened", "returned"})


@dataclass(frozen=True)
class Row:
    """One line of the list: a ticket, or a conversation without one."""

    conversation: Conversation
    ticket: Ticket | None
    citizen: str
    holder: str | None  # name of the operator who has it
    waits: str
    untaken: bool
    unread: bool
    late: str | None = None  # ``over`` or ``soon``
    last: Message | None = None  # what was said last, where there is no ticket

    @property
    def id(self) -> str:
        return self.ticket.id if self.ticket else self.conversation.id


@dataclass(frozen=True)
class Inbox:
    rows: list[Row]
    filter: Filter
    views: list[View]
    total: int | None  # None: not counted

    @property
    def attention(self) -> int:
        """Tickets on this page somebody should look at now: shown in the page's title."""
        return sum(row.untaken or row.unread for row in self.rows) if self.filter.tab == "open" else 0

    @property
    def view(self) -> View | None:
        return next((view for view in self.views if view.here), None)

    @property
    def above(self) -> list[View]:
        """Those that always stand above the list, and the one that waits for this person alone."""
        return [view for n, view in enumerate(self.views) if n < ABOVE or (view.id == "named" and view.count)]

    @property
    def more(self) -> bool:
        return len(self.rows) == PER_PAGE

    @property
    def first(self) -> int:
        return (self.filter.page - 1) * PER_PAGE + 1


async def inbox_page(request: web.Request) -> web.StreamResponse:
    return page(request, "console/inbox.html", case=None, **await inbox_context(request, ""))


async def queue_fragment(request: web.Request) -> web.StreamResponse:
    """The list and the counts; 204 when they are as the page shows them."""
    context = await inbox_context(request, request.query.get("conversation", ""))
    if context["queue_stamp"] == request.query.get("queue_stamp"):
        return web.Response(status=204)
    return page(request, "console/queue_live.html", **context)


async def inbox_context(request: web.Request, current: str) -> dict[str, Any]:
    """What the templates need to show the list beside the conversation ``current``. Where htmx asks, the list is
    there already and what its filter offers is not made again."""
    hub, me = hub_of(request), session_of(request).staff
    listed = await inbox_of(hub, me, read(request.query))
    queue = fragment("console/queue.html", inbox=listed, words=WORDS, current=current)
    counts = "/".join(str(view.count) for view in listed.views)
    news = await _news(hub, me, listed.views)
    return {
        "news": news,
        "inbox": listed,
        "queue": queue,
        "queue_stamp": hashlib.sha256(f"{queue}{counts}{news}".encode()).hexdigest()[:12],
        "words": WORDS,
        "choices": None if "HX-Request" in request.headers else await _choices(hub, me),
    }


async def _news(hub: Hub, me: Staff, views: list[View]) -> dict[str, int]:
    """What the page may call the person's attention to when one of these grows."""
    count = {view.id: view.count or 0 for view in views}
    query = ticket_query(Filter(who=ME), me, hub.rules(), hub.clock.now())
    mine = await hub.store.find_tickets(query, limit=PER_PAGE)
    talks = await hub.store.conversations([one.conversation for one in mine])
    unread = sum(one.last_seq > one.staff_read_seq for one in talks.values())
    return {"free": count["free"], "mine": count["mine"], "unread": unread, "named": count["named"]}


async def inbox_of(hub: Hub, me: Staff, wanted: Filter) -> Inbox:
    now, rules = hub.clock.now(), hub.rules()
    views = await views_of(hub.store, me, rules, wanted, now)
    if wanted.tab == "talks":
        return Inbox(await _talks(hub.store, me, wanted, now), wanted, views, None)
    query = ticket_query(wanted, me, rules, now)
    skip = (wanted.page - 1) * PER_PAGE
    tickets, total = await asyncio.gather(
        hub.store.find_tickets(query, limit=PER_PAGE, skip=skip), hub.store.count_tickets(query)
    )
    return Inbox(await _tickets(hub.store, tickets, rules, now), wanted, views, total)


async def _tickets(store: Store, tickets: list[Ticket], rules: Rules, now: int) -> list[Row]:
    conversations, names = await asyncio.gather(
        store.conversations([one.conversation for one in tickets]),
        names_of(store, (one.operator for one in tickets)),
    )
    soon = due_at(rules.offices, now, SOON_MS)
    rows = []
    for ticket in tickets:
        conversation = conversations[ticket.conversation]
        untaken = ticket.state in UNTAKEN
        since = now - (ticket.created_at if untaken else conversation.touched_at)
        rows.append(
            Row(
                conversation=conversation,
                ticket=ticket,
                citizen=citizen_of(conversation),
                holder=names.get(ticket.operator or ""),
                waits=f"Chờ {ago(since)}" if untaken else f"{ago(since)} trước",
                untaken=untaken,
                unread=conversation.last_seq > conversation.staff_read_seq,
                late=_late(ticket, now, soon),
            )
        )
    return rows


def _late(ticket: Ticket, now: int, soon: int | None) -> str | None:
    if ticket.due_at is None or ticket.state in ("closed", "spam"):
        return None
    return "over" if ticket.due_at <= now else "soon" if ticket.due_at <= (soon or 0) else None


async def _talks(store: Store, me: Staff, wanted: Filter, now: int) -> list[Row]:
    skip = (wanted.page - 1) * PER_PAGE
    if wanted.mark == "named":
        latest = [one.conversation for one in reversed(await mentions_of(store, me.id))]
        by_id = await store.conversations(latest)
        found = [by_id[id_] for id_ in dict.fromkeys(latest) if id_ in by_id][:PER_PAGE]
    else:
        found = await store.find_conversations(conversation_query(wanted), limit=PER_PAGE, skip=skip)
    names, last = await asyncio.gather(
        names_of(store, (one.operator for one in found)),
        asyncio.gather(*(_last(store, one) for one in found)),
    )
    return [
        Row(
            conversation=conversation,
            ticket=None,
            citizen=citizen_of(conversation),
            holder=names.get(conversation.operator or ""),
            waits=f"{ago(now - (conversation.interacted_at or conversation.created_at))} trước",
            untaken=False,
            unread=conversation.last_seq > conversation.staff_read_seq,
            last=message,
        )
        for conversation, message in zip(found, last, strict=True)
    ]


async def _last(store: Store, conversation: Conversation) -> Message | None:
    return next(iter(await store.recent_messages(conversation.id, limit=1)), None)


async def _choices(hub: Hub, me: Staff) -> dict[str, Any]:
    """What the form of the filter offers."""
    rules = hub.rules()
    colleagues = [one for one in await hub.store.everybody() if one.active and one.role != "officer"]
    fields: dict[str, list[tuple[str, str]]] = {}
    for one in sorted(rules.categories.values(), key=lambda one: one.name):
        fields.setdefault(one.group, []).append((one.id, one.name))
    return {
        "people": [(one.id, one.name) for one in sorted(colleagues, key=_name) if one.id != me.id],
        "states": STATES,
        "channels": CHANNELS,
        "fields": [(group, rules.groups.get(group, group), leaves) for group, leaves in fields.items()],
        "communes": sorted(rules.agencies.communes().items(), key=lambda one: one[1]),
        "agencies": _agencies(rules),
        "priorities": PRIORITY_WORDS,
        "marks": MARKS,
        "talk_marks": TALK_MARKS,
        "sorts": SORTS,
        "shares": me.role in CHIEFS,
    }


def _agencies(rules: Rules) -> Iterable[tuple[str, str]]:
    """Without the units of communes, which the commune finds."""
    return sorted(((unit.id, unit.name) for unit in rules.agencies.listed()), key=lambda one: one[1])


def _name(staff: Staff) -> str:
    return staff.name


def routes() -> list[web.RouteDef]:
    return guarded(
        [
            web.get("/console", inbox_page, allow_head=False),
            web.get("/console/queue", queue_fragment),
        ]
    )
