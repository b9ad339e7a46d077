"""Pages: Jinja2 with autoescape, static files with a content hash, and a content policy without inline code."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.clock import local
from hub.web.navigation import home_of

STATIC = Path(__file__).parent / "static"
HTMX = Path(str(files("js_lib_htmx"))) / "static" / "htmx"

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'; frame-ancestors "
)
FRAME_ANCESTORS: web.AppKey[str] = web.AppKey("frame_ancestors", str)


@cache
def static(name: str) -> str:
    """The address of a static file; it changes when the file does, so browsers may keep it for good."""
    path = HTMX / name.removeprefix("htmx/") if name.startswith("htmx/") else STATIC / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


def clock_time(at_ms: int) -> str:
    return local(at_ms).strftime("%H:%M")


def day_time(at_ms: int) -> str:
    return local(at_ms).strftime("%H:%M %d/%m/%Y")


@cache
def environment() -> Environment:
    env = Environment(
        loader=PackageLoader("hub.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["static"] = static
    env.globals["home_of"] = home_of
    env.filters["clock_time"] = clock_time
    env.filters["day_time"] = day_time
    return env


def fragment(template: str, **context: Any) -> str:
    return environment().get_template(template).render(**context)


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    text = fragment(template, request=request, **context)
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)


@web.middleware
async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        _protect(request, error)
        raise
    _protect(request, response)
    return response


def _protect(request: web.Request, response: web.StreamResponse) -> None:
    if response.prepared:
        return
    embeddable = request.path == "/chat"  # the live chat lives in other sites' frames; nothing else may
    ancestors = request.app[FRAME_ANCESTORS] if embeddable else "'none'"
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_POLICY + ancestors)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")


def static_routes() -> list[web.AbstractRouteDef]:
    async def serve(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        root = HTMX if name.startswith("htmx/") else STATIC
        path = (root / name.removeprefix("htmx/")).resolve()
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            raise web.HTTPNotFound
        kept = "public, max-age=31536000, immutable" if "v" in request.query else "no-cache"
        return web.FileResponse(path, headers={"Cache-Control": kept})

    return [web.get("/static/{name:.+}", serve)]
