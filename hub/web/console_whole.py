"""Everything a mail said, one click away from what of it is shown in the conversation.

Its HTML was sanitised when it was read. It is shown on a page of its own all the same, that may load nothing, run
nothing, send nothing and stand in no frame.
"""

import html as entities
from typing import Final

from aiohttp import web

from hub.model import Message
from hub.web.auth import guarded, page
from hub.web.context import hub_of

NOT_THERE: Final = "Không tìm thấy thư này."
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE: Final = """<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ max-width: 60rem; margin: 1rem auto; padding: 0 1rem; font: 16px/1.5 sans-serif; overflow-wrap: anywhere }}
blockquote {{ margin: .5rem 0; padding-left: 1rem; border-left: 3px solid #999 }} td, th {{ padding: .2rem .5rem }}</style></head>
<body>
{body}
</body></html>
"""


async def whole(request: web.Request) -> web.StreamResponse:
    return page(request, "console/whole.html", m=await _message(request))


async def formatted(request: web.Request) -> web.StreamResponse:
    message = await _message(request)
    body = message.data.get("html")
    if not isinstance(body, str):
        raise web.HTTPNotFound(text=NOT_THERE)
    title = entities.escape(str(message.data.get("subject") or "Thư"))
    return web.Response(
        text=PAGE.format(title=title, body=body), content_type="text/html", charset="utf-8", headers=HEADERS
    )


async def _message(request: web.Request) -> Message:
    message = await hub_of(request).store.message(request.match_info["message"])
    if message is None or message.conversation != request.match_info["conversation"]:
        raise web.HTTPNotFound(text=NOT_THERE)
    return message


def routes() -> list[web.RouteDef]:
    one = "/console/conversations/{conversation}/whole/{message}"
    return guarded([web.get(one, whole), web.get(f"{one}/html", formatted)])
