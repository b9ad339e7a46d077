"""Pages at addresses that a channel's platform prescribes: call-backs, proofs that the domain is ours."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from hub.ports import Connector, HasPages, Page
from hub.web.pages import render


def routes(connectors: Mapping[str, Connector]) -> list[web.AbstractRouteDef]:
    offered = [one for one in connectors.values() if isinstance(one, HasPages)]
    return [web.get(path, _shown(answer)) for one in offered for path, answer in one.pages().items()]


def head_tags(connectors: Mapping[str, Connector]) -> dict[str, str]:
    """Meta tags that channels want in the head of ``/``."""
    tags: dict[str, str] = {}
    for one in connectors.values():
        if isinstance(one, HasPages):
            tags |= one.head_tags()
    return tags


def _shown(
    answer: Callable[[Mapping[str, str]], Awaitable[Page]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def show(request: web.Request) -> web.StreamResponse:
        page = await answer(request.query)
        response = render(request, "channel_page.html", status=page.status, page=page)
        response.headers["Cache-Control"] = "no-store"
        return response

    return show
