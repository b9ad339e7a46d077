"""The citizens' start page."""

from aiohttp import web

from hub.web.channel_pages import head_tags
from hub.web.context import hub_of, storms_now
from hub.web.pages import render


async def home(request: web.Request) -> web.StreamResponse:
    meta = head_tags(hub_of(request).connectors)
    return render(request, "home.html", code="", meta=meta, storms=storms_now(request))


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/", home)]
