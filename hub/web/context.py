"""What every page and route works with: built once by ``hub.wiring``, carried by the aiohttp application."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from handoff.rules import Rules, product
from handoff.storm import Storm
from hub.clock import Clock
from hub.ports import Connector, Store
from hub.settings import Settings

if TYPE_CHECKING:
    from bot.knowledge import KnowledgeBase
    from handoff.casework import Casework
    from handoff.links import Links
    from hub.live import LiveHub
    from hub.metrics import Metrics
    from hub.readiness import Readiness
    from hub.stream import Stream


async def _as_it_is() -> None:
    return None


@dataclass(frozen=True)
class Hub:
    """The running hub, as the web rooms see it."""

    settings: Settings
    clock: Clock
    store: Store
    stream: "Stream"
    live: "LiveHub"
    knowledge: Callable[[], "KnowledgeBase"]  # the newest: it is replaced when entries change
    connectors: dict[str, Connector]
    metrics: "Metrics"
    readiness: "Readiness"
    reload_knowledge: Callable[[], Awaitable[object]] = _as_it_is  # be as new as the store, at once
    rules: "Callable[[], Rules]" = product  # calendars, categories, routing, policies in force
    reload_rules: Callable[[], Awaitable[object]] = _as_it_is
    casework: "Casework | None" = None  # acts on tickets; None where pages are tried alone
    links: "Links | None" = None


HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)


def storms_now(request: web.Request) -> tuple[Storm, ...]:
    """What citizens are told of on every page they begin at."""
    hub = hub_of(request)
    return hub.rules().storms_at(hub.clock.now())


def hub_of(request: web.Request) -> Hub:
    return request.app[HUB]
