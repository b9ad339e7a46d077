"""``/healthz``, ``/readyz``, ``/metrics``."""

from aiohttp import web
from prometheus_client import generate_latest

from hub.web.context import hub_of


async def healthz(request: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    ready, parts = await hub_of(request).readiness.report()
    return web.json_response({"ready": ready, **parts}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    body = generate_latest(hub_of(request).metrics.registry)
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]
