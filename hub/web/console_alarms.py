"""The band of alarms on every page of the console: what the people who run the hub should know now."""

import hashlib

from aiohttp import web

from hub.tools import ALARMS, read_alarms
from hub.web.auth import guarded, page
from hub.web.context import hub_of


async def alarms_fragment(request: web.Request) -> web.StreamResponse:
    """The band; 204 when it is as the page shows it, so that nothing is read out twice."""
    alarms = read_alarms(await hub_of(request).store.state(ALARMS))
    texts = [text for _, text in sorted(alarms.items())]
    stamp = hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:12]
    if request.query.get("stamp") == stamp:
        return web.Response(status=204)
    return page(request, "console/alarms.html", texts=texts, stamp=stamp)


def routes() -> list[web.RouteDef]:
    return guarded([web.get("/console/alarms", alarms_fragment)])
