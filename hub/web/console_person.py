"""The person behind a conversation: everything they ever wrote on any channel, joined by hand and parted again."""

from typing import Final

from aiohttp import web

from handoff import desk, persons
from hub.model import Conversation, FoundKind
from hub.web.auth import form_of, guarded, page, plain, session_of
from hub.web.console import commit_act
from hub.web.console_view import CHANNELS, WORDS, citizen_of
from hub.web.context import hub_of
from hub.web.trail import put_down

MOST_FOUND: Final = 5
LONGEST: Final = 100
GONE: Final = "Không tìm thấy hội thoại này."
#: Without the other's name: it must not stay here when they are erased there.
JOINED: Final = "Đã ghi nhận cùng một người với một hội thoại khác (kênh {channel})."
PARTED: Final = "Đã tách khỏi một hội thoại khác (kênh {channel})."


async def show(request: web.Request) -> web.StreamResponse:
    return await _fragment(request, await _conversation(request, request.match_info["conversation"]))


async def find(request: web.Request) -> web.StreamResponse:
    """Conversations to join with, by a number, a name or a ticket's code."""
    store = hub_of(request).store
    here = await _conversation(request, request.match_info["conversation"])
    question = (await form_of(request)).get("q", "").strip()[:LONGEST]
    kinds: tuple[FoundKind, ...] = ("person", "ticket") if question else ()
    hits = [
        hit.conversation
        for kind in kinds
        for hit in await store.search(question, kind=kind, limit=MOST_FOUND)
    ]
    own = {one.id for one in await persons.conversations_of(store, here)}
    found = [one for id_, one in (await store.conversations(hits)).items() if id_ not in own]
    return await _fragment(request, here, found=found, asked=question)


async def join(request: web.Request) -> web.StreamResponse:
    return await _change(request, joined=True)


async def part(request: web.Request) -> web.StreamResponse:
    return await _change(request, joined=False)


async def _change(request: web.Request, *, joined: bool) -> web.StreamResponse:
    hub, me, form = hub_of(request), session_of(request).staff, await form_of(request)
    here = await _conversation(request, request.match_info["conversation"])
    other = await _conversation(request, form.get("other", ""))
    if here.id == other.id or not form.get("key"):
        return plain(400, GONE)
    now = hub.clock.now()
    if joined:
        await persons.join(hub.store, here, other, now=now)
    else:
        await persons.part(hub.store, other, now=now)
    words = (JOINED if joined else PARTED).format(channel=CHANNELS.get(other.channel, other.channel))
    turn = desk.note(here, me, now, form["key"], text=words)
    await commit_act(hub, turn, here)
    await put_down(request, "person.join" if joined else "person.part", here.id, other=other.id)
    return await _fragment(request, await _conversation(request, here.id))


async def _fragment(
    request: web.Request, here: Conversation, *, found: list[Conversation] | None = None, asked: str = ""
) -> web.Response:
    store = hub_of(request).store
    conversations = await persons.conversations_of(store, here)
    return page(
        request,
        "console/person.html",
        here=here,
        conversations=conversations,
        tickets=await persons.tickets_of(store, conversations),
        suggestions=await persons.suggestions(store, here),
        found=found,
        asked=asked,
        citizen_of=citizen_of,
        words=WORDS,
    )


async def _conversation(request: web.Request, id_: str) -> Conversation:
    found = await hub_of(request).store.conversation(id_)
    if found is None:
        raise web.HTTPNotFound(text=GONE)
    return found


def routes() -> list[web.RouteDef]:
    one = "/console/conversations/{conversation}/person"
    return guarded(
        [
            web.get(one, show),
            web.post(f"{one}/find", find),
            web.post(f"{one}/join", join),
            web.post(f"{one}/part", part),
        ]
    )
