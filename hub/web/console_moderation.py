"""Hiding what somebody wrote in public, on channels where that can be done; who did it is in the audit log."""

from typing import Final

from aiohttp import web

from hub.errors import SendError
from hub.model import Message
from hub.ports import Moderates
from hub.web import trail
from hub.web.auth import form_of, guarded, page
from hub.web.context import hub_of

NOT_THERE: Final = "Không tìm thấy bình luận này."
CANNOT: Final = "Kênh này đang tắt hoặc không ẩn được bình luận."
REFUSED: Final = "Nền tảng chưa nhận yêu cầu. Vui lòng thử lại, hoặc ẩn trên trang quản lý của kênh."


async def moderate(request: web.Request) -> web.StreamResponse:
    """Hide a comment from the public, or show it again."""
    hub = hub_of(request)
    channel, message = await _comment(request)
    hidden = (await form_of(request)).get("hidden") == "1"
    problem = await _carry_out(hub.connectors.get(channel), message, hidden)
    if problem is None:
        now = hub.clock.now()
        message = (
            await hub.store.amend_message(message.id, now=now, data={"hidden": hidden or None}) or message
        )
        await trail.put_down(request, "comment.hidden" if hidden else "comment.shown", message.id)
        hub.live.poke(message.conversation)
    return page(request, "console/moderation.html", m=message, problem=problem)


async def _carry_out(connector: object, message: Message, hidden: bool) -> str | None:
    """Why it was not done; None: it is done."""
    if not isinstance(connector, Moderates) or message.external_id is None:
        return CANNOT
    try:
        await connector.hide(message.external_id, hidden=hidden)
    except SendError:
        return REFUSED
    return None


async def _comment(request: web.Request) -> tuple[str, Message]:
    """Its channel, and the comment."""
    store = hub_of(request).store
    message = await store.message(request.match_info["message"])
    conversation = await store.conversation(request.match_info["conversation"])
    if (
        message is None
        or conversation is None
        or message.conversation != conversation.id
        or message.kind != "comment"
    ):
        raise web.HTTPNotFound(text=NOT_THERE)
    return conversation.channel, message


def routes() -> list[web.RouteDef]:
    return guarded([web.post("/console/conversations/{conversation}/comments/{message}/hide", moderate)])
