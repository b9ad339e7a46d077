"""``POST /webhooks/{channel}``: verified and stored, then acknowledged; everything else comes after."""

from aiohttp import web

from hub.errors import AlienPayload, Forged, NotFound, StoreUnavailable
from hub.web.context import hub_of


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    try:
        await hub_of(request).stream.receive(request.match_info["channel"], body, request.headers)
    except NotFound as error:
        raise web.HTTPNotFound(text=str(error)) from None
    except Forged:
        raise web.HTTPUnauthorized(text="signature missing or wrong") from None
    except AlienPayload as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    except StoreUnavailable:
        raise web.HTTPServiceUnavailable(text="try again", headers={"Retry-After": "5"}) from None
    return web.Response(text="ok")


def routes() -> list[web.AbstractRouteDef]:
    return [web.post("/webhooks/{channel:[a-z]+}", receive)]
