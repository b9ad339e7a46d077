"""``POST /webhooks/{channel}``: verified and stored, then acknowledged; everything else comes after. A GET is a
platform that tries the address."""

from aiohttp import web

from hub.errors import AlienPayload, Forged, NotFound, Probe, StoreUnavailable
from hub.ports import HasChallenge
from hub.web.context import hub_of


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    try:
        await hub_of(request).stream.receive(request.match_info["channel"], body, request.headers)
    except NotFound as error:
        raise web.HTTPNotFound(text=str(error)) from None
    except Forged:
        raise web.HTTPUnauthorized(text="signature missing or wrong") from None
    except Probe:
        return web.Response(text="ok")
    except AlienPayload as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    except StoreUnavailable:
        raise web.HTTPServiceUnavailable(text="try again", headers={"Retry-After": "5"}) from None
    return web.Response(text="ok")


async def challenge(request: web.Request) -> web.Response:
    connector: object = hub_of(request).connectors.get(request.match_info["channel"])
    if not isinstance(connector, HasChallenge):
        raise web.HTTPNotFound
    answer = connector.challenge(request.query)
    if answer is None:
        raise web.HTTPForbidden
    return web.Response(text=answer)


def routes() -> list[web.AbstractRouteDef]:
    path = "/webhooks/{channel:[a-z]+}"
    return [web.post(path, receive), web.get(path, challenge, allow_head=False)]
