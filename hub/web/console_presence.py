"""Who is there, takes work, and looks at what: pages say it every now and then, through the store, so that other
processes see it too."""

from typing import Final, cast, get_args

from aiohttp import web

from hub.live import LOOKS_MS
from hub.model import Presence, PresenceStatus, Staff
from hub.ports import Store
from hub.web.auth import form_of, guarded, page, see_other, session_of
from hub.web.console_view import names_of
from hub.web.context import Hub, hub_of

WORDS: Final[dict[PresenceStatus, str]] = {
    "available": "Sẵn sàng nhận phiếu",
    "busy": "Bận",
    "away": "Vắng mặt",
}


async def show(request: web.Request) -> web.StreamResponse:
    """The switch, and how much this person has."""
    store, me = hub_of(request).store, session_of(request).staff
    held = sum(who == me.id for who, _ in await store.held_tickets())
    there = await presence_of(store, me)
    return page(request, "console/presence.html", presence=there.status, held=held, statuses=WORDS)


async def say(request: web.Request) -> web.StreamResponse:
    """What the page tells: still there, what is open before the person, or a new status."""
    hub, me, form = hub_of(request), session_of(request).staff, await form_of(request)
    before = await presence_of(hub.store, me)
    status = form.get("status", "")
    now = Presence(
        staff=me.id,
        status=cast("PresenceStatus", status) if status in get_args(PresenceStatus) else before.status,
        seen_at=hub.clock.now(),
        conversation=form.get("conversation") or None,
        typing_at=before.typing_at,
    )
    await hub.store.put_presence(now)
    if now.conversation != before.conversation:
        for place in {before.conversation, now.conversation} - {None}:
            hub.live.looking(place or "")
    if status and "HX-Request" in request.headers:
        return await show(request)
    return see_other("/console") if status else web.Response(status=204)


async def types(hub: Hub, me: Staff, conversation: str) -> None:
    """The person writes a reply there."""
    now = hub.clock.now()
    before = await presence_of(hub.store, me)
    there = before.model_copy(update={"seen_at": now, "conversation": conversation, "typing_at": now})
    await hub.store.put_presence(there)
    hub.live.typing(conversation, "operator", me.id)


async def viewers(request: web.Request) -> web.StreamResponse:
    """Which colleagues have the conversation open."""
    hub, me = hub_of(request), session_of(request).staff
    id_ = request.match_info["conversation"]
    there: list[str | None] = [
        one.staff
        for one in await hub.store.presences(since=hub.clock.now() - LOOKS_MS)
        if one.conversation == id_ and one.staff != me.id
    ]
    known = await hub.store.conversation(id_)
    if known is not None and known.owner == "human" and known.operator in there:
        there.remove(known.operator)  # that they have it is said already
    names = sorted((await names_of(hub.store, there)).values())
    return page(request, "console/viewers.html", names=names, conversation=id_)


async def presence_of(store: Store, me: Staff) -> Presence:
    """What the person said last. Who has said nothing yet takes work if that is what they are here for."""
    for one in await store.presences(since=0):
        if one.staff == me.id:
            return one
    return Presence(staff=me.id, status="available" if me.role == "operator" else "away", seen_at=0)


def routes() -> list[web.RouteDef]:
    return guarded(
        [
            web.get("/console/presence", show),
            web.post("/console/presence", say),
            web.get("/console/conversations/{conversation}/viewers", viewers),
        ]
    )
