"""The citizens' start page."""

from aiohttp import web

from hub.web.channel_pages import head_tags
from hub.web.context import hub_of, storms_now
from hub.web.pages import render


async def home(request: web.Request) -> web.StreamResponse:
    meta = head_tags(hub_of(request).connectors)
    return render(request, "home.html", code="", meta=meta, storms=storms_now(request))


async def banners(request: web.Request) -> web.StreamResponse:
    """What pages that are already open should show now."""
    texts = [one.banner for one in storms_now(request)]
    return web.json_response(texts, headers={"Cache-Control": "no-store"})


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/", home), web.get("/banners", banners)]
