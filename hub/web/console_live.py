"""Live signals for the open pages of the console, as server-sent events. They carry no content of conversations."""

import asyncio
import json
from weakref import WeakKeyDictionary, WeakSet

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from hub.live import Looking, Subscription, Typing
from hub.model import Staff
from hub.web.auth import session_of
from hub.web.console_view import names_of
from hub.web.context import Hub, hub_of

_streams: WeakKeyDictionary[web.Application, WeakSet[EventSourceResponse]] = WeakKeyDictionary()


async def events(request: web.Request) -> web.StreamResponse:
    """Signals for one page: ``queue`` (something changed somewhere), ``conversation`` (the open one did),
    ``typing``, ``here`` (a colleague has opened or left it). The first event, ``ready``, says that nothing after it is missed."""
    hub, watched = hub_of(request), request.query.get("conversation")
    async with sse_response(request) as stream:
        _streams.setdefault(request.app, WeakSet()).add(stream)
        with hub.live.subscribe() as signals:
            forwarding = asyncio.create_task(
                _forward(hub, signals, stream, watched, session_of(request).staff)
            )
            forwarding.add_done_callback(lambda _: stream.stop_streaming())
            try:
                await stream.wait()  # ends when the browser has gone
            finally:
                forwarding.cancel()
                await asyncio.gather(forwarding, return_exceptions=True)
    return stream


async def _forward(
    hub: Hub, signals: Subscription, stream: EventSourceResponse, watched: str | None, me: Staff
) -> None:
    await stream.send("{}", event="ready")
    async for signal in signals:
        if isinstance(signal, Typing):
            if signal.conversation == watched and (who := await _who_types(hub, signal, me)):
                await stream.send(json.dumps(who), event="typing")
            continue
        if isinstance(signal, Looking):
            if signal.conversation == watched:
                await stream.send("{}", event="here")
            continue
        await stream.send("{}", event="queue")
        if signal == watched:
            await stream.send("{}", event="conversation")


async def _who_types(hub: Hub, signal: Typing, me: Staff) -> dict[str, str] | None:
    if signal.author == "citizen":
        return {"text": "Người dân đang nhập…"}
    if signal.who is None or signal.who == me.id:
        return None
    names = await names_of(hub.store, [signal.who])
    return {"text": f"{names.get(signal.who, '')} đang soạn trả lời…"}


async def close_all(app: web.Application) -> None:
    """Belongs into the application's ``on_shutdown``: open streams would hold it up."""
    for stream in list(_streams.get(app, ())):
        stream.stop_streaming()
